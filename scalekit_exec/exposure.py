"""Who else can read a file with credentials: other users, or all who have the repository."""

from __future__ import annotations

import os
from contextlib import contextmanager

from scalekit_exec.files import displayed, readable_by_others, typed_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["exposures", "is_tracked"]

_SECONDS = 5
# How a repository names what it keeps: by SHA-1, or by SHA-256 (gitformat-index(5)).
_FORMATS = (
    "",
    "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectformat = sha256\n",
)


def exposures(path: str) -> list[str]:
    """Return a line, with its remedy, for each way in which this file is open to others."""
    name = displayed(path)
    found = []
    if readable_by_others(path):
        found.append(f"{name} can be read by other users; chmod 600 {typed_path(path)}")
    tracked = is_tracked(path)
    if tracked:
        found.append(
            f"{name} is tracked by git: git rm --cached it, add it to .gitignore, and replace the "
            "client secret in the Scalekit dashboard"
        )
    elif tracked is None:
        found.append(
            f"whether git tracks {name} is not known; run: git ls-files {typed_path(path)}"
        )
    return found


def is_tracked(path: str) -> bool | None:
    """Tell whether git keeps this file; False where there is no git or no repository.

    None where git cannot be asked, as without a usable temporary folder.

    A repository's own settings may name programs in many ways, of which git runs some to list
    files too: to fetch what a partial clone lacks, for one. So git is shown the repository's index
    and nothing else of it, by way of an empty repository of ours; and it may not use any transport.
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
    root, index = _repository(os.path.realpath(folder))
    if not os.path.isfile(index):
        return False
    words = (
        *("-c", "core.fsmonitor=false", "-c", f"core.hooksPath={os.devnull}"),
        *("ls-files", "--error-unmatch", "--", f":(literal){name}"),
    )
    try:
        for settings in _FORMATS:
            with _empty_repository(settings) as empty:
                done = subprocess.run(
                    [git, f"--git-dir={empty}", f"--work-tree={root}", *words],
                    cwd=os.path.realpath(folder),
                    env=_environment(index),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    timeout=_SECONDS,
                    check=False,
                )
            if done.returncode in (0, 1):  # 128 is an index of the other form
                return done.returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None


@contextmanager
def _empty_repository(settings: str) -> Iterator[str]:
    import tempfile

    with tempfile.TemporaryDirectory(prefix="scalekit-git-") as empty:
        for part in ("objects", "refs"):
            os.mkdir(os.path.join(empty, part))
        for name, text in (("HEAD", "ref: refs/heads/none\n"), ("config", settings)):
            with open(os.path.join(empty, name), "w", encoding="ascii") as file:
                file.write(text)
        yield empty


def _repository(folder: str) -> tuple[str, str]:
    """Return the top of the working tree that a folder is in, and its index; empty where none is.

    A bare repository is no such tree, not even where one lies in another's files.
    """
    while True:
        place = os.path.join(folder, ".git")
        if os.path.isdir(place):
            return folder, os.path.join(place, "index")
        if os.path.isfile(place):  # of a linked working tree, or a submodule
            return folder, os.path.join(folder, _pointed_to(place), "index")
        above = os.path.dirname(folder)
        if above == folder:
            return "", ""
        folder = above


def _pointed_to(path: str) -> str:
    try:
        with open(path, "rb") as file:
            line = file.read(4096).partition(b"\n")[0]
    except OSError:
        return ""
    return os.fsdecode(line.removeprefix(b"gitdir:").strip())


def _environment(index: str) -> dict[str, str]:
    """Return git's environment: nothing of Scalekit's, nothing that points git elsewhere."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(("GIT_", "SCALEKIT_", "TOOL_"))
    }
    ours = {"GIT_INDEX_FILE": index, "GIT_OPTIONAL_LOCKS": "0", "GIT_ALLOW_PROTOCOL": "none"}
    return {**kept, **ours}
