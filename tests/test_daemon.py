"""Launches through the daemon: what they get, what they cost, and what they are bound to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from scalekit_exec.clock import Deadline
from scalekit_exec.daemon.client import Caller
from scalekit_exec.errors import VaultError
from scalekit_exec.model import AccountKey, ClientCredentials, Credential
from scalekit_exec.secret import Secret
from tests.support import daemons
from tests.support.certificates import Authority, authority
from tests.support.launches import PROGRAM, Folder
from tests.support.servers import Server, account, as_json, closed_port, drop, in_turn

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.daemons import Running
    from tests.support.sandboxes import SandboxHandle

KEYS = (AccountKey("gmail_u3134a", "mess"), AccountKey("slack_x7y9z", "ops-bot"))
SHOW = ("--", "sh", "-c", 'printf %s "$GMAIL_TOKEN"')


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Running]:
    with daemons.running(tmp_path) as running:
        yield running


@pytest.fixture
def warm(folder: Folder, daemon: Running) -> Folder:
    """Return a working folder whose launches find the daemon."""
    folder.environ["XDG_RUNTIME_DIR"] = os.path.dirname(daemon.folder)
    return folder


def gmail(folder: Folder, token: str, **given: Any) -> None:
    assert folder.sandbox is not None
    row = {"connection_name": "gmail_u3134a", "identifier": "mess"}
    folder.sandbox.set_accounts(row | {"oauth_token": {"access_token": token}} | given)


def operations(folder: Folder) -> list[str]:
    assert folder.sandbox is not None
    return [call["operation"] for call in folder.sandbox.requests()]


def client(sandbox: SandboxHandle, secret: str = "") -> ClientCredentials:
    known = Secret(secret or sandbox.client_secret)
    return ClientCredentials(sandbox.client_id, known, sandbox.url, "a test")


def test_a_launch_gets_its_tokens_through_the_daemon(warm: Folder, daemon: Running) -> None:
    gmail(warm, "sandbox-one")
    done = warm.launch("gmail", "slack", "-v")
    assert done.child["GMAIL_TOKEN"] == "sandbox-one"
    assert done.child["SLACK_BOT_TOKEN"].startswith("sandbox-")
    assert f"asking 127.0.0.1 through the daemon, pid {daemon.pid}" in done.err
    assert daemon.status()["served"] == 2


def test_a_launch_through_the_daemon_imports_neither_tls_nor_sockets(warm: Folder) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", PROGRAM, "gmail", "slack", "--", "true"],
        env=warm.variables(),
        cwd=warm.path,
        capture_output=True,
        text=True,
        check=True,
    )
    names = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert "scalekit_exec.daemon.client" in names
    unwanted = {"ssl", "_ssl", "socket", "selectors", "base64", "contextlib", "subprocess"}
    unwanted |= {"hashlib", "hmac", "scalekit_exec.transport.http", "scalekit_exec.daemon.process"}
    assert not names & unwanted


def test_five_hundred_launches_make_one_token_request_on_few_connections(
    warm: Folder, daemon: Running
) -> None:
    assert warm.sandbox is not None
    for _ in range(500):
        process = warm.start("gmail", "slack", "--", "true")
        err = process.communicate(timeout=60)[1]
        assert (process.returncode, err) == (0, b"")
    calls = warm.sandbox.requests()
    assert [call["operation"] for call in calls].count("token") == 1
    assert [call["operation"] for call in calls].count("auth") == 1000
    assert len({call["connection"] for call in calls}) <= 4
    assert daemon.status()["served"] == 1000


def test_launches_at_once_make_one_token_request_too(warm: Folder) -> None:
    started = [warm.start("gmail", "slack", *SHOW) for _ in range(6)]
    for process in started:
        out, err = process.communicate(timeout=60)
        assert out.startswith(b"sandbox-"), err
    assert operations(warm).count("token") == 1
    assert operations(warm).count("auth") == 12


def test_a_rotated_token_is_seen_by_the_next_launch(warm: Folder) -> None:
    for token in ("sandbox-old", "sandbox-new"):
        gmail(warm, token)
        assert warm.launch("gmail", *SHOW).out == token


def test_an_account_that_is_disconnected_yields_nothing_to_the_next_launch(warm: Folder) -> None:
    warm.launch("gmail")
    gmail(warm, "sandbox-x", status="DISCONNECTED")
    done = warm.launch("gmail")
    assert not done.started
    assert "error[authorization-required]" in done.err
    assert "https://" in done.err


def test_failures_are_told_as_without_the_daemon(warm: Folder) -> None:
    assert warm.sandbox is not None
    warm.sandbox.add_fault(on="auth", kind="status", status=403, permission="some:permission")
    through = warm.launch("gmail", "slack", "--json").objects
    assert through == warm.launch("gmail", "slack", "--json", env={"XDG_RUNTIME_DIR": None}).objects
    assert through[0]["error"] == "forbidden"


def test_the_id_of_a_refused_request_is_told_on_demand(warm: Folder) -> None:
    assert warm.sandbox is not None
    warm.sandbox.add_fault(on="auth", kind="status", status=503, times=1)
    assert "answered 503 to GET" in warm.launch("gmail", "-v").err


@pytest.mark.parametrize("status", [404, 405, 501])
def test_a_server_without_rest_is_asked_by_the_launch_itself(warm: Folder, status: int) -> None:
    assert warm.sandbox is not None
    gmail(warm, "sandbox-grpc")
    warm.sandbox.add_fault(on="auth", kind="rest_absent", status=status, transport="rest")
    assert warm.launch("gmail", *SHOW).out == "sandbox-grpc"


def test_the_sdk_goes_its_own_way(warm: Folder, daemon: Running) -> None:
    assert warm.launch("gmail", env={"SCALEKIT_EXEC_TRANSPORT": "sdk"}).started
    assert daemon.status()["served"] == 0


def test_the_emulator_inside_a_launch_is_not_the_daemons_affair(
    warm: Folder, daemon: Running
) -> None:
    assert warm.launch("--sandbox", "gmail").started
    assert daemon.status()["served"] == 0


# What an answer is bound to.


def test_a_wrong_secret_gets_nothing_from_a_daemon_that_remembers(
    folder: Folder, tmp_path: Path
) -> None:
    with daemons.running(tmp_path, cache=60) as daemon:
        folder.environ["XDG_RUNTIME_DIR"] = os.path.dirname(daemon.folder)
        gmail(folder, "sandbox-remembered")
        for _ in range(2):
            assert folder.launch("gmail", *SHOW).out == "sandbox-remembered"
        assert operations(folder).count("auth") == 1
        for name, wrong in (
            ("SCALEKIT_CLIENT_SECRET", "wrong"),
            ("SCALEKIT_CLIENT_ID", "skc_other"),
        ):
            done = folder.launch("gmail", env={name: wrong})
            assert not done.started
            assert "error[credentials-rejected]" in done.err


def test_another_trust_is_not_served_over_the_connections_of_the_first(
    warm: Folder, tmp_path: Path
) -> None:
    assert warm.launch("gmail").started
    with authority() as other:
        done = warm.launch("gmail", env={"SCALEKIT_CA_BUNDLE": other.file})
    assert "error[untrusted-server]" in done.err
    for name in ("SCALEKIT_CA_BUNDLE", "SSL_CERT_FILE"):
        done = warm.launch("gmail", env={"SCALEKIT_CA_BUNDLE": None, name: str(tmp_path / "no")})
        assert "error[config-invalid]" in done.err


def test_a_ca_file_that_changes_is_another_one(warm: Folder, tmp_path: Path) -> None:
    assert warm.sandbox is not None
    bundle = tmp_path / "ca.pem"
    bundle.write_bytes(Path(warm.sandbox.ca_file).read_bytes())
    env: dict[str, str | None] = {"SCALEKIT_CA_BUNDLE": os.path.relpath(bundle, warm.path)}
    assert warm.launch("gmail", env=env).started
    with authority() as other:
        bundle.write_bytes(Path(other.file).read_bytes())
    assert "error[untrusted-server]" in warm.launch("gmail", env=env).err


def test_another_proxy_is_not_passed_by_over_the_connections_of_the_first(warm: Folder) -> None:
    assert warm.launch("gmail").started
    proxy = f"http://127.0.0.1:{closed_port()}"
    for name in ("https_proxy", "HTTPS_PROXY"):
        done = warm.launch("gmail", env={name: proxy})
        assert "error[unreachable]" in done.err
        assert "through the proxy" in done.err
        assert warm.launch("gmail", env={name: proxy, "no_proxy": "127.0.0.1"}).started


# Memory.


def test_what_is_remembered_lives_as_long_as_the_launch_wants_it_to(
    folder: Folder, tmp_path: Path
) -> None:
    with daemons.running(tmp_path, cache=60) as daemon:
        folder.environ["XDG_RUNTIME_DIR"] = os.path.dirname(daemon.folder)
        gmail(folder, "sandbox-old", expires_in=200)
        assert folder.launch("gmail", *SHOW).out == "sandbox-old"
        gmail(folder, "sandbox-new", expires_in=3600)
        assert folder.launch("gmail", *SHOW).out == "sandbox-old"
        assert folder.launch("gmail", "--min-ttl", "300", *SHOW).out == "sandbox-new"
        assert folder.launch("gmail", *SHOW).out == "sandbox-new"


def test_what_is_remembered_is_forgotten_in_time(folder: Folder, tmp_path: Path) -> None:
    with daemons.running(tmp_path, cache=0.4) as daemon:
        folder.environ["XDG_RUNTIME_DIR"] = os.path.dirname(daemon.folder)
        gmail(folder, "sandbox-old")
        assert folder.launch("gmail", *SHOW).out == "sandbox-old"
        gmail(folder, "sandbox-new")
        daemons.until(lambda: folder.launch("gmail", *SHOW).out == "sandbox-new", 5)


def test_a_new_authorization_is_not_hidden_by_what_is_remembered(
    sandbox: SandboxHandle, tmp_path: Path
) -> None:
    with daemons.running(tmp_path, cache=60):
        vault = daemons.vault(client(sandbox), sandbox.ca_file)
        for _ in range(2):
            vault.credential(KEYS[0])
        vault.link(KEYS[0])
        vault.credential(KEYS[0])
        vault.close()
    asked = [call["operation"] for call in sandbox.requests()]
    assert asked == ["token", "auth", "link", "auth"]


def test_a_refresh_token_does_not_come_out_of_the_daemon(
    sandbox: SandboxHandle, daemon: Running
) -> None:
    secret = "1//sandbox-refresh"
    row = {"connection_name": KEYS[0].connection_name, "identifier": "mess"}
    given = {"access_token": "sandbox-a", "refresh_token": secret}
    sandbox.set_accounts(row | {"oauth_token": given})
    environ = {"SCALEKIT_CA_BUNDLE": sandbox.ca_file}
    caller = Caller(client(sandbox), environ, Deadline(10), lambda _: None)
    answer = daemons.ask(daemon.folder, caller.request("credential", "1", KEYS[0], {}))
    assert "sandbox-a" in str(answer)
    assert "refresh" not in str(answer)


# The service token and the connections.


@pytest.fixture(scope="module")
def ca() -> Iterator[Authority]:
    with authority() as made:
        yield made


def asked(server: Server, ca: Authority, launches: int) -> list[str]:
    """Read once in each of so many launches; return what the server heard."""
    given = ClientCredentials("skc_1", Secret("secret-of-a-test"), server.url, "a test")
    for _ in range(launches):
        vault = daemons.vault(given, ca.file)
        assert isinstance(vault.credential(KEYS[0]), Credential)
        vault.close()
    return [conversation.operation for conversation in server.heard]


def service_token(**given: object) -> bytes:
    return as_json({"access_token": "service-token", **given})


@pytest.mark.parametrize(
    ("given", "requests"),
    [
        ({"expires_in": 86399}, 1),
        ({}, 1),
        ({"expires_in": None}, 1),
        ({"expires_in": 300}, 3),
        ({"expires_in": 0}, 3),
        ({"expires_in": -5}, 3),
    ],
)
def test_the_service_token_is_kept_until_shortly_before_its_end(
    ca: Authority, daemon: Running, given: dict[str, object], requests: int
) -> None:
    with Server(ca.context(), token=service_token(**given)) as server:
        heard = asked(server, ca, 3)
    assert heard.count("token") == requests
    assert heard.count("auth") == 3


def test_connections_that_the_server_ended_cost_no_try(ca: Authority, daemon: Running) -> None:
    # This server ends each after one answer, and half of the reads are dropped besides.
    with Server(ca.context(), auth=in_turn(account(), drop, account())) as server:
        heard = asked(server, ca, 3)
    assert heard == ["token", "auth", "auth", "auth", "auth"]


def test_what_one_launch_was_refused_the_next_one_asks_for_anew(
    ca: Authority, daemon: Running
) -> None:
    refused = as_json({}, status=401)
    with Server(ca.context(), token=in_turn(refused, service_token())) as server:
        given = ClientCredentials("skc_1", Secret("secret-of-a-test"), server.url, "a test")
        vault = daemons.vault(given, ca.file)
        for _ in range(2):
            with pytest.raises(VaultError) as caught:
                vault.credential(KEYS[0])
            assert caught.value.code == "credentials-rejected"
        vault.close()
        assert asked(server, ca, 1) == ["token", "token", "auth"]


# The end of a daemon.


@pytest.mark.parametrize("fault", ["hang", "slow"])
def test_no_launch_is_lost_when_the_daemon_is_killed_in_its_middle(
    warm: Folder, daemon: Running, fault: str
) -> None:
    assert warm.sandbox is not None
    gmail(warm, "sandbox-after-all")
    warm.sandbox.add_fault(on="auth", kind=fault, times=1, seconds=20)
    process = warm.start("gmail", "--timeout", "20", *SHOW)
    daemons.until(lambda: "auth" in operations(warm))
    os.kill(daemon.pid, signal.SIGKILL)
    out, err = process.communicate(timeout=30)
    assert (out, err) == (b"sandbox-after-all", b"")


def test_a_socket_that_a_killed_daemon_left_stops_no_launch_and_no_daemon(
    warm: Folder, daemon: Running, tmp_path: Path
) -> None:
    os.kill(daemon.pid, signal.SIGKILL)
    daemons.until(lambda: not daemons.reached(daemon.folder))
    assert os.path.exists(daemon.socket)
    done = warm.launch("gmail", "slack")
    assert done.started
    assert done.err == ""
    with daemons.running(tmp_path) as again:
        assert again.pid != daemon.pid
        assert warm.launch("gmail").started
        assert again.status()["served"] == 1
