"""The system's authorities: those in a folder are looked up by name, the list only if need be."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from scalekit_exec.clock import Deadline
from scalekit_exec.errors import VaultError
from scalekit_exec.transport import trust
from scalekit_exec.transport.sockets import Dialer
from tests.support.certificates import authority
from tests.support.servers import Server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.support.certificates import Authority


@pytest.fixture
def two() -> Iterator[tuple[Authority, Authority]]:
    """Return two authorities that know nothing of each other."""
    with contextlib.ExitStack() as stack:
        yield stack.enter_context(authority()), stack.enter_context(authority())


def system(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: Authority, listed: Authority
) -> trust.SystemContext:
    """Make a system that has one authority in its folder and another in its list."""
    store = tmp_path / "store"
    store.mkdir()
    (store / "one.pem").write_text(folder.pem)
    subprocess.run(["openssl", "rehash", store], check=True)
    # OpenSSL asks these where the system's store is; `choose` is told of no variable.
    monkeypatch.setenv("SSL_CERT_DIR", str(store))
    monkeypatch.setenv("SSL_CERT_FILE", listed.file)
    context = trust.choose({}).context()
    assert isinstance(context, trust.SystemContext)
    return context


def reach(server: Server, context: trust.SystemContext) -> None:
    Dialer("127.0.0.1", server.port, context, None, Deadline(10)).dial().close()


def test_an_authority_in_the_folder_is_found_without_reading_the_list(
    two: tuple[Authority, Authority], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context = system(monkeypatch, tmp_path, *two)
    assert context.cert_store_stats()["x509"] == 0
    with Server(two[0].context()) as server:
        reach(server, context)
        assert server.connections == 1
    assert not context.whole


def test_an_authority_that_only_the_list_has_is_trusted_all_the_same(
    two: tuple[Authority, Authority], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context = system(monkeypatch, tmp_path, *two)
    with Server(two[1].context()) as server:
        reach(server, context)
        reach(server, context)
        assert server.connections == 3  # the list is read once
    assert context.whole


def test_an_authority_that_neither_has_is_not_trusted(
    two: tuple[Authority, Authority], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    context = system(monkeypatch, tmp_path, *two)
    with authority() as stranger, Server(stranger.context()) as server:
        with pytest.raises(VaultError) as caught:
            reach(server, context)
        assert caught.value.code == "untrusted-server"
        assert server.connections == 2


def test_a_folder_without_hashed_names_is_not_enough(
    two: tuple[Authority, Authority], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    monkeypatch.setenv("SSL_CERT_FILE", two[1].file)
    context = trust.choose({}).context()
    assert isinstance(context, trust.SystemContext)
    assert context.whole
    with Server(two[1].context()) as server:
        reach(server, context)
        assert server.connections == 1


def test_what_was_named_is_all_that_is_trusted(
    two: tuple[Authority, Authority], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    system(monkeypatch, tmp_path, two[0], two[0])
    context = trust.choose({"SCALEKIT_CA_BUNDLE": two[1].file}).context()
    assert isinstance(context, trust.SystemContext)
    with Server(two[0].context()) as server, pytest.raises(VaultError):
        reach(server, context)


@pytest.mark.parametrize("before", ["", "import truststore; truststore.inject_into_ssl()"])
def test_where_truststore_stands_in_for_ssl_a_server_s_name_is_text(before: str) -> None:
    code = f"""{before}
from scalekit_exec.transport import trust
print(trust.takes_bytes(trust.choose({{}}, None).context()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == f"{not before}\n"
