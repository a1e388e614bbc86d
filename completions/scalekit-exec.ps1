# PowerShell completion for scalekit-exec and scalekit-auth. Made by python -m scalekit_exec.cli.auth.completion; change that, not this.
# To have it in every PowerShell: scalekit-auth completion powershell --install

& {
    $table = @{
        'scalekit-exec' = @{
            '' = @{ offered = @(@('-c', 'the map to use instead of the project''s'), @('--config', 'the map to use instead of the project''s'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'one of your own file''s [environments.NAME]'), @('--identifier', 'for every service that is named without @'), @('--timeout', 'for the whole resolution (30)'), @('--min-ttl', 'how long a token must live yet (60; given: or fail)'), @('--wait', 'for a person to authorize (300)'), @('--no-wait', 'hand the link over and end (where nobody looks on)'), @('--open', 'wait, and open the link in the browser'), @('--redact', 'hide secrets in the command''s output'), @('--no-redact', 'do not, whatever your file says'), @('--serve', 'stay, and give the command fresh tokens as it runs'), @('--serve-only', 'the same, and no token in its environment'), @('--pristine', 'start from a nearly empty environment'), @('--pass', 'with --pristine: keep NAME too (NAME* too)'), @('--keep-credentials', 'leave Scalekit''s own credentials in it'), @('--dry-run', 'say what would be set and from where; no network'), @('--sandbox', 'ask an emulator instead of Scalekit'), @('--json', 'failures as JSON lines on stderr'), @('-q', 'errors only'), @('--quiet', 'errors only'), @('-v', 'say what happens, never a value'), @('--verbose', 'say what happens, never a value'), @('--version', 'say which version this is'), @('-h', 'say this'), @('--help', 'say this'), @('--', 'the command comes next')); values = @{ '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything'; '--min-ttl' = 'anything'; '--pass' = 'variable' }; words = 'service'; runs = $true }
        }
        'scalekit-auth' = @{
            'authorize' = @{ offered = @(@('--open', 'Open the link in the browser'), @('--force', 'Authorize anew what is ACTIVE, for other scopes'), @('--wait', 'For the person (300)'), @('--no-wait', 'Show the link and end'), @('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = 'service'; runs = $false }
            'completion' = @{ offered = @(@('--install', 'Write it to the shell''s folder in your home'), @('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = @('bash', 'zsh', 'fish', 'yash', 'nushell', 'elvish', 'tcsh', 'xonsh', 'powershell'); runs = $false }
            'config' = @{ offered = @(@('--env', 'Sets this; may be repeated'), @('--remove', 'Take SERVICE out of the map and its groups'), @('--project', 'Write scalekit.toml in this folder'), @('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '--env' = 'variable'; '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = 'service'; runs = $false }
            'connections' = @{ offered = @(@('--provider', 'Only those of one provider, such as GMAIL'), @('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '--provider' = 'anything'; '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = ''; runs = $false }
            'daemon' = @{ offered = @(@('--cache', 'Remember credentials that long, in memory. Default: what [daemon] says, else not at all'), @('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '--cache' = 'anything'; '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = @('start', 'status', 'stop'); runs = $false }
            'detect' = @{ offered = @(@('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = ''; runs = $false }
            'doctor' = @{ offered = @(@('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = 'service'; runs = $false }
            'export' = @{ offered = @(@('--format', 'sh, fish, powershell, nushell, elvish, xonsh, tcsh, cmd, json, dotenv, github; sh if not given'), @('--min-ttl', 'How long a token must live yet (60; given: or fail)'), @('--show', 'Also to a terminal'), @('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '--format' = @('sh', 'fish', 'powershell', 'nushell', 'elvish', 'xonsh', 'tcsh', 'cmd', 'json', 'dotenv', 'github'); '--min-ttl' = 'anything'; '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = 'service'; runs = $false }
            'import' = @{ offered = @(@('--dry-run', 'Say what would be done, and do nothing'), @('--project', 'Write scalekit.toml in this folder'), @('--force', 'Replace services that the map has already'), @('--credentials', 'Copy a .env of this folder, too'), @('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = 'path'; runs = $false }
            'list' = @{ offered = @(@('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = 'service'; runs = $false }
            'login' = @{ offered = @(@('--url', 'As in https://NAME.scalekit.com; else it is asked for'), @('--client-id', 'It begins with skc_; else it is asked for'), @('--secret-stdin', 'Read the client secret from stdin'), @('--store', 'The system''s keyring (default), or your own .env'), @('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '--url' = 'anything'; '--client-id' = 'anything'; '--store' = @('keyring', 'env'); '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = ''; runs = $false }
            'logout' = @{ offered = @(@('--purge', 'Remove the credentials in your own .env and config.toml, too'), @('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = ''; runs = $false }
            'redact' = @{ offered = @(@('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = 'service'; runs = $false }
            'sandbox' = @{ offered = @(@('--scenario', 'Accounts, states and faults, in TOML'), @('--port', 'Default: a free one'), @('--ca-file', 'Write the certificate to trust here'), @('--lifetime', 'Without a command: end after this time'), @('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this'), @('--', 'the command comes next')); values = @{ '--scenario' = 'path'; '--port' = 'anything'; '--ca-file' = 'path'; '--lifetime' = 'anything'; '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = ''; runs = $true }
            'status' = @{ offered = @(@('--check', 'Status 4 if a person is needed, 1 for other failures'), @('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = 'service'; runs = $false }
            'token' = @{ offered = @(@('--min-ttl', 'How long a token must live yet (60; given: or fail)'), @('--show', 'Also to a terminal'), @('-c', 'The map'), @('--config', 'The map'), @('--env-file', 'Scalekit''s credentials'), @('--environment', 'One of your [environments.NAME]'), @('--identifier', 'For services without @'), @('--timeout', 'For all requests together (30)'), @('--json', 'Answer and fail as JSON'), @('-q', 'Errors only'), @('--quiet', 'Errors only'), @('-v', 'Say what happens, never a value'), @('--verbose', 'Say what happens, never a value'), @('-h', 'say this'), @('--help', 'say this')); values = @{ '--min-ttl' = 'anything'; '-c' = 'path'; '--config' = 'path'; '--env-file' = 'path'; '--environment' = 'anything'; '--identifier' = 'anything'; '--timeout' = 'anything' }; words = 'service'; runs = $false }
            '' = @{ offered = @(@('authorize', 'Let a person authorize services'), @('completion', 'Print the completion of both commands for a shell, the one you are in if none is named'), @('config', 'Put a service into the map, or show which files are read'), @('connections', 'List the connections of the Scalekit environment'), @('daemon', 'Keep the way to Scalekit warm between launches'), @('detect', 'Tell which service of the map an https address belongs to'), @('doctor', 'Check everything that a launch depends on, one thing per line'), @('export', 'Print what sets a launch''s variables, quoted for a shell'), @('import', 'Move connections.json and .env of the earlier scalekit-auth skill over'), @('list', 'List the services and groups of the map'), @('login', 'Keep the Scalekit client credentials'), @('logout', 'Remove the client secret from the system''s keyring, and tell what else is left'), @('redact', 'Copy stdin to stdout with the secrets of services hidden'), @('sandbox', 'Run an emulator of Scalekit on this machine'), @('status', 'Show the state of services, of all in the map without words'), @('token', 'Print the bare token of a service, fresh from Scalekit'), @('--version', 'Show the version and exit'), @('-h', 'say this'), @('--help', 'say this')); values = @{  }; words = ''; runs = $false }
        }
    }

    # The services and groups of a map, behind an "@" the identifiers.
    $services = {
        param($before, $word)
        $words = @()
        for ($i = 0; $i -lt $before.Count; $i++) {
            if ($before[$i] -clike '--config=*') {
                $words = @($before[$i])
            } elseif ($before[$i] -cin '-c', '--config' -and $i + 1 -lt $before.Count) {
                $words = @("--config=$($before[$i + 1])")
            }
        }
        $words += '--list-words'
        if ($word.Contains('@')) { $words += $word }
        $program = @(Get-Command scalekit-exec -CommandType Application -ErrorAction Ignore)
        if ($program) {
            & $program[0] $words 2>$null | ForEach-Object {
                $name, $text = $_ -split "`t", 2
                , @($name, $text)
            }
        }
    }.GetNewClosure()

    $complete = {
        param($wordToComplete, $commandAst, $cursorPosition)
        $elements = @($commandAst.CommandElements |
            Where-Object { $_.Extent.EndOffset -le $cursorPosition })
        $words = @($elements | ForEach-Object { $_.Extent.Text.Trim("'", '"') })
        $word = ''
        if ($elements.Count -gt 1 -and $elements[-1].Extent.EndOffset -eq $cursorPosition) {
            $word = $words[-1]
            $before = @($words[0..($words.Count - 2)])
        } else {
            $before = $words
        }
        $program = [IO.Path]::GetFileNameWithoutExtension($before[0])
        $commands = $table[$program]
        $name = ''
        if ($commands.Count -gt 1 -and $before.Count -gt 1) { $name = $before[1] }
        $command = $commands[$name]
        if (-not $command) { return }
        if ($command.runs -and $before -ccontains '--') {
            # The command after "--", with its own completion.
            $at = [array]::IndexOf($before, '--')
            $end = $elements[$at].Extent.EndOffset
            $start = $end - $commandAst.Extent.StartOffset
            $line = $commandAst.Extent.Text.PadRight($start + $cursorPosition - $end)
            $text = $line.Substring($start, $cursorPosition - $end).TrimStart()
            $found = [System.Management.Automation.CommandCompletion]::CompleteInput(
                $text, $text.Length, $null)
            return $found.CompletionMatches
        }
        $head = ''
        $kind = $null
        if ($word -clike '--*=*') {
            $option, $word = $word -split '=', 2
            $head = "$option="
            $kind = $command.values[$option]
            if ($null -eq $kind) { return }
        } elseif ($null -ne $command.values[$before[-1]]) {
            $kind = $command.values[$before[-1]]
        } elseif ($word -clike '-*' -or ($commands.Count -gt 1 -and -not $name)) {
            $pairs = $command.offered
        } else {
            $kind = $command.words
        }
        if ($null -ne $kind) {
            if ($kind -is [array]) {
                $pairs = $kind | ForEach-Object { , @($_, $_) }
            } elseif ($kind -ceq 'service') {
                $pairs = & $services $before $word
            } elseif ($kind -ceq 'variable') {
                $pairs = Get-ChildItem Env: | ForEach-Object { , @($_.Name, $_.Name) }
            } elseif ($kind -ceq 'path') {
                [System.Management.Automation.CompletionCompleters]::CompleteFilename($word) |
                    ForEach-Object {
                        [System.Management.Automation.CompletionResult]::new(
                            "$head$($_.CompletionText)", $_.ListItemText, $_.ResultType, $_.ToolTip)
                    }
                return
            } else {
                return
            }
        }
        foreach ($pair in $pairs) {
            if (-not $pair[0].StartsWith($word, [StringComparison]::Ordinal)) { continue }
            $text = "$head$($pair[0])"
            if ($text -notmatch '^[A-Za-z0-9_.,:=%/+-]+$' -or $text -ceq '--') {
                $text = "'" + $text.Replace("'", "''") + "'"
            }
            $tip = if ($pair[1]) { $pair[1] } else { $pair[0] }
            [System.Management.Automation.CompletionResult]::new(
                $text, $pair[0], 'ParameterValue', $tip)
        }
    }.GetNewClosure()

    Register-ArgumentCompleter -Native -CommandName scalekit-exec, scalekit-auth -ScriptBlock $complete
}
