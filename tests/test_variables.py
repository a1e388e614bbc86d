"""Names of variables, who may set them, and templates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.variables import (
    PROJECT_ENDINGS,
    TOKEN,
    Template,
    Variable,
    default_variable,
    expiry_name,
    is_name,
    key_of,
    names_server,
    parse_template,
    project_refusal,
    refusal,
)

NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
FIELDS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_-]{0,12}", fullmatch=True)
NEVER = (
    "PATH HOME SHELL IFS ENV BASH_ENV LD_PRELOAD LD_LIBRARY_PATH DYLD_INSERT_LIBRARIES "
    "SCALEKIT_EXEC SCALEKIT_CLIENT_SECRET NODE_OPTIONS PYTHONPATH PYTHONSTARTUP PYTHONHOME "
    "PERL5OPT RUBYOPT PROMPT_COMMAND PS4 COMSPEC PATHEXT SYSTEMROOT"
)


def escaped(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


@pytest.mark.parametrize("name", NEVER.split())
def test_a_variable_that_decides_which_code_runs_is_refused_whatever_its_case_on_windows(
    name: str,
) -> None:
    assert name in refusal(name)
    assert refusal(name, windows=True)
    assert refusal(name.lower(), windows=True)
    assert refusal(name.title(), windows=True)


@pytest.mark.parametrize("name", ["path", "Home", "ld_preload", "LD", "SCALEKIT", "MY_PATH"])
def test_a_name_that_only_resembles_a_refused_one_is_fine_where_case_counts(name: str) -> None:
    assert refusal(name) == ""


@pytest.mark.parametrize("name", ["", "1A", "A-B", "A B", "A=B", "Ä", "A\n", "A.B", "А", "A\0"])  # noqa: RUF001 - a Cyrillic A is the case
def test_what_is_not_letters_digits_and_underscores_is_no_name(name: str) -> None:
    assert not is_name(name)
    assert "is not a variable name" in refusal(name)
    assert "\n" not in refusal(name)


@given(NAMES)
def test_on_windows_the_case_of_a_name_changes_nothing(name: str) -> None:
    verdicts = {bool(refusal(form, windows=True)) for form in (name, name.lower(), name.upper())}
    assert len(verdicts) == 1
    assert key_of(name.lower(), windows=True) == key_of(name.upper(), windows=True)
    assert key_of(name, windows=False) == name


@pytest.mark.parametrize("ending", PROJECT_ENDINGS)
def test_a_project_may_set_what_is_or_ends_in_a_word_for_a_credential(ending: str) -> None:
    assert project_refusal(ending, ()) == ""
    assert project_refusal(f"ACME_{ending}", ()) == ""
    assert "may not set" in project_refusal(f"ACME{ending}_", ())


@pytest.mark.parametrize("name", ["DATABASE_URL", "EDITOR", "GIT_SSH_COMMAND", "MONKEY", "TOKENS"])
def test_a_project_may_set_another_variable_only_if_the_user_lists_it(name: str) -> None:
    assert name in project_refusal(name, ())
    assert project_refusal(name, ("OTHER", name)) == ""


def test_names_that_clients_take_their_server_from_are_known() -> None:
    assert names_server("SNOWFLAKE_ACCOUNT")
    assert names_server("ZENDESK_SUBDOMAIN")
    assert not names_server("SLACK_TOKEN")


@pytest.mark.parametrize(
    ("service", "variable"),
    [
        ("gmail", "GMAIL_TOKEN"),
        ("google-drive", "GOOGLE_DRIVE_TOKEN"),
        ("a.-_b", "A_B_TOKEN"),
        ("1password", "_1PASSWORD_TOKEN"),
        ("x-", "X__TOKEN"),
    ],
)
def test_the_default_variable_is_the_name_in_upper_case_with_token(
    service: str, variable: str
) -> None:
    assert default_variable(service) == variable


@given(st.text(max_size=30))
def test_a_default_variable_is_a_valid_name_that_a_project_may_set(service: str) -> None:
    variable = default_variable(service)
    assert is_name(variable)
    assert project_refusal(variable, ()) == ""
    assert default_variable(variable.removesuffix("_TOKEN")) in (variable, variable.lstrip("_"))
    assert default_variable(service.upper()) == variable


def test_the_expiry_stands_beside_its_token() -> None:
    assert expiry_name("GMAIL_TOKEN") == "GMAIL_TOKEN_EXPIRES_AT"


def test_only_a_variable_that_is_nothing_but_the_token_is_a_bare_token() -> None:
    assert Variable("A", parse_template("{token}")).is_token
    assert Variable("A", TOKEN).is_token
    for text in ("{token} ", "Bearer {token}", "{token}{token}", "{{token}}", "", "{api_key}"):
        assert not Variable("A", parse_template(text)).is_token


def test_a_template_joins_its_fields_and_text_without_encoding_anything() -> None:
    template = parse_template("basic {username}:{password}")
    assert template.names == ("username", "password")
    assert template.fill({"username": "a{b}", "password": "p:%s", "x": ""}) == "basic a{b}:p:%s"


def test_a_template_asks_for_a_field_once_and_has_hyphens_in_it_as_static_credentials_do() -> None:
    template = parse_template("{X-Api-Key}/{X-Api-Key}")
    assert template.names == ("X-Api-Key",)
    assert template.fill({"X-Api-Key": "k"}) == "k/k"
    with pytest.raises(KeyError, match="X-Api-Key"):
        template.fill({"token": "t"})


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
def test_text_with_its_braces_doubled_comes_out_as_it_was(text: str) -> None:
    template = parse_template(escaped(text))
    assert template.fill({}) == text
    assert template.names == ()


@given(st.lists(st.tuples(st.text(alphabet="a{}: é", max_size=5), FIELDS), max_size=5))
def test_text_and_fields_come_out_in_their_order(pairs: list[tuple[str, str]]) -> None:
    template = parse_template("".join(escaped(text) + "{" + name + "}" for text, name in pairs))
    values = {name: f"<{name}>" for _, name in pairs}
    assert template.fill(values) == "".join(f"{text}<{name}>" for text, name in pairs)
    assert template == Template(tuple(pairs))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "}",
        "{}",
        "{token",
        "token}",
        "{token}}",
        "{{token}",
        "{token.x}",
        "{token[0]}",
        "{token!r}",
        "{token:>8}",
        "{0}",
        "{ token }",
        "{{{}}}",
        "{a{b}}",
        "{-a}",
        "{é}",
        "\0",
        "{token}\0",
    ],
)
def test_any_other_use_of_a_brace_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"brace|plain field|NUL"):
        parse_template(text)


def test_the_complaint_about_a_template_does_not_repeat_its_text() -> None:
    with pytest.raises(ValueError, match="character 9") as caught:
        parse_template("hunter2 {token")
    assert "hunter2" not in str(caught.value)
