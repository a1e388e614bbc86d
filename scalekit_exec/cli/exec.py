"""`scalekit-exec`: the launcher's words become a launch, and its errors become speech."""

from __future__ import annotations

import sys

from scalekit_exec.cli import terminal, words
from scalekit_exec.cli.sources import Sources
from scalekit_exec.errors import OWN_FAILURE, ScalekitExecError, UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scalekit_exec.broker.inside import Taken
    from scalekit_exec.broker.server import Broker
    from scalekit_exec.cli.terminal import Speaker
    from scalekit_exec.cli.words import Words
    from scalekit_exec.clock import Deadline
    from scalekit_exec.model import Wanted
    from scalekit_exec.resolver import Outcome, Rules
    from scalekit_exec.run import Launch, Ready
    from scalekit_exec.vault import Vault

__all__ = ["main"]

PROGRAM = "scalekit-exec"
WINDOWS = sys.platform == "win32"
USAGE = "scalekit-exec SERVICE... -- COMMAND [ARG...]"


def main(argv: Sequence[str]) -> int:
    """Run `scalekit-exec` with these words; return the status where it did not become the child."""
    from scalekit_exec import launch

    launch.begin()
    environ = launch.caller_environment()
    speaker = terminal.Speaker(PROGRAM, as_json=words.wants_json(argv, environ))
    try:
        parsed = words.parse(argv, environ)
        speaker.level = 1 if parsed.on("--verbose") else -1 if parsed.on("--quiet") else 0
        if parsed.on("--help") or parsed.on("--version"):
            return _answer(parsed)
        return _Launcher(parsed, environ, speaker).run()
    except ScalekitExecError as error:
        speaker.error(error)
        return error.exit_status
    except KeyboardInterrupt:
        from signal import SIGINT

        launch.die_by_signal(SIGINT)
    except Exception as error:  # noqa: BLE001 - a traceback could show what no log may have
        speaker.error(_internal(error))
        return OWN_FAILURE


def _answer(parsed: Words) -> int:
    if parsed.on("--help"):
        from scalekit_exec.cli import guide

        terminal.answer(guide.text())
    else:
        from scalekit_exec import __version__

        terminal.answer(f"{PROGRAM} {__version__}")
    return 0


def _internal(error: Exception) -> ScalekitExecError:
    """Say where we broke, without the values that a traceback may hold."""
    place = error.__traceback__
    while place is not None and place.tb_next is not None:
        place = place.tb_next
    where = "nowhere"
    if place is not None:
        where = f"{place.tb_frame.f_globals.get('__name__')}:{place.tb_lineno}"
    return ScalekitExecError(
        "internal",
        f"{type(error).__name__} in {where}",
        "this is a fault of scalekit-exec; report this line and `scalekit-exec --version`",
    )


