"""One request that may have a credential, from the client's own request to its last answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin

from scalekit_exec import providers
from scalekit_exec.bearer.kept import AUTHORIZATION
from scalekit_exec.errors import ConfigurationError, UsageError

if TYPE_CHECKING:
    from scalekit_exec.bearer.kept import Kept

__all__ = ["OfHttpx", "OfRequests"]

UNAUTHORIZED = 401
_SENDING = ".send_request_headers.started"


class _Visit:
    """What the two clients have in common."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._headers = kept.headers()
        self._repeated = False

    def _welcome(self, url: str) -> bool:
        """Tell whether the credential may go to this address, perhaps after a redirect."""
        try:
            return providers.allows(self._kept.service, providers.read_address(url))
        except UsageError:
            return False

    def renew(self) -> bool:
        """Take other headers, once, after a 401; False where there are none."""
        self._repeated = True
        newer = self._kept.renewed(self._headers)
        self._headers = newer or self._headers
        return newer is not None


class OfRequests(_Visit):
    """A visit by a PreparedRequest of requests: it is dressed at once, its answers are looked at.

    A session calls `answered` for each answer before it follows a redirect, and makes the next
    request out of the one that was answered.
    """

    def __init__(self, kept: Kept, request: Any) -> None:  # noqa: ANN401 - requests' own
        super().__init__(kept)
        tell = getattr(request.body, "tell", None)
        self._start = tell() if tell is not None else None
        self._dress(request)

    def _dress(self, request: Any) -> None:  # noqa: ANN401 - requests' own
        request.headers.update(self._headers.items())

    def answered(self, response: Any, **options: Any) -> Any:  # noqa: ANN401 - requests' own
        """Repeat the request after a 401; undress it where it is sent on to another host."""
        request = response.request
        refused = response.status_code == UNAUTHORIZED and not self._repeated
        if refused and self._welcome(request.url) and self._rewind(request.body):
            response = self._repeat(response, **options)
        if response.is_redirect and not self._follows(request.url, response.headers["location"]):
            for name in self._headers.names:
                request.headers.pop(name, None)
        return response

    def _repeat(self, response: Any, **options: Any) -> Any:  # noqa: ANN401 - requests' own
        """Ask once more with other headers; return the answer to that, else the one there is."""
        _ = response.content  # read to its end, so that the connection is free again
        response.close()
        if not self.renew():
            return response
        request = response.request
        self._dress(request)
        repeated = response.connection.send(request, **options)
        repeated.history.append(response)
        repeated.request = request
        return repeated

    def _follows(self, url: str, location: str) -> bool:
        try:
            return self._welcome(urljoin(url, location))
        except ValueError:  # not an address at all
            return False

    def _rewind(self, body: Any) -> bool:  # noqa: ANN401 - bytes, text, a file, anything to iterate
        """Make a body ready to be sent once more; False where it is used up."""
        if body is None or isinstance(body, str | bytes):
            return True
        if self._start is None or not hasattr(body, "seek"):
            return False
        body.seek(self._start)
        return True


class OfHttpx(_Visit):
    """A visit by a request of httpx.

    On a redirect to another host httpx takes off `Authorization`, and nothing else. So any other
    header is not put on the request but on what is really sent, when it is sent, and only if that
    goes to the right host. httpx tells of that moment through its `trace` extension; where it does
    not, as with a transport of another kind, no such header is sent at all, and `check` says so.
    """

    def __init__(self, kept: Kept) -> None:
        super().__init__(kept)
        self._traced = False
        self._held_back: list[tuple[bytes, bytes]] = []
        self._others: Any = None  # what the caller wants to be told of

    def dress(self, request: Any, *, waiting: bool = False) -> None:  # noqa: ANN401 - httpx's own
        """Put the headers on; `waiting` for a client that awaits what it calls."""
        held_back: list[tuple[bytes, bytes]] = []
        for name, value in self._headers.items():
            if name == AUTHORIZATION:
                request.headers[name] = value
            else:
                held_back.append((name.encode(), value.encode()))
        self._traced = not held_back
        if held_back:
            if not self._repeated:
                self._others = request.extensions.get("trace")
            self._held_back = held_back
            trace = self._see_awaited if waiting else self._see
            request.extensions = {**request.extensions, "trace": trace}

    def _see(self, event: str, info: Any) -> None:  # noqa: ANN401 - httpx's own
        self._look(event, info)
        if self._others is not None:
            self._others(event, info)

    async def _see_awaited(self, event: str, info: Any) -> None:  # noqa: ANN401 - httpx's own
        self._look(event, info)
        if self._others is not None:
            await self._others(event, info)

    def _look(self, event: str, info: Any) -> None:  # noqa: ANN401 - httpx's own
        if not event.endswith(_SENDING):
            return
        sent = info["request"]
        self._traced = True
        url = sent.url
        scheme, host = url.scheme.decode("ascii"), url.host.decode("ascii")
        # CONNECT is for a proxy, whose address this is then.
        if sent.method != b"CONNECT" and self._welcome(f"{scheme}://{host}:{url.port or 443}/"):
            ours = {name.lower() for name, _ in self._held_back}
            others = [pair for pair in sent.headers if pair[0].lower() not in ours]
            sent.headers = others + self._held_back

    def check(self) -> None:
        """Raise ConfigurationError `config-invalid` where a header could not be sent safely."""
        if not self._traced:
            raise ConfigurationError(
                "config-invalid",
                f"this httpx transport does not say when it sends, so {self._headers.names[0]} "
                "was not sent",
                "use httpx's own transport, version 0.24 or later",
            )

    def may_repeat(self, request: Any, response: Any) -> bool:  # noqa: ANN401 - httpx's own
        """Tell whether this is a 401 of the service itself, and the body can be sent once more."""
        if response.status_code != UNAUTHORIZED or not self._welcome(str(response.url)):
            return False
        try:
            return request.content is not None
        except RuntimeError:  # httpx's RequestNotRead: it comes from a generator
            return False
