"""Where maps lie: the project's at the working folder or above it, the user's at a fixed place."""

from __future__ import annotations

import os

from scalekit_exec.files import HOME

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["CONNECTIONS", "PROJECT_FILE", "find_project", "user_path"]

PROJECT_FILE = "scalekit.toml"
CONNECTIONS = "connections.json"


def find_project(cwd: str, environ: Mapping[str, str]) -> str | None:
    """Return the nearest `scalekit.toml` at `cwd` or above, else the nearest `connections.json`.

    The last folder looked into is HOME, a mount point or the root. Whatever bears the name counts,
    also a link to nothing: reading it then says what is wrong, where passing it over would act for
    another account than the one that the folder stands for.
    """
    folders = list(_folders(cwd, environ))
    for name in (PROJECT_FILE, CONNECTIONS):
        for folder in folders:
            path = os.path.join(folder, name)
            if os.path.lexists(path):
                return path
    return None


def _folders(cwd: str, environ: Mapping[str, str]) -> Iterator[str]:
    """Go up from `cwd`, comparing folders by what they are and not by how they are written."""
    home = _identity(environ.get(HOME, ""))
    folder = os.path.abspath(cwd)
    here = _identity(folder)
    while here is not None:
        yield folder
        parent = os.path.dirname(folder)
        above = _identity(parent)
        if here == home or parent == folder or above is None or above[0] != here[0]:
            return
        folder, here = parent, above


def _identity(folder: str) -> tuple[int, int] | None:
    try:
        status = os.stat(folder)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino


def user_path(environ: Mapping[str, str]) -> str:
    """Return where the user's own file is, or would be.

    XDG_CONFIG_HOME counts only if it is absolute, as its specification says: a relative one would
    make the file depend on the working folder, which is a project's to fill.
    """
    if os.name == "nt":
        base = environ.get("APPDATA") or os.path.join(environ.get(HOME, ""), "AppData", "Roaming")
    else:
        base = environ.get("XDG_CONFIG_HOME", "")
        if not os.path.isabs(base):
            base = os.path.join(_home(environ), ".config")
    return os.path.join(base, "scalekit-exec", "config.toml")


def _home(environ: Mapping[str, str]) -> str:
    home = environ.get(HOME, "")
    if os.path.isabs(home):
        return home
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_dir
    except KeyError:  # a container's user without an entry
        return "/"
