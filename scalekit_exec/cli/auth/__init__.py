"""`scalekit-auth`: everything around a launch. One file per command, loaded when it is asked for.

Statuses: 0, 1 for a failure, 2 for wrong usage, 4 where a person must authorize first; a command
that runs another gives that one's.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from keyword import iskeyword
from signal import SIGINT

import click

from scalekit_exec.cli.auth.session import (
    AUTHORIZATION_REQUIRED,
    FAILURE,
    PROGRAM,
    USAGE,
    Commands,
)
from scalekit_exec.cli.commands import COMMANDS
from scalekit_exec.cli.terminal import Speaker, unwritten
from scalekit_exec.cli.words import wants_json
from scalekit_exec.errors import (
    CommandError,
    ScalekitExecError,
    UsageError,
    internal,
    shown,
)
from scalekit_exec.launch import die_by_signal, limit_core

__all__ = ["main"]

# What a write to a full disk, past a limit or to a lost device is answered with.
_FULL = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EIO)


class _Commands(Commands):
    """The commands by name; a command's module is imported when it is used or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return [*COMMANDS]  # the module `list` may hide the builtin

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002 - click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module = f"{__name__}.{cmd_name}{'_' if iskeyword(cmd_name) else ''}"
        command: click.Command = import_module(module).command
        return command


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(
    package_name="scalekit-exec", prog_name=PROGRAM, message="%(prog)s %(version)s"
)
def _scalekit_auth() -> None:
    """Manage what scalekit-exec launches with."""


def main(argv: list[str]) -> int:
    """Run `scalekit-auth` with these words; return its status, having said what went wrong."""
    limit_core()
    speaker = Speaker(PROGRAM, as_json=wants_json(argv, os.environ))
    status = _run(argv, speaker)
    speaker.finish()
    return status


def _run(argv: list[str], speaker: Speaker) -> int:
    try:
        status = _scalekit_auth.main(argv, prog_name=PROGRAM, standalone_mode=False, obj=speaker)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx is not None else _path(argv)
        text = shown(error.format_message()).rstrip(".")
        speaker.error(UsageError("usage", text[:1].lower() + text[1:], f"{path} --help"))
        return USAGE
    except click.Abort as abort:
        if isinstance(abort.__cause__, KeyboardInterrupt):
            die_by_signal(SIGINT)  # a shell's loop is to stop too
        speaker.error(ScalekitExecError("interrupted", "interrupted", "nothing was changed"))
        return FAILURE
    except KeyboardInterrupt:
        die_by_signal(SIGINT)
    except ScalekitExecError as error:
        speaker.error(error)
        return _status(error)
    except BrokenPipeError:
        sys.stderr.close()  # or the interpreter's last flush would complain once more
        return FAILURE
    except Exception as error:  # noqa: BLE001 - a traceback could show what no log may have
        speaker.error(_fault(error))
        return FAILURE
    return status if isinstance(status, int) else 0


def _path(argv: list[str]) -> str:
    """Return the command that was called, where the parser's error does not say."""
    return f"{PROGRAM} {argv[0]}" if argv and argv[0] in COMMANDS else PROGRAM


def _fault(error: Exception) -> ScalekitExecError:
    """Tell a stdout that does not take click's own answers, such as --help, from our mistakes."""
    if not isinstance(error, OSError) or error.filename is not None or error.errno not in _FULL:
        return internal(error)
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 1)  # or the interpreter's last flush would fail once more, and say so
    os.close(sink)
    return unwritten(error)


def _status(error: ScalekitExecError) -> int:
    if isinstance(error, UsageError):
        return USAGE
    if isinstance(error, CommandError):
        return error.exit_status
    codes = {failure.code for failure in error.failures} or {error.code}
    return AUTHORIZATION_REQUIRED if codes == {"authorization-required"} else FAILURE
