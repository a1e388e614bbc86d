"""Whom the two ends of the daemon's socket trust: themselves alone, of one version, and in time."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalekit_exec.clock import Deadline
from scalekit_exec.daemon import place, process, request, wire
from scalekit_exec.daemon.client import AbsentError, Caller, Connection, PassedOverError
from scalekit_exec.daemon.entry import Entries
from scalekit_exec.daemon.server import MOST_CLIENTS, PATIENCE
from scalekit_exec.model import AccountKey, ClientCredentials
from scalekit_exec.record import replace
from scalekit_exec.secret import Secret
from tests.support import daemons
from tests.support.servers import closed_port

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.daemons import Running
    from tests.support.launches import Folder

OTHER = 65534
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
SECRET = "secret-of-a-test-4f1d9c"
CLIENT = ClientCredentials("skc_1", Secret(SECRET), "https://acme.example", "a test")
CALLER = Caller(CLIENT, {}, Deadline(30), lambda _: None)
REQUEST = CALLER.request("credential", "launch", AccountKey("gmail_1", "mess"), {})


class Impostor:
    """Something in the daemon's place: it says what it was told to and keeps what it hears."""

    def __init__(self, folder: Path, *says: bytes) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.socket = folder / place.SOCKET
        self.heard = b""
        self._says = says
        self._listener = socket.socket(socket.AF_UNIX)
        with tempfile.TemporaryDirectory(dir="/tmp") as short:
            self._listener.bind(f"{short}/s")
            os.rename(f"{short}/s", self.socket)
        os.chmod(self.socket, 0o700)
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]

    def __enter__(self) -> Self:
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(10)

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(peer,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, peer: socket.socket) -> None:
        with peer, contextlib.suppress(OSError):  # the launch goes away in the middle, as it should
            for each in self._says:
                peer.sendall(each)
            while data := peer.recv(65536):
                self.heard += data


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where this test's daemon has its folder."""
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    return daemons.runtime(tmp_path) / "scalekit-exec"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Running]:
    with daemons.running(tmp_path) as running:
        yield running


GOOD = wire.write(wire.GREETING)
GREETINGS = {
    "older": wire.write({**wire.GREETING, "version": wire.VERSION - 1}),
    "newer": wire.write({**wire.GREETING, "version": wire.VERSION + 1}),
    "of another network": wire.write({**wire.GREETING, "network": "4:1"}),
    "of another release": wire.write({**wire.GREETING, "release": "0.0.9"}),
    "of another program": b"220 mail.example ESMTP\r\n",
    "silent": b"",
    "no object": b"\0\0\0\x02[]",
    "no JSON": b"\0\0\0\x02{]",
    "too long": b"\xff\xff\xff\xff",
    "deeply nested": (200000).to_bytes(4, "big") + b"[" * 200000,
}


@pytest.mark.parametrize("said", GREETINGS.values(), ids=GREETINGS.keys())
def test_a_daemon_that_is_none_of_ours_is_passed_over_and_told_nothing(
    folder: Folder, runtime: Path, said: bytes
) -> None:
    folder.environ["XDG_RUNTIME_DIR"] = str(runtime.parent)
    with Impostor(runtime, said) as impostor:
        done = folder.launch("gmail", "slack")
        assert done.started
        assert done.err == ""
    assert impostor.heard == b""


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\x02{}", wire.write({"acknowledged": 1.5})])
def test_a_daemon_that_does_not_acknowledge_is_passed_over_in_time(
    folder: Folder, runtime: Path, answer: bytes
) -> None:
    folder.environ["XDG_RUNTIME_DIR"] = str(runtime.parent)
    with Impostor(runtime, GOOD, answer):
        done = folder.launch("gmail", "slack", "-v")
    assert done.started
    assert "the daemon is passed over: it does not acknowledge" in done.err


@pytest.mark.parametrize("answer", [{}, {"body": 1}, {"body": {}, "as_of": None}, {"error": 3}])
def test_an_answer_with_nothing_in_it_leaves_it_to_the_launch(
    folder: Folder, runtime: Path, answer: dict[str, object]
) -> None:
    folder.environ["XDG_RUNTIME_DIR"] = str(runtime.parent)
    with Impostor(runtime, GOOD, wire.write(wire.ACKNOWLEDGED), wire.write(answer)):
        assert folder.launch("gmail").started


