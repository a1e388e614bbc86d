# fish completion for scalekit-exec. Made by python -m scalekit_exec.shells.completion; change that, not this.

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
complete -c scalekit-exec -n __scalekit_exec_ours -s c -l config -r -F -d 'the map to use instead of the project\'s'
complete -c scalekit-exec -n __scalekit_exec_ours -l env-file -r -F -d 'Scalekit\'s credentials'
complete -c scalekit-exec -n __scalekit_exec_ours -l environment -x -d '[environments.NAME] of your file instead of [scalekit]'
complete -c scalekit-exec -n __scalekit_exec_ours -l identifier -x -d 'for every service that is named without @'
complete -c scalekit-exec -n __scalekit_exec_ours -l timeout -x -d 'for the whole resolution (30)'
complete -c scalekit-exec -n __scalekit_exec_ours -l min-ttl -x -d 'how long a token must live yet (60; given: or fail)'
complete -c scalekit-exec -n __scalekit_exec_ours -l pristine -d 'start from a nearly empty environment'
complete -c scalekit-exec -n __scalekit_exec_ours -l pass -x -a '(set -xn)' -d 'with --pristine: keep NAME too (NAME* too)'
complete -c scalekit-exec -n __scalekit_exec_ours -l keep-credentials -d 'leave Scalekit\'s own credentials in it'
complete -c scalekit-exec -n __scalekit_exec_ours -l dry-run -d 'say what would be set and from where; no network'
complete -c scalekit-exec -n __scalekit_exec_ours -l sandbox -d 'ask an emulator instead of Scalekit'
complete -c scalekit-exec -n __scalekit_exec_ours -l json -d 'failures as JSON lines on stderr'
complete -c scalekit-exec -n __scalekit_exec_ours -s q -l quiet -d 'errors only'
complete -c scalekit-exec -n __scalekit_exec_ours -s v -l verbose -d 'say what happens, never a value'
complete -c scalekit-exec -n __scalekit_exec_ours -l version -d 'say which version this is'
complete -c scalekit-exec -n __scalekit_exec_ours -s h -l help -d 'say this'
