"""`scalekit-auth`: everything around a launch. One file per command, loaded when it is asked for.

Statuses: 0, 1 for a failure, 2 for wrong usage; a command that runs another gives that one's.
"""

from __future__ import annotations

import sys
from importlib import import_module

import click

from scalekit_exec.errors import CommandError, ScalekitExecError, UsageError, shown

__all__ = ["main"]

FAILURE = 1
USAGE = 2

# Each is a module of this package with a click command named `command`.
_COMMANDS = ("sandbox",)


class _Commands(click.Group):
    """The commands by name; a command's module is imported when it is used or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in _COMMANDS:
            return None
        command: click.Command = import_module(f"{__name__}.{cmd_name}").command
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["--help"], "max_content_width": 100},
)
@click.version_option(package_name="scalekit-exec", prog_name="scalekit-auth")
def _scalekit_auth() -> None:
    """Manage what scalekit-exec launches with."""


def _complain(code: str, message: str, hint: str) -> None:
    click.echo(f"scalekit-auth: error[{code}]: {message}", err=True)
    if hint:
        click.echo(f"  hint: {hint}", err=True)


def main(argv: list[str]) -> int:
    """Run `scalekit-auth` with these words; return its status, having said what went wrong."""
    try:
        status = _scalekit_auth.main(argv, prog_name="scalekit-auth", standalone_mode=False)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else "scalekit-auth"
        text = shown(error.format_message()).rstrip(".")
        _complain("usage", text[:1].lower() + text[1:], f"{path} --help")
        return USAGE
    except click.Abort:
        _complain("interrupted", "interrupted", "")
        return FAILURE
    except ScalekitExecError as error:
        _complain(error.code, error.message, error.hint)
        if isinstance(error, UsageError):
            return USAGE
        return error.exit_status if isinstance(error, CommandError) else FAILURE
    except BrokenPipeError:
        sys.stderr.close()  # or the interpreter's last flush would complain once more
        return FAILURE
    return status if isinstance(status, int) else 0