def test_a_daemon_that_is_stopped_costs_a_fifth_of_a_second(daemon: Running) -> None:
    os.kill(daemon.pid, signal.SIGSTOP)
    started = time.monotonic()
    with pytest.raises(PassedOverError, match="does not answer"):
        Connection(daemon.folder)
    assert 0.15 < time.monotonic() - started < 1


def test_after_the_acknowledgement_the_launchs_own_deadline_counts(
    folder: Folder, runtime: Path
) -> None:
    folder.environ["XDG_RUNTIME_DIR"] = str(runtime.parent)
    with Impostor(runtime, GOOD, wire.write(wire.ACKNOWLEDGED)):
        started = time.monotonic()
        done = folder.launch("gmail", "--timeout", "0.6")
    assert "error[timed-out]" in done.err
    assert 0.6 <= time.monotonic() - started < 5


# The folder and the socket.


@pytest.mark.parametrize("mode", [0o750, 0o705, 0o701, 0o777])
def test_a_folder_that_is_open_to_others_is_passed_over(
    folder: Folder, runtime: Path, mode: int
) -> None:
    folder.environ["XDG_RUNTIME_DIR"] = str(runtime.parent)
    with Impostor(runtime, GOOD) as impostor:
        runtime.chmod(mode)
        assert folder.launch("gmail").err == ""
        with pytest.raises(PassedOverError, match=f"open to others.*{mode:04o}"):
            Connection(str(runtime))
        with pytest.raises(PermissionError):
            process.start(str(runtime))
    assert impostor.heard == b""


def test_a_folder_that_is_a_link_is_passed_over(runtime: Path, tmp_path: Path) -> None:
    with Impostor(tmp_path / "real", GOOD):
        runtime.symlink_to(tmp_path / "real")
        with pytest.raises(PassedOverError):
            Connection(str(runtime))


def test_a_socket_that_is_open_to_others_or_none_is_passed_over(runtime: Path) -> None:
    with Impostor(runtime, GOOD) as impostor:
        impostor.socket.chmod(0o770)
        with pytest.raises(PassedOverError, match="its socket is open to others"):
            Connection(str(runtime))
        impostor.socket.rename(runtime / "real")
        impostor.socket.symlink_to(runtime / "real")
        with pytest.raises(PassedOverError, match="its socket"):
            Connection(str(runtime))
        impostor.socket.unlink()
        impostor.socket.write_text("")
        impostor.socket.chmod(0o600)
        with pytest.raises(PassedOverError, match="its socket is none"):
            Connection(str(runtime))
        impostor.socket.unlink()
        with pytest.raises(AbsentError):
            Connection(str(runtime))


def test_a_folder_with_a_long_path_will_do(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["a-folder-with-a-rather-long-name"] * 5)
    deep.mkdir(parents=True)
    with daemons.running(deep) as daemon:
        assert len(daemon.socket) > 200
        assert daemon.status()["pid"] == daemon.pid


def test_the_folder_is_in_the_runtime_folder_if_that_is_the_users(
    tmp_path: Path, runtime: Path
) -> None:
    home = str(tmp_path)
    given = {"HOME": home, "XDG_RUNTIME_DIR": str(runtime.parent)}
    assert place.folder(given) == str(runtime)
    cache = f"{home}/Library/Caches" if sys.platform == "darwin" else f"{home}/.cache"
    for wrong in ("", "relative", str(tmp_path / "absent"), "/dev/null", "\0"):
        assert place.folder({**given, "XDG_RUNTIME_DIR": wrong}) == f"{cache}/scalekit-exec"
    assert place.folder({"HOME": home, "XDG_CACHE_HOME": "/c"}) == "/c/scalekit-exec"
    assert place.folder({}) is None
    assert place.folder({"HOME": "relative"}) is None


# Somebody else. The tests lower the walls before the one that they are about.


