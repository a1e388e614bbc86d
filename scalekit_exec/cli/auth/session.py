"""What every command of `scalekit-auth` shares: the common options, and the way to a vault."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from functools import wraps
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from scalekit_exec import config, connect, credentials
from scalekit_exec.broker import client as broker
from scalekit_exec.cli import terminal, words
from scalekit_exec.clock import Deadline
from scalekit_exec.errors import (
    ConfigurationError,
    NoCredentialsError,
    UsageError,
    nearest,
    shown,
    typed,
)
from scalekit_exec.files import working_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scalekit_exec.cli.terminal import Speaker
    from scalekit_exec.model import ClientCredentials, ScalekitSettings, ServiceMap, Wanted
    from scalekit_exec.vault import Vault

__all__ = [
    "AUTHORIZATION_REQUIRED",
    "FAILURE",
    "PROGRAM",
    "USAGE",
    "Commands",
    "Result",
    "Session",
    "common",
    "is_typed",
]

PROGRAM = "scalekit-auth"
FAILURE = 1
USAGE = 2
AUTHORIZATION_REQUIRED = 4
WINDOWS = sys.platform == "win32"


class Commands(click.Group):
    """Commands by name; a slip is answered with what was probably meant."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse a line without a command, and an option that belongs behind it."""
        if ctx.resilient_parsing:
            return super().parse_args(ctx, args)
        path, names = ctx.command_path, self.list_commands(ctx)
        if not args:
            hint = f"{path} COMMAND, which is one of {', '.join(names)}; {path} --help"
            raise UsageError("usage", "no command is named", hint)
        first = args[0]
        command = next((word for word in args if word in names), None)
        own = {name for option in self.get_params(ctx) for name in option.opts}
        if first.startswith("-") and command and first not in own:
            what = f"{shown(first, 60)} stands before the command"
            moved = args[: args.index(command)] + args[args.index(command) + 1 :]
            line = " ".join(map(typed, [command, *moved]))
            raise UsageError("usage", what, f"options come after it: {path} {line}")
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is named; UsageError `usage` where there is none of that name."""
        name, path, names = args[0], ctx.command_path, self.list_commands(ctx)
        if name not in names and not ctx.resilient_parsing and not name.startswith("-"):
            near = nearest(name, names)
            guess = f"; did you mean {near}?" if near else ""
            what = f'there is no command "{shown(name, 60)}"{guess}'
            raise UsageError("usage", what, f"{', '.join(names)}; {path} --help")
        return super().resolve_command(ctx, args)


@dataclass(frozen=True, slots=True)
class Result:
    """What a command found out: `rows` for programs under its `noun`, `lines` for people."""

    noun: str
    rows: Sequence[Mapping[str, object]]
    lines: Sequence[str]
    status: int = 0


@dataclass(frozen=True, slots=True)
class Session:
    """One call of a command: its common options, and the environment that it was made in."""

    speaker: Speaker
    environ: Mapping[str, str]
    config: str | None = None
    env_file: str | None = None
    environment: str | None = None
    identifier: str | None = None
    timeout: float = 30.0

    @property
    def as_json(self) -> bool:
        """Tell whether the answer is for a program."""
        return self.speaker.as_json

    def folder(self) -> str:
        """Return the working folder; UsageError `usage` where it is gone."""
        return working_folder()

    def service_map(self) -> ServiceMap:
        """Load the map as a launch would, and say its notes."""
        try:
            cwd = working_folder(self.config)
            found = config.load(self.config, self.environ, cwd, _named())
        except ConfigurationError as error:
            raise self._served(error) from None
        for note in found.notes:
            self.speaker.note(note)
        for path in found.files:
            self.speaker.verbose(f"read {shown(path)}")
        return found

    def select(
        self, service_map: ServiceMap, named: Sequence[str], *, sets_variables: bool = False
    ) -> tuple[Wanted, ...]:
        """Return what the words name; all services of the map where there are none."""
        return config.select(
            service_map,
            tuple(named) or tuple(service_map.services),
            identifier=self.identifier,
            windows=WINDOWS,
            sets_variables=sets_variables,
        )

    def request(self, service_map: ServiceMap) -> credentials.Request:
        """Return the question for credentials that this call's options ask."""
        return credentials.Request(self.environ, service_map, self.env_file, self.environment)

    def settings(self, service_map: ServiceMap) -> ScalekitSettings | None:
        """Return the user's settings that hold for this call."""
        return credentials.settings_for(self.request(service_map))

    def client(self, service_map: ServiceMap) -> ClientCredentials:
        """Find the client credentials."""
        try:
            return credentials.find(self.request(service_map), self.speaker.note)
        except NoCredentialsError as error:
            raise self._served(error) from None

    def _served(self, error: ConfigurationError) -> ConfigurationError:
        """Return the error with what works inside a launch that serves, where it is about that."""
        lacking = error.code == "config-missing" or isinstance(error, NoCredentialsError)
        if not lacking or broker.find(self.environ) is None:
            return error
        name = next(iter(_named()), "SERVICE")
        word = config.parse_word(name).named if config.is_word(name) else "SERVICE"
        hint = (
            "the launch around this one serves its tokens without that: "
            f"scalekit-exec {typed(word)} -- COMMAND [ARG...], or get_token({json.dumps(word)}) "
            f"in Python\nall that {PROGRAM} does belongs outside of that launch"
        )
        return type(error)(error.code, error.message, hint)

    def vault(
        self, service_map: ServiceMap, client: ClientCredentials, deadline: Deadline
    ) -> Vault:
        """Open a vault on Scalekit; close it after use."""
        settings = self.settings(service_map)
        transport = connect.choose_transport(self.environ, settings)
        line = connect.Line(self.environ, deadline, self.speaker.verbose, settings, transport)
        return connect.scalekit(client, line)

    def deadline(self) -> Deadline:
        """Return the deadline for one resolution; it begins now."""
        return Deadline(self.timeout)

    def again(self) -> str:
        """Return the options that a hinted command needs to mean the same."""
        options = {
            "--config": self.config,
            "--env-file": self.env_file,
            "--environment": self.environment,
            "--identifier": self.identifier,
        }
        return terminal.again(options)

    def answer(self, result: Result) -> int:
        """Print a result as it was asked for; return its status."""
        if self.as_json:
            terminal.answer_json({result.noun: list(result.rows)})
        else:
            for line in result.lines:
                terminal.answer(line)
        return result.status


