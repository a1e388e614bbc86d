"""What a launch writes, starts and leaves behind, seen from outside: no secret in any of it."""

from __future__ import annotations

import base64
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.certificates import authority
from tests.support.launches import PROGRAM, Folder
from tests.support.refusals import SECRET, uses
from tests.support.servers import ACCESS_TOKEN, SERVICE_TOKEN, Server

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TOKEN = "tok-7c0ffee1-leak-me-not"
PASSWORD = "pass-4be2-leak-me-not"
# All that writes to a descriptor, starts a program, or makes or names a file.
WRITES = "write,writev,pwrite64,pwritev,pwritev2,sendto,sendmsg,sendmmsg"
STARTS = "execve,execveat"
FILES = (
    "open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,link,linkat,symlink,symlinkat,"
    "rename,renameat,renameat2,memfd_create,truncate"
)
CREATES = re.compile(r"O_CREAT|O_TMPFILE|^(creat|mk|link|symlink|rename|memfd|truncate)")

needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def traced(folder: Folder, tmp_path: Path, *words: str, env: dict[str, str | None]) -> Any:
    """Launch under strace; return what was told on stderr and the calls, one a line."""
    log = tmp_path / "strace.log"
    command = ["strace", "-f", "-qq", "-o", str(log), "-s", "200000"]
    command += ["-e", f"trace={WRITES},{STARTS},{FILES}", "-e", "signal=none", PROGRAM, *words]
    done = subprocess.run(
        command,
        cwd=folder.path,
        env=folder.variables(env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )
    calls = [line.partition(" ")[2].strip() for line in log.read_text("latin-1").splitlines()]
    log.unlink()
    return done, calls


def forms(*secrets: str) -> list[str]:
    """Return the secrets as they might be written: as they are, and in base64."""
    return [
        form
        for secret in secrets
        for form in (secret, base64.b64encode(secret.encode()).decode().rstrip("=")[:-1])
    ]


def created(calls: Iterable[str]) -> list[str]:
    """Return the calls that made a file, but for Python's bytecode."""
    made = [call for call in calls if CREATES.search(call) and " = -1 " not in call]
    return [call for call in made if "__pycache__" not in call and '"/dev/null"' not in call]


ACCOUNT = {"connection_name": "gmail_u3134a", "identifier": "mess"}
OAUTH = {**ACCOUNT, "oauth_token": {"access_token": TOKEN}}
SCENARIOS: list[tuple[str, tuple[str, ...], dict[str, Any], dict[str, str | None], int]] = [
    ("good", (), OAUTH, {}, 0),
    ("verbose", ("-v",), OAUTH, {}, 0),
    ("verbose-json", ("-v", "--json"), OAUTH, {}, 0),
    ("nothing-to-call", (), OAUTH, {}, 127),
    ("short-lived", ("--json",), {**OAUTH, "expires_in": 5}, {}, 0),
    ("expired", ("-v",), {**OAUTH, "expires_in": -5}, {}, 125),
    ("not-active", ("-v",), {**OAUTH, "status": "EXPIRED"}, {}, 125),
    ("not-usable", ("-v",), {**ACCOUNT, "oauth_token": {"access_token": TOKEN + "\n"}}, {}, 125),
    (
        "two-values",
        ("-v", "--json"),
        {**ACCOUNT, "static_auth": {"username": TOKEN, "password": PASSWORD}},
        {},
        125,
    ),
    ("rejected", ("-v",), OAUTH, {"SCALEKIT_CLIENT_SECRET": "sandbox_wrong-" + PASSWORD}, 125),
]


@needs_strace
@pytest.mark.parametrize("transport", ["https", "sdk"])
@pytest.mark.parametrize(
    ("options", "account", "env", "status"), [pytest.param(*r, id=name) for name, *r in SCENARIOS]
)
def test_nothing_secret_is_written_in_plain_and_no_file_is_made(
    folder: Folder,
    tmp_path: Path,
    transport: str,
    options: tuple[str, ...],
    account: dict[str, Any],
    env: dict[str, str | None],
    status: int,
) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(account)
    # The interpreter line of a command that is there and cannot run fails after the tokens came.
    broken = folder.path / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    command = "./broken" if status == 127 else "true"
    given = {"SCALEKIT_EXEC_TRANSPORT": transport, **env}
    words = (*options, "--timeout", "10", "gmail", "--", command)
    done, calls = traced(folder, tmp_path, *words, env=given)
    assert done.returncode == status, done.stderr
    assert any(call.startswith("execve(") for call in calls)
    assert any(call.startswith(("write(", "sendto(", "sendmsg(")) for call in calls)
    # The last is how the sandbox's service tokens begin.
    secrets = [*forms(TOKEN, PASSWORD, folder.sandbox.client_secret), "sandbox-m2m-"]
    for call in calls:
        assert not [secret for secret in secrets if secret in call], call[:300]
    assert created(calls) == []
    assert not [secret for secret in secrets if secret.encode() in done.stderr + done.stdout]


@needs_strace
def test_nor_is_the_service_token(tmp_path: Path) -> None:
    with authority() as ca, Server(ca.context()) as server:
        folder = uses(Folder(Path.cwd()), server, ca)
        env: dict[str, str | None] = {"SCALEKIT_EXEC_TRANSPORT": "https"}
        done, calls = traced(folder, tmp_path, "-v", "gmail", "--", "true", env=env)
        assert done.returncode == 0, done.stderr
    assert f"Bearer {SERVICE_TOKEN}" in server.heard[1].head, "it did go over the wire"
    for call in calls:
        assert not [s for s in forms(SERVICE_TOKEN, ACCESS_TOKEN, SECRET) if s in call], call[:300]


@needs_strace
def test_the_watch_sees_a_child_that_does_leak(folder: Folder, tmp_path: Path) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(OAUTH)
    shell = 'echo "$GMAIL_TOKEN"; echo x > made; /bin/true "$GMAIL_TOKEN"'
    _, calls = traced(folder, tmp_path, "gmail", "--", "sh", "-c", shell, env={})
    assert [call for call in calls if call.startswith("write(1, ") and TOKEN in call]
    assert [call for call in calls if call.startswith("execve(") and TOKEN in call]
    assert any('"made"' in call for call in created(calls))


@needs_strace
@pytest.mark.parametrize("option", ["--redact", "--serve", "--serve-only", None])
def test_a_launch_that_stays_shields_its_memory_before_it_asks_anybody(
    folder: Folder, tmp_path: Path, option: str | None
) -> None:
    if option is None:  # the user's own file says so
        own = Path(os.environ["HOME"], ".config", "scalekit-exec", "config.toml")
        own.parent.mkdir(parents=True)
        own.write_text("redact = true\n")
    log = tmp_path / "calls"
    line = [
        "strace",
        "-f",
        "-qq",
        "-o",
        str(log),
        "-e",
        "trace=prctl,connect,clone,clone3,fork,vfork",
    ]
    words = [PROGRAM, *([option] if option else []), "gmail", "--", "true"]
    subprocess.run([*line, *words], cwd=folder.path, env=folder.variables(), check=True)
    calls = [line.partition(" ")[2].strip() for line in log.read_text().splitlines()]
    assert calls[0].startswith(("prctl(PR_SET_DUMPABLE, 0", "prctl(PR_SET_DUMPABLE, SUID_DUMP_DI"))
    assert any(call.startswith("connect(") for call in calls[1:])


def all_files(folder: Path) -> dict[str, bytes]:
    return {
        str(path): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@pytest.mark.parametrize("transport", ["https", "sdk", "auto"])
def test_home_working_folder_and_temporary_folder_are_as_before(
    folder: Folder, tmp_path: Path, transport: str
) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(OAUTH)
    folder.environ |= {"TMPDIR": str(tmp_path / "tmp"), "SCALEKIT_EXEC_TRANSPORT": transport}
    (tmp_path / "tmp").mkdir()
    before = all_files(tmp_path)
    assert Path(folder.variables()["HOME"]).is_relative_to(tmp_path)
    for words in (("gmail", "slack"), ("-v", "gmail"), ("--dry-run", "gmail"), ("gmail", "nope")):
        process = folder.start(*words, "--", "true")
        process.communicate(timeout=30)
        assert process.returncode in (0, 125)
    folder.sandbox.set_accounts({**OAUTH, "status": "EXPIRED"})
    assert folder.launch("gmail").status == 125
    assert all_files(tmp_path) == before


def _want_cores() -> None:
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))


