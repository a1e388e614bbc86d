"""What a launch inside takes from the broker, and what its own map may say to that."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import pytest

from scalekit_exec.broker import client
from scalekit_exec.broker.inside import Inside, Taken, take
from scalekit_exec.broker.wire import Address
from scalekit_exec.clock import Deadline
from scalekit_exec.errors import (
    AuthorizationError,
    ConfigurationError,
    ScalekitExecError,
    UsageError,
    VaultError,
)
from scalekit_exec.secret import Secret
from tests.support.brokers import Accounts, Running, serving, want
from tests.support.maps import Home

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASIC = {"DESK_KEY": "{username}", "DESK_AUTH": "basic {username}:{password}"}
BOTH = {"GITHUB_TOKEN": "{token}", "GH_TOKEN": "{token}"}


@pytest.fixture
def running() -> Iterator[Running]:
    words = (want("gmail"), want("slack", "ops-bot"), want("github", env=BOTH))
    with serving(Accounts(), *words) as made:
        yield made


def taken(running: Running, *words: str, **how: object) -> Taken:
    return take(words, Inside(running.address, Deadline(10), **how))  # type: ignore[arg-type]


def values(got: Taken) -> dict[str, str]:
    return {name: text.reveal() for each in got.filled for name, text in each.values.items()}


def test_a_service_is_taken_as_the_launch_around_maps_it(running: Running) -> None:
    got = taken(running, "gmail", "github", "gmail")
    tokens = {"GITHUB_TOKEN": "github_c-mess-1", "GH_TOKEN": "github_c-mess-1"}
    assert values(got) == {"GMAIL_TOKEN": "gmail_c-mess-1", **tokens}
    assert [each.wanted.identifier for each in got.filled] == ["mess", "mess"]
    assert got.filled[0].expires_at == pytest.approx(time.time() + 3600, abs=5)
    assert {"SLACK_TOKEN", "SLACK_TOKEN_EXPIRES_AT", "GH_TOKEN"} <= set(got.around)


def test_a_word_renames_a_single_token(running: Running) -> None:
    assert values(taken(running, "gmail=A", "slack@ops-bot=B")) == {
        "A": "gmail_c-mess-1",
        "B": "slack_c-ops-bot-1",
    }
    assert values(taken(running, "github=ONE")) == {"ONE": "github_c-mess-1"}


def test_what_has_no_single_token_is_not_renamed() -> None:
    vault = Accounts(fields={"username": "u", "password": "hunter2-hunter2"})
    with serving(vault, want("desk", env=BASIC)) as running:
        assert values(taken(running, "desk")) == {
            "DESK_KEY": "u",
            "DESK_AUTH": "basic u:hunter2-hunter2",
        }
        (failure,) = taken(running, "desk=A").failures
        assert failure.code == "no-credential"
        assert "DESK_KEY" in failure.hint


def test_two_words_for_one_variable_are_a_conflict(running: Running) -> None:
    with pytest.raises(UsageError) as caught:
        taken(running, "gmail=A", "slack=A")
    assert caught.value.code == "variable-conflict"


@pytest.mark.parametrize("word", ["gmail=PATH", "gmail=LD_PRELOAD", "gmail=1", "g mail", "gmail@"])
def test_words_are_held_to_the_same_rules(running: Running, word: str) -> None:
    with pytest.raises(UsageError) as caught:
        taken(running, word)
    assert caught.value.code == "usage"


def test_all_that_fail_are_told_together(running: Running) -> None:
    failures = taken(running, "gmail", "notion", "slack@bob").failures
    assert [failure.code for failure in failures] == ["unknown-service", "unknown-service"]
    assert [failure.service for failure in failures] == ["notion", "slack"]


def test_the_identifier_of_the_launch_inside_counts(running: Running) -> None:
    assert values(taken(running, "gmail", identifier="mess"))
    (failure,) = taken(running, "gmail", identifier="bob").failures
    assert failure.code == "unknown-service"
    assert "gmail@mess" in failure.message


class TestMap:
    """A map is not needed. Where there is one, it must mean the same."""

    @pytest.fixture
    def home(self, tmp_path: Path) -> Home:
        return Home(tmp_path / "other")

    def test_the_same_account_is_fine(self, running: Running, home: Home) -> None:
        home.map(
            '[services.gmail]\nconnection_name = "gmail_c"\nidentifier = "mess"\nenv = "A_KEY"\n'
            '[services.slack]\nconnection_name = "slack_c"\n[groups]\nboth = ["gmail", "slack"]\n'
        )
        got = taken(running, "both", service_map=home.load())
        assert values(got).keys() == {"GMAIL_TOKEN", "SLACK_TOKEN"}

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ('connection_name = "other"', '"other"'),
            ('connection_name = "gmail_c"\nidentifier = "bob"', '"bob"'),
            ('connection_name = "gmail_c"\norganization_id = "org_1"', "organization_id"),
        ],
    )
    def test_another_account_is_refused(
        self, running: Running, home: Home, text: str, said: str
    ) -> None:
        home.map(f"[services.gmail]\n{text}\n")
        with pytest.raises(ConfigurationError) as caught:
            taken(running, "gmail", service_map=home.load())
        assert caught.value.code == "config-invalid"
        assert said in caught.value.message
        assert "scalekit.toml: [services.gmail]" in caught.value.message

    def test_the_maps_user_is_asked_for_where_there_are_several(self, home: Home) -> None:
        home.map('[services.gmail]\nconnection_name = "gmail_c"\nidentifier = "bob"\n')
        words = (want("gmail", "amy", "gmail@amy"), want("gmail", "bob", "gmail@bob"))
        with serving(Accounts(), *words) as running:
            got = taken(running, "gmail", service_map=home.load())
            assert values(got) == {"GMAIL_TOKEN": "gmail_c-bob-1"}

    def test_an_optional_services_failure_is_a_warning(self, running: Running, home: Home) -> None:
        home.map('[services.notion]\nconnection_name = "n"\nrequired = false\n')
        got = taken(running, "gmail", "notion", service_map=home.load())
        assert [failure.code for failure in got.warnings] == ["unknown-service"]
        assert values(got).keys() == {"GMAIL_TOKEN"}


def test_a_short_life_is_refused_where_a_longer_one_was_asked_for(running: Running) -> None:
    assert values(taken(running, "gmail", min_ttl=3000.0))
    (failure,) = taken(running, "gmail", min_ttl=4000.0).failures
    assert failure.code == "token-expiring"


def test_the_brokers_failure_is_the_launchs() -> None:
    vault = Accounts(lives=(0.1,))
    with serving(vault) as running:
        vault.status = "DISCONNECTED"
        time.sleep(0.2)
        (failure,) = taken(running, "gmail").failures
        assert (failure.code, failure.status) == ("authorization-required", "DISCONNECTED")
        assert "outside this launch" in failure.hint
        with pytest.raises(AuthorizationError):
            client.ask_token(running.address, "gmail", Deadline(5))


def test_a_broker_that_takes_too_long_is_timed_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        to = Address("127.0.0.1", mute.getsockname()[1], Secret("x"))
        started = time.monotonic()
        with pytest.raises(VaultError) as caught:
            client.ask_token(to, "gmail", Deadline(0.3))
        assert caught.value.code == "timed-out"
        assert time.monotonic() - started < 2


def test_a_broker_that_is_gone_or_another_is_told_as_such(running: Running) -> None:
    wrong = Address("127.0.0.1", running.port, Secret("wrong"))
    with pytest.raises(ScalekitExecError) as refused:
        client.ask_token(wrong, "gmail", Deadline(5))
    assert refused.value.code == "broker"
    running.broker.close()
    with pytest.raises(ScalekitExecError) as gone:
        take(["gmail"], Inside(running.address, Deadline(5)))
    assert gone.value.code == "broker"
    assert "--serve" in gone.value.hint