@pytest.fixture
def public() -> Iterator[Path]:
    """Return a folder that everybody can reach."""
    path = Path(tempfile.mkdtemp(dir="/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


# A Python that only its owner can start becomes somebody else when it has started.
BECOME = """
import os, socket, sys
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
"""


def as_somebody_else(code: str, *words: str) -> str:
    """Run Python code as another user and return what it printed."""
    return subprocess.run(
        [sys.executable, "-c", BECOME + code, *words],
        env={},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    ).stdout


REACH = """
with socket.socket(socket.AF_UNIX) as s:
    s.settimeout(5)
    try:
        s.connect(sys.argv[1])
        print(len(s.recv(100)))
    except OSError as error:
        print(type(error).__name__)
"""


@AS_ROOT
def test_another_user_does_not_get_as_far_as_the_socket(public: Path) -> None:
    with daemons.running(public) as daemon:
        assert as_somebody_else(REACH, daemon.socket).strip() == "PermissionError"


@AS_ROOT
def test_another_user_gets_no_word_out_of_a_daemon_whose_folder_was_opened(public: Path) -> None:
    with daemons.running(public) as daemon:
        for path, mode in ((public / "run", 0o755), (daemon.folder, 0o755), (daemon.socket, 0o777)):
            os.chmod(path, mode)
        assert as_somebody_else(REACH, daemon.socket).strip() == "0"
        os.chmod(daemon.socket, 0o700)
        os.chmod(daemon.folder, 0o700)
        assert daemon.status()["pid"] == daemon.pid


@AS_ROOT
def test_a_launch_tells_nothing_to_another_users_daemon(public: Path) -> None:
    with Impostor(public / "x", GOOD) as impostor:
        os.chown(public / "x", OTHER, OTHER)
        with pytest.raises(PassedOverError, match="somebody else"):
            Connection(str(public / "x"))
        os.chown(public / "x", os.geteuid(), -1)
        os.chown(impostor.socket, OTHER, OTHER)
        with pytest.raises(PassedOverError, match="its socket belongs to somebody else"):
            Connection(str(public / "x"))
    assert impostor.heard == b""


LISTEN = """
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1] + "/daemon.sock")
os.chmod(sys.argv[1] + "/daemon.sock", 0o700)
s.listen()
print("ready", flush=True)
peer, _ = s.accept()
try:
    peer.sendall(bytes.fromhex(sys.argv[2]))
    print(len(peer.recv(100)), flush=True)
except OSError:
    print(0, flush=True)
"""


@AS_ROOT
def test_a_launch_asks_the_kernel_who_listens(public: Path) -> None:
    folder = public / "x"
    folder.mkdir(mode=0o700)
    os.chown(folder, OTHER, OTHER)
    words = [sys.executable, "-c", BECOME + LISTEN, str(folder), GOOD.hex()]
    listening = subprocess.Popen(words, env={}, stdout=subprocess.PIPE, text=True)
    assert listening.stdout is not None
    with listening:
        assert listening.stdout.readline() == "ready\n"
        for path in (folder, folder / place.SOCKET):  # now folder and socket look like ours
            os.chown(path, os.geteuid(), -1)
        with pytest.raises(PassedOverError, match="it is somebody else's"):
            Connection(str(folder))
        assert listening.stdout.readline() == "0\n"


LOOK = """
import sys
for name in ("mem", "environ", "maps"):
    try:
        open(f"/proc/{sys.argv[1]}/{name}", "rb").read(1)
        print("open")
    except PermissionError:
        print("shut")
"""
START = """
import os, sys, time
from scalekit_exec.daemon import client, process
process.start(sys.argv[1], idle=60)
while True:
    try:
        print(client.Connection(sys.argv[1]).pid)
        break
    except client.PassedOverError:
        time.sleep(0.01)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere SECURITY.md states the limit")
def test_not_even_the_same_user_can_look_into_the_daemon(public: Path) -> None:
    # Root may look anywhere, so it becomes somebody, with a Python and a copy that they can read.
    root = os.geteuid() == 0
    python = "/usr/bin/python3" if root else sys.executable
    if not os.path.exists(python):
        pytest.skip("there is no Python that somebody other than root can start")
    shutil.copytree(Path(process.__file__).parent.parent, public / "copy" / "scalekit_exec")
    public.chmod(0o777)
    somebody: Any = {"user": OTHER, "group": OTHER, "extra_groups": []} if root else {}

    def output(code: str, word: str) -> list[str]:
        lead = f"import sys; sys.path.insert(0, {str(public / 'copy')!r})\n"
        words = [python, "-B", "-c", lead + code, word]
        return str(subprocess.check_output(words, env={}, cwd="/", text=True, **somebody)).split()

    (pid,) = output(START, str(public / "run"))
    try:
        assert output(LOOK, pid) == ["shut"] * 3
    finally:
        os.kill(int(pid), signal.SIGTERM)
    daemons.until(lambda: not os.path.exists(public / "run" / place.SOCKET))


# Requests.


def converse(daemon: Running, data: bytes) -> bytes:
    """Send these bytes after the greeting; return what comes back until the end."""
    with socket.socket(socket.AF_UNIX) as peer:
        peer.settimeout(10)
        descriptor = place.open_folder(daemon.folder)
        peer.connect(place.address(daemon.folder, descriptor) or "")
        os.close(descriptor)
        wire.read(peer, wire.LONGEST_REQUEST)
        found = b""
        with contextlib.suppress(ConnectionError):  # it may end before it has read all of it
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            while more := peer.recv(65536):
                found += more
        return found


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=6,
)


def test_malformed_requests_are_answered_with_nothing_and_leave_it_up(daemon: Running) -> None:
    nothing = (b"", wire.write(wire.ACKNOWLEDGED))

    @given(st.binary(max_size=40))
    @settings(max_examples=150)
    def bytes_that_are_no_message(data: bytes) -> None:
        assert converse(daemon, data) in nothing

    @given(st.sampled_from(sorted(REQUEST)), JSON)
    @settings(max_examples=300)
    def a_message_with_one_wrong_value(name: str, value: object) -> None:
        if name in ("launch", "fields", "marks", "min_ttl", "seconds", "way"):
            value = [value]
        message = {**REQUEST, name: value, "left": 0.01}
        if name == "left":
            message["left"] = [value]
        said = converse(daemon, wire.write(message))
        assert SECRET.encode() not in said

    bytes_that_are_no_message()
    a_message_with_one_wrong_value()
    assert daemon.status()["pid"] == daemon.pid


def test_a_request_that_does_not_come_is_not_waited_for(daemon: Running) -> None:
    with contextlib.ExitStack() as ends:
        silent = []

        def come_in() -> bool:
            try:
                silent.append(Connection(daemon.folder, patience=10))
            except PassedOverError:
                return False
            ends.callback(silent[-1].close)
            return True

        assert [come_in() for _ in range(MOST_CLIENTS)] == [True] * MOST_CLIENTS
        assert not come_in()
        daemons.until(lambda: come_in() and len(silent) >= 2 * MOST_CLIENTS, PATIENCE + 8)
    assert daemon.status()["pid"] == daemon.pid


def test_a_failure_that_is_remembered_keeps_nothing_of_what_was_sent() -> None:
    url = f"https://127.0.0.1:{closed_port()}"
    caller = Caller(replace(CLIENT, env_url=url), {}, Deadline(5), lambda _: None)
    key = AccountKey("gmail_1", "mess")
    read = request.read(caller.request("credential", "launch", key, {}))
    entry = Entries(0).find(read)
    for _ in range(2):  # the second time it is the failure that was kept
        assert entry.answer(read) == {}, "the launch is to try by itself"
        assert entry._shared.failed is not None
        kept = entry._shared.failed[1]
        assert kept.code == "unreachable"
        assert kept.__traceback__ is None
        assert kept.__context__ is kept.__cause__ is None


@given(st.text(max_size=5), st.sampled_from(["client_id", "env_url", "client_secret"]))
def test_other_credentials_never_have_the_same_digest(text: str, name: str) -> None:
    read = request.read(REQUEST)
    value: object = text if name != "client_secret" else Secret(text)
    other = replace(read, client=replace(read.client, **{name: value}))
    salt = os.urandom(64)
    assert read.digest(salt) == request.read(json.loads(json.dumps(REQUEST))).digest(salt)
    assert read.digest(salt) != other.digest(salt)
    assert read.digest(salt) != read.digest(os.urandom(64))
    for way in ({"https_proxy": text}, {"SSL_CERT_FILE": text}):
        assert read.digest(salt) != replace(read, way=way).digest(salt)
    assert read.digest(salt) != replace(read, marks={text: None}).digest(salt)
