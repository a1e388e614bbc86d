"""What a wait does in the world: asks the vault, opens a browser, listens, tells."""

from __future__ import annotations

import hmac
import os
import secrets
import threading
import time

from scalekit_exec.errors import AuthorizationError, ScalekitExecError, shown
from scalekit_exec.files import readable
from scalekit_exec.model import Link
from scalekit_exec.record import record
from scalekit_exec.waiting.loopback import Loopback, returned_address
from scalekit_exec.waiting.notify import Notice, is_notifying

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from scalekit_exec.authorization import Target
    from scalekit_exec.clock import Deadline
    from scalekit_exec.model import Account, NotifySettings
    from scalekit_exec.vault import Vault
    from scalekit_exec.waiting.show import Show
    from scalekit_exec.waiting.terminal import Terminal

__all__ = ["Effects", "Options"]

# What is written to the pipe that ends a pause.
NEWS, REPLY = b"!", b"."
SSH = ("SSH_CONNECTION", "SSH_TTY", "SSH_CLIENT")


@record
class Options:
    """How a wait goes about it; `host` is Scalekit's, for lines that ask a person.

    `waits` is False where the link is only handed over: no page of ours would live long enough for
    anybody to come back to.
    """

    host: str
    open_browser: bool = False
    user_verify_url: str = ""
    notify: NotifySettings | None = None
    waits: bool = True

    def browser_is_here(self, environ: Mapping[str, str], *, at_terminal: bool) -> bool:
        """Tell whether the browser that opens a link is on this machine."""
        remote = any(environ.get(name) for name in SSH) or self.notify is not None
        return self.waits and (self.open_browser or (at_terminal and not remote))


