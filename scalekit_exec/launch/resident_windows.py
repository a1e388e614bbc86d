"""Staying beside the child on Windows: its output comes by pipes, and it ends with us."""

from __future__ import annotations

import os
import queue
import sys
import threading
from contextlib import suppress

from scalekit_exec.launch import windows

assert sys.platform == "win32"  # noqa: S101 - how mypy is told that a module is of one platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from scalekit_exec.redaction import Redactor

__all__ = ["finish", "shield", "supervise"]

AT_ONCE = 65536
WAITING_CHUNKS = 16
HELD_AT_MOST = 0.05
DRAIN = 0.2
MORE_THAN_A_PIPE_HOLDS = 1048576


def shield() -> None:
    """Do nothing: here nothing keeps a process of the same user out of ours (SECURITY.md)."""


def supervise(
    path: str,
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    redactors: tuple[Redactor, Redactor] | None = None,
    stopped: Callable[[], None] | None = None,
) -> int:
    """Run the command and stay until its end; return its status.

    With `redactors`, for stdout and stderr, its output goes through us. `stopped` is called at the
    child's end, before the last of its output is written. Raises as `windows.start` does.
    """
    from scalekit_exec.launch.job import Job

    outlets = [_Outlet(sink, redactor) for sink, redactor in enumerate(redactors or (), start=1)]
    if outlets and os.isatty(1) and os.isatty(2):
        outlets = outlets[:1]  # one stream, so that what is written stays in order
    try:
        entrances = (outlets[0].entrance, outlets[-1].entrance) if outlets else (None, None)
        process = windows.start(path, argv, environ, stdout=entrances[0], stderr=entrances[1])
    finally:
        for outlet in outlets:
            os.close(outlet.entrance)
    job = Job(int(process._handle))  # type: ignore[attr-defined]  # noqa: SLF001 - there is no other way to it
    for outlet in outlets:
        outlet.start()
    status = process.wait()
    if stopped is not None:
        stopped()
    for outlet in outlets:
        outlet.finish()
    job.release()
    return status


def finish(returncode: int) -> int:
    """Return the status of a launch whose child ended so."""
    return windows.signed(returncode)


class _Outlet:
    """One stream of the child's: one thread reads, one writes, since no wait here is for both.

    Our end of the pipe is closed by the end of our process and not before: to close it would wait
    for the thread that reads.
    """

    def __init__(self, sink: int, redactor: Redactor) -> None:
        self._source, self.entrance = os.pipe()
        self._sink = sink
        self._count = 0  # bytes read
        self._redactor = redactor
        self._chunks: queue.Queue[bytes | None] = queue.Queue(WAITING_CHUNKS)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._writer = threading.Thread(target=self._write, daemon=True)

    def start(self) -> None:
        """Begin to pass on."""
        self._reader.start()
        self._writer.start()

    def finish(self) -> None:
        """Write what the child has left; what it left running has a moment."""
        enough = self._count + MORE_THAN_A_PIPE_HOLDS
        while self._reader.is_alive() and self._count < enough:
            before = self._count
            self._reader.join(DRAIN)
            if self._count == before and self._chunks.empty():
                break  # nobody writes, and nothing waits for a slow reader of ours
        self._chunks.put(None)
        self._writer.join()

    def _read(self) -> None:
        with suppress(OSError):
            while data := os.read(self._source, AT_ONCE):
                self._count += len(data)
                self._chunks.put(data)
        self._chunks.put(None)

    def _write(self) -> None:
        with suppress(OSError):  # the reader has gone
            while True:
                try:
                    data = self._chunks.get(timeout=HELD_AT_MOST if self._redactor.held else None)
                except queue.Empty:
                    self._out(self._redactor.release())
                    data = self._chunks.get()
                if data is None:
                    self._out(self._redactor.close())
                    return
                self._out(self._redactor.feed(data))
        while self._chunks.get() is not None:  # the child is not to hang on a full pipe
            pass

    def _out(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._sink, data) :]
