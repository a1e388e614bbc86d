"""All that a completion offers, in shells that can say it, with the installed program on PATH.

One Tab in a real terminal of every shell is in tests/shells/test_tabs.py.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pexpect
import pytest

from scalekit_exec.cli.auth.completion import scripts
from scalekit_exec.cli.commands import COMMANDS
from scalekit_exec.cli.words import OPTIONS
from scalekit_exec.shells.completion import SHELLS
from scalekit_exec.shells.quote import nushell

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
COMPLETIONS = ROOT / "completions"
BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
# The package bash-completion where it is installed, else no more than the function that we call.
BASH_HELPER = (
    f"source {BASH_COMPLETION}; complete -W 'alpha beta' frob;"
    if BASH_COMPLETION.exists()
    else "_command_offset() { "
    "COMPREPLY=($(compgen -W 'alpha head' -- ${COMP_WORDS[COMP_CWORD]})); };"
)
MAP = """\
identifier = "me"
[services.gmail]
connection_name = "gmail_1"
[services.github]
connection_name = "github: team"
[services.slack]
connection_name = "slack_1"
identifier = "ops-bot"
[groups]
inbox = ["gmail", "slack"]
"""
OTHER = '[services.notion]\nconnection_name = "notion_1"\n'
SERVICES = {"gmail", "github", "slack", "inbox"}
VISIBLE = {option.long for option in OPTIONS if not option.hidden}


class Shell(Protocol):
    def candidates(self, line: str) -> set[str]:
        """Return what Tab at the end of this line offers for its last word."""


class Prompt:
    """A shell at a terminal: keys go in, and a widget of ours prints the line that they made.

    All candidates are put into the line at once, which both readline and zle can do.
    """

    def __init__(self, name: str, words: list[str], setup: str, insert_all: str) -> None:
        self._insert_all = insert_all
        self._terminal = pexpect.spawn(name, words, encoding="utf-8", dimensions=(60, 2000))
        self._terminal.sendline(setup + "; echo rea''dy")
        self._terminal.expect_exact("ready\r\n")

    def line(self, line: str) -> str:
        """Return what a line becomes."""
        self._terminal.send(f"{line}{self._insert_all}\x18p")
        self._terminal.expect(r"LINE<([^\r\n]*)>END")
        return str(self._terminal.match.group(1))

    def candidates(self, line: str) -> set[str]:
        made = self.line(line)
        head = line[: len(line) - len(re.split(r"\s", line)[-1])]
        assert made.startswith(head)
        # A line that is as it was: nothing was offered.
        return set() if made == line else set(made.removeprefix(head).split())

    def close(self) -> None:
        self._terminal.close(force=True)


class Fish:
    def __init__(self, setup: str) -> None:
        self._setup = setup

    def candidates(self, line: str) -> set[str]:
        script = f"{self._setup}; complete -C {_quoted(line)}"
        words = ["fish", "--no-config", "-c", script]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=20)
        assert done.stderr == ""
        return {row.split("\t")[0] for row in done.stdout.splitlines()}


class Nushell:
    """Asks as the terminal does; its completer works on files only where it has no candidates."""

    def candidates(self, line: str) -> set[str]:
        config = COMPLETIONS / "scalekit-exec.nu"
        script = (
            "def frobs [] { [alpha beta] }; extern frob [word: string@frobs]; "
            f"{nushell(line)} | commandline complete | to json -r"
        )
        words = ["nu", "--config", str(config), "-c", script]
        done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=20)
        assert done.stderr == ""
        found: list[str] = json.loads(done.stdout)
        # A word with blanks or the like is put into quotes.
        return {word.strip("`'\"") for word in found}


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _bash(helper: str = BASH_HELPER) -> Prompt:
    setup = (
        "bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; PS1=; "
        """bind -x '"\\C-xp": printf "LINE<%s>END\\n" "$READLINE_LINE"; READLINE_LINE=' ; """
        f"{helper} source {COMPLETIONS}/scalekit-exec.bash; "
        f"source {COMPLETIONS}/scalekit-auth.bash"
    )
    return Prompt("bash", ["--norc", "--noprofile", "-i"], setup, "\x1b*")


def _zsh() -> Prompt:
    setup = (
        "unsetopt beep zle_bracketed_paste; PS1=; stty -echo; "
        f"fpath=({COMPLETIONS} $fpath); autoload -Uz compinit && compinit -u -D; "
        "_frob() { compadd alpha beta }; compdef _frob frob; "
        "zle -C insert-all complete-word _generic; bindkey '^Xa' insert-all; "
        "zstyle ':completion:insert-all::::' completer _all_matches _complete; "
        "zstyle ':completion:insert-all:*' insert true; "
        'show() { zle -I; print -r -- "LINE<$BUFFER>END"; BUFFER= }; '
        "zle -N show; bindkey '^Xp' show"
    )
    return Prompt("zsh", ["-f", "-i"], setup, "\x18a")


@pytest.fixture(autouse=True)
def _folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.path.dirname(sys.executable), prepend=os.pathsep)
    monkeypatch.setenv("TERM", "dumb")
    Path("scalekit.toml").write_text(MAP)
    Path("other.toml").write_text(OTHER)
    Path("notes.txt").touch()


def _needs(name: str) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")


@pytest.fixture(params=["bash", "zsh", "fish", "nushell"])
def shell(request: pytest.FixtureRequest, _folder: None) -> Iterator[Shell]:
    _needs("nu" if request.param == "nushell" else request.param)
    if request.param == "fish":
        both = "".join(f"source {COMPLETIONS}/{name}; " for name in scripts("fish"))
        yield Fish(f"{both}complete -c frob -fa 'alpha beta'")
        return
    if request.param == "nushell":
        yield Nushell()
        return
    prompt = _bash() if request.param == "bash" else _zsh()
    yield prompt
    prompt.close()


@pytest.mark.parametrize("shell", SHELLS)
def test_the_committed_scripts_are_those_that_the_generator_makes(shell: str) -> None:
    for name, text in scripts(shell).items():
        assert (COMPLETIONS / name).read_text() == text, (
            "python -m scalekit_exec.cli.auth.completion"
        )


def test_no_other_script_is_committed() -> None:
    made = {name for shell in SHELLS for name in scripts(shell)}
    assert {path.name for path in COMPLETIONS.iterdir()} == made


def test_services_and_groups_of_the_map_are_offered(shell: Shell) -> None:
    assert shell.candidates("scalekit-exec ") >= SERVICES
    assert shell.candidates("scalekit-exec g") == {"gmail", "github"}
    assert shell.candidates("scalekit-exec --json gmail sl") == {"slack"}


def test_files_are_not_offered_for_services(shell: Shell) -> None:
    assert not {"notes.txt", "scalekit.toml"} & shell.candidates("scalekit-exec ")
    assert shell.candidates("scalekit-exec not") == set()


def test_an_identifier_is_not_mistaken_for_a_service(shell: Shell) -> None:
    assert not SERVICES & shell.candidates("scalekit-exec gmail@g")


def test_behind_an_at_sign_there_are_the_identifiers_of_the_map(shell: Shell) -> None:
    assert shell.candidates("scalekit-exec gmail@") == {"gmail@me", "gmail@ops-bot"}
    assert shell.candidates("scalekit-exec slack gmail@o") == {"gmail@ops-bot"}
    assert shell.candidates("scalekit-exec nosuch@") == set()


def test_the_commands_of_scalekit_auth_are_offered(shell: Shell) -> None:
    assert shell.candidates("scalekit-auth ") >= set(COMMANDS)
    assert shell.candidates("scalekit-auth st") == {"status"}
    assert shell.candidates("scalekit-auth stat gm") == set()


def test_a_command_of_scalekit_auth_has_its_own_options_and_words(shell: Shell) -> None:
    offered = {word.removesuffix("=") for word in shell.candidates("scalekit-auth export --")}
    assert {"--format", "--show", "--config", "--help"} <= offered
    assert not {"--check", "--pristine", "--"} & offered
    assert shell.candidates("scalekit-auth export --format f") == {"fish"}
    assert shell.candidates("scalekit-auth export -c other.toml n") == {"notion"}
    assert shell.candidates("scalekit-auth token g") == {"gmail", "github"}
    assert shell.candidates("scalekit-auth completion ba") == {"bash"}
    assert shell.candidates("scalekit-auth import not") == {"notes.txt"}
    assert not SERVICES & shell.candidates("scalekit-auth login ")
    assert shell.candidates("scalekit-auth sandbox -- frob a") == {"alpha"}


def test_all_options_are_offered_and_no_hidden_one(shell: Shell) -> None:
    offered = {word.removesuffix("=") for word in shell.candidates("scalekit-exec gmail --")}
    assert offered == VISIBLE | {"--"}


def test_a_path_is_completed_from_files(shell: Shell) -> None:
    assert shell.candidates("scalekit-exec --config ot") == {"other.toml"}
    assert shell.candidates("scalekit-exec -c ot") == {"other.toml"}
    assert shell.candidates("scalekit-exec --env-file not") == {"notes.txt"}


def test_a_path_is_completed_behind_an_equals_sign(shell: Shell) -> None:
    assert shell.candidates("scalekit-exec --config=ot") == {"--config=other.toml"}


def test_a_value_that_cannot_be_known_is_not_guessed(shell: Shell) -> None:
    assert shell.candidates("scalekit-exec --identifier g") == set()
    assert shell.candidates("scalekit-exec --timeout ") == set()


def test_a_variable_to_pass_on_is_completed(shell: Shell) -> None:
    assert shell.candidates("scalekit-exec --pristine --pass TMPDI") == {"TMPDIR"}


@pytest.mark.parametrize("words", ["-c other.toml", "--config other.toml", "--config=other.toml"])
def test_services_are_those_of_the_map_that_is_named(shell: Shell, words: str) -> None:
    assert shell.candidates(f"scalekit-exec {words} n") == {"notion"}


def test_a_map_that_is_broken_offers_nothing_and_says_nothing(shell: Shell) -> None:
    Path("scalekit.toml").write_text("[services.gmail\n")
    assert shell.candidates("scalekit-exec g") == set()


def test_no_service_is_offered_for_the_command(shell: Shell) -> None:
    assert not SERVICES & shell.candidates("scalekit-exec gmail -- g")
    assert "head" in shell.candidates("scalekit-exec gmail -- hea")


def test_tab_runs_no_program_of_the_working_folder(shell: Shell) -> None:
    planted = Path("scalekit-exec")
    planted.write_text("#!/bin/sh\n: >planted.ran\necho github\n")
    planted.chmod(0o755)
    shell.candidates("./scalekit-exec g")
    assert not Path("planted.ran").exists()


def test_the_command_has_its_own_completion(shell: Shell) -> None:
    assert shell.candidates("scalekit-exec gmail -- frob a") == {"alpha"}


def test_bash_completes_files_where_the_command_has_no_completion() -> None:
    _needs("bash")
    prompt = _bash(helper="")
    try:
        assert prompt.candidates("scalekit-exec gmail -- frob not") == {"notes.txt"}
        assert "head" in prompt.candidates("scalekit-exec gmail -- hea")
    finally:
        prompt.close()


def test_bash_completes_a_path_with_one_of_its_word_breaks_in_it() -> None:
    _needs("bash")
    Path("a:b").touch()
    prompt = _bash()
    try:
        assert prompt.candidates("scalekit-exec --config a:") == {"a:b"}
        assert prompt.candidates("scalekit-exec --config=a:") == {"--config=a:b"}
        assert prompt.candidates("scalekit-exec -c  ot") == {"other.toml"}
    finally:
        prompt.close()


@pytest.mark.parametrize("program", ["scalekit-exec", "scalekit-auth authorize"])
def test_bash_alone_takes_an_at_sign_for_a_host_and_completes_the_user_behind_it(
    program: str,
) -> None:
    _needs("bash")
    prompt = _bash(helper="")
    try:
        # All candidates stand where readline puts one: in place of "@" and what follows it.
        assert prompt.line(f"{program} gmail@").rstrip() == f"{program} gmail@me @ops-bot"
        assert prompt.line(f"{program} gmail@o").rstrip() == f"{program} gmail@ops-bot"
    finally:
        prompt.close()
