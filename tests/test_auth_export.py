from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from scalekit_exec.shells.export import FORMATS
from tests.support.auths import AUTH, auth
from tests.test_auth_token import at_a_terminal
from tests.test_quote import SHELLS, Shell, program, runner

if TYPE_CHECKING:
    from tests.support.auths import Answered
    from tests.support.launches import Folder

GMAIL = {"connection_name": "gmail_u3134a", "identifier": "mess"}
HARD = 'it\'s "$HOME" `id` !! %PATH% \\n 100%\\ ~ {x} é'
BASIC = """\
identifier = "mess"
[services.fresh]
connection_name = "fresh_1"
env = { FRESH_KEY = "{username}", FRESH_PASSWORD = "{password}", FRESH_DOMAIN = "{domain}" }
"""


def export(folder: Folder, *words: str, **env: str | None) -> Answered:
    return auth("export", *words, env=folder.variables(env), cwd=folder.path)


def variables(folder: Folder, *words: str) -> dict[str, str]:
    done = export(folder, *words, "--format", "json")
    assert done.status == 0, done.err
    found: dict[str, str] = json.loads(done.out)
    return found


@pytest.mark.parametrize("words", [["gmail"], ["gmail", "slack"], ["gmail@a=A", "gmail@b=B"]])
def test_the_variables_are_those_of_a_launch(folder: Folder, words: list[str]) -> None:
    bare = set(folder.launch("gmail@none=NONE").child) - {"NONE", "NONE_EXPIRES_AT"}
    child = folder.launch(*words).child
    mine = variables(folder, *words)
    assert set(mine) == set(child) - bare
    tokens = {name for name in mine if not name.endswith("_EXPIRES_AT")}
    assert {name: mine[name] for name in tokens} == {name: child[name] for name in tokens}
    assert all(mine[f"{name}_EXPIRES_AT"].endswith("Z") for name in tokens)


