"""Frozen, slotted values, as dataclasses make them, without the 20 ms that importing those costs.

`dataclasses` imports `inspect`, which imports `ast`, `dis` and `tokenize`: more than the whole
launch may spend before its first packet. A type checker sees a frozen dataclass all the same.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar, dataclass_transform

    T = TypeVar("T")
else:

    def dataclass_transform(**_: object) -> Callable[[T], T]:
        """Stand in for typing's marker, which does nothing at run time either."""
        return lambda decorated: decorated


__all__ = ["record", "replace"]


def _initializer(
    cls: str, fields: tuple[str, ...], defaults: dict[str, Any]
) -> Callable[..., None]:
    known = frozenset(fields)

    def __init__(self: object, *args: object, **kwargs: object) -> None:  # noqa: N807 - it becomes one
        if len(args) > len(fields) or not kwargs.keys() <= known:
            raise TypeError(f"{cls} takes {', '.join(fields)}")
        values = dict(zip(fields, args, strict=False))
        if values.keys() & kwargs.keys():
            raise TypeError(f"{cls} got a field twice")
        values.update(kwargs)
        for field in fields:
            if field in values:
                object.__setattr__(self, field, values[field])
            elif field in defaults:
                object.__setattr__(self, field, defaults[field])
            else:
                raise TypeError(f"{cls} misses {field}")

    return __init__


def _frozen(self: object, *_: object) -> None:
    raise AttributeError(f"{type(self).__name__} is frozen")


def _values(value: object) -> tuple[object, ...]:
    return tuple(getattr(value, field) for field in type(value).__match_args__)  # type: ignore[attr-defined]


def _equal(self: object, other: object) -> bool:
    return type(self) is type(other) and _values(self) == _values(other)


def _hash(self: object) -> int:
    return hash(_values(self))


def _show(self: object) -> str:
    pairs = (f"{field}={getattr(self, field)!r}" for field in type(self).__match_args__)  # type: ignore[attr-defined]
    return f"{type(self).__name__}({', '.join(pairs)})"


@dataclass_transform(frozen_default=True)
def record(cls: type[T]) -> type[T]:
    """Make a class a frozen, slotted record of its annotated fields.

    The class is built anew with slots, so its methods cannot use `super()` without arguments.
    """
    fields = tuple(cls.__annotations__)
    namespace = {k: v for k, v in vars(cls).items() if k not in ("__dict__", "__weakref__")}
    defaults = {field: namespace.pop(field) for field in fields if field in namespace}
    given = {
        "__slots__": fields,
        "__match_args__": fields,
        "__init__": _initializer(cls.__name__, fields, defaults),
        "__setattr__": _frozen,
        "__delattr__": _frozen,
        "__eq__": _equal,
        "__hash__": _hash,
    }
    if "__repr__" not in namespace:
        given["__repr__"] = _show
    metaclass: Any = type(cls)
    made: type[T] = metaclass(cls.__name__, cls.__bases__, namespace | given)
    return made


def replace(value: T, **changes: object) -> T:
    """Return a copy of a record with some fields changed; TypeError for a name it has not."""
    fields: tuple[str, ...] = type(value).__match_args__  # type: ignore[attr-defined]
    return type(value)(**({field: getattr(value, field) for field in fields} | changes))
