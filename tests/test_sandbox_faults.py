"""What the sandbox does wrong on purpose, as clients see it over either transport."""

from __future__ import annotations

import http.client
import json
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from grpc_status import rpc_status

from scalekit_exec.model import AccountKey
from scalekit_exec.sandbox import World
from scalekit_exec.sandbox.faults import Fault
from scalekit_exec.sandbox.protocol import accounts, errors
from tests.support.wires import Wire, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

AUTH = "/api/v1/connected_accounts/auth?connector=gmail&identifier=mess"
TOKEN = "grant_type=client_credentials&client_id=x&client_secret=y"


@pytest.fixture
def wire() -> Iterator[Wire]:
    with serving(World.for_services({AccountKey("gmail", "mess"): ()})) as running:
        yield running


def fault(wire: Wire, kind: str, **fields: Any) -> None:
    wire.sandbox.world.faults.add(Fault(kind, **fields))


def read(wire: Wire) -> tuple[int, dict[str, str], bytes]:
    return wire.send("GET", AUTH, Authorization=f"Bearer {wire.token}")


@pytest.mark.parametrize(
    ("status", "code", "error_code"),
    [
        (400, "INVALID_ARGUMENT", "INVALID_REQUEST"),
        (401, "UNAUTHENTICATED", "UNAUTHENTICATED"),
        (403, "PERMISSION_DENIED", "PERMISSION_DENIED"),
        (404, "NOT_FOUND", "RESOURCE_NOT_FOUND"),
        (429, "RESOURCE_EXHAUSTED", "RATE_LIMITED"),
        (500, "INTERNAL", "INTERNAL"),
        (501, "UNIMPLEMENTED", "UNIMPLEMENTED"),
        (502, "UNAVAILABLE", "SERVICE_UNAVAILABLE"),
        (503, "UNAVAILABLE", "SERVICE_UNAVAILABLE"),
        (504, "UNAVAILABLE", "SERVICE_UNAVAILABLE"),
        (418, "UNKNOWN", "INTERNAL"),
    ],
)
def test_a_status_is_answered_over_rest_and_as_its_code_over_grpc(
    wire: Wire, status: int, code: str, error_code: str
) -> None:
    fault(wire, "status", on="auth", times=2, status=status, permission="connected_accounts:access")
    answered, _, body = read(wire)
    detail = json.loads(body)["details"][0]
    assert (answered, detail["error_code"]) == (status, error_code)
    assert detail["resource_info"]["required_permissions"] == ["connected_accounts:access"]
    with pytest.raises(grpc.RpcError) as caught:
        wire.auth()
    assert caught.value.code().name == code
    told = rpc_status.from_call(caught.value)
    info = errors.ErrorInfo()
    assert told is not None
    assert told.details[0].Unpack(info)
    assert info.error_code == error_code
    assert list(info.resource_info.required_permissions) == ["connected_accounts:access"]
    assert read(wire)[0] == 200


def test_a_status_can_carry_retry_after_and_no_error_info(wire: Wire) -> None:
    fault(wire, "status", status=429, retry_after="2", error_info=False)
    status, headers, body = read(wire)
    assert (status, headers["retry-after"], json.loads(body)["details"]) == (429, "2", [])
    status, headers, _ = wire.authenticate()
    assert (status, headers["retry-after"]) == (429, "2")


@pytest.mark.parametrize(
    ("kind", "fields", "status", "start"),
    [
        ("status", {"status": 200, "body": '{"x":1}'}, 200, b'{"x":1}'),
        ("status", {"status": 503, "body": "busy"}, 503, b"busy"),
        ("html", {}, 200, b"<!doctype html>"),
        ("empty", {}, 200, b""),
        ("null", {}, 200, b"null"),
        ("garbage", {}, 200, b"{"),
        ("redirect", {"location": "https://127.0.0.1:1/"}, 302, b""),
        ("redirect", {"location": "https://127.0.0.1:1/", "status": 307}, 307, b""),
        ("rest_absent", {}, 404, b"no such page"),
        ("rest_absent", {"status": 405}, 405, b"no such page"),
    ],
)
def test_a_whole_answer_can_be_replaced(
    wire: Wire, kind: str, fields: dict[str, Any], status: int, start: bytes
) -> None:
    fault(wire, kind, times=2, **fields)
    answered, headers, body = read(wire)
    assert answered == status
    assert body.startswith(start)
    assert headers.get("location") == fields.get("location")
    if kind != "rest_absent":
        assert wire.send("POST", "/oauth/token", TOKEN)[0] == status
    else:
        assert read(wire)[0] == status
    assert read(wire)[0] == 200


def test_a_truncated_answer_promises_more_than_it_sends(wire: Wire) -> None:
    fault(wire, "truncated", on="auth")
    with pytest.raises(http.client.IncompleteRead) as caught:
        read(wire)
    assert json.loads(caught.value.partial)["connected_account"]["identifier"] == "mess"


