"""Requests to Scalekit over kept connections, repeated where that is right; no redirect, ever.

An answer that is cut short counts as a dropped connection. Raises VaultError `unreachable`,
`untrusted-server`, `timed-out`, `unexpected-answer`.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from contextlib import suppress

from scalekit_exec.clock import parse_http_date
from scalekit_exec.errors import VaultError, shown
from scalekit_exec.secret import Secret
from scalekit_exec.transport import message
from scalekit_exec.transport.answers import (
    LONGEST_DATE,
    Answer,
    decode,
    with_error_info,
    without,
)
from scalekit_exec.transport.refusals import refusal, request_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from scalekit_exec.clock import Deadline
    from scalekit_exec.model import ClientCredentials
    from scalekit_exec.transport.sockets import Dialer

__all__ = ["Exchange", "ServiceToken", "retry_after"]

TRIES = 3
PAUSES = (0.2, 0.6)
PAUSES_WHEN_LIMITED = (1.0, 2.0)
LONGEST_ANSWER = 4 * 1024 * 1024


class Exchange:
    """Sends requests to one host, from any thread, on connections that it keeps for the next.

    With `dials_once` a connection that cannot be opened is not tried again; `opened` tells whether
    one ever was, so that something may have been sent.
    """

    dials_once = False
    opened = False

    def __init__(
        self, dialer: Dialer, deadline: Deadline, say: Callable[[str], None], user_agent: str
    ) -> None:
        self.host = dialer.host
        self._dialer = dialer
        self._deadline = deadline
        self.say = say
        self._user_agent = user_agent
        self._lock = threading.Lock()
        self._idle: list[tuple[ssl.SSLSocket, bool]] = []
        self._all: set[ssl.SSLSocket] = set()
        self._closed = threading.Event()

    def warm(self) -> None:
        """Open one more connection, so that its handshakes are done when the request is ready.

        A failure is not told here: the request that follows finds it again, or another way.
        """
        try:
            connection = self._open()
        except VaultError as error:
            if error.final:
                raise
            return
        self._keep(connection, used=False)

    def send(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Callable[[], dict[str, str]] = dict,
    ) -> Answer:
        """Send one request and return its answer, whatever its status.

        At most three tries: after a connection that broke, a 5xx other than 501, or a 429, as far
        as the deadline allows; at once where a kept connection had been closed meanwhile.
        `headers` is called for each try.
        """
        attempt = 0
        while True:
            attempt += 1
            problem: VaultError | None = None
            answer, used = None, False
            try:
                connection, used = self._lend()
                self.opened = True
                answer = self._once(connection, method, path, body, headers())
                if answer.status != 429 and (answer.status < 500 or answer.status == 501):
                    return answer
                self.say(f"{self.host} answered {answer.status} to {method} {_bare(path)}")
            except VaultError as error:
                if error.final or error.code != "unreachable":
                    raise
                problem = error
                self.say(f"{method} {_bare(path)}: {error.message}")
            pause = 0.0 if used and problem else self._pause(attempt, answer)
            if problem is not None and self.dials_once and not self.opened:
                raise problem
            if attempt >= TRIES or pause >= self._deadline.remaining():
                if answer is not None:
                    return answer
                raise problem or self._dialer.late()
            if self._closed.wait(pause):
                raise self._dialer.late()

    def _pause(self, attempt: int, answer: Answer | None) -> float:
        if attempt >= TRIES:
            return 0.0
        if answer is not None and answer.status == 429:
            asked = retry_after(answer)
            return PAUSES_WHEN_LIMITED[attempt - 1] if asked is None else asked
        return PAUSES[attempt - 1] * (0.75 + os.urandom(1)[0] / 512)  # `random` costs 1 ms

    def _once(
        self,
        connection: ssl.SSLSocket,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> Answer:
        try:
            answer, keep = self._exchange(connection, method, path, body, headers)
        except VaultError:
            self._drop(connection)
            raise
        except (OSError, ValueError) as error:
            self._drop(connection)
            raise self._broken(error) from None
        if keep:
            self._keep(connection, used=True)
        else:
            self._drop(connection)
        return answer

    def _exchange(
        self,
        connection: ssl.SSLSocket,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
    ) -> tuple[Answer, bool]:
        """Send one request and read its answer; tell whether the connection can be used again."""

        def receive(size: int) -> bytes:
            # For each piece anew: a server that drips does not outlive the deadline.
            self._limit(connection)
            return connection.recv(size)

        sent = {
            "Host": self._dialer.authority,
            "User-Agent": self._user_agent,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            **headers,
        }
        self._limit(connection)
        connection.sendall(message.write(method, path, sent, body))
        got = message.read(receive, LONGEST_ANSWER)
        answer = Answer(
            got.status,
            got.body,
            got.headers.get("location", ""),
            got.headers.get("retry-after", ""),
            got.headers.get("date", ""),
            time.time(),
        )
        if got.status == 200:
            return answer, got.keep
        return without(with_error_info(answer), _secrets(sent, body)), got.keep

    def _limit(self, connection: ssl.SSLSocket) -> None:
        left = self._deadline.remaining()
        if left <= 0:
            raise self._dialer.late()
        connection.settimeout(left)

    def _broken(self, error: Exception) -> VaultError:
        host = shown(self.host)
        if isinstance(error, message.TooLongError):
            return VaultError(
                "unexpected-answer",
                f"{host} sent an answer of more than {LONGEST_ANSWER >> 20} MiB",
                "check that the URL is your Scalekit environment's",
            )
        if isinstance(error, ValueError):
            return VaultError(
                "unexpected-answer",
                f"{host} sent something that is not HTTP",
                "check that the URL is your Scalekit environment's",
            )
        if not isinstance(error, message.CutShortError):
            return self._dialer.failed(error)
        where = "in the middle of its answer" if error.begun else "without an answer"
        return VaultError(
            "unreachable",
            f"{host} closed the connection {where}",
            "try again in a minute; if it stays, look at the proxy or firewall between",
        )

    def _open(self) -> ssl.SSLSocket:
        connection = self._dialer.dial()
        with self._lock:
            self._all.add(connection)
        if self._closed.is_set():
            self._drop(connection)
            raise self._dialer.late()
        return connection

    def _lend(self) -> tuple[ssl.SSLSocket, bool]:
        with self._lock:
            if self._idle:
                return self._idle.pop()
        return self._open(), False

    def _keep(self, connection: ssl.SSLSocket, *, used: bool) -> None:
        with self._lock:
            self._idle.append((connection, used))

    def _drop(self, connection: ssl.SSLSocket) -> None:
        with self._lock:
            self._all.discard(connection)
        connection.close()

    def close(self) -> None:
        """Close every connection, also those that a thread is waiting on."""
        self._closed.set()
        with self._lock:
            everything = list(self._all)
            self._all.clear()
            self._idle.clear()
        for connection in everything:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()


def _secrets(headers: Mapping[str, str], body: bytes | None) -> set[str]:
    """Return what is secret in a request, as it is and as it was sent."""
    from urllib.parse import unquote_plus

    from scalekit_exec.credentials import ID_BEGINS

    secrets = {headers.get("Authorization", "").partition(" ")[2]}
    for pair in (body or b"").decode("ascii", "replace").split("&"):
        name, _, value = pair.partition("=")
        # An id that does not look like one may be the secret: the two are easily swapped.
        if name == "client_secret" or (name == "client_id" and not value.startswith(ID_BEGINS)):
            secrets |= {value, unquote_plus(value)}
    return secrets


def retry_after(answer: Answer) -> float | None:
    """Return the seconds that a server asks us to wait (RFC 9110 section 10.2.3), if it does."""
    asked = answer.retry_after.strip()[:LONGEST_DATE]
    if asked.isascii() and asked.isdigit():
        return float(asked)
    moment = parse_http_date(asked)
    return None if moment is None else max(0.0, moment - answer.as_of)


def _bare(path: str) -> str:
    """Return a path without its query, which names people."""
    return path.split("?", 1)[0]


class ServiceToken:
    """The token that one client_credentials request (RFC 6749 section 4.4) gives, asked for once.

    `offset` is how far the server's clock is ahead of ours, in seconds, 0 before the request.
    Raises VaultError `credentials-rejected` and those of Exchange; the outcome, good or bad, is
    the same for all who ask.
    """

    def __init__(self, exchange: Exchange, client: ClientCredentials) -> None:
        self._exchange = exchange
        self._client = client
        self._lock = threading.Lock()
        self._token: Secret | None = None
        self._failure: VaultError | None = None
        self.offset = 0.0

    @property
    def known(self) -> bool:
        """Tell whether the request has been answered."""
        return self._token is not None

    def get(self) -> Secret:
        """Return the token; the first to ask makes the request, the others wait for it."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            if self._token is None:
                try:
                    self._token = self._request()
                except VaultError as error:
                    self._failure = error
                    raise
            return self._token

    def renew(self, stale: Secret) -> Secret:
        """Replace a token that was answered with 401; nothing is sent where another did already."""
        with self._lock:
            if self._token is stale:
                self._token = None
        return self.get()

    def close(self) -> None:
        """Close the connections that the request was sent on."""
        self._exchange.close()

    def _request(self) -> Secret:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._client.client_id,
            "client_secret": self._client.client_secret.reveal(),
        }
        answer = self._exchange.send(
            "POST",
            "/oauth/token",
            body=message.form(form).encode(),
            headers=lambda: {"Content-Type": "application/x-www-form-urlencoded"},
        )
        host = self._exchange.host
        if answer.status != 200:
            request_id(answer, self._exchange.say)
        if answer.status in (400, 401):
            raise VaultError(
                "credentials-rejected",
                f"{shown(host)} rejects the client credentials from {shown(self._client.source)}",
                "check SCALEKIT_CLIENT_ID and SCALEKIT_CLIENT_SECRET, and that SCALEKIT_ENV_URL is "
                "of the same environment (Scalekit dashboard: Developers, Settings, "
                "API credentials)",
                status=answer.status,
            )
        if answer.status != 200:
            refused = refusal(answer, host, "the right to request tokens", None)
            # Only a read tells that REST is absent; without a token no other transport goes on.
            raise VaultError(refused.code, refused.message, refused.hint, status=answer.status)
        token = decode(answer, host).get("access_token")
        if not isinstance(token, str) or not token or not _fits_a_header(token):
            raise VaultError(
                "unexpected-answer",
                f"{shown(host)} sent no access token for the client credentials",
                "check that SCALEKIT_ENV_URL is your Scalekit environment's",
            )
        self.offset = answer.as_of - answer.received_at
        return Secret(token)


def _fits_a_header(token: str) -> bool:
    return token.isascii() and all(0x21 <= ord(character) <= 0x7E for character in token)
