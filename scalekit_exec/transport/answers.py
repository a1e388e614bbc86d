"""Scalekit's JSON, read into our nouns; and its refusals, read into our errors.

Both transports end here: the SDK's messages are turned into the JSON that REST would have sent.
Field names and enum values are those of the SDK's protobuf descriptors, which a test compares.
"""

from __future__ import annotations

from scalekit_exec import jsontext
from scalekit_exec.clock import parse_http_date, parse_rfc3339
from scalekit_exec.errors import VaultError, shown
from scalekit_exec.model import ACTIVE, Account, AccountKey, Credential, Link
from scalekit_exec.record import record
from scalekit_exec.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = [
    "STATUSES",
    "Answer",
    "account",
    "credential",
    "decode",
    "link",
    "verified",
]

# Beyond these a server is not telling the time, or sending anybody anywhere, but trying us out.
LONGEST_DATE = 64
HIDDEN = "[REDACTED]"
DEEPEST_INFO = 8
LONGEST_LINK = 8192
STATUSES = (ACTIVE, "EXPIRED", "PENDING_AUTH", "PENDING_VERIFICATION", "DISCONNECTED")
BASIC_TYPES = ("BASIC_AUTH", "BASIC")
TOKEN_FIELDS = ("token", "bearer_token", "api_key")
# Static values that say where, not who: they stand beside a token without making it one of several.
PLACE_FIELDS = ("domain", "subdomain", "version", "region", "host", "base_url", "instance_url")


@record
class Answer:
    """What came back for one request, whichever way it went.

    `info` is Scalekit's ErrorInfo where the answer had one, `message` the text beside it.
    `received_at` is our clock, `date` the server's Date header, both in POSIX seconds.
    """

    status: int
    body: bytes = b""
    location: str = ""
    retry_after: str = ""
    date: str = ""
    received_at: float = 0.0
    info: Mapping[str, object] | None = None
    message: str = ""

    @property
    def as_of(self) -> float:
        """The server's time, or ours where it did not tell."""
        told = parse_http_date(self.date[:LONGEST_DATE])
        return self.received_at if told is None else told


def decode(answer: Answer, host: str) -> dict[str, object]:
    """Read a JSON object out of a 200; raises VaultError `unexpected-answer` for all else."""
    try:
        value = jsontext.read(answer.body)
    except (ValueError, RecursionError):
        what = "an empty answer" if not answer.body.strip() else "something that is not JSON"
        if answer.body.lstrip()[:1] == b"<":
            what = "a web page instead of JSON"
        raise VaultError(
            "unexpected-answer",
            f"{shown(host)} sent {what}",
            "a proxy or a sign-in page may stand between; check the URL, HTTPS_PROXY and NO_PROXY",
            status=answer.status,
        ) from None
    if not isinstance(value, dict):
        # Of its content nothing is told: it may be a credential.
        kind = "string" if isinstance(value, str) else _kind(value)
        raise _strange(host, f"a JSON {kind} instead of an object")
    return value


def with_error_info(answer: Answer) -> Answer:
    """Return the answer with message and ErrorInfo taken out of a JSON error body, if it is one."""
    from scalekit_exec.record import replace

    try:
        body = jsontext.read(answer.body)
    except (ValueError, RecursionError):
        return answer
    if not isinstance(body, dict):
        return answer
    message = body.get("message")
    details = body.get("details")
    info = None
    for detail in details if isinstance(details, list) else ():
        if (
            isinstance(detail, dict)
            and isinstance(kind := detail.get("@type"), str)
            and kind.endswith("scalekit.v1.errdetails.ErrorInfo")
            and isinstance(detail.get("error_code"), str)
        ):
            info = detail
            break
    return replace(answer, info=info, message=message if isinstance(message, str) else "")


def without(answer: Answer, secrets: Iterable[str]) -> Answer:
    """Return a refusal without what was secret in the request, which some servers repeat.

    Of its body nothing is ever shown as it came, so only what was read out of it counts.
    """
    from scalekit_exec.record import replace

    known = sorted(filter(None, secrets), key=len, reverse=True)

    def cleaned(value: object, depth: int = 0) -> object:
        if depth > DEEPEST_INFO:  # nothing there is ever shown
            return None
        if isinstance(value, dict):
            return {key: cleaned(each, depth + 1) for key, each in value.items()}
        if isinstance(value, list):
            return [cleaned(each, depth + 1) for each in value]
        return hidden(value) if isinstance(value, str) else value

    def hidden(text: str) -> str:
        for secret in known:
            text = text.replace(secret, HIDDEN)
        return text

    info = None if answer.info is None else {k: cleaned(v) for k, v in answer.info.items()}
    message, location = hidden(answer.message), hidden(answer.location)
    return replace(answer, info=info, message=message, location=location)


def _strange(host: str, what: str) -> VaultError:
    return VaultError(
        "unexpected-answer",
        f"{shown(host)} sent {what}",
        "run again with -v; if it stays, the tool may be older than Scalekit's API: upgrade it",
    )


def _text(value: object) -> str:
    """Return a scalar of Scalekit's as text: whole floats without `.0`, as Struct makes them.

    What is no scalar is no text either.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value) if isinstance(value, (str, int, float)) else ""


def _kind(value: object) -> str:
    kinds = ((type(None), "null"), (bool, "boolean"), (dict, "object"), (list, "array"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "number")


def _told(value: object, limit: int) -> str:
    """Show a value of Scalekit's in a message: a string as it is, of all else only the kind."""
    return shown(value, limit) if isinstance(value, str) else f"a JSON {_kind(value)}"


