"""What to type where a Python package is missing: it depends on how we were installed."""

from __future__ import annotations

import os
import sys

__all__ = ["install", "missing"]

# The distributions of modules that are called otherwise; the SDK brings what is not named here.
_DISTRIBUTIONS = {
    **{name: name for name in ("click", "keyring", "psutil", "tomli", "tomlkit", "truststore")},
    "dotenv": "python-dotenv",
}
_SDK = "scalekit-sdk-python"
_REQUIREMENTS = "requirements.txt"


def install(distribution: str) -> str:
    """Return the command that puts a package where this Python finds it."""
    if os.path.isfile(os.path.join(sys.prefix, "pipx_metadata.json")):
        return f"pipx inject {_quoted(os.path.basename(sys.prefix))} {distribution}"
    return f"{_pip()} {distribution}"


def missing(module: str | None) -> tuple[str, str] | None:
    """Return message and hint for a module that was not found; None for one that is no package's.

    In a checkout, as the earlier scalekit-auth skill was used, all requirements are installed from
    its folder: pip takes the `.` in them for the folder that it is called in.
    """
    name = (module or "").partition(".")[0]
    if name in ("", "scalekit_exec") or name in sys.stdlib_module_names:
        return None
    what = f"the Python module {name} is missing: not all that scalekit-exec needs is installed"
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    if os.path.isfile(os.path.join(root, _REQUIREMENTS)):
        return what, f"cd {_quoted(root)} && {_pip()} -r {_REQUIREMENTS}"
    return what, install(_DISTRIBUTIONS.get(name, _SDK))


def _pip() -> str:
    """Return the words that install into this Python; an environment of uv's has no pip."""
    python = _quoted(sys.executable or "python3")
    if _is_of_uv():
        return f"uv pip install --python {python}"
    return f"{python} -m pip install"


def _is_of_uv() -> bool:
    try:
        with open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8") as file:
            is_made_by_uv = any(line.partition("=")[0].strip() == "uv" for line in file)
    except (OSError, ValueError):
        return False
    from importlib.util import find_spec

    return is_made_by_uv and find_spec("pip") is None


def _quoted(path: str) -> str:
    if os.name == "nt":
        return f'"{path}"' if " " in path else path
    import shlex

    return shlex.quote(path)
