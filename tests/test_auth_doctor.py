from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from email.utils import formatdate
from typing import TYPE_CHECKING

import pexpect
import pytest

from scalekit_exec.cli.auth.completion import script, scripts
from scalekit_exec.shells import completion, installation
from tests.support.auths import AUTH, auth
from tests.support.certificates import authority
from tests.support.servers import Server, as_json, closed_port

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.support.auths import Answered
    from tests.support.launches import Folder

GMAIL = {"connection_name": "gmail_u3134a", "identifier": "mess"}
WAY = ("URL", "proxy", "DNS", "TLS", "token request", "clock")
SERVICES = ("service gmail", "service slack")


def doctor(folder: Folder, *words: str, **env: str | None) -> Answered:
    return auth("doctor", *words, env=folder.variables(env), cwd=folder.path)


def checks(folder: Folder, *words: str, **env: str | None) -> dict[str, dict[str, str]]:
    """Return the checks by name; of several of one name the one that is worst."""
    worst = ["ok", "skipped", "warning", "failed"]
    done = doctor(folder, "--json", *words, **env)
    assert done.err == "", done.err
    rows = done.answer["checks"]
    assert done.status == int(any(row["verdict"] == "failed" for row in rows))
    return {row["name"]: row for row in sorted(rows, key=lambda r: worst.index(r["verdict"]))}


def verdicts(found: Mapping[str, Mapping[str, str]], *names: str) -> list[str]:
    return [found[name]["verdict"] for name in names]


@pytest.mark.parametrize("transport", ["https", "sdk"])
def test_all_is_well_and_no_credential_is_read(folder: Folder, transport: str) -> None:
    assert folder.sandbox is not None
    found = checks(folder, SCALEKIT_EXEC_TRANSPORT=transport)
    for words in ((), ("-v",), ("--json", "-v")):
        done = doctor(folder, *words, SCALEKIT_EXEC_TRANSPORT=transport)
        told = (done.out + done.err).replace("scalekit-sandbox-", "")
        for secret in (folder.sandbox.client_secret, "sandbox-"):
            assert secret not in told
    for name in ("versions", "map", "identifier", "credentials", *WAY, *SERVICES):
        assert found[name]["verdict"] == "ok", found[name]
    assert list(found["map"]) == ["name", "verdict", "message", "remedy"]
    operations = {call["operation"] for call in folder.sandbox.requests()}
    assert operations == {"token", "details"}
    assert "SCALEKIT_CA_BUNDLE" in found["TLS"]["message"]
    assert "ACTIVE, its token ends in " in found["service gmail"]["message"]


def test_what_it_prints_has_one_line_for_each_thing_and_no_secret(folder: Folder) -> None:
    assert folder.sandbox is not None
    done = doctor(folder, SHELL="/bin/bash", HTTPS_PROXY="http://me:hunter2@127.0.0.1:9")
    lines = done.out.splitlines()
    assert all(line.startswith(("ok ", "warning ", "failed ", "skipped ", "  ")) for line in lines)
    assert "        -> " in done.out
    for secret in (folder.sandbox.client_secret, "hunter2", "sandbox-"):
        assert secret not in done.out + done.err


def test_a_line_is_broken_for_a_narrow_terminal(folder: Folder) -> None:
    words = [line for line in doctor(folder, COLUMNS="60").out.splitlines() if len(line) > 60]
    # What is longer is one word, such as a path, that is to be copied.
    assert all(len(line.split()) == 1 for line in words)


def test_what_depends_on_a_failed_check_is_skipped(folder: Folder) -> None:
    found = checks(folder, SCALEKIT_CLIENT_SECRET=None)
    assert verdicts(found, "map", "identifier", "credentials") == ["ok", "ok", "failed"]
    assert verdicts(found, *WAY, *SERVICES) == ["skipped"] * 8
    assert "SCALEKIT_CLIENT_SECRET" in found["credentials"]["message"]


def test_a_map_that_is_wrong_stops_there(folder: Folder) -> None:
    folder.map("identifer = 'x'\n")
    found = checks(folder)
    assert verdicts(found, "map", "identifier", "credentials") == ["failed", "skipped", "skipped"]
    assert "identifer" in found["map"]["message"]


def test_without_a_map_the_rest_is_still_looked_at(folder: Folder) -> None:
    (folder.path / "scalekit.toml").unlink()
    found = checks(folder)
    assert verdicts(found, "map", "identifier", "credentials") == ["failed", "skipped", "ok"]
    assert verdicts(found, *WAY) == ["ok"] * 6
    assert "scalekit-auth config" in found["map"]["remedy"]


