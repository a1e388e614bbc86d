"""The completion scripts of `scalekit-exec` for bash, zsh and fish, made from its table of options.

`python -m scalekit_exec.shells.completion` writes them to `completions/`, where a test compares
them with what is made here. A script asks `scalekit-exec --list-words` for the services, which
reads the map and nothing else: pressing Tab sends nothing over the network. It asks the program on
PATH, never the word as typed, so that Tab runs no `./scalekit-exec` of a repository.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.cli.words import Option

__all__ = ["FILES", "bash", "fish", "main", "scripts", "zsh"]

FILES = {"bash": "scalekit-exec.bash", "zsh": "_scalekit-exec", "fish": "scalekit-exec.fish"}
MADE = "Made by python -m scalekit_exec.shells.completion; change that, not this."
PATH = "PATH"
VARIABLE = "--pass"

BASH = r"""# bash completion for scalekit-exec. @MADE@

# Offer those of the lines $2 that begin with $1. What bash takes for the beginning of the word, up
# to the last of COMP_WORDBREAKS ("=", "@" and ":" are among them), is left out of each.
_scalekit_exec_offer() {
    local word=$1 cur=${COMP_WORDS[COMP_CWORD]} line IFS=$'\n'
    case $cur in = | @ | :) cur= ;; esac
    for line in $2; do
        if [[ $line == "$word"* ]]; then
            COMPREPLY+=("${line#"${word%"$cur"}"}")
        fi
    done
}

_scalekit_exec_files() {
    compopt -o filenames 2>/dev/null # bash 3.2 has no compopt
    _scalekit_exec_offer "$1" "$(compgen -f -- "$1")"
}

