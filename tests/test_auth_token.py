from __future__ import annotations

import os
import pty
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.support.auths import AUTH, auth

if TYPE_CHECKING:
    from tests.support.auths import Answered
    from tests.support.launches import Folder

GMAIL = {"connection_name": "gmail_u3134a", "identifier": "mess"}


def token(folder: Folder, *words: str, **env: str | None) -> Answered:
    return auth("token", *words, env=folder.variables(env), cwd=folder.path)


def at_a_terminal(folder: Folder, *words: str) -> tuple[int, bytes, bytes]:
    """Run with stdout, and it alone, at a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [AUTH, *words],
        env=folder.variables(),
        cwd=folder.path,
        stdin=subprocess.DEVNULL,
        stdout=slave,
        stderr=subprocess.PIPE,
    )
    os.close(slave)
    err = process.communicate(timeout=30)[1]
    try:
        out = os.read(master, 65536)
    except OSError:  # nothing was written
        out = b""
    os.close(master)
    return process.returncode, out, err


@pytest.mark.parametrize("transport", ["https", "sdk"])
def test_the_token_and_nothing_else_is_on_stdout(folder: Folder, transport: str) -> None:
    done = token(folder, "gmail", SCALEKIT_EXEC_TRANSPORT=transport)
    child = folder.launch("gmail").child
    assert (done.status, done.err) == (0, "")
    assert done.out == child["GMAIL_TOKEN"] + "\n"


def test_a_program_that_wants_json_still_gets_the_bare_token(folder: Folder) -> None:
    plain = token(folder, "gmail").out
    assert token(folder, "gmail", "--json").out == plain
    assert token(folder, "gmail", SCALEKIT_EXEC_JSON="1").out == plain


def test_a_terminal_gets_the_token_only_if_asked_for(folder: Folder) -> None:
    assert folder.sandbox is not None
    status, out, err = at_a_terminal(folder, "token", "gmail")
    assert (status, out) == (2, b"")
    assert b"--show" in err
    assert folder.sandbox.requests() == []
    status, out, _ = at_a_terminal(folder, "token", "gmail", "--show")
    assert (status, out[:8]) == (0, b"sandbox-")


def test_an_account_that_is_not_active_is_told_as_a_launch_tells_it(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts({**GMAIL, "status": "EXPIRED"})
    done = token(folder, "gmail")
    launch = folder.launch("gmail")
    assert (done.status, done.out) == (4, "")
    (told,) = token(folder, "gmail", "--json").objects
    assert told["failures"][0]["link"].startswith(folder.sandbox.url)

    def without_links(text: str) -> str:
        words = text.replace("scalekit-auth: ", "").replace("scalekit-exec: ", "").split()
        return " ".join(w for w in words if not w.startswith("https://") and ":" not in w[:6])

    assert without_links(done.err) == without_links(launch.err)


@pytest.mark.parametrize("given", [True, False])
def test_a_short_life_is_warned_of_or_refused(folder: Folder, *, given: bool) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts({**GMAIL, "expires_in": 30})
    done = token(folder, "gmail", *(["--min-ttl", "40"] if given else []))
    assert done.status == (1 if given else 0)
    assert ("error" if given else "warning") + "[token-expiring]" in done.err
    assert bool(done.out) is not given


def test_a_service_that_is_optional_in_the_map_is_wanted_here(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.map(
        'identifier = "mess"\n[services.gmail]\nconnection_name = "gmail_u3134a"\nrequired = false'
    )
    folder.sandbox.set_accounts({**GMAIL, "status": "EXPIRED"})
    assert token(folder, "gmail").status == 4


def test_what_has_no_single_token_is_an_error_that_names_the_fields(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts({**GMAIL, "static_auth": {"username": "u", "password": "p"}})
    done = token(folder, "gmail")
    assert (done.status, done.out) == (1, "")
    assert "it has password, username" in done.err


@pytest.mark.parametrize("word", ["gmail=X_TOKEN", "inbox", "gmail slack"])
def test_only_one_service_can_be_asked_for(folder: Folder, word: str) -> None:
    folder.map((folder.path / "scalekit.toml").read_text() + '[groups]\ninbox = ["gmail"]\n')
    done = token(folder, *word.split())
    assert (done.status, done.out) == (2, "")


def test_a_full_disk_is_no_success(folder: Folder) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [AUTH, "token", "gmail"],
            env=folder.variables(),
            cwd=folder.path,
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 1
    assert b"cannot write to stdout" in done.stderr


def test_a_token_is_not_written_to_what_took_the_place_of_a_closed_stdout(folder: Folder) -> None:
    done = subprocess.run(
        ["sh", "-c", '"$AUTH" token gmail >&-'],
        env=folder.variables({"AUTH": AUTH}),
        cwd=folder.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"stdout is closed" in done.stderr


@pytest.mark.parametrize("listed", [True, False])
def test_a_connection_that_does_not_exist_is_told_from_an_account(
    folder: Folder, *, listed: bool
) -> None:
    assert folder.sandbox is not None
    folder.map('identifier = "new"\n[services.gmail]\nconnection_name = "gmial_u3134a"\n')
    folder.sandbox.add_fault(on="auth", kind="status", status=404)
    folder.sandbox.set_accounts(GMAIL)
    if not listed:
        folder.sandbox.add_fault(on="any", kind="status", status=403, transport="grpc")
    done = token(folder, "gmail")
    assert (done.status, done.out) == (1, "")
    assert "error[account-not-found]: gmail: no " in done.err
    assert ('did you mean "gmail_u3134a"?' in done.err) is listed
