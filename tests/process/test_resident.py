"""A launch that stays is no other to its caller and its child than one that does not."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.processes import (
    DIRECT,
    RESET,
    Launcher,
    Start,
    as_pid_1,
    probe,
    run,
    signal_state,
    wait_for,
)

if TYPE_CHECKING:
    from collections.abc import Callable

STAYER = str(Path(__file__).parent.parent / "support" / "stayer.py")
PATH = os.environ["PATH"]
SECRET = "hush-hush-0123456789"
BARE = Launcher("bare", (sys.executable, "-P", STAYER))
HIDING = Launcher("hiding", ("/usr/bin/env", f"HIDE={SECRET}", *BARE.prefix))
DEATHS = [signal.SIGTERM, signal.SIGKILL, signal.SIGINT, signal.SIGSEGV, signal.SIGHUP]
# Says that it is there, then waits for a signal; a shell takes none while its own child runs.
READY_THEN_SLEEP = "import signal, sys, time; {}; open(sys.argv[1], 'w').close(); time.sleep(20)"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture(params=[BARE, HIDING], ids=str)
def stayer(request: pytest.FixtureRequest) -> Launcher:
    found = request.param
    assert isinstance(found, Launcher)
    return found


def waiting(ready: Path, do: str = "pass") -> tuple[str, ...]:
    """Return a command that creates the file and waits; `do` comes before that."""
    return (sys.executable, "-c", READY_THEN_SLEEP.format(do), str(ready))


def eventually(true: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state not in "ZX"


@pytest.mark.parametrize("status", [0, 1, 2, 42, 125, 255])
def test_a_child_s_status_is_passed_on(stayer: Launcher, status: int) -> None:
    assert run(stayer.words("sh", "-c", f"exit {status}")).returncode == status


@pytest.mark.parametrize("number", DEATHS, ids=lambda number: number.name)
def test_a_child_s_death_by_signal_is_passed_on(stayer: Launcher, number: int) -> None:
    assert run(stayer.words("sh", "-c", f"kill -{number} $$")).returncode == -number


def test_a_child_of_a_background_launch_finds_the_same_group_and_session(stayer: Launcher) -> None:
    done = run(stayer.words("ps", "-o", "pgid=,sid=", "-p", "1"))
    assert done.returncode == 0
    script = "import os; print(os.getpgid(0) == os.getpgid(os.getppid()), os.getsid(0) == os.getsid(os.getppid()))"  # noqa: E501
    assert run(stayer.words(sys.executable, "-c", script)).stdout == b"True True\n"


# glibc's own two, which posix_spawn leaves ignored and which no program can use.
OF_THE_C_LIBRARY = {32, 33}
SIGNALS = {
    "nothing special": Start(),
    "nohup": Start(ignored=frozenset({signal.SIGHUP})),
    "a background job of sh": Start(ignored=frozenset({signal.SIGINT, signal.SIGQUIT})),
    "blocked": Start(blocked=frozenset({signal.SIGUSR1, signal.SIGINT, signal.SIGCHLD})),
    "ignored and blocked": Start(
        ignored=frozenset({signal.SIGTSTP, signal.SIGWINCH, signal.SIGTERM, signal.SIGRTMIN}),
        blocked=frozenset({signal.SIGHUP, signal.SIGPIPE, signal.SIGRTMAX}),
    ),
    "faulthandler over an ignored SIGSEGV": Start(
        ignored=frozenset({signal.SIGSEGV}), environ={"PATH": PATH, "PYTHONFAULTHANDLER": "1"}
    ),
}


@pytest.mark.parametrize("start", SIGNALS.values(), ids=SIGNALS.keys())
def test_signals_and_mask_are_as_the_caller_had_them(stayer: Launcher, start: Start) -> None:
    ours = signal_state(stayer, start)
    ours["SigIgn"] -= OF_THE_C_LIBRARY
    assert ours == signal_state(DIRECT, start)


def test_what_python_ignores_and_sigchld_go_back_to_the_default(stayer: Launcher) -> None:
    start = Start(ignored=frozenset(RESET | {signal.SIGCHLD, signal.SIGHUP}))
    ignored = signal_state(stayer, start)["SigIgn"] - OF_THE_C_LIBRARY
    assert ignored == {signal.SIGHUP}


@pytest.mark.parametrize("closed", [(), (0,), (1,), (2,), (0, 1, 2)], ids=str)
def test_descriptors_are_the_caller_s(tmp_path: Path, closed: tuple[int, ...]) -> None:
    reading, writing = os.pipe()
    with closing(os.fdopen(reading, "rb")), closing(os.fdopen(writing, "wb")):
        start = Start(closed=frozenset(closed), open=(reading, writing))
        seen = [probe(each, start, tmp_path / "report") for each in (DIRECT, BARE, HIDING)]
    direct, *others = ({n: t for n, t in s.descriptors.items() if "/proc/" not in t} for s in seen)
    assert others == [direct, direct]  # what goes to /dev/null is not relayed
    assert {reading, writing} <= direct.keys()


def test_while_hiding_a_pipe_stays_a_pipe_and_nothing_more_is_inherited(tmp_path: Path) -> None:
    """The child's stdout goes through us: another pipe, but a pipe."""
    script = "import os; print([(n, os.readlink(f'/proc/self/fd/{n}')[:5]) for n in range(9) if os.path.exists(f'/proc/self/fd/{n}')])"  # noqa: E501
    done = run(HIDING.words(sys.executable, "-I", "-c", script))
    assert done.stdout.startswith(b"[(0, 'pipe:'), (1, 'pipe:'), (2, 'pipe:')")
    assert done.stdout.count(b"pipe:") == 3
    del tmp_path


