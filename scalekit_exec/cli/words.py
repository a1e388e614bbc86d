"""The words of `scalekit-exec`: one table of options, one parser that shortens nothing.

argparse would cost a launch 4 to 8 ms, accepts abbreviations, and looks beyond `--`.
"""

from __future__ import annotations

from scalekit_exec.clock import LONGEST, read_seconds
from scalekit_exec.errors import UsageError, nearest, shown, typed
from scalekit_exec.record import record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "OPTIONS",
    "PATIENCE",
    "Option",
    "Words",
    "is_on",
    "parse",
    "refuse_blank",
    "seconds",
    "split",
    "wants_json",
]

PATIENCE = 300.0
# Programs that take a script after -c, as our own tip has it.
INTERPRETERS = (
    "sh",
    "bash",
    "zsh",
    "dash",
    "ksh",
    "fish",
    "python",
    "python3",
    "tcsh",
    "nu",
    "pwsh",
)
TRUE_WORDS = ("1", "true", "yes", "on")
FALSE_WORDS = ("0", "false", "no", "off")


@record
class Option:
    """One option: `value` is the word for its value in the help, "" for a switch.

    `variable` is the environment variable that stands for it where it is not given; a value that is
    `optional` is only taken after `=`.
    """

    long: str
    text: str
    short: str = ""
    value: str = ""
    variable: str = ""
    repeated: bool = False
    optional: bool = False
    hidden: bool = False


OPTIONS = (
    Option(
        "--config",
        "the map to use instead of the project's",
        "-c",
        "PATH",
        "SCALEKIT_EXEC_CONFIG",
    ),
    Option("--env-file", "Scalekit's credentials", "", "PATH", "SCALEKIT_EXEC_ENV_FILE"),
    Option(
        "--environment",
        "one of your own file's [environments.NAME]",
        "",
        "NAME",
        "SCALEKIT_EXEC_ENVIRONMENT",
    ),
    Option(
        "--identifier",
        "for every service that is named without @",
        "",
        "ID",
        "SCALEKIT_EXEC_IDENTIFIER",
    ),
    Option("--timeout", "for the whole resolution (30)", "", "SECONDS", "SCALEKIT_EXEC_TIMEOUT"),
    Option(
        "--min-ttl",
        "how long a token must live yet (60; given: or fail)",
        "",
        "SECONDS",
        "SCALEKIT_EXEC_MIN_TTL",
    ),
    Option(
        "--wait",
        "for a person to authorize (300)",
        "",
        "SECONDS",
        "SCALEKIT_EXEC_WAIT",
        optional=True,
    ),
    Option("--no-wait", "hand the link over and end (where nobody looks on)"),
    Option("--open", "wait, and open the link in the browser"),
    Option("--redact", "hide secrets in the command's output", variable="SCALEKIT_EXEC_REDACT"),
    Option("--no-redact", "do not, whatever your file says"),
    Option("--serve", "stay, and give the command fresh tokens as it runs"),
    Option("--serve-only", "the same, and no token in its environment"),
    Option("--pristine", "start from a nearly empty environment"),
    Option("--pass", "with --pristine: keep NAME too (NAME* too)", "", "NAME", repeated=True),
    Option("--keep-credentials", "leave Scalekit's own credentials in it"),
    Option("--dry-run", "say what would be set and from where; no network"),
    Option("--sandbox", "ask an emulator instead of Scalekit"),
    Option("--json", "failures as JSON lines on stderr", variable="SCALEKIT_EXEC_JSON"),
    Option("--quiet", "errors only", "-q"),
    Option("--verbose", "say what happens, never a value", "-v"),
    Option("--list-words", "list services and groups, for completion", hidden=True),
    Option("--version", "say which version this is"),
    Option("--help", "say this", "-h"),
)
_OPPOSITES = {"--redact": "--no-redact", "--no-redact": "--redact"}
_BY_NAME = {name: option for option in OPTIONS for name in (option.long, option.short) if name}


@record
class Words:
    """A parsed command line; `command` is None where there was no `--`.

    `timeout`, `min_ttl` and `wait` are in seconds; `wait` is 0 for not at all, None if not given.
    """

    services: tuple[str, ...]
    command: tuple[str, ...] | None
    values: Mapping[str, str]
    switches: frozenset[str]
    passed: tuple[str, ...]
    timeout: float
    min_ttl: float | None
    wait: float | None

    def value(self, name: str) -> str | None:
        """Return an option's value, or that of its variable, or None."""
        return self.values.get(name)

    def on(self, name: str) -> bool:
        """Tell whether a switch is on."""
        return name in self.switches

    @property
    def redact(self) -> bool | None:
        """Whether to hide secrets in the output; None where nobody said."""
        return self.on("--redact") if self.switches & _OPPOSITES.keys() else None


