"""Two small pages on this machine: one that leads to a fresh link, one that a sign-in returns to.

Only 127.0.0.1, only the paths that were made, the Host header checked (DNS rebinding), each path
for one use; on Linux for no other user of this machine, who may read a browser's argv. Nothing is
logged.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from scalekit_exec import owners

TYPE_CHECKING = False
if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    Redirect = Callable[[], str]
    Returned = Callable[[dict[str, str]], tuple[bool, str]]

__all__ = ["Loopback", "returned_address"]

VERIFY_PATH = "/verify"
LONGEST_QUERY = 8192
STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#f4f5f7;color:#1c1e21}"
    "main{max-width:26rem;margin:12vh auto;padding:2rem;background:#fff;border-radius:12px;"
    "box-shadow:0 1px 4px #0003}h1{font-size:1.25rem;margin:0 0 1rem}p{overflow-wrap:anywhere}"
)


def page(title: str, text: str) -> bytes:
    """Return a page that loads nothing and runs nothing."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1><p>{escape(text)}</p></main></body></html>"
    ).encode()


def returned_address(text: str) -> dict[str, str] | None:
    """Read the address of a page that a sign-in returned to; None if the text is none."""
    text = text.strip()
    if len(text) > LONGEST_QUERY or not text.startswith(("http://", "https://")):
        return None
    try:
        query = urlsplit(text).query
    except ValueError:
        return None
    fields = {name: values[0] for name, values in parse_qs(query).items()}
    return fields if "state" in fields else None


class Loopback:
    """The server; it lives as long as the wait."""

    def __init__(self, returned: Returned) -> None:
        self._returned = returned
        self._pages: dict[str, Redirect] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.port: int = self._server.server_address[1]
        thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        thread.start()

    @property
    def verify_url(self) -> str:
        """The address to give Scalekit as `user_verify_url`."""
        return f"http://127.0.0.1:{self.port}{VERIFY_PATH}"

    def once(self, redirect: Redirect) -> str:
        """Return the address of a page that, once, leads to what `redirect` returns.

        The address may stand in a browser's argv: whoever opens it second gets nothing. Where
        `redirect` raises ValueError its text is shown instead.
        """
        path = "/open/" + secrets.token_urlsafe(24)
        with self._lock:
            self._pages[path] = redirect
        return f"http://127.0.0.1:{self.port}{path}"

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()

    def _take(self, path: str) -> Redirect | None:
        with self._lock:
            for known in list(self._pages):
                if hmac.compare_digest(known.encode(), path.encode("utf-8", "replace")):
                    return self._pages.pop(known)
        return None

    def answer(self, host: str | None, path: str) -> tuple[int, bytes, str]:
        """Return status, page and, for a redirect, where to."""
        if host != f"127.0.0.1:{self.port}":
            return 403, page("Not here", "This address is for one machine only."), ""
        try:
            target = urlsplit(path)
        except ValueError:
            return 404, page("Nothing here", "That is no address."), ""
        if target.path == VERIFY_PATH and len(target.query) <= LONGEST_QUERY:
            fields = {k: v[0] for k, v in parse_qs(target.query).items()}
            good, text = self._returned(fields)
            told = page("Done" if good else "Not done", f"{text} You can close this page.")
            return (200 if good else 400), told, ""
        redirect = self._take(target.path)
        if redirect is None:
            text = "This page was used already, or never was. Look at your terminal."
            return 404, page("Nothing here", text), ""
        try:
            return 302, b"", redirect()
        except ValueError as error:
            return 502, page("No link could be made", str(error)), ""


def is_foreign(connection: socket.socket) -> bool:
    """Tell whether another user of this machine is at the other end, or nobody any longer.

    They may have read the address of our page in a browser's argv.
    """
    try:
        found = owners.of_client(connection)
    except OSError:
        return True
    return found is not None and not owners.are_ours(found)


class _Server(ThreadingHTTPServer):
    """Serves until it is closed, and says nothing of what it is sent."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Let a connection end that made no sense."""


def _handler(pages: Loopback) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One request; the names are those of the standard library."""

        timeout = 10
        server_version = "scalekit"
        sys_version = ""

        def do_GET(self) -> None:
            if is_foreign(self.connection):
                self._send(403, page("Not here", "This address is for another user."), "")
            else:
                self._send(*pages.answer(self.headers.get("Host"), self.path))

        def _send(self, status: int, body: bytes, location: str) -> None:
            self.send_response(status)
            if location:
                self.send_header("Location", location)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Referrer-Policy", "no-referrer")
            policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Say nothing: the query names people."""

    return Handler
