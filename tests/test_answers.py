"""Scalekit's JSON as our nouns: every kind of credential, and whatever else a server may send."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.errors import CODES, ScalekitExecError, shown
from scalekit_exec.model import Account, AccountKey, Credential, Link
from scalekit_exec.transport import answers, refusals
from scalekit_exec.transport.answers import Answer
from scalekit_exec.transport.http import retry_after

KEY = AccountKey("gmail_u3134a", "mess")
NOON = 1_800_000_000.0
NOON_TEXT = "2027-01-15T08:00:00Z"


def body(details: object, **more: object) -> dict[str, Any]:
    row = {"status": "ACTIVE", "authorization_details": details, **more}
    return {"connected_account": row}


def read(details: object, **more: object) -> Credential:
    found = answers.credential(body(details, **more), KEY, "host", NOON)
    assert isinstance(found, Credential)
    return found


def plain(found: Credential) -> dict[str, str]:
    return {name: secret.reveal() for name, secret in found.fields.items()}


WHO = {"identifier": "mess"}
KINDS: list[tuple[str, object, dict[str, Any], str | None, dict[str, str]]] = [
    (
        "oauth",
        {"oauth_token": {"access_token": "a", "refresh_token": "r", "scopes": ["s"], "domain": ""}},
        {"authorization_type": "OAUTH"},
        "a",
        {"token": "a"},
    ),
    (
        "oauth-with-a-domain",
        {"oauth_token": {"access_token": "a", "domain": "d.example"}},
        {},
        "a",
        {"token": "a", "domain": "d.example"},
    ),
    (
        "domain-of-the-api-comes-first",
        {"oauth_token": {"access_token": "a", "domain": "d.example"}},
        {"api_config": {"domain": "api.example"}},
        "a",
        {"token": "a", "domain": "api.example"},
    ),
    (
        "other-arms-are-null",
        {"oauth_token": {"access_token": "a"}, "static_auth": None, "google_dwd": None},
        {"api_config": None},
        "a",
        {"token": "a"},
    ),
    (
        "api-key",
        {"static_auth": {"details": {"api_key": "k"}}},
        {"authorization_type": "API_KEY"},
        "k",
        {"token": "k", "api_key": "k"},
    ),
    ("api-key-flat", {"static_auth": {"api_key": "k"}}, {}, "k", {"token": "k", "api_key": "k"}),
    (
        "bearer",
        {"static_auth": {"details": {"token": "t"}}},
        {"authorization_type": "BEARER_TOKEN"},
        "t",
        {"token": "t"},
    ),
    (
        "bearer-token",
        {"static_auth": {"details": {"bearer_token": "t"}}},
        {},
        "t",
        {"token": "t", "bearer_token": "t"},
    ),
    (
        "api-key-at-a-place",
        {"static_auth": {"details": {"api_key": "k", "domain": "x.example", "version": 2.0}}},
        {},
        "k",
        {"token": "k", "api_key": "k", "domain": "x.example", "version": "2"},
    ),
    (
        "basic",
        {"static_auth": {"details": {"username": "u", "password": "p"}}},
        {"authorization_type": "BASIC"},
        None,
        {"username": "u", "password": "p"},
    ),
    (
        "basic-with-a-key-for-a-name",
        {"static_auth": {"details": {"username": "k"}}},
        {"authorization_type": "BASIC_AUTH"},
        None,
        {"username": "k"},
    ),
    (
        "two-keys",
        {"static_auth": {"details": {"api_key": "k", "app_key": "l"}}},
        {"authorization_type": "CUSTOM"},
        None,
        {"api_key": "k", "app_key": "l"},
    ),
    (
        "numbers-and-truths",
        {"static_auth": {"details": {"port": 5432.0, "ratio": 0.5, "tls": True, "x": None}}},
        {},
        None,
        {"port": "5432", "ratio": "0.5", "tls": "true"},
    ),
    (
        "delegation",
        {"google_dwd": {"subject": "s", "access_token": "a", "token_expires_at": NOON_TEXT}},
        {"authorization_type": "GOOGLE_DWD"},
        "a",
        {"token": "a", "expires_at": NOON_TEXT},
    ),
    (
        "trusted-idp",
        {"trusted_idp": {"db_user": "d", "access_key_id": "i"}},
        {"authorization_type": "TRUSTED_IDP"},
        None,
        {"db_user": "d", "access_key_id": "i"},
    ),
    ("no-auth", {}, {"authorization_type": "NO_AUTH"}, None, {}),
    ("nothing", None, {}, None, {}),
]


@pytest.mark.parametrize(
    ("details", "more", "token", "fields"), [pytest.param(*rest, id=name) for name, *rest in KINDS]
)
def test_each_kind_of_credential_gives_its_token_and_fields(
    details: object, more: dict[str, Any], token: str | None, fields: dict[str, str]
) -> None:
    found = read(details, **more)
    assert (found.token.reveal() if found.token else None) == token
    assert plain(found) == WHO | fields


@given(st.sampled_from(["oauth_token", "google_dwd", "static_auth", "trusted_idp"]))
def test_a_refresh_token_is_never_among_the_fields(kind: str) -> None:
    values = {"access_token": "a", "refresh_token": "secret-refresh", "api_key": "k"}
    for details in (values, {"details": values}):
        assert "secret-refresh" not in plain(read({kind: details})).values()


@pytest.mark.parametrize("status", answers.STATUSES[1:])
def test_an_account_that_is_not_active_yields_no_credential(status: str) -> None:
    found = answers.credential(
        body({"oauth_token": {"access_token": "a"}}, status=status), KEY, "host", NOON
    )
    assert isinstance(found, Account)
    assert (found.status, found.key, found.as_of) == (status, KEY, NOON)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (None, None),
        ("", None),
        ("0001-01-01T00:00:00Z", None),
        ("1970-01-01T00:00:00Z", None),
        (NOON_TEXT, NOON),
        ("2027-01-15T09:00:00.5+01:00", NOON + 0.5),
    ],
)
def test_an_unset_expiry_is_none_known(told: str | None, expected: float | None) -> None:
    found = read({"oauth_token": {"access_token": "a"}}, token_expires_at=told)
    assert found.expires_at == expected


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
KINDS_OF_DETAILS = ("oauth_token", "static_auth", "google_dwd", "trusted_idp")
KNOWN = ("access_token", "token_expires_at", "details", "domain", "token", "api_key", "username")
anything = st.dictionaries(st.sampled_from(KNOWN), json_values, max_size=4) | json_values
accounts = st.fixed_dictionaries(
    {"status": st.sampled_from(answers.STATUSES) | json_values},
    optional={
        "authorization_details": st.dictionaries(st.sampled_from(KINDS_OF_DETAILS), anything)
        | json_values,
        "token_expires_at": st.sampled_from([NOON_TEXT, "9999-12-31T23:59:59-23:59"]) | json_values,
        "authorization_type": st.sampled_from(["OAUTH", "BASIC"]) | json_values,
        "api_config": anything,
        "provider": json_values,
        "id": json_values,
    },
)


@given(st.fixed_dictionaries({"connected_account": accounts | json_values}) | json_values)
def test_any_answer_is_a_credential_or_an_account_or_an_error_of_ours(value: object) -> None:
    try:
        found = answers.decode(Answer(200, json.dumps(value).encode()), "host")
        result = answers.credential(found, KEY, "host", NOON)
    except ScalekitExecError as error:
        assert error.code == "unexpected-answer"  # noqa: PT017 - either outcome is right
        return
    assert isinstance(result, Credential | Account)
    if isinstance(result, Credential):
        assert all(isinstance(text, str) for text in plain(result).values())
        assert result.token is None or result.token.reveal()


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_an_error_of_ours(data: bytes) -> None:
    try:
        assert isinstance(answers.decode(Answer(200, data), "host"), dict)
    except ScalekitExecError as error:
        assert error.code == "unexpected-answer"  # noqa: PT017 - either outcome is right


@given(st.fixed_dictionaries({}, optional={"link": json_values, "expiry": json_values}))
def test_any_link_is_a_plain_https_address_or_an_error_of_ours(value: dict[str, object]) -> None:
    try:
        found = answers.link(value, "host")
    except ScalekitExecError as error:
        assert error.code == "unexpected-answer"  # noqa: PT017 - either outcome is right
        return
    assert isinstance(found, Link)
    assert found.url.startswith("https://")
    assert found.url.isascii()
    assert found.url.isprintable()


@given(st.text().map(lambda text: "https://" + text))
def test_a_link_with_anything_but_visible_ascii_is_refused(url: str) -> None:
    good = all("!" <= character <= "~" for character in url)
    try:
        assert answers.link({"link": url}, "host").url == url
        assert good
    except ScalekitExecError:
        assert not good


details = st.lists(
    json_values
    | st.fixed_dictionaries(
        {"@type": st.just("x/scalekit.v1.errdetails.ErrorInfo") | json_values},
        optional={"error_code": st.just("X") | json_values, "resource_info": anything},
    ),
    max_size=3,
)


@given(
    st.integers(100, 999).filter(lambda status: status != 200),
    st.fixed_dictionaries({}, optional={"message": json_values, "details": details | json_values})
    | json_values,
    st.text(max_size=20),
)
def test_any_refusal_is_an_error_of_ours_in_one_line(
    status: int, value: object, location: str
) -> None:
    answer = Answer(status, json.dumps(value).encode(), location=location)
    for key in (KEY, None):
        error = refusals.refusal(answers.with_error_info(answer), "host", "a:b", key)
        assert isinstance(error, ScalekitExecError)
        assert error.code in CODES
        assert shown(error.message, 1000) == error.message, "nothing that a terminal obeys"
        assert error.hint
        assert len(error.message) < 600


@given(st.text(max_size=80))
def test_any_retry_after_is_seconds_or_nothing(text: str) -> None:
    asked = retry_after(Answer(429, retry_after=text, received_at=NOON))
    assert asked is None or asked >= 0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0.0),
        (" 7 ", 7.0),
        ("99999999", 99999999.0),
        ("Fri, 15 Jan 2027 08:00:10 GMT", 10.0),
        ("Fri, 15 Jan 2027 07:00:00 GMT", 0.0),
        ("1e3", None),
        ("-1", None),
        ("٣", None),
        ("", None),
    ],
)
def test_a_retry_after_is_seconds_or_a_date(text: str, expected: float | None) -> None:
    assert retry_after(Answer(429, retry_after=text, received_at=NOON)) == expected


@given(st.text(max_size=80))
def test_any_date_gives_a_time(text: str) -> None:
    assert isinstance(Answer(200, date=text, received_at=NOON).as_of, float)