def test_a_dropped_request_gets_no_answer(wire: Wire) -> None:
    fault(wire, "drop", on="token", times=1)
    with pytest.raises(http.client.RemoteDisconnected):
        wire.authenticate()
    assert wire.authenticate()[0] == 200


def test_a_malformed_status_line_is_sent(wire: Wire) -> None:
    fault(wire, "bad_header", on="auth")
    with pytest.raises(http.client.BadStatusLine):
        read(wire)


def test_a_huge_answer_goes_on_until_the_client_has_enough(wire: Wire) -> None:
    fault(wire, "huge", on="auth")
    wire.http.request("GET", AUTH, headers={"Authorization": f"Bearer {wire.token}"})
    response = wire.http.getresponse()
    assert response.getheader("Content-Length") is None
    assert len(response.read(1 << 20)) == 1 << 20
    response.close()


def test_a_dripping_answer_comes_byte_by_byte(wire: Wire) -> None:
    fault(wire, "drip", on="token")
    with wire.tls(wire.context) as tls:
        head = f"POST /oauth/token HTTP/1.1\r\nContent-Length: {len(TOKEN)}\r\n\r\n{TOKEN}"
        tls.sendall(head.encode())
        assert [tls.recv(10) for _ in range(3)] == [b"H", b"T", b"T"]


def test_a_slow_answer_is_right_but_late(wire: Wire) -> None:
    fault(wire, "slow", seconds=0.3, times=2)
    begun = time.monotonic()
    assert read(wire)[0] == 200
    assert wire.auth().connected_account.identifier == "mess"
    assert time.monotonic() - begun >= 0.6


def test_a_hanging_request_ends_with_the_client_and_with_the_sandbox(wire: Wire) -> None:
    fault(wire, "hang")
    hasty = wire.connect(timeout=0.2)
    hasty.request("GET", AUTH)
    with pytest.raises(TimeoutError):
        hasty.getresponse()
    hasty.close()
    wire.http.request("GET", AUTH)
    wire.sandbox.close()
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        wire.http.getresponse()


def test_a_hanging_call_over_grpc_ends_at_the_clients_deadline(wire: Wire) -> None:
    fault(wire, "hang", times=1)
    with pytest.raises(grpc.RpcError) as caught:
        wire.auth(timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert wire.auth().connected_account.identifier == "mess"


def test_a_dropped_call_over_grpc_is_unavailable_and_takes_the_connection_along(wire: Wire) -> None:
    wire.auth()
    fault(wire, "drop", times=1)
    with pytest.raises(grpc.RpcError) as caught:
        wire.auth()
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    # The status may be here before the connection's end: what is asked in between is lost as well.
    end = time.monotonic() + 10
    while True:
        try:
            wire.auth()
            break
        except grpc.RpcError as error:
            if error.code() is not grpc.StatusCode.UNAVAILABLE or time.monotonic() > end:
                raise
    numbers = [each["connection"] for each in wire.sandbox.world.requests()]
    assert numbers[0] == numbers[1] != numbers[-1]


@pytest.mark.parametrize("value", [9, "RENEWING"])
def test_a_status_of_a_later_version_is_a_number_in_protobuf(wire: Wire, value: int | str) -> None:
    fault(wire, "status_value", value=value)
    assert json.loads(read(wire)[2])["connected_account"]["status"] == value
    assert wire.auth().connected_account.status == 9


def test_fields_of_a_later_version_are_there_in_both(wire: Wire) -> None:
    fault(wire, "unknown_fields")
    shown = json.loads(read(wire)[2])
    assert "added_later" in shown
    assert "added_later" in shown["connected_account"]
    assert b"later" in wire.auth().connected_account.SerializeToString()
    assert "added_later" in json.loads(wire.authenticate()[2])


def test_a_link_can_be_one_that_is_not_https(wire: Wire) -> None:
    fault(wire, "bad_link")
    body = {"connector": "gmail", "identifier": "mess"}
    assert wire.rest("POST", "connected_accounts/magic_link", body)[1]["link"].startswith("http://")
    request = accounts.GetMagicLinkForConnectedAccountRequest(**body)
    assert wire.rpc("GetMagicLinkForConnectedAccount", request).link.startswith("http://")


@pytest.mark.parametrize("kind", ["empty", "null"])
def test_an_empty_answer_over_grpc_is_an_empty_message(wire: Wire, kind: str) -> None:
    fault(wire, kind)
    assert not wire.auth().HasField("connected_account")


def test_a_server_without_rest_answers_over_grpc(wire: Wire) -> None:
    fault(wire, "rest_absent")
    assert read(wire)[0] == 404
    assert wire.authenticate()[0] == 200
    assert wire.auth().connected_account.identifier == "mess"
