"""The sandbox on the wire: TLS, both transports on one port, and that they tell the same."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.protobuf import json_format
from grpc_status import rpc_status

from scalekit_exec.model import AccountKey
from scalekit_exec.sandbox import World, start
from scalekit_exec.sandbox.protocol import accounts, connections, errors, providers
from tests.support.wires import Wire, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYS = [AccountKey("gmail", "mess"), AccountKey("slack", "ops-bot"), AccountKey("gmail", "bob")]
LOOKUP = accounts.GetConnectedAccountByIdentifierRequest


@pytest.fixture
def wire() -> Iterator[Wire]:
    with serving(World.for_services(dict.fromkeys(KEYS, ()))) as running:
        yield running


def error_info(error: grpc.RpcError) -> Any:
    status = rpc_status.from_call(error)
    assert status is not None
    info = errors.ErrorInfo()
    assert status.details[0].Unpack(info)
    return info


def test_a_client_token_is_for_the_right_id_and_secret_only(wire: Wire) -> None:
    status, headers, body = wire.authenticate()
    assert status == 200
    assert "date" in headers
    assert json.loads(body)["token_type"] == "Bearer"
    assert json.loads(body)["expires_in"] == 86399
    for secret in ("", "wrong", wire.sandbox.client_secret.reveal() + "x"):
        status, _, body = wire.authenticate(secret)
        assert (status, json.loads(body)["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("method", ["GetConnectedAccountAuth", "GetConnectedAccountDetails"])
@pytest.mark.parametrize("key", KEYS)
def test_rest_and_grpc_tell_the_same_about_an_account(
    wire: Wire, method: str, key: AccountKey
) -> None:
    over_grpc = wire.rpc(method, LOOKUP(connector=key.connection_name, identifier=key.identifier))
    path = "connected_accounts/" + ("auth" if method.endswith("Auth") else "details")
    status, shown = wire.rest("GET", path, connector=key.connection_name, identifier=key.identifier)
    assert status == 200
    over_rest = json_format.ParseDict(shown, type(over_grpc)())
    for answer in (over_grpc, over_rest):
        answer.connected_account.ClearField("last_used_at")
    assert over_rest == over_grpc
    assert over_rest.connected_account.HasField("authorization_details") is path.endswith("auth")


def test_rest_and_grpc_list_the_same(wire: Wire) -> None:
    for service, method, request, path in (
        ("connected_accounts.ConnectedAccount", "ListConnectedAccounts",
         accounts.ListConnectedAccountsRequest(connector="gmail"),
         "connected_accounts?connector=gmail"),
        ("connections.Connection", "ListAppConnections",
         connections.ListAppConnectionsRequest(query="sla"), "connections/app?query=sla"),
        ("providers.Provider", "ListProviders",
         providers.ListProvidersRequest(page_size=1, filter={"provider_type": "ALL"}),
         "providers?page_size=1&filter.provider_type=ALL"),
    ):  # fmt: skip
        over_grpc = wire.rpc(method, request, f"scalekit.v1.{service}Service")
        status, shown = wire.rest("GET", path)
        assert status == 200
        assert json_format.ParseDict(shown, type(over_grpc)()) == over_grpc
        assert over_grpc.total_size in (1, 2)


def test_a_list_can_be_read_page_by_page(wire: Wire) -> None:
    names, token = [], ""
    while True:
        _, page = wire.rest("GET", "connected_accounts", page_size="1", page_token=token)
        names += [row["identifier"] for row in page["connected_accounts"]]
        if not (token := page["next_page_token"]):
            break
    assert names == ["mess", "ops-bot", "bob"]


def test_rest_and_grpc_refuse_in_the_same_words(wire: Wire) -> None:
    for connector, identifier, http_status, code in (
        ("gmail", "nobody", 404, "RESOURCE_NOT_FOUND"),
        ("none", "mess", 404, "RESOURCE_NOT_FOUND"),
        ("a.b", "mess", 400, "INVALID_REQUEST"),
        ("gmail", "x" * 101, 400, "INVALID_REQUEST"),
        ("gmail", "", 400, "INVALID_REQUEST"),
    ):
        status, shown = wire.rest(
            "GET", "connected_accounts/auth", connector=connector, identifier=identifier
        )
        assert status == http_status
        detail = shown["details"][0]
        assert detail["@type"] == "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo"
        assert detail["error_code"] == code
        with pytest.raises(grpc.RpcError) as caught:
            wire.auth(connector, identifier)
        assert caught.value.code().value[0] == shown["code"]
        info = error_info(caught.value)
        assert info.error_code == code
        assert info.request_info.request_id
        violated = detail.get("validation_error_info", {}).get("field_violations", [])
        over_grpc = info.validation_error_info.field_violations
        assert [entry["field"] for entry in violated] == [entry.field for entry in over_grpc]


def test_a_revoked_token_is_refused_over_both_transports(wire: Wire) -> None:
    wire.sandbox.world.revoke()
    status, shown = wire.rest(
        "GET", "connected_accounts/auth", connector="gmail", identifier="mess"
    )
    assert (status, shown["code"]) == (401, 16)
    assert shown["details"][0]["error_code"] == "UNAUTHENTICATED"
    with pytest.raises(grpc.RpcError) as caught:
        wire.auth()
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED
    wire.authenticate()
    assert wire.auth().connected_account.identifier == "mess"


def test_an_unknown_path_has_no_error_info_and_a_method_that_is_not_served_says_so(
    wire: Wire,
) -> None:
    assert wire.rest("GET", "nothing/here") == (
        404,
        {"code": 5, "message": "Not Found", "details": []},
    )
    status, shown = wire.rest("DELETE", "connected_accounts/auth")
    assert (status, shown["code"]) == (501, 12)
    assert wire.rest("GET", "connected_accounts/portal/redirect_url")[0] == 501


def test_an_account_can_be_created_found_by_id_disconnected_and_deleted(wire: Wire) -> None:
    body = {"connector": "gmail", "identifier": "new", "connected_account": {}}
    status, made = wire.rest("POST", "connected_accounts", body)
    assert (status, made["connected_account"]["status"]) == (200, "PENDING_AUTH")
    assert wire.rest("POST", "connected_accounts", body)[0] == 409
    number = made["connected_account"]["id"]
    status, shown = wire.rest("GET", f"connected_accounts/{number}")
    assert shown["connected_account"]["identifier"] == "new"
    status, shown = wire.rest("POST", f"connected_accounts/{number}:disconnect", {})
    assert shown["connected_account"]["status"] == "DISCONNECTED"
    assert wire.rest("POST", "connected_accounts:delete", {"id": number}) == (200, {})
    assert wire.rest("GET", f"connected_accounts/{number}")[0] == 404
    assert wire.rest("GET", "connected_accounts:search", query="bob")[1]["total_size"] == 1


def test_requests_are_recorded_without_anything_secret(wire: Wire) -> None:
    wire.rest("GET", "connected_accounts/auth", connector="gmail", identifier="mess")
    wire.rest("POST", "connected_accounts/magic_link", {"connector": "gmail", "identifier": "mess"})
    wire.auth("slack", "ops-bot")
    wire.authenticate()
    found = wire.sandbox.world.requests()
    assert [(each["operation"], each["transport"], each["connector"]) for each in found] == [
        ("auth", "rest", "gmail"),
        ("link", "rest", "gmail"),
        ("auth", "grpc", "slack"),
        ("token", "rest", ""),
    ]
    numbers = [each["connection"] for each in found]
    assert numbers[0] == numbers[1] == numbers[3] != numbers[2] > 0
    assert found[2]["user_agent"].startswith("grpc-python/")
    assert found[0]["path"] == "/api/v1/connected_accounts/auth"
    for secret in (wire.token, wire.sandbox.client_secret.reveal(), "sandbox-"):
        assert secret not in json.dumps(found)


def test_the_certificate_is_good_for_both_names_and_no_other(wire: Wire) -> None:
    port = int(wire.host.rpartition(":")[2])
    for name, fits in (("localhost", True), ("127.0.0.1", True), ("scalekit.com", False)):
        with socket.create_connection(("127.0.0.1", port)) as plain:
            if fits:
                wire.context.wrap_socket(plain, server_hostname=name).close()
            else:
                with pytest.raises(ssl.SSLCertVerificationError):
                    wire.context.wrap_socket(plain, server_hostname=name)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [(["h2", "http/1.1"], "http/1.1"), (["http/1.1"], "http/1.1"), (["h2"], "h2"), (None, None)],
)
def test_the_protocol_is_chosen_by_what_the_client_offers(
    wire: Wire, offered: list[str] | None, chosen: str | None
) -> None:
    context = ssl.create_default_context(cadata=wire.sandbox.ca_pem)
    if offered is not None:
        context.set_alpn_protocols(offered)
    with wire.tls(context) as tls:
        assert tls.selected_alpn_protocol() == chosen


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_400_and_ends_the_connection(
    wire: Wire, sent: bytes
) -> None:
    with wire.tls(wire.context) as tls:
        tls.sendall(sent)
        answer = b"".join(iter(lambda: tls.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_many_clients_are_served_at_once(wire: Wire) -> None:
    statuses: list[int] = []

    def read() -> None:
        connection = wire.connect()
        path = "/api/v1/connected_accounts/auth?connector=gmail&identifier=mess"
        for _ in range(3):
            connection.request("GET", path, headers={"Authorization": f"Bearer {wire.token}"})
            response = connection.getresponse()
            response.read()
            statuses.append(response.status)
        connection.close()

    threads = [threading.Thread(target=read) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [200] * 60


def test_a_closed_sandbox_gives_its_port_back_and_ends_its_connections() -> None:
    with serving(World(is_open=True)) as wire:
        port = int(wire.host.rpartition(":")[2])
        wire.auth()
        wire.sandbox.close()
        assert wire.http.sock.recv(1) == b""
        with pytest.raises(grpc.RpcError):
            wire.auth(timeout=1)
        second = start(World(is_open=True), port=port)
        assert second.url == wire.sandbox.url
        second.close()


def test_starting_imports_neither_grpc_nor_the_sdks_client_and_the_sdk_still_imports() -> None:
    program = (
        "import sys\n"
        "from scalekit_exec.sandbox import World, start\n"
        "start(World(is_open=True))\n"
        "assert not {'scalekit', 'grpc', 'requests', 'pydantic'} & set(sys.modules)\n"
        "import scalekit\n"
        "scalekit.ScalekitClient\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="descriptors are listed in /proc")
def test_nothing_of_it_is_left_after_the_process_became_another() -> None:
    program = (
        "import os, sys\n"
        "from scalekit_exec.sandbox import World, start\n"
        "from tests.support.wires import serving\n"
        "manager = serving(World(is_open=True)); wire = manager.__enter__(); wire.auth()\n"
        "os.execv('/bin/ls', ['ls', '/proc/self/fd'])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert (done.stdout.split(), done.stderr) == (["0", "1", "2", "3"], "")  # 3 is ls's own
