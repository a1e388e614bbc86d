"""The completion for tcsh, as lines to be sourced.

tcsh cannot hand over to another command's completion: after `--` there are commands, then files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalekit_exec.shells.completion.definition import PATH, SERVICE, VARIABLE, filled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.shells.completion.definition import Command, Value

__all__ = ["script"]

HEAD = r"""# tcsh completion for @NAMES@. @MADE@
# To have it in every tcsh: scalekit-auth completion tcsh --install

"""
# What sh prints is offered; tcsh takes those that begin as the word does. Neither a quote nor a
# comma can be in it, which are tcsh's own here, nor a name with what tcsh would break or expand.
HELPER = (
    'case "$COMMAND_LINE" in (*" -- "*) ls -dp -- "${COMMAND_LINE##* }"* ; exit ;; esac ; '
    'w="${COMMAND_LINE##* }" ; m= ; set -f ; set -- $COMMAND_LINE ; n="$2" ; '
    "while [ $# -gt 1 ] ; do "
    'case "$1" in (-c|--config) m="--config=$2" ;; (--config=*) m="$1" ;; esac ; shift ; done ; '
    'case "$m" in ("--config=~/"*) m="--config=$HOME/${m#--config=??}" ;; esac ; '
    "@CASES@ "
    'case "$w" in (*@*) ;; (*) w= ;; esac ; '
    'scalekit-exec $m --list-words $w < /dev/null | cut -f 1 | grep -v "[][ {}*?$]"'
)


def script(commands: Sequence[Command]) -> str:
    """Return the script for these commands together."""
    names = " and ".join(command.name for command in commands)
    return filled(HEAD, names=names) + "\n\n".join(_lines(command) for command in commands) + "\n"


def _lines(command: Command) -> str:
    patterns = []
    if command.commands:
        patterns.append(f"'p/1/({' '.join(_first(command))})/'")
    seen: dict[str, str] = {}
    for _, each in command.each():
        for switch in each.switches:
            for option in switch.names:
                if switch.value is not None and (action := _action(switch.value)):
                    seen.setdefault(option, action)
    for option, action in seen.items():
        patterns.append(f"'n/{option}/{action}/'")
        if option.startswith("--"):
            patterns.append(f"'c/{option}=/{action}/'")
    patterns.append("'n/--/c/'")
    patterns.append(f"'p,*,`sh -c '\\''{_helper(command)}'\\''`,'")
    return " \\\n  ".join([f"complete {command.name}", *patterns])


def _first(command: Command) -> list[str]:
    options = [name for switch in command.switches for name in switch.names]
    return [*(each.name for each in command.commands), *options]


def _helper(command: Command) -> str:
    """Return the helper with what it prints for a dash, and where no service stands."""
    cases = []
    for name, each in command.each():
        options = [option for switch in each.switches for option in switch.names]
        options += ["--"] if each.runs else []
        test = f'"$n:$w" in ({name}:-*)' if command.commands else '"$w" in (-*)'
        cases.append(f'case {test} printf "%s\\n" -- {" ".join(options)} ; exit ;; esac ;')
        if command.commands and (each.words is None or each.words.kind != SERVICE):
            cases.append(f'case "$n" in ({name}) {_printed(each.words)}exit ;; esac ;')
    return HELPER.replace("@CASES@", " ".join(cases))


def _printed(words: Value | None) -> str:
    if words is not None and words.words:
        return f'printf "%s\\n" {" ".join(words.words)} ; '
    if words is not None and words.kind == PATH:
        return 'set +f ; ls -dp -- "$w"* ; '
    return ""


def _action(value: Value) -> str:
    if value.words:
        return f"({' '.join(value.words)})"
    return {PATH: "f", VARIABLE: "e"}.get(value.kind, "x:a value")
