"""Services, addresses and the table: which belongs to which, and what may go where.

What the user's `hosts` say goes before everything. Without them it is what the table knows of the
service's provider: `provider`, else what the connection's name begins with, since that decides
whose credential it is, else what the service's name begins with.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from scalekit_exec.errors import ConfigurationError, shown
from scalekit_exec.providers.address import HTTPS
from scalekit_exec.providers.form import BEARER, read_form
from scalekit_exec.providers.table import HOSTLESS, TABLE
from scalekit_exec.record import record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scalekit_exec.model import Service
    from scalekit_exec.providers.address import Address
    from scalekit_exec.providers.form import Form

__all__ = [
    "allows",
    "by_tenants",
    "claimants",
    "form_of",
    "hosts_of",
    "owners",
    "provider_of",
]

TENANT = "<tenant>"
NONE = "none: "


@record
class _Pattern:
    """A host of the table, with the beginning of the paths that are meant; "" for all."""

    host: str
    prefix: str = ""

    @property
    def is_tenants(self) -> bool:
        return self.host.startswith(TENANT)


@record
class _Rule:
    """What the table knows of one provider."""

    patterns: tuple[_Pattern, ...] = ()
    forms: tuple[str, ...] = ()


@cache
def _rules() -> dict[str, _Rule]:
    found: dict[str, _Rule] = {key: _Rule() for key in HOSTLESS.split()}
    for line in TABLE.strip().splitlines():
        key, _, rest = line.partition(" ")
        known = found.get(key, _Rule())
        if rest.startswith("| "):
            found[key] = _Rule(known.patterns, (*known.forms, rest.removeprefix("| ")))
        else:
            patterns = (_pattern(text) for text in rest.split())
            found[key] = _Rule((*known.patterns, *patterns), known.forms)
    return found


def _pattern(text: str) -> _Pattern:
    host, slash, path = text.partition("/")
    return _Pattern(host, slash + path)


@cache
def _keys() -> dict[str, str]:
    """Return the providers' keys by how they read without separators: google_ads as googleads."""
    return {"".join(_words(key)): key for key in _rules()}


def _words(text: str) -> list[str]:
    return "".join(c if c.isascii() and c.isalnum() else " " for c in text.lower()).split()


def provider_of(service: Service) -> str | None:
    """Return the provider's key in the table: told, or guessed from the names; None unknown."""
    if service.provider is not None:
        return _keys().get("".join(_words(service.provider)))
    return _guess(service.connection_name) or _guess(service.name)


def _guess(name: str) -> str | None:
    """Return the provider whose key a name begins with, by whole words: gmail_u3134a is gmail."""
    words = _words(name)
    for count in range(len(words), 0, -1):
        key = _keys().get("".join(words[:count]))
        if key is not None:
            return key
    return None


def _patterns(service: Service) -> tuple[_Pattern, ...]:
    key = provider_of(service)
    return () if key is None else _rules()[key].patterns


def hosts_of(service: Service) -> tuple[str, ...]:
    """Return the hosts that this service's credential may go to, `*.` for all below a name."""
    if service.hosts is not None:
        return service.hosts
    mine = (pattern.host for pattern in _patterns(service) if not pattern.is_tenants)
    return tuple(dict.fromkeys(mine))


def by_tenants(service: Service, address: Address) -> bool:
    """Tell whether only the table has this host, as one whose names anybody may register."""
    return service.hosts is None and any(
        pattern.is_tenants and _labels(pattern.host, address.host) for pattern in _patterns(service)
    )


def allows(service: Service, address: Address) -> bool:
    """Tell whether a service's credential may go to an address.

    The table's hosts are meant with https's own port; the user's with any, since they name none.
    """
    if service.hosts is None and address.port != HTTPS:
        return False
    return any(_labels(host, address.host) for host in hosts_of(service))


def _labels(pattern: str, host: str) -> int:
    """Return how many labels of a pattern stand fast where it fits a host; 0 where it does not.

    A first `*` or `<tenant>` stands for one label or more, another `*` for just one.
    """
    wanted, given = pattern.split("."), host.split(".")
    if wanted[0] in ("*", TENANT):
        spare = len(given) - len(wanted)
        if spare < 0:
            return 0
        wanted, given = wanted[1:], given[spare + 1 :]
    if len(wanted) != len(given):
        return 0
    fits = all(a in (b, "*") for a, b in zip(wanted, given, strict=True))
    return sum(label != "*" for label in wanted) if fits else 0


def claimants(address: Address, services: Mapping[str, Service]) -> tuple[str, ...]:
    """Return the keys of the services that an address belongs to most closely, or nothing.

    The longest host counts first, then the longest beginning of the path.
    """
    ranked = [
        (rank, key)
        for key, service in services.items()
        if (rank := _rank(service, address)) is not None
    ]
    best = max((rank for rank, _ in ranked), default=None)
    return tuple(key for rank, key in ranked if rank == best)


def _rank(service: Service, address: Address) -> tuple[int, int] | None:
    fitting = [
        (_labels(pattern.host, address.host), len(pattern.prefix))
        for pattern in _patterns(service)
        if _labels(pattern.host, address.host) and _begins(address.path, pattern.prefix)
    ]
    if service.hosts is None:
        return max(fitting, default=None) if address.port == HTTPS else None
    # The user's hosts say where; the table may still tell apart two services of one host.
    labels = max((_labels(host, address.host) for host in service.hosts), default=0)
    return (labels, max((prefix for _, prefix in fitting), default=0)) if labels else None


def _begins(path: str, prefix: str) -> bool:
    return path.startswith(prefix) or path + "/" == prefix


def owners(address: Address) -> tuple[str, ...]:
    """Return the providers whose address this is, as far as the table knows; closest ones only."""
    ranked = [
        ((_labels(pattern.host, address.host), len(pattern.prefix)), key)
        for key, rule in _rules().items()
        for pattern in rule.patterns
        if _labels(pattern.host, address.host) and _begins(address.path, pattern.prefix)
    ]
    best = max((rank for rank, _ in ranked), default=None)
    return tuple(dict.fromkeys(key for rank, key in ranked if rank == best))


def form_of(service: Service) -> Form:
    """Return how a service wants its credential in a request; Bearer where nothing else is known.

    Raises ConfigurationError `config-invalid` where it is not a matter of headers.
    """
    key = provider_of(service)
    forms = () if key is None else _rules()[key].forms
    if not forms:
        return BEARER
    if forms[0].startswith(NONE):
        raise ConfigurationError(
            "config-invalid",
            f"{shown(service.name)}: {key} takes its credential as {forms[0].removeprefix(NONE)}, "
            "and ScalekitAuth sets headers only",
            "use the provider's own client with the variables of scalekit-exec",
        )
    return read_form(forms)
