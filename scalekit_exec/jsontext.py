"""JSON by the interpreter's own scanner and encoder, which are written in C.

The package `json` around them imports `re`, for the decoder that it has in Python as well: a fifth
of what a launch through the daemon takes above bare Python. Whatever the scanner refuses, `json`
is asked about, so that the outcome and the errors are its own; tests/test_jsontext.py holds both
against each other.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    encode_basestring_ascii: Any
    make_encoder: Any
    make_scanner: Any
else:
    try:
        from _json import encode_basestring_ascii, make_encoder, make_scanner
    except ImportError:  # an interpreter without them
        make_scanner = make_encoder = None

__all__ = ["read", "write"]

_SPACE = " \t\n\r"


class _Context:
    """What the scanner asks for: the settings that json.loads has without options."""

    strict = True
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = float


def read(data: bytes) -> Any:  # noqa: ANN401 - as json.loads has it
    """Return what json.loads returns; raises what it raises: ValueError, RecursionError."""
    if make_scanner is not None:
        try:
            text = data.decode()
            start = len(text) - len(text.lstrip(_SPACE))
            value, end = make_scanner(_Context)(text, start)
        except (ValueError, StopIteration, SystemError):
            pass  # CPython 3.11 finds its own exception only where `json` was imported: SystemError
        else:
            if not text[end:].strip(_SPACE):
                return value
    import json

    return json.loads(data)


def write(value: object) -> bytes:
    """Return what json.dumps returns, as the ASCII that it is; TypeError for what JSON has not."""
    if make_encoder is None:
        import json

        return json.dumps(value).encode("ascii")
    markers: dict[int, object] = {}
    # Without indentation, sorting or skipping, and with NaN: json.dumps without options.
    options = (None, ": ", ", ", False, False, True)
    encode = make_encoder(markers, _refuse, encode_basestring_ascii, *options)
    return "".join(encode(value, 0)).encode("ascii")


def _refuse(value: object) -> object:
    raise TypeError(f"{type(value).__name__} is nothing that JSON has")
