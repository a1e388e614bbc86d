"""A launch that hides its child's output, at a terminal: nothing else is to be noticed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "hush-hush-0123456789"
STAYER = str(Path(__file__).parent.parent / "support" / "stayer.py")
WORDS = ["/usr/bin/env", f"HIDE={SECRET}", sys.executable, "-P", STAYER]
ENVIRON = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "TERM": "xterm", "PS1": "$ "}
# Root may mount, and others go another way. Debian's own Python is one that all may read.
DROP = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
ROOT = str(Path(__file__).parent.parent.parent)
ANYBODY = [*DROP, *WORDS[:2], f"PYTHONPATH={ROOT}", "/usr/bin/python3", "-BP", STAYER]


def _can_be_read_by_anybody() -> bool:
    """Tell whether this tree lies where another user gets at it, and there is a way to be one."""
    if os.geteuid() != 0 or not shutil.which("setpriv") or not os.path.exists("/usr/bin/python3"):
        return False
    look = subprocess.run([*DROP, "test", "-r", STAYER], capture_output=True, check=False)
    return look.returncode == 0


OTHERS = [WORDS, ANYBODY] if _can_be_read_by_anybody() else [WORDS]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only tried on Linux")


def start(*words: str, size: tuple[int, int] = (24, 80)) -> pexpect.spawn[str]:
    """Start a command through a launch that hides, as the first process of a terminal."""
    return pexpect.spawn(
        WORDS[0], [*WORDS[1:], *words], env=ENVIRON, encoding="utf-8", timeout=10, dimensions=size
    )


@pytest.fixture
def shell() -> Iterator[pexpect.spawn[str]]:
    """Return an interactive bash with job control; `$L` is the launch."""
    terminal = pexpect.spawn(
        "bash",
        ["--norc", "--noprofile", "-i"],
        env={**ENVIRON, "L": shlex.join(WORDS)},
        encoding="utf-8",
        timeout=10,
        dimensions=(24, 80),
    )
    terminal.expect_exact("$ ")
    # Or it would tell the terminal to mark what is pasted, all over the output.
    terminal.sendline("bind 'set enable-bracketed-paste off'")
    terminal.expect_exact("$ ")
    yield terminal
    terminal.close(force=True)


def end(terminal: pexpect.spawn[str]) -> str:
    terminal.expect(pexpect.EOF)
    terminal.close()
    return str(terminal.before)


def test_all_three_are_terminals_and_what_is_written_comes_out_as_without_us() -> None:
    check = "import os; print([os.isatty(n) for n in (0, 1, 2)], os.get_terminal_size(1))"
    out = end(start(sys.executable, "-c", check, size=(30, 99)))
    assert out == "[True, True, True] os.terminal_size(columns=99, lines=30)\r\n"


def test_secrets_are_hidden_and_colours_are_kept() -> None:
    out = end(start("sh", "-c", f"ls --color=auto -d /; printf '\\033[31m{SECRET}\\033[0m\\n'"))
    assert "\x1b[0m\x1b[01;34m/\x1b[0m" in out
    assert out.endswith("\x1b[31m[REDACTED]\x1b[0m\r\n")


def test_the_program_itself_is_a_terminal_to_its_child(tmp_path: Path) -> None:
    script = (
        'echo "$GMAIL_TOKEN"; printf "\\033[31m%s\\033[0m\\n" "$GMAIL_TOKEN"; stty size <&1; '
        "read x; stty size <&1; trap 'echo told' INT; echo ready; read y; exit 7"
    )
    words = ["--sandbox", "-q", "-c", "/dev/null", "--redact", "gmail", "--", "sh", "-c", script]
    terminal = pexpect.spawn(
        str(Path(sys.executable).with_name("scalekit-exec")),
        words,
        env={**ENVIRON, "HOME": str(tmp_path)},
        cwd=str(tmp_path),
        encoding="utf-8",
        timeout=20,
        dimensions=(30, 99),
    )
    terminal.expect_exact("[REDACTED]\r\n\x1b[31m[REDACTED]\x1b[0m\r\n30 99\r\n")
    terminal.setwinsize(40, 120)
    terminal.sendline()
    terminal.expect_exact("40 120\r\nready\r\n")
    terminal.sendintr()
    terminal.expect_exact("told\r\n")
    terminal.sendline()
    assert "sandbox-" not in end(terminal)
    assert terminal.exitstatus == 7


def test_stdout_and_stderr_stay_in_order() -> None:
    out = end(start("sh", "-c", "for i in 1 2 3 4 5; do echo a$i; echo b$i >&2; done"))
    assert out.split() == ["a1", "b1", "a2", "b2", "a3", "b3", "a4", "b4", "a5", "b5"]


@pytest.mark.parametrize("words", OTHERS, ids=lambda words: words[0])
def test_the_names_of_the_standard_streams_can_be_written_to(words: list[str]) -> None:
    line = "echo one > /dev/stderr; echo two >> /dev/fd/1; ls -l --color=auto /dev/null >&2"
    words = [*words, "sh", "-c", line]
    terminal = pexpect.spawn(words[0], words[1:], env=ENVIRON, encoding="utf-8", timeout=10)
    assert end(terminal).startswith("one\r\ntwo\r\ncrw")


@pytest.mark.skipif(shutil.which("less") is None, reason="less is not installed")
@pytest.mark.parametrize("words", OTHERS, ids=lambda words: words[0])
def test_less_inside_finds_the_keys_whoever_we_are(words: list[str]) -> None:
    words = [*words, "sh", "-c", "seq 1 100 | less"]
    terminal = pexpect.spawn(words[0], words[1:], env=ENVIRON, encoding="utf-8", timeout=10)
    terminal.expect_exact("23\r\n")
    terminal.send(" ")
    terminal.expect_exact("46\r\n")
    terminal.send("q")
    end(terminal)
    assert terminal.exitstatus == 0


def test_the_controlling_terminal_and_stdin_are_the_user_s_own() -> None:
    script = (
        "import os; same = os.path.samestat(os.fstat(0), os.fstat(1));"
        "tty = os.open('/dev/tty', os.O_RDWR); print(same, os.tcgetpgrp(tty) == os.getpgrp());"
        "os.write(tty, b'direct\\n')"
    )
    out = end(start(sys.executable, "-c", script))
    assert sorted(out.split()) == ["False", "True", "direct"]


def test_the_size_follows_the_terminal_s() -> None:
    terminal = start("sh", "-c", "stty size; stty size <&1; read x; stty size; stty size <&1")
    terminal.expect_exact("24 80\r\n24 80\r\n")
    terminal.setwinsize(40, 120)
    terminal.sendline()
    assert end(terminal).split() == ["40", "120", "40", "120"]


def test_a_child_that_is_told_of_a_new_size_finds_it_on_its_output() -> None:
    script = (
        "import os, signal, time\n"
        "size = lambda *_: os.write(1, b'%d x %d.' % os.get_terminal_size(1))\n"
        "signal.signal(signal.SIGWINCH, size)\n"
        "print('ready', flush=True)\n"
        "time.sleep(1)"
    )
    terminal = start(sys.executable, "-c", script)
    terminal.expect_exact("ready")
    terminal.setwinsize(33, 111)
    terminal.expect_exact("111 x 33.")
    end(terminal)


def test_a_password_is_not_echoed_and_echo_comes_back() -> None:
    script = "import getpass; print('got', len(getpass.getpass())); print(input('again: '))"
    terminal = start(sys.executable, "-c", script)
    terminal.expect_exact("Password: ")
    terminal.waitnoecho(5)
    terminal.sendline("sesame")
    terminal.expect_exact("got 6\r\n")
    assert "sesame" not in terminal.before
    terminal.expect_exact("again: ")
    terminal.sendline("visible")
    assert end(terminal) == "visible\r\nvisible\r\n"


def test_modes_that_are_set_on_the_output_hold_for_the_keys() -> None:
    """Curses sets its modes on stdout, which is no more where the keys come from."""
    script = (
        "import curses\n"
        "s = curses.initscr(); curses.noecho(); curses.cbreak(); s.addstr('press'); s.refresh()\n"
        "k = s.getkey(); curses.endwin(); print('key', k)"
    )
    terminal = start(sys.executable, "-c", script)
    terminal.expect_exact("press")
    terminal.waitnoecho(5)
    terminal.send("q")  # no Enter
    terminal.expect_exact("key q\r\n")
    assert "q" not in re.sub(r"\x1b\S*", "", terminal.before)
    end(terminal)


def test_the_terminal_is_left_as_it_was(shell: pexpect.spawn[str]) -> None:
    curses = "import curses; curses.initscr(); curses.raw(); curses.noecho(); curses.endwin()"
    shell.sendline(
        f"stty -g > before; $L {sys.executable} -c '{curses}'; stty -g > after; echo d''one"
    )
    shell.expect_exact("done")
    assert Path("before").read_text() == Path("after").read_text()


def test_ctrl_c_ends_a_child_and_us_and_the_loop_around_it() -> None:
    loop = f"for i in 1 2 3; do echo round $i; {shlex.join([*WORDS, 'cat'])}; done; echo all over"
    terminal = pexpect.spawn(
        "bash", ["--norc", "-c", loop], env=ENVIRON, encoding="utf-8", timeout=10
    )
    terminal.sendline("hello")
    terminal.expect_exact("hello\r\nhello\r\n")
    terminal.sendintr()
    out = end(terminal)
    assert "round 2" not in out
    assert "all over" not in out
    assert "Traceback" not in out
    assert terminal.signalstatus == signal.SIGINT


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_ctrl_c_comes_to_the_child_from_the_terminal_and_not_from_us(tmp_path: Path) -> None:
    script = (
        "import signal\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])\n"
        "print('ready', flush=True)\n"
        "while info := signal.sigtimedwait([signal.SIGINT], 0.5): print('from', info.si_pid)\n"
    )
    told = tmp_path / "kills"  # of two that come at once the child sees but one
    words = ["-f", "-qq", "-e", "trace=kill", "-o", str(told), *WORDS, sys.executable, "-c", script]
    terminal = pexpect.spawn("strace", words, env=ENVIRON, encoding="utf-8", timeout=10)
    terminal.expect_exact("ready\r\n")
    terminal.sendintr()
    assert end(terminal).removeprefix("^C") == "from 0\r\n"
    assert "kill(" not in told.read_text()


@pytest.mark.parametrize("times", [1, 3])
def test_ctrl_c_in_a_repl_that_survives_it_is_its_own_affair(times: int) -> None:
    terminal = start(sys.executable, "-q", "-i")
    terminal.expect_exact(">>> ")
    for _ in range(times):
        time.sleep(0.2)
        terminal.sendintr()
        # Between its prompt and its wait for keys Python misses a signal.
        if terminal.expect_exact(["KeyboardInterrupt", pexpect.TIMEOUT], timeout=3):
            terminal.sendintr()
            terminal.expect_exact("KeyboardInterrupt")
        terminal.expect_exact(">>> ")
    assert "KeyboardInterrupt" not in terminal.before  # each came once
    terminal.sendline("print('hush-' * 2 + '0123456789')")
    terminal.expect("\\[REDACTED\\]\r+\n")
    terminal.sendline("exit(3)")
    end(terminal)
    assert terminal.exitstatus == 3


def test_lines_before_a_prompt_that_takes_the_terminal_return_to_the_left() -> None:
    """As Python's own prompt does it, from 3.13 on."""
    script = """
import os, termios, time
cooked = termios.tcgetattr(0)
raw = termios.tcgetattr(0)
raw[1] &= ~termios.OPOST
for _ in range(20):
    termios.tcsetattr(0, termios.TCSADRAIN, raw)
    os.write(1, b"\\x1b[?2004h> ")
    time.sleep(0.05)  # nobody types faster
    os.write(1, b"\\n\\r\\x1b[?2004l")
    termios.tcsetattr(0, termios.TCSADRAIN, cooked)
    os.write(1, b"one\\ntwo\\n")
termios.tcsetattr(0, termios.TCSADRAIN, raw)
os.write(1, b"\\x1b[?2004h> \\n\\r")
termios.tcsetattr(0, termios.TCSADRAIN, cooked)
"""
    shown = end(start(sys.executable, "-c", script))
    assert len(re.findall("one\r+\ntwo\r+\n", shown)) == 20


