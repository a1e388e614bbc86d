"""What the daemon keeps for one set of client credentials, and how it asks Scalekit with them.

The client secret is not among it: every launch brings it along. Without it there is no way to an
entry, since entries are found by a digest that it is part of.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import threading
import time

from scalekit_exec import __version__
from scalekit_exec.clock import Deadline
from scalekit_exec.daemon.client import anchors, mark
from scalekit_exec.daemon.pool import Pool, PooledExchange
from scalekit_exec.errors import AuthorizationError, ConfigurationError, VaultError
from scalekit_exec.model import Credential
from scalekit_exec.record import record
from scalekit_exec.transport import trust
from scalekit_exec.transport.http import ServiceToken
from scalekit_exec.transport.https import HttpsVault
from scalekit_exec.transport.refusals import RestAbsentError
from scalekit_exec.transport.sockets import Dialer, find_proxy

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

    from scalekit_exec.daemon.request import Request
    from scalekit_exec.model import AccountKey, ClientCredentials
    from scalekit_exec.secret import Secret

    Reply = dict[str, object]

__all__ = ["Entries", "Entry"]

MOST_ENTRIES = 16
# After that an entry is made anew, so that the system's store of certificates is read again.
LONGEST_LIFE = 3600.0
# The service token is renewed that long before its end, and that long after its beginning where
# its end was not told.
MARGIN = 300.0
UNKNOWN_LIFE = 300.0
# To a launch this means: ask yourself.
NOTHING: Reply = {}
# The launch may get further: its view of the network is newer, or it has more time.
NOT_REACHED = ("unreachable", "untrusted-server")


class Entries:
    """The entries, found by digest; the one that was not used for longest makes room for another.

    `cache` is for how many seconds a credential is remembered, 0 for not at all.
    """

    def __init__(self, cache: float) -> None:
        self._cache = cache
        self._salt = os.urandom(hashlib.blake2b.MAX_KEY_SIZE)
        self._lock = threading.Lock()
        self._entries: list[tuple[bytes, Entry]] = []

    def find(self, request: Request) -> Entry:
        """Return the entry of this request's credentials and way, the only one that it may use.

        Raises ConfigurationError for a CA file that is not there, or another than the launch's.
        """
        if any(mark(path) != request.marks.get(path) for path in anchors(request.way)):
            raise ConfigurationError("config-invalid", "another CA file than the launch's")
        digest = request.digest(self._salt)
        with self._lock:
            for at, (known, entry) in enumerate(self._entries):
                if hmac.compare_digest(known, digest):
                    self._entries.pop(at)
                    if entry.life.passed():
                        entry.pool.close()
                        break
                    self._entries.append((known, entry))
                    return entry
            entry = Entry(trust.choose(request.way).context(), self._cache)
            self._entries.append((digest, entry))
            if len(self._entries) > MOST_ENTRIES:
                self._entries.pop(0)[1].pool.close()
            return entry

    def connections(self) -> int:
        """Count the connections that are kept open."""
        with self._lock:
            return sum(len(entry.pool) for _, entry in self._entries)


@record
class _Remembered:
    """A credential's JSON; its age is by the clock that moved on further (see `daemon.pool`)."""

    body: object
    as_of: float
    expires_at: float | None
    read_at: float
    wall: float

    @property
    def age(self) -> float:
        return max(0.0, time.monotonic() - self.read_at, time.time() - self.wall)


class _Shared:
    """The service token of an entry, and the failure of the launch that asked for it last."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.token: Secret | None = None
        self.ends = Deadline(0)
        self.ends_wall = 0.0
        self.failed: tuple[str, VaultError] | None = None

    def usable(self) -> Secret | None:
        """Return the token while it lives long enough."""
        if self.ends.passed() or time.time() >= self.ends_wall:
            self.token = None
        return self.token

    def keep(self, token: Secret, life: float) -> None:
        self.token, self.failed = token, None
        self.ends, self.ends_wall = Deadline(life), time.time() + life


class _Token(ServiceToken):
    """The entry's service token, as one call sees it: with the secret that the call brought."""

    def __init__(
        self, exchange: PooledExchange, client: ClientCredentials, shared: _Shared, launch: str
    ) -> None:
        super().__init__(exchange, client)
        self._answers = exchange
        self._shared = shared
        self._launch = launch

    @property
    def known(self) -> bool:
        """Tell whether there is a token already."""
        return self._shared.usable() is not None

    def get(self) -> Secret:
        """Return the token; the first to ask makes the request, the others wait for it.

        What one call of a launch was refused, its other calls are too. The next launch asks anew.
        """
        shared = self._shared
        with shared.lock:
            token = shared.usable()
            if token is not None:
                return token
            if shared.failed is not None and shared.failed[0] == self._launch:
                raise _bare(shared.failed[1])
            try:
                token = self._request()
            except VaultError as error:
                shared.failed = (self._launch, _bare(error))
                raise
            shared.keep(token, self._life())
            return token

    def renew(self, stale: Secret) -> Secret:
        """Replace a token that was answered with 401; nothing is sent where another did already."""
        with self._shared.lock:
            if self._shared.token is stale:
                self._shared.token = None
        return self.get()

    def _life(self) -> float:
        """Return for how many seconds the token that just came may be used."""
        try:
            told = json.loads(self._answers.last.body if self._answers.last else b"")
            seconds = float(told["expires_in"])
        except (ValueError, KeyError, TypeError, OverflowError):
            return UNKNOWN_LIFE
        return max(0.0, min(seconds, 86400.0) - MARGIN)


