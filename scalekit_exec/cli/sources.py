"""Where a launch's credentials come from: its map, client credentials, and the way to Scalekit."""

from __future__ import annotations

import os
import sys

from scalekit_exec.cli import terminal, words
from scalekit_exec.errors import ScalekitExecError, UsageError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from scalekit_exec.cli.terminal import Speaker
    from scalekit_exec.cli.words import Words
    from scalekit_exec.clock import Deadline
    from scalekit_exec.connect import Line
    from scalekit_exec.credentials import Request
    from scalekit_exec.model import (
        AccountKey,
        ClientCredentials,
        NotifySettings,
        ServiceMap,
        Wanted,
    )
    from scalekit_exec.resolver import Rules
    from scalekit_exec.vault import Vault

__all__ = ["Sources"]

SANDBOX_IDENTIFIER = "sandbox-user"


class Sources:
    """What one command line says of them; each is looked for once, when it is first asked for.

    `notify` is the user's setting, known once the map is read. `reopen` and `rules` are known once
    a vault was opened: how to open another, hours later and without a word, and how to judge what
    it brings.
    """

    def __init__(self, parsed: Words, environ: dict[str, str], speaker: Speaker) -> None:
        self.words = parsed
        self.environ = environ
        self.speaker = speaker
        self.notify: NotifySettings | None = None
        self.reopen: Callable[[Deadline], Vault] | None = None
        self.rules: Rules | None = None
        self._read: ServiceMap | None = None
        self._map: ServiceMap | None = None
        self._client: ClientCredentials | None = None

    def read_map(self) -> ServiceMap:
        """Return what the files say, read once: one may be a pipe."""
        from scalekit_exec import config

        if self._read is None:
            named = self.words.value("--config")
            cwd = self.working_folder(named)
            self._read = config.load(named, self.environ, cwd, self.words.services)
        return self._read

    def load_map(self) -> ServiceMap:
        """Return the map, telling of the files that were read; one of names for a sandbox without.

        Raises ConfigurationError as `config.load` does.
        """
        from scalekit_exec import config

        if self._map is not None:
            return self._map
        named = self.words.value("--config")
        try:
            found = self.read_map()
        except ScalekitExecError as error:
            if error.code != "config-missing" or not self.words.on("--sandbox"):
                raise
            if named not in (None, os.devnull):
                raise
            from scalekit_exec.model import ServiceMap, UserSettings

            found = ServiceMap({}, {}, UserSettings(config.user_path(self.environ)))
            return self._with_any_name(found)
        self.notify = found.settings.notify
        for note in found.notes:
            self.speaker.note(note)
        for path in found.files:
            self.speaker.verbose(f"read {shown(path)}")
        if self.words.on("--sandbox"):
            found = self._for_sandbox(found)
        self._map = found
        return found

    def map_if_any(self) -> ServiceMap | None:
        """Return the map; None where there is none, and none was named."""
        try:
            return self.load_map()
        except ScalekitExecError as error:
            named = self.words.value("--config")
            if error.code != "config-missing" or named not in (None, os.devnull):
                raise
            return None

    def takes_any_name(self) -> bool:
        """Tell whether a name needs no map: in a sandbox, where `-c` says that there is none."""
        return self.words.on("--sandbox") and self.words.value("--config") == os.devnull

    def _for_sandbox(self, found: ServiceMap) -> ServiceMap:
        """Return the map for a sandbox; a name that it lacks is a slip as likely as not."""
        from scalekit_exec import config

        if self.takes_any_name():
            return self._with_any_name(found)
        names = [config.parse_word(w).name for w in self.words.services if config.is_word(w)]
        unknown = [name for name in names if name not in (*found.services, *found.groups)]
        if unknown:
            given = " ".join(terminal.quoted(word) for word in self.words.services)
            options = terminal.again({"--identifier": self.words.value("--identifier")})
            raise config.unknown(
                tuple(dict.fromkeys(unknown)),
                found,
                f"any name does where no map counts: scalekit-exec --sandbox -c {os.devnull}"
                f"{options} {given} -- COMMAND [ARG...]",
            )
        return found

    def _with_any_name(self, found: ServiceMap) -> ServiceMap:
        """Return a map with the names as given, where it has them not."""
        from scalekit_exec import config
        from scalekit_exec.model import Service
        from scalekit_exec.record import replace
        from scalekit_exec.variables import TOKEN, Variable, default_variable, refusal

        services = dict(found.services)
        for text in self.words.services:
            word = config.parse_word(text)
            name = word.name
            if name not in services and name not in found.groups:
                variable = Variable(default_variable(name), TOKEN)
                why = refusal(variable.name)
                if why and word.variable is None:
                    raise UsageError("usage", why, f"name another: {name}=API_TOKEN")
                # A connection's name has no dot at Scalekit; a service's has no colon, so that two
                # services are two connections.
                connection = name.replace(".", ":")
                services[name] = Service(name, connection, (variable,), SANDBOX_IDENTIFIER)
        return replace(found, services=services)

    def working_folder(self, named: str | None = None) -> str:
        """Return the working folder; UsageError `usage` where it is gone and `named` needs it."""
        from scalekit_exec.files import working_folder

        return working_folder(named)

    def scalekit(
        self, service_map: ServiceMap, wanted: Sequence[Wanted], deadline: Deadline
    ) -> tuple[Vault, Rules]:
        """Return a vault that asks Scalekit; raises ConfigurationError as `credentials` does."""
        del wanted
        from scalekit_exec import connect, credentials

        client = self.find_client()
        deadline.restart()  # a person's time at a keyring or a secret command is not in it
        settings = credentials.settings_for(self._request(service_map))
        self.speaker.verbose(f"client {credentials.told_id(client)} of {client.source}")
        line = connect.Line(
            self.environ,
            deadline,
            self.speaker.verbose,
            settings,
            connect.choose_transport(self.environ, settings),
        )
        verify_url = (settings.user_verify_url if settings else None) or ""
        rules = self._rules(client.env_url, verify_url)
        self._keep(lambda line: connect.scalekit(client, line), line, rules)
        daemon = service_map.settings.daemon
        return connect.warm(client, line, daemon, rules.min_ttl), rules

    def sandbox(
        self, service_map: ServiceMap, wanted: Sequence[Wanted], deadline: Deadline
    ) -> tuple[Vault, Rules]:
        """Return a vault that asks an emulator, which is started for it and said to be there."""
        del service_map
        from scalekit_exec import connect

        line = connect.Line(
            self.environ,
            deadline,
            self.speaker.verbose,
            None,
            connect.choose_transport(self.environ, None),
        )
        asked: dict[AccountKey, list[set[str]]] = {}
        for service in wanted:
            names = {name for each in service.variables for name in each.template.names}
            asked.setdefault(service.key, []).append(names)
        open_vault, url = connect.sandbox(asked, self.speaker.announce)
        deadline.restart()  # nor is the emulator's start
        rules = self._rules(url, "")
        self._keep(open_vault, line, rules)
        return open_vault(line), rules

    def find_client(self) -> ClientCredentials:
        """Find the client credentials, once: a person may have to unlock them."""
        from scalekit_exec import config, credentials
        from scalekit_exec.model import ServiceMap, UserSettings

        if self._client is None:
            nothing = ServiceMap({}, {}, UserSettings(config.user_path(self.environ)))
            request = self._request(self.map_if_any() or nothing)
            self._client = credentials.find(request, self.speaker.note)
        return self._client

    def _request(self, service_map: ServiceMap) -> Request:
        from scalekit_exec.credentials import Request

        return Request(
            self.environ,
            service_map,
            self.words.value("--env-file"),
            self.words.value("--environment"),
        )

    def _keep(self, open_vault: Callable[[Line], Vault], line: Line, rules: Rules) -> None:
        """Keep what a broker needs to ask again."""
        from scalekit_exec.record import replace

        def silent(text: str) -> None:
            del text

        self.rules = rules
        self.reopen = lambda deadline: open_vault(replace(line, deadline=deadline, say=silent))

    def _rules(self, url: str, user_verify_url: str) -> Rules:
        from scalekit_exec.environment import longest_value
        from scalekit_exec.resolver import Rules

        given = self.words.min_ttl
        return Rules(
            min_ttl=60.0 if given is None else given,
            strict=given is not None,
            again=self.again(),
            host=url.removeprefix("https://"),
            user_verify_url=user_verify_url,
            links=self.patience() == 0,
            longest=longest_value(sys.platform),
        )

    def patience(self) -> float:
        """Return how long to wait for a person; by default only where one looks on."""
        given = self.words.wait
        if self.words.on("--open"):
            if given == 0:
                raise UsageError("usage", "--open means nothing with --no-wait", "drop one of them")
            return given or words.PATIENCE
        if given is not None:
            return given
        return words.PATIENCE if terminal.is_watched(self.environ) else 0.0

    def again(self) -> str:
        """Return the options that a hinted command needs to mean the same."""
        names = ("--config", "--env-file", "--environment", "--identifier")
        return terminal.again({name: self.words.value(name) for name in names})
