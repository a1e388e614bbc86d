"""Open files that we were not told to open only if nobody else can have written them.

A map or a `.env` that is found by walking up decides which account a program acts for. So a
*discovered* file has to belong to the user or root, and nobody else may be able to write it or to
put another in its place. A file that the user named is read as it is. On Windows nothing is
checked (SECURITY.md).
"""

from __future__ import annotations

import errno
import os
import stat
import time

from scalekit_exec.errors import ConfigurationError, UsageError, reason, shown, typed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "HOME",
    "absolute",
    "displayed",
    "read_named",
    "read_trusted",
    "readable",
    "readable_by_others",
    "typed_path",
    "working_folder",
    "write_atomic",
]

HOME = "USERPROFILE" if os.name == "nt" else "HOME"
LARGEST = 1 << 20
_CHECKED = os.name != "nt"
# How long nothing may come through a pipe. A writer that is there may be asking its user first.
_PATIENCE = 5.0
_PATIENCE_NAMED = 60.0
_CHUNK = 1 << 16
# Rights, as a mode has them for all others; for the group they are shifted.
READ, WRITE = 4, 2
SELECTABLE = 1024  # FD_SETSIZE


def displayed(path: str) -> str:
    """Return a path as a person writes it: `~` for their home, nothing that a terminal obeys."""
    home = os.environ.get(HOME, "").rstrip(os.sep)
    if home and path.startswith(home + os.sep):
        path = "~" + path[len(home) :]
    return shown(path)


def typed_path(path: str) -> str:
    """Return a path as a word of a command to type; `~/` stays where a shell fills it in."""
    text = displayed(path)
    return "~/" + typed(text[2:]) if text.startswith("~/") else typed(text)


def working_folder(named: str | None = None) -> str:
    """Return the working folder, in which `named` is a path if it is none by itself.

    UsageError `usage` where that folder is gone and is needed.
    """
    try:
        return os.getcwd()
    except OSError:
        if named is not None and os.path.isabs(named):
            return os.path.dirname(named)
        what = "the working folder is gone"
        raise UsageError("usage", what, "go to a folder that exists: cd ~") from None


def absolute(path: str, folder: str) -> str:
    """Return a path that was given in a folder, without `..` where that leads to the same file.

    Behind a link to a folder `..` is not what it looks like; there the path stays as it was given.
    """
    joined = os.path.join(folder, path)
    plain = os.path.normpath(joined)
    if plain == joined or os.path.realpath(plain) != os.path.realpath(joined):
        return joined
    return plain


def read_trusted(path: str, *, fifo: bool = False, named_by: str | None = None) -> bytes:
    """Read a file that was found, not named: at most 1 MiB, and only if it is the user's own.

    The file is opened once and that descriptor is checked, then the folder. `fifo` allows a named
    pipe, which has 5 s to deliver. `named_by` is the variable by which the user can name the file
    instead, for the hint; it is guessed from the file's name, and empty where there is none.

    Raises FileNotFoundError, or ConfigurationError `config-invalid` with owner and mode.
    """
    if named_by is None:
        ours = os.path.basename(path) == ".env"
        named_by = "SCALEKIT_EXEC_ENV_FILE" if ours else "SCALEKIT_EXEC_CONFIG"
    try:
        descriptor = _open(path)
    except NotADirectoryError as error:  # as below XDG_CONFIG_HOME=/dev/null: nothing is there
        raise FileNotFoundError(*error.args) from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) and not (fifo and stat.S_ISFIFO(status.st_mode)):
            raise _invalid(path, f"is {_kind(status)}, not a file", f"remove {typed_path(path)}")
        if _CHECKED:
            _check(path, status, named_by)
        return _read(descriptor, path, _PATIENCE)
    finally:
        os.close(descriptor)


def read_named(path: str) -> bytes:
    """Read a file that the user named, of whatever kind: at most 1 MiB.

    A pipe that somebody writes to has 60 s to deliver, one that nobody writes to has 5 s. Raises
    FileNotFoundError, or ConfigurationError `config-invalid` where it cannot be read.
    """
    try:
        descriptor = _open(path)
    except NotADirectoryError as error:
        raise _unreadable(path, error) from None
    try:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise _invalid(path, "is a folder, not a file", "name the file in it")
        return _read(descriptor, path, _PATIENCE_NAMED)
    finally:
        os.close(descriptor)


