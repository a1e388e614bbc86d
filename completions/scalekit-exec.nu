# nushell completion for scalekit-exec and scalekit-auth. Made by python -m scalekit_exec.cli.auth.completion; change that, not this.
# To have it in every nushell: scalekit-auth completion nushell --install

const scalekit_table = {
    "scalekit-exec": {
        "": {offered: [[value, description]; ["-c", "the map to use instead of the project's"] ["--config", "the map to use instead of the project's"] ["--env-file", "Scalekit's credentials"] ["--environment", "[environments.NAME] of your file instead of [scalekit]"] ["--identifier", "for every service that is named without @"] ["--timeout", "for the whole resolution (30)"] ["--min-ttl", "how long a token must live yet (60; given: or fail)"] ["--wait", "for a person to authorize (300)"] ["--no-wait", "hand the link over and end (default without a terminal)"] ["--open", "wait, and open the link in the browser"] ["--redact", "hide secrets in the command's output"] ["--no-redact", "do not, whatever your file says"] ["--serve", "stay, and give the command fresh tokens as it runs"] ["--serve-only", "the same, and no token in its environment"] ["--pristine", "start from a nearly empty environment"] ["--pass", "with --pristine: keep NAME too (NAME* too)"] ["--keep-credentials", "leave Scalekit's own credentials in it"] ["--dry-run", "say what would be set and from where; no network"] ["--sandbox", "ask an emulator instead of Scalekit"] ["--json", "failures as JSON lines on stderr"] ["-q", "errors only"] ["--quiet", "errors only"] ["-v", "say what happens, never a value"] ["--verbose", "say what happens, never a value"] ["--version", "say which version this is"] ["-h", "say this"] ["--help", "say this"] ["--", "the command comes next"]], values: {"-c": "path", "--config": "path", "--env-file": "path", "--environment": "anything", "--identifier": "anything", "--timeout": "anything", "--min-ttl": "anything", "--pass": "variable"}, words: "service", runs: true}
    }
    "scalekit-auth": {
        "authorize": {offered: [[value, description]; ["--open", "Open the link in the browser"] ["--force", "Authorize anew what is ACTIVE, for other scopes"] ["--wait", "For the person (300)"] ["--no-wait", "Show the link and end"] ["-c", "The map"] ["--config", "The map"] ["--env-file", "Scalekit's credentials"] ["--environment", "One of your [environments.NAME]"] ["--identifier", "For services without @"] ["--timeout", "For all requests together (30)"] ["--json", "Answer and fail as JSON"] ["-q", "Errors only"] ["--quiet", "Errors only"] ["-v", "Say what happens, never a value"] ["--verbose", "Say what happens, never a value"] ["--help", "say this"]], values: {"-c": "path", "--config": "path", "--env-file": "path", "--environment": "anything", "--identifier": "anything", "--timeout": "anything"}, words: "service", runs: false}
        "completion": {offered: [[value, description]; ["--install", "Write it to the shell's folder in your home"] ["-c", "The map"] ["--config", "The map"] ["--env-file", "Scalekit's credentials"] ["--environment", "One of your [environments.NAME]"] ["--identifier", "For services without @"] ["--timeout", "For all requests together (30)"] ["--json", "Answer and fail as JSON"] ["-q", "Errors only"] ["--quiet", "Errors only"] ["-v", "Say what happens, never a value"] ["--verbose", "Say what happens, never a value"] ["--help", "say this"]], values: {"-c": "path", "--config": "path", "--env-file": "path", "--environment": "anything", "--identifier": "anything", "--timeout": "anything"}, words: ["bash", "zsh", "fish", "yash", "nushell", "elvish", "tcsh", "xonsh", "powershell"], runs: false}
        "config": {offered: [[value, description]; ["--env", "Sets this; may be repeated"] ["--remove", "Take SERVICE out of the map and its groups"] ["--project", "Write scalekit.toml in this folder"] ["-c", "The map"] ["--config", "The map"] ["--env-file", "Scalekit's credentials"] ["--environment", "One of your [environments.NAME]"] ["--identifier", "For services without @"] ["--timeout", "For all requests together (30)"] ["--json", "Answer and fail as JSON"] ["-q", "Errors only"] ["--quiet", "Errors only"] ["-v", "Say what happens, never a value"] ["--verbose", "Say what happens, never a value"] ["--help", "say this"]], values: {"--env": "variable", "-c": "path", "--config": "path", "--env-file": "path", "--environment": "anything", "--identifier": "anything", "--timeout": "anything"}, words: "service", runs: false}
        "connections": {offered: [[value, description]; ["--provider", "Only those of one provider, such as GMAIL"] ["-c", "The map"] ["--config", "The map"] ["--env-file", "Scalekit's credentials"] ["--environment", "One of your [environments.NAME]"] ["--identifier", "For services without @"] ["--timeout", "For all requests together (30)"] ["--json", "Answer and fail as JSON"] ["-q", "Errors only"] ["--quiet", "Errors only"] ["-v", "Say what happens, never a value"] ["--verbose", "Say what happens, never a value"] ["--help", "say this"]], values: {"--provider": "anything", "-c": "path", "--config": "path", "--env-file": "path", "--environment": "anything", "--identifier": "anything", "--timeout": "anything"}, words: "", runs: false}
        "detect": {offered: [[value, description]; ["-c", "The map"] ["--config", "The map"] ["--env-file", "Scalekit's credentials"] ["--environment", "One of your [environments.NAME]"] ["--identifier", "For services without @"] ["--timeout", "For all requests together (30)"] ["--json", "Answer and fail as JSON"] ["-q", "Errors only"] ["--quiet", "Errors only"] ["-v", "Say what happens, never a value"] ["--verbose", "Say what happens, never a value"] ["--help", "say this"]], values: {"-c": "path", "--config": "path", "--env-file": "path", "--environment": "anything", "--identifier": "anything", "--timeout": "anything"}, words: "", runs: false}
        "doctor": {offered: [[value, description]; ["-c", "The map"] ["--config", "The map"] ["--env-file", "Scalekit's credentials"] ["--environment", "One of your [environments.NAME]"] ["--identifier", "For services without @"] ["--timeout", "For all requests together (30)"] ["--json", "Answer and fail as JSON"] ["-q", "Errors only"] ["--quiet", "Errors only"] ["-v", "Say what happens, never a value"] ["--verbose", "Say what happens, never a value"] ["--help", "say this"]], values: {"-c": "path", "--config": "path", "--env-file": "path", "--environment": "anything", "--identifier": "anything", "--timeout": "anything"}, words: "service", runs: false}
        "export": {offered: [[value, description]; ["--format", "sh, fish, powershell, nushell, elvish, xonsh, tcsh, cmd, json, dotenv, github; sh if not given"] ["--min-ttl", "How long a token must live yet (60; given: or fail)"] ["--show", "Also to a terminal"] ["-c", "The map"] ["--config", "The map"] ["--env-file", "Scalekit's credentials"] ["--environment", "One of your [environments.NAME]"] ["--identifier", "For services without @"] ["--timeout", "For all requests together (30)"] ["--json", "Answer and fail as JSON"] ["-q", "Errors only"] ["--quiet", "Errors only"] ["-v", "Say what happens, never a value"] ["--verbose", "Say what happens, never a value"] ["--help", "say this"]], values: {"--format": ["sh", "fish", "powershell", "nushell", "elvish", "xonsh", "tcsh", "cmd", "json", "dotenv", "github"], "--min-ttl": "anything", "-c": "path", "--config": "path", "--env-file": "path", "--environment": "anything", "--identifier": "anything", "--timeout": "anything"}, words: "service", runs: false}
        "import": {offered: [[value, description]; ["--dry-run", "Say what would be done, and do nothing"] ["--project", "Write scalekit.toml in this folder"] ["--force", "Replace services that the map has already"] ["-c", "The map"] ["--config", "The map"] ["--env-file", "Scalekit's credentials"] ["--environment", "One of your [environments.NAME]"] ["--identifier", "For services without @"] ["--timeout", "For all requests together (30)"] ["--json", "Answer and fail as JSON"] ["-q", "Errors only"] ["--quiet", "Errors only"] ["-v", "Say what happens, never a value"] ["--verbose", "Say what happens, never a value"] ["--help", "say this"]], values: {"-c": "path", "--config": "path", "--env-file": "path", "--environment": "anything", "--identifier": "anything", "--timeout": "anything"}, words: "path", runs: false}
        "list": {offered: [[value, description]; ["-c", "The map"] ["--config", "The map"] ["--env-file", "Scalekit's credentials"] ["--environment", "One of your [environments.NAME]"] ["--identifier", "For services without @"] ["--timeout", "For all requests together (30)"] ["--json", "Answer and fail as JSON"] ["-q", "Errors only"] ["--quiet", "Errors only"] ["-v", "Say what happens, never a value"] ["--verbose", "Say what happens, never a value"] ["--help", "say this"]], values: {"-c": "path", "--config": "path", "--env-file": "path", "--environment": "anything", "--identifier": "anything", "--timeout": "anything"}, words: "service", runs: false}
        "login": {offered: [[value, description]; ["--url", "As in https://NAME.scalekit.com; else it is asked for"] ["--client-id", "It begins with skc_; else it is asked for"] ["--secret-stdin", "Read the client secret from stdin"] ["--store", "The system's keyring (default), or your own .env"] ["-c", "The map"] ["--config", "The map"] ["--env-file", "Scalekit's credentials"] ["--environment", "One of your [environments.NAME]"] ["--identifier", "For services without @"] ["--timeout", "For all requests together (30)"] ["--json", "Answer and fail as JSON"] ["-q", "Errors only"] ["--quiet", "Errors only"] ["-v", "Say what happens, never a value"] ["--verbose", "Say what happens, never a value"] ["--help", "say this"]], values: {"--url": "anything", "--client-id": "anything", "--store": ["keyring", "env"], "-c": "path", "--config": "path", "--env-file": "path", "--environment": "anything", "--identifier": "anything", "--timeout": "anything"}, words: "", runs: false}
        "logout": {offered: [[value, description]; ["--purge", "Remove the credentials in your own .env and config.toml, too"] ["-c", "The map"] ["--config", "The map"] ["--env-file", "Scalekit's credentials"] ["--environment", "One of your [environments.NAME]"] ["--identifier", "For services without @"] ["--timeout", "For all requests together (30)"] ["--json", "Answer and fail as JSON"] ["-q", "Errors only"] ["--quiet", "Errors only"] ["-v", "Say what happens, never a value"] ["--verbose", "Say what happens, never a value"] ["--help", "say this"]], values: {"-c": "path", "--config": "path", "--env-file": "path", "--environment": "anything", "--identifier": "anything", "--timeout": "anything"}, words: "", runs: false}
        "sandbox": {offered: [[value, description]; ["--scenario", "Accounts, states and faults, in TOML"] ["--port", "Default: a free one"] ["--ca-file", "Write the certificate to trust here"] ["--lifetime", "Without a command: end after this time"] ["--json", "Without a command: print one JSON object"] ["--help", "say this"] ["--", "the command comes next"]], values: {"--scenario": "path", "--port": "anything", "--ca-file": "path", "--lifetime": "anything"}, words: "", runs: true}
        "status": {offered: [[value, description]; ["--check", "Status 4 if a person is needed, 1 for other failures"] ["-c", "The map"] ["--config", "The map"] ["--env-file", "Scalekit's credentials"] ["--environment", "One of your [environments.NAME]"] ["--identifier", "For services without @"] ["--timeout", "For all requests together (30)"] ["--json", "Answer and fail as JSON"] ["-q", "Errors only"] ["--quiet", "Errors only"] ["-v", "Say what happens, never a value"] ["--verbose", "Say what happens, never a value"] ["--help", "say this"]], values: {"-c": "path", "--config": "path", "--env-file": "path", "--environment": "anything", "--identifier": "anything", "--timeout": "anything"}, words: "service", runs: false}
        "token": {offered: [[value, description]; ["--min-ttl", "How long a token must live yet (60; given: or fail)"] ["--show", "Also to a terminal"] ["-c", "The map"] ["--config", "The map"] ["--env-file", "Scalekit's credentials"] ["--environment", "One of your [environments.NAME]"] ["--identifier", "For services without @"] ["--timeout", "For all requests together (30)"] ["--json", "Answer and fail as JSON"] ["-q", "Errors only"] ["--quiet", "Errors only"] ["-v", "Say what happens, never a value"] ["--verbose", "Say what happens, never a value"] ["--help", "say this"]], values: {"--min-ttl": "anything", "-c": "path", "--config": "path", "--env-file": "path", "--environment": "anything", "--identifier": "anything", "--timeout": "anything"}, words: "service", runs: false}
        "": {offered: [[value, description]; ["authorize", "Let a person authorize services"] ["completion", "Print the completion of both commands for a shell, the one you are in if none is named"] ["config", "Put a service into the map, or show which files are read"] ["connections", "List the connections of the Scalekit environment"] ["detect", "Tell which service of the map an https address belongs to"] ["doctor", "Check everything that a launch depends on, one thing per line"] ["export", "Print what sets a launch's variables, quoted for a shell"] ["import", "Move connections.json and .env of the earlier scalekit-auth skill over"] ["list", "List the services and groups of the map"] ["login", "Keep the Scalekit client credentials"] ["logout", "Remove the client secret from the system's keyring, and tell what else is left"] ["sandbox", "Run an emulator of Scalekit on this machine"] ["status", "Show the state of services, of all in the map without words"] ["token", "Print the bare token of a service, fresh from Scalekit"] ["--version", "Show the version and exit"] ["--help", "say this"]], values: {}, words: "", runs: false}
    }
}

