"""Which service an address belongs to, where its credential may go, and in what form.

`table` has the facts, `matching` holds services and addresses against them.
"""

from __future__ import annotations

from scalekit_exec.providers.address import Address, read_address
from scalekit_exec.providers.form import Form
from scalekit_exec.providers.matching import (
    allows,
    by_tenants,
    claimants,
    form_of,
    hosts_of,
    owners,
    provider_of,
)
from scalekit_exec.providers.refusal import ambiguous, nobodys, refusal

__all__ = [
    "Address",
    "Form",
    "allows",
    "ambiguous",
    "by_tenants",
    "claimants",
    "form_of",
    "hosts_of",
    "nobodys",
    "owners",
    "provider_of",
    "read_address",
    "refusal",
]