def hanging(folder: Folder) -> subprocess.Popen[bytes]:
    """Start a launch that waits for an answer which never comes."""
    assert folder.sandbox is not None
    folder.sandbox.add_fault(on="auth", kind="hang")
    process = folder.start("gmail", "--", "true", preexec_fn=_want_cores)
    end = time.monotonic() + 10
    while not [c for c in folder.sandbox.requests() if c["operation"] == "auth"]:
        assert time.monotonic() < end
        assert process.poll() is None
    return process


@pytest.fixture
def ended() -> Iterator[list[subprocess.Popen[bytes]]]:
    """End what a test has started, whatever becomes of the test."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.communicate()


def test_the_process_list_shows_the_words_of_the_launch_and_nothing_else(
    folder: Folder, ended: list[subprocess.Popen[bytes]]
) -> None:
    assert folder.sandbox is not None
    process = hanging(folder)
    ended.append(process)
    words = Path(f"/proc/{process.pid}/cmdline").read_bytes().split(b"\0")
    assert words[-5:] == [PROGRAM.encode(), b"gmail", b"--", b"true", b""]
    listed = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, check=True).stdout
    assert b"gmail -- true" in listed
    assert folder.sandbox.client_secret.encode() not in listed


def test_the_child_has_the_token_in_its_environment_and_nowhere_else(
    folder: Folder, ended: list[subprocess.Popen[bytes]]
) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(OAUTH)
    process = folder.start("gmail", "--", "sh", "-c", "echo ready; read x", stdin=subprocess.PIPE)
    ended.append(process)
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"
    there = Path(f"/proc/{process.pid}")
    environ = (there / "environ").read_bytes()
    assert TOKEN.encode() in environ
    assert folder.sandbox.client_secret.encode() not in environ
    assert TOKEN.encode() not in (there / "cmdline").read_bytes()
    open_files = {os.readlink(entry) for entry in (there / "fd").iterdir()}
    assert not [name for name in open_files if not name.startswith(("pipe:", "/dev/null"))]


def test_no_command_of_scalekit_auth_leaves_a_core(folder: Folder) -> None:
    code = "import resource as r; print(r.getrlimit(r.RLIMIT_CORE)[0])"
    done = subprocess.run(
        [Path(PROGRAM).with_name("scalekit-auth"), "sandbox", "--", sys.executable, "-c", code],
        env=folder.variables(),
        capture_output=True,
        check=True,
        preexec_fn=_want_cores,
    )
    assert int(done.stdout) in (0, 1)


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGQUIT, signal.SIGABRT])
def test_a_crash_while_resolving_leaves_no_core(
    folder: Folder, ended: list[subprocess.Popen[bytes]], number: int
) -> None:
    process = hanging(folder)
    ended.append(process)
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    soft = re.search(r"Max core file size +(\S+)", limits)
    assert soft is not None
    assert soft[1] in ("0", "1"), "1 is what stops a piped core_pattern too"
    process.send_signal(number)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (-number, b"", b"")
    assert not list(folder.path.glob("*core*"))
