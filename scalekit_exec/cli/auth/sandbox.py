"""`scalekit-auth sandbox`: run the emulator for a command, or for whoever reads its address."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shlex
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from typing import TYPE_CHECKING

import click

from scalekit_exec.cli.auth import handover
from scalekit_exec.cli.auth.session import common
from scalekit_exec.environment import keep_from_proxies
from scalekit_exec.errors import CommandError, ConfigurationError, UsageError, reason, shown, typed
from scalekit_exec.files import displayed
from scalekit_exec.launch import refusal
from scalekit_exec.sandbox import Sandbox, World, load_scenario, start
from scalekit_exec.transport import quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from scalekit_exec.cli.auth.session import Session

__all__ = ["command"]

_MINE = "scalekit_exec.sandbox.command"
# With these the command would find other credentials, or an environment that is not the sandbox.
_OTHERS = ("SCALEKIT_ENVIRONMENT_URL", "SCALEKIT_EXEC_ENV_FILE", "SCALEKIT_EXEC_ENVIRONMENT")


class _Port(click.IntRange):
    name = "port"


class _Seconds(click.FloatRange):
    name = "number of seconds"


class _WithCommand(click.Command):
    """A command whose words after the first `--` belong to another program, untouched."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if "--" in args:
            at = args.index("--")
            ctx.meta[_MINE] = args[at + 1 :]
            args = args[:at]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        return [*super().collect_usage_pieces(ctx), "[-- COMMAND [ARG...]]"]


@click.command(cls=_WithCommand)
@click.option("--scenario", metavar="FILE", help="Accounts, states and faults, in TOML.")
@click.option(
    "--port", type=_Port(0, 65535), default=0, metavar="PORT", help="Default: a free one."
)
@click.option("--ca-file", metavar="PATH", help="Write the certificate to trust here.")
@click.option(
    "--lifetime",
    type=_Seconds(min=0, min_open=True),
    default=3600.0,
    show_default=True,
    metavar="SECONDS",
    help="Without a command: end after this time.",
)
@common
def command(
    session: Session, *, scenario: str | None, port: int, ca_file: str | None, lifetime: float
) -> int:
    """Run an emulator of Scalekit on this machine.

    With a command: run it with SCALEKIT_ENV_URL, SCALEKIT_CLIENT_ID, SCALEKIT_CLIENT_SECRET and
    SCALEKIT_CA_BUNDLE of the sandbox, and end with it. Without: print those four, and serve until a
    signal comes, until standard input closes if it is a pipe, or until the lifetime is over.

    For a shell with those four, type scalekit-auth sandbox -- sh; a shell that reads them by eval
    would wait for the end, and find nobody there.

    No map is read, and no credentials of yours.
    """
    words: list[str] | None = click.get_current_context().meta.get(_MINE)
    if words == []:
        raise UsageError("usage", "there is no command after --", "scalekit-auth sandbox -- env")
    program = None if words is None else _find(words[0])
    world = load_scenario(scenario) if scenario is not None else World(is_open=True)
    with _serving(world, port) as sandbox, _certificate(sandbox.ca_pem, ca_file) as ca_path:
        what = "an emulator, no real account is involved"
        session.speaker.announce(f"sandbox at {sandbox.url}: {what}")
        session.speaker.verbose(f"the certificate to trust is in {displayed(ca_path)}")
        variables = {
            "SCALEKIT_ENV_URL": sandbox.url,
            "SCALEKIT_CLIENT_ID": sandbox.client_id,
            "SCALEKIT_CLIENT_SECRET": sandbox.client_secret.reveal(),
            "SCALEKIT_CA_BUNDLE": ca_path,
        }
        if words is not None and program is not None:
            return _run(program, words, variables)
        over = _end_in_sight()
        if not session.as_json:
            # eval "$(scalekit-auth sandbox)" would wait for the end, and then find nobody there.
            serving = f"serving for {lifetime:g} s, or until it is ended"
            session.speaker.note(f"{serving}; for a shell with it: scalekit-auth sandbox -- sh")
        _tell(variables, as_json=session.as_json)
        over.wait(lifetime)
    return 0


