"""The resolver on its own, with a vault of our making behind the port."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalekit_exec.clock import Deadline
from scalekit_exec.errors import AuthorizationError, VaultError
from scalekit_exec.model import Account, AccountKey, Credential, Link, Service, Wanted
from scalekit_exec.resolver import READERS, Outcome, Rules, resolve
from scalekit_exec.secret import Secret
from scalekit_exec.variables import TOKEN, Variable

if TYPE_CHECKING:
    from collections.abc import Callable

    Answer = Callable[[AccountKey], Credential | Account]

RULES = Rules(host="a.example", again=" --environment prod")


def want(name: str, *, required: bool = True, connection: str = "") -> Wanted:
    variables = (Variable(f"{name.upper()}_TOKEN", TOKEN),)
    service = Service(name, connection or name, variables, required=required)
    return Wanted(service, "mess", variables, name)


def good(key: AccountKey, expires_at: float | None = None) -> Credential:
    account = Account(key, "ACTIVE", as_of=1000.0)
    token = Secret(f"canary.{key.connection_name}")
    return Credential(account, token, {"token": token, "identifier": Secret("mess")}, expires_at)


class Vault:
    """A vault that answers as it is told, and counts."""

    def __init__(self, answers: dict[str, Answer] | None = None) -> None:
        self.answers = answers or {}
        self.reads: list[str] = []
        self.links: list[str] = []
        self.lock = threading.Lock()

    def credential(self, key: AccountKey) -> Credential | Account:
        with self.lock:
            self.reads.append(key.connection_name)
        return self.answers.get(key.connection_name, good)(key)

    def account(self, key: AccountKey) -> Account:
        raise NotImplementedError

    def link(self, key: AccountKey, *, state: str = "", user_verify_url: str = "") -> Link:
        del state, user_verify_url
        with self.lock:
            self.links.append(key.connection_name)
        return Link(f"https://a.example/{key.connection_name}", 2000.0)

    def verify(self, auth_request_id: str, identifier: str) -> str:
        raise NotImplementedError

    def close(self) -> None:
        """Nothing is open."""


def state(status: str) -> Answer:
    return lambda key: Account(key, status)


def fails(error: Exception) -> Answer:
    def answer(key: AccountKey) -> Credential:
        raise error

    return answer


def outcome(vault: Vault, *wanted: Wanted, seconds: float = 10, rules: Rules = RULES) -> Outcome:
    return resolve(wanted, vault, Deadline(seconds), rules)


@given(st.lists(st.sampled_from(["a", "b", "c", "d"]), max_size=6))
@settings(max_examples=40)
def test_each_account_is_read_once_and_each_word_is_filled_in_order(names: list[str]) -> None:
    vault = Vault()
    result = outcome(vault, *[want(name) for name in names])
    assert sorted(vault.reads) == sorted(set(names))
    assert [filled.wanted.service.name for filled in result.filled] == names
    assert result.failures == result.warnings == ()


def test_reads_run_at_once_up_to_a_limit() -> None:
    barrier = threading.Barrier(READERS, timeout=10)

    def answer(key: AccountKey) -> Credential:
        barrier.wait()
        return good(key)

    names = [f"s{number}" for number in range(READERS * 2)]
    result = outcome(Vault(dict.fromkeys(names, answer)), *[want(name) for name in names])
    assert len(result.filled) == READERS * 2


def test_what_has_not_answered_by_the_deadline_timed_out_and_the_rest_counts() -> None:
    release = threading.Event()

    def hangs(key: AccountKey) -> Credential:
        release.wait(10)
        return good(key)

    started = time.monotonic()
    result = outcome(Vault({"slow": hangs}), want("fast"), want("slow"), seconds=0.2)
    assert time.monotonic() - started < 5
    release.set()
    assert [filled.wanted.service.name for filled in result.filled] == ["fast"]
    (failure,) = result.failures
    assert (failure.service, failure.code) == ("slow", "timed-out")
    assert "a.example" in failure.message


def test_a_required_service_that_is_not_active_gets_a_link_and_the_way_on() -> None:
    vault = Vault({"a": state("EXPIRED"), "b": state("DISCONNECTED")})
    result = outcome(vault, want("a"), want("b", required=False))
    assert vault.links == ["a"]
    (failure,) = result.failures
    assert failure.link == "https://a.example/a"
    assert failure.expires_at == 2000.0
    assert failure.status == "EXPIRED"
    assert "at a.example" in failure.message
    assert "https://a.example/a" in failure.hint
    assert "authorize a --no-wait --environment prod" in failure.hint
    assert "do not retry in a loop" in failure.hint
    (warning,) = result.warnings
    assert (warning.service, warning.link) == ("b", None)


def test_a_link_that_cannot_be_made_does_not_hide_the_state() -> None:
    class NoLinks(Vault):
        def link(self, key: AccountKey, *, state: str = "", user_verify_url: str = "") -> Link:
            raise VaultError("forbidden", "needs a permission")

    (failure,) = outcome(NoLinks({"a": state("EXPIRED")}), want("a")).failures
    assert failure.code == "authorization-required"
    assert failure.link is None
    assert "needs a permission" in failure.message


def test_no_link_is_made_for_an_account_that_is_not_there() -> None:
    missing = fails(AuthorizationError("account-not-found", "no account"))
    vault = Vault({"a": missing})
    (failure,) = outcome(vault, want("a")).failures
    assert failure.code == "account-not-found"
    assert "scalekit-auth authorize a" in failure.hint
    assert vault.links == []
    asked = Rules(host="a.example", links_for_missing=True)
    (failure,) = outcome(vault, want("a"), rules=asked).failures
    assert failure.code == "authorization-required"
    assert vault.links == ["a"]


@pytest.mark.parametrize(
    ("left", "strict", "min_ttl", "reads", "code"),
    [
        (61, False, 60, 1, ""),
        (59, False, 60, 2, "warning"),
        (59, True, 60, 2, "failure"),
        (0, False, 60, 2, "failure"),
        (-1, False, 0, 2, "failure"),
        (1, True, 0, 1, ""),
        (None, True, 9999, 1, ""),
    ],
)
def test_a_tokens_life_is_judged_by_the_servers_clock(
    left: float | None,
    strict: bool,  # noqa: FBT001 - a row of the table
    min_ttl: float,
    reads: int,
    code: str,
) -> None:
    expires_at = None if left is None else 1000.0 + left
    vault = Vault({"a": lambda key: good(key, expires_at)})
    rules = Rules(host="a.example", min_ttl=min_ttl, strict=strict)
    result = outcome(vault, want("a"), rules=rules)
    assert len(vault.reads) == reads
    assert bool(result.failures) is (code == "failure")
    assert bool(result.warnings) is (code == "warning")
    for failure in (*result.failures, *result.warnings):
        assert failure.code == "token-expiring"
        assert failure.expires_at == expires_at


def test_a_second_read_that_fails_leaves_the_first_answer() -> None:
    answers = [good(AccountKey("a", "mess"), 1030.0)]

    def once(key: AccountKey) -> Credential:
        if answers:
            return answers.pop()
        raise VaultError("unreachable", "gone")

    result = outcome(Vault({"a": once}), want("a"))
    assert [w.code for w in result.warnings] == ["token-expiring"]
    assert len(result.filled) == 1


def test_an_optional_service_whose_account_a_required_one_shares_still_gets_its_link() -> None:
    vault = Vault({"a": state("EXPIRED")})
    optional = want("x", required=False, connection="a")
    outcome(vault, want("y", connection="a"), optional)
    assert vault.links == ["a"]


def test_a_fault_of_a_vault_is_not_swallowed() -> None:
    with pytest.raises(ZeroDivisionError):
        outcome(Vault({"a": fails(ZeroDivisionError())}), want("a"))


def test_no_message_or_hint_holds_a_token() -> None:
    vault = Vault({"a": lambda key: good(key, 900.0), "b": state("EXPIRED")})
    result = outcome(vault, want("a"), want("b"))
    text = repr(result.failures) + repr(result.warnings) + repr(result.filled)
    assert "canary" not in text
