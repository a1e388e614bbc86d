"""How each shell is told to do what people do with a launch; one set of scenarios for all."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from scalekit_exec.shells import quote
from tests.support.consoles import Console

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

MAP = """\
identifier = "mess"
[services.gmail]
connection_name = "gmail_1"
[services.slack]
connection_name = "slack_1"
[services.my-mail]
connection_name = "mail_1"
"""
PROGRAM = "scalekit-exec"
HEADER = "Authorization: Bearer "


@dataclass(frozen=True)
class Language:
    """A shell: how it runs one line, how a person has it, and how it says what a launch needs.

    `status` runs a command and prints `status=` and its number; `interrupted` and then `ask` do so
    where the command ends by Ctrl-C, in the form `told`. `expanding` is how a variable that may not
    be set stands in an argument; `background` starts a command and goes on; `leave` ends the shell
    with status 7. What it tells of a Ctrl-C `varies` by its version.
    """

    name: str
    words: tuple[str, ...]
    person: tuple[str, ...]
    quoted: Callable[[str], str] = quote.sh
    status: str = "{}; echo status=$?"
    interrupted: str = "{}"
    ask: str = "echo status=$?"
    told: str = r"status=(-?\d+)"
    varies: bool = False
    expanding: str = '"Authorization: Bearer $GMAIL_TOKEN"'
    background: str = "{} &"
    leave: str = "exit 7"
    environ: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def line(self, *words: str) -> str:
        """Write a command as one would type it; plain words need no quotes."""
        return " ".join(
            word if re.fullmatch(r"[A-Za-z0-9_./-]+", word) else self.quoted(word) for word in words
        )

    def launch(self, *words: str) -> str:
        return self.line(PROGRAM, *words)


LANGUAGES = {
    language.name: language
    for language in (
        Language("bash", ("bash", "-c"), ("bash", "--norc", "--noprofile", "-i")),
        Language("dash", ("dash", "-c"), ("dash", "-i")),
        Language("zsh", ("zsh", "-f", "-c"), ("zsh", "-f", "-i")),
        Language("ksh", ("ksh", "-c"), ("ksh", "-i")),
        Language("mksh", ("mksh", "-c"), ("mksh", "-i")),
        Language("yash", ("yash", "--norcfile", "-c"), ("yash", "--norcfile", "-i")),
        Language("busybox", ("busybox", "sh", "-c"), ("busybox", "sh", "-i")),
        Language(
            "fish",
            ("fish", "--no-config", "-c"),
            ("fish", "--no-config", "-i"),
            quote.fish,
            status="{}; echo status=$status",
            ask="echo status=$status",
        ),
        Language(
            "tcsh",
            ("tcsh", "-f", "-c"),
            ("tcsh", "-f"),
            quote.tcsh,
            status="{}; echo status=$status",
            ask="echo status=$status",
        ),
        Language(
            "elvish",
            ("elvish", "-norc", "-c"),
            ("elvish", "-norc"),
            quote.elvish,
            status="try {{ {} }} catch e {{ echo status=$e[reason][exit-status] }}",
            ask="",
            told=r"(Exception): (?:\x1b\[[\d;]*m)?(?:interrupted|\S+ killed by signal)",
            expanding='"Authorization: Bearer "$E:GMAIL_TOKEN',
        ),
        Language(
            "xonsh",
            ("xonsh", "--no-rc", "-c"),
            ("xonsh", "--no-rc", "--shell-type", "readline"),
            lambda word: f"@({word!r})",  # a string alone would have $HOME expanded
            # Newer versions raise an error for every command that fails, unless told not to.
            status="$XONSH_SUBPROC_RAISE_ERROR = False; done = ![{}]\n"
            "print('status=%s' % done.rtn)",
            interrupted="$XONSH_SUBPROC_RAISE_ERROR = False; done = ![{}]",
            ask="print('status=%s' % done.rtn)",
            leave="import os; os._exit(7)",
            varies=True,
            expanding='@("Authorization: Bearer " + $GMAIL_TOKEN)',
        ),
        Language(
            "nushell",
            ("nu", "-n", "-c"),
            ("nu", "-n"),
            quote.nushell,
            status='try {{ {} }} catch {{|e| print $"status=($e.exit_code)"}}',
            ask='print $"status=($env.LAST_EXIT_CODE)"',
            expanding='$"Authorization: Bearer ($env.GMAIL_TOKEN?)"',
            background="job spawn {{ {} }}",
        ),
    )
}
SCENARIOS = (
    "launch",
    "status 42",
    "Ctrl-C",
    "no `--`",
    "`my-mail`",
    "spaces",
    "early",
    "nested",
    "pipe",
    "job",
)


@dataclass(frozen=True)
class Place:
    """A folder with a map, and the environment of the shells that run there."""

    folder: Path
    environ: Mapping[str, str]

    def run(self, language: Language, line: str) -> tuple[str, str]:
        """Let the shell run a line; return its stdout and stderr."""
        done = subprocess.run(
            [*language.words, line],
            env={**self.environ, **language.environ},
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return done.stdout, done.stderr

    def console(self, language: Language) -> Console:
        """Put a person before the shell."""
        return Console(language.person, {**self.environ, **language.environ}, self.folder)


def place(folder: Path, variables: Mapping[str, str]) -> Place:
    """Furnish a folder; `variables` are the client credentials."""
    (folder / "scalekit.toml").write_text(MAP)
    # In a file, since a launch takes them out of its child's environment.
    dot_env = folder / ".env"
    bundle = {"SCALEKIT_CA_BUNDLE": variables["SCALEKIT_CA_BUNDLE"]}
    dot_env.write_text("".join(f"{n}={v}\n" for n, v in variables.items() if n not in bundle))
    dot_env.chmod(0o600)
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        "PS1": "$ ",
        **bundle,
    }
    return Place(folder, environ)


def needs(language: Language) -> None:
    if shutil.which(language.words[0]) is None:
        pytest.skip(f"{language.words[0]} is not installed")


def row(language: Language, at: Place) -> dict[str, str]:
    """Run all scenarios under a shell; return what came of each, in a word."""
    found = {
        "launch": _launch(language, at, "gmail", "GMAIL_TOKEN"),
        "status 42": _status(language, at),
        "no `--`": _no_dashes(language, at),
        "`my-mail`": _launch(language, at, "my-mail", "MY_MAIL_TOKEN"),
        "spaces": _spaces(language, at),
        "early": _early(language, at),
        "nested": _nested(language, at),
        "pipe": _pipe(language, at),
    }
    console = at.console(language)
    try:
        found["Ctrl-C"] = _interrupt(language, at, console)
        found["job"] = _job(language, at, console)
    finally:
        console.close()
    return {name: found[name] for name in SCENARIOS}


def _yes(seen: object, condition: object) -> str:
    return "yes" if condition else f"no: {seen}"


def _launch(language: Language, at: Place, service: str, variable: str) -> str:
    out, err = at.run(language, language.launch(service, "--", "sh", "-c", f'echo "${variable}"'))
    return _yes((out, err), out.startswith("sandbox-") and not err)


def _status(language: Language, at: Place) -> str:
    line = language.launch("gmail", "--", "sh", "-c", "exit 42")
    out, err = at.run(language, language.status.format(line))
    match = re.search(r"status=(\S+)", out)
    return match[1] if match else f"no: {out, err}"


def _no_dashes(language: Language, at: Place) -> str:
    out, err = at.run(language, language.status.format(language.launch("gmail", "env")))
    match = re.search(r"status=(\S+)", out)
    told = '"env" is no service' in err and "scalekit-exec gmail -- env" in err
    return match[1] if match and told else f"no: {out, err}"


def _spaces(language: Language, at: Place) -> str:
    words = ["two  words", "it's", "a$HOME", "*", "a\\b", 'say "x"']
    out, err = at.run(language, language.launch("gmail", "--", "printf", "<%s>", *words))
    return _yes((out, err), out == "".join(f"<{word}>" for word in words))


def _early(language: Language, at: Place) -> str:
    line = f"{language.launch('gmail', '--', 'echo')} {language.expanding}"
    out, err = at.run(language, line)
    if err.count("has nothing behind it") == 1 and out == f"{HEADER}\n":
        return "warned"
    # The shell itself refuses what is not set, and nothing was started.
    return "refused" if err and not out else f"no: {out, err}"


def _nested(language: Language, at: Place) -> str:
    words = ("gmail", "--", PROGRAM, "slack", "--", "sh", "-c", 'echo "$SCALEKIT_EXEC"')
    out, err = at.run(language, language.launch(*words))
    return _yes((out, err), out == "gmail=GMAIL_TOKEN,slack=SLACK_TOKEN\n")


def _pipe(language: Language, at: Place) -> str:
    line = f"sh -c {language.quoted('echo before')} | {language.launch('gmail', '--', 'cat')} | cat"
    out, err = at.run(language, line)
    return _yes((out, err), out.strip() == "before" and not err)


def _interrupt(language: Language, at: Place, console: Console) -> str:
    """Press Ctrl-C in a launch, and in the same command without one: the shell tells them alike."""
    script = f"echo $$ >{at.folder}/pid; echo re''ady; exec sleep 30"
    command = ("sh", "-c", script)
    told = []
    for line in (language.launch("gmail", "--", *command), language.line(*command)):
        console.send(language.interrupted.format(line) + "\r")
        console.wait_for("ready")
        console.send("\x03")
        console.send(f"{language.ask}\r" if language.ask else "")
        told.append(console.wait_for(language.told).lower())
        number = int((at.folder / "pid").read_text())
        if _is_alive(number):
            return f"no: {number} lives"
    if told[0] != told[1]:
        return f"no: {told}"
    return "as without" if language.varies else told[0]


def _is_alive(number: int) -> bool:
    end = time.monotonic() + 2
    while os.path.exists(f"/proc/{number}"):
        if time.monotonic() > end:
            return True
        time.sleep(0.01)
    return False


def _job(language: Language, at: Place, console: Console) -> str:
    (at.folder / "go").unlink(missing_ok=True)
    script = "until [ -e go ]; do sleep 0.02; done; echo x$GMAIL_TOKEN >done"
    command = language.launch("gmail", "--", "sh", "-c", script)
    console.send(language.background.format(command) + "\r")
    # The shell goes on meanwhile.
    console.send(language.line("sh", "-c", "echo x >went-on; mv went-on go") + "\r")
    text = console.wait_for_file(at.folder / "done")
    return _yes(text, text.startswith("xsandbox-"))


BEGIN, END = "<!-- scenarios -->", "<!-- end of scenarios -->"


def table(rows: Mapping[str, Mapping[str, str]]) -> str:
    """Return the table of docs/shells.md."""
    lines = [" | ".join(("| shell", *SCENARIOS)) + " |"]
    lines += ["| --- " * (len(SCENARIOS) + 1) + "|"]
    lines += [" | ".join((f"| {name}", *rows[name].values())) + " |" for name in rows]
    return "\n".join(lines)


def written(text: str) -> dict[str, dict[str, str]]:
    """Return the rows of the table in a text."""
    lines = text.partition(BEGIN)[2].partition(END)[0].strip().split("\n")[2:]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {name: dict(zip(SCENARIOS, found, strict=True)) for name, *found in cells}
