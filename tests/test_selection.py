"""The words of a launch, and what they want of the map."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scalekit_exec.config import Word, is_word, parse_word, select
from scalekit_exec.errors import ScalekitExecError
from scalekit_exec.model import Service, ServiceMap, UserSettings, Wanted
from scalekit_exec.variables import TOKEN, Variable, is_name, parse_template

NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,8}", fullmatch=True)
VARIABLES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
IDENTIFIERS = st.text(min_size=1, max_size=20) | st.text(alphabet="a@=._B", min_size=1, max_size=9)


def service(name: str, *variables: Variable, identifier: str | None = "mess") -> Service:
    given = variables or (Variable(f"{name.upper()}_TOKEN", TOKEN),)
    return Service(name, f"{name}_1", given, identifier=identifier, origin="/p/scalekit.toml")


def bare(*names: str) -> tuple[Variable, ...]:
    return tuple(Variable(name, TOKEN) for name in names)


MAP = ServiceMap(
    services={
        one.name: one
        for one in (
            service("gmail"),
            service("slack", identifier="ops"),
            service("github", *bare("GITHUB_TOKEN", "GH_TOKEN")),
            service("notion", identifier=None),
            service(
                "freshdesk",
                Variable("F_USER", parse_template("{username}")),
                Variable("F_PASS", parse_template("{password}")),
            ),
            service("datadog", Variable("DD_API_KEY", parse_template("{api_key}"))),
            service("clash", Variable("GMAIL_TOKEN_EXPIRES_AT", parse_template("{expires_at}"))),
            service(
                "both",
                *bare("BOTH_TOKEN"),
                Variable("BOTH_TOKEN_EXPIRES_AT", parse_template("{expires_at}")),
            ),
        )
    },
    groups={"inbox": ("gmail", "slack")},
    settings=UserSettings("/u/config.toml"),
    files=("/u/config.toml", "/p/scalekit.toml"),
)


def chosen(*words: str, identifier: str | None = None, windows: bool = False) -> list[Wanted]:
    return list(select(MAP, words, identifier=identifier, windows=windows))


def failing(*words: str, identifier: str | None = None, windows: bool = False) -> ScalekitExecError:
    with pytest.raises(ScalekitExecError) as caught:
        chosen(*words, identifier=identifier, windows=windows)
    assert caught.value.message.isprintable()
    return caught.value


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("gmail", Word("gmail")),
        ("gmail=A", Word("gmail", None, "A")),
        ("gmail@alice", Word("gmail", "alice")),
        ("gmail@alice@example.com=A", Word("gmail", "alice@example.com", "A")),
        ("gmail@a=b=C", Word("gmail", "a=b", "C")),
        ("gmail@a=b=c-d", Word("gmail", "a=b=c-d")),
        ("gmail@Zm9v==", Word("gmail", "Zm9v==")),
        ("gmail@** mess", Word("gmail", "** mess")),
        ("gmail@@", Word("gmail", "@")),
        ("gmail@=1", Word("gmail", "=1")),
        ("1.a-b_c", Word("1.a-b_c")),
    ],
)
def test_a_word_is_taken_apart(text: str, word: Word) -> None:
    assert parse_word(text) == word
    assert word.text == text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", ""),
        ("-x", ""),
        ("@alice", ""),
        ("=A", ""),
        ("a/b", ""),
        ("a b", ""),
        ("gmäil", ""),
        ("gmail\n", ""),
        ("gmail@", "no identifier after @"),
        ("gmail@=A", "no identifier after @"),
        ("gmail=", "name of a variable"),
        ("gmail=1A", "name of a variable"),
        ("gmail=A=B", "name of a variable"),
        ("gmail=A@alice", "=VARIABLE comes last"),
        ("\x1b[31m\udcff", ""),
    ],
)
def test_a_word_of_another_form_is_a_usage_error(text: str, why: str) -> None:
    assert not is_word(text)
    error = failing("gmail", text)
    assert error.code == "usage"
    assert why in error.message
    assert "NAME@IDENTIFIER=VARIABLE" in error.hint


@given(NAMES, IDENTIFIERS, VARIABLES)
def test_any_identifier_comes_through_a_word_that_names_its_variable(
    name: str, identifier: str, variable: str
) -> None:
    word = Word(name, identifier, variable)
    assert parse_word(word.text) == word


@given(NAMES, st.none() | IDENTIFIERS, st.none() | VARIABLES)
def test_a_word_comes_back_as_it_was_unless_its_identifier_ends_like_a_variable(
    name: str, identifier: str | None, variable: str | None
) -> None:
    if variable is None and identifier is not None:
        assume(not ("=" in identifier and is_name(identifier.rpartition("=")[2])))
    word = Word(name, identifier, variable)
    assert parse_word(word.text) == word


@given(st.text(alphabet="ab1@=._- é", max_size=12))
def test_a_word_that_is_understood_is_written_the_same_way(text: str) -> None:
    if is_word(text):
        assert parse_word(text).text == text


def test_a_service_comes_with_its_connection_identifier_and_variables() -> None:
    (one,) = chosen("gmail")
    assert one.key.connection_name == "gmail_1"
    assert one.identifier == "mess"
    assert one.single == "GMAIL_TOKEN"
    assert one.named == "gmail"


def test_an_identifier_is_taken_from_the_word_then_the_option_then_the_map() -> None:
    assert [one.identifier for one in chosen("gmail", "slack")] == ["mess", "ops"]
    assert [one.identifier for one in chosen("gmail", "slack", identifier="x")] == ["x", "x"]
    assert [one.identifier for one in chosen("gmail@y", "slack", identifier="x")] == ["y", "x"]


def test_a_missing_identifier_names_the_four_places_for_one() -> None:
    error = failing("notion")
    assert error.code == "config-invalid"
    assert "/p/scalekit.toml: [services.notion]" in error.message
    for place in ("notion@IDENTIFIER", "--identifier", "in [services.notion]", "at the top"):
        assert place in error.hint
    assert chosen("notion", identifier="x")[0].identifier == "x"


def test_two_users_of_one_service_have_a_variable_each() -> None:
    alice, bob = chosen("gmail@alice=A_TOKEN", "gmail@bob=B_TOKEN")
    assert (alice.identifier, alice.single, alice.named) == ("alice", "A_TOKEN", "gmail@alice")
    assert (bob.identifier, bob.single, bob.named) == ("bob", "B_TOKEN", "gmail@bob")


def test_the_same_wanted_twice_counts_once() -> None:
    assert [one.named for one in chosen("gmail", "gmail", "gmail@mess", "inbox")] == [
        "gmail",
        "slack",
    ]


def test_a_group_stands_for_its_services_with_its_identifier() -> None:
    assert [one.named for one in chosen("inbox")] == ["gmail", "slack"]
    assert [one.named for one in chosen("inbox@al")] == ["gmail@al", "slack@al"]
    assert [one.identifier for one in chosen("inbox@al")] == ["al", "al"]


def test_a_group_takes_no_variable() -> None:
    error = failing("inbox=A")
    assert error.code == "usage"
    assert "gmail slack" in error.hint


def test_a_variable_of_the_users_own_replaces_those_of_the_map() -> None:
    assert chosen("github=X")[0].variables == bare("X")
    assert chosen("freshdesk=X")[0].variables == bare("X")
    assert chosen("gmail=EDITOR")[0].single == "EDITOR", "no rule for projects holds here"


def test_a_variable_of_the_users_own_keeps_the_one_value_that_the_map_gives() -> None:
    (one,) = chosen("datadog=X")
    assert one.variables == (Variable("X", parse_template("{api_key}")),)
    assert one.single is None


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "SCALEKIT_EXEC"])
def test_a_variable_that_nobody_may_set_is_refused_on_the_command_line_too(name: str) -> None:
    error = failing(f"gmail={name}")
    assert error.code == "usage"
    assert name in error.message
    assert failing(f"gmail={name.lower()}", windows=True).code == "usage"
    assert chosen(f"gmail={name.lower()}")


def test_a_variable_wanted_twice_is_a_conflict_that_names_both() -> None:
    error = failing("gmail@alice", "gmail@bob")
    assert error.code == "variable-conflict"
    assert "gmail@alice and gmail@bob both set GMAIL_TOKEN" in error.message
    assert "gmail@bob=" in error.hint
    assert failing("gmail", "slack=GMAIL_TOKEN").code == "variable-conflict"


def test_the_expiry_of_a_bare_token_conflicts_with_another_services_variable() -> None:
    for words in (("gmail", "clash"), ("clash", "gmail")):
        error = failing(*words)
        assert error.code == "variable-conflict"
        assert "gmail" in error.message
        assert "clash" in error.message
        assert "GMAIL_TOKEN_EXPIRES_AT" in error.message
    assert len(chosen("clash", "datadog=GMAIL_TOKEN")) == 2, "no bare token, so no expiry"


def test_a_service_may_set_the_expiry_of_its_own_token_itself() -> None:
    assert len(chosen("both")[0].variables) == 2


def test_on_windows_variables_that_differ_in_case_only_are_in_conflict() -> None:
    assert failing("gmail", "slack=gmail_token", windows=True).code == "variable-conflict"
    assert failing("gmail=a", "slack=A_expires_at", windows=True).code == "variable-conflict"
    assert len(chosen("gmail", "slack=gmail_token")) == 2


def test_an_unknown_service_names_the_one_that_was_meant_and_the_three_steps() -> None:
    error = failing("gmial")
    assert error.code == "unknown-service"
    assert error.message == 'no service "gmial" in /u/config.toml or /p/scalekit.toml'
    assert "did you mean gmail?" in error.hint
    for step in ("1. create a connection", "2. scalekit-auth config gmial CONNECTION", "3. run"):
        assert step in error.hint
    assert "did you mean inbox?" in failing("inbx").hint
    assert "did you mean" not in failing("zzzzz").hint


def test_all_unknown_services_are_reported_together() -> None:
    error = failing("gmail", "gmial", "xyzzy@a", "gmial=B")
    assert '"gmial", "xyzzy"' in error.message
    assert [failure.service for failure in error.failures] == ["gmial", "xyzzy"]
    assert {failure.code for failure in error.failures} == {"unknown-service"}


@pytest.mark.parametrize(
    ("identifier", "why"),
    [("", "not empty"), ("x" * 101, "at most 100 characters, not 101"), ("\udcff", "UTF-8")],
)
def test_an_identifier_that_the_server_would_refuse_costs_no_network_call(
    identifier: str, why: str
) -> None:
    error = failing("gmail", identifier=identifier)
    assert error.code == "usage"
    assert "--identifier" in error.message
    assert why in error.message
    if identifier:
        assert why in failing(f"gmail@{identifier}").message
    assert chosen("gmail@" + "é" * 100)
