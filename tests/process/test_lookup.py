"""The command is found where a direct start would find it; its absence is told as by `env`."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalekit_exec import launch
from scalekit_exec.errors import CommandError
from scalekit_exec.launch import refusal
from tests.support.processes import FUNCTIONS, Launcher, Start, run

if TYPE_CHECKING:
    from collections.abc import Mapping

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="tests/windows has its own")

PATH = os.environ["PATH"]
NAME_MAX = 255
KINDS = ["absent", "folder", "not executable", "script", "dangling", "link", "fifo", "no such dir"]


def script(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


def _furnish(folder: Path, kind: str, number: int) -> None:
    """Put something named `tool` into the folder; what can be run says the folder's number."""
    if kind == "no such dir":
        return
    folder.mkdir()
    tool = folder / "tool"
    if kind == "folder":
        tool.mkdir()
    elif kind == "not executable":
        tool.write_text("#!/bin/sh\n")
    elif kind == "script":
        script(tool, f"#!/bin/sh\necho {number}\n")
    elif kind == "dangling":
        tool.symlink_to("nowhere")
    elif kind == "link":
        tool.symlink_to(script(folder / "other", f"#!/bin/sh\necho {number}\n"))
    elif kind == "fifo":
        os.mkfifo(tool)
        tool.chmod(0o755)


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(st.sampled_from(KINDS), max_size=5),
    here=st.sampled_from(["absent", "script"]),
    at=st.integers(0, 5),
)
def test_any_path_leads_to_the_file_that_env_would_run(
    kinds: list[str], here: str, at: int
) -> None:
    """`env` is execvp itself; an empty entry, put in at `at`, is the working folder."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for number, kind in enumerate(kinds):
            _furnish(root / str(number), kind, number)
        _furnish(root / "here", here, 99)
        entries = [str(root / str(number)) for number in range(len(kinds))]
        entries.insert(at, "")
        environ = {"PATH": ":".join(entries)}
        start = Start(environ=environ, folder=root / "here")
        theirs = run(["/usr/bin/env", "tool"], start)
        before = os.getcwd()
        os.chdir(root / "here")
        try:
            path = launch.find("tool", environ)
            ours = (0, run([path], start).stdout)
        except CommandError as error:
            ours = (error.exit_status, b"")
        finally:
            os.chdir(before)
    assert ours == (theirs.returncode, theirs.stdout)


@pytest.mark.parametrize("word", ["", ".", "..", "/", "/bin", "/etc/passwd/x", "x" * 300, "./none"])
@pytest.mark.parametrize("path", [PATH, "", None, "/nowhere"])
def test_odd_words_end_with_the_status_that_env_has(word: str, path: str | None) -> None:
    environ = {} if path is None else {"PATH": path}
    expected = run(["/usr/bin/env", "--", word], Start(environ=environ)).returncode
    with pytest.raises(CommandError) as caught:
        launch.find(word, environ)
    if len(word) < NAME_MAX:  # of a longer name not every libc says the same
        assert caught.value.exit_status == expected
    assert caught.value.exit_status in (126, 127)
    assert caught.value.hint


def test_a_word_with_a_nul_is_no_command() -> None:
    for word in ("a\0b", "./a\0b"):
        with pytest.raises(CommandError) as caught:
            launch.find(word, {"PATH": PATH})
        assert caught.value.exit_status == 127


def test_without_path_the_system_s_own_is_searched() -> None:
    assert launch.find("sh", {}) in ("/bin/sh", "/usr/bin/sh")


def test_the_child_s_path_counts_and_not_ours(launcher: Launcher, tmp_path: Path) -> None:
    done = run(launcher.words("cat"), Start(environ={"PATH": str(tmp_path)}))
    assert done.returncode == 127
    assert b"error[not-found]" in done.stderr
    assert done.stdout == b""


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("cd", "sh -c 'cd …'"),
        ("ll", "write what it stands for"),
        ("source", "bash -c 'source …'"),
        ("setopt", "zsh -c 'setopt …'"),
        ("echo $A | cat", "sh -c 'echo $A | cat'"),
        ("it's here", "sh -c 'it'\\''s here'"),
        ("A=secret", "env A=… COMMAND"),
        ("tool", "./tool"),
        ("pyhton-of-ours", 'did you mean "python-of-ours"?'),
        ("zzzzzzzzzz", "alias or function"),
        ("", "is empty"),
        ("./zzz", "working folder"),
    ],
)
def test_a_command_that_is_not_there_comes_with_the_likely_reason(
    word: str, hint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    script(tmp_path / "bin" / "python-of-ours", "")
    script(tmp_path / "tool", "")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CommandError) as caught:
        launch.find(word, {"PATH": str(tmp_path / "bin")})
    assert caught.value.code == "not-found"
    assert hint in caught.value.hint
    assert "secret" not in caught.value.hint + caught.value.message


def test_a_hint_for_a_builtin_names_a_shell_that_has_it() -> None:
    for shell, words in refusal.SHELL_WORDS.items():
        program = shutil.which("dash" if shell == "sh" else shell)
        if program is None:
            continue
        for word in words.split():
            command = [program, "-c", f"type {shlex.quote(word)}"]
            done = subprocess.run(command, capture_output=True, check=False)
            assert done.returncode == 0, (shell, word)


def test_a_foreign_name_is_shown_escaped() -> None:
    with pytest.raises(CommandError) as caught:
        launch.find("a\x1b[31m\u202e", {"PATH": "/nowhere"})
    assert caught.value.message == 'no command "a\\x1b[31m\\u202e" on PATH'


def test_a_folder_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "tool").mkdir()
    with pytest.raises(CommandError) as caught:
        launch.find("tool", {"PATH": str(tmp_path)})
    assert caught.value.code == "not-executable"
    assert "is a folder" in caught.value.message


def test_a_file_that_is_not_executable_is_126_and_says_how(tmp_path: Path) -> None:
    (tmp_path / "tool.py").write_text("")
    with pytest.raises(CommandError) as caught:
        launch.find("tool.py", {"PATH": str(tmp_path)})
    assert caught.value.exit_status == 126
    assert caught.value.hint.startswith("python3 ")
    assert "chmod +x" in caught.value.hint


def _refusal(path: Path, *arguments: str, environ: Mapping[str, str] | None = None) -> CommandError:
    with pytest.raises(CommandError) as caught:
        launch.replace(str(path), [str(path), *arguments], environ or {})
    return caught.value


def test_a_script_without_a_first_line_is_run_by_sh(launcher: Launcher, tmp_path: Path) -> None:
    tool = script(tmp_path / "tool", 'echo "$0 $1 $#"; exit 7\n')
    done = run(launcher.words(str(tool), "a b", "c"))
    assert (done.returncode, done.stdout) == (7, f"{tool} a b 2\n".encode())
    empty = script(tmp_path / "empty", "")
    assert run(launcher.words(str(empty))).returncode == 0


def test_a_missing_interpreter_is_named_and_is_127(launcher: Launcher, tmp_path: Path) -> None:
    tool = script(tmp_path / "tool", "#!/nowhere/ruby -w\n")
    done = run(launcher.words(str(tool)))
    assert done.returncode == 127
    assert b"/nowhere/ruby, which is not there" in done.stderr


def test_windows_line_ends_are_seen_through(tmp_path: Path) -> None:
    tool = script(tmp_path / "tool", "#!/bin/sh\r\necho\r\n")
    error = _refusal(tool)
    assert error.code == "not-found"
    assert "\\x0d: its lines end as on Windows" in error.message
    assert error.hint.startswith("sed ")


def test_a_program_for_another_machine_is_not_fed_to_sh(launcher: Launcher, tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    data = bytearray(Path(shutil.which("true") or "").read_bytes())
    data[18:20] = b"\xfe\xfe"  # e_machine
    tool.write_bytes(data)
    tool.chmod(0o755)
    done = run(launcher.words(str(tool)))
    assert done.returncode == 126
    assert b"error[not-executable]" in done.stderr
    assert b"for another system" in done.stderr


def test_an_interpreter_that_may_not_be_run_is_126(tmp_path: Path) -> None:
    (tmp_path / "reader").write_text("")
    tool = script(tmp_path / "tool", f"#!{tmp_path}/reader\n")
    error = _refusal(tool)
    assert error.exit_status == 126
    assert "permission denied" in error.message


def test_a_file_that_is_being_written_is_126(tmp_path: Path) -> None:
    tool = tmp_path / "tool"
    shutil.copy(shutil.which("true") or "", tool)
    with open(tool, "ab"):
        error = _refusal(tool)
    assert error.exit_status == 126
    assert "being written to" in error.message


def test_a_file_that_has_gone_since_is_127(tmp_path: Path) -> None:
    assert _refusal(tmp_path / "tool").exit_status == 127


def test_too_long_an_argument_or_variable_is_126_and_named_without_its_value() -> None:
    true = Path(shutil.which("true") or "")
    error = _refusal(true, "short", "x" * 200_000)
    assert (error.code, error.exit_status) == ("not-executable", 126)
    assert "argument 2 has 200000 bytes" in error.message
    error = _refusal(true, environ={"OTHER": "1", "BIG_TOKEN": "s3cr3t" * 40_000})
    assert "the variable BIG_TOKEN" in error.message
    assert "s3cr3t" not in error.message + error.hint
    error = _refusal(true, *["x" * 100_000] * 100)
    assert "too long together: 10000" in error.message


def test_after_a_refusal_our_own_process_is_as_before(tmp_path: Path) -> None:
    """The error must still be told: over a pipe that nobody reads, with SIGPIPE ignored."""
    tool = script(tmp_path / "tool", "#!/nowhere\n")
    line = '"$@" 2>&1 | true; exit "${PIPESTATUS[0]}"'
    slow = f"trap '' TERM; sleep 0.1; exec {' '.join(FUNCTIONS.words(str(tool)))}"
    done = run(["bash", "-c", line, "bash", "sh", "-c", slow])
    assert done.returncode not in (-13, 128 + 13)


@pytest.mark.parametrize("text", ["é", "\udcff", "ascii", "\udcc3\udca9"])
def test_what_a_locale_cannot_hold_reaches_the_child_as_utf_8(text: str) -> None:
    """A password with an umlaut, from JSON, in a C locale without UTF-8 mode."""
    code = (
        "import sys; from scalekit_exec import launch;"
        f"launch.replace('/usr/bin/env', ['env'], {{'P': {text!a}}})"
    )
    environ = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    done = run([sys.executable, "-P", "-c", code], Start(environ=environ))
    assert done.stdout == b"P=" + text.encode("utf-8", "surrogateescape") + b"\n", done.stderr
