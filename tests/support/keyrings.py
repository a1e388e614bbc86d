"""A Secret Service of its own: a D-Bus session and gnome-keyring, as a desktop has them."""

from __future__ import annotations

import shutil
import subprocess
import time
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["MISSING", "Keyring", "running_keyring"]

_PROGRAMS = ("dbus-daemon", "dbus-send", "gnome-keyring-daemon")
_MODULES = ("keyring", "secretstorage")
MISSING = [name for name in _PROGRAMS if shutil.which(name) is None]
MISSING += [name for name in _MODULES if find_spec(name) is None]
SERVICE = "org.freedesktop.secrets"


class Keyring:
    """A running D-Bus session; `environ` is what a program needs to find it."""

    def __init__(self, address: str, environ: Mapping[str, str]) -> None:
        self.environ = {**environ, "DBUS_SESSION_BUS_ADDRESS": address}
        self._daemon: subprocess.Popen[bytes] | None = None

    def unlock(self, password: str = "pw") -> None:
        """Start gnome-keyring as a log-in does, with the password that opens the keyring."""
        self._daemon = subprocess.Popen(
            ["gnome-keyring-daemon", "--foreground", "--unlock", "--components=secrets"],
            env=self.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        assert self._daemon.stdin is not None
        self._daemon.stdin.write(password.encode())
        self._daemon.stdin.close()
        end = time.monotonic() + 10
        bus = ("/org/freedesktop/DBus", "org.freedesktop.DBus.NameHasOwner", f"string:{SERVICE}")
        while "true" not in self._send("org.freedesktop.DBus", *bus):
            assert time.monotonic() < end, "gnome-keyring does not start"
            assert self._daemon.poll() is None, "gnome-keyring ended"
            time.sleep(0.02)

    def lock(self) -> None:
        """Lock the keyring, as a screen saver does; nobody is there to unlock it."""
        path = "/org/freedesktop/secrets"
        lock = "org.freedesktop.Secret.Service.Lock"
        self._send(SERVICE, path, lock, f"array:objpath:{path}/collection/login")

    def stop(self) -> None:
        """End gnome-keyring; what it keeps stays on the disk."""
        if self._daemon is not None:
            self._daemon.terminate()
            self._daemon.wait(10)
            self._daemon = None

    def _send(self, to: str, *words: str) -> str:
        done = subprocess.run(
            ["dbus-send", "--session", "--print-reply", f"--dest={to}", *words],
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        )
        return done.stdout


@contextmanager
def running_keyring(home: Path, path: str) -> Iterator[Keyring]:
    """Run a D-Bus session, in which nothing runs yet, for a home and a PATH."""
    environ = {"HOME": str(home), "PATH": path, "LANG": "C.UTF-8"}
    # Without any file that tells the bus what to start when a service is asked for: a keyring that
    # is not there stays away.
    config = home / "bus.conf"
    config.write_text(
        "<busconfig><type>session</type><listen>unix:tmpdir=/tmp</listen>"
        '<policy context="default"><allow send_destination="*" eavesdrop="true"/>'
        '<allow eavesdrop="true"/><allow own="*"/></policy></busconfig>'
    )
    bus = subprocess.Popen(
        ["dbus-daemon", f"--config-file={config}", "--nofork", "--print-address"],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert bus.stdout is not None
    keyring = Keyring(bus.stdout.readline().strip(), environ)
    try:
        yield keyring
    finally:
        keyring.stop()
        bus.terminate()
        bus.wait(10)
        bus.stdout.close()
