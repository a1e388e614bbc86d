# bash completion for scalekit-auth. Made by python -m scalekit_exec.cli.auth.completion; change that, not this.
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

_scalekit_auth() {
    local i word option command options kind replaced=$2
    COMPREPLY=()
    command=${COMP_WORDS[1]}
    if ((COMP_CWORD == 1)); then
        _scalekit_offer "$command" "authorize
completion
config
connections
daemon
detect
doctor
export
import
list
login
logout
redact
sandbox
status
token
--version
-h
--help"
        return
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        if [[ ${COMP_WORDS[i]} == -- ]]; then
            [[ $command == sandbox ]] && _scalekit_command "$((i + 1))"
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
        *" -c" | *" --config" | *" --env-file" | *" --scenario" | *" --ca-file")
            _scalekit_files "$word"
            return
            ;;
        *" --environment" | *" --identifier" | *" --timeout" | *" --provider" | *" --cache" | *" --min-ttl" | *" --url" | *" --client-id" | *" --port" | *" --lifetime")
            return
            ;;
        *" --env")
            _scalekit_offer "$word" "$(compgen -e)"
            return
            ;;
        *" --format")
            _scalekit_offer "$word" "sh
fish
powershell
nushell
elvish
xonsh
tcsh
cmd
json
dotenv
github"
            return
            ;;
        *" --store")
            _scalekit_offer "$word" "keyring
env"
            return
            ;;
    esac
    case $word in
        -*) kind=${kind:-options} ;;
    esac
    case $command in
        authorize)
            options="--open --force --wait --no-wait -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
            : "${kind:=services}"
            ;;
        completion)
            options="--install -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
            : "${kind:=words bash
zsh
fish
yash
nushell
elvish
tcsh
xonsh
powershell}"
            ;;
        config)
            options="--env --remove --project -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
            : "${kind:=services}"
            ;;
        connections)
            options="--provider -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
            : "${kind:=none}"
            ;;
        daemon)
            options="--cache -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
            : "${kind:=words start
status
stop}"
            ;;
        detect)
            options="-c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
            : "${kind:=none}"
            ;;
        doctor)
            options="-c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
            : "${kind:=services}"
            ;;
        export)
            options="--format --min-ttl --show -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
            : "${kind:=services}"
            ;;
        import)
            options="--dry-run --project --force --credentials -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
            : "${kind:=files}"
            ;;
        list)
            options="-c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
            : "${kind:=services}"
            ;;
        login)
            options="--url --client-id --secret-stdin --store -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
            : "${kind:=none}"
            ;;
        logout)
            options="--purge -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
            : "${kind:=none}"
            ;;
        redact)
            options="-c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
            : "${kind:=services}"
            ;;
        sandbox)
            options="--scenario --port --ca-file --lifetime -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help --"
            : "${kind:=none}"
            ;;
        status)
            options="--check -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
            : "${kind:=services}"
            ;;
        token)
            options="--min-ttl --show -c --config --env-file --environment --identifier --timeout --json -q --quiet -v --verbose -h --help"
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

complete -F _scalekit_auth scalekit-auth
