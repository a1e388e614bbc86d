"""What the sandbox answers to each call.

The names are those of the descriptors in snake_case. A method takes the request message and returns
the response message, or raises Refusal. What has no method here is answered UNIMPLEMENTED.
"""

from __future__ import annotations

import hmac
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from scalekit_exec.model import ACTIVE, PENDING_VERIFICATION, AccountKey
from scalekit_exec.sandbox import protocol
from scalekit_exec.sandbox.account import SandboxAccount, credential_for, stable_id
from scalekit_exec.sandbox.refusal import (
    ALREADY_EXISTS,
    INVALID_ARGUMENT,
    NOT_FOUND,
    PERMISSION_DENIED,
    Refusal,
)
from scalekit_exec.sandbox.world import MagicLink, World, provider_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from scalekit_exec.sandbox.protocol import Message

__all__ = ["AccountService", "ConnectionService", "ProviderService"]

_PAGE = 30
# The connection's enum has other names for two kinds of account.
_CONNECTION_TYPES = {"BASIC_AUTH": "BASIC", "BEARER_TOKEN": "BEARER"}


def _page(items: list[Any], request: Message) -> tuple[list[Any], str, str]:
    """Return one page and the tokens of the next and the one before; a token is an offset."""
    size = request.page_size or _PAGE
    try:
        start = int(request.page_token or 0)
    except ValueError:
        raise Refusal(INVALID_ARGUMENT, "invalid page token") from None
    following = str(start + size) if start + size < len(items) else ""
    before = str(max(0, start - size)) if start > 0 else ""
    return items[start : start + size], following, before


