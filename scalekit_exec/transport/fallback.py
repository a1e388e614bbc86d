"""The transport `auto`: REST, and gRPC for what a server without REST left unanswered."""

from __future__ import annotations

import threading

from scalekit_exec.transport.refusals import RestAbsentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from scalekit_exec.model import Account, AccountKey, Credential, Link
    from scalekit_exec.vault import Vault

    T = TypeVar("T")

__all__ = ["FallbackVault"]


class FallbackVault:
    """Asks the first vault; once a read finds no REST there, the second, which is then made.

    Every other answer of the first is final: a refusal over one transport is a refusal.
    """

    def __init__(
        self, first: Vault, make_second: Callable[[], Vault], say: Callable[[str], None]
    ) -> None:
        self._first = first
        self._make_second = make_second
        self._say = say
        self._lock = threading.Lock()
        self._second: Vault | None = None

    def credential(self, key: AccountKey) -> Credential | Account:
        """Read the credential; the bare account where it is not ACTIVE."""
        return self._read(lambda vault: vault.credential(key))

    def account(self, key: AccountKey) -> Account:
        """Read the account's state only."""
        return self._read(lambda vault: vault.account(key))

    def link(self, key: AccountKey, *, state: str = "", user_verify_url: str = "") -> Link:
        """Make a magic link."""
        vault = self._second or self._first
        return vault.link(key, state=state, user_verify_url=user_verify_url)

    def verify(self, auth_request_id: str, identifier: str) -> str:
        """Confirm who authorized."""
        return (self._second or self._first).verify(auth_request_id, identifier)

    def close(self) -> None:
        """Close both."""
        self._first.close()
        if self._second is not None:
            self._second.close()

    def _read(self, call: Callable[[Vault], T]) -> T:
        if self._second is None:
            try:
                return call(self._first)
            except RestAbsentError as error:
                self._say(f"{error.message}; going on over gRPC")
        return call(self._switch())

    def _switch(self) -> Vault:
        with self._lock:
            if self._second is None:
                self._second = self._make_second()
            return self._second
