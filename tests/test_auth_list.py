"""`scalekit-auth list`, beyond what transcripts/list.txt shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pexpect

from scalekit_exec.cli.terminal import table
from tests.support.auths import AUTH, auth

if TYPE_CHECKING:
    import pytest

    from tests.support.launches import Folder


def test_a_list_asks_nobody_and_needs_no_credentials(folder: Folder) -> None:
    assert folder.sandbox is not None
    done = auth("list", env=folder.sandbox.environ())
    assert (done.status, done.err) == (0, "")
    assert folder.sandbox.requests() == []


def test_a_map_that_no_launch_could_use_as_a_whole_is_listed_all_the_same(folder: Folder) -> None:
    folder.map(
        '[services.a]\nconnection_name = "1"\nenv = "T_TOKEN"\n'
        '[services.b]\nconnection_name = "2"\nenv = "T_TOKEN"\n'
    )
    rows = auth("list", "--json").answer["services"]
    assert [(row["service"], row["identifier"]) for row in rows] == [("a", None), ("b", None)]


def test_a_group_is_listed_as_its_services(folder: Folder) -> None:
    folder.map(folder.path.joinpath("scalekit.toml").read_text() + '[groups]\nall = ["slack"]\n')
    rows = auth("list", "all@bob", "--json").answer["services"]
    assert [(row["service"], row["identifier"]) for row in rows] == [("slack", "bob")]


def test_what_a_map_says_cannot_steer_the_terminal(folder: Folder) -> None:
    folder.map('[services.a]\nconnection_name = "1"\nidentifier = "\\u001b[2J\\u202e"\n')
    out = auth("list").out
    assert "\x1b" not in out
    assert "\u202e" not in out
    assert "\\x1b[2J\\u202e" in out


def test_a_narrow_terminal_gets_blocks_and_a_wide_one_a_table(folder: Folder) -> None:
    def seen(columns: int) -> str:
        # A terminal has a width of its own; COLUMNS is not set.
        child = pexpect.spawn(
            AUTH, ["list"], dimensions=(24, columns), env=folder.variables(), cwd=folder.path
        )
        child.expect(pexpect.EOF, timeout=20)
        assert isinstance(child.before, bytes)
        return child.before.decode()

    assert seen(120).startswith("SERVICE")
    narrow = seen(60)
    assert narrow.startswith("service     gmail\r\n")
    assert max(map(len, narrow.splitlines())) <= 60
    assert "\x1b" not in narrow


def test_a_table_without_rows_is_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "10")
    assert table(("A", "B"), []) == []
    assert table(("A", "B"), [("x", "y")]) == ["A  B", "x  y"]
    assert table(("NAME", "B"), [("x" * 10, ""), ("y", "z")]) == [
        "name  xxxxxxxxxx",
        "",
        "name  y",
        "b     z",
    ]
