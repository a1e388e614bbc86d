"""A launch's side of the daemon: the port over its socket, and past it wherever it does not answer.

On the path of every launch whose user runs a daemon, so it imports next to nothing; TLS is not
among it. Whatever is not right with the daemon is passed over without a word: the launch then asks
Scalekit itself.
"""

from __future__ import annotations

import _socket  # what `socket` builds on; that one costs a launch 5 ms
import _thread
import os
import stat
import sys

from scalekit_exec.daemon import place, wire
from scalekit_exec.errors import AuthorizationError, ScalekitExecError, VaultError, shown
from scalekit_exec.record import record

assert sys.platform != "win32"  # noqa: S101 - how mypy is told that a module is of one platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scalekit_exec.clock import Deadline
    from scalekit_exec.model import Account, AccountKey, ClientCredentials, Credential, Link
    from scalekit_exec.vault import Vault

__all__ = ["AbsentError", "Caller", "Connection", "DaemonVault", "PassedOverError"]

PATIENCE = 0.2
# What decides whom TLS trusts, and through which proxy it goes: part of what an answer is bound to.
FILES = ("SCALEKIT_CA_BUNDLE", "SSL_CERT_FILE")
FOLDERS = "SSL_CERT_DIR"
PROXIES = ("https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY")


class PassedOverError(Exception):
    """There is a daemon, or something in its place, that this launch has nothing to do with.

    `pid` is its process, 0 where that is not known.
    """

    pid = 0


class AbsentError(PassedOverError):
    """There is no daemon."""


class Connection:
    """One connection to the daemon, for one request; nothing is sent before its greeting is good.

    `patience` is for how many seconds in all greeting and acknowledgement are waited for. Raises
    AbsentError, PassedOverError.
    """

    def __init__(self, folder: str, patience: float = PATIENCE) -> None:
        from time import monotonic

        self.pid = 0
        self._patience = patience
        self._socket = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        self._socket.settimeout(patience)
        started = monotonic()
        try:
            self.pid = _connect(self._socket, folder)
            wire.check_greeting(wire.read(self._socket, wire.LONGEST_REQUEST))
        except (OSError, ValueError, PassedOverError) as error:
            self._socket.close()
            passed = error if isinstance(error, PassedOverError) else PassedOverError(_why(error))
            passed.pid = self.pid
            raise passed from None
        self._patience -= monotonic() - started

    def ask(self, request: Mapping[str, object], left: float) -> dict[str, object]:
        """Send the one request and return its answer, for which `left` seconds may pass.

        Raises PassedOverError where it is not acknowledged in time or the daemon goes away,
        TimeoutError where it was acknowledged and the time is over.
        """
        acknowledged = False
        try:
            self._socket.settimeout(max(0.01, min(self._patience, left)))
            self._socket.sendall(wire.write(request))
            if wire.read(self._socket, wire.LONGEST_REQUEST) != wire.ACKNOWLEDGED:
                raise PassedOverError("it does not acknowledge")
            acknowledged = True
            self._socket.settimeout(max(0.01, left))
            return wire.read(self._socket, wire.LONGEST_ANSWER)
        except TimeoutError:
            if acknowledged:
                raise
            raise PassedOverError("it does not acknowledge") from None
        except (OSError, ValueError) as error:
            raise PassedOverError(_why(error)) from None

    def close(self) -> None:
        """Close it, also under a thread that waits for an answer."""
        try:
            self._socket.shutdown(_socket.SHUT_RDWR)
        except OSError:  # it is closed, or the daemon is gone
            return
        finally:
            self._socket.close()


