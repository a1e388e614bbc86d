"""REST to protobuf and back, by the descriptors' own HTTP annotations and by nothing else.

No path, verb or field name is written down here: they are read from `google.api.http`, as
grpc-gateway does, so that the sandbox speaks what the installed SDK's descriptors say.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf import json_format, message_factory

from scalekit_exec.sandbox import protocol
from scalekit_exec.sandbox.refusal import INVALID_ARGUMENT, Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from scalekit_exec.sandbox.protocol import Descriptor, Message

__all__ = ["Route", "Routes", "dictionary"]

_VERBS = ("get", "put", "post", "delete", "patch")
_VARIABLE = re.compile(r"\{([a-z_]+)\}")


@dataclass(frozen=True, slots=True)
class Route:
    """One binding of one method: verb, path, and what the body is (`*`, a field, or nothing)."""

    verb: str
    template: str
    body: str
    method: Descriptor

    @property
    def pattern(self) -> re.Pattern[str]:
        """The path as a regular expression, with a group for each variable."""
        parts = _VARIABLE.split(self.template)
        text = "".join(
            f"(?P<{part}>[^/]+)" if number % 2 else re.escape(part)
            for number, part in enumerate(parts)
        )
        return re.compile(text + r"\Z")

    def request(
        self, variables: Mapping[str, str], query: Iterable[tuple[str, str]], body: bytes
    ) -> Message:
        """Return the request message; Refusal INVALID_ARGUMENT where the values do not fit."""
        message = message_factory.GetMessageClass(self.method.input_type)()
        try:
            if self.body:
                target = message if self.body == "*" else getattr(message, self.body)
                json_format.Parse(body or b"{}", target, ignore_unknown_fields=True)
            given = list(variables.items())
            if self.body != "*":
                given = [*query, *given]
            values = _nested(message.DESCRIPTOR, given)
            json_format.ParseDict(values, message, ignore_unknown_fields=True)
        except (json_format.ParseError, UnicodeDecodeError, ValueError, KeyError) as error:
            raise Refusal(INVALID_ARGUMENT, f"invalid request: {error}") from None
        return message


def _nested(descriptor: Descriptor, pairs: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return query parameters, `a.b=c` and repeated ones too, as the JSON that they stand for.

    Parameters that are no fields are ignored, as grpc-gateway ignores them.
    """
    values: dict[str, Any] = {}
    for path, text in pairs:
        inside, level, field = descriptor, values, None
        names = path.split(".")
        for name in names:
            field = None if inside is None else _field(inside, name)
            if field is None:
                break
            inside = field.message_type
            if name is not names[-1]:
                level = level.setdefault(field.name, {})
        if field is None:
            continue
        value = _scalar(field, text)
        if field.is_repeated:
            level.setdefault(field.name, []).append(value)
        else:
            level[field.name] = value
    return values


def _field(descriptor: Descriptor, name: str) -> Descriptor:
    for field in descriptor.fields:
        if name in (field.name, field.camelcase_name):
            return field
    return None


def _scalar(field: Descriptor, text: str) -> object:
    if field.cpp_type == field.CPPTYPE_BOOL:
        if text not in ("true", "false", "1", "0"):
            raise ValueError(f"{field.name} is neither true nor false")
        return text in ("true", "1")
    # The JSON parser below passes over an unknown name, as it does for fields.
    if field.enum_type is not None and not text.isdecimal():
        return field.enum_type.values_by_name[text].number
    return text


def _bindings(method: Descriptor) -> Iterable[Route]:
    rule = method.GetOptions().Extensions[protocol.http_extension]
    for binding in (rule, *rule.additional_bindings):
        verb = binding.WhichOneof("pattern")
        if verb in _VERBS:
            yield Route(verb.upper(), getattr(binding, verb), binding.body, method)


class Routes:
    """The routes of some services, looked up by verb and path."""

    def __init__(self, services: Iterable[Descriptor]) -> None:
        routes = [
            route
            for service in services
            for method in service.methods
            for route in _bindings(method)
        ]
        # Literal paths win over those with variables: `/auth` is not an account's id.
        routes.sort(key=lambda route: (route.template.count("{"), -len(route.template)))
        self._routes = [(route, route.pattern) for route in routes]

    def __iter__(self) -> Iterator[Route]:
        return iter([route for route, _ in self._routes])

    def find(self, verb: str, path: str) -> tuple[Route | None, dict[str, str], bool]:
        """Return the route, its variables, and whether the path is known for any verb."""
        known = False
        for route, pattern in self._routes:
            if match := pattern.match(path):
                known = True
                if route.verb == verb:
                    return route, match.groupdict(), True
        return None, {}, known


def dictionary(message: Message) -> dict[str, Any]:
    """Return a response as the JSON object that Scalekit's gateway makes of it.

    Names are snake_case, enums are names, times RFC 3339; what is unset is there with its default,
    messages and arms of a oneof as null.
    """
    values: dict[str, Any] = json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    _show_unset(message, values)
    return values


def _show_unset(message: Message, values: dict[str, Any]) -> None:
    for field in message.DESCRIPTOR.fields:
        if field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        if field.message_type.full_name.startswith("google.protobuf."):
            if field.has_presence and not message.HasField(field.name):
                values[field.name] = None
        elif field.is_repeated:
            for item, shown in zip(getattr(message, field.name), values[field.name], strict=True):
                _show_unset(item, shown)
        elif message.HasField(field.name):
            _show_unset(getattr(message, field.name), values[field.name])
        else:
            values[field.name] = None


def encode(values: object) -> bytes:
    """Return JSON in bytes, as small as it goes, like the gateway's."""
    return json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()
