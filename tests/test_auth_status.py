from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scalekit_exec.model import ACTIVE, Account, AccountKey
from scalekit_exec.survey import remaining_life
from tests.support.auths import auth

if TYPE_CHECKING:
    from tests.support.auths import Answered
    from tests.support.launches import Folder

GMAIL = {"connection_name": "gmail_u3134a", "identifier": "mess"}
SLACK = {"connection_name": "slack_x7y9z", "identifier": "ops-bot"}
OPTIONAL = '[services.slack]\nconnection_name = "slack_x7y9z"\nrequired = false\n'
ME = 'identifier = "mess"\n[services.gmail]\nconnection_name = "gmail_u3134a"\n'


def status(folder: Folder, *words: str, **env: str | None) -> Answered:
    return auth("status", *words, env=folder.variables(env), cwd=folder.path)


@pytest.mark.parametrize("transport", ["https", "sdk"])
def test_no_credential_is_read(folder: Folder, transport: str) -> None:
    assert folder.sandbox is not None
    done = status(folder, "--json", SCALEKIT_EXEC_TRANSPORT=transport)
    assert (done.status, done.err) == (0, "")
    operations = sorted(call["operation"] for call in folder.sandbox.requests())
    assert operations == ["details", "details", "token"]
    (gmail, slack) = done.answer["services"]
    assert done.answer["version"] == 1
    assert gmail["expires_at"].endswith("Z")
    assert {**gmail, "expires_at": ""} == {
        "service": "gmail",
        **GMAIL,
        "required": True,
        "status": "ACTIVE",
        "expires_at": "",
        "code": None,
        "message": None,
    }
    assert slack["identifier"] == "ops-bot"


def test_fifty_services_are_looked_at_all_at_once(folder: Folder) -> None:
    assert folder.sandbox is not None
    names = [f"s{number}" for number in range(50)]
    folder.map(
        'identifier = "x"\n'
        + "".join(f'[services.{name}]\nconnection_name = "{name}"\n' for name in names)
    )
    # While all are slow, none can use a connection that another has done with.
    folder.sandbox.add_fault(on="details", kind="slow", seconds=1.5)
    done = status(folder)
    assert done.status == 0, done.err
    looks = [call for call in folder.sandbox.requests() if call["operation"] == "details"]
    assert len({call["connection"] for call in looks}) == len(looks) == len(names)


def test_two_services_of_one_account_cost_one_look(folder: Folder) -> None:
    assert folder.sandbox is not None
    # Both set GMAIL_TOKEN, which only a launch would mind.
    twin = '[services.mail]\nconnection_name = "gmail_u3134a"\nenv = "GMAIL_TOKEN"\n'
    folder.map(ME + twin)
    assert len(status(folder, "--json").answer["services"]) == 2
    looks = [call for call in folder.sandbox.requests() if call["operation"] == "details"]
    assert len(looks) == 1


@pytest.mark.parametrize(
    ("gmail", "expected"),
    [
        ({}, 0),
        ({"status": "EXPIRED"}, 4),
        ({"status": "PENDING_VERIFICATION"}, 4),
        ({"expires_in": -60}, 0),  # a token past its end is refreshed by Scalekit when it is read
    ],
)
def test_check_tells_by_its_status_who_is_needed(
    folder: Folder, gmail: dict[str, object], expected: int
) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts({**GMAIL, **gmail})
    assert status(folder, "--check").status == expected
    assert status(folder).status == 0


def test_a_service_that_is_not_required_fails_no_check(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.map(ME + OPTIONAL)
    folder.sandbox.set_accounts({**SLACK, "identifier": "mess", "status": "DISCONNECTED"})
    done = status(folder, "--check")
    assert done.status == 0
    assert "DISCONNECTED" in done.out


def test_a_failing_look_is_told_and_the_rest_is_shown(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="details", kind="status", status=403, connection="slack_x7y9z")
    done = status(folder)
    assert done.status == 1
    assert "ACTIVE" in done.out
    assert "forbidden" in done.out
    assert "warning[forbidden]" in done.err
    assert status(folder, "--check").status == 1
    (gmail, slack) = status(folder, "--json").answer["services"]
    assert gmail["code"] is None
    assert (slack["code"], slack["status"]) == ("forbidden", None)
    assert "connected_accounts:read" in slack["message"]


def test_what_is_wrong_with_all_is_told_once(folder: Folder) -> None:
    done = status(folder, SCALEKIT_CLIENT_SECRET="wrong")
    assert done.status == 1
    assert done.err.count("warning[credentials-rejected]") == 1
    assert done.out.count("credentials-rejected") == 2


def test_a_look_that_takes_too_long_is_a_failure_of_its_own(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="details", kind="hang", connection="slack_x7y9z")
    done = status(folder, "--timeout", "1", "--json")
    (gmail, slack) = done.answer["services"]
    assert (gmail["status"], slack["code"]) == ("ACTIVE", "timed-out")
    assert done.status == 1


def test_a_service_without_an_identifier_does_not_hide_the_others(folder: Folder) -> None:
    folder.map(
        '[services.gmail]\nconnection_name = "g"\nidentifier = "x"\n'
        '[services.slack]\nconnection_name = "s"\n'
    )
    done = status(folder, "--json")
    (gmail, slack) = done.answer["services"]
    assert gmail["status"] == "ACTIVE"
    assert (slack["code"], slack["identifier"]) == ("config-invalid", None)
    assert done.status == 1
    named = status(folder, "--json", "slack@bob", "gmail@alice").answer["services"]
    assert [row["identifier"] for row in named] == ["bob", "alice"]
    unknown = status(folder, "gmial", "slakc")
    assert unknown.status == 1
    assert all(f'no service "{word}"' in unknown.err for word in ("gmial", "slakc"))


def test_the_hint_repeats_the_options(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts({**GMAIL, "status": "EXPIRED"})
    done = status(folder, "-c", "scalekit.toml", "gmail")
    assert "hint: scalekit-auth authorize gmail --config scalekit.toml" in done.err


def test_a_narrow_terminal_gets_blocks(folder: Folder) -> None:
    wide, narrow = status(folder), status(folder, COLUMNS="50")
    assert max(map(len, wide.out.splitlines())) > 50
    assert max(map(len, narrow.out.splitlines())) <= 50
    assert "identifier  ops-bot" in narrow.out


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (59, "in 59 s"),
        (60 * 52, "in 52 min"),
        (3600 + 65, "in 1 h 1 min"),
        (86400 * 12 + 5, "in 12 days"),
        (-120, "2 min ago, refreshed when it is read"),
        (None, "no expiry"),
    ],
)
def test_a_remaining_life_is_told_in_words_by_the_servers_clock(
    seconds: float | None, words: str
) -> None:
    expires_at = None if seconds is None else 5000.0 + seconds
    account = Account(AccountKey("c", "i"), ACTIVE, expires_at=expires_at, as_of=5000.0)
    assert remaining_life(account) == words