def split(argv: Sequence[str]) -> tuple[list[str], tuple[str, ...] | None]:
    """Split at the first `--`: ours before it, the command after it, untouched."""
    words = list(argv)
    if "--" not in words:
        return words, None
    at = words.index("--")
    return words[:at], tuple(words[at + 1 :])


def wants_json(argv: Sequence[str], environ: Mapping[str, str]) -> bool:
    """Tell whether errors are to be JSON, before anything is known to be right."""
    given = environ.get("SCALEKIT_EXEC_JSON", "").lower() in TRUE_WORDS
    return given or "--json" in split(argv)[0]


def parse(argv: Sequence[str], environ: Mapping[str, str]) -> Words:
    """Parse the command line, with the variables as defaults; raises UsageError `usage`."""
    own, command = split(argv)
    refuse_blank(own)
    if command is None:
        _refuse_script(own)
    values: dict[str, str] = {}
    switches: set[str] = set()
    passed: list[str] = []
    services: list[str] = []
    rest = iter(own)
    for word in rest:
        if not word.startswith("-") or word == "-":
            services.append(word)
            continue
        for option, value in _options(word):
            if option.long == "--no-wait":
                values["--wait"] = "0"
                continue
            if option.optional:
                values[option.long] = value or ""
                continue
            if not option.value:
                switches.add(option.long)
                switches.discard(_OPPOSITES.get(option.long, ""))
                continue
            taken = next(rest, None) if value is None else value
            if taken is None or (value is None and taken.startswith("--")):
                raise UsageError(
                    "usage",
                    f"{option.long} needs a value: {option.long} {option.value}",
                    _see_help(),
                )
            if option.repeated:
                passed.append(taken)
            else:
                values[option.long] = taken
    given = frozenset(values)
    check_sources(values.get("--env-file"), values.get("--environment"))
    _defaults(values, switches, environ)
    words = (tuple(services), command, values, frozenset(switches), tuple(passed))
    timeout = seconds(values, "--timeout", above_zero=True, typed="--timeout" in given)
    min_ttl = seconds(values, "--min-ttl", above_zero=False, typed="--min-ttl" in given)
    wait = _patience(values, lasting="--open" in switches, typed="--wait" in given)
    return Words(*words, 30.0 if timeout is None else timeout, min_ttl, wait)


def check_sources(env_file: str | None, environment: str | None) -> None:
    """Refuse two sources of credentials that were typed. Raises UsageError `usage`.

    Two variables are refused where credentials are looked for: most commands need none.
    """
    if env_file is not None and environment is not None:
        from scalekit_exec.credentials import two_sources

        raise two_sources()


def refuse_blank(words: Sequence[str]) -> None:
    """Refuse `--wait 30`: the number would be taken for a service. Raises UsageError `usage`."""
    for at, number in enumerate(words[1:]):
        if words[at] == "--wait" and number.isascii() and number.replace(".", "", 1).isdigit():
            raise UsageError(
                "usage",
                f"--wait takes its value after =, and {shown(number, 40)} stands by itself",
                f"--wait={shown(number, 40)}; a service of that name goes before --wait",
            )


def _refuse_script(words: Sequence[str]) -> None:
    """Refuse `sh -c SCRIPT` without a `--` before it: the script would be taken for a map's path.

    Raises UsageError `usage`.
    """
    for at, word in enumerate(words[1:]):
        if word == "-c" and words[at].rpartition("/")[2] in INTERPRETERS:
            if (at > 0 and _takes_next(words[at - 1])) or _may_be_map(words[at + 2 : at + 3]):
                continue  # a value or a service, with a map behind it
            line = " ".join(map(typed, [*words[:at], "--", *words[at:]]))
            raise UsageError(
                "usage",
                f'no "--" between the services and the command; "{shown(words[at])}" is no service',
                f"scalekit-exec {line}",
            )


def _takes_next(word: str) -> bool:
    """Tell whether the word after this one is an option's value."""
    return any(each.value and not each.optional and word == each.long for each in OPTIONS)