def test_a_missing_identifier_and_an_unknown_service_are_told(folder: Folder) -> None:
    folder.map('[services.gmail]\nconnection_name = "gmail_u3134a"\n')
    found = checks(folder)
    assert found["identifier"]["verdict"] == "failed"
    assert "--identifier" in found["identifier"]["remedy"]
    assert checks(folder, "--identifier", "x")["service gmail"]["verdict"] == "ok"
    assert "gmial" in checks(folder, "gmial")["identifier"]["message"]


def test_a_service_map_of_two_files_tells_what_replaces_what(folder: Folder) -> None:
    own = folder.path.parent / ".config" / "scalekit-exec" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[services.gmail]\nconnection_name = "mine"\nidentifier = "me"\n')
    found = checks(folder)
    assert found["map"]["verdict"] == "warning"
    assert "replaces your own service gmail" in found["map"]["message"]


def test_credentials_that_others_have_are_warned_of(folder: Folder) -> None:
    assert folder.sandbox is not None
    env = folder.path / ".env"
    names = ("SCALEKIT_ENV_URL", "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET")
    env.write_text("".join(f"{name}={folder.sandbox.environ()[name]}\n" for name in names))
    env.chmod(0o644)
    unset = dict.fromkeys(names)
    found = checks(folder, **unset)
    assert found["credentials"]["verdict"] == "warning"
    assert "can be read by other users" in found["credentials"]["message"]
    assert "chmod 600" in found["credentials"]["remedy"]
    env.chmod(0o600)
    assert checks(folder, **unset)["credentials"]["verdict"] == "ok"
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    for command in (["init", "-q"], ["add", ".env"]):
        subprocess.run(["git", *command], cwd=folder.path, check=True)
    tracked = checks(folder, **unset)["credentials"]
    assert "is tracked by git" in tracked["message"]
    assert "git rm --cached" in tracked["remedy"]


@pytest.mark.parametrize(
    ("name", "env"),
    [
        ("proxy", {"HTTPS_PROXY": "socks5://me:hunter2@127.0.0.1:1"}),
        ("DNS", {"SCALEKIT_ENV_URL": "https://no-such-host.invalid"}),
        ("TLS", {"SCALEKIT_CA_BUNDLE": None}),
        ("TLS", {"SCALEKIT_CA_BUNDLE": "/nowhere.pem"}),
        ("TLS", {"SCALEKIT_ENV_URL": "closed"}),
        ("token request", {"SCALEKIT_CLIENT_SECRET": "wrong"}),
    ],
)
def test_the_first_step_that_fails_is_named_and_the_rest_is_skipped(
    folder: Folder, name: str, env: dict[str, str | None]
) -> None:
    if env.get("SCALEKIT_ENV_URL") == "closed":
        env = {"SCALEKIT_ENV_URL": f"https://127.0.0.1:{closed_port()}"}
    found = checks(folder, **env)
    at = WAY.index(name)
    assert verdicts(found, *WAY[:at]) == ["ok"] * at
    assert found[name]["verdict"] == "failed"
    assert found[name]["remedy"]
    assert verdicts(found, *WAY[at + 1 :], *SERVICES) == ["skipped"] * (7 - at)
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    ("env", "told", "remedy"),
    [
        ({"NO_PROXY": "a", "no_proxy": "127.0.0.1"}, "no_proxy and NO_PROXY differ", "unset NO"),
        ({"NO_PROXY": "127.0.0.1"}, "does not read NO_PROXY", 'no_proxy="$NO_PROXY"'),
        (
            {"HTTPS_PROXY": "http://u:hunter2@127.0.0.1:9", "no_proxy": "127.0.0.1"},
            "does not read HTTPS_PROXY",
            "export https_proxy",
        ),
        (
            {"ALL_PROXY": "socks5://u:hunter2@h"},
            "ALL_PROXY is set, which is not read",
            "HTTPS_PROXY",
        ),
        ({"grpc_proxy": "http://h:1"}, "grpc_proxy is set", "HTTPS_PROXY"),
    ],
)
def test_variables_that_send_rest_and_grpc_different_ways_are_told(
    folder: Folder, env: dict[str, str], told: str, remedy: str
) -> None:
    found = checks(folder, **env)
    assert found["proxy"]["verdict"] == "warning"
    assert told in found["proxy"]["message"]
    assert remedy in found["proxy"]["remedy"]
    assert "hunter2" not in str(found)


def test_a_ca_that_only_others_read_is_told_where_ours_is_not_set(folder: Folder) -> None:
    assert folder.sandbox is not None
    env: dict[str, str | None] = {"REQUESTS_CA_BUNDLE": folder.sandbox.ca_file}
    assert checks(folder, **env)["proxy"]["verdict"] == "ok"
    found = checks(folder, SCALEKIT_CA_BUNDLE=None, **env)
    assert "REQUESTS_CA_BUNDLE is set, which is not read here" in found["proxy"]["message"]
    assert found["TLS"]["verdict"] == "failed"


