"""`scalekit-exec`: the launcher's words become a launch, and its errors become speech."""

from __future__ import annotations

import sys

from scalekit_exec.cli import terminal, words
from scalekit_exec.cli.sources import Sources
from scalekit_exec.errors import (
    OWN_FAILURE,
    ConfigurationError,
    ScalekitExecError,
    UsageError,
    internal,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scalekit_exec.broker.inside import Taken
    from scalekit_exec.broker.server import Broker
    from scalekit_exec.cli.terminal import Speaker
    from scalekit_exec.cli.words import Words
    from scalekit_exec.clock import Deadline
    from scalekit_exec.model import ServiceMap, Wanted
    from scalekit_exec.resolver import Outcome, Rules
    from scalekit_exec.run import Launch, Ready
    from scalekit_exec.vault import Vault

__all__ = ["main"]

PROGRAM = "scalekit-exec"
WINDOWS = sys.platform == "win32"
USAGE = "scalekit-exec SERVICE... -- COMMAND [ARG...]"
# Without any of them a command has no place for a credential that could be seen to be empty.
CREDENTIAL_WORDS = ("authorization", "bearer", "token", "api-key", "api_key", "apikey")


def main(argv: Sequence[str]) -> int:
    """Run `scalekit-exec` with these words; return the status where it did not become the child."""
    if "--list-words" in argv and "--" not in argv:
        from scalekit_exec.cli import offer

        return offer.main(argv)
    from scalekit_exec import launch

    environ = launch.caller_environment()
    speaker = terminal.Speaker(PROGRAM, as_json=words.wants_json(argv, environ))
    try:
        launch.begin()
        parsed = words.parse(argv, environ)
        speaker.level = 1 if parsed.on("--verbose") else -1 if parsed.on("--quiet") else 0
        if parsed.on("--help") or parsed.on("--version"):
            return _answer(parsed)
        return _Launcher(parsed, environ, speaker).run()
    except ScalekitExecError as error:
        speaker.error(error)
        speaker.finish()
        return error.exit_status
    except KeyboardInterrupt:
        from signal import SIGINT

        launch.die_by_signal(SIGINT)
    except Exception as error:  # noqa: BLE001 - a traceback could show what no log may have
        speaker.error(internal(error))
        return OWN_FAILURE


def _answer(parsed: Words) -> int:
    if parsed.on("--help"):
        from scalekit_exec.cli import guide

        terminal.answer(guide.text())
    else:
        from scalekit_exec import __version__

        terminal.answer(f"{PROGRAM} {__version__}")
    return 0


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
        if self._serves() or parsed.redact:
            self._shield()  # before all else; where it is the user's file that says so, below
        self._check_passed()
        policy = Policy(
            pristine=parsed.on("--pristine"),
            passed=parsed.passed,
            keep_credentials=parsed.on("--keep-credentials"),
            windows=WINDOWS,
        )
        if not parsed.services:
            raise UsageError("usage", "no service is named", f"usage: {USAGE}; see --help")
        if parsed.on("--dry-run"):
            return self._dry_run()
        command = parsed.command or self._shell()
        from scalekit_exec.run import Launch, become, run

        request = Launch(
            parsed.services,
            command,
            self.environ,
            policy,
            self._identifier(),
            parsed.timeout,
        )
        finish: Callable[[Ready], int] = become
        if self._serves() or self._redacts():
            self._shield()
            finish = self._stay
        finish = self._speaking(finish)
        if "SCALEKIT_EXEC_URL" in self.environ:
            if self._has_only_a_broker():
                return self._run_inside(request, finish)
            self.speaker.verbose("the broker around this launch is neither asked nor passed on")
        connect = self.sources.sandbox if parsed.on("--sandbox") else self.sources.scalekit
        wait = self._wait if self.sources.patience() > 0 else self._notify
        return run(request, self.sources.load_map, connect, self.speaker.warning, wait, finish)

    def _shield(self) -> None:
        from scalekit_exec import launch

        launch.shield()

    def _shell(self) -> tuple[str, ...]:
        """Return the user's own shell as the command, or raise what says that one is missing."""
        from scalekit_exec.cli import subshell

        return subshell.shell(self.words, self.environ, self.sources)

    def _speaking(self, finish: Callable[[Ready], int]) -> Callable[[Ready], int]:
        """Return what says first what there is to say of the command, if there is anything."""
        command = self.words.command or ()
        if command and not any(word in " ".join(command).lower() for word in CREDENTIAL_WORDS):
            return finish

        def told(ready: Ready) -> int:
            from scalekit_exec.cli import subshell

            if not command:
                subshell.announce(self.speaker, ready, serve_only=self.words.on("--serve-only"))
            else:
                subshell.warn_of_expansion(self.speaker, ready)
            return finish(ready)

        return told

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

    def _notify(
        self,
        wanted: Sequence[Wanted],
        outcome: Outcome,
        vault: Vault,
        deadline: Deadline,
        rules: Rules,
    ) -> Outcome:
        """Tell whoever wants to be told of the links that this launch ends with."""
        del vault, deadline
        if self.sources.notify is not None and outcome.unauthorized:
            from scalekit_exec.waiting import tell_all

            told = (wanted, outcome.failures, rules.host, self.speaker.note)
            self.speaker.afterwards(tell_all(self.sources.notify, *told).end)
        return outcome

    def _planned_map(self) -> ServiceMap:
        """Return the map; raises ConfigurationError, also where a broker makes up for it."""
        try:
            return self.sources.load_map()
        except ConfigurationError as error:
            if error.code != "config-missing" or "SCALEKIT_EXEC_URL" not in self.environ:
                raise
            raise ConfigurationError(
                error.code,
                "no map is here to plan with; the launch around this one serves without one",
                "what it serves: GET $SCALEKIT_EXEC_URL/v1/services; or leave --dry-run out",
            ) from None

    def _dry_run(self) -> int:
        from scalekit_exec.cli import plan

        self.sources.patience()  # what says two things is refused here too
        service_map = self._planned_map()
        from scalekit_exec import config

        wanted = config.select(
            service_map,
            self.words.services,
            identifier=self._identifier(),
            windows=WINDOWS,
        )
        terminal.answer(plan.text(service_map, wanted, as_json=self.words.on("--json")))
        return 0
