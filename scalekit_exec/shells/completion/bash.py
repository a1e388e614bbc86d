"""The completion for bash, from 3.2 on, with or without the bash-completion package."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalekit_exec.shells.completion.definition import PATH, SERVICE, VARIABLE, filled

if TYPE_CHECKING:
    from scalekit_exec.shells.completion.definition import Command, Value

__all__ = ["script"]

SCRIPT = r"""# bash completion for @NAME@. @MADE@
# To have it in every bash: scalekit-auth completion bash --install

# Offer those of the lines $2 that begin with $1. Readline puts an answer in place of $replaced,
# which begins behind the last "=" or ":" or, without bash-completion, at the last "@"; what stands
# before that is left out of each.
_scalekit_offer() {
    local word=$1 line IFS=$'\n'
    case $replaced in = | :) replaced= ;; esac
    for line in $2; do
        if [[ $line == "$word"* ]]; then
            COMPREPLY+=("${line#"${word%"$replaced"}"}")
        fi
    done
}

_scalekit_files() {
    compopt -o filenames 2>/dev/null # bash 3.2 has no compopt
    _scalekit_offer "$1" "$(compgen -f -- "$1")"
}

# The command after "--": its own completion where bash-completion can find it.
_scalekit_command() {
    local cur=${COMP_WORDS[COMP_CWORD]}
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$1"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif ((COMP_CWORD == $1)) && [[ $cur != */* ]]; then
        _scalekit_offer "$cur" "$(compgen -c -- "$cur" | sort -u)"
    else
        _scalekit_files "$cur"
    fi
}

# The map that the words so far name with -c, as an option for --list-words.
_scalekit_map() {
    local i path
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            -c | --config)
                path=${COMP_WORDS[i + 1]}
                if [[ $path == = ]]; then
                    path=${COMP_WORDS[i + 2]}
                fi
                ;;
        esac
    done
    if [[ $path == "~/"* ]]; then
        path=$HOME/${path#"~/"}
    fi
    if [[ -n $path ]]; then
        printf '%s' "--config=$path"
    fi
}

# The services and groups of the map, behind an "@" the identifiers. In a list that is only looked
# at (COMP_TYPE 63, a second Tab) each has its description.
_scalekit_services() {
    local word=$1 map lines line text IFS=$'\n'
    map=$(_scalekit_map)
    case $word in
        *@*) text=$word ;;
    esac
    lines=$(command scalekit-exec ${map:+"$map"} --list-words ${text:+"$text"} \
        2>/dev/null </dev/null)
    text=
    for line in $lines; do
        if [[ ${COMP_TYPE-} == 63 && $line == "$word"* ]]; then
            text+="${line%%$'\t'*}  (${line#*$'\t'})"$'\n'
        else
            line=${line%%$'\t'*}
            case $line in
                *[!A-Za-z0-9_.,:=@%/+-]*) line=$(printf '%q' "$line") ;;
            esac
            text+=$line$'\n'
        fi
    done
    _scalekit_offer "$word" "$text"
}

_@FUNCTION@() {
    local i word option command options kind replaced=$2
    COMPREPLY=()
@COMMAND@    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
@RUNS@            return
        fi
    done
    # COMP_WORDS is broken at "=", "@" and ":" too, so the word and the one before are the line's.
    option=${COMP_LINE:0:COMP_POINT}
    word=${option##*[[:space:]]}
    option=${option%"$word"}
    option=${option%"${option##*[![:space:]]}"}
    option=${option##*[[:space:]]}
    if [[ $word == --*=* ]]; then
        option=${word%%=*}
        word=${word#*=}
        kind=none
    fi
    case "$command $option" in
@VALUES@
    esac
    case $word in
        -*) kind=${kind:-options} ;;
    esac
    case $command in
@OPTIONS@
    esac
    case $kind in
        options) _scalekit_offer "$word" "${options// /$'\n'}" ;;
        services) _scalekit_services "$word" ;;
        files) _scalekit_files "$word" ;;
        words*) _scalekit_offer "$word" "${kind#words }" ;;
    esac
}

complete -F _@FUNCTION@ @NAME@
"""

COMMAND = r"""    command=${COMP_WORDS[1]}
    if ((COMP_CWORD == 1)); then
        _scalekit_offer "$command" "@COMMANDS@"
        return
    fi
"""


def script(command: Command) -> str:
    """Return the script for one command."""
    first = ""
    if command.commands:
        names = [*(each.name for each in command.commands), *_names(command)]
        first = filled(COMMAND, commands="\n".join(names))
    runs = [name for name, each in command.each() if each.runs]
    call = '            _scalekit_command "$((i + 1))"\n'
    if command.commands and runs:
        call = f"            [[ $command == {' | '.join(runs)} ]] && {call.strip()}\n"
    return filled(
        SCRIPT,
        command=first,
        runs=call if runs else "",
        values="\n".join(_values(command)),
        options="\n".join(_options(command)),
        name=command.name,
        function=f"{command.function}",
    )


def _names(command: Command) -> list[str]:
    return [name for switch in command.switches for name in switch.names]


def _values(command: Command) -> list[str]:
    """Return what completes the value of each option; alike for all commands, if they agree."""
    places: dict[str, dict[str, list[str]]] = {}
    for name, each in command.each():
        for switch in each.switches:
            if switch.value is not None:
                for option in switch.names:
                    places.setdefault(option, {}).setdefault(_action(switch.value), []).append(name)
    cases: dict[str, list[str]] = {}
    for option, actions in places.items():
        for action, names in actions.items():
            patterns = (
                [f'*" {option}"'] if len(actions) == 1 else [f'"{n} {option}"' for n in names]
            )
            cases.setdefault(action, []).extend(patterns)
    lines = []
    for action, patterns in cases.items():
        lines += [f"        {' | '.join(patterns)})"]
        lines += [f"            {action}"] if action else []
        lines += ["            return", "            ;;"]
    return lines


def _action(value: Value) -> str:
    if value.words:
        return f'_scalekit_offer "$word" "{_lines(value.words)}"'
    return {
        PATH: '_scalekit_files "$word"',
        VARIABLE: '_scalekit_offer "$word" "$(compgen -e)"',
        SERVICE: '_scalekit_services "$word"',
    }.get(value.kind, "")


def _options(command: Command) -> list[str]:
    lines = []
    for name, each in command.each():
        names = [*_names(each), *(["--"] if each.runs else [])]
        lines += [
            f"        {name or chr(34) * 2})",
            f'            options="{" ".join(names)}"',
            f'            : "${{kind:={_kind(each.words)}}}"',
            "            ;;",
        ]
    return lines


def _kind(words: Value | None) -> str:
    if words is None:
        return "none"
    if words.words:
        return "words " + _lines(words.words)
    return {SERVICE: "services", PATH: "files"}.get(words.kind, "none")


def _lines(words: tuple[str, ...] | list[str]) -> str:
    return "\n".join(words)