def readable_by_others(path: str) -> bool:
    """Tell whether other users may read this file; False where it is not there, and on Windows.

    Devices and pipes keep nothing that somebody else could read: False for them too.
    """
    try:
        status = os.stat(path)
    except OSError:
        return False
    if not (_CHECKED and stat.S_ISREG(status.st_mode)):
        return False
    return bool(_who_may(status, READ, _sharers(path, READ)))


def write_atomic(path: str, data: bytes, *, mode: int = 0o600) -> None:
    """Put a file in place whole: whoever reads it finds the old content or the new, never a part.

    Written beside, flushed to the disk, renamed. An existing file keeps its mode and owner, a link
    stays and its target is written; `mode` is for a new file. Missing folders are made, private.
    Raises ConfigurationError `config-invalid` where that cannot be done; the old file is then as
    it was.
    """
    target = os.path.realpath(path)
    folder, name = os.path.split(target)
    beside = os.path.join(folder, f".{name}.{os.urandom(6).hex()}")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0)
    try:
        try:
            os.makedirs(folder, mode=0o700, exist_ok=True)
        except FileExistsError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR)) from None
        old = _status_to_keep(target)
        descriptor = os.open(beside, flags | getattr(os, "O_BINARY", 0), 0o600)
        try:
            _fill(descriptor, data, old, mode)
            os.replace(beside, target)
        except BaseException:
            os.unlink(beside)
            raise
        _flush_folder(folder)
    except OSError as error:
        raise ConfigurationError(
            "config-invalid",
            f"cannot write {displayed(path)}: {_reason(error)}",
            f"check the folder {displayed(folder)}",
        ) from None


def _status_to_keep(target: str) -> os.stat_result | None:
    try:
        status = os.stat(target)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, f"it is {_kind(status)}")
    return status


def _fill(descriptor: int, data: bytes, old: os.stat_result | None, mode: int) -> None:
    """Write, flush and close the descriptor, with the mode and owner that it is to have."""
    from contextlib import suppress

    try:
        if _CHECKED:
            if old is not None and (old.st_uid, old.st_gid) != (os.geteuid(), os.getegid()):
                with suppress(PermissionError):  # only root may give a file away
                    os.fchown(descriptor, old.st_uid, old.st_gid)
            os.fchmod(descriptor, mode if old is None else stat.S_IMODE(old.st_mode))
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _flush_folder(folder: str) -> None:
    """Make the rename itself survive a power cut; Windows has no such call."""
    if not _CHECKED:
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that cannot flush a folder
            raise
    finally:
        os.close(descriptor)


def _open(path: str) -> int:
    """Open for reading without waiting for a pipe's writer or taking on a terminal.

    Raises FileNotFoundError, NotADirectoryError; ConfigurationError for all else.
    """
    flags = os.O_RDONLY
    for name in ("O_CLOEXEC", "O_NONBLOCK", "O_NOCTTY", "O_BINARY"):
        flags |= getattr(os, name, 0)
    try:
        return os.open(path, flags)
    except (FileNotFoundError, NotADirectoryError):
        raise
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _unreadable(path: str, error: OSError | ValueError) -> ConfigurationError:
    what = f"cannot be read: {_reason(error)}"
    return _invalid(path, what, "check the file and its folders")


def _read(descriptor: int, path: str, patience: float) -> bytes:
    began = time.monotonic()
    data = bytearray()
    while len(data) <= LARGEST:
        try:
            chunk = os.read(descriptor, _CHUNK)
        except BlockingIOError:  # a writer is there and takes its time
            left = began + patience - time.monotonic()
            if left <= 0 or not readable([descriptor], left):
                what = f"gave nothing more for {patience:.0f} s"
                raise _invalid(path, what, "check what writes to this pipe") from None
            continue
        except OSError as error:
            what = f"cannot be read: {_reason(error)}"
            raise _invalid(path, what, "check the file") from None
        if chunk:
            data += chunk
        elif data or not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            return bytes(data)
        else:  # a pipe without a writer reads as ended; one may be about to come
            limit = min(patience, _PATIENCE)
            if time.monotonic() - began > limit:
                what = f"is a pipe that nobody wrote to for {limit:.0f} s"
                raise _invalid(path, what, "start what writes to it, or remove it")
            time.sleep(0.01)
    raise _invalid(path, "is larger than 1 MiB", "check that this is the file that you mean")


