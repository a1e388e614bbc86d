from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scalekit_exec.clock import Deadline
from scalekit_exec.errors import Failure, VaultError
from scalekit_exec.model import ClientCredentials
from scalekit_exec.secret import Secret
from scalekit_exec.transport.catalogue import Catalogue, explained, open_catalogue
from tests.support.auths import auth
from tests.support.launches import Folder
from tests.support.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.sandboxes import SandboxHandle

COUNT = 75  # three pages of connections, two of providers
SCENARIO = "".join(
    f'[[connections]]\nname = "conn_{number:02}"\nprovider = "PROV_{number:02}"\n'
    for number in range(COUNT - 3)
) + (
    '[[connections]]\nname = "gmail_u3134a"\nprovider = "GMAIL"\n'
    '[[connections]]\nname = "gmail_draft"\nprovider = "GMAIL"\nstatus = "DRAFT"\n'
    '[[connections]]\nname = "slack_x7y9z"\nprovider = "SLACK"\ntype = "BEARER"\nenabled = false\n'
)


@pytest.fixture(scope="module")
def many() -> Iterator[SandboxHandle]:
    with running_sandbox(SCENARIO) as handle:
        yield handle


@pytest.fixture
def place(many: SandboxHandle, sealed: None, tmp_path: Path) -> Folder:
    del sealed
    many.reset()
    return Folder(tmp_path / "home" / "work", many)


@pytest.fixture
def catalogue(many: SandboxHandle) -> Iterator[Catalogue]:
    client = ClientCredentials(many.client_id, Secret(many.client_secret), many.url, "a test")
    environ = {"SCALEKIT_CA_BUNDLE": many.ca_file}
    many.reset()
    opened = open_catalogue(client, environ, Deadline(20), lambda _: None)
    yield opened
    opened.close()


def test_all_pages_are_read_and_the_map_is_marked(place: Folder) -> None:
    done = auth("connections", "--json", env=place.variables(), cwd=place.path)
    assert (done.status, done.err) == (0, "")
    rows = done.answer["connections"]
    assert len({row["connection_name"] for row in rows}) == COUNT
    marked = {row["connection_name"]: row["services"] for row in rows if row["services"]}
    assert marked == {"gmail_u3134a": ["gmail"], "slack_x7y9z": ["slack"]}
    (slack,) = [row for row in rows if row["connection_name"] == "slack_x7y9z"]
    assert slack == {
        "connection_name": "slack_x7y9z",
        "provider": "SLACK",
        "type": "BEARER",
        "status": "COMPLETED",
        "enabled": False,
        "auth_mode": "USER",
        "services": ["slack"],
    }


def test_the_sdk_speaks_no_http_and_no_credential_is_read(place: Folder) -> None:
    assert place.sandbox is not None
    auth("connections", env=place.variables(), cwd=place.path)
    calls = place.sandbox.requests()
    assert [c["operation"] for c in calls if c["transport"] == "rest"] == ["token"]
    assert calls[0]["user_agent"].startswith("scalekit-exec/")
    assert {c["operation"] for c in calls} == {"token", "other"}


def test_one_provider_is_found_whatever_its_case(place: Folder) -> None:
    for word in ("gmail", "GMAIL"):
        done = auth("connections", "--provider", word, env=place.variables(), cwd=place.path)
        names = [line.split()[0] for line in done.out.splitlines()[1:]]
        assert names == ["gmail_u3134a", "gmail_draft"]
    assert "draft" in done.out
    none = auth("connections", "--provider", "NONE", env=place.variables(), cwd=place.path)
    assert (none.status, "no connections of the provider NONE" in none.out) == (0, True)


def test_what_the_map_names_and_scalekit_has_not_is_guessed(place: Folder) -> None:
    place.map('identifier = "x"\n[services.gmail]\nconnection_name = "gmial_u3134a"\n')
    done = auth("connections", env=place.variables(), cwd=place.path)
    assert done.status == 0
    assert 'gmail: no connection "gmial_u3134a" in this environment' in done.err
    assert 'did you mean "gmail_u3134a"?' in done.err


def test_no_map_is_needed(place: Folder) -> None:
    (place.path / "scalekit.toml").unlink()
    done = auth("connections", env=place.variables(), cwd=place.path)
    assert (done.status, done.err) == (0, "")
    named = auth("connections", "-c", "gone.toml", env=place.variables(), cwd=place.path)
    assert (named.status, "config-missing" in named.err) == (1, True)


@pytest.mark.parametrize(
    ("fault", "code", "told"),
    [
        ({"kind": "status", "status": 403, "transport": "grpc"}, "forbidden", "connectors:read"),
        ({"kind": "status", "status": 501, "transport": "grpc"}, "unexpected-answer", "no such"),
        ({"on": "token", "kind": "status", "status": 401}, "credentials-rejected", "rejects"),
        ({"kind": "drop", "transport": "grpc"}, "unreachable", "gRPC"),
    ],
)
def test_a_refusal_is_clear(place: Folder, fault: dict[str, object], code: str, told: str) -> None:
    assert place.sandbox is not None
    place.sandbox.add_fault(**fault)
    done = auth("connections", env=place.variables(), cwd=place.path)
    assert (done.status, done.out) == (1, "")
    assert f"error[{code}]" in done.err
    assert told in done.err


def test_a_revoked_service_token_is_replaced(catalogue: Catalogue, many: SandboxHandle) -> None:
    assert len(catalogue.connections()) == COUNT
    many.revoke()
    assert len(catalogue.connections()) == COUNT


def test_providers_are_listed_over_all_pages(catalogue: Catalogue) -> None:
    found = catalogue.providers()
    assert len({provider.identifier for provider in found}) == COUNT - 3 + 2
    assert "GMAIL" in {provider.identifier for provider in found}


def test_a_catalogue_that_is_closed_ends_its_calls(catalogue: Catalogue) -> None:
    catalogue.connections()
    catalogue.close()
    with pytest.raises(VaultError, match="no answer"):
        catalogue.connections()


def test_only_a_missing_account_is_explained() -> None:
    missing = Failure("account-not-found", "m", "h", "gmail", "gmail_1", "mess")
    assert 'no account "mess" on gmail_1 yet' in explained(missing, ["gmail_1"]).message
    other = explained(missing, ["gmail_2", "zoom"], "~/scalekit.toml")
    assert 'no connection "gmail_1"' in other.message
    assert 'did you mean "gmail_2"? correct connection_name in ~/scalekit.toml' in other.hint
    assert "did you mean" not in explained(missing, ["zoom"]).hint
    denied = Failure("forbidden", "m", "h", "gmail", "gmail_1", "mess")
    assert explained(denied, []) is denied
