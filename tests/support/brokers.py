"""A broker in this process, over a vault that counts; and requests as bytes, right and wrong."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scalekit_exec import resolver
from scalekit_exec.broker import wire
from scalekit_exec.cli import broker as cli_broker
from scalekit_exec.clock import Deadline
from scalekit_exec.environment import Policy
from scalekit_exec.model import Account, AccountKey, Credential, Link, Service, Wanted
from scalekit_exec.record import replace
from scalekit_exec.resolver import Rules
from scalekit_exec.run import Launch, Ready
from scalekit_exec.secret import Secret
from scalekit_exec.variables import TOKEN, Variable, parse_template

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scalekit_exec.broker.server import Broker
    from scalekit_exec.broker.wire import Address
    from scalekit_exec.errors import ScalekitExecError

HOST = "a.scalekit.test"


@dataclass
class Accounts:
    """A vault of any account, ACTIVE; every read gives the next token, `NAME-1`, `NAME-2` ...

    `lives` are the seconds that the first token lives, the second, and so on, None for not known;
    the last holds for all after it. `ends` has the end of each by our own clock. `failure` is
    raised by every read while it is set, `delay` is how long a read takes. `fields` replaces the
    token.
    """

    lives: tuple[float | None, ...] = (3600.0,)
    delay: float = 0.0
    failure: ScalekitExecError | None = None
    status: str = "ACTIVE"
    fields: dict[str, str] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    numbers: dict[AccountKey, int] = field(default_factory=dict)
    ends: dict[str, float] = field(default_factory=dict)
    links: int = 0
    skew: float = 0.0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def credential(self, key: AccountKey) -> Credential | Account:
        with self.lock:
            self.reads.append(f"{key.connection_name}/{key.identifier}")
        time.sleep(self.delay)
        if self.failure is not None:
            raise self.failure
        with self.lock:
            number = self.numbers[key] = self.numbers.get(key, 0) + 1
        now = time.time() + self.skew
        account = Account(key, self.status, as_of=now)
        if self.status != "ACTIVE":
            return account
        life = self.lives[min(number, len(self.lives)) - 1]
        ends = None if life is None else now + life
        if self.fields:
            values = {name: Secret(text) for name, text in self.fields.items()}
            return Credential(account, None, values, ends)
        text = f"{key.connection_name}-{key.identifier}-{number}"
        self.ends[text] = time.time() + (life or 0.0)
        token = Secret(text)
        return Credential(account, token, {"token": token}, ends)

    def account(self, key: AccountKey) -> Account:
        return Account(key, self.status)

    def link(self, key: AccountKey, *, state: str = "", user_verify_url: str = "") -> Link:
        self.links += 1
        return Link("https://a.scalekit.test/link")

    def verify(self, auth_request_id: str, identifier: str) -> str:
        return ""

    def close(self) -> None:
        pass


def want(
    name: str,
    identifier: str = "mess",
    named: str = "",
    env: dict[str, str] | None = None,
    **given: Any,
) -> Wanted:
    """Want a service; `env` as in a map, by default the bare token in NAME_TOKEN."""
    env = env or {f"{name.upper()}_TOKEN": "{token}"}
    variables = tuple(Variable(key, parse_template(text)) for key, text in env.items())
    assert variables[0].template == TOKEN or "{token}" not in env.values()
    service = Service(name, f"{name}_c", variables, identifier, **given)
    return Wanted(service, identifier, variables, named or name)


@dataclass
class Running:
    """A broker and all that a test asks of it."""

    broker: Broker
    vault: Accounts
    heard: list[bytes]

    @property
    def port(self) -> int:
        return int(self.broker.url.rpartition(":")[2])

    @property
    def address(self) -> Address:
        found = wire.address(self.broker.url, self.broker.bearer.reveal())
        assert found is not None
        return found

    def raw(self, data: bytes, *, end: bool = True) -> bytes:
        """Send bytes and return all that comes back, "" where the connection was just closed."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as connection:
            answer = b""
            try:
                connection.sendall(data)
                if end:
                    connection.shutdown(socket.SHUT_WR)
                while more := connection.recv(65536):
                    answer += more
            except ConnectionError:
                pass
            return answer

    def head(self, path: str, method: str = "GET", /, **headers: str | None) -> bytes:
        """Return a right request, but for what is given; a header that is None is left out."""
        sent: dict[str, str | None] = {
            "Host": f"127.0.0.1:{self.port}",
            "Authorization": f"Bearer {self.broker.bearer.reveal()}",
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        lines = [f"{name}: {value}\r\n" for name, value in sent.items() if value is not None]
        return f"{method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("latin-1")

    def get(self, path: str, **headers: str | None) -> tuple[int, Any]:
        """Return the status and the JSON, or the text, of a request."""
        answer = wire.read_answer(self.raw(self.head(path, "GET", **headers), end=False))
        body = answer.body.decode()
        return answer.status, json.loads(body) if body.startswith("{") else body

    def token(self, word: str = "gmail") -> str:
        status, told = self.get(f"/v1/token/{word}")
        assert status == 200, told
        return str(told["token"])


@contextmanager
def serving(
    vault: Accounts,
    *wanted: Wanted,
    min_ttl: float | None = None,
    unknown_life: float = 60.0,
    timeout: float = 10.0,
) -> Iterator[Running]:
    """Run a broker as a launch of these services does, after its own first reads."""
    chosen = wanted or (want("gmail"),)
    rules = Rules(
        min_ttl=60.0 if min_ttl is None else min_ttl, strict=min_ttl is not None, host=HOST
    )
    once = replace(rules, min_ttl=0.0)  # a short life would be read twice
    outcome = resolver.resolve(chosen, vault, Deadline(timeout), once)
    request = Launch((), ("true",), {}, Policy(), timeout=timeout)
    ready = Ready(request, "/bin/true", chosen, outcome.filled)
    heard: list[bytes] = []
    vault.reads.clear()
    broker = cli_broker.serve(
        ready, heard.append, lambda _: vault, rules, unknown_life=unknown_life
    )
    try:
        yield Running(broker, vault, heard)
    finally:
        broker.close()
