"""The completion for fish, from 3.1 on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalekit_exec.shells import quote
from scalekit_exec.shells.completion.definition import PATH, SERVICE, VARIABLE, filled

if TYPE_CHECKING:
    from scalekit_exec.shells.completion.definition import Command, Switch, Value

__all__ = ["script"]

SCRIPT = r"""# fish completion for @NAME@. @MADE@
# To have it in every fish: scalekit-auth completion fish --install

# Whether the words so far are before any "--", and those of this command, if one is named.
function __@FUNCTION@_at
    set -l words (commandline -opc)
    not contains -- -- $words
    and begin
        not set -q argv[1]
        or contains -- $argv[1] $words[2]
    end
end

# The services and groups of the map, also of one that the words so far name with -c; behind an "@"
# the identifiers.
function __@FUNCTION@_services
    set -l words (commandline -opc)
    set -l map
    for i in (seq (count $words))
        switch $words[$i]
            case -c --config
                set map --config=(string replace -r '^~/' "$HOME/" -- $words[(math $i + 1)])
            case '--config=*'
                set map (string replace -r -- '^--config=~/' "--config=$HOME/" $words[$i])
        end
    end
    set -l word (string match -- '*@*' (commandline -ct))
    command scalekit-exec $map --list-words $word 2>/dev/null </dev/null
end

# The command after "--", with its own completion.
function __@FUNCTION@_command
    complete -C (string replace -r '^.*?\s--\s+' '' -- (commandline -cp))
end

complete -c @NAME@ -f
@LINES@
"""


def script(command: Command) -> str:
    """Return the script for one command."""
    lines = []
    if command.commands:
        at = "-n 'test (count (commandline -opc)) -eq 1'"
        lines += [f"{at} -a {each.name} -d {quote.fish(each.text)}" for each in command.commands]
        lines += [f"{at} {_switch(switch)}" for switch in command.switches]
    for name, each in command.each():
        at = f"-n '__{command.function}_at{' ' + name if name else ''}'"
        if each.runs:
            test = f"contains -- -- (commandline -opc); and test (commandline -opc)[2] = {name}"
            behind = test if name else "contains -- -- (commandline -opc)"
            lines.append(f"-n '{behind}' -a '(__{command.function}_command)'")
            lines.append(f"{at} -a -- -d 'the command comes next'")
        if each.words is not None and (action := _words(each.words, command)):
            lines.append(f"{at} {action}")
        lines += [f"{at} {_switch(switch)}" for switch in each.switches]
    text = "\n".join(f"complete -c {command.name} {line}" for line in lines)
    return filled(SCRIPT, lines=text, name=command.name, function=command.function)


def _words(value: Value, command: Command) -> str:
    if value.words:
        return f"-a '{' '.join(value.words)}'"
    if value.kind == SERVICE:
        return f"-a '(__{command.function}_services)'"
    return "-F" if value.kind == PATH else ""


def _switch(switch: Switch) -> str:
    words = []
    if switch.short:
        words.append(f"-s {switch.short[1:]}")
    words.append(f"-l {switch.long[2:]}")
    if switch.value is not None:
        value = switch.value
        if value.words:
            words.append(f"-x -a '{' '.join(value.words)}'")
        else:
            words.append({PATH: "-r -F", VARIABLE: "-x -a '(set -xn)'"}.get(value.kind, "-x"))
    words.append(f"-d {quote.fish(switch.text)}")
    return " ".join(words)
