"""Locks that a fork does not leave held: the thread that holds one is not in the child."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["ForkLock"]


class ForkLock:
    """A lock for a `with` statement; in a forked child it begins anew, but for whoever forked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder = 0
        _LOCKS.add(self)

    def renew(self) -> None:
        """Forget a holder that did not come along."""
        if self._lock.locked() and self._holder != threading.get_ident():
            self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()
        self._holder = threading.get_ident()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._holder = 0
        self._lock.release()


_LOCKS: WeakSet[ForkLock] = WeakSet()


def _renew_all() -> None:
    for lock in list(_LOCKS):
        lock.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
