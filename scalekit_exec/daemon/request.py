"""A launch's request, read strictly, and the digest of all that its answer is bound to."""

from __future__ import annotations

import hashlib
import json

from scalekit_exec.clock import Deadline
from scalekit_exec.model import AccountKey, ClientCredentials
from scalekit_exec.record import record
from scalekit_exec.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["CALLS", "Request", "read"]

CALLS = ("credential", "account", "link", "verify")
FIELDS = ("state", "user_verify_url", "auth_request_id", "identifier")
# A launch that waits longer than this for one answer gets it by itself, so that nothing of one that
# is gone stays with us for hours.
LONGEST = 120.0


@record
class Request:
    """One call of one launch.

    `way` are the settings of trust and proxy, `marks` what tells each file of theirs from another
    of that path. `patient` says that the launch has more time than its call is given here.
    """

    call: str
    launch: str
    client: ClientCredentials
    way: Mapping[str, str]
    marks: Mapping[str, object]
    deadline: Deadline
    min_ttl: float
    key: AccountKey | None
    fields: Mapping[str, str]
    patient: bool = False

    def digest(self, salt: bytes) -> bytes:
        """Return what stands for credentials and way; nobody without `salt` can make it."""
        client = self.client
        bound = [client.env_url, client.client_id, client.client_secret.reveal()]
        text = json.dumps([bound, sorted(self.way.items()), sorted(self.marks.items())])
        return hashlib.blake2b(text.encode("ascii"), key=salt, digest_size=32).digest()


def read(message: Mapping[str, object]) -> Request:
    """Read a request; ValueError for what is none."""
    client = _mapping(message, "client")
    left = _number(message, "left")
    deadline = Deadline(min(left, LONGEST))
    deadline.seconds = _number(message, "seconds")  # for the message that it is over
    call, launch = _text(message, "call"), _text(message, "launch")
    key = _key(message.get("key"))
    if call not in CALLS or (key is None) != (call == "verify"):
        raise ValueError("no such call")
    way = _mapping(message, "way")
    fields = _mapping(message, "fields")
    return Request(
        call,
        launch,
        ClientCredentials(
            _text(client, "id"),
            Secret(_text(client, "secret")),
            _text(client, "url"),
            _text(client, "source"),
        ),
        {name: _text(way, name) for name in way},
        _mapping(message, "marks"),
        deadline,
        _number(message, "min_ttl"),
        key,
        {name: _text(fields, name) for name in FIELDS if name in fields},
        patient=left > LONGEST,
    )


def _key(value: object) -> AccountKey | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError("no account")
    name, identifier, *scope = value
    if not isinstance(name, str) or not isinstance(identifier, str):
        raise ValueError("no account")  # noqa: TRY004 - one class for every fault of a message
    if any(not isinstance(each, str | None) for each in scope):
        raise ValueError("no account")
    return AccountKey(name, identifier, *scope)


def _mapping(message: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = message.get(name)
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no object")  # noqa: TRY004 - likewise
    return value


def _text(message: Mapping[str, object], name: str) -> str:
    value = message.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")  # noqa: TRY004 - likewise
    return value


def _number(message: Mapping[str, object], name: str) -> float:
    value = message.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e9:
        raise ValueError(f"{name} is no number of seconds")
    return float(value)
