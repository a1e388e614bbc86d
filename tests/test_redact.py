"""`--redact` and `scalekit-auth redact` as a user runs them: nothing secret comes out."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scalekit_exec.redaction import forms
from tests.support.auths import AUTH, auth

if TYPE_CHECKING:
    from tests.support.launches import Folder

MASK = "[REDACTED]"
GMAIL = {"connection_name": "gmail_u3134a", "identifier": "mess"}


def shown(folder: Folder, *words: str, **env: str | None) -> dict[str, str]:
    """Return the child's environment as it is seen from outside."""
    done = folder.launch("gmail", *words, env=env)
    assert done.status == 0, done.err
    return done.child


def user_file(folder: Folder, text: str) -> None:
    own = folder.path.parent / ".config" / "scalekit-exec" / "config.toml"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(text)


def test_env_inside_shows_no_token(folder: Folder) -> None:
    child = shown(folder, "slack", "--redact")
    assert (child["GMAIL_TOKEN"], child["SLACK_BOT_TOKEN"]) == (MASK, MASK)
    assert child["GMAIL_TOKEN_EXPIRES_AT"].endswith("Z")
    assert "SCALEKIT_CLIENT_SECRET" not in child


def test_stderr_is_hidden_too_and_the_status_is_the_childs(folder: Folder) -> None:
    done = folder.launch("--redact", "gmail", "--", "sh", "-c", "echo $GMAIL_TOKEN >&2; exit 42")
    assert (done.status, done.out, done.err) == (42, "", f"{MASK}\n")


CHARMAP = Path("/usr/share/i18n/charmaps/ISO-8859-1.gz")


@pytest.mark.skipif(
    shutil.which("localedef") is None or not CHARMAP.exists(), reason="needs localedef and charmaps"
)
@pytest.mark.parametrize("name", ["de_DE.ISO-8859-1", "C", "C.UTF-8"])
def test_a_secret_is_hidden_as_the_locale_writes_it(
    folder: Folder, tmp_path: Path, name: str
) -> None:
    words = ["localedef", "-i", "de_DE", "-f", "ISO-8859-1", str(tmp_path / "de_DE.ISO-8859-1")]
    subprocess.run(words, check=True)
    assert folder.sandbox is not None
    password = "pässwörd-geheim-1234"
    account = {"connection_name": "basic_1", "identifier": "mess"}
    folder.sandbox.set_accounts(account | {"static_auth": {"username": "u", "password": password}})
    folder.map(
        'identifier = "mess"\n[services.basic]\nconnection_name = "basic_1"\n'
        'env = { BASIC_PASSWORD = "{password}" }\n'
    )
    env = {"LOCPATH": str(tmp_path), "LC_ALL": name, "PYTHONUTF8": "0"}
    words = ["--redact", "basic", "--", "sh", "-c", 'printf "%s\n" "$BASIC_PASSWORD"']
    assert folder.launch(*words, env=env).out == f"{MASK}\n"


def test_no_form_of_a_token_comes_out(folder: Folder) -> None:
    script = (
        "import os, sys; from scalekit_exec.redaction import forms;"
        "[sys.stdout.buffer.write(b'<' + f + b'>\\n')"
        " for f in forms(os.environ['GMAIL_TOKEN'].encode())]"
    )
    done = folder.launch("--redact", "gmail", "--", sys.executable, "-c", script)
    count = len(forms(b"sandbox-0123456789"))
    assert done.out == f"<{MASK}>\n" * (count + done.out.count("\n") - count)
    assert done.out.count("\n") >= 8


@pytest.mark.parametrize(
    ("setting", "variable", "option", "hidden"),
    [
        (True, None, None, True),
        (True, "0", None, False),
        (True, "1", "--no-redact", False),
        (False, "1", None, True),
        (False, "0", "--redact", True),
        (None, None, None, False),
        (None, "yes", None, True),
    ],
)
def test_the_option_goes_before_the_variable_and_that_before_the_file(
    folder: Folder,
    setting: bool | None,  # noqa: FBT001 - a row of the table
    variable: str | None,
    option: str | None,
    hidden: bool,  # noqa: FBT001 - a row of the table
) -> None:
    if setting is not None:
        user_file(folder, f"redact = {str(setting).lower()}\n")
    words = [option] if option else []
    child = shown(folder, *words, SCALEKIT_EXEC_REDACT=variable)
    assert (child["GMAIL_TOKEN"] == MASK) is hidden


def test_of_two_opposite_options_the_last_counts(folder: Folder) -> None:
    assert shown(folder, "--redact", "--no-redact")["GMAIL_TOKEN"] != MASK
    assert shown(folder, "--no-redact", "--redact")["GMAIL_TOKEN"] == MASK


