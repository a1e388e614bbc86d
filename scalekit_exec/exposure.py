"""Who else can read a file with credentials: other users, or all who have the repository."""

from __future__ import annotations

import os

from scalekit_exec.files import displayed, readable_by_others

__all__ = ["exposures", "is_tracked"]

_SECONDS = 5


def exposures(path: str) -> list[str]:
    """Return a line, with its remedy, for each way in which this file is open to others."""
    name = displayed(path)
    found = []
    if readable_by_others(path):
        found.append(f"{name} can be read by other users; chmod 600 {name}")
    if is_tracked(path):
        found.append(
            f"{name} is tracked by git: git rm --cached it, add it to .gitignore, and replace the "
            "client secret in the Scalekit dashboard"
        )
    return found


def is_tracked(path: str) -> bool:
    """Tell whether git keeps this file; False where there is no git or no repository.

    Only the index is read. A repository's own settings could name a program in `core.fsmonitor`,
    which is why that is off.
    """
    import shutil
    import subprocess

    folder, name = os.path.split(os.path.abspath(path))
    git = shutil.which("git")
    # A git in the folder itself, or on a relative entry of PATH, may have come with the repository.
    if not os.path.lexists(path) or git is None or not os.path.isabs(git):
        return False
    if os.path.realpath(os.path.dirname(git)) in (os.path.realpath(folder), os.getcwd()):
        return False
    command = [git, "-c", "core.fsmonitor=false", "ls-files", "--error-unmatch", "--", name]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