# The command after "--": its own completion where bash-completion can find it.
_scalekit_exec_command() {
    local cur=${COMP_WORDS[COMP_CWORD]}
    if declare -F _comp_command_offset >/dev/null; then
        _comp_command_offset "$1"
    elif declare -F _command_offset >/dev/null; then
        _command_offset "$1"
    elif ((COMP_CWORD == $1)) && [[ $cur != */* ]]; then
        _scalekit_exec_offer "$cur" "$(compgen -c -- "$cur" | sort -u)"
    else
        _scalekit_exec_files "$cur"
    fi
}

# The map that the words so far name with -c, as an option for --list-words.
_scalekit_exec_map() {
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

_scalekit_exec() {
    local i word option map
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
            _scalekit_exec_command "$((i + 1))"
            return
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
    fi
    case $option in
        @FILE_OPTIONS@)
            _scalekit_exec_files "$word"
            return
            ;;
        @VARIABLE_OPTIONS@)
            _scalekit_exec_offer "$word" "$(compgen -e)"
            return
            ;;
        @OTHER_OPTIONS@)
            return
            ;;
    esac
    case $word in
        -*)
            _scalekit_exec_offer "$word" "@OPTIONS@"
            ;;
        *)
            map=$(_scalekit_exec_map)
            _scalekit_exec_offer "$word" "$(
                command scalekit-exec ${map:+"$map"} --list-words 2>/dev/null </dev/null | cut -f 1
            )"
            ;;
    esac
}

complete -F _scalekit_exec scalekit-exec
"""

ZSH = r"""#compdef scalekit-exec
# zsh completion for scalekit-exec. @MADE@

# The services and groups of the map; opt_args has a map that was named with -c.
_scalekit-exec_services() {
  local map=${(Q)${opt_args[--config]:-$opt_args[-c]}} line
  local -a services
  map=${map/#\~\//$HOME/}
  for line in ${(f)"$(command scalekit-exec ${map:+--config=$map} --list-words \
      2>/dev/null </dev/null)"}; do
    services+=("${line%%$'\t'*}:${line#*$'\t'}")
  done
  _describe -t services service services
}

_scalekit-exec() {
  local -i dashes=${words[(i)--]}
  local -A opt_args
  if (( dashes < CURRENT )); then
    # The command after "--", with its own completion.
    shift $dashes words
    (( CURRENT -= dashes ))
    _normal
    return
  fi
  [[ $PREFIX == -(|-) ]] && compadd -- --
  _arguments -s \
@OPTIONS@
    '*:service:_scalekit-exec_services'
}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _scalekit-exec "$@"
else
  compdef _scalekit-exec scalekit-exec
fi
"""

FISH = r"""# fish completion for scalekit-exec. @MADE@

function __scalekit_exec_ours --description 'Whether the cursor is before the first "--"'
    not contains -- -- (commandline -opc)
end

# The services and groups of the map, also of one that the words so far name with -c.
function __scalekit_exec_services
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
    command scalekit-exec $map --list-words 2>/dev/null </dev/null
end

# The command after "--", with its own completion.
function __scalekit_exec_command
    complete -C (string replace -r '^.*?\s--\s+' '' -- (commandline -cp))
end

complete -c scalekit-exec -f
complete -c scalekit-exec -n 'not __scalekit_exec_ours' -a '(__scalekit_exec_command)'
complete -c scalekit-exec -n __scalekit_exec_ours -a '(__scalekit_exec_services)'
complete -c scalekit-exec -n __scalekit_exec_ours -a -- -d 'the command comes next'
@OPTIONS@
"""


def scripts(options: Sequence[Option]) -> dict[str, str]:
    """Return the scripts by the names of their files; hidden options are in none of them."""
    shown = [option for option in options if not option.hidden]
    return {
        FILES["bash"]: bash(shown),
        FILES["zsh"]: zsh(shown),
        FILES["fish"]: fish(shown),
    }


def _filled(script: str, **parts: str) -> str:
    for name, text in {"made": MADE, **parts}.items():
        script = script.replace(f"@{name.upper()}@", text)
    return script


def _names(option: Option) -> list[str]:
    return [option.short, option.long] if option.short else [option.long]


def bash(options: Sequence[Option]) -> str:
    """Return the script for bash, from 3.2 on, with or without the bash-completion package."""
    files = [name for o in options if o.value == PATH for name in _names(o)]
    others = [o.long for o in options if o.value not in ("", PATH) and o.long != VARIABLE]
    names = [name for option in options for name in _names(option)]
    return _filled(
        BASH,
        file_options=" | ".join(files),
        variable_options=VARIABLE,
        other_options=" | ".join(others),
        options="\n".join([*names, "--"]),
    )


def zsh(options: Sequence[Option]) -> str:
    """Return the script for zsh, to be put as `_scalekit-exec` into a folder of fpath."""
    return _filled(ZSH, options="\n".join(f"    {_zsh_spec(option)} \\" for option in options))


def _zsh_spec(option: Option) -> str:
    text = "".join(f"\\{c}" if c in "[]:\\" else c for c in option.text).replace("'", "'\\''")
    action = ""
    if option.value:
        do = "_files" if option.value == PATH else ""
        do = "_parameters -g '\\''*export*'\\''" if option.long == VARIABLE else do
        action = f":{option.value}:{do}"
    equals = "=" if option.value else ""
    if option.short:
        plus = "+" if option.value else ""
        names = f"{{{option.short}{plus},{option.long}{equals}}}"
        return f"'({option.short} {option.long})'{names}'[{text}]{action}'"
    before = "*" if option.repeated else ""
    return f"'{before}{option.long}{equals}[{text}]{action}'"


def fish(options: Sequence[Option]) -> str:
    """Return the script for fish, from 3.1 on."""
    return _filled(FISH, options="\n".join(_fish_line(option) for option in options))


def _fish_line(option: Option) -> str:
    words = ["complete -c scalekit-exec -n __scalekit_exec_ours"]
    if option.short:
        words.append(f"-s {option.short[1:]}")
    words.append(f"-l {option.long[2:]}")
    if option.value == PATH:
        words.append("-r -F")
    elif option.long == VARIABLE:
        words.append("-x -a '(set -xn)'")
    elif option.value:
        words.append("-x")
    text = option.text.replace("\\", "\\\\").replace("'", "\\'")
    words.append(f"-d '{text}'")
    return " ".join(words)


def main() -> None:
    """Write the scripts to `completions/` of the source tree that this module is part of."""
    from scalekit_exec.cli.words import OPTIONS

    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    for name, text in scripts(OPTIONS).items():
        with open(os.path.join(root, "completions", name), "w", encoding="utf-8") as file:
            file.write(text)


if __name__ == "__main__":
    main()
