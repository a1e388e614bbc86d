"""An https address, read so strictly that no client can take it for another host.

Where two programs read one address in two ways, a credential goes to the one and is checked for the
other (RFC 3986 section 7.6). So whatever is not plain is refused, not repaired.
"""

from __future__ import annotations

from scalekit_exec.config.settings import host_fault
from scalekit_exec.errors import UsageError
from scalekit_exec.record import record

__all__ = ["HTTPS", "Address", "read_address"]

HTTPS = 443
_EXAMPLE = "as in https://api.example.com/path"


@record
class Address:
    """Where a request goes: the host in lower case and without a last dot, port and path."""

    host: str
    port: int = HTTPS
    path: str = "/"


def read_address(text: str) -> Address:
    """Take an https address apart; UsageError `usage` for any other.

    The message repeats nothing but the host: a query may hold a secret.
    """
    scheme, separator, rest = text.partition("://")
    if not separator or not (scheme.isascii() and scheme.isalnum()):
        raise _refused("this is no address with https:// and a host")
    if scheme.lower() != "https":
        raise _refused(f"{scheme[:20].lower()}:// is not safe: a credential goes over https only")
    authority = rest
    for mark in "/?#":
        authority = authority.partition(mark)[0]
    if any(not "!" <= character <= "~" or character == "\\" for character in text):
        raise _refused(
            "the address has a blank, a backslash or a character beyond ASCII",
            "write the host in ASCII (xn--…) and the rest percent-encoded",
        )
    if "@" in authority:
        raise _refused("the address has a user's name before the host", "leave out all before @")
    host, port = _host(authority)
    path = rest[len(authority) :].partition("?")[0].partition("#")[0]
    return Address(host, port, _plain_path(path))


def _refused(what: str, hint: str = _EXAMPLE) -> UsageError:
    return UsageError("usage", what, hint)


def _host(authority: str) -> tuple[str, int]:
    host, colon, digits = authority.partition(":")
    host = host.lower().removesuffix(".")
    fault = host_fault(host)  # of an IPv6 address no more than its bracket is left here
    if fault:
        raise _refused(f"the address {fault}")
    if not colon:
        return host, HTTPS
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 5 and 0 < int(digits) < 65536):
        raise _refused(f"the address of {host} has a port that is none")
    return host, int(digits)


def _plain_path(path: str) -> str:
    """Return the path without `.` and `..`, as clients send it."""
    out: list[str] = []
    for segment in path.split("/")[1:]:
        plain = segment.replace("%2e", ".").replace("%2E", ".")
        if plain == "..":
            out[-1:] = []
        elif plain != ".":
            out.append(segment)
    return "/" + "/".join(out)
