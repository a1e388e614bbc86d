"""Launches from surroundings that are poor, crowded or strange: none is a fault of ours."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.support.launches import PROGRAM, Folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

EIGHT = 'identifier = "mess"\n' + "".join(
    f'[services.s{number}]\nconnection_name = "s{number}"\n' for number in range(8)
)
WORDS = tuple(f"s{number}" for number in range(8))
GMAIL = {"connection_name": "gmail_u3134a", "identifier": "mess"}


def through(folder: Folder, first: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Launch from a shell that has run its first words."""
    return subprocess.run(
        ["bash", "-c", f'{first}; exec "$@"', "-", PROGRAM, *words],
        env=folder.variables(),
        cwd=folder.path,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("limit", [*range(5, 14), 16, 20, 24])
def test_few_descriptors_are_no_fault_of_ours(folder: Folder, limit: int) -> None:
    folder.map(EIGHT)
    done = through(folder, f"ulimit -n {limit}", *WORDS, "--", "true")
    assert "error[internal]" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode in (0, 125, 126), done.stderr


@pytest.mark.parametrize("limit", [6, 8, 10])
def test_a_broker_with_few_descriptors_stays_silent(folder: Folder, limit: int) -> None:
    done = through(folder, f"ulimit -n {limit}", "--serve", "gmail", "--", "true")
    assert "Traceback" not in done.stderr
    assert "error[internal]" not in done.stderr
    assert done.returncode == 0 or "raise the limit: ulimit -n" in done.stderr, done.stderr


def test_little_memory_is_no_fault_of_ours(folder: Folder) -> None:
    for kilobytes in (60_000, 80_000):
        done = through(folder, f"ulimit -v {kilobytes}", "gmail", "slack", "--", "true")
        assert "error[internal]" not in done.stderr
        assert "Traceback" not in done.stderr
        assert done.returncode in (0, 125), done


@pytest.fixture
def crowded() -> Iterator[list[int]]:
    """Have more descriptors than select(2) can look at."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2000:
        pytest.skip("the hard limit is lower here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2000), hard))
    made = [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
    yield made
    for descriptor in made:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_many_inherited_descriptors_are_no_fault_of_ours(
    folder: Folder, tmp_path: Path, crowded: list[int]
) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(GMAIL | {"status": "EXPIRED"})
    pipe = tmp_path / "map"
    os.mkfifo(pipe, 0o600)
    text = (folder.path / "scalekit.toml").read_text()
    done = folder.start("--wait=1", "gmail", "--", "true", pass_fds=crowded).communicate()
    assert b"https://127.0.0.1" in done[1]
    assert b"error[authorization-required]" in done[1]
    late = subprocess.Popen(["sh", "-c", f'sleep 0.3; printf "%s" "$0" > {pipe}', text])
    words = ("-c", str(pipe), "slack", "--", "true")
    process = folder.start(*words, pass_fds=crowded)
    assert process.communicate() == (b"", b"")
    assert (process.returncode, late.wait()) == (0, 0)


@pytest.mark.parametrize("name", ["XDG_CONFIG_HOME", "HOME"])
def test_no_configuration_of_ones_own_can_be_said_by_dev_null(folder: Folder, name: str) -> None:
    assert folder.launch("gmail", env={name: os.devnull}).started
    named = folder.launch("-c", f"{os.devnull}/map", "gmail")
    assert "/dev/null/map cannot be read: not a directory" in named.err


def test_a_map_of_a_shells_pipe_is_read_once(folder: Folder) -> None:
    line = f"{PROGRAM} -c <(cat scalekit.toml) gmail; echo ended with $?"
    environ = folder.variables({"SHELL": "/bin/sh", "CI": None, "TERM": "dumb"})
    shell = pexpect.spawn(
        "bash", ["-c", line], env=environ, cwd=str(folder.path), encoding="utf-8", timeout=20
    )
    shell.expect("[#$] ")
    shell.sendline("echo ${#GMAIL_TOKEN}-; exit 3")
    shell.expect(r"\d\d-")
    shell.expect("ended with 3")
    shell.close()


@pytest.mark.parametrize("words", [["scalekit-exec", "gmail"], ["scalekit-auth", "connections"]])
def test_warnings_about_the_code_of_others_are_no_errors(folder: Folder, words: list[str]) -> None:
    env = {"PYTHONWARNINGS": "error", "SCALEKIT_EXEC_TRANSPORT": "sdk"}
    program = PROGRAM.replace("scalekit-exec", words[0])
    more = ["--", "true"] if words[0] == "scalekit-exec" else []
    done = subprocess.run(
        [program, *words[1:], *more],
        env=folder.variables(env),
        cwd=folder.path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr


def test_a_working_folder_that_is_gone_is_not_needed_for_a_map_that_is_named(
    folder: Folder, tmp_path: Path
) -> None:
    gone = tmp_path / "gone"
    map_file = folder.path / "scalekit.toml"
    first = f"mkdir {gone}; cd {gone}; rmdir {gone}"
    done = through(folder, first, "-c", str(map_file), "gmail", "--", "true")
    assert (done.returncode, done.stderr) == (0, "")
    code = f"import scalekit_exec as s; print(s.get_token('slack', config='{map_file}')[:8])"
    words = ("-c", str(map_file), "gmail", "--keep-credentials", "--", sys.executable, "-c", code)
    assert through(folder, first, *words).stdout == "sandbox-\n"
    assert "the working folder is gone" in through(folder, first, "gmail", "--", "true").stderr
    relative = through(folder, first, "-c", "m", "gmail", "--", "true").stderr
    assert "the working folder is gone" in relative


def test_a_command_that_fails_gives_no_secret_though_sigchld_is_ignored(folder: Folder) -> None:
    assert folder.sandbox is not None
    own = folder.path.parent / ".config" / "scalekit-exec" / "config.toml"
    own.parent.mkdir(parents=True)
    command = '["sh", "-c", "echo Error: vault is locked; exit 3"]'
    variables = folder.sandbox.environ()
    own.write_text(
        f'[scalekit]\nclient_id = "{variables["SCALEKIT_CLIENT_ID"]}"\n'
        f'env_url = "{variables["SCALEKIT_ENV_URL"]}"\nclient_secret_command = {command}\n'
    )
    names = ("SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET", "SCALEKIT_ENV_URL")
    process = folder.start(
        *("gmail", "--", "true"),
        env=dict.fromkeys(names),
        preexec_fn=lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    )
    said = process.communicate()[1].decode()
    assert "error[credentials-missing]" in said
    assert "ended with status 3" in said
    assert folder.sandbox.requests() == []


def test_a_token_that_the_clock_has_ended_is_named(folder: Folder) -> None:
    code = "import scalekit_exec; scalekit_exec.get_token('gmail')"
    ended = "2020-01-01T00:00:00Z"
    env = f"GMAIL_TOKEN_EXPIRES_AT={ended}"
    done = folder.launch("gmail", "--", "env", env, sys.executable, "-c", code)
    assert "credentials-missing" in done.err or "ConfigurationError" in done.err
    assert f"GMAIL_TOKEN of this launch ended at {ended}, and here it is 20" in done.err


def test_a_plan_inside_a_launch_without_a_map_says_where_to_look(
    folder: Folder, tmp_path: Path
) -> None:
    words = ["sh", "-c", f"cd {tmp_path}; {PROGRAM} --dry-run gmail"]
    done = folder.launch("--serve-only", "gmail", "--", *words)
    assert done.status == 125
    assert "error[config-missing]: no map is here to plan with" in done.err
    code = (
        "import os, urllib.request as u; r = u.Request(os.environ['SCALEKIT_EXEC_URL'] + "
        "'/v1/services', headers={'Authorization': 'Bearer ' + os.environ['SCALEKIT_EXEC_AUTH']}); "
        "print(u.urlopen(r).read().decode())"
    )
    done = folder.launch("--serve-only", "gmail", "slack", "--", sys.executable, "-c", code)
    assert '"service":"gmail","connection_name":"gmail_u3134a","identifier":"mess"' in (
        done.out.replace(" ", "")
    )


def test_redact_hides_what_launches_around_it_gave(folder: Folder) -> None:
    inner = [PROGRAM, "--redact", "slack", "--", "sh", "-c", "echo $GMAIL_TOKEN $SLACK_BOT_TOKEN"]
    done = folder.launch("--keep-credentials", "gmail", "--", *inner)
    assert done.out == "[REDACTED] [REDACTED]\n"


def test_a_fork_leaves_no_lock_held(folder: Folder) -> None:
    """One thread is reading a token while another forks; the child reads one, too."""
    assert folder.sandbox is not None
    folder.sandbox.add_fault(kind="slow", on="auth", seconds=1.0, times=1)
    code = """
import os, signal, sys, threading, time, requests
from scalekit_exec import ScalekitAuth
auth = ScalekitAuth("gmail")
def dress():
    request = requests.Request("GET", "https://gmail.googleapis.com/").prepare()
    auth(request)
    return request.headers["Authorization"][:15]
thread = threading.Thread(target=dress)
thread.start()
time.sleep(0.5)
child = os.fork()
if not child:
    signal.alarm(20)
    print(dress(), flush=True)
    os._exit(0)
thread.join()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    done = folder.launch(
        "--keep-credentials", "slack", "--", sys.executable, "-W", "ignore", "-c", code
    )
    assert (done.status, done.out) == (0, "Bearer sandbox-\n"), done.err
