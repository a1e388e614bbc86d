"""The headers of one service: read when they are wanted, kept while they are good."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from scalekit_exec import api, providers
from scalekit_exec.bearer.locks import ForkLock
from scalekit_exec.errors import AuthorizationError, CredentialError, ScalekitExecError, shown
from scalekit_exec.secret import Secret
from scalekit_exec.variables import Variable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scalekit_exec.model import Service

__all__ = ["AUTHORIZATION", "Headers", "Kept"]

AUTHORIZATION = "Authorization"
# A token whose end is not known is read again after this many seconds, as the broker does.
UNKNOWN_LIFE = 60.0


class Headers:
    """What a request is dressed in: the headers of a form, whose values are never shown."""

    def __init__(self, lines: str) -> None:
        pairs = (line.partition(": ") for line in lines.split("\n"))
        self._pairs = tuple((name, Secret(value)) for name, _, value in pairs)

    @property
    def names(self) -> tuple[str, ...]:
        """Return the headers' names."""
        return tuple(name for name, _ in self._pairs)

    def items(self) -> Iterator[tuple[str, str]]:
        """Yield names and values, to be put on a request."""
        for name, value in self._pairs:
            yield name, value.reveal()

    def same(self, other: Headers) -> bool:
        """Tell whether these say what others say. Both are our own: no timing tells anything."""
        return list(self.items()) == list(other.items())


class Kept:
    """The headers of one service, kept while they are good; one thread at a time reads them."""

    def __init__(self, word: str, service: Service, options: api.Options) -> None:
        self.service = service
        self._word = word
        self._options = options
        self._form = providers.form_of(service)
        self._lock = ForkLock()
        self._headers: Headers | None = None
        self._until = 0.0

    def headers(self) -> Headers:
        """Return the headers, read again where they end within a minute."""
        with self._lock:
            if self._headers is None or time.time() >= self._until:
                self._headers = self._near(anew=False) or self._asked()
            return self._headers

    def renewed(self, dead: Headers) -> Headers | None:
        """Return other headers than those that were refused; None where there are none.

        Raises AuthorizationError, which says more than a 401 does; other failures leave the 401.
        """
        with self._lock:
            if self._headers is not dead:  # another thread was here first
                return self._headers
            self._headers = None
            try:
                newer = self._near(anew=True)
                if newer is None or newer.same(dead):
                    newer = self._asked()
            except AuthorizationError:
                raise
            except ScalekitExecError:
                return None
            self._headers = newer
            return None if newer.same(dead) else newer

    def _near(self, *, anew: bool) -> Headers | None:
        form = self._form.of_token
        if form is None:
            return None
        found = api.near([self._word], self._options, dict(os.environ), anew=anew)
        if self._word not in found:
            return None
        held = found[self._word]
        self._keep(None if held.expires_at is None else held.expires_at - time.time())
        return Headers(form.fill({"token": held.token.reveal()}))

    def _asked(self) -> Headers:
        variable = Variable("its headers", self._form)
        try:
            asked = api.ask([self._word], self._options, dict(os.environ), (variable,))
        except CredentialError as error:
            if error.code != "no-credential":
                raise
            raise CredentialError(error.code, error.message, self._unfilled()) from None
        filled = asked[self._word]
        ends = filled.expires_at
        self._keep(None if ends is None else ends - (filled.as_of or time.time()))
        return Headers(filled.values[variable.name].reveal())

    def _unfilled(self) -> str:
        name = shown(self.service.name)
        return f"set the header yourself, from variables: [services.{name}] env = {{ … }}"

    def _keep(self, life: float | None) -> None:
        self._until = time.time() + (UNKNOWN_LIFE if life is None else life - api.MIN_TTL)
