"""Scalekit's refusals, read into our errors: what each status other than 200 means."""

from __future__ import annotations

from scalekit_exec.errors import AuthorizationError, ScalekitExecError, VaultError, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from scalekit_exec.model import AccountKey
    from scalekit_exec.transport.answers import Answer

__all__ = ["RestAbsentError", "refusal", "request_id"]


class RestAbsentError(VaultError):
    """A read was answered as by a server that has no REST surface."""

    def __init__(self, host: str, status: int) -> None:
        super().__init__(
            "unexpected-answer",
            f"{shown(host)} answered {status} as if it had no such API",
            "check that the URL is your Scalekit environment's, as its dashboard shows it",
            status=status,
        )


def refusal(
    answer: Answer, host: str, permission: str, key: AccountKey | None
) -> ScalekitExecError:
    """Return the error that an answer other than 200 means.

    `permission` is what the call needs, for a 403 that does not say; `key` the account that was
    asked for.
    """
    status = answer.status
    if status == 404 and answer.info is not None and key is not None:
        return AuthorizationError(
            "account-not-found",
            f'no account "{shown(key.identifier)}" on {shown(key.connection_name)}, '
            "or no such connection",
        )
    if status in (404, 405, 501):
        return RestAbsentError(host, status)
    said = f": {shown(answer.message, 120)}" if answer.message else ""
    code, message, hint = _meaning(answer, shown(host), permission)
    return VaultError(code, message + said, hint, status=status)


def _meaning(answer: Answer, name: str, permission: str) -> tuple[str, str, str]:
    """Return code word, message and hint for a status."""
    status = answer.status
    if 300 <= status < 400:
        where = shown(answer.location, 80) or "nowhere"
        return (
            "unexpected-answer",
            f"{name} sends us elsewhere ({status} to {where})",
            "redirects are never followed; set the environment URL to where it really is",
        )
    if status == 403:
        needed = _permissions(answer) or permission
        return (
            "forbidden",
            f"{name} does not let this client do that; it needs {needed}",
            f"give the API client {_named(needed)} in the Scalekit dashboard",
        )
    if 502 <= status <= 504:
        return (
            "unreachable",
            f"{name} answers {status}",
            "Scalekit or a proxy before it is down; try again in a minute",
        )
    known = {
        401: (
            "credentials-rejected",
            f"{name} rejects the client credentials",
            (
                "check SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET in the Scalekit dashboard: "
                "Developers, Settings, API credentials"
            ),
        ),
        429: (
            "rate-limited",
            f"{name} still answers 429, too many requests",
            "wait a minute; fewer launches at once, or one launch for several services, help",
        ),
    }
    return known.get(status) or (
        "unexpected-answer",
        f"{name} answers {status}",
        "run again with -v for the request's id, and give that id to Scalekit's support"
        if _request_id(answer)
        else "try again in a minute; if it stays, check the URL and what stands between",
    )


def _named(needed: str) -> str:
    return needed if needed.startswith("the right") else f"the permission {needed}"


def _inner(answer: Answer, name: str) -> dict[str, object]:
    found = (answer.info or {}).get(name)
    return found if isinstance(found, dict) else {}


def _permissions(answer: Answer) -> str:
    needed = _inner(answer, "resource_info").get("required_permissions")
    if isinstance(needed, list):
        return ", ".join(shown(permission, 80) for permission in needed[:5])
    return ""


def request_id(answer: Answer, say: Callable[[str], None]) -> None:
    """Say the id by which Scalekit's support finds a request, where the answer has one."""
    found = _request_id(answer)
    if found:
        say(f"Scalekit's id of this request is {shown(found, 80)}")


def _request_id(answer: Answer) -> str:
    found = _inner(answer, "request_info").get("request_id")
    return found if isinstance(found, str) else ""