def test_ctrl_z_stops_us_with_the_child_and_fg_goes_on(shell: pexpect.spawn[str]) -> None:
    shell.sendline("$L cat")
    shell.sendline("one")
    shell.expect_exact("one\r\none\r\n")
    for number in (1, 2):
        shell.sendcontrol("z")
        shell.expect_exact("Stopped")
        shell.expect_exact("$ ")
        shell.sendline(f"echo in be''tween {number}")
        shell.expect_exact(f"in between {number}\r\n")
        shell.sendline("fg")
        shell.sendline(f"line {number}")
        shell.expect_exact(f"line {number}\r\nline {number}\r\n")
    shell.sendeof()
    shell.expect_exact("$ ")
    shell.sendline("echo status $?; jobs")
    shell.expect_exact("status 0\r\n$ ")


def test_ctrl_z_that_the_child_keeps_for_itself_does_not_stop_us(
    shell: pexpect.spawn[str],
) -> None:
    script = (
        "import os, signal, sys; signal.signal(signal.SIGTSTP, lambda *_: os.write(1, b.upper()));"
        "b = bytes([107, 10]);"
        "print(chr(82), flush=True); sys.stdin.readline()"
    )
    shell.sendline(f"$L {sys.executable} -c '{script}'; echo ov''er")
    shell.expect_exact("R\r\n")
    shell.sendcontrol("z")
    shell.expect_exact("K\r\n")
    shell.sendcontrol("z")
    shell.expect_exact("K\r\n")
    shell.sendline()
    shell.expect_exact("over\r\n")
    assert "Stopped" not in shell.before


