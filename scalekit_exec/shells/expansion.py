"""A variable that the caller's shell filled in before the launch had set it.

`curl -H "Authorization: Bearer $GMAIL_TOKEN"` under scalekit-exec: the shell in front expands the
variable, which is not set yet, and the command gets an empty token. What is left can be seen.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["empty_place"]

# What a credential stands behind, without blanks. A header that has a name only is left out: curl
# takes `-H "Authorization:"` for the wish to send none.
_BEFORE = (
    *("authorization:bearer", "authorization:token", "authorization:basic"),
    *("access_token=", "api_key=", "apikey="),
)
_HEADERS = ("authorization:", "x-api-key:", "private-token:", "x-auth-token:", "api-key:")
_WHOLE = ("bearer", "--token=", "--api-key=", "--access-token=", "--oauth2-bearer=")
_END = frozenset("'\"&")


def empty_place(command: Sequence[str]) -> str | None:
    """Return where a command's credential is missing, such as `Authorization: Bearer `.

    Only that much of the argument is returned: the rest of it may be secret. None where nothing is
    missing. Text that a shell within is to expand (`sh -c '…$GMAIL_TOKEN…'`) is not empty.
    """
    for argument in command[1:]:
        lower = argument.lower()
        if lower.strip(" ") in _WHOLE and lower.endswith(("=", " ")):
            return argument
        place = _within(argument, lower)
        if place is not None:
            return place
    return None


def _within(argument: str, lower: str) -> str | None:
    """Find a name with nothing behind it: the argument ends there, or a quote, or a parameter."""
    at = [number for number, character in enumerate(lower) if character != " "]
    dense = "".join(lower[number] for number in at)
    for before in (*_BEFORE, *_HEADERS):
        start = dense.find(before)
        while start >= 0:
            end = start + len(before)
            last = at[end - 1] + 1
            stop = at[end] if end < len(at) else len(argument)
            if (end == len(dense) or dense[end] in _END) and (
                before in _BEFORE or (stop > last and not dense[end:].startswith("&"))
            ):
                return argument[at[start] : stop]
            start = dense.find(before, end)
    return None
