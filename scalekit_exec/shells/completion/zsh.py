"""The completion for zsh, as a file for a folder of fpath, or to be evaluated after compinit."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalekit_exec.shells.completion.definition import PATH, SERVICE, VARIABLE, filled

if TYPE_CHECKING:
    from scalekit_exec.shells.completion.definition import Command, Switch, Value

__all__ = ["script"]

SCRIPT = r"""#compdef @NAME@
# zsh completion for @NAME@. @MADE@
# To have it in every zsh: scalekit-auth completion zsh --install

# The services and groups of the map, behind an "@" the identifiers; opt_args has a map that was
# named with -c.
_@NAME@-services() {
  local map=${(Q)${opt_args[--config]:-$opt_args[-c]}} line name word=${(Q)PREFIX}
  local -a services
  map=${map/#\~\//$HOME/}
  [[ $word == *@* ]] || word=
  for line in ${(f)"$(command scalekit-exec ${map:+--config=$map} --list-words ${word:+$word} \
      2>/dev/null </dev/null)"}; do
    name=${line%%$'\t'*}
    name=${name//\\/\\\\}
    services+=("${name//:/\\:}:${line#*$'\t'}")
  done
  _describe -t services service services
}

_@NAME@() {
  local -i dashes=${words[(i)--]}
  local -A opt_args
@RUNS@@ARGUMENTS@}

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _@NAME@ "$@"
else
  compdef _@NAME@ @NAME@
fi
"""
RUNS = r"""  if (( dashes < CURRENT ))@SAME@; then
    # The command after "--", with its own completion.
    shift $dashes words
    (( CURRENT -= dashes ))
    _normal
    return
  fi
  [[ $PREFIX == -(|-) ]]@SAME@ && compadd -- --
"""
COMMANDS = r"""  local curcontext=$curcontext state
  local -a commands
  _arguments -C \
@OPTIONS@
    '1:command:->command' \
    '*::word:->word'
  if [[ $state == command ]]; then
    commands=(
@COMMANDS@
    )
    _describe -t commands command commands
    return
  fi
  [[ $state == word ]] || return
  case $words[1] in
@EACH@
  esac
"""


def script(command: Command) -> str:
    """Return the script for one command."""
    runs = [name for name, each in command.each() if each.runs]
    if not command.commands:
        arguments = "  _arguments -s \\\n" + _specs(command, 4)
        before = filled(RUNS, same="")
    else:
        lines = [f"      {_quoted(f'{each.name}:{each.text}')}" for each in command.commands]
        cases = [
            f"    {name})\n      _arguments -s \\\n{_specs(each, 8)}      ;;"
            for name, each in command.each()
        ]
        options = "\n".join(f"    {_spec(switch)} \\" for switch in command.switches)
        arguments = filled(
            COMMANDS, options=options, commands="\n".join(lines), each="\n".join(cases)
        )
        before = filled(RUNS, same=f" && [[ $words[2] == ({'|'.join(runs)}) ]]") if runs else ""
    return filled(SCRIPT, runs=before, arguments=arguments, name=command.name)


def _specs(command: Command, indent: int) -> str:
    specs = [_spec(switch) for switch in command.switches]
    if command.words is not None:
        specs.append(_quoted(f"*:{command.words.kind or 'word'}:{_action(command.words)}"))
    return "".join(
        f"{' ' * indent}{spec}{' ' + chr(92) if spec is not specs[-1] else ''}\n" for spec in specs
    ).replace("@OWN@", "@NAME@")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _action(value: Value) -> str:
    if value.words:
        return f"({' '.join(value.words)})"
    return {PATH: "_files", VARIABLE: "_parameters -g '*export*'", SERVICE: "_@OWN@-services"}.get(
        value.kind, ""
    )


def _spec(switch: Switch) -> str:
    text = "".join(f"\\{c}" if c in "[]:\\" else c for c in switch.text)
    action = ""
    if switch.value is not None:
        action = f":{switch.value.kind or 'word'}:{_action(switch.value)}"
    equals = "=" if switch.value is not None else ""
    if switch.short:
        plus = "+" if switch.value is not None else ""
        names = f"{{{switch.short}{plus},{switch.long}{equals}}}"
        return f"'({switch.short} {switch.long})'{names}{_quoted(f'[{text}]{action}')}"
    before = "*" if switch.repeated else ""
    return _quoted(f"{before}{switch.long}{equals}[{text}]{action}")
