"""The port: whoever can answer for a connected account, be it Scalekit, a broker or a daemon."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    from scalekit_exec.model import Account, AccountKey, Credential, Link
else:
    Protocol = object

__all__ = ["Vault"]


class Vault(Protocol):
    """Four calls, each for one account, each safe to make from several threads at once.

    All raise `VaultError`: `credentials-rejected`, `forbidden`, `rate-limited`, `unreachable`,
    `untrusted-server`, `timed-out`, `unexpected-answer`.
    """

    def credential(self, key: AccountKey) -> Credential | Account:
        """Read the credential; the bare account instead where it is not ACTIVE.

        Raises AuthorizationError `account-not-found` where Scalekit has no such account.
        """

    def account(self, key: AccountKey) -> Account:
        """Read the account's state only; nothing secret is transferred.

        Raises AuthorizationError `account-not-found` where Scalekit has no such account.
        """

    def link(self, key: AccountKey, *, state: str = "", user_verify_url: str = "") -> Link:
        """Make a magic link by which a person authorizes this account."""

    def verify(self, auth_request_id: str, identifier: str) -> str:
        """Confirm who it was that authorized; return the address to send the browser on to."""

    def close(self) -> None:
        """Let go of every connection."""
