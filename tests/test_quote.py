"""What `export` writes is read back by the shells themselves, value by value.

Where a shell is in none of the registries that tests may use (PowerShell, cmd.exe, GitHub's
runner), a small model of its documented grammar stands for it.
"""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from dotenv import dotenv_values
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scalekit_exec.errors import CredentialError, UsageError
from scalekit_exec.shells import github, quote
from scalekit_exec.shells.export import FORMATS, script

if TYPE_CHECKING:
    from pathlib import Path

# It says what it was given; a shell that changes a variable on the way shows here.
PROBE = (
    "import json, os, sys; e = os.environb; "
    "sys.stdout.write(json.dumps({k.decode(): e[k].hex() for k in e if k.startswith(b'V_')}))"
)

HARD = (
    *"'\"\\$`!%\n\t \r\x1b\x7f\x80{}#;&|<>()*?[]~^=,:@\u2018\u2019\u201c\u2028\ufeff\ufffd",
    # What fish and others use inside for bytes that are no characters, and an ordinary few.
    *"\ue000\uf600\uf6ff\ufdd0é\U0001f511\U0010ffff",
    *("${V_0}", "$(id)", "%V_0%", "!!", "\\'", "''", "\\n", "--", "-n"),
)
TEXT = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
VALUES = st.one_of(
    st.lists(st.sampled_from(HARD), max_size=8).map("".join),
    st.text(TEXT, max_size=20),
    st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=20),
)
BATCHES = st.lists(VALUES, min_size=1, max_size=40)


@dataclass(frozen=True)
class Shell:
    """A shell, and the line by which docs/shells.md tells its user to take the variables in."""

    name: str
    form: str
    argv: tuple[str, ...]
    line: str

    def __str__(self) -> str:
        return self.name


# `$EXPORT` prints the script, as `scalekit-auth export` would, and `$PROBE` is the child.
POSIX = 'eval "$($EXPORT)"; $PROBE'
XONSH = 'execx(__import__("subprocess").check_output("$EXPORT".split(), text=True))'
SHELLS = [
    *(
        Shell(name, "sh", (*name.split(), "-c"), POSIX)
        for name in ("bash", "dash", "zsh -f", "ksh", "mksh", "yash", "busybox sh")
    ),
    Shell("fish", "fish", ("fish", "--no-config", "-c"), "$EXPORT | source; $PROBE"),
    Shell("elvish", "elvish", ("elvish", "-norc", "-c"), "eval ($EXPORT | slurp); $PROBE"),
    Shell("nu", "nushell", ("nu", "-n", "-c"), "$EXPORT | from nuon | load-env; $PROBE"),
    Shell("tcsh", "tcsh", ("tcsh", "-f", "-c"), 'eval "`$EXPORT`"; $PROBE'),
    Shell("xonsh", "xonsh", ("xonsh", "--no-rc", "-c"), f"{XONSH}\n$PROBE"),
]


# A setting of tcsh's by which a backslash counts between single quotes.
BACKSLASH_QUOTE = Shell(
    "tcsh with backslash_quote",
    *("tcsh", ("tcsh", "-f", "-c"), 'set backslash_quote; eval "`$EXPORT`"; $PROBE'),
)


def program(shell: Shell) -> str:
    found = shutil.which(shell.argv[0])
    if found is None:
        pytest.skip(f"{shell.argv[0]} is not installed")
    return found


@pytest.fixture(params=[*SHELLS, BACKSLASH_QUOTE], ids=str)
def shell(request: pytest.FixtureRequest) -> Shell:
    program(request.param)
    return request.param  # type: ignore[no-any-return]


