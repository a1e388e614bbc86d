"""The scenario file: what it can say, and that nothing in it is passed over."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.errors import ConfigurationError
from scalekit_exec.model import AccountKey
from scalekit_exec.sandbox import World, load_scenario
from scalekit_exec.sandbox.faults import KINDS, Fault, Faults
from scalekit_exec.sandbox.services import AccountService, ConnectionService, ProviderService

if TYPE_CHECKING:
    from collections.abc import Callable

    Load = Callable[[str], World]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def write_and_load(text: str) -> World:
        path = tmp_path / "scenario.toml"
        path.write_text(text, encoding="utf-8")
        return load_scenario(str(path))

    return write_and_load


def account(world: World, name: str, identifier: str = "mess") -> Any:
    found = world.account(AccountKey(name, identifier))
    assert found is not None
    return found


def details(world: World, name: str) -> Any:
    return account(world, name).message(with_credential=True).authorization_details


def test_an_account_needs_only_a_connection_and_an_identifier(load: Load) -> None:
    world = load('[[accounts]]\nconnection_name = "gmail"\nidentifier = "mess"\n')
    message = account(world, "gmail").message(with_credential=True)
    assert message.status == 1
    assert message.authorization_details.oauth_token.access_token.startswith("sandbox-")
    assert 3590 < message.token_expires_at.seconds - time.time() <= 3600


def test_every_kind_of_credential_can_be_told(load: Load) -> None:
    world = load(
        """
        [[accounts]]
        connection_name = "freshdesk"
        identifier = "mess"
        static_auth = { username = "u", password = "p", version = 1 }
        [[accounts]]
        connection_name = "dwd"
        identifier = "mess"
        google_dwd = { subject = "a@b.c", access_token = "t", scopes = ["x", "y"] }
        [[accounts]]
        connection_name = "redshift"
        identifier = "mess"
        trusted_idp = { db_user = "d" }
        expires_in = 60
        [[accounts]]
        connection_name = "org"
        identifier = "mess"
        org_wide = true
        no_credential = true
        api_config = { domain = "org.example.com" }
        [[accounts]]
        connection_name = "brave"
        identifier = "mess"
        authorization_type = "API_KEY"
        """
    )
    assert dict(details(world, "freshdesk").static_auth.details) == {
        "username": "u",
        "password": "p",
        "version": 1.0,
    }
    message = account(world, "dwd").message(with_credential=True)
    assert not message.HasField("token_expires_at"), "its expiry is inside"
    assert message.authorization_details.google_dwd.token_expires_at.seconds > time.time()
    assert list(message.authorization_details.google_dwd.scopes) == ["x", "y"]
    assert details(world, "redshift").trusted_idp.expiry.seconds > time.time()
    assert details(world, "org").WhichOneof("details") is None
    org = account(world, "org").message(with_credential=True)
    assert org.is_org_wide_credential
    assert dict(org.api_config) == {"domain": "org.example.com"}
    assert details(world, "brave").static_auth.details["api_key"].startswith("sandbox-")


@pytest.mark.parametrize(
    ("line", "seconds"),
    [
        ('expires_at = "1970-01-01T00:00:00Z"', 0),
        ("expires_at = 2030-01-01T00:00:00Z", 1893456000),
        ('expires_in = "never"', None),
    ],
)
def test_an_expiry_can_be_a_time_or_never(load: Load, line: str, seconds: int | None) -> None:
    world = load(f'[[accounts]]\nconnection_name = "gmail"\nidentifier = "mess"\n{line}\n')
    message = account(world, "gmail").message(with_credential=True)
    expiry = message.token_expires_at.seconds if message.HasField("token_expires_at") else None
    assert expiry == seconds


def test_a_rotating_account_gives_another_token_and_expiry_with_each_read(load: Load) -> None:
    world = load(
        """
        [[accounts]]
        connection_name = "gmail"
        identifier = "mess"
        oauth_token = { access_token = "T" }
        rotate = true
        expires_in = [10, 5000]
        """
    )
    seen = []
    for _ in range(3):
        account(world, "gmail").read()
        message = account(world, "gmail").message(with_credential=True)
        left = message.token_expires_at.seconds - time.time()
        seen.append((message.authorization_details.oauth_token.access_token, left > 4000))
    assert seen == [("T", False), ("T-2", True), ("T-3", True)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[accounts]]\nconection_name = 'x'\n", ("accounts[1]", "conection_name")),
        ("[[accounts]]\nconnection_name = 'x'\n", ("accounts[1]", "identifier", "missing")),
        ("opne = true\n", ("opne",)),
        ("open = 1\n", ("open", "type")),
        ("verification = 'none'\n", ("verification", "none")),
        ("[[faults]]\nkind = 'statsu'\n", ("faults[1]", "kind", "statsu")),
        ("[[faults]]\nkind = 'status'\n", ("faults[1]", "status", "missing")),
        ("[[faults]]\nkind = 'redirect'\n", ("faults[1]", "location")),
        ("[[faults]]\nkind = 'html'\non = 'login'\n", ("faults[1]", "on", "login")),
        ("[[faults]]\nkind = 'html'\ntimes = true\n", ("faults[1]", "times")),
        ("[[connections]]\nname = 'x'\nstatus = 'DONE'\n", ("connections[1]", "status")),
        ("[[providers]]\ndisplay_name = 'x'\n", ("providers[1]", "identifier")),
        ("accounts = 3\n", ("accounts", "type")),
        ("[[accounts]\n", ("line 1",)),
    ],
)
def test_what_makes_no_sense_is_named_with_file_table_and_key(
    load: Load, text: str, words: tuple[str, ...]
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(text)
    assert caught.value.code == "config-invalid"
    assert caught.value.hint
    for word in ("scenario.toml", *words):
        assert word in caught.value.message


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("status = 'REVOKED'", "status"),
        ("authorization_type = 'OAUTH2'", "authorization_type"),
        ("expires_in = 'soon'", "expires_in"),
        ("expires_in = []", "expires_in"),
        ("expires_in = 1\nexpires_at = '2030-01-01T00:00:00Z'", "expires_at"),
        ("expires_at = 2030-01-01T00:00:00", "time zone"),
        ("expires_at = 'tomorrow'", "expires_at"),
        ("oauth_token = { acess_token = 'x' }", "acess_token"),
        ("oauth_token = { scopes = 'x' }", "scopes"),
        ("oauth_token = {}\nstatic_auth = {}", "static_auth"),
    ],
)
def test_an_accounts_value_that_makes_no_sense_is_named(load: Load, line: str, word: str) -> None:
    with pytest.raises(ConfigurationError, match=r"accounts\[1\]") as caught:
        load(f"[[accounts]]\nconnection_name = 'x'\nidentifier = 'y'\n{line}\n")
    assert word in caught.value.message


def test_a_scenario_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read") as caught:
        load_scenario(str(tmp_path / "none.toml"))
    assert caught.value.code == "config-missing"


def test_a_world_for_services_has_just_those_accounts() -> None:
    keys = [
        AccountKey("gmail", "mess"),
        AccountKey("slack", "bot", "org_1"),
        *[AccountKey("a", "b")] * 2,
    ]
    world = World.for_services(dict.fromkeys(keys, ()))
    assert [entry.key for entry in world] == keys[:3]
    assert world.account(AccountKey("gmail", "bob")) is None
    tokens = {entry.credential["oauth_token"]["access_token"] for entry in world}
    assert len(tokens) == 3
    assert all(token.startswith("sandbox-") for token in tokens)


def test_what_a_launch_asks_of_an_account_it_has() -> None:
    key = AccountKey("desk", "mess")
    asked: dict[str, list[tuple[str, ...]]] = {
        "token": [("token", "domain")],
        "basic": [("username", "password"), ("domain", "identifier")],
        "key": [("api_key",)],
        "key and token": [("api_key",), ("token",)],
        "user and token": [("username",), ("token",)],
        "more": [("token", "X-Org-Id", "region")],
    }
    made = {
        name: account(World.for_services({key: services}), "desk")
        for name, services in asked.items()
    }
    kinds = {name: each.authorization_type for name, each in made.items()}
    assert kinds == {
        "token": "OAUTH",
        "basic": "BASIC",
        "key": "API_KEY",
        "key and token": "API_KEY",
        "user and token": "OAUTH",
        "more": "BEARER_TOKEN",
    }
    assert made["token"].api_config == made["basic"].api_config == {"domain": "sandbox.example"}
    assert made["basic"].credential["static_auth"].keys() == {"username", "password"}
    assert made["more"].credential["static_auth"]["region"] == "sandbox"


def test_an_open_world_makes_an_account_when_it_is_asked_for() -> None:
    assert account(World(is_open=True), "anything").status == "ACTIVE"


def test_a_reset_goes_back_to_the_beginning() -> None:
    key = AccountKey("gmail", "mess")
    world = World.for_services({key: ()})
    first = account(world, "gmail").credential
    world.put(account(World(is_open=True), "other"))
    account(world, "gmail").authorize("DISCONNECTED", {})
    world.reset()
    assert [(entry.key, entry.status, entry.credential) for entry in world] == [
        (key, "ACTIVE", first)
    ]


@given(
    times=st.lists(st.integers(0, 3), max_size=4),
    requests=st.integers(0, 10),
    on=st.sampled_from(["auth", "any"]),
)
def test_a_fault_happens_as_often_as_it_says_and_in_order(
    times: list[int], requests: int, on: str
) -> None:
    faults = Faults([Fault("html", on=on, times=count, status=n) for n, count in enumerate(times)])
    taken = [faults.take("auth", "gmail", "rest") for _ in range(requests)]
    expected = [number for number, count in enumerate(times) for _ in range(count)]
    assert [fault.status for fault in taken if fault is not None] == expected[:requests]
    assert faults.take("other", "gmail", "rest") is None or on == "any"


@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_for_one_connection_leaves_the_others_alone(kind: str) -> None:
    operation = "link" if kind == "bad_link" else "auth"
    faults = Faults([Fault(kind, on=operation, connection="gmail")])
    assert faults.take(operation, "slack", "rest") is None
    assert faults.take("token", "", "rest") is None
    assert faults.take(operation, "gmail", "rest") is not None


def test_a_server_without_rest_still_issues_tokens_and_speaks_grpc() -> None:
    faults = Faults([Fault("rest_absent")])
    assert faults.take("token", "", "rest") is None
    assert faults.take("auth", "gmail", "grpc") is None
    assert faults.take("auth", "gmail", "rest") is not None


MANUAL = (Path(__file__).parent.parent / "docs" / "sandbox.md").read_text(encoding="utf-8")


def test_the_manuals_scenario_can_be_loaded(load: Load) -> None:
    found = re.search(r"```toml\n(.*?)```", MANUAL, re.DOTALL)
    assert found is not None
    world = load(found[1])
    assert [entry.key.connection_name for entry in world] == ["gmail_u3134a", "freshdesk_1"]
    assert world.connections()[0]["name"] == "slack_x7y9z"


def test_the_manual_names_every_fault_and_no_other() -> None:
    table = MANUAL.partition("| kind |")[2].partition("\n\n")[0]
    names = [row.split("|")[1] for row in table.splitlines()[2:]]
    assert {name for row in names for name in re.findall(r"`(\w+)`", row)} == set(KINDS)


def test_the_manual_names_every_call_that_is_served() -> None:
    listed = MANUAL.partition("Served are: ")[2].partition(". Other")[0]
    served = {
        method.name
        for service in (AccountService, ConnectionService, ProviderService)
        for method in service.descriptor.methods
        if hasattr(service, re.sub(r"(?<!^)(?=[A-Z])", "_", method.name).lower())
    }
    assert set(re.findall(r"\w+", listed)) == served