class _Launcher:
    """What one command line asks for, with the effects that `run` is handed."""

    def __init__(self, parsed: Words, environ: dict[str, str], speaker: Speaker) -> None:
        self.words = parsed
        self.environ = environ
        self.speaker = speaker
        self.sources = Sources(parsed, environ, speaker)

    def run(self) -> int:
        from scalekit_exec.environment import Policy

        parsed = self.words
        self._check_passed()
        policy = Policy(
            pristine=parsed.on("--pristine"),
            passed=parsed.passed,
            keep_credentials=parsed.on("--keep-credentials"),
            windows=WINDOWS,
        )
        if parsed.on("--list-words"):
            return self._list_words()
        if not parsed.services:
            raise UsageError("usage", "no service is named", f"usage: {USAGE}; see --help")
        if parsed.on("--dry-run"):
            return self._dry_run()
        if not parsed.command:
            raise self._no_command()
        from scalekit_exec.run import Launch, become, run

        request = Launch(
            parsed.services,
            parsed.command,
            self.environ,
            policy,
            self._identifier(),
            parsed.timeout,
        )
        finish = become
        if self._serves() or self._redacts():
            from scalekit_exec import launch

            launch.shield()
            finish = self._stay
        if "SCALEKIT_EXEC_URL" in self.environ and self._has_only_a_broker():
            return self._run_inside(request, finish)
        connect = self.sources.sandbox if parsed.on("--sandbox") else self.sources.scalekit
        wait = self._wait if self.sources.patience() > 0 else None
        return run(request, self.sources.load_map, connect, self.speaker.warning, wait, finish)

    def _check_passed(self) -> None:
        """Refuse `--pass` where nothing is left out that it could keep."""
        around = ("SCALEKIT_EXEC_URL", "SCALEKIT_EXEC_AUTH", "SCALEKIT_EXEC_*")
        kept = self.words.on("--pristine") or "SCALEKIT_EXEC_URL" in self.environ
        if not kept and not set(self.words.passed) <= set(around):
            raise UsageError(
                "usage", "--pass means nothing without --pristine", "add --pristine, or drop it"
            )

    def _serves(self) -> bool:
        return self.words.on("--serve") or self.words.on("--serve-only")

    def _redacts(self) -> bool:
        """Tell whether secrets are to be hidden in the output: the user's file has the last say."""
        given = self.words.redact
        if given is not None:
            return given
        found = self.sources.map_if_any()
        return found is not None and found.settings.redact

    def _stay(self, ready: Ready) -> int:
        """Start the command and stay beside it."""
        from scalekit_exec.resident import Stay, stay

        serve = self._serve if self._serves() else None
        note = self.speaker.note
        return stay(ready, Stay(serve, self.words.on("--serve-only"), self._redacts(), note))

    def _serve(self, ready: Ready, on_secret: Callable[[bytes], None]) -> Broker:
        from scalekit_exec.cli import broker

        if self.sources.reopen is None or self.sources.rules is None:
            raise broker.refuse_to_serve()
        return broker.serve(ready, on_secret, self.sources.reopen, self.sources.rules)

    def _has_only_a_broker(self) -> bool:
        """Tell whether this launch must take its services from the launch around it."""
        from scalekit_exec.cli import broker

        named = ("--env-file", "--environment")
        if self.words.on("--sandbox") or any(self.words.value(name) for name in named):
            return False
        return broker.is_needed(self.environ, self.sources.find_client)

    def _run_inside(self, request: Launch, finish: Callable[[Ready], int]) -> int:
        """Run with what the broker of the launch around this one gives."""
        from scalekit_exec.cli import broker
        from scalekit_exec.run import run_inside

        if self._serves():
            raise broker.refuse_to_serve()

        def take(deadline: Deadline) -> Taken:
            return broker.take(
                request.words,
                self.environ,
                deadline=deadline,
                service_map=self.sources.map_if_any(),
                identifier=request.identifier,
                min_ttl=self.words.min_ttl,
                windows=WINDOWS,
            )

        self.speaker.verbose("taking services from the broker of the launch around this one")
        return run_inside(request, take, self.speaker.warning, finish)

    def _identifier(self) -> str | None:
        return self.words.value("--identifier")

    def _wait(
        self,
        wanted: Sequence[Wanted],
        outcome: Outcome,
        vault: Vault,
        deadline: Deadline,
        rules: Rules,
    ) -> Outcome:
        """Let people authorize what lacks only that."""
        from scalekit_exec.cli import patience

        return patience.wait(
            self.speaker,
            (wanted, outcome, vault, deadline, rules),
            notify=self.sources.notify,
            open_browser=self.words.on("--open"),
            seconds=self.sources.patience(),
        )

    def _no_command(self) -> UsageError:
        """Tell what is missing: the command, or the `--` before it."""
        if self.words.command is not None:
            return UsageError("usage", "no command stands after --", f"usage: {USAGE}")
        given = self.words.services
        known = self._known_words()
        strangers = [word for word in given if not known(word)]
        if not strangers:
            return UsageError(
                "usage",
                'no command: there is no "--" with a command behind it',
                f"scalekit-exec {' '.join(map(terminal.quoted, given))} -- COMMAND [ARG...]",
            )
        at = given.index(strangers[0])
        services, command = given[:at], given[at:]
        example = [
            *map(terminal.quoted, services or ("SERVICE",)),
            "--",
            *map(terminal.quoted, command),
        ]
        hint = f"scalekit-exec {' '.join(example)}"
        if WINDOWS:
            hint += "\nPowerShell may swallow the first --; write it in quotes: '--'"
        return UsageError(
            "usage",
            f'no "--" between the services and the command; "{shown(strangers[0])}" is no service',
            hint,
        )

    def _known_words(self) -> Callable[[str], bool]:
        """Return what tells a service or group of the map from another word."""
        from scalekit_exec import config

        try:
            found = config.load(
                self.words.value("--config"), self.environ, self.sources.working_folder()
            )
        except ScalekitExecError:
            return config.is_word
        return lambda word: (
            config.is_word(word)
            and (config.parse_word(word).name in (*found.services, *found.groups))
        )

    def _list_words(self) -> int:
        """Tell a completion what could be typed; a map that cannot be read offers nothing."""
        from contextlib import suppress

        self.speaker.level = -1
        with suppress(ScalekitExecError):
            found = self.sources.load_map()
            lines = [
                f"{name}\t{service.connection_name}" for name, service in found.services.items()
            ]
            lines += [f"{name}\tgroup: {', '.join(names)}" for name, names in found.groups.items()]
            if lines:
                terminal.answer("\n".join(lines))
        return 0

    def _dry_run(self) -> int:
        from scalekit_exec.cli import plan

        service_map = self.sources.load_map()
        from scalekit_exec import config

        wanted = config.select(
            service_map,
            self.words.services,
            identifier=self._identifier(),
            windows=WINDOWS,
        )
        terminal.answer(plan.text(service_map, wanted, as_json=self.words.on("--json")))
        return 0