def test_environment_argv_and_core_limit_pass_to_the_byte(stayer: Launcher, tmp_path: Path) -> None:
    odd = os.fsdecode(b"\xff\xfe=\xc3\xa9 \xe9\n\x80")
    start = Start(
        core=(0, resource.getrlimit(resource.RLIMIT_CORE)[1]),
        environ={"PATH": PATH, "LANG": "C.UTF-8", "ODD": odd, "EMPTY": ""},
    )
    words = ("", "\udcff\udc80", "é", "--", "a\nb")
    direct, ours = (probe(each, start, tmp_path / "report", *words) for each in (DIRECT, stayer))
    assert (ours.argv, ours.environ) == (direct.argv, direct.environ)
    assert ours.core == (1 if direct.core[1] else 0, direct.core[1])


def test_stdin_is_untouched_by_us(stayer: Launcher, tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"one\ntwo\nthree\n")
    line = 'exec < "$0"; "$@" sh -c "read a; echo $a"; read second; echo $second'
    done = run(["bash", "-c", line, str(file), *stayer.prefix])
    assert done.stdout.split() == [b"two"]  # the child's $a is empty: bash has filled it in
    data = bytes(range(256)) * 5000
    assert run(stayer.words("cat"), stdin=data).stdout == data


def test_a_script_without_a_first_line_is_run_by_the_shell(
    stayer: Launcher, tmp_path: Path
) -> None:
    script = tmp_path / "script"
    script.write_text("echo $0 $1\n")
    script.chmod(0o755)
    assert run(stayer.words(str(script), "x")).stdout == f"{script} x\n".encode()


def test_what_cannot_be_started_is_told_as_ever(stayer: Launcher, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(b"\x7fELF\0\0\0\0")
    program.chmod(0o755)
    done = run(stayer.words(str(program)))
    assert done.returncode == 126
    assert b"error[not-executable]" in done.stderr


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2],
    ids=lambda number: number.name,
)
def test_without_a_terminal_signals_are_forwarded(
    stayer: Launcher, tmp_path: Path, number: int
) -> None:
    ready = tmp_path / "ready"
    do = f"signal.signal({int(number)}, lambda *_: sys.exit(7))"
    with PLAIN.popen(stayer.words(*waiting(ready, do))) as process:
        wait_for(ready, process)
        process.send_signal(number)
        assert process.wait(15) == 7