# The services and groups of a map, behind an "@" the identifiers.
def "scalekit services" [before: list<string>, word: string] {
    let named = $before | window 2 | where {|pair| $pair.0 in ["-c" "--config"]} | each {|pair| $pair.1}
    let joined = $before | where $it starts-with "--config=" | each {|one| $one | str replace "--config=" ""}
    let map = $named | append $joined | each {|path| $"--config=($path | path expand)"} | last 1
    let at = if "@" in $word { [$word] } else { [] }
    try { ^scalekit-exec ...$map --list-words ...$at err> /dev/null | lines } catch { [] }
    | each {|line| $line | split column --number 2 "\t" value description | first}
}

# The command after "--", with its own completion.
def "scalekit behind" [words: list<string>] {
    $words | str join " " | commandline complete --detailed
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
    let typed = if $equals and $option in $command.values { $word | str replace $"($option)=" "" } else { $word }
    let head = if $typed == $word { "" } else { $"($option)=" }
    let found = match $kind {
        "path" => { if $head == "" { return null } else { glob $"($typed)*" | path relative-to $env.PWD | wrap value } }
        "variable" => { $env | columns | wrap value }
        "service" => { scalekit services $before $typed }
        "anything" | "" => { [] }
        _ => { $kind | wrap value }
    }
    $found | where value starts-with $typed | update value {|one| $"($head)($one.value)"}
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
