"""A string that cannot be shown by accident; stricter than Starlette's type of the same name."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn, SupportsIndex

__all__ = ["MASK", "Secret"]

MASK = "[REDACTED]"


class Secret:
    """A secret string: `str`, `repr`, `format` and tracebacks show a mask, pickling is refused.

    `reveal()` is the one way to the value, so that a search for it finds every place where a
    secret leaves this type. Two secrets are equal only if they are the same object: a comparison
    that could be timed is not offered.
    """

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the value itself."""
        return self.__value

    def __bool__(self) -> bool:
        return bool(self.__value)

    def __repr__(self) -> str:
        return MASK

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return MASK

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("a Secret is not pickled or copied")
