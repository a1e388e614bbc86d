"""`scalekit-exec`: the launcher's words become a launch, and its errors become speech."""

from __future__ import annotations

import sys

from scalekit_exec.cli import terminal, words
from scalekit_exec.errors import OWN_FAILURE, ScalekitExecError, UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scalekit_exec.cli.terminal import Speaker
    from scalekit_exec.cli.words import Words
    from scalekit_exec.clock import Deadline
    from scalekit_exec.model import NotifySettings, ServiceMap, Wanted
    from scalekit_exec.resolver import Outcome, Rules
    from scalekit_exec.vault import Vault

__all__ = ["main"]

PROGRAM = "scalekit-exec"
WINDOWS = sys.platform == "win32"
USAGE = "scalekit-exec SERVICE... -- COMMAND [ARG...]"
SANDBOX_IDENTIFIER = "sandbox-user"


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
        self._notify: NotifySettings | None = None

    def run(self) -> int:
        from scalekit_exec.environment import Policy

        parsed = self.words
        if parsed.passed and not parsed.on("--pristine"):
            raise UsageError(
                "usage", "--pass means nothing without --pristine", "add --pristine, or drop it"
            )
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
        from scalekit_exec.run import Launch, run

        request = Launch(
            parsed.services,
            parsed.command,
            self.environ,
            policy,
            self._identifier(),
            parsed.timeout,
        )
        connect = self._sandbox if parsed.on("--sandbox") else self._scalekit
        wait = self._wait if self._patience() > 0 else None
        return run(request, self._load_map, connect, self.speaker.warning, wait)

    def _identifier(self) -> str | None:
        return self.words.value("--identifier")

    def _working_folder(self) -> str:
        import os

        try:
            return os.getcwd()
        except OSError:
            raise UsageError(
                "usage", "the working folder is gone", "go to a folder that exists: cd ~"
            ) from None

    def _load_map(self) -> ServiceMap:
        from scalekit_exec import config

        try:
            found = config.load(self.words.value("--config"), self.environ, self._working_folder())
        except ScalekitExecError as error:
            if error.code != "config-missing" or not self.words.on("--sandbox"):
                raise
            if self.words.value("--config") is not None:
                raise
            return self._made_up_map()
        self._notify = found.settings.notify
        for note in found.notes:
            self.speaker.note(note)
        for path in found.files:
            self.speaker.verbose(f"read {shown(path)}")
        return found

    def _made_up_map(self) -> ServiceMap:
        """Return a map of the names as given, for a sandbox without a map."""
        from scalekit_exec import config
        from scalekit_exec.model import Service, ServiceMap, UserSettings
        from scalekit_exec.variables import TOKEN, Variable, default_variable

        services = {}
        for word in self.words.services:
            name = config.parse_word(word).name
            variable = Variable(default_variable(name), TOKEN)
            services[name] = Service(name, name, (variable,), SANDBOX_IDENTIFIER)
        return ServiceMap(services, {}, UserSettings(config.user_path(self.environ)))

    def _scalekit(
        self, service_map: ServiceMap, wanted: Sequence[Wanted], deadline: Deadline
    ) -> tuple[Vault, Rules]:
        del wanted
        from scalekit_exec import connect, credentials

        request = credentials.Request(
            self.environ,
            service_map,
            self.words.value("--env-file"),
            self.words.value("--environment"),
        )
        client = credentials.find(request, self.speaker.note)
        deadline.restart()  # a person's time at a keyring or a secret command is not in it
        settings = credentials.settings_for(request)
        self.speaker.verbose(f"client {client.client_id} of {client.source}")
        line = connect.Line(
            self.environ,
            deadline,
            self.speaker.verbose,
            settings,
            connect.choose_transport(self.environ, settings),
        )
        verify_url = (settings.user_verify_url if settings else None) or ""
        return connect.scalekit(client, line), self._rules(client.env_url, verify_url)

    def _sandbox(
        self, service_map: ServiceMap, wanted: Sequence[Wanted], deadline: Deadline
    ) -> tuple[Vault, Rules]:
        del service_map
        from scalekit_exec import connect

        line = connect.Line(
            self.environ,
            deadline,
            self.speaker.verbose,
            None,
            connect.choose_transport(self.environ, None),
        )
        keys = [service.key for service in wanted]
        vault, url = connect.sandbox(keys, line, self.speaker.note)
        deadline.restart()  # nor is the emulator's start
        return vault, self._rules(url, "")

    def _rules(self, url: str, user_verify_url: str) -> Rules:
        from scalekit_exec.environment import longest_value
        from scalekit_exec.resolver import Rules

        given = self.words.min_ttl
        return Rules(
            min_ttl=60.0 if given is None else given,
            strict=given is not None,
            again=self._again(),
            host=url.removeprefix("https://"),
            user_verify_url=user_verify_url,
            links=self._patience() == 0,
            longest=longest_value(sys.platform),
        )

    def _patience(self) -> float:
        """Return how long to wait for a person; by default only where one looks on."""
        given = self.words.wait
        if self.words.on("--open"):
            if given == 0:
                raise UsageError("usage", "--open means nothing with --no-wait", "drop one of them")
            return given or words.PATIENCE
        if given is not None:
            return given
        return words.PATIENCE if terminal.is_watched(self.environ) else 0.0

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
            notify=self._notify,
            open_browser=self.words.on("--open"),
            seconds=self._patience(),
        )

    def _again(self) -> str:
        """Return the options that a hinted command needs to mean the same."""
        names = ("--config", "--env-file", "--environment")
        return terminal.again({name: self.words.value(name) for name in names})

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
            found = config.load(self.words.value("--config"), self.environ, self._working_folder())
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
            found = self._load_map()
            lines = [
                f"{name}\t{service.connection_name}" for name, service in found.services.items()
            ]
            lines += [f"{name}\tgroup: {', '.join(names)}" for name, names in found.groups.items()]
            if lines:
                terminal.answer("\n".join(lines))
        return 0

    def _dry_run(self) -> int:
        from scalekit_exec.cli import plan

        service_map = self._load_map()
        from scalekit_exec import config

        wanted = config.select(
            service_map,
            self.words.services,
            identifier=self._identifier(),
            windows=WINDOWS,
        )
        terminal.answer(plan.text(service_map, wanted, as_json=self.words.on("--json")))
        return 0
