# bash completion for scalekit-exec. Made by python -m scalekit_exec.cli.auth.completion; change that, not this.
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

_scalekit_exec() {
    local i word option command options kind replaced=$2
    COMPREPLY=()
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
            _scalekit_command "$((i + 1))"
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
        kind=none
    fi
    case "$command $option" in
        *" -c" | *" --config" | *" --env-file")
            _scalekit_files "$word"
            return
            ;;
        *" --environment" | *" --identifier" | *" --timeout" | *" --min-ttl")
            return
            ;;
        *" --pass")
            _scalekit_offer "$word" "$(compgen -e)"
            return
            ;;
    esac
    case $word in
        -*) kind=${kind:-options} ;;
    esac
    case $command in
        "")
            options="-c --config --env-file --environment --identifier --timeout --min-ttl --wait --no-wait --open --redact --no-redact --serve --serve-only --pristine --pass --keep-credentials --dry-run --sandbox --json -q --quiet -v --verbose --version -h --help --"
            : "${kind:=services}"
            ;;
    esac
    case $kind in
        options) _scalekit_offer "$word" "${options// /$'\n'}" ;;
        services) _scalekit_services "$word" ;;
        files) _scalekit_files "$word" ;;
        words*) _scalekit_offer "$word" "${kind#words }" ;;
    esac
}

complete -F _scalekit_exec scalekit-exec
