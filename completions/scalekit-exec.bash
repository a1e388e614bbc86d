# bash completion for scalekit-exec. Made by python -m scalekit_exec.shells.completion; change that, not this.

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
        -c | --config | --env-file)
            _scalekit_exec_files "$word"
            return
            ;;
        --pass)
            _scalekit_exec_offer "$word" "$(compgen -e)"
            return
            ;;
        --environment | --identifier | --timeout | --min-ttl)
            return
            ;;
    esac
    case $word in
        -*)
            _scalekit_exec_offer "$word" "-c
--config
--env-file
--environment
--identifier
--timeout
--min-ttl
--pristine
--pass
--keep-credentials
--dry-run
--sandbox
--json
-q
--quiet
-v
--verbose
--version
-h
--help
--"
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
