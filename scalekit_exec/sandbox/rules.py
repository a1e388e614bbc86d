"""The rules that Scalekit's descriptors carry for their fields, enforced as its server does.

They are buf.validate options. Read here are those for strings, integers, lists and enums, which are
all that the served methods have; rules in CEL are not evaluated.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from scalekit_exec.sandbox import protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from scalekit_exec.sandbox.protocol import Descriptor, Message

__all__ = ["violations"]

_INTEGERS = ("int32", "int64", "uint32", "uint64")


def violations(message: Message, prefix: str = "") -> list[tuple[str, str]]:
    """Return what is wrong with a message, as pairs of field and description."""
    found: list[tuple[str, str]] = []
    for field in message.DESCRIPTOR.fields:
        options = field.GetOptions()
        name = prefix + field.name
        is_set = not field.has_presence or message.HasField(field.name)
        value = getattr(message, field.name)
        if options.HasExtension(protocol.rules_extension):
            rules = options.Extensions[protocol.rules_extension]
            if rules.required and not (is_set and _filled(field, value)):
                found.append((name, "value is required"))
                continue
            if is_set:
                found.extend((name, text) for text in _field(field, rules, value))
        if is_set and not field.is_repeated and _is_scalekits(field.message_type):
            found.extend(violations(value, name + "."))
    return found


def _is_scalekits(message_type: Descriptor | None) -> bool:
    return message_type is not None and not message_type.full_name.startswith("google.protobuf.")


def _filled(field: Descriptor, value: object) -> bool:
    return field.message_type is not None or bool(value)


def _field(field: Descriptor, rules: Message, value: Message) -> Iterator[str]:
    kind = rules.WhichOneof("type")
    if kind == "repeated":
        yield from _repeated(field, rules.repeated, value)
    elif kind == "string":
        yield from _string(rules.string, value)
    elif kind in _INTEGERS:
        yield from _integer(getattr(rules, kind), value)
    elif kind == "enum":
        yield from _enum(field, rules.enum, value)


def _repeated(field: Descriptor, rules: Message, values: Sequence[Message]) -> Iterator[str]:
    if rules.HasField("max_items") and len(values) > rules.max_items:
        yield f"value must contain no more than {rules.max_items} item(s)"
    if rules.HasField("min_items") and len(values) < rules.min_items:
        yield f"value must contain at least {rules.min_items} item(s)"
    if rules.HasField("items"):
        for value in values:
            yield from _field(field, rules.items, value)


def _string(rules: Message, value: str) -> Iterator[str]:
    if rules.HasField("min_len") and len(value) < rules.min_len:
        yield f"value length must be at least {rules.min_len} characters"
    if rules.HasField("max_len") and len(value) > rules.max_len:
        yield f"value length must be at most {rules.max_len} characters"
    # RE2's `$` is the very end; Python's would let a line break follow.
    if rules.pattern and not re.search(rules.pattern.replace("$", r"\Z"), value):
        yield f"value does not match regex pattern `{rules.pattern}`"
    if rules.prefix and not value.startswith(rules.prefix):
        yield f"value does not have prefix `{rules.prefix}`"
    allowed = list(getattr(rules, "in"))
    if allowed and value not in allowed:
        yield f"value must be in list {allowed}"


def _integer(rules: Message, value: int) -> Iterator[str]:
    for limit, words, holds in (
        ("lt", "less than", value < rules.lt),
        ("lte", "less than or equal to", value <= rules.lte),
        ("gt", "greater than", value > rules.gt),
        ("gte", "greater than or equal to", value >= rules.gte),
    ):
        if rules.HasField(limit) and not holds:
            yield f"value must be {words} {getattr(rules, limit)}"


def _enum(field: Descriptor, rules: Message, value: int) -> Iterator[str]:
    if rules.defined_only and value not in field.enum_type.values_by_number:
        yield "value must be one of the defined enum values"
