"""What an IDENTITY.md proposes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.identity import parse_name, propose

if TYPE_CHECKING:
    from pathlib import Path

TEMPLATE = """\
# IDENTITY.md - Who Am I?

_Fill this in during your first conversation. Make it yours._

- **Name:**
  _(pick something you like)_
- **Creature:**
  _(AI? robot? familiar? ghost in the machine? something weirder?)_
"""


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("- **Name:** Mess", "Mess"),
        ("- Name: Mess", "Mess"),
        ("-Name:Mess\n", "Mess"),
        ("**Name**: `Mess`", "Mess"),
        ("  - *name*: _Mess_  ", "Mess"),
        ("- **Name:** C-3PO: the droid", "C-3PO: the droid"),
        ("- **Name:**\n  Mess\n- **Vibe:** calm", "Mess"),
        ("- **Name:**\n\n  **Mess**\n", "Mess"),
        ("- **Name:**\n- **Vibe:** calm", None),
        ("- **Name:**\n\n## Notes\nMess", None),
        ("- Name: one\n- Name: two", "two"),
        ("- Name: one\n- Name: _(pick something you like)_", "one"),
        (TEMPLATE, None),
        (TEMPLATE.replace("_(pick something you like)_", "Mess"), "Mess"),
        ("- **Nickname:** Mess", None),
        ("Name\n", None),
        ("", None),
    ],
)
def test_a_name_is_found_as_openclaw_finds_it(text: str, name: str | None) -> None:
    assert parse_name(text) == name


@given(st.text(max_size=200))
def test_no_text_is_too_strange_to_be_read(text: str) -> None:
    found = parse_name("- **Name:** " + text)
    assert found is None or found == found.strip("*_` \t")


def write(folder: Path, name: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "IDENTITY.md"
    path.write_text(f"- **Name:** {name}\n")
    return path


def test_the_working_folder_goes_before_the_workspace(tmp_path: Path) -> None:
    workspace = write(tmp_path / ".openclaw" / "workspace", "Far")
    environ = {"HOME": str(tmp_path)}
    here = tmp_path / "here"
    found = propose(environ, str(here))
    assert found is not None
    assert (found.identifier, found.path) == ("far", str(workspace))
    near = write(here, "Near One")
    found = propose(environ, str(here))
    assert found is not None
    assert (found.identifier, found.path) == ("near one", str(near))


def test_a_profile_and_a_state_folder_have_workspaces_of_their_own(tmp_path: Path) -> None:
    write(tmp_path / ".openclaw" / "workspace", "Plain")
    write(tmp_path / ".openclaw" / "workspace-work", "Profiled")
    write(tmp_path / "state" / "workspace", "State")
    here = str(tmp_path / "here")

    def proposed(**environ: str) -> str | None:
        found = propose({"HOME": str(tmp_path), **environ}, here)
        return found.identifier if found is not None else None

    assert proposed() == "plain"
    assert proposed(OPENCLAW_PROFILE="default") == "plain"
    assert proposed(OPENCLAW_PROFILE="work") == "profiled"
    assert proposed(OPENCLAW_STATE_DIR=str(tmp_path / "state")) == "state"
    assert proposed(OPENCLAW_PROFILE="none") is None


@pytest.mark.parametrize("name", ["i" * 101, "me\u202eem", "me\x1b[2J", "\u200b"])
def test_a_name_that_scalekit_or_a_terminal_would_not_take_is_no_proposal(
    tmp_path: Path, name: str
) -> None:
    write(tmp_path, name)
    assert propose({"HOME": str(tmp_path / "home")}, str(tmp_path)) is None


def test_a_file_that_others_may_write_proposes_nothing(tmp_path: Path) -> None:
    write(tmp_path, "Mess").chmod(0o666)
    assert propose({"HOME": str(tmp_path / "home")}, str(tmp_path)) is None


def test_bytes_that_are_no_text_propose_nothing(tmp_path: Path) -> None:
    (tmp_path / "IDENTITY.md").write_bytes(b"- Name: M\xff\n")
    assert propose({"HOME": str(tmp_path / "home")}, str(tmp_path)) is None
