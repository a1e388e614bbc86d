"""The launch on Windows: lookup, statuses, environment, and the trap that batch files are."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from scalekit_exec import launch
from scalekit_exec.errors import CommandError, UsageError
from scalekit_exec.launch import windows

if TYPE_CHECKING:
    from collections.abc import Mapping

assert sys.platform == "win32"

LAUNCHER = [sys.executable, str(Path(__file__).parents[1] / "support" / "launcher.py")]
ECHO = "import json, sys; print(json.dumps(sys.argv[1:]))"


def start(
    *words: str, environ: Mapping[str, str] | None = None, stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Run the words through the launcher, all streams as pipes."""
    return subprocess.run(
        [*LAUNCHER, *words], input=stdin, env=environ, capture_output=True, timeout=60, check=False
    )


def refusal(command: str, environ: Mapping[str, str]) -> CommandError:
    try:
        path = launch.find(command, environ)
    except CommandError as error:
        return error
    raise AssertionError(f"found {path}")


def refused(path: Path, *arguments: str) -> UsageError:
    try:
        launch.check(str(path), [path.name, *arguments])
    except UsageError as error:
        return error
    raise AssertionError(f"took {arguments}")


def check_the_child_s_status_is_ours(_: Path) -> None:
    for status in (0, 1, 42, 125, 255, 0x7FFFFFFF, 0x80000000, 0xC0000005, 0xC000013A, 2**32 - 1):
        code = f"import ctypes; ctypes.windll.kernel32.ExitProcess({status})"
        found = start(sys.executable, "-c", code).returncode
        assert found % 2**32 == status, (status, found)


def check_the_environment_arrives_and_names_have_no_case(_: Path) -> None:
    keep = {name: os.environ[name] for name in ("SYSTEMROOT", "PATH")}
    environ = {**keep, "MixedCase": "é 日本 %PATH% \"'", "GMAIL_TOKEN": "ya29.x&y|z^"}
    names = "'MIXEDCASE', 'mixedcase', 'GMAIL_TOKEN', 'USERPROFILE'"
    code = f"import os, json; print(json.dumps([os.environ.get(name) for name in ({names})]))"
    seen = json.loads(start(sys.executable, "-c", code, environ=environ).stdout)
    assert seen[:3] == [environ["MixedCase"]] * 2 + [environ["GMAIL_TOKEN"]], seen


def check_arguments_of_a_program_arrive_as_they_are(_: Path) -> None:
    words = ["", "a b", '"', 'a\\"b c\\', "%PATH%", "a&b|c>d^", "é日本", "--", "!x!", "two\nlines"]
    done = start(sys.executable, "-c", ECHO, *words)
    assert json.loads(done.stdout) == words, done


def check_stdin_passes_untouched(_: Path) -> None:
    data = bytes(range(256)) * 200
    code = "import sys; sys.stdout.buffer.write(sys.stdin.buffer.read())"
    assert start(sys.executable, "-c", code, stdin=data).stdout == data


def check_a_name_is_completed_by_the_child_s_pathext(folder: Path) -> None:
    first, second = folder / "first", folder / "se cond"
    for place in (first, second):
        place.mkdir()
    (first / "npx").write_text("#!/bin/sh\n")
    (first / "npx.cmd").write_text("@echo off\n")
    (second / "npx.exe").write_text("")
    (second / "tool.v1.exe").write_text("")
    path = f'{first};"{second}"'
    assert launch.find("npx", {"Path": path}).lower() == str(first / "npx.cmd").lower()
    only_exe = {"Path": path, "PathExt": ".exe"}
    assert launch.find("npx", only_exe).lower() == str(second / "npx.exe").lower()
    assert launch.find("NPX.EXE", {"path": path}).lower() == str(second / "npx.exe").lower()
    assert launch.find("tool.v1", {"PATH": path}).lower() == str(second / "tool.v1.exe").lower()
    assert refusal("npx", {"PATH": ""}).code == "not-found"
    assert launch.find(str(second / "npx"), {}).lower() == str(second / "npx.exe").lower()


def check_a_bare_name_is_never_taken_from_the_working_folder(folder: Path) -> None:
    (folder / "git.exe").write_text("")
    for path in ("", ".", ";", ".;..\\" + folder.name):
        error = refusal("git", {"PATH": path})
        assert error.exit_status == 127, path
    assert os.path.isabs(launch.find(".\\git", {"PATH": ""}))
    assert os.path.isabs(launch.find(".\\git.exe", {"PATH": ""}))