@pytest.mark.parametrize("way", ["fg", "kill -CONT %%; fg", "kill -CONT $!"])
def test_a_child_is_continued_once(shell: pexpect.spawn[str], way: str) -> None:
    """An editor that is drawing already when a second SIGCONT comes draws nonsense."""
    code = (
        "import os, signal, time; seen = []; "
        "signal.signal(signal.SIGCONT, lambda *_: seen.append(1)); "
        "os.write(1, b'rea' + b'dy'); signal.pause(); time.sleep(0.3); print('times', len(seen))"
    )
    if way.endswith("$!"):  # only us, not our group
        shell.sendline(f'set +m; $L {sys.executable} -c "{code}" & sleep 1; kill -TSTP $!; sleep 1')
        shell.expect_exact("ready")
        shell.sendline("pkill -STOP -P $!; sleep 0.5; " + way)
    else:
        shell.sendline(f'$L {sys.executable} -c "{code}"')
        shell.expect_exact("ready")
        shell.sendcontrol("z")
        shell.expect_exact("Stopped")
        shell.expect_exact("$ ")
        shell.sendline(way)
    shell.expect_exact("times 1")


def test_a_child_that_stops_only_itself_gives_the_terminal_back(shell: pexpect.spawn[str]) -> None:
    """As less does: it tells nobody of its group."""
    shell.sendline("$L sh -c 'echo be''fore; kill -TSTP $$; echo af''ter'")
    shell.expect_exact("before")
    shell.expect_exact("Stopped")
    shell.expect_exact("$ ")
    shell.sendline("fg")
    shell.expect_exact("after")


