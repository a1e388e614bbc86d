"""Where the client secret of the user's own file is kept: the system's keyring, or a command.

Both may have to ask a person, so both have a minute.
"""

from __future__ import annotations

import os

from scalekit_exec import packages
from scalekit_exec.errors import ConfigurationError, reason, shown
from scalekit_exec.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = [
    "DASHBOARD",
    "SERVICE",
    "backends",
    "checked",
    "fault",
    "from_command",
    "from_keyring",
    "kind",
    "patiently",
    "user",
]

# The name under which a keyring has our secrets.
SERVICE = "scalekit-exec"
UNLOCK_SECONDS = 60
LONGEST_SECRET = 65536
# Backends that keep the secret readable on disk, or nowhere at all.
CLEAR_TEXT_BACKENDS = ("keyrings.alt.", "keyring.backends.null", "keyring.backends.fail")
DASHBOARD = "in the Scalekit dashboard: Developers, Settings, API credentials"


def user(client_id: str, env_url: str) -> str:
    """Return the user name under which a keyring has the secret of a client."""
    return f"{client_id}@{env_url}"


def fault(text: str) -> str:
    """Return why this cannot be a client secret; "" where it can.

    It is text of one line, as what is pasted wrongly mostly is not.
    """
    if not text:
        return "is empty"
    if len(text) > LONGEST_SECRET:
        return f"is longer than {LONGEST_SECRET} characters"
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        return "is not UTF-8 text"
    if any(ord(character) < 0x20 or character == "\x7f" for character in text):
        return "has a line break or another control character in it"
    return ""


def checked(text: str, source: str) -> Secret:
    """Return a client secret; raises ConfigurationError `config-invalid` for what is none."""
    wrong = fault(text)
    if wrong:
        raise ConfigurationError(
            "config-invalid", f"{source} {wrong}", f"copy it once more; it is {DASHBOARD}"
        )
    return Secret(text)


def from_command(command: tuple[str, ...], where: str) -> Secret:
    """Run `client_secret_command`: no shell, nothing on its stdin, a minute at the most.

    Its stderr goes to ours, so that a password manager can say what it waits for. Of the command
    only the first word is ever shown: the others may hold a password.

    Raises ConfigurationError `credentials-missing` where it gives none, `config-invalid` where what
    it gives is none.
    """
    import subprocess

    name = f"{where}: client_secret_command {shown(command[0], 80)}"
    forget = _hear_of_children()
    try:
        done = subprocess.run(
            [os.path.expanduser(command[0]), *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=UNLOCK_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        why = f"did not end within {UNLOCK_SECONDS} s"
    except (OSError, ValueError) as error:
        told = reason(error) if isinstance(error, OSError) else "a NUL in its words"
        why = f"cannot be started: {told}"
    else:
        # What is no UTF-8 becomes lone surrogates, which `checked` refuses.
        secret = done.stdout.decode("utf-8", "surrogateescape").strip()
        if done.returncode == 0 and secret:
            return checked(secret, f"{name}: what it printed")
        how = f"status {done.returncode}" if done.returncode > 0 else f"signal {-done.returncode}"
        why = f"ended with {how}" if done.returncode else "printed no secret"
    finally:
        forget()
    raise ConfigurationError(
        "credentials-missing",
        f"{name} {shown(why).lower()}",
        "run it by hand: it must print the client secret and nothing else, and ask on the terminal",
    )


def _hear_of_children() -> Callable[[], object]:
    """Learn how a child ends, also where our caller ignores SIGCHLD: it would seem to end well.

    Returns what puts SIGCHLD back.
    """
    import signal
    import threading
    from functools import partial

    number: int = getattr(signal, "SIGCHLD", 0)
    ignored = number and signal.getsignal(number) == signal.SIG_IGN
    if not ignored or threading.current_thread() is not threading.main_thread():
        return lambda: None
    signal.signal(number, signal.SIG_DFL)
    return partial(signal.signal, number, signal.SIG_IGN)


def from_keyring(user: str, where: str, login: str) -> Secret:
    """Read the secret from the operating system's keyring, which may ask a person to unlock it.

    `where` names the table that wants it, `login` the command that would store it. Raises
    ConfigurationError `credentials-missing`.
    """
    try:
        import keyring  # noqa: F401 - only whether it is there
    except ImportError:
        raise ConfigurationError(
            "credentials-missing",
            f"{where} has no client secret, and the keyring package is not installed",
            f"{packages.install('keyring')}\nor set client_secret_command, or use a .env",
        ) from None
    refused: list[str] = []

    def ask() -> str | None:
        for each, safe in backends():
            if not safe:
                refused.append(kind(each))
            elif value := each.get_password(SERVICE, user):
                return str(value)
        return None

    secret, problem = patiently(ask)
    if secret:
        return checked(secret, f"{where}: what the keyring holds")
    others = "client_secret_command, or use a .env with mode 600"
    if problem:
        message = f"{where}: the keyring cannot be read: {shown(problem)}"
        hint = f"unlock it, or set {others}"
    elif refused:
        message = f"{where}: the keyring here ({shown(refused[0])}) keeps no secret safely"
        hint = f"use the system's keyring, or set {others}"
    else:
        message = f"{where}: the keyring holds no secret for {shown(user)}"
        hint = f"store it with: {login}"
    raise ConfigurationError("credentials-missing", message, hint)


def backends() -> list[tuple[Any, bool]]:
    """Return the keyrings of this system, each with whether it keeps a secret safely.

    Raises ImportError where the keyring package is not installed.
    """
    import keyring

    backend = keyring.get_keyring()
    every = getattr(backend, "backends", None) or [backend]
    return [(each, not kind(each).startswith(CLEAR_TEXT_BACKENDS)) for each in every]


def kind(backend: object) -> str:
    """Return what a keyring is, for people."""
    return f"{type(backend).__module__}.{type(backend).__name__}"


def patiently(act: Callable[[], T]) -> tuple[T | None, str]:
    """Do something with a keyring, for a minute at the most: somebody may have to unlock it.

    Returns what it gave, and what went wrong. Of an exception only the kind is told: its text is
    the backend's own, and nobody knows what is in it.
    """
    import threading

    result: list[tuple[T | None, str]] = []

    def run() -> None:
        try:
            result.append((act(), ""))
        except Exception as error:  # noqa: BLE001 - backends raise what their platform raises
            result.append((None, type(error).__name__))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(UNLOCK_SECONDS)
    return result[0] if result else (None, f"no answer within {UNLOCK_SECONDS} s")