def read_back(shell: Shell, text: str, folder: Path, **environ: str) -> dict[str, str]:
    """Let the shell take the script in, and return what a child of it finds."""
    (folder / "script").write_bytes(text.encode())
    (folder / "probe.py").write_text(PROBE)
    line = shell.line.replace("$EXPORT", f"cat {folder}/script")
    line = line.replace("$PROBE", f"{sys.executable} -I -S {folder}/probe.py")
    if shell.name == "nu":
        line = line.replace(sys.executable, f"^{sys.executable}")
    done = subprocess.run(
        [program(shell), *shell.argv[1:], line],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8", **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, (text, done.stderr)
    found = json.loads(done.stdout)
    return {name: bytes.fromhex(value).decode() for name, value in found.items()}


def holdable(form: str, values: list[str]) -> dict[str, str]:
    """Return the values that the form can hold, each under a name of its own."""
    held = {}
    for number, value in enumerate(values):
        try:
            script(form, {"V_0": value})
        except CredentialError:
            continue
        held[f"V_{number}"] = value
    return held


@settings(max_examples=8)
@given(values=BATCHES)
@example(values=[*HARD, "".join(HARD)])
@example(values=["", "x" * 8000, "a  b\t c ", "\u00e9" * 500])
def test_every_value_reads_back_exactly(shell: Shell, tmp_path: Path, values: list[str]) -> None:
    held = holdable(shell.form, values)
    assert read_back(shell, script(shell.form, held), tmp_path) == held


@pytest.mark.parametrize("shell", [s for s in SHELLS[:7] if s.name != "yash"], ids=str)
def test_a_posix_shell_without_a_locale_reads_bytes(shell: Shell, tmp_path: Path) -> None:
    # Not yash, which reads characters and needs a locale that has them (docs/shells.md).
    held = {"V_0": "clé \u2019 \U0001f511", "V_1": "a'b"}
    assert read_back(shell, script("sh", held), tmp_path, LANG="C", LC_ALL="C") == held


def test_a_stale_variable_is_taken_away(shell: Shell, tmp_path: Path) -> None:
    if shell.form == "nushell":
        return  # a record has no way to say it; docs/shells.md tells so
    text = script(shell.form, {"V_NEW": "n"}, ["V_OLD", "V_NEVER_WAS"])
    assert read_back(shell, text, tmp_path, V_OLD="stale", V_KEPT="k") == {
        "V_NEW": "n",
        "V_KEPT": "k",
    }


@pytest.mark.parametrize(
    "form", [form for form in FORMATS if form not in ("tcsh", "cmd", "dotenv", "github")]
)
@given(value=VALUES.filter(bool))
def test_most_formats_can_hold_every_value(form: str, value: str) -> None:
    assert script(form, {"A_TOKEN": value})


@given(value=VALUES)
def test_tcsh_can_hold_every_value_of_one_line(value: str) -> None:
    if "\n" in value:
        with pytest.raises(ValueError, match="line break"):
            quote.tcsh(value)
    else:
        quote.tcsh(value)


@given(value=st.from_regex(r"[A-Za-z0-9._~+/=-]+", fullmatch=True))
def test_every_format_can_hold_a_bearer_token(value: str) -> None:
    # RFC 6750 section 2.1: that is what such a token consists of.
    for form in FORMATS:
        if form != "github":
            assert value in script(form, {"A_TOKEN": value})


# --- models of what cannot be run here ---


def powershell_value(expression: str) -> str:
    """Evaluate strings in single quotes and `[char]N`, joined by +, as about_Quoting_Rules says."""
    units: list[int] = []
    at = 0
    while at < len(expression):
        if number := re.compile(r"\[char\](\d+)").match(expression, at):
            assert int(number[1]) <= 0xFFFF
            units.append(int(number[1]))
            at = number.end()
        else:
            literal = re.compile(r"'((?:[^'\u2018-\u201b]|'')*)'").match(expression, at)
            assert literal, expression[at:]
            units += [ord(character) for character in literal[1].replace("''", "'")]
            at = literal.end()
        if at < len(expression):
            assert expression.startswith(" + ", at), expression[at:]
            at += 3
    # The first is a string, else + would add numbers.
    assert expression.startswith("'")
    return b"".join(unit.to_bytes(2, "big") for unit in units).decode("utf-16-be")


@given(value=VALUES.filter(bool))
@example(value="".join(HARD))
@example(value="\U0001f511'\n")
def test_powershell_reads_back_every_value(value: str) -> None:
    text = script("powershell", {"A_TOKEN": value})
    assert text.isascii()
    assert text.count("\n") == 1
    name, expression = text.rstrip("\n").split(" = ", 1)
    assert name == "$env:A_TOKEN"
    assert powershell_value(expression) == value


def cmd_value(line: str, *, from_file: bool, delayed: bool) -> tuple[str, str]:
    """Do what cmd.exe does with a line, from `for /f` or from a batch file.

    Percent expansion (in files only), delayed expansion, then `set "NAME=value"`, whose value runs
    to the last quote (`set /?`).
    """
    if from_file:
        line = re.sub(r"%[^%]*%", "", line).replace("%", "")
    if delayed and "!" in line:
        line = re.sub(r"!([^!]*)!", "", line).replace("!", "").replace("^", "")
    assert line.startswith('set "')
    name, _, value = line[5 : line.rindex('"')].partition("=")
    return name, value


@given(value=st.one_of(VALUES, st.text(st.characters(codec="ascii"), max_size=12)))
@pytest.mark.parametrize("from_file", [True, False])
@pytest.mark.parametrize("delayed", [True, False])
def test_cmd_reads_back_a_value_or_it_is_refused(
    value: str, *, from_file: bool, delayed: bool
) -> None:
    if not value or any(c != "\t" and (not " " <= c <= "~" or c in '"%!') for c in value):
        with pytest.raises(CredentialError) as refused:
            script("cmd", {"A_TOKEN": value})
        assert refused.value.code == "unusable-token"
        assert len(value) < 3 or value not in refused.value.message
        return
    (line,) = script("cmd", {"A_TOKEN": value}).splitlines()
    assert cmd_value(line, from_file=from_file, delayed=delayed) == ("A_TOKEN", value)


def test_cmd_refuses_a_line_that_it_would_cut() -> None:
    quote.cmd("x" * 7800)
    with pytest.raises(ValueError, match="8191"):
        quote.cmd("x" * 8000)


@given(values=BATCHES)
@example(values=[*HARD])
def test_dotenv_reads_back_with_and_without_interpolation(values: list[str]) -> None:
    held = holdable("dotenv", values)
    text = script("dotenv", held)
    for interpolate in (True, False):
        assert dict(dotenv_values(stream=io.StringIO(text), interpolate=interpolate)) == held


@given(value=VALUES)
def test_dotenv_in_a_shell_means_the_same(value: str) -> None:
    # `set -a; . ./.env` is how many read such a file; all that is written is a shell's too.
    held = holdable("dotenv", [value])
    for name, told in held.items():
        text = script("dotenv", {name: told})
        assert text.startswith(f"{name}='") or not set("$`\\") & set(told)


def runner(text: str) -> dict[str, str]:
    """Read a GITHUB_ENV file as actions/runner does (FileCommandManager.cs)."""
    found = {}
    lines = iter(text.split("\n"))
    for line in lines:
        if not line:
            continue
        name, mark, delimiter = line.partition("<<")
        assert mark
        assert "=" not in name
        value = []
        for inner in lines:
            if inner == delimiter:
                break
            value.append(inner)
        else:
            raise AssertionError("the delimiter is missing")
        found[name] = "\n".join(value)
    return found


@given(values=BATCHES, before=st.sampled_from(["", "A=1\n", "A=1"]))
def test_github_reads_back_every_value(
    tmp_path_factory: pytest.TempPathFactory, values: list[str], before: str
) -> None:
    path = tmp_path_factory.mktemp("runner") / "env"
    path.write_text(before)
    held = {f"V_{number}": value for number, value in enumerate(values)}
    github.append({"GITHUB_ENV": str(path)}, github.entries(held))
    text = path.read_bytes().decode()
    earlier = "A=1\n" if before else ""
    assert text.startswith(earlier)
    assert runner(text.removeprefix(earlier)) == held


@given(values=BATCHES)
def test_github_masks_every_line_of_every_value(values: list[str]) -> None:
    masked = {
        line.removeprefix("::add-mask::").replace("%25", "%")
        for line in github.masks(values).split("\n")
        if line
    }
    for value in values:
        for line in re.split(r"[\r\n]", value):
            assert not line.strip() or line in masked


def test_github_never_makes_the_file_nor_writes_to_what_is_none(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for path in (missing, fifo, tmp_path):
        with pytest.raises(Exception, match="cannot append"):
            github.append({"GITHUB_ENV": str(path)}, "x\n")
    assert not missing.exists()
    with pytest.raises(UsageError, match="GITHUB_ENV is not set"):
        github.append({}, "x\n")
