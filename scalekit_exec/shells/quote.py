"""A value as one word of a shell, so that it reads back exactly; ValueError where none can hold it.

Each function takes text without NUL and without lone surrogates, which is what an environment
variable may have, and says in its ValueError what the shell has no way to write.
"""

from __future__ import annotations

__all__ = ["cmd", "dotenv", "elvish", "fish", "nushell", "powershell", "sh", "tcsh", "xonsh"]

# cmd.exe reads no longer line (Microsoft's KB830473); `set ""` and the name are part of it.
CMD_LONGEST = 8191
# What PowerShell takes for a single quote besides the one of ASCII is written by number anyway.
POWERSHELL_PLAIN = frozenset(map(chr, range(0x20, 0x7F)))


def sh(value: str) -> str:
    """Quote for a POSIX shell: bash, dash, zsh, ksh, mksh, yash and busybox read it alike."""
    return "'" + value.replace("'", "'\\''") + "'"


def fish(value: str) -> str:
    """Quote for fish, whose single quotes know two escapes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def elvish(value: str) -> str:
    """Quote for elvish: a quote in single quotes is doubled, all else stands for itself."""
    return "'" + value.replace("'", "''") + "'"


def xonsh(value: str) -> str:
    """Quote for xonsh, as a string of Python in ASCII."""
    return ascii(value)


def nushell(value: str) -> str:
    """Quote for nushell's NUON: double quotes, controls by their number."""
    out = []
    for character in value:
        if character in '"\\':
            out.append("\\" + character)
        elif ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0:
            out.append(f"\\u{{{ord(character):x}}}")
        else:
            out.append(character)
    return '"' + "".join(out) + '"'


def powershell(value: str) -> str:
    """Quote for PowerShell, in printable ASCII on one line.

    What PowerShell reads from a program is decoded by the console's code page and split into lines,
    so all other characters are given by number, in UTF-16. It has no empty variable before 7.5.
    """
    if not value:
        raise ValueError("it takes an empty value for no variable at all")
    parts: list[str] = []
    plain = ""
    for character in value:
        if character in POWERSHELL_PLAIN:
            plain += "''" if character == "'" else character
            continue
        if plain or not parts:
            parts.append(f"'{plain}'")
        plain = ""
        units = character.encode("utf-16-be")
        parts += [f"[char]{units[i] << 8 | units[i + 1]}" for i in range(0, len(units), 2)]
    if plain:
        parts.append(f"'{plain}'")
    return " + ".join(parts)


def tcsh(value: str) -> str:
    """Quote for tcsh, which expands `!` in single quotes too, and loses line breaks in `eval`.

    With its `backslash_quote` a backslash counts in quotes as well; so none stands there.
    """
    if "\n" in value:
        raise ValueError("it loses a line break")
    return "'" + "".join(f"'\\{c}'" if c in "\\'!" else c for c in value) + "'"


def cmd(value: str) -> str:
    """Return the value as it stands in cmd.exe's `set "NAME=value"`, which knows no escapes.

    Quotes, `%` and `!` mean different things there by where the line comes from, an empty value
    unsets, and what is not ASCII depends on the code page.
    """
    if not value:
        raise ValueError("it takes an empty value for no variable at all")
    for character in value:
        if character in '"%!':
            raise ValueError(f"it has no sure way to write {character}")
        if not (" " <= character <= "~" or character == "\t"):
            what = "a line break" if character in "\r\n" else "a character that is not plain ASCII"
            raise ValueError(f"it has no sure way to write {what}")
    if len(value) > CMD_LONGEST - 300:
        raise ValueError(f"its lines end after {CMD_LONGEST} characters")
    return value


def dotenv(value: str) -> str:
    """Quote for a .env file so that its readers agree; they do not on every value.

    python-dotenv and others expand `${` even in single quotes, read a doubled backslash as one, and
    turn CR into LF; others do not.
    """
    if "${" in value:
        raise ValueError("some of its readers expand ${")
    if "\r" in value:
        raise ValueError("some of its readers turn a carriage return into a line feed")
    if "'" not in value and "\\\\" not in value and not value.endswith("\\"):
        return f"'{value}'"
    if not set('"\\$`') & set(value):
        return f'"{value}"'
    raise ValueError("its readers disagree on such quotes and backslashes")
