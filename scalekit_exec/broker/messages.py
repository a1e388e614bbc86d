"""What the broker and its clients say to each other, as JSON."""

from __future__ import annotations

import sys

from scalekit_exec import jsontext
from scalekit_exec.broker.wire import TEXT, Answer
from scalekit_exec.clock import format_rfc3339, parse_rfc3339
from scalekit_exec.errors import CODES, Failure, shown
from scalekit_exec.record import record
from scalekit_exec.secret import Secret
from scalekit_exec.variables import refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scalekit_exec.environment import Filled
    from scalekit_exec.model import Wanted

__all__ = [
    "PASSING",
    "Given",
    "Held",
    "environment_answer",
    "failure_answer",
    "read_environment",
    "read_failure",
    "read_services",
    "read_token",
    "services_answer",
    "token_answer",
]

VERSION = 1
LINES_OF_A_HINT = 5
WINDOWS = sys.platform == "win32"
# Another try, or a person, may help; what is answered 502 stays as it is until something changes.
PASSING = ("unreachable", "timed-out", "rate-limited", "authorization-required", "token-expiring")


@record
class Given:
    """A bare token as the broker gives it; `expires_at` is in POSIX seconds, None if not known."""

    token: Secret
    expires_at: float | None = None


@record
class Held:
    """What a broker holds of one service, as `GET /v1/environment/` tells it.

    `bare` are the variables that are a bare token; `launch` all that the broker's launch owns, by
    name, so that a launch inside can leave out those of other services. `secrets` are what of the
    values is to be hidden in output.
    """

    service: str
    connection_name: str
    identifier: str
    required: bool
    variables: Mapping[str, Secret]
    bare: tuple[str, ...] = ()
    launch: tuple[str, ...] = ()
    expires_at: float | None = None
    organization_id: str | None = None
    user_id: str | None = None
    secrets: tuple[Secret, ...] = ()


def token_answer(service: str, token: Secret, expires_at: float | None, *, plain: bool) -> Answer:
    """Return the answer of `/v1/token/`: an object, or the bare token."""
    if plain:
        return Answer(200, token.reveal().encode(), TEXT)
    told = {"service": service, "token": token.reveal(), "expires_at": _time(expires_at)}
    return Answer(200, _encode(told))


def environment_answer(filled: Sequence[Filled], launch: Sequence[str]) -> Answer:
    """Return the answer of `/v1/environment/` for all that a launch maps of one account."""
    first = filled[0].wanted
    variables = [variable for each in filled for variable in each.wanted.variables]
    told = {
        "version": VERSION,
        "service": first.service.name,
        "connection_name": first.service.connection_name,
        "identifier": first.identifier,
        "organization_id": first.service.organization_id,
        "user_id": first.service.user_id,
        "required": first.service.required,
        "variables": {
            name: value.reveal() for each in filled for name, value in each.values.items()
        },
        "bare": [variable.name for variable in variables if variable.is_token],
        "secrets": _secrets(filled),
        "expires_at": _time(filled[0].expires_at),
        "launch": list(launch),
    }
    return Answer(200, _encode(told))


def _secrets(filled: Sequence[Filled]) -> list[str]:
    """Return the secret parts of these variables' values, each once."""
    from scalekit_exec.redaction import is_hidden

    found: dict[str, None] = {}
    for each in filled:
        for variable in each.wanted.variables:
            for name in filter(is_hidden, variable.template.names):
                secret = each.token if variable.is_token else each.fields.get(name)
                if secret is not None:
                    found[secret.reveal()] = None
    return list(found)


def services_answer(served: Sequence[Wanted]) -> Answer:
    """Return the answer of `/v1/services`: whose accounts can be asked for."""
    told = [
        {
            "service": each.service.name,
            "connection_name": each.service.connection_name,
            "identifier": each.identifier,
        }
        for each in served
    ]
    return Answer(200, _encode({"version": VERSION, "services": told}))


def read_services(answer: Answer) -> list[tuple[str, str, str]]:
    """Read the object of `/v1/services`: service, connection and identifier; ValueError else."""
    found = _decode(answer).get("services")
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else None
    if rows is None:
        raise ValueError("not a list")
    keys = ("service", "connection_name", "identifier")
    texts = [[_text(row, key) for key in keys] for row in rows]
    return [(service, connection, who) for service, connection, who in texts]


