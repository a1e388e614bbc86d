"""A shell in a real terminal, with the completion installed as `--install` does it.

What a Tab made of a line is read where it counts: the line is then run, and the program on PATH
writes its arguments down.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.consoles import Console

PROGRAMS = Path(sys.executable).parent
BASH_COMPLETION = Path("/usr/share/bash-completion/bash_completion")
MAP = """\
identifier = "mess"
[services.gmail]
connection_name = "gmail_1"
[services.slack]
connection_name = "slack_1"
identifier = "ops-bot"
[groups]
inbox = ["gmail", "slack"]
"""
STAND_IN = """\
#!/bin/sh
case " $* " in (*" --list-words "*) exec {real} "$@" ;; esac
printf '%s\\n' "$@" >"$WITNESS.part"
mv "$WITNESS.part" "$WITNESS"
"""


@dataclass(frozen=True)
class Interactive:
    """How a shell is started for a person, its rc file, and what it can do beyond completing.

    `rc` may hold `@ADVICE@`, the line that `--install` tells to put there.
    """

    name: str
    words: tuple[str, ...]
    rc_file: str
    rc: str
    knows_commands: bool = True
    describes: bool = True

    def __str__(self) -> str:
        return self.name


SHELLS = {
    shell.name: shell
    for shell in (
        Interactive(
            "bash",
            ("bash", "-i"),
            ".bashrc",
            f". {BASH_COMPLETION}\ncomplete -W 'alpha beta' frobnicate\n",
        ),
        Interactive(
            "zsh",
            ("zsh", "-i"),
            ".zshrc",
            "@ADVICE@\n_frob() { compadd alpha beta }; compdef _frob frobnicate\n",
        ),
        Interactive(
            "fish",
            ("fish", "-i"),
            ".config/fish/config.fish",
            "set fish_greeting\ncomplete -c frobnicate -fa 'alpha beta'\n",
        ),
        Interactive(
            "nushell",
            ("nu",),
            ".config/nushell/config.nu",
            "$env.config.show_banner = false\ndef words [] { [alpha beta] }\n"
            "extern frobnicate [word: string@words]\n",
        ),
        Interactive(
            "elvish",
            ("elvish",),
            ".config/elvish/rc.elv",
            "@ADVICE@\n"
            "set edit:completion:arg-completer[frobnicate] = {|@words| put alpha beta }\n",
        ),
        Interactive(
            "tcsh",
            ("tcsh",),
            ".tcshrc",
            "@ADVICE@\nset prompt='> '\n",
            knows_commands=False,
            describes=False,
        ),
        Interactive(
            "xonsh",
            ("xonsh",),
            ".config/xonsh/rc.d/frob.xsh",
            "from xonsh.completers.tools import contextual_command_completer_for\n"
            "from xonsh.completers._aliases import _add_one_completer\n"
            "@contextual_command_completer_for('frobnicate')\n"
            "def frob(context):\n"
            "    return {one for one in ('alpha', 'beta') if one.startswith(context.prefix)}\n"
            "_add_one_completer('frob', frob, 'start')\n"
            "$SHELL_TYPE = 'readline'\n$XONSH_SHOW_TRACEBACK = False\n",
            describes=False,
        ),
        Interactive(
            "yash",
            ("yash", "-i"),
            ".yashrc",
            "@ADVICE@\nset --emacs\nPS1='> '\n"
            "function completion/frobnicate { complete -- alpha beta; }\n",
        ),
    )
}


def environment(home: Path, witness: Path) -> dict[str, str]:
    return {
        "PATH": f"{home}/bin:{os.environ['PATH']}",
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "WITNESS": str(witness),
        "SHELL": "/bin/sh",
    }


def furnish(shell: Interactive, home: Path) -> None:
    """Install the completion into a home with a map and a command of its own."""
    found = shutil.which(shell.words[0])
    if found is None or (shell.name == "bash" and not BASH_COMPLETION.exists()):
        pytest.skip(f"{shell.words[0]} is not installed")
    programs = home / "bin"
    programs.mkdir()
    for name in ("scalekit-exec", "scalekit-auth", "frobnicate"):
        real = PROGRAMS / name
        (programs / name).write_text(STAND_IN.format(real=real))
        (programs / name).chmod(0o755)
    words = [str(PROGRAMS / "scalekit-auth"), "completion", shell.name, "--install"]
    environ = environment(home, home / "witness")
    done = subprocess.run(words, env=environ, capture_output=True, text=True, check=True)
    advice = done.stdout.splitlines()[-1].partition(": ")[2]
    rc_file = home / shell.rc_file
    rc_file.parent.mkdir(parents=True, exist_ok=True)
    rc_file.write_text(shell.rc.replace("@ADVICE@", advice))
    (home / "scalekit.toml").write_text(MAP)
    (home / "other.toml").write_text('[services.notion]\nconnection_name = "n"\n')


class Terminal:
    """A running shell whose completion is installed."""

    def __init__(self, shell: Interactive, home: Path) -> None:
        self._witness = home / "witness"
        self._console = Console(shell.words, environment(home, self._witness), home)
        # It takes commands only now: rc files may take their time.
        self.arguments("scalekit-exec ready", seconds=30)

    def arguments(self, keys: str, *, seconds: float = 10) -> list[str]:
        """Type keys, Tabs among them, then Enter; return the arguments that the command got."""
        self._witness.unlink(missing_ok=True)
        parts = keys.split("\t")
        for part in parts[:-1]:
            self._console.send(part)
            self._console.send("\t", quiet=0.12)
        self._console.send(parts[-1] + "\r")
        words = self._console.wait_for_file(self._witness, seconds).splitlines()
        self._console.settle(first=0.05, quiet=0.05)
        return words

    def offered(self, keys: str, text: str) -> None:
        """Type keys and two Tabs, and wait until the screen has a text among what is offered."""
        self._console.seen = ""
        self._console.send(keys)
        self._console.send("\t", quiet=0.12)
        if text not in self._console.seen:
            self._console.send("\t", quiet=0.12)
        self._console.wait_for(re.escape(text), 5)

    def close(self) -> None:
        self._console.close()
