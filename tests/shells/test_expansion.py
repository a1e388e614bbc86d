"""A command that came without the value that its variable was to have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.shells.expansion import empty_place

if TYPE_CHECKING:
    from tests.support.launches import Folder

EMPTY = [
    ("Authorization: Bearer ", "Authorization: Bearer "),
    ("Authorization: Bearer", "Authorization: Bearer"),
    ("authorization:bearer ", "authorization:bearer "),
    ("Authorization: token ", "Authorization: token "),
    ("Authorization: Basic", "Authorization: Basic"),
    ("Authorization: ", "Authorization: "),
    ("X-Api-Key: ", "X-Api-Key: "),
    ("PRIVATE-TOKEN: ", "PRIVATE-TOKEN: "),
    ("Bearer ", "Bearer "),
    ("--token=", "--token="),
    ("https://x/?access_token=", "access_token="),
    ("https://x/?access_token=&a=b", "access_token="),
    ("curl -H 'Authorization: Bearer ' https://x/?key=s3cret", "Authorization: Bearer "),
    ('curl -H "Authorization: Bearer "', "Authorization: Bearer "),
]
FULL = [
    "Authorization: Bearer x",
    "Authorization: Bearer $GMAIL_TOKEN",
    "curl -H \"Authorization: Bearer $GMAIL_TOKEN\" 'https://x'",
    "Authorization:",  # curl takes it for the wish to send none
    "X-Api-Key:",
    "Authorization: secret",
    "bearer",
    "the bearer of this",
    "--token",
    "--token=x",
    "?access_token=x&a=",
    "Proxy-Tokens",
]


@pytest.mark.parametrize(("argument", "place"), EMPTY)
def test_a_place_with_nothing_behind_it_is_found(argument: str, place: str) -> None:
    assert empty_place(["curl", "-v", argument]) == place


@pytest.mark.parametrize("argument", FULL)
def test_a_place_with_something_behind_it_is_not(argument: str) -> None:
    assert empty_place(["curl", argument]) is None


@given(st.text(st.characters(exclude_characters=" '\"&"), min_size=1))
def test_any_value_fills_the_place(value: str) -> None:
    assert empty_place(["curl", f"Authorization: Bearer {value}"]) is None


@given(st.text(), st.text())
def test_no_more_is_told_than_the_place(before: str, behind: str) -> None:
    place = empty_place(["sh", f"{before}Authorization: Bearer '{behind}"])
    assert place is not None
    assert len(place.replace(" ", "")) <= len("Authorization:Bearer")


def test_it_is_said_once_with_the_form_that_works(folder: Folder) -> None:
    words = ("echo", "Authorization: Bearer ", "X-Api-Key: ", "s3cret")
    done = folder.launch("gmail", "--", *words)
    assert (done.status, done.out) == (0, "Authorization: Bearer  X-Api-Key:  s3cret\n")
    (line,) = done.err.splitlines()
    assert '"Authorization: Bearer " has nothing behind it' in line
    assert line.endswith("sh -c 'echo … \"Authorization: Bearer $GMAIL_TOKEN\" …'")
    assert "s3cret" not in line
    assert folder.launch("-q", "gmail", "--", *words).err == ""
    (told,) = folder.launch("--json", "gmail", "--", *words).objects
    assert told["event"] == "note"


def test_nothing_is_said_of_a_command_whose_shell_is_inside(folder: Folder) -> None:
    done = folder.launch("gmail", "--", "sh", "-c", 'echo "Authorization: Bearer $GMAIL_TOKEN"')
    assert done.out.startswith("Authorization: Bearer sandbox-")
    assert done.err == ""
