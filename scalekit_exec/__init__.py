"""Run a command with fresh OAuth tokens from Scalekit in its environment, and nowhere else."""

# No `from __future__`: that imports a module, and the import path is not clean yet (entry).
TYPE_CHECKING = False
if TYPE_CHECKING:
    from scalekit_exec.api import get_token, get_tokens
    from scalekit_exec.bearer import ScalekitAuth
    from scalekit_exec.errors import AuthorizationError, ConfigurationError, ScalekitExecError

__all__ = [
    "AuthorizationError",
    "ConfigurationError",
    "ScalekitAuth",
    "ScalekitExecError",
    "get_token",
    "get_tokens",
]

__version__ = "0.1.0"

_ROOMS = {
    "AuthorizationError": "errors",
    "ConfigurationError": "errors",
    "ScalekitAuth": "bearer",
    "ScalekitExecError": "errors",
    "get_token": "api",
    "get_tokens": "api",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for (PEP 562): importing us alone is free."""
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_ROOMS[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