def _named() -> tuple[str, ...]:
    """Return the SERVICE words of the command that runs."""
    context = click.get_current_context(silent=True)
    given = context.params if context is not None else {}
    words = given.get("services") or (given.get("service"),)
    return tuple(word for word in words if word)


def is_typed(ctx: click.Context, option: click.Parameter) -> bool:
    """Tell an option of the command line from one that its variable stands for."""
    return ctx.get_parameter_source(option.name or "") is ParameterSource.COMMANDLINE


def _seconds(ctx: click.Context, option: click.Parameter, value: str | None) -> float:
    given = {} if value is None else {"--timeout": value}
    read = words.seconds(given, "--timeout", above_zero=True, typed=is_typed(ctx, option))
    return read or 30.0


_OPTIONS = (
    click.option("-c", "--config", metavar="PATH", envvar="SCALEKIT_EXEC_CONFIG", help="The map."),
    click.option("--env-file", metavar="PATH", help="Scalekit's credentials."),
    click.option("--environment", metavar="NAME", help="One of your [environments.NAME]."),
    click.option(
        "--identifier",
        metavar="ID",
        envvar="SCALEKIT_EXEC_IDENTIFIER",
        help="For services without @.",
    ),
    click.option(
        "--timeout",
        metavar="SECONDS",
        envvar="SCALEKIT_EXEC_TIMEOUT",
        callback=_seconds,
        help="For all requests together (30).",
    ),
    click.option("--json", "as_json", is_flag=True, help="Answer and fail as JSON."),
    click.option("-q", "--quiet", is_flag=True, help="Errors only."),
    click.option("-v", "--verbose", is_flag=True, help="Say what happens, never a value."),
)


def _given(value: str | None) -> str | None:
    return value or None


def common(function: Callable[..., int]) -> Callable[..., int]:
    """Give a command the common options, and a Session as its first argument."""

    @wraps(function)
    def called(
        *,
        config: str | None,
        env_file: str | None,
        environment: str | None,
        identifier: str | None,
        timeout: float,
        as_json: bool,
        quiet: bool,
        verbose: bool,
        **rest: Any,  # noqa: ANN401 - a command's own options
    ) -> int:
        environ = dict(os.environ)
        words.check_sources(env_file, environment)
        if env_file is None and environment is None:
            # The command line's word for a source goes before the environment's other one.
            env_file = _given(environ.get("SCALEKIT_EXEC_ENV_FILE"))
            environment = _given(environ.get("SCALEKIT_EXEC_ENVIRONMENT"))
        speaker: Speaker = click.get_current_context().find_root().obj
        speaker.as_json = as_json or words.is_on("SCALEKIT_EXEC_JSON", environ)
        speaker.level = 1 if verbose else -1 if quiet else 0
        session = Session(
            speaker, environ, _given(config), env_file, environment, _given(identifier), timeout
        )
        return function(session, **rest)

    for option in reversed(_OPTIONS):
        called = option(called)
    return called
