"""The vault over Scalekit's documented REST surface, on the standard library alone."""

from __future__ import annotations

from scalekit_exec import jsontext
from scalekit_exec.transport import answers, message
from scalekit_exec.transport.refusals import refusal, request_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from scalekit_exec.model import Account, AccountKey, Credential, Link
    from scalekit_exec.transport.answers import Answer
    from scalekit_exec.transport.http import Exchange, ServiceToken

__all__ = ["HttpsVault"]

ACCESS = "connected_accounts:access"
READ = "connected_accounts:read"
AUTH_PATH = "/api/v1/connected_accounts/auth"
DETAILS_PATH = "/api/v1/connected_accounts/details"
LINK_PATH = "/api/v1/connected_accounts/magic_link"
VERIFY_PATH = "/api/v1/connected_accounts/user/verify"


def key_fields(key: AccountKey) -> dict[str, str]:
    """Return the fields that every call names an account by; unset ones are left out."""
    fields = {
        "connector": key.connection_name,
        "identifier": key.identifier,
        "organization_id": key.organization_id,
        "user_id": key.user_id,
    }
    return {name: value for name, value in fields.items() if value}


class HttpsVault:
    """The port, one REST request a call."""

    def __init__(self, exchange: Exchange, token: ServiceToken) -> None:
        self._exchange = exchange
        self._token = token

    def credential(self, key: AccountKey) -> Credential | Account:
        """Read the credential; the bare account where it is not ACTIVE."""
        answer = self._read(AUTH_PATH, key, ACCESS)
        body = answers.decode(answer, self._exchange.host)
        return answers.credential(body, key, self._exchange.host, answer.as_of)

    def account(self, key: AccountKey) -> Account:
        """Read the account's state only."""
        answer = self._read(DETAILS_PATH, key, READ)
        body = answers.decode(answer, self._exchange.host)
        return answers.account(body, key, self._exchange.host, answer.as_of)

    def link(self, key: AccountKey, *, state: str = "", user_verify_url: str = "") -> Link:
        """Make a magic link."""
        fields = key_fields(key)
        fields |= {"state": state} if state else {}
        fields |= {"user_verify_url": user_verify_url} if user_verify_url else {}
        answer = self._post(LINK_PATH, fields, ACCESS, key)
        body = answers.decode(answer, self._exchange.host)
        return answers.link(body, self._exchange.host, answer.as_of)

    def verify(self, auth_request_id: str, identifier: str) -> str:
        """Confirm who authorized."""
        fields = {"auth_request_id": auth_request_id, "identifier": identifier}
        answer = self._post(VERIFY_PATH, fields, "to verify users", None)
        return answers.verified(answers.decode(answer, self._exchange.host), self._exchange.host)

    def close(self) -> None:
        """Close every connection."""
        self._exchange.close()

    def _read(self, path: str, key: AccountKey, permission: str) -> Answer:
        return self._call("GET", f"{path}?{message.form(key_fields(key))}", None, permission, key)

    def _post(
        self, path: str, fields: dict[str, str], permission: str, key: AccountKey | None
    ) -> Answer:
        return self._call("POST", path, jsontext.write(fields), permission, key)

    def _call(
        self, method: str, path: str, body: bytes | None, permission: str, key: AccountKey | None
    ) -> Answer:
        """Send with the service token, once more with a new one after a 401."""
        if not self._token.known:
            self._exchange.warm()
        token = self._token.get()

        def headers() -> dict[str, str]:
            given = {"Authorization": f"Bearer {token.reveal()}"}
            return given | {"Content-Type": "application/json"} if body else given

        answer = self._exchange.send(method, path, body=body, headers=headers)
        if answer.status == 401:
            token = self._token.renew(token)
            answer = self._exchange.send(method, path, body=body, headers=headers)
        if answer.status != 200:
            request_id(answer, self._exchange.say)
            raise refusal(answer, self._exchange.host, permission, key)
        return answer
