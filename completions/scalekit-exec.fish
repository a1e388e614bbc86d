# fish completion for scalekit-exec. Made by python -m scalekit_exec.cli.auth.completion; change that, not this.
# To have it in every fish: scalekit-auth completion fish --install

# Whether the words so far are before any "--", and those of this command, if one is named.
function __scalekit_exec_at
    set -l words (commandline -opc)
    not contains -- -- $words
    and begin
        not set -q argv[1]
        or contains -- $argv[1] $words[2]
    end
end

# The services and groups of the map, also of one that the words so far name with -c; behind an "@"
# the identifiers.
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
    set -l word (string match -- '*@*' (commandline -ct))
    command scalekit-exec $map --list-words $word 2>/dev/null </dev/null
end

# The command after "--", with its own completion.
function __scalekit_exec_command
    complete -C (string replace -r '^.*?\s--\s+' '' -- (commandline -cp))
end

complete -c scalekit-exec -f
complete -c scalekit-exec -n 'contains -- -- (commandline -opc)' -a '(__scalekit_exec_command)'
complete -c scalekit-exec -n '__scalekit_exec_at' -a -- -d 'the command comes next'
complete -c scalekit-exec -n '__scalekit_exec_at' -a '(__scalekit_exec_services)'
complete -c scalekit-exec -n '__scalekit_exec_at' -s c -l config -r -F -d 'the map to use instead of the project\'s'
complete -c scalekit-exec -n '__scalekit_exec_at' -l env-file -r -F -d 'Scalekit\'s credentials'
complete -c scalekit-exec -n '__scalekit_exec_at' -l environment -x -d 'one of your own file\'s [environments.NAME]'
complete -c scalekit-exec -n '__scalekit_exec_at' -l identifier -x -d 'for every service that is named without @'
complete -c scalekit-exec -n '__scalekit_exec_at' -l timeout -x -d 'for the whole resolution (30)'
complete -c scalekit-exec -n '__scalekit_exec_at' -l min-ttl -x -d 'how long a token must live yet (60; given: or fail)'
complete -c scalekit-exec -n '__scalekit_exec_at' -l wait -d 'for a person to authorize (300)'
complete -c scalekit-exec -n '__scalekit_exec_at' -l no-wait -d 'hand the link over and end (where nobody looks on)'
complete -c scalekit-exec -n '__scalekit_exec_at' -l open -d 'wait, and open the link in the browser'
complete -c scalekit-exec -n '__scalekit_exec_at' -l redact -d 'hide secrets in the command\'s output'
complete -c scalekit-exec -n '__scalekit_exec_at' -l no-redact -d 'do not, whatever your file says'
complete -c scalekit-exec -n '__scalekit_exec_at' -l serve -d 'stay, and give the command fresh tokens as it runs'
complete -c scalekit-exec -n '__scalekit_exec_at' -l serve-only -d 'the same, and no token in its environment'
complete -c scalekit-exec -n '__scalekit_exec_at' -l pristine -d 'start from a nearly empty environment'
complete -c scalekit-exec -n '__scalekit_exec_at' -l pass -x -a '(set -xn)' -d 'with --pristine: keep NAME too (NAME* too)'
complete -c scalekit-exec -n '__scalekit_exec_at' -l keep-credentials -d 'leave Scalekit\'s own credentials in it'
complete -c scalekit-exec -n '__scalekit_exec_at' -l dry-run -d 'say what would be set and from where; no network'
complete -c scalekit-exec -n '__scalekit_exec_at' -l sandbox -d 'ask an emulator instead of Scalekit'
complete -c scalekit-exec -n '__scalekit_exec_at' -l json -d 'failures as JSON lines on stderr'
complete -c scalekit-exec -n '__scalekit_exec_at' -s q -l quiet -d 'errors only'
complete -c scalekit-exec -n '__scalekit_exec_at' -s v -l verbose -d 'say what happens, never a value'
complete -c scalekit-exec -n '__scalekit_exec_at' -l version -d 'say which version this is'
complete -c scalekit-exec -n '__scalekit_exec_at' -s h -l help -d 'say this'