def _may_be_map(words: Sequence[str]) -> bool:
    """Tell whether a word is a map by its name, or a pipe of a shell's."""
    import os

    return any(
        os.path.isfile(word) if word.endswith((".toml", ".json")) else word.startswith("/dev/fd/")
        for word in words
    )


def _see_help() -> str:
    return "see scalekit-exec --help"


def _options(word: str) -> list[tuple[Option, str | None]]:
    """Read one word into its options: `--long`, `--long=VALUE`, `-qv`, `-cPATH`."""
    if word.startswith("--"):
        name, equals, value = word.partition("=")
        option = _known(name)
        if equals and not option.value:
            raise UsageError("usage", f"{name} takes no value", f"write just {name}")
        return [(option, value if equals else None)]
    found: list[tuple[Option, str | None]] = []
    for index, letter in enumerate(word[1:], start=1):
        option = _known(f"-{letter}", word)
        if option.value:
            return [*found, (option, word[index + 1 :].removeprefix("=") or None)]
        found.append((option, None))
    return found


def _known(name: str, word: str = "") -> Option:
    if name in _BY_NAME:
        return _BY_NAME[name]
    meant: list[str] = []
    if name.startswith("--"):
        known = [option.long for option in OPTIONS if not option.hidden]
        near = nearest(name[2:], [long[2:] for long in known])
        meant = [long for long in known if long.startswith(name)] or ([f"--{near}"] if near else [])
    shown_name = shown(word or name)
    guess = f"; did you mean {' or '.join(meant)}?" if meant else ""
    hint = _see_help()
    if not meant:
        hint = (
            "options of the command belong after --: scalekit-exec SERVICE... -- COMMAND "
            f"{shown_name}; {hint} for ours"
        )
    raise UsageError("usage", f"there is no option {shown_name}{guess}", hint)


def _defaults(values: dict[str, str], switches: set[str], environ: Mapping[str, str]) -> None:
    """Let the variables stand for options that were not given; an empty one is unset.

    Where the command line names one source of credentials, a variable does not name the other.
    """
    sourced = "--environment" in values or "--env-file" in values
    for option in OPTIONS:
        given = environ.get(option.variable, "") if option.variable else ""
        if not given or {option.long, _OPPOSITES.get(option.long)} & {*values, *switches}:
            continue
        if sourced and option.long in ("--environment", "--env-file"):
            continue
        if option.value:
            values[option.long] = given
        elif is_on(option.variable, environ):
            switches.add(option.long)
        elif option.long in _OPPOSITES:
            switches.add(_OPPOSITES[option.long])


def is_on(variable: str, environ: Mapping[str, str]) -> bool:
    """Tell whether a variable switches on what it stands for; UsageError for another word."""
    given = environ.get(variable, "")
    if given and given.lower() not in TRUE_WORDS + FALSE_WORDS:
        raise UsageError(
            "usage",
            f"{variable} is {shown(given, 40)}",
            f"set {variable} to 1 or 0, or unset it",
        )
    return given.lower() in TRUE_WORDS


def _patience(values: Mapping[str, str], *, lasting: bool, typed: bool) -> float | None:
    """Return how long to wait for a person: 0 for not at all, None where nobody said.

    `lasting`: a wait there must be, and it is only a variable that may say otherwise. That may be
    set for other launches, so it does not count then.
    """
    text = values.get("--wait")
    if text is None:
        return None
    if text == "" or text.lower() in TRUE_WORDS[1:]:
        return PATIENCE
    is_no = text.lower() in FALSE_WORDS
    given = 0.0 if is_no else seconds(values, "--wait", above_zero=False, typed=typed)
    return None if lasting and given == 0 and not typed else given


def seconds(
    values: Mapping[str, str], name: str, *, above_zero: bool, typed: bool = True
) -> float | None:
    """Read an option's value as seconds, at most a day; None where it was not given.

    Raises UsageError `usage`, which names the option, or its variable where nobody `typed` it.
    """
    text = values.get(name)
    if text is None:
        return None
    number = read_seconds(text, above_zero=above_zero)
    if number is None:
        least = "above 0" if above_zero else "from 0"
        option = _BY_NAME[name]
        given = f"{name}{'=' if option.optional else ' '}"
        hint = f"give it as {given}30"
        if not typed:
            given = f"{option.variable}="
            hint = f"set {option.variable} to 30, or unset it"
        raise UsageError(
            "usage",
            f"{given}{shown(text, 40)} is no number of seconds {least} to {LONGEST:.0f}",
            hint,
        )
    return number
