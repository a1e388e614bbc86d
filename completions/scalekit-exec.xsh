# xonsh completion for scalekit-exec and scalekit-auth. Made by python -m scalekit_exec.cli.auth.completion; change that, not this.
# To have it in every xonsh: scalekit-auth completion xonsh --install


def _scalekit():
    import os
    import shutil
    import subprocess

    from xonsh.built_ins import XSH
    from xonsh.completers._aliases import _add_one_completer
    from xonsh.completers.completer import RichCompletion
    from xonsh.completers.path import contextual_complete_path
    from xonsh.completers.tools import contextual_command_completer
    from xonsh.parsers.completion_context import CompletionContext

    table = {
        'scalekit-exec': {
            '': {'offered': [('-c', "the map to use instead of the project's"), ('--config', "the map to use instead of the project's"), ('--env-file', "Scalekit's credentials"), ('--environment', "one of your own file's [environments.NAME]"), ('--identifier', 'for every service that is named without @'), ('--timeout', 'for the whole resolution (30)'), ('--min-ttl', 'how long a token must live yet (60; given: or fail)'), ('--wait', 'for a person to authorize (300)'), ('--no-wait', 'hand the link over and end (where nobody looks on)'), ('--open', 'wait, and open the link in the browser'), ('--redact', "hide secrets in the command's output"), ('--no-redact', 'do not, whatever your file says'), ('--serve', 'stay, and give the command fresh tokens as it runs'), ('--serve-only', 'the same, and no token in its environment'), ('--pristine', 'start from a nearly empty environment'), ('--pass', 'with --pristine: keep NAME too (NAME* too)'), ('--keep-credentials', "leave Scalekit's own credentials in it"), ('--dry-run', 'say what would be set and from where; no network'), ('--sandbox', 'ask an emulator instead of Scalekit'), ('--json', 'failures as JSON lines on stderr'), ('-q', 'errors only'), ('--quiet', 'errors only'), ('-v', 'say what happens, never a value'), ('--verbose', 'say what happens, never a value'), ('--version', 'say which version this is'), ('-h', 'say this'), ('--help', 'say this'), ('--', 'the command comes next')], 'values': {'-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything', '--min-ttl': 'anything', '--pass': 'variable'}, 'words': 'service', 'runs': True},
        },
        'scalekit-auth': {
            'authorize': {'offered': [('--open', 'Open the link in the browser'), ('--force', 'Authorize anew what is ACTIVE, for other scopes'), ('--wait', 'For the person (300)'), ('--no-wait', 'Show the link and end'), ('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': 'service', 'runs': False},
            'completion': {'offered': [('--install', "Write it to the shell's folder in your home"), ('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': ('bash', 'zsh', 'fish', 'yash', 'nushell', 'elvish', 'tcsh', 'xonsh', 'powershell'), 'runs': False},
            'config': {'offered': [('--env', 'Sets this; may be repeated'), ('--remove', 'Take SERVICE out of the map and its groups'), ('--project', 'Write scalekit.toml in this folder'), ('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'--env': 'variable', '-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': 'service', 'runs': False},
            'connections': {'offered': [('--provider', 'Only those of one provider, such as GMAIL'), ('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'--provider': 'anything', '-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': '', 'runs': False},
            'daemon': {'offered': [('--cache', 'Remember credentials that long, in memory. Default: what [daemon] says, else not at all'), ('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'--cache': 'anything', '-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': ('start', 'status', 'stop'), 'runs': False},
            'detect': {'offered': [('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': '', 'runs': False},
            'doctor': {'offered': [('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': 'service', 'runs': False},
            'export': {'offered': [('--format', 'sh, fish, powershell, nushell, elvish, xonsh, tcsh, cmd, json, dotenv, github; sh if not given'), ('--min-ttl', 'How long a token must live yet (60; given: or fail)'), ('--show', 'Also to a terminal'), ('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'--format': ('sh', 'fish', 'powershell', 'nushell', 'elvish', 'xonsh', 'tcsh', 'cmd', 'json', 'dotenv', 'github'), '--min-ttl': 'anything', '-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': 'service', 'runs': False},
            'import': {'offered': [('--dry-run', 'Say what would be done, and do nothing'), ('--project', 'Write scalekit.toml in this folder'), ('--force', 'Replace services that the map has already'), ('--credentials', 'Copy a .env of this folder, too'), ('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': 'path', 'runs': False},
            'list': {'offered': [('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': 'service', 'runs': False},
            'login': {'offered': [('--url', 'As in https://NAME.scalekit.com; else it is asked for'), ('--client-id', 'It begins with skc_; else it is asked for'), ('--secret-stdin', 'Read the client secret from stdin'), ('--store', "The system's keyring (default), or your own .env"), ('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'--url': 'anything', '--client-id': 'anything', '--store': ('keyring', 'env'), '-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': '', 'runs': False},
            'logout': {'offered': [('--purge', 'Remove the credentials in your own .env and config.toml, too'), ('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': '', 'runs': False},
            'redact': {'offered': [('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': 'service', 'runs': False},
            'sandbox': {'offered': [('--scenario', 'Accounts, states and faults, in TOML'), ('--port', 'Default: a free one'), ('--ca-file', 'Write the certificate to trust here'), ('--lifetime', 'Without a command: end after this time'), ('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this'), ('--', 'the command comes next')], 'values': {'--scenario': 'path', '--port': 'anything', '--ca-file': 'path', '--lifetime': 'anything', '-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': '', 'runs': True},
            'status': {'offered': [('--check', 'Status 4 if a person is needed, 1 for other failures'), ('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': 'service', 'runs': False},
            'token': {'offered': [('--min-ttl', 'How long a token must live yet (60; given: or fail)'), ('--show', 'Also to a terminal'), ('-c', 'The map'), ('--config', 'The map'), ('--env-file', "Scalekit's credentials"), ('--environment', 'One of your [environments.NAME]'), ('--identifier', 'For services without @'), ('--timeout', 'For all requests together (30)'), ('--json', 'Answer and fail as JSON'), ('-q', 'Errors only'), ('--quiet', 'Errors only'), ('-v', 'Say what happens, never a value'), ('--verbose', 'Say what happens, never a value'), ('-h', 'say this'), ('--help', 'say this')], 'values': {'--min-ttl': 'anything', '-c': 'path', '--config': 'path', '--env-file': 'path', '--environment': 'anything', '--identifier': 'anything', '--timeout': 'anything'}, 'words': 'service', 'runs': False},
            '': {'offered': [('authorize', 'Let a person authorize services'), ('completion', 'Print the completion of both commands for a shell, the one you are in if none is named'), ('config', 'Put a service into the map, or show which files are read'), ('connections', 'List the connections of the Scalekit environment'), ('daemon', 'Keep the way to Scalekit warm between launches'), ('detect', 'Tell which service of the map an https address belongs to'), ('doctor', 'Check everything that a launch depends on, one thing per line'), ('export', "Print what sets a launch's variables, quoted for a shell"), ('import', 'Move connections.json and .env of the earlier scalekit-auth skill over'), ('list', 'List the services and groups of the map'), ('login', 'Keep the Scalekit client credentials'), ('logout', "Remove the client secret from the system's keyring, and tell what else is left"), ('redact', 'Copy stdin to stdout with the secrets of services hidden'), ('sandbox', 'Run an emulator of Scalekit on this machine'), ('status', 'Show the state of services, of all in the map without words'), ('token', 'Print the bare token of a service, fresh from Scalekit'), ('--version', 'Show the version and exit'), ('-h', 'say this'), ('--help', 'say this')], 'values': {}, 'words': '', 'runs': False},
        },
    }

    def services(before, word):
        """Offer the services and groups of a map, behind an "@" the identifiers."""
        program = shutil.which("scalekit-exec", path=os.pathsep.join(XSH.env["PATH"]))
        if program is None:
            return
        words = [program]
        for at, one in enumerate(before):
            if one.startswith("--config="):
                words[1:] = [one]
            elif one in ("-c", "--config") and at + 1 < len(before):
                words[1:] = ["--config=" + os.path.expanduser(before[at + 1])]
        words.append("--list-words")
        if "@" in word:
            words.append(word)
        done = subprocess.run(
            words,
            env=XSH.env.detype(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for line in done.stdout.decode(errors="replace").splitlines():
            name, _, text = line.partition("\t")
            yield name, text

    def values(kind, before, word):
        if kind == "variable":
            return [(name, "") for name in XSH.env.detype()]
        if kind == "service":
            return services(before, word)
        return [(one, "") for one in kind] if isinstance(kind, tuple) else []

    def offer(pairs, word, before=""):
        found = set()
        special = frozenset("*?[]$'\"\\&|;<>(){}`!#")
        for name, text in pairs:
            # Between quotes too xonsh puts a variable's value in place of its name.
            if name.startswith(word) and "$" not in name:
                value = before + name
                if value.split() != [value] or not special.isdisjoint(value):
                    value = repr(value)
                found.add(
                    RichCompletion(value, display=name, description=text, append_space=True)
                )
        return found

    @contextual_command_completer
    def complete(context):
        words = [arg.value for arg in context.args]
        if context.arg_index == 0 or not words or words[0] not in table:
            return None
        commands = table[words[0]]
        before, word = words[: context.arg_index], context.prefix
        single = len(commands) == 1
        name = before[1] if not single and len(before) > 1 else ""
        if name not in commands:
            return set()
        command = commands[name]
        if command["runs"] and "--" in before:
            # The command after "--", with its own completion.
            at = before.index("--") + 1
            inner = context._replace(args=context.args[at:], arg_index=context.arg_index - at)
            return XSH.shell.shell.completer.complete_from_context(CompletionContext(inner))
        option, equals, rest = word.partition("=")
        if equals and option.startswith("--"):
            kind = command["values"].get(option, "")
            if kind == "path":
                found, _ = contextual_complete_path(context._replace(prefix=rest))
                return {RichCompletion(f"{option}={path}") for path in found}
            return offer(values(kind, before, rest), rest, option + "=")
        if before[-1] in command["values"]:
            kind = command["values"][before[-1]]
            if kind == "path":
                return contextual_complete_path(context)
            return offer(values(kind, before, word), word)
        if word.startswith("-") or (not single and not name):
            return offer(command["offered"], word)
        if command["words"] == "path":
            return contextual_complete_path(context)
        return offer(values(command["words"], before, word), word)

    _add_one_completer("scalekit", complete, "start")


_scalekit()
del _scalekit