def _why(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return shown(getattr(error, "strerror", None) or error, 80).lower()


def _connect(socket: _socket.socket, folder: str) -> int:
    """Connect to the daemon in this folder and return its pid, if all of it is the user's own."""
    try:
        descriptor = place.open_folder(folder)
    except FileNotFoundError:
        raise AbsentError("there is none") from None
    try:
        status = os.stat(place.SOCKET, dir_fd=descriptor, follow_symlinks=False)
        wrong = place.fault(status)
        if wrong or not stat.S_ISSOCK(status.st_mode):
            raise PassedOverError(f"its socket {wrong or 'is none'}")
        address = place.address(folder, descriptor)
        if address is None:
            raise PassedOverError("the path of its folder is too long")
        socket.connect(address)
    except (FileNotFoundError, ConnectionRefusedError):
        raise AbsentError("there is none") from None
    finally:
        os.close(descriptor)
    uid, pid = wire.peer(socket)
    if uid != os.geteuid():
        raise PassedOverError("it is somebody else's")
    return pid


@record
class Caller:
    """Who asks, and by which way: all that an answer of the daemon is bound to.

    `min_ttl` is in seconds: what the daemon remembers must live that long yet.
    """

    client: ClientCredentials
    environ: Mapping[str, str]
    deadline: Deadline
    say: Callable[[str], None]
    ca_bundle: str | None = None
    min_ttl: float = 60.0

    def request(
        self, call: str, launch: str, key: AccountKey | None, fields: object
    ) -> dict[str, object]:
        """Return the request for one call."""
        way = self.way()
        return {
            "call": call,
            "launch": launch,
            "client": {
                "id": self.client.client_id,
                "secret": self.client.client_secret.reveal(),
                "url": self.client.env_url,
                "source": self.client.source,
            },
            "way": way,
            "marks": {path: mark(path) for path in anchors(way)},
            "seconds": self.deadline.seconds,
            "left": self.deadline.remaining(),
            "min_ttl": self.min_ttl,
            "key": None
            if key is None
            else [key.connection_name, key.identifier, key.organization_id, key.user_id],
            "fields": fields,
        }

    def way(self) -> dict[str, str]:
        """Return the settings of trust and proxy, with paths that do not depend on a folder."""
        way = {name: self.environ[name] for name in PROXIES if self.environ.get(name)}
        way |= {name: _absolute(self.environ[name]) for name in FILES if self.environ.get(name)}
        if self.environ.get(FOLDERS):
            paths = self.environ[FOLDERS].split(os.pathsep)
            way[FOLDERS] = os.pathsep.join(map(_absolute, filter(None, paths)))
        if self.ca_bundle and "SCALEKIT_CA_BUNDLE" not in way:
            way["SCALEKIT_CA_BUNDLE"] = _absolute(self.ca_bundle)
        return way


def _absolute(path: str) -> str:
    return os.path.abspath(os.path.expanduser(path))


def anchors(way: Mapping[str, str]) -> list[str]:
    """Return the files and folders with certificates that these settings name."""
    found = [way[name] for name in FILES if name in way]
    return found + (way[FOLDERS].split(os.pathsep) if FOLDERS in way else [])


def mark(path: str) -> list[int] | None:
    """Return what tells a file from another of that path, or from itself once it was written anew.

    The daemon may see another file there than a launch does, which runs in a container.
    """
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return [status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns]


class DaemonVault:
    """The port, one connection to the daemon a call; from `cold` on once that is not answered.

    `first` is the connection for the first call, `reach` makes those for the others.
    """

    def __init__(
        self,
        first: Connection,
        reach: Callable[[], Connection],
        caller: Caller,
        host: str,
        cold: Callable[[], Vault],
    ) -> None:
        self._caller = caller
        self._host = host
        self._reach = reach
        self._make_cold = cold
        self._cold: Vault | None = None
        self._lock = _thread.allocate_lock()
        self._ready: Connection | None = first
        self._open = {first}
        self._closed = False
        # By this the daemon knows the calls of one launch.
        self._launch = os.urandom(8).hex()

    def credential(self, key: AccountKey) -> Credential | Account:
        """Read the credential; the bare account where it is not ACTIVE."""
        told = self._ask("credential", key)
        if told is None:
            return self._other().credential(key)
        from scalekit_exec.transport import answers

        return answers.credential(told.body, key, self._host, told.as_of)

    def account(self, key: AccountKey) -> Account:
        """Read the account's state only."""
        told = self._ask("account", key)
        if told is None:
            return self._other().account(key)
        from scalekit_exec.transport import answers

        return answers.account(told.body, key, self._host, told.as_of)

    def link(self, key: AccountKey, *, state: str = "", user_verify_url: str = "") -> Link:
        """Make a magic link."""
        told = self._ask("link", key, {"state": state, "user_verify_url": user_verify_url})
        if told is None:
            return self._other().link(key, state=state, user_verify_url=user_verify_url)
        from scalekit_exec.transport import answers

        return answers.link(told.body, self._host, told.as_of)

    def verify(self, auth_request_id: str, identifier: str) -> str:
        """Confirm who authorized."""
        fields = {"auth_request_id": auth_request_id, "identifier": identifier}
        told = self._ask("verify", None, fields)
        if told is None:
            return self._other().verify(auth_request_id, identifier)
        from scalekit_exec.transport import answers

        return answers.verified(told.body, self._host)

    def close(self) -> None:
        """Close every connection, also those that a thread is waiting on."""
        with self._lock:
            self._closed = True
            connections, cold = list(self._open), self._cold
        for connection in connections:
            connection.close()
        if cold is not None:
            cold.close()

    def _ask(
        self, call: str, key: AccountKey | None, fields: Mapping[str, str] | None = None
    ) -> _Told | None:
        """Ask the daemon; None where it has no answer, and is not asked again by this launch."""
        if self._cold is not None:
            return None
        request = self._caller.request(call, self._launch, key, dict(fields or {}))
        connection = None
        try:
            connection = self._lend()
            told = connection.ask(request, self._caller.deadline.remaining())
            return self._told(told)
        except (PassedOverError, TimeoutError) as error:
            if self._closed or isinstance(error, TimeoutError):
                raise self._late() from None
            self._caller.say(f"the daemon is passed over: {error}")
            return None
        finally:
            if connection is not None:
                with self._lock:
                    self._open.discard(connection)
                connection.close()

    def _lend(self) -> Connection:
        with self._lock:
            first, self._ready = self._ready, None
        if first is not None:
            return first
        connection = self._reach()
        with self._lock:
            self._open.add(connection)
        if self._closed:
            raise PassedOverError("the launch is over")
        return connection

    def _told(self, answer: Mapping[str, object]) -> _Told:
        """Read an answer; raises what it tells of, PassedOverError where there is nothing in it."""
        said = answer.get("said")
        for line in said if isinstance(said, list) else ():
            self._caller.say(str(line))
        error = answer.get("error")
        if isinstance(error, dict):
            raise _error(error)
        body, as_of = answer.get("body"), answer.get("as_of")
        if not isinstance(body, dict) or not isinstance(as_of, int | float):
            raise PassedOverError("it leaves this one to us")
        return _Told(body, float(as_of))

    def _other(self) -> Vault:
        with self._lock:
            if self._cold is None:
                self._cold = self._make_cold()
                if self._closed:
                    self._cold.close()
            return self._cold

    def _late(self) -> VaultError:
        return VaultError(
            "timed-out",
            f"no answer from {shown(self._host)} within {self._caller.deadline.seconds:g} s",
            "check the network, or give it longer with --timeout SECONDS",
        )


@record
class _Told:
    """What Scalekit said, and when by its own clock."""

    body: Mapping[str, object]
    as_of: float


def _error(told: Mapping[str, object]) -> ScalekitExecError:
    code, message, hint = (str(told.get(name, "")) for name in ("code", "message", "hint"))
    status = told.get("status")
    if code == "account-not-found":
        return AuthorizationError(code, message, hint)
    return VaultError(code, message, hint, status=status if isinstance(status, int) else None)