class AccountService:
    """`scalekit.v1.connected_accounts.ConnectedAccountService`."""

    descriptor = protocol.accounts.DESCRIPTOR.services_by_name["ConnectedAccountService"]

    def __init__(self, world: World, base_url: str) -> None:
        self._world = world
        self._base_url = base_url

    def _key(self, request: Message) -> AccountKey:
        if not request.connector or not request.identifier:
            raise Refusal(
                INVALID_ARGUMENT, "either id, or connector and identifier, must be provided"
            )
        return AccountKey(
            request.connector,
            request.identifier,
            request.organization_id or None,
            request.user_id or None,
        )

    def _account(self, request: Message) -> SandboxAccount:
        if getattr(request, "id", ""):
            account = self._world.account_by_id(request.id)
        else:
            account = self._world.account(self._key(request))
        if account is None:
            raise Refusal(NOT_FOUND, "no account matches the specified criteria")
        return account

    def get_connected_account_auth(self, request: Message) -> Message:
        """Answer with the account and its credential; a read may rotate the token."""
        account = self._account(request)
        with self._world.change():
            account.read()
            return protocol.accounts.GetConnectedAccountByIdentifierResponse(
                connected_account=account.message(with_credential=True)
            )

    def get_connected_account_details(self, request: Message) -> Message:
        """Answer with the account's state."""
        return protocol.accounts.GetConnectedAccountByIdentifierResponse(
            connected_account=self._account(request).message(with_credential=False)
        )

    def get_connected_account(self, request: Message) -> Message:
        """Answer with the state of the account with this id."""
        if not request.id:
            raise Refusal(INVALID_ARGUMENT, "id must be provided")
        return protocol.accounts.GetConnectedAccountResponse(
            connected_account=self._account(request).message(with_credential=False)
        )

    def list_connected_accounts(self, request: Message) -> Message:
        """List accounts by any of connection, identifier, provider, organization and user."""
        if request.connector and request.connection_names:
            raise Refusal(INVALID_ARGUMENT, "connector and connection_names are mutually exclusive")
        names = set(request.connection_names) or ({request.connector} - {""})

        def fits(account: SandboxAccount) -> bool:
            key = account.key
            return (
                (not names or key.connection_name in names)
                and request.identifier in ("", key.identifier)
                and request.provider in ("", account.provider)
                and request.organization_id in ("", key.organization_id)
                and request.user_id in ("", key.user_id)
                and request.query.lower() in key.identifier.lower()
            )

        return self._list(
            protocol.accounts.ListConnectedAccountsResponse, filter(fits, self._world), request
        )

    def search_connected_accounts(self, request: Message) -> Message:
        """List accounts whose identifier, connection or provider has the query in it."""
        query = request.query.lower()

        def fits(account: SandboxAccount) -> bool:
            key = account.key
            words = (key.identifier, key.connection_name, account.provider)
            connection = stable_id("conn", key.connection_name)
            return any(query in word.lower() for word in words) and request.connection_id in (
                "",
                connection,
            )

        return self._list(
            protocol.accounts.SearchConnectedAccountsResponse, filter(fits, self._world), request
        )

    def _list(
        self, response: Callable[..., Message], accounts: Iterable[SandboxAccount], request: Message
    ) -> Message:
        found = list(accounts)
        page, following, before = _page(found, request)
        answer = response(total_size=len(found), next_page_token=following, prev_page_token=before)
        for account in page:
            full = account.message(with_credential=False)
            row = answer.connected_accounts.add()
            for field in row.DESCRIPTOR.fields:
                if field.message_type is None:
                    setattr(row, field.name, getattr(full, field.name))
                elif full.HasField(field.name):
                    getattr(row, field.name).CopyFrom(getattr(full, field.name))
        return answer

    def create_connected_account(self, request: Message) -> Message:
        """Create an account that waits for its person, as the SDK's get_or_create does."""
        key = self._key(request)
        if not self._world.has_connection(key.connection_name):
            raise Refusal(NOT_FOUND, "connection not found")
        with self._world.change():
            if any(account.key == key for account in self._world):
                raise Refusal(ALREADY_EXISTS, "connected account already exists")
            account = _unauthorized(self._world, key)
            self._world.put(account)
        return protocol.accounts.CreateConnectedAccountResponse(
            connected_account=account.message(with_credential=False)
        )

    def delete_connected_account(self, request: Message) -> Message:
        """Forget an account."""
        self._world.remove(self._account(request).key)
        return protocol.accounts.DeleteConnectedAccountResponse()

    def disconnect_connected_account(self, request: Message) -> Message:
        """Put an account into the state DISCONNECTED."""
        if not request.id:
            raise Refusal(INVALID_ARGUMENT, "id must be provided")
        account = self._account(request)
        with self._world.change():
            account.authorize("DISCONNECTED", {})
        return protocol.accounts.DisconnectConnectedAccountResponse(
            connected_account=account.message(with_credential=False)
        )

    def get_magic_link_for_connected_account(self, request: Message) -> Message:
        """Make a link; the account need not exist, the connection must."""
        key = self._account(request).key if request.id else self._key(request)
        if not self._world.has_connection(key.connection_name):
            raise Refusal(NOT_FOUND, "the connector names no connection in this environment")
        link = MagicLink(
            key,
            time.time() + self._world.link_lifetime,
            state=request.state,
            user_verify_url=request.user_verify_url,
        )
        self._world.add_link(link)
        answer = protocol.accounts.GetMagicLinkForConnectedAccountResponse(
            link=f"{self._base_url}/magic_link/{quote(link.token)}"
        )
        answer.expiry.FromMilliseconds(int(link.expires_at * 1000))
        return answer

    def verify_connected_account_user(self, request: Message) -> Message:
        """Make an account ACTIVE whose person came back with this request id; it works once."""
        with self._world.change():
            link = self._world.link_by_request(request.auth_request_id)
            if link is None:
                raise Refusal(NOT_FOUND, "unknown or consumed auth request")
            wanted = link.key.identifier.encode("utf-8", "surrogatepass")
            given = request.identifier.encode("utf-8", "surrogatepass")
            if not hmac.compare_digest(wanted, given):
                raise Refusal(PERMISSION_DENIED, "identifier mismatch")
            link.request_id = ""
            account = self._world.account(link.key)
            if account is not None and account.status == PENDING_VERIFICATION:
                account.status = ACTIVE
                account.updated_at = time.time()
        return protocol.accounts.VerifyConnectedAccountUserResponse(
            post_user_verify_redirect_url=f"{self._base_url}/verified"
        )


