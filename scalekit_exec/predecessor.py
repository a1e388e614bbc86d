"""What skills written for the earlier scalekit-auth import and call, for the two shims in the root.

That skill kept `.env` and `connections.json` in its own folder, asked for a link on first use, and
ended with status 1 for whatever went wrong. All of that holds here.
"""

from __future__ import annotations

import os
import sys

from scalekit_exec import api
from scalekit_exec.credentials import has_any
from scalekit_exec.errors import ConfigurationError, ScalekitExecError, internal, reason
from scalekit_exec.files import typed_path
from scalekit_exec.launch import limit_core

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["getter", "main"]

MAPS = ("scalekit.toml", "connections.json")


def getter(file: str) -> Callable[[str], str]:
    """Return the `get_token` of a skill whose folder holds `file`.

    Map and `.env` of that folder go before all others; what a launch around us set counts where
    there are no client credentials. Raises ConfigurationError and
    AuthorizationError, as ever; an account that does not exist yet gets a link too.
    """
    folder = os.path.dirname(os.path.abspath(file))

    def beside(*names: str) -> str | None:
        paths = (os.path.join(folder, name) for name in names)
        return next((path for path in paths if os.path.isfile(path)), None)

    def get_token(service_name: str) -> str:
        """Return a fresh token for a configured service."""
        path, env_file = beside(*MAPS), beside(".env")
        if env_file is not None and not _is_ours(env_file):
            env_file = None
        options = api.Options(config=path, env_file=env_file, links_for_missing=True)
        try:
            return api.tokens([service_name], options)[service_name]
        except ConfigurationError as error:
            if error.code == "credentials-missing" and env_file is None:
                # A launch around us took them away, and gave us this instead.
                given = api.given(service_name)
                if given is not None:
                    return given
            if error.code != "unknown-service" or path is None:
                raise
            hint = _hint_at(path, error.hint, service_name.partition("@")[0])
            code, message, failures = error.code, error.message, error.failures
            raise ConfigurationError(code, message, hint, failures=failures) from None

    return get_token


def _is_ours(env_file: str) -> bool:
    """Tell whether a `.env` has credentials in it, and is not for something else."""
    try:
        return has_any(env_file)
    except ModuleNotFoundError:  # told where it is read
        return True


def _hint_at(path: str, hint: str, name: str) -> str:
    """Have the hint for an unknown service name the skill's own map; only TOML is written by us."""
    command = f"scalekit-auth config {name} CONNECTION_NAME"
    instead = f"{command} --config {typed_path(path)}"
    if path.endswith(".json"):
        entry = f'"{name}": {{"connection_name": "CONNECTION_NAME", "identifier": "ID"}}'
        instead = f"add {entry} to {typed_path(path)}"
    before, found, after = hint.partition(command)
    for told in (" --identifier ID", f" --config {typed_path(path)}"):
        after = after.removeprefix(told)
    return f"{before}{instead}{after}" if found else hint


def main(argv: Sequence[str], file: str) -> int:
    """Print the token of the one service named; 1 for every failure, as that skill had it."""
    if len(argv) != 1 or argv[0].startswith("-"):
        sys.stderr.write("usage: get_token.py SERVICE\n")
        return 1
    limit_core()
    try:
        token = getter(file)(argv[0])
    except ScalekitExecError as error:
        return _fail(error)
    except Exception as error:  # noqa: BLE001 - a traceback could show what no log may have
        return _fail(internal(error))
    data = (token + "\n").encode()
    try:
        while data:  # at once: what Python holds back may not fit when it is too late to say so
            data = data[os.write(1, data) :]
    except OSError as error:
        return _fail(ScalekitExecError("internal", f"cannot write to stdout: {reason(error)}"))
    return 0


def _fail(error: ScalekitExecError) -> int:
    sys.stderr.write(f"get_token.py: error[{error.code}]: {error.message}\n")
    for line in error.hint.splitlines():
        sys.stderr.write(f"  hint: {line}\n")
    return 1