def failure_answer(status: int, failure: Failure) -> Answer:
    """Return a failure with the keys of docs/errors.md."""
    told = {
        "version": VERSION,
        "error": failure.code,
        "message": failure.message,
        "hint": failure.hint,
        "service": failure.service,
        "connection_name": failure.connection_name,
        "identifier": failure.identifier,
        "status": failure.status,
        "link": failure.link,
        "expires_at": _time(failure.expires_at),
    }
    return Answer(status, _encode(told))


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else format_rfc3339(seconds)


def _encode(value: Mapping[str, object]) -> bytes:
    return jsontext.write(value) + b"\n"


def _decode(answer: Answer) -> dict[str, object]:
    try:
        value = jsontext.read(answer.body)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - one class for every fault of an answer
    return value


def read_token(answer: Answer) -> Given:
    """Read the object of `/v1/token/`; ValueError where it is none."""
    told = _decode(answer)
    ends = told.get("expires_at")
    return Given(
        Secret(_text(told, "token")), None if ends is None else parse_rfc3339(_checked(ends))
    )


def read_environment(answer: Answer) -> Held:
    """Read the object of `/v1/environment/`; ValueError where it is none of this version."""
    told = _decode(answer)
    variables = told.get("variables")
    if told.get("version") != VERSION or not isinstance(variables, dict):
        raise ValueError("another version")
    launch = _texts(told, "launch")
    if any(refusal(name, windows=WINDOWS) for name in (*variables, *launch)):
        raise ValueError("a variable that nobody may set")
    ends = told.get("expires_at")
    service = _text(told, "service")
    if shown(service) != service:
        raise ValueError("not the name of a service")
    values = {name: Secret(_value(text)) for name, text in variables.items()}
    secrets = tuple(map(_value, _texts(told, "secrets"))) if "secrets" in told else ()
    bare = _texts(told, "bare")
    if not set(bare) <= values.keys():
        raise ValueError("a token in no variable")
    return Held(
        service=service,
        connection_name=_text(told, "connection_name"),
        identifier=_text(told, "identifier"),
        required=told.get("required") is not False,
        variables=values,
        bare=bare,
        launch=launch,
        expires_at=None if ends is None else parse_rfc3339(_checked(ends)),
        organization_id=_maybe(told, "organization_id"),
        user_id=_maybe(told, "user_id"),
        secrets=tuple(map(Secret, secrets)) or tuple(values.values()),
    )


def read_failure(answer: Answer) -> Failure:
    """Read a failure; what is none of this version becomes one with the code `broker`."""
    try:
        told = _decode(answer)
        code = _text(told, "error")
        ends = told.get("expires_at")
        hint = _text(told, "hint").split("\n")
        return Failure(
            code if code in CODES else "broker",
            shown(_text(told, "message"), 600),
            "\n".join(shown(line, 600) for line in hint[:LINES_OF_A_HINT]),
            shown(_text(told, "service")),
            shown(_text(told, "connection_name")),
            shown(_text(told, "identifier")),
            _plain(_maybe(told, "status")),
            _link(_maybe(told, "link")),
            None if ends is None else parse_rfc3339(_checked(ends)),
        )
    except ValueError:
        return Failure(
            "broker",
            f"the broker answered {answer.status}, which makes no sense here",
            "it may be of another version of scalekit-exec than this one",
        )


def _checked(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("not a string")  # noqa: TRY004 - one class for every fault of an answer
    return value


def _text(told: Mapping[str, object], key: str) -> str:
    return _checked(told.get(key))


def _maybe(told: Mapping[str, object], key: str) -> str | None:
    value = told.get(key)
    return None if value is None else _checked(value)


def _plain(text: str | None) -> str | None:
    """Return a text that a terminal shows as it is; None for any other."""
    return text if text is None or shown(text, len(text)) == text else None


def _link(text: str | None) -> str | None:
    """Return the address that a person is to open; None for what is none."""
    return _plain(text) if text is not None and text.startswith("https://") else None


def _value(value: object) -> str:
    """Return a text that an environment can hold."""
    text = _checked(value)
    if "\0" in text or any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise ValueError("no value of a variable")
    return text


def _texts(told: Mapping[str, object], key: str) -> tuple[str, ...]:
    value = told.get(key)
    if not isinstance(value, list):
        raise ValueError("not a list")  # noqa: TRY004 - one class for every fault of an answer
    return tuple(_checked(item) for item in value)
