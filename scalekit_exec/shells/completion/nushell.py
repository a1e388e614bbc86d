"""The completion for nushell, as an external completer before the user's own.

From 0.115 on: it is `commandline complete`, new then, by which the command after `--` gets its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalekit_exec.shells.completion.definition import filled
from scalekit_exec.shells.completion.table import rows
from scalekit_exec.shells.quote import nushell as quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.shells.completion.definition import Command
    from scalekit_exec.shells.completion.table import Row

__all__ = ["script"]

SCRIPT = r"""# nushell completion for @NAMES@. @MADE@
# To have it in every nushell: scalekit-auth completion nushell --install

const scalekit_table = {
@TABLE@
}

# The services and groups of a map, behind an "@" the identifiers.
def "scalekit services" [before: list<string>, word: string] {
    let named = $before | window 2 | where $it.0 in ["-c" "--config"] | each {|pair| $pair.1}
    let joined = $before | where $it starts-with "--config=" | str replace "--config=" ""
    let map = $named | append $joined | each {|path| $"--config=($path | path expand)"} | last 1
    let at = if "@" in $word { [$word] } else { [] }
    try { ^scalekit-exec ...$map --list-words ...$at err> /dev/null | lines } catch { [] }
    | each {|line| $line | split column --number 2 "\t" value description | first}
}

# The command after "--", with its own completion.
def "scalekit behind" [words: list<string>] {
    let line = $words | str join " "
    # "^" and "%" before a name say which kind of command it is, which is nushell's own affair.
    $line | commandline complete --detailed | select value description? | where value !~ "^[%^]"
}

def "scalekit complete" [spans: list<string>] {
    let commands = $scalekit_table | get $spans.0
    let single = "" in $commands and ($commands | columns | length) == 1
    let name = if $single or ($spans | length) < 3 { "" } else { $spans.1 }
    if $name not-in $commands { return [] }
    let command = $commands | get $name
    let before = $spans | drop 1
    let word = $spans | last
    if $command.runs and "--" in $before {
        let at = $before | enumerate | where item == "--" | first | get index
        return (scalekit behind ($spans | skip ($at + 1)))
    }
    let equals = $word starts-with "--" and "=" in $word
    let option = if $equals { $word | split row "=" | first } else { $before | last }
    let kind = if $option in $command.values {
        $command.values | get $option
    } else if $equals {
        ""
    } else if ($word starts-with "-") or ($name == "" and not $single) {
        return ($command.offered | where value starts-with $word)
    } else {
        $command.words
    }
    let head = if $equals and $option in $command.values { $"($option)=" } else { "" }
    let typed = $word | str substring ($head | str length)..
    let found = match $kind {
        "path" if $head == "" => { return null }  # nushell's own, for files
        "path" => { glob $"($typed)*" | path relative-to $env.PWD | wrap value }
        "variable" => { $env | columns | wrap value }
        "service" => { scalekit services $before $typed }
        "anything" | "" => { [] }
        _ => { $kind | wrap value }
    }
    $found | where value starts-with $typed | update value {|one|
        let word = $"($head)($one.value)"
        # A value may come from a map or a file's name: as code of nushell it must be one word.
        if $word =~ '^[\w@+=:,./%-]*$' { $word } else { $word | to json }
    }
}

$env.config.completions.external.completer = do {|previous|
    {|spans|
        if $spans.0 in $scalekit_table {
            scalekit complete $spans
        } else if $previous != null {
            do $previous $spans
        }
    }
} $env.config.completions.external?.completer?
"""


def script(commands: Sequence[Command]) -> str:
    """Return the script for these commands together."""
    lines = []
    for command in commands:
        lines.append(f"    {quoted(command.name)}: {{")
        lines += [f"        {_row(row)}" for row in rows(command)]
        lines.append("    }")
    names = " and ".join(command.name for command in commands)
    return filled(SCRIPT, table="\n".join(lines), names=names)


def _row(row: Row) -> str:
    offered = " ".join(f"[{quoted(word)}, {quoted(text)}]" for word, text in row.offered)
    values = ", ".join(f"{quoted(option)}: {_kind(kind)}" for option, kind in row.values)
    return (
        f"{quoted(row.name)}: {{offered: [[value, description]; {offered}], "
        f"values: {{{values}}}, words: {_kind(row.words)}, runs: {str(row.runs).lower()}}}"
    )


def _kind(kind: str | tuple[str, ...]) -> str:
    return quoted(kind) if isinstance(kind, str) else f"[{', '.join(map(quoted, kind))}]"
