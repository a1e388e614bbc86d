from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec import environment
from scalekit_exec.environment import OWN_CREDENTIALS, Filled, Policy, build, fill
from scalekit_exec.errors import CredentialError
from scalekit_exec.model import Account, AccountKey, Credential, Service, Wanted
from scalekit_exec.secret import Secret
from scalekit_exec.variables import TOKEN, Variable, parse_template

LONGEST = 131072


def want(name: str, *variables: str | tuple[str, str], named: str = "") -> Wanted:
    made = tuple(
        Variable(given, TOKEN)
        if isinstance(given, str)
        else Variable(given[0], parse_template(given[1]))
        for given in variables
    )
    return Wanted(Service(name, f"{name}_c", made), "mess", made, named or name)


def credential(token: str | None = None, ends: float | None = None, /, **fields: str) -> Credential:
    account = Account(AccountKey("c", "mess"), "ACTIVE")
    everything = {"identifier": "mess", **fields} | ({"token": token} if token else {})
    return Credential(
        account,
        Secret(token) if token else None,
        {name: Secret(value) for name, value in everything.items()},
        ends,
    )


def child(
    parent: dict[str, str], *services: tuple[Wanted, Credential | None], **policy: object
) -> dict[str, str]:
    wanted = [service for service, _ in services]
    filled = [fill(service, given, longest=LONGEST) for service, given in services if given]
    return build(parent, wanted, filled, Policy(**policy))  # type: ignore[arg-type]


names = st.text("ABCDEFGHIJ_", min_size=1, max_size=8)
environments = st.dictionaries(names, st.text(max_size=10), max_size=8)


@given(environments)
def test_what_is_not_ours_is_inherited_untouched(parent: dict[str, str]) -> None:
    got = child(parent, (want("gmail", "ZZ_TOKEN"), credential("t")))
    assert got == parent | {"ZZ_TOKEN": "t", "SCALEKIT_EXEC": "gmail=ZZ_TOKEN"}


@given(environments)
def test_the_parents_mapping_is_never_changed(parent: dict[str, str]) -> None:
    before = dict(parent)
    child(parent, (want("gmail", *(parent or {"A": ""})), credential("t")))
    assert parent == before


def test_scalekits_own_credentials_are_these_seven() -> None:
    ours = {f"SCALEKIT_{name}" for name in ("CLIENT_ID", "CLIENT_SECRET", "ENV_URL")}
    theirs = {f"TOOL_{name}" for name in ("CLIENT_ID", "CLIENT_SECRET", "ENV_URL")}
    assert set(OWN_CREDENTIALS) == {*ours, "SCALEKIT_ENVIRONMENT_URL", *theirs}


def test_a_pristine_environment_keeps_them_where_that_is_asked_for() -> None:
    kept = child({"TOOL_CLIENT_ID": "x", "A": "b"}, pristine=True, keep_credentials=True)
    assert kept == {"TOOL_CLIENT_ID": "x"}


@pytest.mark.parametrize("name", OWN_CREDENTIALS)
def test_scalekits_own_credentials_are_taken_out(name: str) -> None:
    assert name not in child({name: "x"})
    assert child({name: "x"}, keep_credentials=True) == {name: "x"}
    assert name not in child({name: "x"}, pristine=True, passed=(name,))


@pytest.mark.parametrize("name", [name.title() for name in OWN_CREDENTIALS])
def test_windows_knows_no_case(name: str) -> None:
    assert child({name: "x"}, windows=True) == {}
    assert child({name: "x"}) == {name: "x"}


def test_a_stale_value_does_not_stay_where_a_service_yielded_nothing() -> None:
    parent = {"GMAIL_TOKEN": "old", "GMAIL_TOKEN_EXPIRES_AT": "2020-01-01T00:00:00Z", "A": "b"}
    assert child(parent, (want("gmail", "GMAIL_TOKEN"), None)) == {"A": "b"}


def test_a_stale_expiry_does_not_stay_beside_a_token_without_one() -> None:
    parent = {"GMAIL_TOKEN_EXPIRES_AT": "2020-01-01T00:00:00Z"}
    got = child(parent, (want("gmail", "GMAIL_TOKEN"), credential("t")))
    assert got == {"GMAIL_TOKEN": "t", "SCALEKIT_EXEC": "gmail=GMAIL_TOKEN"}


def test_an_expiry_stands_beside_every_bare_token_and_nothing_else() -> None:
    wanted = want("x", "A_TOKEN", ("A_AUTH", "Bearer {token}"))
    got = child({}, (wanted, credential("t", 1.9)))
    assert got == {
        "A_TOKEN": "t",
        "A_TOKEN_EXPIRES_AT": "1970-01-01T00:00:01Z",
        "A_AUTH": "Bearer t",
        "SCALEKIT_EXEC": "x",
    }


def test_an_expiry_that_the_map_fills_itself_is_kept() -> None:
    wanted = want("x", ("A_EXPIRES_AT", "at {expires_at}"), "A")
    got = child({}, (wanted, credential("t", 1.0, expires_at="then")))
    assert got["A_EXPIRES_AT"] == "at then"


def test_pristine_keeps_the_basics_and_what_is_passed() -> None:
    parent = {"PATH": "/bin", "LC_TIME": "C", "FOO": "1", "AWS_A": "2", "AWS_B": "3", "LCX": "4"}
    got = child(parent, pristine=True, passed=("AWS_*",))
    assert got == {"PATH": "/bin", "LC_TIME": "C", "AWS_A": "2", "AWS_B": "3"}


def test_pristine_on_windows_keeps_what_windows_needs() -> None:
    parent = {"SystemRoot": "C:\\Windows", "ProgramFiles(x86)": "C:\\P", "Foo": "1"}
    got = child(parent, pristine=True, windows=True)
    assert got == {"SystemRoot": "C:\\Windows", "ProgramFiles(x86)": "C:\\P"}


