from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.cli import guide
from scalekit_exec.cli.words import OPTIONS, parse, split, wants_json
from scalekit_exec.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

words = st.lists(st.text(max_size=6).filter(lambda w: w != "--"), max_size=6)


@given(words, st.lists(st.one_of(st.text(max_size=6), st.just("--")), max_size=6))
def test_all_behind_the_first_dashes_is_the_commands_untouched(
    own: list[str], command: list[str]
) -> None:
    assert split([*own, "--", *command]) == (own, tuple(command))


@given(words)
def test_without_dashes_there_is_no_command(own: list[str]) -> None:
    assert split(own) == (own, None)


@given(st.lists(st.text(max_size=8), max_size=8))
def test_any_words_are_parsed_or_refused_as_usage(argv: list[str]) -> None:
    error = None
    try:
        parse(argv, {})
    except UsageError as refused:
        error = refused
    assert error is None or (error.code == "usage" and error.hint)


def test_options_and_services_mix_freely() -> None:
    parsed = parse(
        ["gmail", "-qv", "--timeout=3", "slack", "-c", "a.toml", "--", "x", "-q", "--"], {}
    )
    assert parsed.services == ("gmail", "slack")
    assert parsed.command == ("x", "-q", "--")
    assert parsed.on("--quiet")
    assert parsed.on("--verbose")
    assert parsed.timeout == 3
    assert parsed.value("--config") == "a.toml"


@pytest.mark.parametrize("form", [["-ca.toml"], ["-c=a.toml"], ["-c", "a.toml"], ["-qca.toml"]])
def test_a_short_option_takes_its_value_in_the_usual_forms(form: list[str]) -> None:
    assert parse([*form, "--", "x"], {}).value("--config") == "a.toml"


def test_an_empty_value_is_a_value() -> None:
    assert parse(["--identifier=", "--", "x"], {}).value("--identifier") == ""


def test_pass_is_repeated_and_the_last_of_others_counts() -> None:
    parsed = parse(["--pass", "A", "--pass=B*", "--timeout", "1", "--timeout", "2"], {})
    assert parsed.passed == ("A", "B*")
    assert parsed.timeout == 2


@pytest.mark.parametrize(
    "argv",
    [
        ["--conf", "x"],
        ["--config"],
        ["-c"],
        ["--config", "--json"],
        ["--json=1"],
        ["--nope"],
        ["-z"],
        ["-qz"],
        ["--timeout", "0"],
        ["--timeout", "-1"],
        ["--timeout", "nan"],
        ["--timeout", "inf"],
        ["--timeout", "1e9"],
        ["--timeout", "3s"],
        ["--timeout", ""],
        ["--timeout", "٣"],
        ["--min-ttl", "-1"],
        ["--min-ttl", "x"],
    ],
)
def test_words_that_are_not_ours_are_usage(argv: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        parse([*argv, "--", "x"], {})
    assert caught.value.code == "usage"


def test_an_abbreviation_is_refused_with_the_whole_word() -> None:
    with pytest.raises(UsageError, match="did you mean --timeout"):
        parse(["--timeou", "3"], {})


def test_variables_stand_for_options_that_are_not_given() -> None:
    environ = {
        "SCALEKIT_EXEC_TIMEOUT": "5",
        "SCALEKIT_EXEC_MIN_TTL": "7",
        "SCALEKIT_EXEC_JSON": "Yes",
        "SCALEKIT_EXEC_IDENTIFIER": "",
    }
    parsed = parse(["--timeout", "6"], environ)
    assert (parsed.timeout, parsed.min_ttl) == (6, 7)
    assert parsed.on("--json")
    assert parsed.value("--identifier") is None
    assert parse([], {}).min_ttl is None


@pytest.mark.parametrize(
    ("name", "value"), [("SCALEKIT_EXEC_JSON", "maybe"), ("SCALEKIT_EXEC_TIMEOUT", "soon")]
)
def test_a_variable_that_makes_no_sense_is_named(name: str, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse([], {name: value})
    assert name in caught.value.message + caught.value.hint


def test_the_command_lines_source_of_credentials_goes_before_the_variables_other_one() -> None:
    environ = {"SCALEKIT_EXEC_ENV_FILE": "a", "SCALEKIT_EXEC_ENVIRONMENT": "b"}
    assert parse(["--environment", "c"], environ).value("--env-file") is None
    assert parse(["--env-file", "c"], environ).value("--environment") is None
    both = parse([], environ)
    assert (both.value("--env-file"), both.value("--environment")) == ("a", "b")


def test_json_is_known_before_the_words_are_right() -> None:
    assert wants_json(["--nope", "--json"], {})
    assert not wants_json(["--", "--json"], {})
    assert wants_json([], {"SCALEKIT_EXEC_JSON": "1"})


def test_help_names_every_option_within_eighty_columns() -> None:
    text = guide.text()
    assert max(len(line) for line in text.splitlines()) <= 80
    for option in OPTIONS:
        assert (option.long in text) is not option.hidden


def test_a_shortened_option_is_met_with_all_that_it_may_be() -> None:
    with pytest.raises(UsageError, match=r"did you mean --env-file or --environment\?"):
        parse(["--env", "prod"], {})


def test_beside_open_only_the_command_lines_word_says_not_to_wait() -> None:
    for no in ("0", "0.0", "false", "off"):
        assert parse(["--open"], {"SCALEKIT_EXEC_WAIT": no}).wait is None
        assert parse([], {"SCALEKIT_EXEC_WAIT": no}).wait == 0
    assert parse(["--open"], {"SCALEKIT_EXEC_WAIT": "9"}).wait == 9
    assert parse(["--open", "--no-wait"], {"SCALEKIT_EXEC_WAIT": "9"}).wait == 0
    assert parse(["--open", "--wait=0"], {}).wait == 0


def test_a_script_is_told_from_a_map(tmp_path: Path) -> None:
    found, script = tmp_path / "m.toml", tmp_path / "deploy"
    found.touch()
    script.touch()
    assert parse(["fish", "-c", str(found), "gmail"], {}).services == ("fish", "gmail")
    given = parse(["--identifier", "python", "-c", "x.toml", "gmail"], {})
    assert (given.value("--identifier"), given.value("--config")) == ("python", "x.toml")
    for words in (
        ["gmail", "sh", "-c", "echo hi"],
        ["--wait", "bash", "-c", "x"],
        ["sh", "-c"],
        ["sh", "-c", str(script)],
    ):
        with pytest.raises(UsageError, match='no "--" between'):
            parse(words, {})
