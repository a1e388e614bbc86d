"""A real Tab in a real terminal, with the completion where `--install` has put it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.support.tabs import SHELLS, Interactive, Terminal, furnish

if TYPE_CHECKING:
    from pathlib import Path

# What is typed, and the words that the program then gets.
LINES = {
    "a service and a group": ("scalekit-exec sl\t in\t", "slack inbox"),
    "an option": ("scalekit-exec --prist\t gmail", "--pristine gmail"),
    "an identifier": ("scalekit-exec gmail@op\t", "gmail@ops-bot"),
    "a map and its services": ("scalekit-exec -c oth\t no\t", "-c other.toml notion"),
    "a command": ("scalekit-exec gmail -- frobni\t", "gmail -- frobnicate"),
    "the command's own": ("scalekit-exec gmail -- frobnicate al\t", "gmail -- frobnicate alpha"),
    "a command of scalekit-auth": ("scalekit-auth exp\t sl\t", "export slack"),
    "a format": ("scalekit-auth export --form\t nus\t", "export --format nushell"),
}
FILES = ("scalekit-exec gmail -- frobnicate oth\t", "gmail -- frobnicate other.toml")


@pytest.mark.parametrize("shell", SHELLS.values(), ids=str)
def test_a_tab_completes_the_word_that_was_begun(shell: Interactive, tmp_path: Path) -> None:
    home = tmp_path / "person"
    home.mkdir()
    furnish(shell, home)
    lines = dict(LINES)
    if not shell.knows_commands:
        lines["the command's own"] = FILES
    terminal = Terminal(shell, home)
    try:
        found = {name: terminal.arguments(keys) for name, (keys, _) in lines.items()}
        if shell.describes:
            terminal.offered("scalekit-exec ", "slack_1")
    finally:
        terminal.close()
    assert found == {name: words.split() for name, (_, words) in lines.items()}


# A map may have come with a repository: what is completed must be one word, and run nothing.
ODD = (
    "x; ^touch ran",
    "$(touch ran)",
    "(touch ran)",
    "x|^touch ran",
    '"; ^touch ran; "',
    "a b",
    "CORP\\alice",
    "a\\",
    "a:b",
)


def completed(name: str, identifier: str, tmp_path: Path) -> list[str]:
    """Return the words that a shell makes of a Tab behind `gmail@`."""
    home = tmp_path / "person"
    home.mkdir()
    shell = SHELLS[name]
    furnish(shell, home)
    told = f"identifier = {json.dumps(identifier)}\n"
    (home / "scalekit.toml").write_text(f'{told}[services.gmail]\nconnection_name = "g"\n')
    terminal = Terminal(shell, home)
    try:
        return terminal.arguments("scalekit-exec gmail@\t")
    finally:
        terminal.close()


@pytest.mark.parametrize("identifier", ODD)
@pytest.mark.parametrize("name", ["nushell", "yash", "bash", "zsh", "fish"])
def test_an_odd_identifier_is_completed_as_one_word(
    name: str, identifier: str, tmp_path: Path
) -> None:
    assert completed(name, identifier, tmp_path) == [f"gmail@{identifier}"]
    assert not list(tmp_path.rglob("ran"))


@pytest.mark.parametrize(
    "identifier", ["$HOME", "${HOME}", "x{y,z}", "a*", "a?b", "[x]", "CORP\\alice", "a\\"]
)
@pytest.mark.parametrize("name", ["tcsh", "xonsh"])
def test_one_that_a_shell_would_expand_is_offered_as_it_is_or_not_at_all(
    name: str, identifier: str, tmp_path: Path
) -> None:
    found = completed(name, identifier, tmp_path)
    assert found in ([f"gmail@{identifier}"], ["gmail@"])