def test_the_mark_names_what_the_child_has() -> None:
    got = child(
        {},
        (want("gmail", "ALICE_TOKEN", named="gmail@alice"), credential("a")),
        (want("slack", "SLACK_TOKEN"), credential("b")),
        (want("freshdesk", ("F_KEY", "{username}")), credential(username="u", password="p")),
        (want("github", "GITHUB_TOKEN", "GH_TOKEN"), credential("c")),
        (want("lost", "LOST_TOKEN"), None),
    )
    assert got["SCALEKIT_EXEC"] == "gmail@alice=ALICE_TOKEN,slack=SLACK_TOKEN,freshdesk,github"


def test_an_identifier_cannot_break_the_mark() -> None:
    got = child({}, (want("g", "T", named="g@a,b=c%d\n\u0085é"), credential("a")))
    assert got["SCALEKIT_EXEC"] == "g@a%2Cb%3Dc%25d%0A%C2%85é=T"


def test_a_nested_launch_adds_to_the_mark_and_takes_over_what_it_replaces() -> None:
    parent = {"SCALEKIT_EXEC": "gmail=T,slack=S,gone=G", "T": "1", "S": "2"}
    got = child(parent, (want("mail", "T"), credential("x")))
    assert got["SCALEKIT_EXEC"] == "slack=S,mail=T"
    assert child(got, (want("mail", "T"), credential("x")))["SCALEKIT_EXEC"] == "slack=S,mail=T"
    assert child(got, (want("mail", "T"), None)).get("SCALEKIT_EXEC") == "slack=S"


def test_a_pristine_child_is_not_told_of_variables_that_it_lacks() -> None:
    parent = {"SCALEKIT_EXEC": "gmail=T,x", "T": "1"}
    assert "SCALEKIT_EXEC" not in child(parent, pristine=True)


def test_templates_are_filled_from_the_accounts_fields() -> None:
    wanted = want("f", ("F_AUTH", "basic {username}:{password}"), ("F_DOMAIN", "{domain}"))
    got = child({}, (wanted, credential(username="u", password="p:q", domain="x.example")))
    assert got == {"F_AUTH": "basic u:p:q", "F_DOMAIN": "x.example", "SCALEKIT_EXEC": "f"}


def test_a_field_that_the_account_lacks_is_told_with_those_it_has() -> None:
    with pytest.raises(CredentialError, match="has no nope for A_B") as caught:
        fill(want("f", ("A_B", "{nope}")), credential(user="x", key="y"), longest=LONGEST)
    assert caught.value.code == "no-credential"
    assert "it has key, user" in caught.value.message
    assert "[services.f]" in caught.value.hint


def test_several_values_and_no_table_say_how_to_write_one() -> None:
    with pytest.raises(CredentialError) as caught:
        fill(want("f", "F_TOKEN"), credential(username="x", password="y"), longest=LONGEST)
    assert caught.value.code == "no-credential"
    assert 'F_PASSWORD = "{password}"' in caught.value.hint


def test_one_of_several_values_may_be_called_token() -> None:
    given = credential(api_key="k", token="t")
    with pytest.raises(CredentialError, match="no single token for F_TOKEN; it has api_key, token"):
        fill(want("f", "F_TOKEN"), given, longest=LONGEST)
    both = want("f", ("F_KEY", "{api_key}"), ("F_TOKEN", "{token}"))
    filled = fill(both, given, longest=LONGEST)
    assert {name: text.reveal() for name, text in filled.values.items()} == {
        "F_KEY": "k",
        "F_TOKEN": "t",
    }


@pytest.mark.parametrize("fields", [{}, {"domain": "a.example"}])
def test_an_account_without_a_credential_is_told_as_such(fields: dict[str, str]) -> None:
    with pytest.raises(CredentialError, match="holds no credential"):
        fill(want("f", "F_TOKEN"), credential(**fields), longest=LONGEST)


@pytest.mark.parametrize(
    "token",
    ["a\0b", f"a{chr(0xD800)}b", f"a{chr(0xDC80)}b", "a\nb", "a\r", "\x1b[0m", "x" * 131072],
)
def test_a_token_that_no_variable_or_header_can_hold_is_refused(token: str) -> None:
    with pytest.raises(CredentialError) as caught:
        fill(want("f", "F_TOKEN"), credential(token), longest=LONGEST)
    assert caught.value.code == "unusable-token"
    assert token not in str(caught.value)


def test_a_key_in_pem_form_keeps_its_lines() -> None:
    pem = "-----BEGIN KEY-----\nabc\n-----END KEY-----\n"
    wanted = want("f", ("F_KEY", "{private_key}"), ("F_USER", "{username}"))
    filled = fill(wanted, credential(private_key=pem, username="u"), longest=LONGEST)
    assert filled.values["F_KEY"].reveal() == pem


def test_the_longest_value_that_linux_takes_is_let_through() -> None:
    name = "F_TOKEN"
    fits = LONGEST - len(name) - 2
    fill(want("f", name), credential("x" * fits), longest=LONGEST)
    with pytest.raises(CredentialError):
        fill(want("f", name), credential("x" * (fits + 1)), longest=LONGEST)


def test_filled_values_stay_secrets_until_the_child_gets_them() -> None:
    filled = fill(want("f", "F_TOKEN"), credential("canary-token"), longest=LONGEST)
    assert isinstance(filled, Filled)
    assert "canary" not in repr(filled)


def test_the_limits_of_the_platforms_are_known() -> None:
    assert environment.longest_value("linux") >= 131072
    assert environment.longest_value("win32") == 32767