def _access_token(details: Mapping[str, object], host: str) -> str:
    token = details.get("access_token")
    if token is not None and not isinstance(token, str):
        raise _strange(host, f"an access token that is {_told(token, 0)}")
    return token or ""


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _expiry(value: object, host: str) -> float | None:
    """Read a timestamp; unset ones arrive as null, as 1970 or as Go's year 1, and mean none."""
    if value is None or value == "":
        return None
    try:
        seconds = parse_rfc3339(value if isinstance(value, str) else "")
    except ValueError:
        raise _strange(host, f"a time that is none: {_told(value, 40)}") from None
    return seconds if seconds > 0 else None


def account(body: Mapping[str, object], key: AccountKey, host: str, as_of: float) -> Account:
    """Read the account out of a read's answer; raises VaultError `unexpected-answer`."""
    row = body.get("connected_account")
    if not isinstance(row, dict):
        raise _strange(host, "an answer without an account")
    status = row.get("status")
    if status not in STATUSES:
        raise _strange(host, f"an account status that is unknown here: {_told(status, 60)}")
    return Account(
        key,
        str(status),
        id=_text(row.get("id") or ""),
        provider=_text(row.get("provider") or ""),
        authorization_type=_text(row.get("authorization_type") or ""),
        expires_at=_expiry(row.get("token_expires_at"), host),
        as_of=as_of,
        updated_at=_text(row.get("updated_at") or ""),
    )


def credential(
    body: Mapping[str, object], key: AccountKey, host: str, as_of: float
) -> Credential | Account:
    """Read the credential out of a read's answer; the bare account where it is not ACTIVE.

    `token` is OAuth's or DWD's access token, else the one static token there is. Basic auth and
    anything of several values has none; its values are in `fields`.
    """
    found = account(body, key, host, as_of)
    if found.status != ACTIVE:
        return found
    row = _mapping(body["connected_account"])
    details = _mapping(row.get("authorization_details"))
    oauth, dwd = _mapping(details.get("oauth_token")), _mapping(details.get("google_dwd"))
    static = _static(details)
    expires_at = found.expires_at
    token = ""
    if oauth:
        token = _access_token(oauth, host)
    elif dwd:
        token = _access_token(dwd, host)
        expires_at = _expiry(dwd.get("token_expires_at"), host) or expires_at
    else:
        token = _static_token(static, found.authorization_type)
    domain = _mapping(row.get("api_config")).get("domain") or oauth.get("domain")
    return Credential(
        found,
        Secret(token) if token else None,
        _fields(static, token, _text(domain or ""), key, expires_at),
        expires_at,
    )


def _static(details: Mapping[str, object]) -> dict[str, str]:
    """Return the static values: REST nests them in `details`, and other kinds have plain keys."""
    given = _mapping(details.get("static_auth") or details.get("trusted_idp"))
    nested = given.get("details")
    values = nested if isinstance(nested, dict) else given
    return {
        str(name): _text(value)
        for name, value in values.items()
        if isinstance(value, (str, int, float)) and value != "" and name != "refresh_token"
    }


def _static_token(static: Mapping[str, str], authorization_type: str) -> str:
    if authorization_type in BASIC_TYPES:
        return ""
    values = [name for name in static if name not in PLACE_FIELDS]
    if len(values) == 1 and values[0] in TOKEN_FIELDS:
        return static[values[0]]
    return ""


def _fields(
    static: Mapping[str, str], token: str, domain: str, key: AccountKey, expires_at: float | None
) -> dict[str, Secret]:
    from scalekit_exec.clock import format_rfc3339

    values = dict(static)
    if domain:
        values["domain"] = domain
    values["identifier"] = key.identifier
    values.pop("expires_at", None)
    if expires_at is not None:
        values["expires_at"] = format_rfc3339(expires_at)
    if token:
        values["token"] = token
    return {name: Secret(value) for name, value in values.items()}


def link(body: Mapping[str, object], host: str, as_of: float | None = None) -> Link:
    """Read a magic link; raises VaultError `unexpected-answer` for one that is not https.

    `as_of` is the server's time of the answer, in POSIX seconds.
    """
    url = body.get("link")
    if not isinstance(url, str) or not url.startswith("https://"):
        raise _strange(host, f"a link that is not https: {_told(url, 80)}")
    if any(not "!" <= character <= "~" for character in url):
        raise _strange(host, "a link with characters that no URL has")
    if len(url) > LONGEST_LINK:
        raise _strange(host, f"a link of {len(url)} characters")
    expires_at = _expiry(body.get("expiry"), host)
    if expires_at is None or as_of is None:
        return Link(url, expires_at)
    return Link(url, expires_at, expires_at - as_of)


def verified(body: Mapping[str, object], host: str) -> str:
    """Read where to send the browser after a verification; "" where Scalekit names no address."""
    url = body.get("post_user_verify_redirect_url") or ""
    if not isinstance(url, str) or not (url == "" or url.startswith(("https://", "http://"))):
        raise _strange(host, f"an address that is none: {_told(url, 80)}")
    return url
