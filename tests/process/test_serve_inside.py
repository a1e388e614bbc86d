"""A launch inside one that serves: no credentials, no map, and just its own tokens."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.launches import PROGRAM, Done, Folder

if TYPE_CHECKING:
    from pathlib import Path

ENV = "import json, os; print(json.dumps(dict(os.environ)))"
DESK = """
[services.freshdesk]
connection_name = "freshdesk_1"
identifier = "mess"
env = { FRESHDESK_KEY = "{username}", FRESHDESK_AUTH = "basic {username}:{password}" }
"""


def reads(folder: Folder) -> int:
    assert folder.sandbox is not None
    return len([c for c in folder.sandbox.requests() if c["operation"] == "auth"])


def inside(folder: Folder, *words: str, outer: tuple[str, ...], at: Path | None = None) -> Done:
    """Launch within a launch that serves; its working folder is `at`, and it has no credentials."""
    code = (
        "import os, subprocess, sys; os.chdir(sys.argv[1]); "
        "assert not [n for n in os.environ if n.startswith('SCALEKIT_CLIENT')]; "
        "sys.exit(subprocess.run(sys.argv[2:]).returncode)"
    )
    if "--" not in words:
        words = (*words, "--", sys.executable, "-c", ENV)
    start = (sys.executable, "-c", code, str(at or folder.path), PROGRAM, *words)
    return folder.launch(*outer, "--", *start)


@pytest.fixture
def nowhere(tmp_path: Path) -> Path:
    """Return a folder where no map is found."""
    made = tmp_path / "home" / "nowhere"
    made.mkdir()
    return made


@pytest.mark.parametrize("serve", ["--serve", "--serve-only"])
def test_a_launch_inside_needs_no_credentials_and_no_map(
    folder: Folder, nowhere: Path, serve: str
) -> None:
    done = inside(folder, "gmail", outer=(serve, "gmail", "slack"), at=nowhere)
    assert (done.status, done.err) == (0, "")
    env = done.child
    assert env["GMAIL_TOKEN"].startswith("sandbox-")
    assert env["GMAIL_TOKEN_EXPIRES_AT"].endswith("Z")
    assert env["SCALEKIT_EXEC"] == "gmail=GMAIL_TOKEN"
    strangers = {"SLACK_BOT_TOKEN", "SLACK_BOT_TOKEN_EXPIRES_AT"}
    assert not {*strangers, "SCALEKIT_EXEC_URL", "SCALEKIT_EXEC_AUTH"} & env.keys()
    assert reads(folder) == 2


def test_a_launch_inside_gets_tables_of_variables_too(folder: Folder, nowhere: Path) -> None:
    folder.map(DESK)
    login = {"username": "sandbox-user-1", "password": "sandbox-password-1"}
    assert folder.sandbox is not None
    account = {"connection_name": "freshdesk_1", "identifier": "mess", "static_auth": login}
    folder.sandbox.set_accounts(account)
    env = inside(folder, "freshdesk", outer=("--serve-only", "freshdesk"), at=nowhere).child
    assert env["FRESHDESK_KEY"] == "sandbox-user-1"
    assert env["FRESHDESK_AUTH"] == "basic sandbox-user-1:sandbox-password-1"
    assert env["SCALEKIT_EXEC"] == "freshdesk"


def test_a_launch_inside_passes_the_broker_on_only_if_told_to(
    folder: Folder, nowhere: Path
) -> None:
    outer = ("--serve", "gmail", "slack")
    env = inside(folder, "gmail=A", "--pass", "SCALEKIT_EXEC_*", outer=outer, at=nowhere).child
    assert {"SCALEKIT_EXEC_URL", "SCALEKIT_EXEC_AUTH", "A"} <= env.keys()
    assert "SLACK_BOT_TOKEN" not in env
    deeper = (PROGRAM, "slack", "--", sys.executable, "-c", ENV)
    options = ("--pristine", "--pass", "SCALEKIT_EXEC_*")
    env = inside(folder, "gmail", *options, "--", *deeper, outer=outer, at=nowhere).child
    assert env["SLACK_BOT_TOKEN"].startswith("sandbox-")
    assert not {"SCALEKIT_EXEC_AUTH", "GMAIL_TOKEN"} & env.keys()


def test_redact_inside_hides_what_the_broker_gave(folder: Folder, nowhere: Path) -> None:
    outer = ("--serve-only", "gmail=SERVICE_ACCOUNT")
    for word, name in (("gmail", "SERVICE_ACCOUNT"), ("gmail=FOO_TOKEN", "FOO_TOKEN")):
        shows = ("sh", "-c", f"echo ${name} ${{#{name}}}")
        done = inside(folder, "--redact", word, "--", *shows, outer=outer, at=nowhere)
        assert done.out.startswith("[REDACTED] "), done.err
        assert int(done.out.split()[1]) > 20


def test_redact_inside_hides_the_secrets_within_a_value_and_no_names(
    folder: Folder, nowhere: Path
) -> None:
    folder.map(DESK)
    assert folder.sandbox is not None
    basic = {"username": "somebody-else", "password": "hunter2-hunter2"}
    folder.sandbox.set_accounts(
        {"connection_name": "freshdesk_1", "identifier": "mess", "static_auth": basic}
    )
    shows = ("sh", "-c", 'echo "$FRESHDESK_KEY $FRESHDESK_AUTH"; echo hunter2-hunter2')
    outer = ("--serve-only", "freshdesk")
    done = inside(folder, "--redact", "freshdesk", "--", *shows, outer=outer, at=nowhere)
    assert done.out == "somebody-else basic somebody-else:[REDACTED]\n[REDACTED]\n", done.err


def test_an_identifier_that_ends_as_a_variable_would_can_be_asked_for(
    folder: Folder, nowhere: Path
) -> None:
    folder.map('[services.ldap]\nconnection_name = "ldap"\nidentifier = "uid=a,dc=com"\n')
    assert folder.sandbox is not None
    folder.sandbox.set_accounts({"connection_name": "ldap", "identifier": "uid=a,dc=com"})
    for at in (nowhere, folder.path):
        env = inside(folder, "ldap", outer=("--serve-only", "ldap"), at=at).child
        assert env["LDAP_TOKEN"].startswith("sandbox-")
    code = (
        "from scalekit_exec import get_token; print(get_token('ldap', identifier='uid=a,dc=com'))"
    )
    words = ("--serve-only", "ldap", "--", sys.executable, "-c", code)
    assert folder.launch(*words).out.startswith("sandbox-")


def test_what_the_hint_says_passes_over_a_map_inside(folder: Folder, nowhere: Path) -> None:
    (nowhere / "scalekit.toml").write_text(
        '[services.gmail]\nconnection_name = "other"\nidentifier = "mess"\n'
    )
    outer = ("--serve-only", "gmail")
    assert "-c /dev/null" in inside(folder, "gmail", outer=outer, at=nowhere).err
    done = inside(folder, "-c", "/dev/null", "gmail", outer=outer, at=nowhere)
    assert done.child["GMAIL_TOKEN"].startswith("sandbox-")


def test_a_map_inside_may_not_mean_another_account(folder: Folder, nowhere: Path) -> None:
    (nowhere / "scalekit.toml").write_text(
        '[services.gmail]\nconnection_name = "gmail_u3134a"\nidentifier = "eve"\n'
    )
    done = inside(folder, "gmail", outer=("--serve", "gmail"), at=nowhere)
    assert (done.status, done.out) == (125, "")
    assert "error[config-invalid]" in done.err
    assert '"eve"' in done.err


def test_a_launch_inside_tells_of_what_the_broker_does_not_have(
    folder: Folder, nowhere: Path
) -> None:
    done = inside(folder, "notion", "slack", "--json", outer=("--serve", "gmail"), at=nowhere)
    assert (done.status, done.out) == (125, "")
    (told,) = done.objects
    assert told["error"] == "unknown-service"
    assert [failure["service"] for failure in told["failures"]] == ["notion", "slack"]


def test_the_command_is_looked_up_before_the_broker_is_asked(folder: Folder, nowhere: Path) -> None:
    done = inside(folder, "notion", "--", "no-such", outer=("--serve", "gmail"), at=nowhere)
    assert done.status == 127


def test_a_launch_inside_cannot_serve_what_it_was_served(folder: Folder, nowhere: Path) -> None:
    done = inside(folder, "gmail", "--serve", outer=("--serve", "gmail"), at=nowhere)
    assert done.status == 125
    assert "error[credentials-missing]" in done.err
    assert "--pass 'SCALEKIT_EXEC_*'" in done.err


def test_a_launch_with_credentials_of_its_own_does_not_ask_the_broker(folder: Folder) -> None:
    assert folder.sandbox is not None
    lines = [f"{name}={value}\n" for name, value in folder.sandbox.environ().items()]
    (folder.path / "own.env").write_text("".join(lines))
    (folder.path / "own.env").chmod(0o600)
    done = inside(folder, "--env-file", "own.env", "slack", outer=("--serve", "gmail"))
    assert done.status == 0, done.err
    assert done.child["SCALEKIT_EXEC"] == "gmail=GMAIL_TOKEN,slack=SLACK_BOT_TOKEN"


@pytest.mark.parametrize("serve", ["--serve", "--serve-only"])
@pytest.mark.parametrize("own", ["--env-file=own.env", "--sandbox"])
def test_get_token_goes_by_the_innermost_launch(folder: Folder, serve: str, own: str) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts({"connection_name": "gmail_u3134a", "identifier": "bob"})
    lines = [f"{name}={value}\n" for name, value in folder.sandbox.environ().items()]
    (folder.path / "own.env").write_text("".join(lines))
    (folder.path / "own.env").chmod(0o600)
    code = (
        "import os, scalekit_exec; token = scalekit_exec.get_token('gmail@bob'); "
        "print(token == os.environ['GMAIL_TOKEN'], os.environ['SCALEKIT_EXEC'])"
    )
    words = (own, "gmail@bob", "--", sys.executable, "-c", code)
    done = inside(folder, *words, outer=(serve, "gmail"))
    assert done.out == "True gmail@bob=GMAIL_TOKEN\n", done.err
    code = code.replace("@bob", "")
    named = (own, "--identifier=bob", "gmail", "--", sys.executable, "-c", code)
    done = inside(folder, *named, outer=(serve, "gmail"))
    assert done.out == "True gmail=GMAIL_TOKEN\n", done.err


def test_a_dead_broker_is_told_as_such(folder: Folder) -> None:
    old = folder.launch("--serve", "gmail").child
    dead = {name: old[name] for name in ("SCALEKIT_EXEC_URL", "SCALEKIT_EXEC_AUTH")}
    done = folder.launch(
        "gmail",
        env={
            **dead,
            "SCALEKIT_CLIENT_ID": None,
            "SCALEKIT_CLIENT_SECRET": None,
            "SCALEKIT_ENV_URL": None,
        },
    )
    assert done.status == 125
    assert "error[broker]" in done.err
    assert old["SCALEKIT_EXEC_AUTH"] not in done.err


def test_missing_credentials_inside_a_launch_hint_at_serve(folder: Folder) -> None:
    done = inside(folder, "slack", outer=("gmail",))
    assert done.status == 125
    assert "error[credentials-missing]" in done.err
    assert "add --serve to it" in done.err


@pytest.mark.parametrize("serve", ["--serve", "--serve-only"])
@pytest.mark.parametrize("word", ["slack", "slack@ops-bot"])
def test_scalekit_auth_inside_names_what_works_there(
    folder: Folder, nowhere: Path, serve: str, word: str
) -> None:
    for at in (folder.path, nowhere):
        code = "import os, sys; os.chdir(sys.argv[1]); os.execvp(sys.argv[2], sys.argv[2:])"
        auth = PROGRAM.replace("scalekit-exec", "scalekit-auth")
        words = (sys.executable, "-c", code, str(at), auth, "token", word)
        done = folder.launch(serve, word, "--", *words)
        assert done.status == 1
        assert "dashboard" not in done.err
        hint = done.err.partition("  hint: ")[2]
        assert f"scalekit-exec {word} -- COMMAND" in hint
        call = hint[hint.index("get_token") : hint.index(" in Python")]
        asked = f"from scalekit_exec import get_token; print({call})"
        there = folder.launch(serve, word, "--", sys.executable, "-c", asked)
        assert there.out.startswith("sandbox-"), there.err
