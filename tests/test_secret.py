from __future__ import annotations

import copy
import json
import pickle
import traceback

import pytest

from scalekit_exec.model import AccountKey, ClientCredentials
from scalekit_exec.secret import MASK, Secret

VALUE = "ya29.canary-value"


def test_no_usual_way_of_showing_a_secret_shows_it() -> None:
    secret = Secret(VALUE)
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>40}", f"{secret:>40}"]
    shown += ["%s %r" % (secret, secret), str([secret]), str({"a": secret})]  # noqa: UP031
    shown.append(repr(ClientCredentials("skc_1", secret, "https://a.example", "a test")))
    assert not [text for text in shown if VALUE in text]
    assert str(secret) == MASK


@pytest.mark.parametrize("way", [pickle.dumps, copy.copy, copy.deepcopy, json.dumps])
def test_a_secret_is_not_written_elsewhere(way: object) -> None:
    assert callable(way)
    with pytest.raises(TypeError):
        way(Secret(VALUE))


def test_a_secret_has_no_attributes_to_dump() -> None:
    with pytest.raises(TypeError):
        vars(Secret(VALUE))


def test_two_secrets_of_one_value_are_not_compared_by_it() -> None:
    assert Secret(VALUE) != Secret(VALUE)
    assert Secret(VALUE).reveal() == Secret(VALUE).reveal()


def test_a_traceback_with_a_secret_in_reach_does_not_show_it() -> None:
    def fails(secret: Secret) -> None:
        raise ValueError(f"cannot use {secret}")

    with pytest.raises(ValueError, match="cannot use") as caught:
        fails(Secret(VALUE))
    assert VALUE not in "".join(traceback.format_exception(caught.value))


def test_an_empty_secret_is_false() -> None:
    assert not Secret("")
    assert Secret("x")


def test_a_key_of_an_account_is_found_by_its_values() -> None:
    assert {AccountKey("a", "b"): 1}[AccountKey("a", "b")] == 1
    assert AccountKey("a", "b") != AccountKey("a", "c")