def test_a_signal_that_the_caller_ignored_is_not_forwarded(
    stayer: Launcher, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    start = Start(ignored=frozenset({signal.SIGHUP}))
    do = "signal.signal(1, lambda *_: sys.exit(7)); signal.signal(15, lambda *_: sys.exit(8))"
    with start.popen(stayer.words(*waiting(ready, do))) as process:
        wait_for(ready, process)
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 8


PLAIN = Start()


def test_a_second_term_kills_the_child_and_all_that_it_started(
    stayer: Launcher, tmp_path: Path
) -> None:
    ready, told = tmp_path / "ready", tmp_path / "told"
    do = (
        "import subprocess; signal.signal(15, lambda *_: open(sys.argv[1] + '2', 'w').close());"
        "p = subprocess.Popen(['sh', '-c', 'trap \"\" TERM; sleep 20 & echo $! > "
        f"{told}; wait'])"
    )
    with PLAIN.popen(stayer.words(*waiting(ready, do))) as process:
        wait_for(ready, process)
        assert eventually(lambda: told.exists() and bool(told.read_text().strip()))
        grandchild = int(told.read_text())
        process.send_signal(signal.SIGTERM)
        wait_for(tmp_path / "ready2", process)  # the child survives the first
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == -signal.SIGKILL
    assert eventually(lambda: not is_alive(grandchild))


def test_what_the_child_leaves_running_lives_on_and_does_not_hold_us(
    stayer: Launcher, tmp_path: Path
) -> None:
    told = tmp_path / "pid"
    start = time.monotonic()
    done = run(stayer.words("sh", "-c", f"sleep 5 & echo $! > {told}; echo done"))
    # `run` reads until the pipe ends, which the sleep keeps open where it has our own.
    took = time.monotonic() - start
    assert done.stdout == b"done\n"
    assert done.returncode == 0
    if stayer is HIDING:
        assert took < 3
    assert is_alive(int(told.read_text())) or stayer is BARE
    os.kill(int(told.read_text()), signal.SIGKILL) if stayer is HIDING else None


def test_all_that_was_written_before_the_child_s_end_arrives_however_slow_the_reader() -> None:
    words = HIDING.words(sys.executable, "-c", "print('x' * 900_000)")
    with PLAIN.popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        count = 0
        while data := os.read(process.stdout.fileno(), 65536):
            count += len(data)
            time.sleep(0.05)  # in all much longer than we drain
        assert count == 900_001
    assert process.returncode == 0


def test_a_chatty_grandchild_does_not_hold_us() -> None:
    done = run(HIDING.words("sh", "-c", "yes & echo $! >&2; exit 5"), seconds=10)
    assert done.returncode == 5
    assert eventually(lambda: not is_alive(int(done.stderr)))  # our end of its pipe is closed


def test_a_reader_who_goes_is_the_child_s_sigpipe() -> None:
    line = '"$@" yes | head -n 1; echo "${PIPESTATUS[0]}"'
    done = run(["bash", "-c", line, "bash", *HIDING.prefix])
    assert done.stdout == f"y\n{128 + signal.SIGPIPE}\n".encode()


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full disk here")
def test_output_that_could_not_be_written_is_no_success() -> None:
    with open("/dev/full", "wb") as full:
        words = HIDING.words("echo", "lost")
        with PLAIN.popen(words, stdout=full.fileno(), stderr=subprocess.PIPE) as process:
            err = process.communicate(timeout=10)[1]
    assert process.returncode == 125
    assert b"stdout could not be written: no space left" in err


def test_stdout_and_stderr_are_hidden_each_and_stay_apart() -> None:
    script = f"echo a {SECRET}; echo b {SECRET} >&2; echo {SECRET[:9]}; echo {SECRET[9:]} >&2"
    done = run(HIDING.words("sh", "-c", script))
    assert done.stdout == f"a [REDACTED]\n{SECRET[:9]}\n".encode()
    assert done.stderr == f"b [REDACTED]\n{SECRET[9:]}\n".encode()


def test_one_pipe_for_both_keeps_their_order() -> None:
    script = "for i in 1 2 3 4 5 6; do echo out $i; echo err $i >&2; done"
    done = run(["bash", "-c", '"$@" 2>&1', "bash", *HIDING.words("sh", "-c", script)])
    expected = "".join(f"out {i}\nerr {i}\n" for i in range(1, 7))
    assert done.stdout == expected.encode()


def test_a_drip_faster_than_we_let_go_is_hidden_whole() -> None:
    script = f"""
import os, time
gap, last = 0, time.monotonic()
for byte in {SECRET.encode()!r}:
    os.write(1, bytes([byte]))
    gap, last = max(gap, time.monotonic() - last), time.monotonic()
    time.sleep(.005)
print(gap, file=__import__("sys").stderr)
"""
    while True:
        done = run(HIDING.words(sys.executable, "-c", script))
        if float(done.stderr) < 0.04:  # else the machine held the child up: that was no fast drip
            break
    assert done.stdout == b"[REDACTED]"


def test_of_a_slower_drip_what_follows_the_part_that_was_let_go_is_hidden() -> None:
    script = f"import os, time; [(os.write(1, bytes([b])), time.sleep(.08)) for b in b'{SECRET}']"
    out = run(HIDING.words(sys.executable, "-c", script)).stdout.decode()
    shown, mask, rest = out.partition("[REDACTED]")
    # A quarter at most; less where the machine held us up and several bytes came at once.
    assert shown in [SECRET[:n] for n in range(1, len(SECRET) // 4 + 1)]
    assert (mask, rest) == ("[REDACTED]", "")


def test_a_prompt_is_seen_within_100_ms_though_it_ends_as_a_secret_begins() -> None:
    script = f"import sys, time; print('{SECRET[:6]}', end='', flush=True); print(time.monotonic(), file=sys.stderr, flush=True); time.sleep(1)"  # noqa: E501
    words = HIDING.words(sys.executable, "-c", script)
    with PLAIN.popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        written = float(process.stderr.readline())
        assert os.read(process.stdout.fileno(), 100) == SECRET[:6].encode()
        seen = time.monotonic()
        assert process.poll() is None
        process.kill()
    assert seen - written < 0.1


def test_the_callback_comes_at_the_child_s_end_not_at_that_of_its_output(tmp_path: Path) -> None:
    served = tmp_path / "served"
    start = Start(environ={"PATH": PATH, "SERVED": str(served)})
    done = run(HIDING.words("sh", "-c", "sleep 1 & exit 0"), start)
    assert done.returncode == 0
    assert served.exists()


def test_as_pid_1_orphans_are_reaped_and_a_death_is_128_and_its_number(stayer: Launcher) -> None:
    orphan = "(sh -c 'sleep 0.05' &) ; sleep 0.3; ps -e -o stat= | grep -c Z; kill -9 $$"
    mount = 'mount -t proc proc /proc 2>/dev/null; exec "$@"'
    words = [*as_pid_1("--mount"), "sh", "-c", mount, "sh", *stayer.words("sh", "-c", orphan)]
    done = run(words)
    assert done.returncode == 128 + signal.SIGKILL
    assert done.stdout == b"0\n"


def test_as_pid_1_signals_are_forwarded(stayer: Launcher, tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    do = "signal.signal(15, lambda *_: sys.exit(7))"
    kill = f"while ! [ -e {ready} ]; do sleep 0.02; done; kill -TERM 1"
    words = ["sh", "-c", 'sh -c "$0" & exec "$@"', kill, *stayer.words(*waiting(ready, do))]
    assert run([*as_pid_1(), *words], seconds=10).returncode == 7


def test_a_child_cannot_look_into_our_memory_or_environment(stayer: Launcher) -> None:
    look = "head -c 1 /proc/$PPID/environ; head -c 1 /proc/$PPID/mem; exit 0"
    # Nothing stops root: without capabilities it is a user as any other.
    bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    ours = run([*bare, *stayer.words("sh", "-c", look)])
    assert (ours.stdout, ours.stderr.count(b"Permission denied")) == (b"", 2)
    other = run([*bare, "sh", "-c", f"sh -c '{look}'; true"])
    assert b"environ" not in other.stderr, "the test itself sees nothing"