def readable(descriptors: Sequence[int], seconds: float) -> list[int]:
    """Return those from which there is something to read, or the end, within some time.

    select knows no number from 1024 on, and poll on macOS no terminal (its poll(2), BUGS).
    """
    import select

    if max(descriptors) < SELECTABLE:
        return select.select(descriptors, [], [], seconds)[0]
    ready = select.poll()
    for descriptor in descriptors:
        ready.register(descriptor, select.POLLIN)
    return [found for found, event in ready.poll(seconds * 1000) if not event & select.POLLNVAL]


def _check(path: str, status: os.stat_result, named_by: str) -> None:
    """Refuse a file that somebody else wrote, could write, or could put another in place of."""
    user = os.geteuid()
    fault = _fault(status, user, _sharers(path, WRITE))
    if fault:
        trusted = _is_trusted(status, user)
        fix = f"chmod go-w {typed_path(path)}" if trusted else "check who wrote it"
        raise _invalid(path, f"{fault} ({_owned(status)})", fix + _instead(path, named_by))
    link = os.lstat(path)
    if stat.S_ISLNK(link.st_mode) and not _is_trusted(link, user):
        what = f"is a link that is not yours ({_owned(link)})"
        raise _invalid(path, what, "check who made it" + _instead(path, named_by))
    real = os.path.realpath(path)
    if not os.path.samestat(os.stat(real), status):
        raise _invalid(path, "was changed while it was being read", "run this again")
    for folder in dict.fromkeys((os.path.dirname(os.path.abspath(path)), os.path.dirname(real))):
        status = os.stat(folder)
        fault = _fault(status, user, _sharers(folder, WRITE))
        sticky = bool(status.st_mode & stat.S_ISVTX)
        if fault and not (sticky and _is_trusted(status, user)):
            what = f"is in a folder, {displayed(folder)}, that {fault} ({_owned(status)})"
            trusted = _is_trusted(status, user)
            fix = f"chmod go-w {typed_path(folder)}" if trusted else "check whose folder this is"
            raise _invalid(path, what, fix + _instead(path, named_by))


def _instead(path: str, named_by: str) -> str:
    return f", or name it yourself: {named_by}={typed_path(path)}" if named_by else ""


def _is_trusted(status: os.stat_result, user: int) -> bool:
    return status.st_uid in (user, 0)


def _fault(status: os.stat_result, user: int, others: Callable[[int], str]) -> str:
    """Say in which way somebody else has this file or folder in hand; empty where nobody has.

    `others` tells who shares the rights of the file's group, which it is given.
    """
    if not _is_trusted(status, user):
        return "belongs to somebody else"
    who = _who_may(status, WRITE, others)
    return f"may be written by {who}" if who else ""


def _who_may(status: os.stat_result, right: int, others: Callable[[int], str]) -> str:
    """Name who besides the owner has this right; empty where nobody has."""
    if status.st_mode & right:
        return "everybody"
    return others(status.st_gid) if status.st_mode & right << 3 else ""


def _sharers(path: str, right: int) -> Callable[[int], str]:
    def others(group: int) -> str:
        from scalekit_exec import sharing  # few files have more than one writer

        return sharing.others(path, group, right)

    return others


def _owned(status: os.stat_result) -> str:
    """Describe owner and mode: `owner bob, group staff, mode 0664`."""
    import grp
    import pwd

    try:
        owner = shown(pwd.getpwuid(status.st_uid).pw_name, 40)
    except KeyError:
        owner = str(status.st_uid)
    try:
        group = shown(grp.getgrgid(status.st_gid).gr_name, 40)
    except KeyError:
        group = str(status.st_gid)
    return f"owner {owner}, group {group}, mode {stat.S_IMODE(status.st_mode):04o}"


def _kind(status: os.stat_result) -> str:
    kinds = (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISREG, "a file"),
    )
    return next((word for test, word in kinds if test(status.st_mode)), "a device")


def _reason(error: OSError | ValueError) -> str:
    return reason(error) if isinstance(error, OSError) else shown(error).lower()


def _invalid(path: str, what: str, hint: str) -> ConfigurationError:
    return ConfigurationError("config-invalid", f"{displayed(path)} {what}", hint)
