"""Which services there are for a request: those of the launch we run in, and those of the map."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote

from scalekit_exec import config, providers
from scalekit_exec.errors import ConfigurationError, UsageError, shown
from scalekit_exec.files import working_folder
from scalekit_exec.model import Service

if TYPE_CHECKING:
    from scalekit_exec.api import Options
    from scalekit_exec.model import ServiceMap

__all__ = ["Known"]


class Known:
    """The services that there are: those of the launch we run in, and those of the map."""

    def __init__(self, options: Options) -> None:
        environ = dict(os.environ)
        self.user_path = config.user_path(environ)
        self._inside = bool(environ.get("SCALEKIT_EXEC_URL"))
        path = options.config or environ.get("SCALEKIT_EXEC_CONFIG") or None
        marked = [_marked(told) for told in environ.get("SCALEKIT_EXEC", "").split(",") if told]
        self._map: ServiceMap | None = None
        try:
            self._map = config.load(path, environ, working_folder())
        except ConfigurationError as error:
            # A launch with a broker, or just a token for us, works without a map.
            if error.code != "config-missing" or not (marked or self._inside):
                raise
        self._mapped = dict(self._map.services) if self._map else {}
        self._launched = {word: self._service(word) for word in marked}

    def _service(self, word: str) -> Service:
        name = word.partition("@")[0]
        return self._mapped.get(name) or Service(name, name, ())

    def named(self, word: str) -> tuple[str, Service]:
        """Return the service of a word that the user wrote."""
        parsed = config.parse_word(word)
        if parsed.variable is not None or (self._map and parsed.name in self._map.groups):
            raise UsageError(
                "usage", f'"{shown(word)}" is not one service', "give NAME or NAME@IDENTIFIER"
            )
        mapped = parsed.name in self._mapped
        if self._map and not mapped and not self._inside and word not in self._launched:
            config.select(self._map, [word], identifier=None)  # says what there is instead
        return word, self._service(word)

    def find(self, address: providers.Address) -> tuple[str, Service]:
        """Return the one service that an address belongs to, the launch's own ones first."""
        for services in (self._launched, self._mapped):
            words = providers.claimants(address, services)
            if len(words) == 1:
                return words[0], services[words[0]]
            if words:
                raise providers.ambiguous(address, words)
        raise providers.nobodys(address, {**self._mapped, **self._launched})


def _marked(told: str) -> str:
    return unquote(told.rpartition("=")[0] or told)
