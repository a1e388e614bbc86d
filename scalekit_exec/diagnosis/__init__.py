"""What `scalekit-auth doctor` looks at, one thing after the other, as data.

A check that needs what an earlier one did not find is skipped. No message holds a secret, and no
account's credential is ever read. Each check has the time of `--timeout` for itself.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scalekit_exec import config, connect, credentials, survey
from scalekit_exec.clock import Deadline
from scalekit_exec.diagnosis.check import FAILED, OK, WARNING, Check, failed, skipped
from scalekit_exec.diagnosis.machine import completion, core_dumps, versions
from scalekit_exec.diagnosis.route import NAMES, Route
from scalekit_exec.errors import ScalekitExecError, shown
from scalekit_exec.exposure import exposures
from scalekit_exec.files import displayed
from scalekit_exec.model import ServiceMap, UserSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from scalekit_exec.errors import Failure
    from scalekit_exec.model import ClientCredentials, Wanted

    Explain = Callable[[ServiceMap, ClientCredentials, Sequence[Failure]], Sequence[Failure]]

__all__ = ["FAILED", "Check", "Question", "diagnose"]


@dataclass(frozen=True, slots=True)
class Question:
    """What to look at: the common options, and the words for services (none: all of the map).

    `completions` has the scripts of this version by shell; `explain` may tell more of accounts that
    were not found; `again` are the options that a remedy must repeat.
    """

    environ: Mapping[str, str]
    folder: str
    words: Sequence[str] = ()
    config: str | None = None
    env_file: str | None = None
    environment: str | None = None
    identifier: str | None = None
    timeout: float = 30.0
    windows: bool = False
    again: str = ""
    completions: Mapping[str, str] = field(default_factory=dict)
    say: Callable[[str], None] = lambda _: None
    explain: Explain = lambda _, __, failures: failures


def diagnose(question: Question) -> Iterator[Check]:
    """Look at one thing after the other; what goes wrong is a verdict and never raised."""
    yield versions()
    yield core_dumps()
    yield completion(question.environ, question.completions)
    doctor = _Doctor(question)
    yield from doctor.map()
    yield from doctor.identifiers()
    yield from doctor.secrets()
    if doctor.client is None:
        for name in ("URL", *NAMES):
            yield skipped(name, "credentials")
    else:
        yield from doctor.way(doctor.client)
    yield from doctor.services()


class _Doctor:
    """What is known so far; None where it could not be found."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._map: ServiceMap | None = None
        self._wanted: list[Wanted] = []
        self._is_reached = False
        self.client: ClientCredentials | None = None

    def map(self) -> Iterator[Check]:
        """Load the map, and tell which files it is of and what is odd about them."""
        ask = self._question
        try:
            found = config.load(ask.config, ask.environ, ask.folder)
        except ScalekitExecError as error:
            yield failed("map", error)
            if error.code == "config-missing" and ask.config is None:
                # Without a map the rest can still be looked at, for whoever is about to write one.
                self._map = ServiceMap({}, {}, UserSettings(config.user_path(ask.environ)))
            return
        self._map = found
        names = ", ".join(displayed(path) for path in found.files)
        count = len(found.services)
        yield Check("map", OK, f"{count} service{'s'[: count != 1]}, from {names}")
        for note in found.notes:
            yield Check("map", WARNING, note)

    def identifiers(self) -> Iterator[Check]:
        """Tell for whom the services would be read."""
        if self._map is None or not self._map.services:
            yield skipped("identifier", "a map with a service")
            return
        ask = self._question
        try:
            self._wanted, missing = survey.chosen(
                self._map, ask.words, ask.identifier, windows=ask.windows
            )
        except ScalekitExecError as error:
            yield failed("identifier", error)
            return
        for failure in missing:
            yield Check("identifier", FAILED, failure.message, failure.hint)
        by_identifier: dict[str, list[str]] = {}
        for wanted in self._wanted:
            by_identifier.setdefault(wanted.identifier, []).append(wanted.service.name)
        for identifier, names in by_identifier.items():
            yield Check("identifier", OK, f'"{shown(identifier)}" for {", ".join(names)}')

    def secrets(self) -> Iterator[Check]:
        """Find the client credentials, and tell of what source and who else can read it."""
        if self._map is None:
            yield skipped("credentials", "map")
            return
        warnings: list[str] = []
        try:
            client = credentials.find(self._request(self._map), warnings.append)
        except ScalekitExecError as error:
            yield failed("credentials", error)
            return
        self.client = client
        what = f"client {credentials.told_id(client)} of {client.source}"
        if client.client_id.startswith(credentials.ID_BEGINS):
            yield Check("credentials", OK, what)
        else:
            yield Check("credentials", WARNING, what, "see that id and secret are not interchanged")
        # Where the source is a file with the secret in it, that is its name.
        path = os.path.expanduser(client.source)
        told = [line for line in warnings if not line.startswith(f"{client.source} can be read")]
        for line in (*told, *exposures(path)):
            what, _, remedy = line.partition("; " if "; " in line else ": ")
            yield Check("credentials", WARNING, what, remedy)

    def _request(self, service_map: ServiceMap) -> credentials.Request:
        ask = self._question
        return credentials.Request(ask.environ, service_map, ask.env_file, ask.environment)

    def way(self, client: ClientCredentials) -> Iterator[Check]:
        """Look at the way to Scalekit."""
        yield Check("URL", OK, client.env_url)
        if self._map is None:
            return
        settings = credentials.settings_for(self._request(self._map))
        ask = self._question
        ca_bundle = settings.ca_bundle if settings else None
        for check in Route(client, ask.environ, ca_bundle, ask.timeout, ask.say).checks():
            self._is_reached = self._is_reached or (check.name, check.verdict) == (NAMES[3], OK)
            yield check

    def services(self) -> Iterator[Check]:
        """Look at each service's account."""
        if self._map is None or not self._wanted:
            yield skipped("services", "a service to look at")
            return
        if self.client is None or not self._is_reached:
            for wanted in self._wanted:
                yield skipped(f"service {shown(wanted.named)}", NAMES[3])
            return
        try:
            yield from self._states(self._map, self.client)
        except ScalekitExecError as error:
            yield failed("services", error)

    def _states(self, service_map: ServiceMap, client: ClientCredentials) -> Iterator[Check]:
        ask = self._question
        settings = credentials.settings_for(self._request(service_map))
        transport = connect.choose_transport(ask.environ, settings)
        deadline = Deadline(ask.timeout)
        line = connect.Line(ask.environ, deadline, ask.say, settings, transport)
        vault = connect.scalekit(client, line)
        try:
            states = survey.survey(self._wanted, vault, deadline)
        finally:
            vault.close()
        failing = [found for state in states if (found := state.failure(ask.again)) is not None]
        explained = iter(ask.explain(service_map, client, failing))
        for state in states:
            name = f"service {shown(state.wanted.named)}"
            if state.is_active and state.account is not None:
                life = survey.remaining_life(state.account)
                told = life if life == "no expiry" else f"its token ends {life}"
                yield Check(name, OK, f"ACTIVE, {told}")
                continue
            failure = next(explained)
            verdict = FAILED if state.wanted.service.required else WARNING
            message = failure.message.removeprefix(f"{shown(state.wanted.service.name)}: ")
            yield Check(name, verdict, message, failure.hint)
