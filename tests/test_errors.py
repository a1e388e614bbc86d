from __future__ import annotations

import errno
import os
import re
import shlex
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

import scalekit_exec
from scalekit_exec.errors import (
    CODES,
    AuthorizationError,
    CommandError,
    Failure,
    LaunchError,
    ScalekitExecError,
    VaultError,
    nearest,
    raise_failures,
    reason,
    shown,
    typed,
)

if TYPE_CHECKING:
    from tests.support.launches import Folder


@given(st.text(alphabet=st.characters(), max_size=300))
def test_shown_text_is_one_printable_line_of_bounded_length(text: str) -> None:
    line = shown(text)
    assert len(line) <= 201
    assert len(line.splitlines()) <= 1
    assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 or 0xD800 <= ord(c) < 0xE000 for c in line)


@given(st.text(alphabet=st.characters(codec="ascii", exclude_categories=["Cc"]), max_size=200))
def test_plain_text_is_shown_as_it_is(text: str) -> None:
    assert shown(text) == text


@given(st.text(max_size=60) | st.text("aZ0_@%+=:,./-~ $é", max_size=6))
def test_a_typed_word_is_what_shlex_makes_of_it(text: str) -> None:
    assert typed(text) == shlex.quote(shown(text, 400))


def test_marks_that_reorder_a_line_become_visible() -> None:
    assert shown("a\u202eb\x1b[31m\u2066") == "a\\u202eb\\x1b[31m\\u2066"


def test_a_code_that_is_not_documented_cannot_be_raised() -> None:
    with pytest.raises(ValueError, match="no such code"):
        ScalekitExecError("whatever", "text")


def test_every_code_is_documented_once() -> None:
    assert len(set(CODES)) == len(CODES)


def test_the_statuses_of_command_errors_are_those_of_env() -> None:
    assert CommandError("not-found", "x").exit_status == 127
    assert CommandError("not-executable", "x").exit_status == 126
    assert VaultError("unreachable", "x").exit_status == 125


def test_one_failure_is_raised_as_what_it_is() -> None:
    failure = Failure(
        "authorization-required",
        "gmail must",
        "go there",
        service="gmail",
        link="https://a.example/x",
        expires_at=60.0,
    )
    with pytest.raises(AuthorizationError) as caught:
        raise_failures([failure])
    assert caught.value.service == "gmail"
    assert caught.value.link == "https://a.example/x"
    assert caught.value.expires_at == datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    assert str(caught.value) == "gmail must\ngo there"


def test_failures_of_several_kinds_are_raised_together() -> None:
    failures = [Failure("unreachable", "a", service="a"), Failure("forbidden", "b", service="b")]
    with pytest.raises(LaunchError) as caught:
        raise_failures(failures)
    assert caught.value.code == "unreachable"
    assert caught.value.failures == tuple(failures)
    assert "a, b" in caught.value.message


def test_no_failures_raise_nothing() -> None:
    raise_failures([])


def test_a_near_word_is_found_and_a_far_one_is_not() -> None:
    assert nearest("gmial", ["gmail", "slack"]) == "gmail"
    assert nearest("zzz", ["gmail", "slack"]) is None


def test_a_word_in_capitals_is_near_to_the_same_in_small_letters() -> None:
    assert nearest("GMAIL", ["slack", "gmail"]) == "gmail"
    assert nearest("gmial", ["GMail"]) == "GMail"


def test_a_reason_is_in_lower_case_as_it_stands_in_a_sentence() -> None:
    assert reason(OSError(errno.ENOENT, os.strerror(errno.ENOENT))) == "no such file or directory"
    assert reason(OSError()) == "unknown reason"


def test_no_module_puts_the_systems_words_into_a_message_as_they_are() -> None:
    """`reason` does it; what has a rule of its own is the layers' below, or lower as well."""
    package = Path(scalekit_exec.__file__).parent
    bare = re.compile(r"\{(?:shown\()?error\.strerror\)?\}")
    found = [path.name for path in package.rglob("*.py") if bare.search(path.read_text())]
    assert found == []


def test_a_word_that_is_no_service_is_named_once(folder: Folder) -> None:
    (said, *_) = folder.launch("gmial", "slcak").err.splitlines()
    where = "~/work/scalekit.toml"
    assert said == f'scalekit-exec: error[unknown-service]: no service "gmial" in {where}'
    assert said.count("gmial") == 1