def test_a_background_launch_that_reads_is_stopped_by_the_terminal(
    shell: pexpect.spawn[str],
) -> None:
    shell.sendline("$L cat &")
    shell.expect_exact("$ ")
    shell.sendline("sleep 0.5; jo''bs")
    shell.expect(r"\[1\]\+ +Stopped")
    shell.sendline("fg")
    shell.sendline("hello")
    shell.expect_exact("hello\r\nhello\r\n")
    shell.sendeof()
    shell.expect_exact("$ ")


@pytest.mark.skipif(shutil.which("less") is None, reason="less is not installed")
def test_less_pages_searches_resizes_stops_and_ends(
    shell: pexpect.spawn[str], tmp_path: Path
) -> None:
    file = tmp_path / "lines"
    file.write_text("".join(f"line {n}.\n" for n in range(1, 200)) + SECRET + "\n")
    shell.sendline(f"$L less {file}")
    shell.expect_exact("line 23.")
    shell.send(" ")
    shell.expect_exact("line 46.")
    shell.setwinsize(12, 80)
    shell.expect_exact("line 34.")
    time.sleep(0.1)
    shell.sendcontrol("z")
    shell.expect_exact("Stopped")
    shell.expect_exact("$ ")
    shell.sendline("fg")
    shell.expect_exact("line 34.")
    shell.send("G")
    shell.expect_exact("[REDACTED]")
    shell.send("q")
    shell.expect_exact("$ ")