class Effects:
    """The world, as a flow's driver sees it. Close it when the wait is over."""

    def __init__(
        self, vault: Vault, deadline: Deadline, options: Options, show: Show, terminal: Terminal
    ) -> None:
        self._vault = vault
        self._deadline = deadline
        self._options = options
        self._show = show
        self._terminal = terminal
        self._lock = threading.RLock()
        self._states: dict[str, Target] = {}
        self._denied: dict[str, ScalekitExecError] = {}
        self._ends: dict[str, float | None] = {}
        self._ready: set[str] = set()
        self._notices: list[Notice] = []
        self._closed = False
        self.links: dict[str, Link] = {}
        self._woken, self._waker = os.pipe()
        here = options.browser_is_here(os.environ, at_terminal=show.at_terminal)
        self._loopback = Loopback(self.returned) if here else None

    def begin(self, patience: float, targets: Sequence[Target]) -> None:
        """Say how long we wait, and for whom."""
        self._show.patience(patience, targets)

    def waiting_for(self, targets: Sequence[Target]) -> list[Target]:
        """Return those that have not been authorized yet."""
        return [target for target in targets if target.wanted.named not in self._ready]

    def make_link(self, target: Target, number: int) -> Link | ScalekitExecError:
        """Make a link; the first one of `--open` is our own page, which makes it when opened."""
        if number == 1 and self._options.open_browser and self._loopback is not None:
            return Link(self._loopback.once(lambda: self._minted(target)), None)
        try:
            return self._mint(target)
        except ScalekitExecError as error:
            return error

    def _mint(self, target: Target) -> Link:
        state = secrets.token_urlsafe(24)
        verify = self._loopback.verify_url if self._loopback else self._options.user_verify_url
        self._deadline.restart()
        if verify:
            link = self._vault.link(target.wanted.key, state=state, user_verify_url=verify)
            with self._lock:
                self._states[state] = target
        else:
            link = self._vault.link(target.wanted.key)
        with self._lock:
            self.links[target.wanted.named] = link
            # By our clock, however wrong it is: only the time that passes counts.
            lives = link.lives
            self._ends[target.wanted.named] = (
                link.expires_at if lives is None else time.time() + lives
            )
        return link

    def _minted(self, target: Target) -> str:
        try:
            return self._mint(target).url
        except ScalekitExecError as error:
            with self._lock:
                self._denied[target.wanted.named] = error
            self._wake()
            raise ValueError(error.message) from None

    def ask(self, target: Target) -> Account | ScalekitExecError:
        """Ask for the account's state, by the details: nothing secret is transferred."""
        with self._lock:
            if target.wanted.named in self._denied:
                return self._denied[target.wanted.named]
        self._deadline.restart()
        try:
            return self._vault.account(target.wanted.key)
        except ScalekitExecError as error:
            return error

    def show(self, target: Target, link: Link, number: int) -> None:
        """Show a link, open it where that was asked for, and tell whoever wants to be told."""
        if number == 1:
            self._show.need(target, shown(self._options.host))
        self._show.link(target, link, number)
        ours = self._loopback is not None and link.url.startswith("http://127.0.0.1:")
        if ours:
            self._terminal.open_browser(link.url, self._show.say)
            return
        self.tell(target, link)
        if self._states and self._show.at_terminal and number == 1:
            self._show.say("if a page does not load after the sign-in, paste its address here")

    def tell(self, target: Target, link: Link) -> None:
        """Give the link to `[notify] command`, if there is one; its failure is a warning."""
        settings, host = self._options.notify, self._options.host
        if settings is not None and not is_notifying():
            self._notices.append(Notice(settings, target.wanted, link, host, self._show.say))

    def pending(self, target: Target) -> None:
        """Tell that the sign-in is done and its check is not."""
        name = shown(target.wanted.named)
        if self._states:
            self._show.say(f"{name}: signed in; Scalekit now checks who it was")
        else:
            self._show.say(
                f"{name}: signed in, but the check of who it was needs a page to return to; set "
                "user_verify_url in [scalekit] of your own config.toml, or use --open"
            )

    def authorized(self, target: Target) -> None:
        """Tell that a service is ready."""
        self._ready.add(target.wanted.named)
        self._show.say(f"{shown(target.wanted.named)}: authorized")

    def expires_at(self, target: Target) -> float | None:
        """Tell when the link that was shown ends; None while nobody has opened our own page."""
        with self._lock:
            return self._ends.get(target.wanted.named)

    def returned(self, fields: dict[str, str]) -> tuple[bool, str]:
        """Take what a browser came back with; return whether it is good, and what to tell it."""
        given = fields.get("state", "").encode("utf-8", "replace")
        with self._lock:
            found = [s for s in self._states if hmac.compare_digest(s.encode(), given)]
            if not found:
                return False, "This return belongs to no sign-in that is under way."
            target = self._states.pop(found[0])
        wanted = target.wanted
        who = f"{wanted.service.name} for {wanted.identifier}"
        if "error" in fields or "auth_request_id" not in fields:
            return False, self._refused(target, fields, who)
        self._deadline.restart()
        try:
            self._vault.verify(fields["auth_request_id"], wanted.identifier)
        except ScalekitExecError as error:
            self._show.say(f"{shown(wanted.named)}: {error.message}")
            return False, f"{who} could not be verified: {error.message}"
        self._wake()
        return True, f"{who} is authorized."

    def _refused(self, target: Target, fields: dict[str, str], who: str) -> str:
        why = shown(fields.get("error", "nothing to verify"), 60)
        wanted = target.wanted
        error = AuthorizationError(
            "authorization-required",
            f'{shown(wanted.service.name)}: "{shown(wanted.identifier)}" did not authorize '
            f"{shown(wanted.service.connection_name)} ({why})",
            "ask the user whether that was meant, then run this again; do not retry in a loop",
        )
        with self._lock:
            self._denied[wanted.named] = error
        self._wake()
        return f"{who} was not authorized ({why})."

    def pause(self, seconds: float, waiting: Sequence[Target]) -> bool:
        """Let time pass, count it at a terminal, read a pasted address; True if something came."""
        end = time.monotonic() + seconds
        while True:
            self._show.count(waiting, self._next_end(waiting))
            left = end - time.monotonic()
            if left <= 0:
                return False
            sources = [self._woken]
            if self._states and self._terminal.listening:
                sources.append(self._terminal.descriptor)
            ready = readable(sources, min(left, 1.0))
            if self._woken in ready:
                return NEWS in os.read(self._woken, 4096)
            if ready and self._pasted():
                return True

    def _next_end(self, waiting: Sequence[Target]) -> float | None:
        ends = [end for target in waiting if (end := self.expires_at(target)) is not None]
        return min(ends, default=None)

    def _pasted(self) -> bool:
        text = self._terminal.read()
        if not text.strip():
            return False
        fields = returned_address(text)
        if fields is None:
            self._show.say(
                "that is not it: paste the whole address that the browser shows for the page where "
                "it ended; there is state= in that address"
            )
            return False
        self._show.say(shown(self.returned(fields)[1]))
        return True

    def _wake(self) -> None:
        self._write(NEWS)

    def stir(self) -> None:
        """End a pause early, from any thread."""
        self._write(REPLY)

    def _write(self, what: bytes) -> None:
        with self._lock:
            if not self._closed:  # else the number may be somebody else's file by now
                os.write(self._waker, what)

    def settle(self) -> None:
        """Take the countdown away."""
        self._show.settle()

    def close(self) -> None:
        """Stop listening and take the countdown away."""
        for notice in self._notices:
            if self._options.waits:
                notice.stop()
            else:
                notice.end()
        self._show.settle()
        with self._lock:
            self._closed = True
        if self._loopback is not None:
            self._loopback.close()
        self._terminal.close()
        os.close(self._woken)
        os.close(self._waker)
