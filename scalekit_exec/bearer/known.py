"""Which services there are for a request: those of the launch we run in, and those of the map."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import unquote

from scalekit_exec import api, config, providers
from scalekit_exec.errors import ConfigurationError, ScalekitExecError, UsageError, shown
from scalekit_exec.files import working_folder
from scalekit_exec.model import Service

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scalekit_exec.api import Options
    from scalekit_exec.model import ServiceMap

__all__ = ["Known"]

_SECONDS = 5.0


class Known:
    """The services that there are: those of the launch we run in, and those of the map."""

    def __init__(self, options: Options) -> None:
        environ = dict(os.environ)
        self._options = options
        self.user_path = config.user_path(environ)
        self._inside = bool(environ.get("SCALEKIT_EXEC_URL"))
        path = options.config or environ.get("SCALEKIT_EXEC_CONFIG") or None
        marked = [_marked(told) for told in environ.get("SCALEKIT_EXEC", "").split(",") if told]
        self._map: ServiceMap | None = None
        try:
            self._map = config.load(path, environ, working_folder(path))
        except (ConfigurationError, UsageError) as error:
            # A launch with a broker, or just a token for us, works without a map or a folder.
            if error.code not in ("config-missing", "usage") or not (marked or self._inside):
                raise
        self._mapped = dict(self._map.services) if self._map else {}
        self._launched = {word: self._service(word) for word in marked}
        self._environ: dict[str, str] | None = environ if self._inside else None

    def _service(self, word: str) -> Service:
        name = _name(word)
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
        if self._environ is not None and not providers.claimants(address, self._launched):
            names = {_name(word) for word in self._launched}
            self._launched |= self._served(self._environ, names)
            self._environ = None  # asked once
        for services in (self._launched, self._mapped):
            words = providers.claimants(address, services)
            if len(words) == 1:
                return words[0], services[words[0]]
            if words:
                raise providers.ambiguous(address, words)
        raise providers.nobodys(address, {**self._mapped, **self._launched})

    def _served(self, environ: Mapping[str, str], known: set[str]) -> dict[str, Service]:
        """Return by word what the broker has and the launch's list does not: `--serve-only`."""
        from scalekit_exec.broker import client
        from scalekit_exec.clock import Deadline

        to = client.find(environ)
        if to is None:
            return {}
        seconds = min(_SECONDS, api.patience(self._options, environ))
        try:
            rows = client.ask_services(to, Deadline(seconds))
        except ScalekitExecError:  # an older one, or gone: told when a token is asked for
            return {}
        names = [name for name, _, _ in rows]
        return {
            name if names.count(name) == 1 else f"{name}@{who}": self._mapped.get(name)
            or Service(name, connection, ())
            for name, connection, who in rows
            if name not in known
        }


def _marked(told: str) -> str:
    return unquote(told.rpartition("=")[0] or told)


def _name(word: str) -> str:
    return word.partition("@")[0]