@pytest.mark.parametrize(
    ("offset", "verdict", "told"),
    [
        (3, "ok", "within"),
        (3600, "warning", "s behind Scalekit's"),
        (-3600, "warning", "s ahead of Scalekit's"),
        (None, "skipped", "Date"),
    ],
)
def test_the_clock_is_held_against_the_servers(
    folder: Folder, offset: int | None, verdict: str, told: str
) -> None:
    date = [] if offset is None else [f"Date: {formatdate(time.time() + offset, usegmt=True)}"]
    token = as_json({"access_token": "service-token"}, *date)
    with authority() as ca, Server(ca.context(), token=token) as server:
        found = checks(
            folder, SCALEKIT_ENV_URL=server.url, SCALEKIT_CA_BUNDLE=ca.file, SHELL="/bin/none"
        )
    assert found["clock"]["verdict"] == verdict
    assert told in found["clock"]["message"]


def test_each_account_has_its_verdict_and_its_remedy(folder: Folder) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts({**GMAIL, "status": "EXPIRED"})
    folder.map((folder.path / "scalekit.toml").read_text() + "required = false\n")  # slack's
    folder.sandbox.add_fault(on="details", kind="status", status=403, connection="slack_x7y9z")
    found = checks(folder)
    assert verdicts(found, *SERVICES) == ["failed", "warning"]
    assert found["service gmail"]["message"] == "status EXPIRED"
    assert found["service gmail"]["remedy"] == "scalekit-auth authorize gmail"


def test_a_transport_that_is_none_is_told(folder: Folder) -> None:
    found = checks(folder, SCALEKIT_EXEC_TRANSPORT="carrier-pigeon")
    assert found["services"]["verdict"] == "failed"
    assert "carrier-pigeon" in found["services"]["message"]


