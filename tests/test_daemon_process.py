"""The daemon as a process: its start, its surroundings and its end; and the commands for it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scalekit_exec import config
from scalekit_exec.clock import parse_rfc3339
from scalekit_exec.daemon import place, process
from scalekit_exec.daemon.client import Connection
from scalekit_exec.daemon.pool import LONGEST_IDLE, MOST_IDLE, Pool
from scalekit_exec.daemon.server import PATIENCE
from scalekit_exec.errors import ConfigurationError
from scalekit_exec.model import DaemonSettings
from tests.support import daemons
from tests.support.maps import Home

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.launches import Folder

AUTH = str(Path(sys.executable).with_name("scalekit-auth"))
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has this /proc")


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return where this test's daemon has its folder; whatever runs there at the end is ended."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    path = str(daemons.runtime(tmp_path) / "scalekit-exec")
    yield path
    pid = daemons.reached(path)
    if pid:
        os.kill(pid, signal.SIGTERM)
        daemons.until(lambda: not daemons.reached(path))


@pytest.fixture
def enabled(folder: Folder, runtime: str) -> Folder:
    """Return a working folder of a user who wants a daemon."""
    folder.environ["XDG_RUNTIME_DIR"] = os.path.dirname(runtime)
    own = Path.home() / ".config" / "scalekit-exec" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text("[daemon]\nenabled = true\n")
    return folder


def of_folder(path: str) -> list[int]:
    """Return the processes that were started for this folder."""
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if os.fsencode(path) in words:
            found.append(int(name))
    return found


@LINUX
def test_a_daemon_starts_fresh(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCALEKIT_CLIENT_SECRET", "secret-of-a-test")
    process.start(runtime)
    daemons.until(lambda: daemons.reached(runtime))
    pid = daemons.reached(runtime)
    proc = Path(f"/proc/{pid}")
    assert (proc / "environ").read_bytes() == b""
    assert os.readlink(proc / "cwd") == "/"
    assert {os.readlink(proc / "fd" / name) for name in "012"} == {"/dev/null"}
    assert os.getsid(pid) == pid
    words = (proc / "cmdline").read_bytes().split(b"\0")
    assert words[1] == b"-I"
    state = dict(line.split(":\t") for line in (proc / "status").read_text().splitlines())
    assert int(state["PPid"]) != os.getpid()
    assert int(state["SigBlk"], 16) == 0
    (core,) = [line for line in (proc / "limits").read_text().splitlines() if "core" in line]
    assert core.split()[4] in ("0", "1")


@LINUX
@pytest.mark.skipif(os.geteuid() != 0, reason="others may lock nothing, or too little")
def test_memory_is_locked_where_that_is_allowed(runtime: str) -> None:
    process.start(runtime)
    daemons.until(lambda: daemons.reached(runtime))
    status = Path(f"/proc/{daemons.reached(runtime)}/status").read_text()
    state = dict(line.split(":\t") for line in status.splitlines())
    may = int(state["CapEff"], 16) >> 14 & 1
    assert (int(state["VmLck"].split()[0]) > 0) == bool(may)


@LINUX
def test_starts_at_once_make_one_daemon(runtime: str) -> None:
    code = "import sys; from scalekit_exec.daemon import process; process.start(sys.argv[1])"
    started = [subprocess.Popen([sys.executable, "-c", code, runtime]) for _ in range(6)]
    for each in started:
        assert each.wait(30) == 0
    daemons.until(lambda: daemons.reached(runtime))
    daemons.until(lambda: len(of_folder(runtime)) == 1)
    assert of_folder(runtime) == [daemons.reached(runtime)]


def test_a_daemon_that_nobody_asks_ends_and_leaves_no_socket(runtime: str) -> None:
    process.start(runtime, idle=0.4)
    daemons.until(lambda: daemons.reached(runtime))
    daemons.until(lambda: not os.path.exists(os.path.join(runtime, place.SOCKET)), 5)
    assert not daemons.reached(runtime)


def test_to_be_looked_at_is_not_to_be_used(runtime: str) -> None:
    process.start(runtime, idle=0.3)
    daemons.until(lambda: daemons.reached(runtime))
    held = Connection(runtime, patience=10)  # which asks for nothing
    daemons.until(lambda: not os.path.exists(os.path.join(runtime, place.SOCKET)), PATIENCE * 0.8)
    held.close()


# Started by a launch.


def test_the_first_launch_starts_a_daemon_for_the_next(enabled: Folder, runtime: str) -> None:
    done = enabled.launch("gmail", "-v")
    assert done.started
    assert "started a daemon for the launches to come" in done.err
    daemons.until(lambda: daemons.reached(runtime))
    assert "through the daemon" in enabled.launch("gmail", "-v").err


@LINUX
def test_the_command_has_no_child_that_it_did_not_start(enabled: Folder, runtime: str) -> None:
    code = "import os; print(open(f'/proc/self/task/{os.getpid()}/children').read())"
    done = enabled.launch("gmail", "--", sys.executable, "-c", code)
    assert done.out.strip() == ""
    daemons.until(lambda: daemons.reached(runtime))


def test_the_daemon_holds_nothing_open_of_the_launch_that_started_it(
    enabled: Folder, runtime: str
) -> None:
    reader, writer = os.pipe()
    started = enabled.start("gmail", "--", "true", pass_fds=(writer,))
    os.close(writer)
    out, err = started.communicate(timeout=30)  # stdout and stderr have an end, too
    assert (started.returncode, out, err) == (0, b"", b"")
    daemons.until(lambda: daemons.reached(runtime))
    assert os.read(reader, 1) == b""
    os.close(reader)


@pytest.mark.parametrize("ci", ["true", "1", "yes"])
def test_no_launch_starts_a_daemon_in_ci(enabled: Folder, runtime: str, ci: str) -> None:
    done = enabled.launch("gmail", "-v", env={"CI": ci})
    assert done.started
    assert "started a daemon" not in done.err
    assert not os.path.exists(runtime)


def test_no_launch_starts_a_daemon_unasked(folder: Folder, runtime: str) -> None:
    folder.environ["XDG_RUNTIME_DIR"] = os.path.dirname(runtime)
    assert folder.launch("gmail").started
    assert not os.path.exists(runtime)


def test_a_daemon_that_cannot_be_started_stops_no_launch(enabled: Folder, runtime: str) -> None:
    Path(runtime).write_text("")
    done = enabled.launch("gmail")
    assert done.started
    assert done.err == ""


# The user's file.


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", DaemonSettings()),
        ("[daemon]", DaemonSettings()),
        ("[daemon]\nenabled = true", DaemonSettings(enabled=True)),
        ("[daemon]\nenabled = true\ncache = 30", DaemonSettings(enabled=True, cache=30.0)),
        ("[daemon]\ncache = 0.5", DaemonSettings(cache=0.5)),
    ],
)
def test_the_users_file_says_whether_there_is_a_daemon(
    tmp_path: Path, text: str, found: DaemonSettings
) -> None:
    home = Home(tmp_path)
    home.user(text + "\n[services.gmail]\nconnection_name = 'g'\n")
    assert home.load().settings.daemon == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("daemon = true", "daemon: must be a table"),
        ("[daemon]\nenabled = 1", "[daemon] enabled: must be true or false"),
        ("[daemon]\ncache = true", "[daemon] cache: must be seconds"),
        ("[daemon]\ncache = -1", "[daemon] cache: must be seconds"),
        ("[daemon]\ncache = 3601", "[daemon] cache: must be seconds"),
        ("[daemon]\ncache = nan", "[daemon] cache: must be seconds"),
        ("[daemon]\ncache = '5'", "[daemon] cache: must be seconds"),
        ("[daemon]\nidle = 5", "[daemon] idle: unknown key"),
    ],
)
def test_what_it_says_of_the_daemon_wrongly_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    home = Home(tmp_path)
    home.user(text + "\n")
    with pytest.raises(ConfigurationError) as caught:
        home.load()
    assert message in caught.value.message


def test_a_project_may_not_speak_of_the_daemon(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.map("[daemon]\nenabled = true\n")
    with pytest.raises(ConfigurationError) as caught:
        config.load(None, home.environ, str(home.project))
    assert caught.value.code == "config-invalid"
    assert "daemon" in caught.value.message


# The commands.


def auth(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    environ |= {"XDG_RUNTIME_DIR": os.environ["XDG_RUNTIME_DIR"]} | env
    return subprocess.run(
        [AUTH, "daemon", *words],
        env=environ,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def told(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    assert list(found) == ["version", "pid", "since", "served", "connections"]
    assert found["version"] == 1
    return found


def test_the_commands_start_it_look_at_it_and_stop_it(runtime: str) -> None:
    absent = auth("status", "--json")
    assert absent.returncode == 1
    assert told(absent)["pid"] is None
    started = auth("start", "--json")
    assert started.returncode == 0, started.stderr
    pid = told(started)["pid"]
    assert pid == daemons.reached(runtime)
    assert parse_rfc3339(told(started)["since"]) == pytest.approx(time.time(), abs=30)
    again = auth("start", "--json")
    assert told(again)["pid"] == pid
    assert "runs already" in again.stderr
    there = auth("status")
    assert there.returncode == 0
    assert f"the daemon runs, pid {pid}, since " in there.stdout
    stopped = auth("stop", "--json")
    assert stopped.returncode == 0
    assert told(stopped)["pid"] is None
    assert not os.path.exists(os.path.join(runtime, place.SOCKET))
    assert auth("stop").returncode == 0


@LINUX
def test_what_it_remembers_is_the_users_choice(runtime: str) -> None:
    own = Path.home() / ".config" / "scalekit-exec" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text("[daemon]\ncache = 7\n")
    for words, cache in (((), b"7"), (("--cache", "9"), b"9")):
        pid = told(auth("start", "--json", *words))["pid"]
        assert cache in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        assert auth("stop").returncode == 0
    assert auth("start", "--cache", "3601").returncode == 2


def test_a_daemon_that_launches_pass_over_is_told_of_and_can_be_stopped(runtime: str) -> None:
    pid = told(auth("start", "--json"))["pid"]
    os.kill(pid, signal.SIGSTOP)
    for word in ("status", "start"):
        done = auth(word)
        assert done.returncode == 1
        assert f"launches pass over, pid {pid}: it does not answer" in done.stderr
    os.kill(pid, signal.SIGCONT)
    assert auth("stop").returncode == 0


def test_a_folder_that_is_not_private_is_refused(runtime: str) -> None:
    os.mkdir(runtime)
    os.chmod(runtime, 0o755)
    done = auth("start")
    assert done.returncode == 1
    assert "error[config-invalid]" in done.stderr
    assert "open to others (mode 0755)" in done.stderr


def test_without_a_home_there_is_no_place_for_it() -> None:
    done = subprocess.run(
        [AUTH, "daemon", "start"],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "set HOME or XDG_RUNTIME_DIR" in done.stderr


# The connections that it keeps.


def ends() -> tuple[Any, Any]:
    return socket.socketpair()


def test_a_kept_connection_that_the_other_side_ended_is_not_handed_out() -> None:
    pool = Pool()
    here, there = ends()
    pool.give(here, used=True)
    there.close()
    assert pool.take() is None
    assert here.fileno() == -1


def test_a_kept_connection_with_something_unasked_for_is_not_handed_out() -> None:
    pool = Pool()
    here, there = ends()
    pool.give(here, used=True)
    there.sendall(b"HTTP/1.1 200 OK\r\n")
    assert pool.take() is None
    fresh, other = ends()
    pool.give(fresh, used=False)
    other.sendall(b"a session ticket")
    assert pool.take() == (fresh, False)
    for each in (there, fresh, other):
        each.close()


def test_no_more_connections_are_kept_than_a_few() -> None:
    pool = Pool()
    pairs = [ends() for _ in range(MOST_IDLE + 2)]
    for here, _ in pairs:
        pool.give(here, used=True)
    assert len(pool) == MOST_IDLE
    assert [here.fileno() == -1 for here, _ in pairs] == [False] * MOST_IDLE + [True] * 2
    pool.close()
    late, other = ends()
    pool.give(late, used=True)
    assert {each.fileno() for each in (late, *(here for here, _ in pairs))} == {-1}
    for _, there in (*pairs, (late, other)):
        there.close()


def test_a_connection_is_not_kept_longer_than_networks_keep_it() -> None:
    assert 60 <= LONGEST_IDLE < 300