def check_what_cannot_be_run_says_so(folder: Path) -> None:
    assert refusal("no-such-tool", os.environ).exit_status == 127
    assert "cmd /c" in refusal("echo %PATH%", os.environ).hint
    assert refusal(str(folder), os.environ).exit_status == 126
    text = folder / "text.exe"
    text.write_text("no program")
    done = start(str(text))
    assert done.returncode == 126, done
    assert b"error[not-executable]" in done.stderr
    assert start("no-such-tool").returncode == 127


def check_a_batch_file_gets_plain_arguments(folder: Path) -> None:
    for name in ("plain", "with space", "a&b (c)", "caret^"):
        place = folder / name
        place.mkdir()
        (place / "tool.cmd").write_text(f'@"{sys.executable}" -c "{ECHO}" %*\r\n@exit /b 7\r\n')
        words = ["one", "two words", "", "k=v;x,y", "(p)", "C:\\dir with\\", "é", "*", "~1", "'q'"]
        done = start("tool", *words, environ={**os.environ, "PATH": str(place)})
        assert json.loads(done.stdout or b"[]") == words, done
        assert done.returncode == 7, done


def check_a_batch_file_of_the_same_name_in_the_working_folder_is_not_run(folder: Path) -> None:
    place = folder / "bin"
    place.mkdir()
    (place / "tool.bat").write_text("@exit /b 5\r\n")
    (folder / "tool.bat").write_text("@exit /b 6\r\n")
    assert start("tool", environ={**os.environ, "PATH": str(place)}).returncode == 5


def check_a_batch_file_is_refused_what_cmd_would_reinterpret(folder: Path) -> None:
    tool = folder / "tool.BAT"
    tool.write_text("@echo started\r\n")
    for argument in ("%GMAIL_TOKEN%", "a&b", "a|b", "<x", ">x", "^", "!x!", 'a"b', "a\nb", "a\rb"):
        assert refused(tool, "plain", argument).code == "usage", argument
        try:
            launch.replace(str(tool), ["tool", argument], {})
        except UsageError:
            continue
        raise AssertionError(f"ran with {argument}")
    odd = folder / "%PATH%.cmd"
    odd.write_text("@echo started\r\n")
    assert refused(odd).message.startswith("the path of")
    done = start(str(tool), "%GMAIL_TOKEN%")
    assert (done.returncode, done.stdout) == (125, b""), done


def check_the_hint_names_what_is_behind_a_batch_file(folder: Path) -> None:
    tool = folder / "npm.cmd"
    script = folder / "node_modules" / "npm" / "npm-cli.js"
    script.parent.mkdir(parents=True)
    shim = '@SET dp0=%~dp0\r\n"%_prog%"  "%dp0%\\node_modules\\npm\\npm-cli.js" %*\r\n'
    tool.write_text(shim)
    assert "run the .exe or the script" in refused(tool, "%").hint
    script.write_text("")
    assert f"run node {script}".lower() in refused(tool, "%").hint.lower()
    (folder / "npm.exe").write_text("")
    assert f"run {folder}\\npm.exe".lower() in refused(tool, "%").hint.lower()


def check_a_program_is_started_by_its_own_path_not_its_word(folder: Path) -> None:
    (folder / "python.exe").write_text("planted")  # in the working folder
    place = str(Path(sys.executable).parent)
    done = start("python", "-c", "print(1)", environ={**os.environ, "PATH": place})
    assert done.stdout.strip() == b"1", done


def check_ctrl_c_is_ours_until_the_child_is_there(_: Path) -> None:
    for event, status in ((0, 128 + 2), (1, 128 + 21)):
        code = (
            f"from scalekit_exec.launch import windows as w; w.begin(); w._Console.answer({event})"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (status, b""), done
    windows._Console.waiting = True
    try:
        assert windows._Console.answer(0) is True
        assert windows._Console.answer(2) is False  # the window is closed: Windows' own way
    finally:
        windows._Console.waiting = False


def check_a_death_by_signal_is_a_plain_status(_: Path) -> None:
    code = "from scalekit_exec import launch; launch.die_by_signal(15)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 128 + 15
