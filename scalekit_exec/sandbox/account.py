"""One connected account of the sandbox: its state, its made-up credential, its expiry."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scalekit_exec.model import ACTIVE, AccountKey
from scalekit_exec.sandbox import protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scalekit_exec.sandbox.protocol import Message

__all__ = [
    "CREDENTIAL_KINDS",
    "SandboxAccount",
    "credential_for",
    "made_up",
    "stable_id",
    "static_type",
]

CREDENTIAL_KINDS = ("oauth_token", "static_auth", "google_dwd", "trusted_idp")

# The fields that the consent page asks for, and that a made-up static credential has.
STATIC_FIELDS = {
    "API_KEY": ("api_key",),
    "BEARER_TOKEN": ("token",),
    "BASIC": ("username", "password"),
    "BASIC_AUTH": ("username", "password"),
    "CUSTOM": ("api_key",),
}


def made_up() -> str:
    """Return a fresh value for a credential; all of them can be told by how they begin."""
    return "sandbox-" + secrets.token_urlsafe(24)


def stable_id(prefix: str, *parts: object) -> str:
    """Return an id as Scalekit's look, the same one for the same parts in every run."""
    digest = hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).digest()
    return f"{prefix}_{int.from_bytes(digest[:8]) % 10**17:017d}"


def credential_for(
    authorization_type: str, given: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return a made-up credential of the kind that an authorization type has, `{kind: values}`.

    `given` are fields that a person filled in; empty ones are made up.
    """
    if authorization_type == "NO_AUTH":
        return {}
    if authorization_type == "GOOGLE_DWD":
        return {"google_dwd": {"subject": "someone@example.com", "access_token": made_up()}}
    if authorization_type == "TRUSTED_IDP":
        return {"trusted_idp": {"db_user": "sandbox", "access_key_id": made_up()}}
    if authorization_type in STATIC_FIELDS:
        names = STATIC_FIELDS[authorization_type]
        given = given or {}
        return {"static_auth": {name: given.get(name) or made_up() for name in names}}
    return {"oauth_token": {"access_token": made_up(), "refresh_token": made_up()}}


def static_type(values: Mapping[str, object]) -> str:
    """Return the authorization type that static values of these names usually have."""
    if "username" in values:
        return "BASIC"
    if values.keys() & {"token", "bearer_token"}:
        return "BEARER_TOKEN"
    return "API_KEY" if "api_key" in values else "CUSTOM"


@dataclass(slots=True)
class SandboxAccount:
    """An account as the scenario tells it, and what has happened to it since.

    `credential` is `{kind: values}` or empty. `lifetimes` are the seconds from a read to the
    token's end: the first number for the first read, and so on, the last one for all after it;
    without any, the token has no known expiry unless `expires_at` (POSIX seconds) says so. With
    `rotate` each read of the credential gives another token: `T`, `T-2`, `T-3`.
    """

    key: AccountKey
    status: str = ACTIVE
    authorization_type: str = "OAUTH"
    provider: str = ""
    credential: dict[str, Any] = field(default_factory=dict)
    lifetimes: tuple[float, ...] = ()
    expires_at: float | None = None
    rotate: bool = False
    api_config: dict[str, Any] = field(default_factory=dict)
    org_wide: bool = False
    reads: int = 0
    updated_at: float = field(default_factory=time.time)
    last_used_at: float | None = None

    def __post_init__(self) -> None:
        if self.lifetimes:
            self.expires_at = time.time() + self.lifetimes[0]

    @property
    def id(self) -> str:
        """Scalekit's id of the account."""
        key = self.key
        return stable_id(
            "ca", key.connection_name, key.identifier, key.organization_id, key.user_id
        )

    def read(self) -> None:
        """Count one read of the credential: the time is noted, the token may change."""
        now = time.time()
        self.reads += 1
        self.last_used_at = now
        if self.rotate or len(self.lifetimes) > 1:
            if self.lifetimes:
                step = min(self.reads, len(self.lifetimes)) - 1
                self.expires_at = now + self.lifetimes[step]
            self.updated_at = now

    def authorize(self, status: str, credential: dict[str, Any]) -> None:
        """Take the credential that a person has just agreed to."""
        now = time.time()
        self.status = status
        self.credential = credential
        self.updated_at = now
        if self.lifetimes:
            self.expires_at = now + self.lifetimes[0]
        elif "oauth_token" in credential:
            self.lifetimes = (3600.0,)
            self.expires_at = now + 3600

    def message(self, *, with_credential: bool) -> Message:
        """Return the account as Scalekit's protobuf message."""
        message = protocol.accounts.ConnectedAccount(
            identifier=self.key.identifier,
            connector=self.key.connection_name,
            provider=self.provider,
            status=self.status,
            authorization_type=self.authorization_type,
            id=self.id,
            connection_id=stable_id("conn", self.key.connection_name),
            is_org_wide_credential=self.org_wide,
        )
        message.updated_at.FromMilliseconds(int(self.updated_at * 1000))
        if self.last_used_at is not None:
            message.last_used_at.FromMilliseconds(int(self.last_used_at * 1000))
        if self.api_config:
            message.api_config.update(self.api_config)
        if with_credential:
            self._fill_credential(message.authorization_details)
        inside = self.credential.keys() & {"google_dwd", "trusted_idp"}
        if self.expires_at is not None and not inside:
            message.token_expires_at.FromMilliseconds(int(self.expires_at * 1000))
        return message

    def _fill_credential(self, details: Message) -> None:
        for kind, values in self.credential.items():
            if kind == "static_auth":
                details.static_auth.details.update(values)
                continue
            arm = getattr(details, kind)
            arm.SetInParent()
            for name, value in values.items():
                if isinstance(value, list):
                    getattr(arm, name).extend(value)
                else:
                    setattr(arm, name, self._rotated(name, value))
            expiry = {"google_dwd": "token_expires_at", "trusted_idp": "expiry"}.get(kind)
            if expiry and self.expires_at is not None:
                getattr(arm, expiry).FromMilliseconds(int(self.expires_at * 1000))

    def _rotated(self, name: str, value: str) -> str:
        if name == "access_token" and self.rotate and self.reads > 1:
            return f"{value}-{self.reads}"
        return value
