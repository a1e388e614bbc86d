"""The completion for elvish, from 0.19 on, as a module for `use`, or to be evaluated."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalekit_exec.shells.completion.definition import filled
from scalekit_exec.shells.completion.table import rows
from scalekit_exec.shells.quote import elvish as quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.shells.completion.definition import Command
    from scalekit_exec.shells.completion.table import Row

__all__ = ["script"]

SCRIPT = r"""# elvish completion for @NAMES@. @MADE@
# To have it in every elvish: scalekit-auth completion elvish --install

use path
use str

var scalekit-table = [
@TABLE@
]

# The services and groups of a map, behind an "@" the identifiers.
fn scalekit-services {|before word|
  var map = []
  for i [(range (count $before))] {
    if (str:has-prefix $before[$i] --config=) {
      set map = [$before[$i]]
    } elif (and (has-value [-c --config] $before[$i]) (< (+ $i 1) (count $before))) {
      set map = [--config=$before[(+ $i 1)]]
    }
  }
  var at = []
  if (str:contains $word @) {
    set at = [$word]
  }
  try {
    e:scalekit-exec $@map --list-words $@at </dev/null 2>/dev/null | from-lines | each {|line|
      var name text = (str:split &max=2 "\t" $line)
      edit:complex-candidate $name &display=$name' ('$text')'
    }
  } catch e {
    nop
  }
}

fn scalekit-values {|kind before word|
  if (eq $kind path) {
    edit:complete-filename $word
  } elif (eq $kind variable) {
    e:env | from-lines | each {|line| take 1 [(str:split = $line)]}
  } elif (eq $kind service) {
    scalekit-services $before $word
  } elif (eq (kind-of $kind) list) {
    all $kind
  }
}

fn scalekit-complete {|@words|
  var commands = $scalekit-table[$words[0]]
  var single = (eq (count $commands) (num 1))
  var name = ''
  if (and (not $single) (> (count $words) 2)) {
    set name = $words[1]
  }
  if (not (has-key $commands $name)) {
    return
  }
  var command = $commands[$name]
  var before = $words[..-1]
  var word = $words[-1]
  if (and $command[runs] (has-value $before --)) {
    # The command after "--", with its own completion.
    var at = 0
    while (not-eq $words[$at] --) {
      set at = (+ $at 1)
    }
    var behind = $words[(+ $at 1)..]
    edit:complete-sudo sudo $@behind
    return
  }
  if (str:has-prefix $word --) {
    var parts = [(str:split &max=2 = $word)]
    if (eq (count $parts) (num 2)) {
      if (has-key $command[values] $parts[0]) {
        scalekit-values $command[values][$parts[0]] $before $parts[1] | each {|found|
          if (eq (kind-of $found) string) {
            put $parts[0]'='$found
          } else {
            edit:complex-candidate $parts[0]'='$found[stem]
          }
        }
      }
      return
    }
  }
  if (has-key $command[values] $before[-1]) {
    scalekit-values $command[values][$before[-1]] $before $word
  } elif (or (str:has-prefix $word -) (and (not $single) (eq $name ''))) {
    for pair $command[offered] {
      edit:complex-candidate $pair[0] &display=$pair[0]' ('$pair[1]')'
    }
  } else {
    scalekit-values $command[words] $before $word
  }
}

for scalekit-name [(keys $scalekit-table)] {
  set edit:completion:arg-completer[$scalekit-name] = $scalekit-complete~
}
"""


def script(commands: Sequence[Command]) -> str:
    """Return the script for these commands together."""
    lines = []
    for command in commands:
        lines.append(f"  &{command.name}=[")
        lines += [f"    {_row(row)}" for row in rows(command)]
        lines.append("  ]")
    names = " and ".join(command.name for command in commands)
    return filled(SCRIPT, table="\n".join(lines), names=names)


def _row(row: Row) -> str:
    offered = " ".join(f"[{quoted(word)} {quoted(text)}]" for word, text in row.offered)
    values = " ".join(f"&{quoted(option)}={_kind(kind)}" for option, kind in row.values)
    runs = "$true" if row.runs else "$false"
    return (
        f"&{quoted(row.name)}=[&offered=[{offered}] &values=[{values or '&'}] "
        f"&words={_kind(row.words)} &runs={runs}]"
    )


def _kind(kind: str | tuple[str, ...]) -> str:
    return quoted(kind) if isinstance(kind, str) else f"[{' '.join(map(quoted, kind))}]"
