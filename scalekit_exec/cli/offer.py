"""What a completion may offer: `--list-words`, and `--list-words gmail@` for identifiers.

It reads the map as a launch does, and nothing else: whoever presses Tab waits for it.
"""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.model import ServiceMap

__all__ = ["main"]

_CONFIG = "--config="
_LONGEST = 100


def main(argv: Sequence[str]) -> int:
    """Print candidates, each with a tab and its description; nothing where something is wrong."""
    path = os.environ.get("SCALEKIT_EXEC_CONFIG") or None
    word = before = ""
    for given in argv:
        if before in ("-c", "--config"):
            path = given
        elif given.startswith(_CONFIG):
            path = given[len(_CONFIG) :]
        elif "@" in given and not given.startswith("-"):
            word = given
        before = given
    try:
        from scalekit_exec import config

        if path is not None and stat.S_ISFIFO(os.stat(path).st_mode):
            return 0  # it is for the launch to read, and perhaps nobody writes into it yet
        found = config.load(path, os.environ, os.getcwd())
        _print(_identifiers(found, word) if word else _words(found))
    except Exception:  # noqa: BLE001 - a Tab is answered or it is not, and never with an error
        return 0
    return 0


def _print(lines: Sequence[tuple[str, str]]) -> None:
    """Print lines of a word, a tab and a text, in UTF-8 whatever the locale is.

    A word that a terminal would not show as it is, is left out; a text is made harmless.
    """
    data = ""
    for word, text in lines:
        if word.isprintable() and "\ufffd" not in word:
            plain = "".join(c if c.isprintable() else " " for c in text[:_LONGEST])
            data += f"{word}\t{plain}\n"
    os.write(1, data.encode("utf-8", "replace"))


def _words(found: ServiceMap) -> list[tuple[str, str]]:
    names = [(name, service.connection_name) for name, service in found.services.items()]
    return names + [(name, f"group: {', '.join(of)}") for name, of in found.groups.items()]


def _identifiers(found: ServiceMap, word: str) -> list[tuple[str, str]]:
    """Return the word with each identifier that the map has, the service's own first."""
    named = word.partition("@")[0]
    if named not in found.services and named not in found.groups:
        return []
    from scalekit_exec.config import parse_word

    users: dict[str, list[str]] = {}
    own = found.services[named].identifier if named in found.services else None
    if own is not None:
        users[own] = []
    for name, service in found.services.items():
        if service.identifier is not None:
            users.setdefault(service.identifier, []).append(name)
    words = [(f"{named}@{each}", f"identifier of {', '.join(of)}") for each, of in users.items()]
    # One that ends as a variable would is not read back as it is.
    return [(word, text) for word, text in words if parse_word(word).named == word]