@pytest.mark.skipif(shutil.which("less") is None, reason="less is not installed")
def test_a_pager_behind_the_launch_keeps_its_keys(shell: pexpect.spawn[str]) -> None:
    shell.sendline("$L seq 1 100 | less")
    shell.expect_exact("23\r\n")
    shell.send(" ")
    shell.expect_exact("46\r\n")
    shell.send("q")
    shell.expect_exact("$ ")


@pytest.mark.skipif(shutil.which("vim") is None, reason="vim is not installed")
def test_vim_edits_resizes_stops_goes_on_and_is_left(
    shell: pexpect.spawn[str], tmp_path: Path
) -> None:
    file = tmp_path / "text"
    shell.sendline(f"$L vim -u NONE -N -n {file}")
    shell.expect_exact("[New")
    shell.send("ihello world\x1b")
    shell.expect_exact("hello world")
    shell.setwinsize(30, 100)
    shell.expect_exact("\x1b[29;1H")  # it draws the line before the last anew
    shell.send(":echo 'size' &lines &columns\r")
    shell.expect_exact("size 30 100")
    shell.sendcontrol("z")
    shell.expect_exact("Stopped")
    shell.expect_exact("$ ")
    shell.sendline("fg")
    shell.expect_exact("hello world")
    shell.send(f":put ='{SECRET}'\r")
    shell.expect_exact("[REDACTED]")
    shell.send(":wq\r")
    shell.expect_exact("$ ")
    assert file.read_text() == f"hello world\n{SECRET}\n"
    shell.sendline("echo typed")
    shell.expect_exact("echo typed\r\ntyped\r\n")  # echo is on again, and so is Enter


def test_a_prompt_is_seen_at_once_and_typing_is_answered() -> None:
    terminal = start(sys.executable, "-c", f"print(input('{SECRET[:5]}')[::-1])")
    began = time.monotonic()
    terminal.expect_exact(SECRET[:5])
    terminal.sendline("abc")
    terminal.expect_exact("cba\r\n")
    assert time.monotonic() - began < 3
    end(terminal)


def test_an_interactive_shell_inside_gives_the_terminal_to_its_jobs(tmp_path: Path) -> None:
    """They are another group, so we are in the background then, and must follow all the same."""
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    script = tmp_path / "keys.py"
    script.write_text(
        "import curses\n"
        "s = curses.initscr(); curses.noecho(); curses.cbreak(); s.addstr('press'); s.refresh()\n"
        "k = s.getkey(); size = s.getmaxyx(); curses.endwin(); print('key', k, *size)\n"
    )
    terminal = start("zsh", "-f", "-i")
    terminal.expect_exact("$ ")
    terminal.sendline(f"{sys.executable} {script}")
    terminal.expect_exact("press")
    terminal.waitnoecho(5)
    terminal.send("q")
    terminal.expect_exact("key q 24 80")  # and zsh may have written its prompt before that
    terminal.sendline(f"{sys.executable} -c 'import time; time.sleep(9)'")
    time.sleep(0.2)
    terminal.sendcontrol("z")
    terminal.expect_exact("suspended")
    terminal.sendline("kill %1; wait; exit 4")
    end(terminal)
    assert terminal.exitstatus == 4


def test_at_hangup_the_child_is_told_and_nobody_stays(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    terminal = start("sh", "-c", f"echo $$ > {pid}; echo ready; exec sleep 30")
    terminal.expect_exact("ready")
    os.close(terminal.child_fd)
    terminal.ptyproc.fd = terminal.child_fd = -1
    terminal.closed = True
    for _ in range(300):
        if not Path(f"/proc/{pid.read_text().strip()}").exists():
            break
        os.waitpid(terminal.pid, os.WNOHANG)
        time.sleep(0.01)
    assert not Path(f"/proc/{pid.read_text().strip()}").exists()