def _unauthorized(world: World, key: AccountKey) -> SandboxAccount:
    """Return a new account of a connection, of the kind that the connection is of."""
    kind, provider = "OAUTH", provider_of(key.connection_name)
    for entry in world.connections():
        if entry["name"] == key.connection_name:
            kind = entry.get("type", kind)
            provider = entry.get("provider", provider)
    known = protocol.accounts.DESCRIPTOR.enum_types_by_name["ConnectorType"].values_by_name
    names = {"BEARER": "BEARER_TOKEN"} | {name: name for name in known}
    return SandboxAccount(
        key,
        status="PENDING_AUTH",
        authorization_type=names.get(kind, "CUSTOM"),
        provider=provider,
    )


def agree(world: World, link: MagicLink, fields: dict[str, str], status: str) -> None:
    """Give an account, made for it if need be, the credential that its person has agreed to."""
    with world.change():
        account = next((known for known in world if known.key == link.key), None)
        if account is None:
            account = _unauthorized(world, link.key)
            world.put(account)
        account.authorize(status, credential_for(account.authorization_type, fields))


def account_for_link(world: World, link: MagicLink) -> SandboxAccount:
    """Return the account of a link, or the one that agreeing would make."""
    found = next((known for known in world if known.key == link.key), None)
    return found or _unauthorized(world, link.key)


class ConnectionService:
    """`scalekit.v1.connections.ConnectionService`."""

    descriptor = protocol.connections.DESCRIPTOR.services_by_name["ConnectionService"]

    def __init__(self, world: World) -> None:
        self._world = world

    def list_app_connections(self, request: Message) -> Message:
        """List the connections, by provider and by a query in their names."""
        query = request.query.lower()
        found = [
            entry
            for entry in self._world.connections()
            if request.provider in ("", entry.get("provider", ""))
            and (query in entry["name"].lower() or query in entry.get("provider", "").lower())
        ]
        page, following, before = _page(found, request)
        answer = protocol.connections.ListAppConnectionsResponse(
            total_size=len(found), next_page_token=following, prev_page_token=before
        )
        known = protocol.connections.DESCRIPTOR.enum_types_by_name["ConnectionType"].values_by_name
        for entry in page:
            kind = entry.get("type", "OAUTH")
            kind = _CONNECTION_TYPES.get(kind, kind)
            answer.connections.add(
                id=stable_id("conn", entry["name"]),
                key_id=entry["name"],
                provider="CUSTOM",
                provider_key=entry.get("provider", ""),
                type=kind if kind in known else "OAUTH",
                status=entry.get("status", "COMPLETED"),
                enabled=entry.get("enabled", True),
                auth_mode=entry.get("auth_mode", "USER"),
            )
        return answer


class ProviderService:
    """`scalekit.v1.providers.ProviderService`."""

    descriptor = protocol.providers.DESCRIPTOR.services_by_name["ProviderService"]

    def __init__(self, world: World) -> None:
        self._world = world

    def list_providers(self, request: Message) -> Message:
        """List the declared providers and those of the connections."""
        entries = {entry["identifier"]: entry for entry in self._world.declared_providers}
        for connection in self._world.connections():
            name = connection.get("provider", "")
            if name:
                entries.setdefault(name, {"identifier": name, "display_name": name.title()})
        wanted = protocol.providers.ProviderType.Name(request.filter.provider_type)
        found = [
            entry
            for entry in entries.values()
            if request.identifier in ("", entry["identifier"])
            and wanted in ("ALL", "CUSTOM" if entry.get("is_custom") else "DEFAULT")
        ]
        page, following, before = _page(found, request)
        answer = protocol.providers.ListProvidersResponse(
            total_size=len(found), next_page_token=following, prev_page_token=before
        )
        for entry in page:
            fields = {"id": stable_id("prov", entry["identifier"]), **entry}
            patterns = fields.pop("auth_patterns", [])
            provider = answer.providers.add(**fields)
            provider.auth_patterns.extend(patterns)
        return answer
