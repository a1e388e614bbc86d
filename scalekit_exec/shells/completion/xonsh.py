"""The completion for xonsh, from 0.11 on, as a file for `rc.d`, or to be executed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalekit_exec.shells.completion.definition import filled
from scalekit_exec.shells.completion.table import rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.shells.completion.definition import Command

__all__ = ["script"]

SCRIPT = r'''# xonsh completion for @NAMES@. @MADE@
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
@TABLE@
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
'''


def script(commands: Sequence[Command]) -> str:
    """Return the script for these commands together."""
    lines = []
    for command in commands:
        lines.append(f"        {command.name!r}: {{")
        for row in rows(command):
            value = {
                "offered": list(row.offered),
                "values": dict(row.values),
                "words": row.words,
                "runs": row.runs,
            }
            lines.append(f"            {row.name!r}: {value!r},")
        lines.append("        },")
    names = " and ".join(command.name for command in commands)
    return filled(SCRIPT, table="\n".join(lines), names=names)
