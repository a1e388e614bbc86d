"""All that the sandbox knows: accounts, connections, links, tokens, and who asked for what."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from scalekit_exec.model import ACTIVE, AccountKey
from scalekit_exec.sandbox.account import SandboxAccount, credential_for, made_up, static_type
from scalekit_exec.sandbox.faults import Fault, Faults
from scalekit_exec.transport.answers import PLACE_FIELDS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

__all__ = ["CUSTOM", "SCALEKIT_USERS", "MagicLink", "RequestRecord", "World"]

SCALEKIT_USERS = "scalekit-users"
CUSTOM = "custom"
_TOKEN_LIFETIME = 86400.0


@dataclass(slots=True)
class MagicLink:
    """A link for one account, good until `expires_at` and for one decision.

    `request_id` is the `auth_request_id` of the verification that follows in custom mode; it is
    empty before the person has agreed and after the verification.
    """

    key: AccountKey
    expires_at: float
    state: str = ""
    user_verify_url: str = ""
    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    used: bool = False
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """One request as the sandbox saw it; no secret is kept.

    `operation` is "token", "auth", "details", "link", "verify", "consent" or "other", the same over
    both transports; `connection` counts TLS connections from 1.
    """

    operation: str
    method: str
    path: str
    transport: str
    connection: int
    user_agent: str = ""
    connector: str = ""
    identifier: str = ""


@dataclass(slots=True)
class _Start:
    """What `reset` goes back to."""

    accounts: list[SandboxAccount]
    faults: list[Fault]


class World:
    """The state of one sandbox; every method is safe to call from several threads.

    In an `open` world any connection and identifier has an ACTIVE account as soon as it is asked
    for. `connections` are named ones without an account; `providers` are dictionaries with the
    fields of Scalekit's Provider message. `verification` is "scalekit-users" or "custom".
    """

    def __init__(
        self,
        accounts: Sequence[SandboxAccount] = (),
        *,
        faults: Sequence[Fault] = (),
        connections: Sequence[dict[str, Any]] = (),
        providers: Sequence[dict[str, Any]] = (),
        verification: str = SCALEKIT_USERS,
        link_lifetime: float = 60.0,
        is_open: bool = False,
    ) -> None:
        self.verification = verification
        self.link_lifetime = link_lifetime
        self.is_open = is_open
        self.declared_connections = tuple(connections)
        self.declared_providers = tuple(providers)
        self._lock = threading.RLock()
        self._start = _Start([replace(account) for account in accounts], list(faults))
        self._tokens: dict[str, float] = {}
        self.reset()

    @classmethod
    def for_services(
        cls, asked: Mapping[AccountKey, Sequence[Collection[str]]], *, lifetime: float = 3600.0
    ) -> World:
        """Make a world where each of these accounts is ACTIVE and has the fields that are asked.

        They are named for each service that wants the account. A token, also where no field is
        named, is good for `lifetime` seconds.
        """
        return cls([_active(key, lifetime, services) for key, services in asked.items()])

    def reset(self) -> None:
        """Go back to the beginning; tokens that were issued stay good, `revoke` ends those."""
        with self._lock:
            # A copy is made as the account was at first: its lifetime begins now.
            self._accounts = {account.key: replace(account) for account in self._start.accounts}
            self.faults = Faults(self._start.faults)
            self._links: dict[str, MagicLink] = {}
            self._requests: list[RequestRecord] = []

    def change(self) -> threading.RLock:
        """Return the lock to hold while an account or a link is changed."""
        return self._lock

    # -- accounts

    def put(self, account: SandboxAccount) -> None:
        """Add an account, or replace the one of its key."""
        with self._lock:
            self._accounts[account.key] = account

    def remove(self, key: AccountKey) -> None:
        """Forget an account."""
        with self._lock:
            self._accounts.pop(key, None)

    def account(self, key: AccountKey) -> SandboxAccount | None:
        """Return the account of this key; an open world makes it where it is not there."""
        with self._lock:
            if key not in self._accounts and self.is_open:
                self._accounts[key] = _active(key, 3600.0, ())
            return self._accounts.get(key)

    def account_by_id(self, wanted: str) -> SandboxAccount | None:
        """Return the account with this `ca_` id."""
        return next((account for account in self.accounts() if account.id == wanted), None)

    def accounts(self) -> list[SandboxAccount]:
        """Return all accounts in the order in which they were made."""
        with self._lock:
            return list(self._accounts.values())

    def connections(self) -> list[dict[str, Any]]:
        """Return the connections, each a dictionary with `name`, `provider`, `type` and more."""
        found = {entry["name"]: dict(entry) for entry in self.declared_connections}
        for account in self.accounts():
            name = account.key.connection_name
            entry = found.setdefault(name, {"name": name})
            entry.setdefault("provider", account.provider)
            entry.setdefault("type", account.authorization_type)
            entry.setdefault("auth_mode", "ORG_WIDE" if account.org_wide else "USER")
        return list(found.values())

    def has_connection(self, name: str) -> bool:
        """Tell whether the environment has a connection of this name."""
        return self.is_open or any(entry["name"] == name for entry in self.connections())

    # -- links

    def add_link(self, link: MagicLink) -> None:
        """Make a link known."""
        with self._lock:
            self._links[link.token] = link

    def link(self, token: str) -> MagicLink | None:
        """Return the link with this token, used and expired ones too."""
        with self._lock:
            return self._links.get(token)

    def link_by_request(self, request_id: str) -> MagicLink | None:
        """Return the link whose authorization waits for verification under this id."""
        with self._lock:
            for link in self._links.values():
                if link.request_id and hmac.compare_digest(
                    link.request_id.encode(), request_id.encode("utf-8", "surrogatepass")
                ):
                    return link
        return None

    # -- tokens for the clients of the sandbox

    def issue_token(self) -> tuple[str, int]:
        """Return a new access token for a client, and its lifetime in seconds."""
        token = "sandbox-m2m-" + secrets.token_urlsafe(32)
        with self._lock:
            self._tokens[token] = time.time() + _TOKEN_LIFETIME
        return token, int(_TOKEN_LIFETIME) - 1

    def accepts(self, token: str) -> bool:
        """Tell whether this is a token that was issued and is neither revoked nor expired."""
        with self._lock:
            return self._tokens.get(token, 0.0) > time.time()

    def revoke(self) -> None:
        """End all tokens that were issued so far."""
        with self._lock:
            self._tokens.clear()

    # -- the record

    def note(self, record: RequestRecord) -> None:
        """Remember a request."""
        with self._lock:
            self._requests.append(record)

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests since the start or the last reset, as dictionaries."""
        with self._lock:
            return [asdict(record) for record in self._requests]

    def __iter__(self) -> Iterator[SandboxAccount]:
        return iter(self.accounts())


def provider_of(connection_name: str) -> str:
    """Make up a provider for the catalogue: a real connection's name says nothing about it."""
    return connection_name.replace("-", "_").partition("_")[0].upper() or "SANDBOX"


def _active(
    key: AccountKey, lifetime: float, services: Sequence[Collection[str]]
) -> SandboxAccount:
    """Make an account with an OAuth token, or with static values where it is asked for others.

    One that some service wants just the token of has a token: an API key, or else OAuth's.
    """
    fields = {name for names in services for name in names}
    values = sorted(fields - {"identifier", "expires_at", "domain"})
    kind, credential = "OAUTH", credential_for("OAUTH")
    if any(set(names) == {"token"} for names in services):
        values = [name for name in values if name != "token"]
        values = values if values in (["api_key"], ["bearer_token"]) else []
    if set(values) - {"token"}:
        made = {name: "sandbox" if name in PLACE_FIELDS else made_up() for name in values}
        kind, credential = static_type(made), {"static_auth": made}
    return SandboxAccount(
        key,
        status=ACTIVE,
        authorization_type=kind,
        provider=provider_of(key.connection_name),
        credential=credential,
        lifetimes=(lifetime,),
        api_config={"domain": "sandbox.example"} if "domain" in fields else {},
    )