@pytest.mark.skipif(sys.platform != "linux", reason="core_pattern is Linux's")
def test_a_hard_limit_of_zero_is_told_where_cores_go_to_a_pipe(folder: Folder) -> None:
    with open("/proc/sys/kernel/core_pattern") as file:
        piped = file.read(1) == "|"
    done = subprocess.run(
        ["sh", "-c", 'ulimit -c 0; exec "$AUTH" doctor --json'],  # hard and soft
        env=folder.variables({"AUTH": AUTH}),
        cwd=folder.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert f'"core dumps", "verdict": "{"warning" if piped else "ok"}"' in done.stdout


# --- completion ---


@pytest.mark.parametrize("shell", installation.SHELLS)
def test_a_script_is_printed_as_it_is_committed(folder: Folder, shell: str) -> None:
    done = auth("completion", shell, env=folder.variables(), cwd=folder.path)
    assert (done.status, done.out, done.err) == (0, "\n".join(scripts(shell).values()), "")


@pytest.mark.parametrize("shell", installation.SHELLS)
def test_an_installed_script_is_found_by_the_doctor(folder: Folder, shell: str) -> None:
    env: dict[str, str | None] = {"SHELL": f"/usr/bin/{shell}"}
    rc_files = [folder.path.parent / name for name in (".bashrc", ".zshrc", ".profile")]
    for rc in rc_files:
        rc.write_text("mine\n")
    before = checks(folder, **env)["completion"]
    assert before["verdict"] == "warning"
    assert before["remedy"] == f"scalekit-auth completion {shell} --install"
    done = auth("completion", shell, "--install", env=folder.variables(env), cwd=folder.path)
    assert done.status == 0
    path = installation.user_file(shell, folder.variables())
    assert f"wrote ~{path.removeprefix(os.environ['HOME'])}" in done.out
    with open(path) as file:
        assert file.read() == script(shell)
    assert os.stat(path).st_mode & 0o777 == 0o644
    assert [rc.read_text() for rc in rc_files] == ["mine\n"] * 3
    assert checks(folder, **env)["completion"]["verdict"] == "ok"
    with open(path, "a") as file:
        file.write("# of long ago\n")
    old = checks(folder, **env)["completion"]
    assert (old["verdict"], "another version" in old["message"]) == ("warning", True)


def test_a_shell_finds_what_was_installed(folder: Folder) -> None:
    if shutil.which("fish") is None:
        pytest.skip("fish is not installed")
    auth("completion", "fish", "--install", env=folder.variables(), cwd=folder.path)
    done = subprocess.run(
        ["fish", "-c", "complete -C 'scalekit-exec --pri'"],
        # fish completes only what is there.
        env=folder.variables({"PATH": f"{os.path.dirname(AUTH)}:{os.environ['PATH']}"}),
        cwd=folder.path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("--pristine")


def test_xdg_folders_are_kept_to_and_relative_ones_are_not(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    assert installation.user_file("fish", {**home, "XDG_CONFIG_HOME": "/x"}).startswith("/x/fish/")
    assert installation.user_file("zsh", {**home, "XDG_DATA_HOME": "rel"}).startswith(str(tmp_path))
    own = installation.user_file("bash", {**home, "BASH_COMPLETION_USER_DIR": "/b:/c"})
    assert own == "/b/completions/scalekit-exec"
    assert completion.SHELLS == installation.SHELLS


def test_a_shell_without_a_script_is_wrong_usage(folder: Folder) -> None:
    done = auth("completion", "dash", env=folder.variables(), cwd=folder.path)
    assert (done.status, done.out) == (2, "")
    assert checks(folder, SHELL="/bin/dash")["completion"]["verdict"] == "skipped"
    alone = subprocess.run(
        [AUTH, "doctor", "--json"],
        env={n: v for n, v in folder.variables().items() if n != "SHELL"},
        cwd=folder.path,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # no terminal, and so no shell that somebody types into
    )
    assert '"there is none while SHELL is not set and no shell is seen"' in alone.stdout


def test_without_shell_the_shell_that_one_is_in_is_looked_at(folder: Folder) -> None:
    if shutil.which("bash") is None:
        pytest.skip("bash is not installed")
    variables = {n: v for n, v in folder.variables({"PS1": "$ "}).items() if n != "SHELL"}
    bash = pexpect.spawn(
        "bash",
        ["--norc", "-i"],
        env=variables,
        cwd=str(folder.path),
        encoding="utf-8",
        timeout=30,
        dimensions=(24, 250),
    )
    bash.sendline(f"unset SHELL; {AUTH} doctor")
    bash.expect("completion: bash does not complete scalekit-exec yet")
    bash.expect("scalekit-auth completion bash --install")
    bash.sendline(f"{AUTH} completion --install")
    bash.expect("wrote .*completions/scalekit-exec")
    bash.sendline(f"{AUTH} doctor")
    bash.expect("ok +completion: bash has .*completions/scalekit-exec")
    bash.sendline("exit")
    bash.expect(pexpect.EOF)
    bash.close()


def test_who_has_no_credentials_is_sent_to_login_first(folder: Folder) -> None:
    nothing = dict.fromkeys(("SCALEKIT_ENV_URL", "SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET"))
    found = checks(folder, **nothing)["credentials"]
    assert found["verdict"] == "failed"
    assert found["remedy"].startswith("scalekit-auth login asks for them")
    launched = folder.launch("gmail", env=nothing)
    assert "error[credentials-missing]" in launched.err
    assert "  hint: scalekit-auth login asks for them" in launched.err
    own = folder.path.parent / ".config" / "scalekit-exec" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text('[environments.prod]\nclient_id = "skc_1"\n')
    half = checks(folder, "--environment", "prod", **nothing)["credentials"]
    assert half["remedy"].startswith("scalekit-auth login --environment prod asks for them")


@pytest.mark.parametrize("home", ["", "home", "./home"])
def test_nothing_is_installed_where_home_is_none(folder: Folder, home: str) -> None:
    before = sorted(folder.path.rglob("*"))
    env = folder.variables({"HOME": home})
    for shell in installation.SHELLS:
        done = auth("completion", shell, "--install", env=env, cwd=folder.path)
        assert done.status == 1
        told = f'"{home}"' if home else "empty"
        assert f"error[config-invalid]: HOME is {told}, and so there is no folder" in done.err
    assert sorted(folder.path.rglob("*")) == before
    # What does not lie in the home needs none; and the doctor looks on.
    there = {"HOME": home, "XDG_DATA_HOME": "/data", "XDG_CONFIG_HOME": "/config"}
    assert installation.user_file("zsh", there) == "/data/zsh/site-functions/_scalekit-exec"
    assert installation.user_file("fish", there) == "/config/fish/completions/scalekit-exec.fish"
    assert "completion" in checks(folder, SHELL="/bin/yash", HOME=home)


@pytest.mark.parametrize(("program", "shell"), [("nu", "nushell"), ("pwsh", "powershell")])
def test_the_program_of_a_shell_stands_for_it(folder: Folder, program: str, shell: str) -> None:
    found = checks(folder, SHELL=f"/usr/bin/{program}")["completion"]
    assert found["verdict"] == "warning"
    assert found["remedy"] == f"scalekit-auth completion {shell} --install"
