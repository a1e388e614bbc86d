"""An auth for requests and httpx that lets a credential go to its own service's hosts only.

    requests.get("https://gmail.googleapis.com/…", auth=ScalekitAuth("gmail"))

Neither client is imported. For requests it is a callable that dresses the request and looks at each
answer; for httpx it passes for an `httpx.Auth`, whose flows it has.
"""

from __future__ import annotations

import sys
from functools import cache, partial
from typing import TYPE_CHECKING, Any, TypeVar

from scalekit_exec import api, providers
from scalekit_exec.bearer.kept import Kept
from scalekit_exec.bearer.known import Known
from scalekit_exec.bearer.locks import ForkLock
from scalekit_exec.bearer.visit import OfHttpx, OfRequests

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator

__all__ = ["ScalekitAuth"]

R = TypeVar("R")
# httpx2 is a fork of httpx that has kept its interface.
CLIENTS = ("httpx", "httpx2")


class ScalekitAuth:
    """Send the credential of a service with requests or httpx, over https to its own hosts only.

    `service` is `NAME` or `NAME@IDENTIFIER`; without it the service is found from each request's
    address. The other arguments are those of `get_token`, and so is where the token comes from. It
    is kept until a minute before its end; on a 401 it is read once more, and the request repeated
    if there is another one. One object serves any number of threads.

    A request raises UsageError for an address that is not plain https, ConfigurationError where
    the credential may not go there, and whatever `get_token` raises.
    """

    def __init__(
        self,
        service: str | None = None,
        *,
        identifier: str | None = None,
        config: str | None = None,
        env_file: str | None = None,
        environment: str | None = None,
        timeout: float | None = None,
    ) -> None:
        self._word = service
        self._options = api.Options(config, env_file, environment, identifier, timeout)
        self._lock = ForkLock()
        self._known: Known | None = None
        self._kept: dict[str, Kept] = {}

    def __repr__(self) -> str:
        return f"ScalekitAuth({'' if self._word is None else repr(self._word)})"

    def __reduce__(self) -> tuple[partial[ScalekitAuth], tuple[()]]:
        # A copy, such as that of a session for another process, begins without what was read.
        told = self._options
        made = partial(
            ScalekitAuth,
            self._word,
            identifier=told.identifier,
            config=told.config,
            env_file=told.env_file,
            environment=told.environment,
            timeout=told.timeout,
        )
        return made, ()

    @property  # type: ignore[misc] # nobody sets it
    def __class__(self) -> Any:  # noqa: ANN401 - it is made at run time
        # httpx calls the flows of instances of its own Auth only; any other callable just once.
        modules = (sys.modules.get(name) for name in CLIENTS)
        bases = (getattr(module, "Auth", None) for module in modules)
        return _posing(tuple(dict.fromkeys(base for base in bases if base is not None)))

    def __call__(self, request: R) -> R:
        """Dress a request of requests, and look at its answers."""
        register_hook = getattr(request, "register_hook", None)
        if register_hook is None:
            raise TypeError("ScalekitAuth is an auth for requests and httpx")
        kept = self._admit(str(getattr(request, "url", "")))
        register_hook("response", OfRequests(kept, request).answered)
        return request

    def sync_auth_flow(self, request: Any) -> Generator[Any, Any, None]:  # noqa: ANN401 - httpx's own
        """Dress a request of an httpx.Client, and repeat it once after a 401."""
        visit = OfHttpx(self._admit(str(request.url)))
        visit.dress(request)
        response = yield request
        visit.check()
        if visit.may_repeat(request, response) and visit.renew():
            visit.dress(request)
            yield request

    auth_flow = sync_auth_flow

    async def async_auth_flow(self, request: Any) -> AsyncGenerator[Any, Any]:  # noqa: ANN401 - httpx's own
        """Dress a request of an httpx.AsyncClient, and repeat it once after a 401."""
        from anyio.to_thread import run_sync  # httpx itself needs it

        kept = await run_sync(self._admit, str(request.url))
        visit = await run_sync(OfHttpx, kept)
        visit.dress(request, waiting=True)
        response = yield request
        visit.check()
        if visit.may_repeat(request, response) and await run_sync(visit.renew):
            visit.dress(request, waiting=True)
            yield request

    def _admit(self, url: str) -> Kept:
        """Find whose credential an address may have, before anything is read."""
        address = providers.read_address(url)
        with self._lock:
            known = self._known = self._known or Known(self._options)
            word, service = known.named(self._word) if self._word else known.find(address)
            if not providers.allows(service, address):
                raise providers.refusal(service, address, known.user_path)
            if word not in self._kept:
                self._kept[word] = Kept(word, service, self._options)
            return self._kept[word]


@cache
def _posing(bases: tuple[type, ...]) -> type:
    """Return a class that is ScalekitAuth and a client's own Auth as well."""
    return type("ScalekitAuth", (ScalekitAuth, *bases), {}) if bases else ScalekitAuth