def test_a_kept_client_secret_is_hidden_and_names_are_not(folder: Folder) -> None:
    assert folder.sandbox is not None
    child = shown(folder, "--redact", "--keep-credentials")
    assert child["SCALEKIT_CLIENT_SECRET"] == MASK
    assert child["SCALEKIT_CLIENT_ID"] == folder.sandbox.client_id


def test_the_brokers_bearer_is_hidden_and_works(folder: Folder) -> None:
    script = (
        "import json, os, urllib.request as u; h = {'Authorization': 'Bearer ' + "
        "os.environ['SCALEKIT_EXEC_AUTH']}; r = u.Request(os.environ['SCALEKIT_EXEC_URL'] + "
        "'/v1/token/gmail', headers=h); t = json.load(u.urlopen(r))['token'];"
        "print(len(t), t, os.environ['SCALEKIT_EXEC_AUTH'], 'GMAIL_TOKEN' in os.environ)"
    )
    done = folder.launch("--serve-only", "--redact", "gmail", "--", sys.executable, "-c", script)
    assert done.status == 0, done.err
    assert done.out.split()[1:] == [MASK, MASK, "False"]


def test_tokens_that_the_broker_reads_later_are_hidden(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts({**GMAIL, "expires_in": 62, "rotate": True})
    script = (
        "import json, os, time, urllib.request as u\n"
        "h = {'Authorization': 'Bearer ' + os.environ['SCALEKIT_EXEC_AUTH']}\n"
        "def get():\n"
        "    r = u.Request(os.environ['SCALEKIT_EXEC_URL'] + '/v1/token/gmail', headers=h)\n"
        "    return json.load(u.urlopen(r))['token']\n"
        "first = get(); time.sleep(2.5); second = get(); print(first != second, first, second)\n"
    )
    done = folder.launch("--serve", "--redact", "gmail", "--", sys.executable, "-c", script)
    assert done.status == 0, done.err
    assert done.out == f"True {MASK} {MASK}\n"


BASIC = """\
identifier = "mess"
[services.freshdesk]
connection_name = "freshdesk_1"
env = { FRESHDESK_USER = "{username}", FRESHDESK_AUTH = "basic {username}:{password}" }
"""


def test_a_password_is_hidden_wherever_the_map_puts_it_and_the_name_is_not(
    folder: Folder,
) -> None:
    folder.map(BASIC)
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(
        {
            "connection_name": "freshdesk_1",
            "identifier": "mess",
            "static_auth": {"username": "agent-smith", "password": "correct horse"},
        }
    )
    done = folder.launch("--redact", "freshdesk")
    assert done.status == 0, done.err
    assert done.child["FRESHDESK_USER"] == "agent-smith"
    assert done.child["FRESHDESK_AUTH"] == f"basic agent-smith:{MASK}"


def filtered(folder: Folder, text: bytes, *words: str) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        [AUTH, "redact", *words],
        input=text,
        env=folder.variables(),
        cwd=folder.path,
        capture_output=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def test_the_filter_hides_the_tokens_of_now_in_a_log(folder: Folder) -> None:
    token = shown(folder)["GMAIL_TOKEN"]
    log = f"GET / Authorization: Bearer {token}\n{json.dumps({'t': token})}\n\xff".encode()
    status, out, err = filtered(folder, log, "gmail", "slack")
    assert (status, err) == (0, b"")
    assert out == log.replace(token.encode(), MASK.encode())


def test_the_filter_streams(folder: Folder) -> None:
    words = [AUTH, "redact", "gmail"]
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=folder.variables(),
        cwd=folder.path,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"prompt: sand")  # as every token of the sandbox begins
        process.stdin.flush()
        seen = b""
        while len(seen) < 12:
            seen += os.read(process.stdout.fileno(), 100)
        assert seen == b"prompt: sand"
        process.stdin.close()
        assert process.wait(10) == 0


def test_the_filter_shows_nothing_of_a_log_whose_secrets_it_cannot_read(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts({**GMAIL, "status": "EXPIRED"})
    status, out, err = filtered(folder, b"log\n", "gmail")
    assert (status, out) == (4, b"")
    assert b"error[authorization-required]" in err
    assert auth("redact", env=folder.variables(), cwd=folder.path).status == 2


def test_a_plain_launch_loads_nothing_of_it(folder: Folder, tmp_path: Path) -> None:
    done = folder.launch("gmail", "--", "true", env={"PYTHONVERBOSE": "1"})
    assert "scalekit_exec.launch.posix" in done.err
    for name in ("redaction", "launch.resident", "launch.outlet", "launch.terminal", "resident"):
        assert f"scalekit_exec.{name}'" not in done.err, (name, tmp_path)


def test_a_launch_that_hides_takes_no_time_worth_the_name_to_end(folder: Folder) -> None:
    began = time.monotonic()
    folder.launch("--redact", "gmail", "--", "true")
    assert time.monotonic() - began < 5
