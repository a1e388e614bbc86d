"""The completion for yash, as a file for a folder `completion` of its load path."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalekit_exec.shells import quote
from scalekit_exec.shells.completion.definition import PATH, SERVICE, VARIABLE, filled

if TYPE_CHECKING:
    from scalekit_exec.shells.completion.definition import Command, Value

__all__ = ["script"]

SCRIPT = r"""# yash completion for @NAME@. @MADE@
# To have it in every yash: scalekit-auth completion yash --install

function completion/@NAME@ {

	typeset OPTIONS ARGOPT PREFIX i=1 map= name=

	while [ $i -lt ${WORDS[#]} ]; do
		i=$((i+1))
		case ${WORDS[i]} in
		(--)
@RUNS@			return
			;;
		(-c|--config)
			map=--config=${WORDS[i+1]-}
			;;
		(--config=*)
			map=${WORDS[i]}
			;;
		esac
	done
	case $map in (--config=\~/*)
		map=--config=$HOME/${map#--config=\~/}
	esac

@FIRST@	case $name in
@OPTIONS@
	esac

	command -f completion//parseoptions -es
	case $name:$ARGOPT in
	(*:-)
		command -f completion//completeoptions -e
@DASHES@		;;
@VALUES@	esac

}

# The services and groups of the map $1, behind an "@" the identifiers.
function completion/@NAME@::services {

	typeset word name text
	word=${TARGETWORD#"$PREFIX"}
	case $word in
		(*@*) ;;
		(*) word= ;;
	esac
	command scalekit-exec ${1:+"$1"} --list-words ${word:+"$word"} 2>/dev/null </dev/null |
	while IFS='	' read -r name text; do
		printf 'complete -P "$PREFIX" -D %s -- %s\n' \
			"$(command -f completion/@NAME@::quoted "$text")" \
			"$(command -f completion/@NAME@::quoted "$name")"
	done

}

function completion/@NAME@::quoted {

	typeset text  # apart from its value, which would be split at blanks here
	text=${1//\'/\'\\\'\'}
	printf "'%s'" "$text"

}
"""
FIRST = r"""	if [ ${WORDS[#]} -le 1 ]; then
		OPTIONS=(
@OWN@
		)
		command -f completion//parseoptions -es
		case $ARGOPT in
		(-) command -f completion//completeoptions -e ;;
		('')
@COMMANDS@
			;;
		esac
		return
	fi
	name=${WORDS[2]}
	WORDS=("${WORDS[1]}" "${WORDS[3,-1]}")
"""


def script(command: Command) -> str:
    """Return the script for one command."""
    first = ""
    if command.commands:
        listed = [
            f"\t\t\tcomplete -D {quote.sh(each.text)} -- {each.name}" for each in command.commands
        ]
        own = "\n".join(_option_lines(command))
        first = filled(FIRST, own=own, commands="\n".join(listed))
    runs = [name for name, each in command.each() if each.runs]
    call = 'WORDS=("${WORDS[i+1,-1]}")\n\t\t\tcommand -f completion//reexecute\n'
    if command.commands and runs:
        call = f"case ${{WORDS[2]}} in ({'|'.join(runs)}) ;; (*) return ;; esac\n\t\t\t" + call
    dashes = f"\t\tcase $name in ({'|'.join(runs) or chr(39) * 2})\n\t\t\t"
    dashes += "complete -D 'the command comes next' -- --\n\t\tesac\n"
    options = []
    for name, each in command.each():
        options += [f"\t({name or chr(39) * 2})", "\t\tOPTIONS=(", *_option_lines(each)]
        options += ["\t\t)", "\t\t;;"]
    return filled(
        SCRIPT,
        runs=f"\t\t\t{call}" if runs else "",
        first=first,
        options="\n".join(options),
        dashes=dashes if runs else "",
        values="".join(_values(command)),
        name=command.name,
    )


def _option_lines(command: Command) -> list[str]:
    lines = []
    for switch in command.switches:
        colon = ":" if switch.value is not None else ""
        names = " ".join(
            f"{name if name.startswith('--') else name[1:]}{colon}" for name in switch.names
        )
        lines.append(f"\t\t{quote.sh(f'{names}; {switch.text}')}")
    return lines


def _values(command: Command) -> list[str]:
    """Return what completes values and words."""
    lines = []
    for name, each in command.each():
        for switch in each.switches:
            if switch.value is not None and (action := _action(switch.value, command)):
                keys = [n if n.startswith("--") else n[1:] for n in switch.names]
                patterns = "|".join(f"{name}:{key}" for key in keys)
                lines.append(f"\t({patterns})\n\t\t{action}\n\t\t;;\n")
        if each.words is not None and (action := _action(each.words, command)):
            lines.append(f"\t({name}:)\n\t\t{action}\n\t\t;;\n")
    return lines


def _action(value: Value, command: Command) -> str:
    if value.words:
        return f'complete -P "$PREFIX" -- {" ".join(value.words)}'
    return {
        PATH: 'complete -P "$PREFIX" -f',
        VARIABLE: 'complete -P "$PREFIX" -v',
        SERVICE: f'eval "$(command -f completion/{command.name}::services "$map")"',
    }.get(value.kind, "")
