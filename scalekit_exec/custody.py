"""Where the client credentials are kept: the system's keyring, or the user's own `.env`.

`credentials` finds them again in these places; a secret is written nowhere else.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from scalekit_exec import credentials, files, keeping, packages
from scalekit_exec.config import user_path
from scalekit_exec.errors import ConfigurationError, reason, shown
from scalekit_exec.files import displayed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import TypeVar

    from dotenv.parser import Binding

    from scalekit_exec.model import ClientCredentials

    T = TypeVar("T")

__all__ = [
    "env_path",
    "forget_env",
    "forget_in_keyring",
    "has_credentials",
    "keep_in_env",
    "keep_in_keyring",
    "keyring_fault",
    "keyring_remedy",
]


def env_path(environ: Mapping[str, str]) -> str:
    """Return where the user's own `.env` is, or would be."""
    return os.path.join(os.path.dirname(user_path(environ)), ".env")


def keyring_fault() -> str:
    """Return why nothing can be kept in a keyring here; an empty string where it can.

    That it is there does not say that it can be unlocked. `keyring_remedy` has what to type.
    """
    try:
        backends = keeping.backends()
    except ImportError:
        return "the keyring package is not installed"
    if not any(safe for _, safe in backends):
        name = keeping.kind(backends[0][0]) if backends else "none"
        return f"there is no keyring that keeps a secret safely ({shown(name)})"
    return ""


def keyring_remedy() -> str:
    """Return the command that installs the keyring package; empty where it is installed."""
    from importlib.util import find_spec

    return "" if find_spec("keyring") else packages.install("keyring")


def keep_in_keyring(client: ClientCredentials) -> str:
    """Store the secret in the first keyring that is safe; return the keyring's name.

    Raises ConfigurationError `credentials-missing` where there is none, where it stays locked for
    a minute, or where it does not give back what was stored.
    """
    user = keeping.user(client.client_id, client.env_url)
    secret = client.client_secret

    def store(backend: Any) -> str:  # noqa: ANN401 - keyring's backends are not typed
        backend.set_password(keeping.SERVICE, user, secret.reveal())
        kept = backend.get_password(keeping.SERVICE, user)
        if kept != secret.reveal():
            raise ValueError("it gave something else back")
        return str(getattr(backend, "name", "") or keeping.kind(backend))

    backend = _usable("scalekit-auth login --store env keeps it in a .env instead")[0]
    return _patiently(lambda: store(backend), "store the secret")


def forget_in_keyring(client_id: str, env_url: str) -> bool:
    """Remove the secret from every keyring that has it; tell if there was one.

    Raises ConfigurationError `credentials-missing` where the keyring cannot be asked: then nobody
    knows whether the secret is there still.
    """
    user = keeping.user(client_id, env_url)
    backends = _usable("a secret that it holds stays there until it can be asked")

    def remove() -> bool:
        removed = False
        for backend in backends:
            if backend.get_password(keeping.SERVICE, user) is not None:
                backend.delete_password(keeping.SERVICE, user)
                removed = True
        return removed

    return _patiently(remove, "be asked")


def keep_in_env(path: str, client: ClientCredentials) -> None:
    """Write the three values into this `.env`, mode 0600, and leave its other lines as they are.

    Raises ConfigurationError `config-invalid` where it cannot be written.
    """
    pairs = (
        (credentials.CLIENT_ID, client.client_id),
        (credentials.CLIENT_SECRET, client.client_secret.reveal()),
        (credentials.ENV_URL, client.env_url),
    )
    lines = [f"{name}={_quoted(value)}\n" for name, value in pairs]
    if os.path.exists(path):
        os.chmod(path, 0o600)  # before the secret is in it
    files.write_atomic(path, "".join([*_others(path), *lines]).encode(), mode=0o600)


def has_credentials(path: str) -> bool:
    """Tell whether this `.env` has any of our values; False where it does not exist.

    Raises ConfigurationError `config-invalid` for one that is not to be trusted.
    """
    return any(binding.key in credentials.NAMES for binding in _bindings(path))


def forget_env(path: str) -> bool:
    """Take the three values out of this `.env`, and the file away if nothing else is in it.

    Tells if there was a file. Raises ConfigurationError `config-invalid` where that fails.
    """
    if not os.path.lexists(path):
        return False
    others = "".join(_others(path))
    if others.strip():
        files.write_atomic(path, others.encode())
        return True
    try:
        os.unlink(path)
    except OSError as error:
        raise ConfigurationError(
            "config-invalid",
            f"cannot remove {displayed(path)}: {reason(error)}",
            "remove it by hand",
        ) from None
    return True


def _others(path: str) -> list[str]:
    """Return the lines of a `.env` that are not about the client credentials, as they stand."""
    kept = [
        binding.original.string
        for binding in _bindings(path)
        if binding.error or binding.key not in credentials.NAMES
    ]
    if kept and not kept[-1].endswith("\n"):
        kept.append("\n")
    return kept


def _bindings(path: str) -> list[Binding]:
    from io import StringIO

    from dotenv.parser import parse_stream

    try:
        text = files.read_trusted(path).decode("utf-8-sig")
    except FileNotFoundError:
        return []
    except UnicodeDecodeError:
        what = f"{displayed(path)} is not UTF-8 text"
        raise ConfigurationError("config-invalid", what, "mend it or remove it") from None
    return list(parse_stream(StringIO(text)))


def _quoted(value: str) -> str:
    """Write a value as python-dotenv reads it back."""
    plain = value.replace("_", "").replace("-", "").replace(".", "").replace(":", "")
    if plain.replace("/", "").isalnum() and plain.isascii():
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _usable(hint: str) -> list[Any]:
    fault = keyring_fault()
    if fault:
        remedy = keyring_remedy()
        told = f"{remedy}\n{hint}" if remedy else hint
        raise ConfigurationError("credentials-missing", fault, told)
    return [each for each, safe in keeping.backends() if safe]


def _patiently(act: Callable[[], T], what: str) -> T:
    """Do something with a keyring that has to succeed."""
    value, fault = keeping.patiently(act)
    if fault or value is None:
        raise ConfigurationError(
            "credentials-missing",
            f"the keyring cannot {what}: {shown(fault)}",
            "unlock it and try again",
        )
    return value