def _bare(error: VaultError) -> VaultError:
    """Return an error that may be kept: its traceback would keep what was sent, the secret too."""
    copy = VaultError(
        error.code, error.message, error.hint, failures=error.failures, status=error.status
    )
    copy.final = error.final
    return copy


class Entry:
    """Connections, a service token, and credentials if they are to be remembered."""

    def __init__(self, context: ssl.SSLContext, cache: float) -> None:
        self.pool = Pool()
        self.life = Deadline(LONGEST_LIFE)
        self._context = context
        self._cache = cache
        self._shared = _Shared()
        self._lock = threading.Lock()
        self._memory: dict[AccountKey, _Remembered] = {}

    def answer(self, request: Request) -> Reply:
        """Return what Scalekit says to this call: its JSON, a failure, or nothing to go by.

        Nothing, where a launch has to ask by itself: over gRPC, or with more time than it has here.
        """
        if request.call == "credential" and (kept := self._recall(request)) is not None:
            return kept
        if request.key is not None:
            self._forget(request.key)
        said: list[str] = []
        host, port = _address(request.client.env_url)
        proxy = find_proxy(request.way, host, port)
        dialer = Dialer(host, port, self._context, proxy, request.deadline)
        agent = f"scalekit-exec/{__version__}"
        exchange = PooledExchange(self.pool, dialer, request.deadline, said.append, agent)
        token = _Token(exchange, request.client, self._shared, request.launch)
        started, wall = time.monotonic(), time.time()
        try:
            found = _call(HttpsVault(exchange, token), request)
        except RestAbsentError:
            return NOTHING
        except (VaultError, AuthorizationError) as error:
            unheard = error.code in NOT_REACHED and not exchange.opened
            late = request.patient and error.code == "timed-out"
            return NOTHING if unheard or late else _failed(error, said)
        finally:
            exchange.close()
        if exchange.last is None:
            return NOTHING
        body = json.loads(exchange.last.body, object_hook=_without_refresh_token)
        as_of = exchange.last.as_of
        if isinstance(found, Credential) and self._cache > 0:
            kept_now = _Remembered(body, as_of, found.expires_at, started, wall)
            with self._lock:
                self._memory[found.account.key] = kept_now
        return {"body": body, "as_of": as_of, "said": said}

    def _recall(self, request: Request) -> Reply | None:
        """Return a credential from memory while it is young enough, and lives long enough yet."""
        with self._lock:
            for key in [key for key, each in self._memory.items() if each.age >= self._cache]:
                del self._memory[key]
            found = self._memory.get(request.key) if request.key is not None else None
        if found is None:
            return None
        now = found.as_of + found.age
        if found.expires_at is not None and found.expires_at - now < request.min_ttl:
            return None
        return {"body": found.body, "as_of": now, "said": ["the daemon remembers this one"]}

    def _forget(self, key: AccountKey) -> None:
        """Drop what the answer that is asked for now may make untrue."""
        with self._lock:
            self._memory.pop(key, None)


def _call(vault: HttpsVault, request: Request) -> object:
    fields = request.fields
    if request.key is None:
        return vault.verify(fields.get("auth_request_id", ""), fields.get("identifier", ""))
    if request.call == "credential":
        return vault.credential(request.key)
    if request.call == "account":
        return vault.account(request.key)
    state, address = fields.get("state", ""), fields.get("user_verify_url", "")
    return vault.link(request.key, state=state, user_verify_url=address)


def _failed(error: VaultError | AuthorizationError, said: list[str]) -> Reply:
    status = error.status if isinstance(error, VaultError) else None
    told = {"code": error.code, "message": error.message, "hint": error.hint, "status": status}
    return {"error": told, "said": said}


def _without_refresh_token(found: dict[str, object]) -> dict[str, object]:
    """Leave out what no launch has a use for, so that it is neither kept nor handed on."""
    found.pop("refresh_token", None)
    return found


def _address(url: str) -> tuple[str, int]:
    """Split the URL that the launch has checked."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 443