@pytest.mark.parametrize("shell", SHELLS, ids=str)
def test_the_documented_line_takes_hard_values_into_the_shell(folder: Folder, shell: Shell) -> None:
    assert folder.sandbox is not None
    path = program(shell)
    folder.map(BASIC)
    folder.sandbox.set_accounts(
        {
            "connection_name": "fresh_1",
            "identifier": "mess",
            "static_auth": {"username": HARD, "password": "p'w"},
            "api_config": {"domain": "acme.freshdesk.com"},
        }
    )
    line = shell.line.replace("$EXPORT", f"{AUTH} export fresh --format {shell.form}")
    line = line.replace("$PROBE", "env" if shell.name != "nu" else "^env")
    done = subprocess.run(
        [path, *shell.argv[1:], line],
        env=folder.variables(),
        cwd=folder.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {f"FRESH_KEY={HARD}", "FRESH_PASSWORD=p'w"} <= set(done.stdout.splitlines())
    documented = shell.line.split(";")[0].split("\n")[0]
    documented = documented.replace("$EXPORT", f"scalekit-auth export gmail --format {shell.form}")
    page = (Path(__file__).parent.parent / "docs" / "shells.md").read_text()
    assert documented in page.replace("\\|", "|")


def test_it_is_all_or_nothing(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts({**GMAIL, "status": "EXPIRED"})
    done = export(folder, "slack", "gmail")
    assert (done.status, done.out) == (4, "")
    assert "error[authorization-required]: gmail" in done.err
    folder.sandbox.add_fault(on="auth", kind="status", status=403, connection="slack_x7y9z")
    both = export(folder, "slack", "gmail")
    assert (both.status, both.out) == (1, "")
    assert "error[forbidden]" in both.err


def test_what_an_optional_service_fails_to_give_is_taken_away(folder: Folder) -> None:
    assert folder.sandbox is not None
    text = (folder.path / "scalekit.toml").read_text()
    folder.map(text.replace('env = "SLACK', 'required = false\nenv = "SLACK'))
    folder.sandbox.set_accounts(
        {"connection_name": "slack_x7y9z", "identifier": "ops-bot", "status": "EXPIRED"},
        {**GMAIL, "expires_in": "never"},
    )
    done = export(folder, "gmail", "slack")
    assert done.status == 0
    assert "warning[authorization-required]: slack" in done.err
    gone = {"GMAIL_TOKEN_EXPIRES_AT", "SLACK_BOT_TOKEN", "SLACK_BOT_TOKEN_EXPIRES_AT"}
    assert {line[6:] for line in done.out.splitlines() if line.startswith("unset ")} == gone
    assert [line for line in done.out.splitlines() if line.startswith("export GMAIL_TOKEN='")]


def test_a_value_that_a_shell_cannot_hold_is_an_error_and_no_value(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.map(BASIC)
    folder.sandbox.set_accounts(
        {
            "connection_name": "fresh_1",
            "identifier": "mess",
            "static_auth": {"username": "100%", "password": "x"},
            "api_config": {"domain": "d"},
        }
    )
    done = export(folder, "fresh", "--format", "cmd")
    assert (done.status, done.out) == (1, "")
    assert "error[unusable-token]: the value for FRESH_KEY cannot be written for cmd" in done.err
    assert "100%" not in done.err


def test_bytes_are_utf8_whatever_the_locale_is(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.map(BASIC)
    folder.sandbox.set_accounts(
        {
            "connection_name": "fresh_1",
            "identifier": "mess",
            "static_auth": {"username": "clé\u2019", "password": "x"},
            "api_config": {"domain": "d"},
        }
    )
    done = subprocess.run(
        [AUTH, "export", "fresh"],
        env=folder.variables({"LANG": "C", "LC_ALL": "C", "PYTHONIOENCODING": "latin-1"}),
        cwd=folder.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    assert "clé\u2019".encode() in done.stdout


def test_a_terminal_gets_tokens_only_if_asked_for(folder: Folder) -> None:
    assert folder.sandbox is not None
    status, out, err = at_a_terminal(folder, "export", "gmail")
    assert (status, out) == (2, b"")
    assert b"--show" in err
    assert folder.sandbox.requests() == []
    status, out, _ = at_a_terminal(folder, "export", "gmail", "--show")
    assert (status, b"export GMAIL_TOKEN='sandbox-" in out) == (0, True)


def test_an_unknown_format_is_wrong_usage(folder: Folder) -> None:
    done = export(folder, "gmail", "--format", "basic")
    assert (done.status, done.out) == (2, "")
    assert "github" in done.err
    assert export(folder).status == 2


def test_a_format_is_what_was_asked_for_with_json_too(folder: Folder) -> None:
    done = export(folder, "gmail", SCALEKIT_EXEC_JSON="1")
    assert done.out.startswith("export GMAIL_TOKEN")


def test_github_gets_masks_on_stdout_and_variables_in_its_file(
    folder: Folder, tmp_path: Path
) -> None:
    assert folder.sandbox is not None
    folder.map(BASIC)
    folder.sandbox.set_accounts(
        {
            "connection_name": "fresh_1",
            "identifier": "mess",
            "static_auth": {"username": "-----BEGIN-----\n50%\n", "password": "hunter22"},
            "api_config": {"domain": "acme.freshdesk.com"},
        }
    )
    file = tmp_path / "github-env"
    file.write_text("EARLIER=1\n")
    before = set(os.listdir(tmp_path))
    done = export(folder, "fresh", "--format", "github", GITHUB_ENV=str(file))
    assert (done.status, done.err) == (0, "")
    assert set(done.out.splitlines()) == {
        "::add-mask::-----BEGIN-----",
        "::add-mask::50%25",
        "::add-mask::hunter22",
    }
    assert runner(file.read_text().removeprefix("EARLIER=1\n")) == {
        "FRESH_KEY": "-----BEGIN-----\n50%\n",
        "FRESH_PASSWORD": "hunter22",
        "FRESH_DOMAIN": "acme.freshdesk.com",
    }
    assert set(os.listdir(tmp_path)) == before


def test_github_is_refused_outside_of_actions_before_anything_is_asked(folder: Folder) -> None:
    assert folder.sandbox is not None
    done = export(folder, "gmail", "--format", "github")
    assert (done.status, done.out) == (2, "")
    assert "GITHUB_ENV is not set" in done.err
    assert folder.sandbox.requests() == []
    gone = export(folder, "gmail", "--format", "github", GITHUB_ENV=str(folder.path / "gone"))
    assert gone.status == 1
    assert not (folder.path / "gone").exists()


def test_no_format_but_githubs_writes_a_file(folder: Folder) -> None:
    assert shutil.which("sh")
    before = {path: path.read_bytes() for path in folder.path.parent.rglob("*") if path.is_file()}
    for form in FORMATS:
        if form != "github":
            assert export(folder, "gmail", "--format", form).status == 0
    after = {path: path.read_bytes() for path in folder.path.parent.rglob("*") if path.is_file()}
    assert after == before