@contextlib.contextmanager
def _serving(world: World, port: int) -> Iterator[Sandbox]:
    try:
        sandbox = start(world, port=port)
    except OSError as error:
        raise ConfigurationError(
            "config-invalid",
            f"port {port} cannot be had: {os.strerror(error.errno or errno.EIO).lower()}",
            "leave --port away for a free one",
        ) from None
    try:
        yield sandbox
    finally:
        sandbox.close()


@contextlib.contextmanager
def _certificate(pem: str, path: str | None) -> Iterator[str]:
    """Write the certificate for others to read; yield its absolute path. It is no secret."""
    with contextlib.ExitStack() as stack:
        if path is None:
            try:
                made = tempfile.TemporaryDirectory(prefix="scalekit-sandbox-")
            except OSError as error:
                what = f"no temporary folder can be made: {reason(error)}"
                hint = "name where to write the certificate with --ca-file, or set TMPDIR"
                raise ConfigurationError("config-invalid", what, hint) from None
            path = os.path.join(stack.enter_context(made), "ca.pem")
        try:
            with open(path, "w", encoding="ascii") as file:
                file.write(pem)
        except OSError as error:
            raise ConfigurationError(
                "config-invalid",
                f"{displayed(path)} cannot be written: {reason(error)}",
                "name another path with --ca-file",
            ) from None
        yield os.path.abspath(path)


def _tell(variables: Mapping[str, str], *, as_json: bool) -> None:
    if as_json:
        text = json.dumps({"version": 1, **variables})
    else:
        text = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())
    handover.hand_out(text + "\n")


def _handle(names: tuple[str, ...], act: Callable[[int], object]) -> None:
    """Act on these signals, where the system has them and the caller did not ignore them."""
    for name in names:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda received, _: act(received))


def _end_in_sight() -> threading.Event:
    """Return an event that SIGINT, SIGTERM and the closing of a pipe on standard input set."""
    over = threading.Event()
    _handle(("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"), lambda _: over.set())

    def watch() -> None:
        with contextlib.suppress(OSError):
            while os.read(0, 4096):
                pass
        over.set()

    with contextlib.suppress(OSError):  # standard input may be closed
        mode = os.fstat(0).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
            threading.Thread(target=watch, daemon=True).start()
    return over


def _find(word: str) -> str:
    found = shutil.which(word)
    if found is not None:
        return found
    if os.path.exists(word) and os.path.dirname(word):
        what = f"{shown(word)} is not executable"
        raise CommandError("not-executable", what, f"chmod +x {typed(word)}")
    raise CommandError("not-found", f"{shown(word)} is not found", "check the name and PATH")


def _refused(
    program: str, words: list[str], environ: Mapping[str, str], error: OSError
) -> CommandError:
    """Say why the system does not run a file that was found and may be executed."""
    if error.errno == errno.ENOEXEC:
        what = f"{shown(words[0])} is no program, and no script with #! in its first line"
        return CommandError("not-executable", what, f"run it by a shell: sh {typed(program)}")
    argv = [os.fsencode(word) for word in words]
    held = {os.fsencode(name): os.fsencode(value) for name, value in environ.items()}
    return refusal.by_system(words[0], program, error, argv, held)


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return the command's environment: the sandbox's credentials, and no others beside them."""
    given = quiet.as_given(os.environ)
    environment = {name: value for name, value in given.items() if name not in _OTHERS}
    environment.update(variables)
    if any(name.lower().endswith("_proxy") and value for name, value in environment.items()):
        keep_from_proxies(environment, windows=sys.platform == "win32")
    return environment


def _run(program: str, words: list[str], variables: Mapping[str, str]) -> int:
    """Run the command to its end; return its status, 128+N where signal N ended it.

    Ctrl-C at a terminal reaches the command by itself, so it is not ours to act on; TERM and HUP
    are passed on.
    """
    early: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    def pass_on(number: int) -> None:
        for child in started:
            child.send_signal(number)
        if not started:
            early.append(number)

    _handle(("SIGINT", "SIGQUIT"), lambda _: None)
    _handle(("SIGTERM", "SIGHUP"), pass_on)
    environ = _environment(variables)
    try:
        child = subprocess.Popen(words, executable=program, env=environ)
    except OSError as error:
        raise _refused(program, words, environ, error) from None
    started.append(child)
    for number in early:
        child.send_signal(number)
    status = child.wait()
    return status if status >= 0 else 128 - status
