"""The completion for PowerShell, from 5.1 on; written from its documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scalekit_exec.shells.completion.definition import filled
from scalekit_exec.shells.completion.table import rows
from scalekit_exec.shells.quote import powershell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from scalekit_exec.shells.completion.definition import Command
    from scalekit_exec.shells.completion.table import Row

__all__ = ["script"]

SCRIPT = r"""# PowerShell completion for @NAMES@. @MADE@
# To have it in every PowerShell: scalekit-auth completion powershell --install

& {
    $table = @{
@TABLE@
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

    Register-ArgumentCompleter -Native -CommandName @COMMANDS@ -ScriptBlock $complete
}
"""


def script(commands: Sequence[Command]) -> str:
    """Return the script for these commands together."""
    lines = []
    for command in commands:
        lines.append(f"        {_quoted(command.name)} = @{{")
        lines += [f"            {_row(row)}" for row in rows(command)]
        lines.append("        }")
    return filled(
        SCRIPT,
        table="\n".join(lines),
        names=" and ".join(command.name for command in commands),
        commands=", ".join(command.name for command in commands),
    )


def _quoted(text: str) -> str:
    return powershell(text) if text else "''"


def _row(row: Row) -> str:
    offered = ", ".join(f"@({_quoted(word)}, {_quoted(text)})" for word, text in row.offered)
    values = "; ".join(f"{_quoted(option)} = {_kind(kind)}" for option, kind in row.values)
    return (
        f"{_quoted(row.name)} = @{{ offered = @({offered}); values = @{{ {values} }}; "
        f"words = {_kind(row.words)}; runs = ${str(row.runs).lower()} }}"
    )


def _kind(kind: str | tuple[str, ...]) -> str:
    return _quoted(kind) if isinstance(kind, str) else f"@({', '.join(map(_quoted, kind))})"
