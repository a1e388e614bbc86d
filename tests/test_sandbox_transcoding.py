"""REST and protobuf are one: every served method's path, query, body and answer round-trip."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from google.protobuf import json_format, message_factory
from hypothesis import given, settings
from hypothesis import strategies as st

from scalekit_exec.model import AccountKey
from scalekit_exec.sandbox import World, protocol
from scalekit_exec.sandbox.refusal import HTTP_STATUSES, Refusal
from scalekit_exec.sandbox.rules import violations
from scalekit_exec.sandbox.services import AccountService, ConnectionService, ProviderService
from scalekit_exec.sandbox.transcoding import Route, Routes, dictionary

SERVICES = (AccountService, ConnectionService, ProviderService)


def snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


SERVED = [
    (method, route)
    for service in SERVICES
    for method in service.descriptor.methods
    if hasattr(service, snake(method.name))
    for route in Routes([service.descriptor])
    if route.method is method
]
ROUTES = Routes(service.descriptor for service in SERVICES)

# Lone surrogates cannot be encoded as UTF-8, so no client can send them.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


def scalar(field: Any) -> st.SearchStrategy[Any]:
    if field.enum_type is not None:
        return st.sampled_from([value.number for value in field.enum_type.values])
    if field.cpp_type == field.CPPTYPE_BOOL:
        return st.booleans()
    if field.cpp_type == field.CPPTYPE_STRING:
        return TEXT
    return st.integers(0, 2**31 - 1)


@st.composite
def messages(draw: st.DrawFn, descriptor: Any) -> Any:
    """Draw a request with some fields set, one level of messages deep."""
    message = message_factory.GetMessageClass(descriptor)()
    for field in descriptor.fields:
        if field.message_type is not None:
            if field.message_type.full_name.endswith("Filter"):
                inner = draw(messages(field.message_type))
                if inner.ListFields():  # an empty message has no form as a query
                    getattr(message, field.name).CopyFrom(inner)
        elif field.is_repeated:
            getattr(message, field.name).extend(draw(st.lists(scalar(field), max_size=3)))
        elif draw(st.booleans()):
            setattr(message, field.name, draw(scalar(field)))
    return message


def query_of(message: Any, prefix: str = "") -> list[tuple[str, str]]:
    """Write a message as query parameters, as grpc-gateway's own clients do."""
    pairs: list[tuple[str, str]] = []
    for field, value in message.ListFields():
        name = prefix + field.name
        if field.message_type is not None:
            pairs += query_of(value, name + ".")
            continue
        for each in value if field.is_repeated else [value]:
            if field.enum_type is not None:
                text = field.enum_type.values_by_number[each].name
            else:
                text = str(each).lower() if isinstance(each, bool) else str(each)
            pairs.append((name, text))
    return pairs


def test_the_methods_that_clients_need_are_served() -> None:
    names = {method.name for method, _ in SERVED}
    assert names >= {
        "GetConnectedAccountAuth",
        "GetConnectedAccountDetails",
        "GetMagicLinkForConnectedAccount",
        "VerifyConnectedAccountUser",
        "ListConnectedAccounts",
        "ListAppConnections",
        "ListProviders",
    }


def test_no_method_of_a_service_is_misspelt() -> None:
    for service in SERVICES:
        known = {snake(method.name) for method in service.descriptor.methods}
        assert {name for name in vars(service) if not name.startswith("_")} - {
            "descriptor"
        } <= known


@settings(max_examples=20, deadline=None)
@pytest.mark.parametrize(
    ("method", "route"), SERVED, ids=[f"{m.name} {r.template}" for m, r in SERVED]
)
@given(data=st.data())
def test_a_request_in_rest_is_the_same_request_in_protobuf(
    method: Any, route: Route, data: st.DataObject
) -> None:
    message = data.draw(messages(method.input_type))
    path = route.template
    for name in re.findall(r"\{(\w+)\}", path):
        setattr(message, name, value := data.draw(st.from_regex(r"ca_[0-9]{1,9}", fullmatch=True)))
        path = path.replace("{" + name + "}", value)
    found, variables, known = ROUTES.find(route.verb, path)
    assert known
    assert found is not None
    assert (found.method.name, found.template) == (method.name, route.template)
    if route.body == "*":
        body = json_format.MessageToJson(message, preserving_proto_field_name=True).encode()
        rebuilt = found.request(variables, [], body)
    else:
        text = urlencode(query_of(message))
        rebuilt = found.request(variables, parse_qsl(text, keep_blank_values=True), b"")
    assert rebuilt == message


def test_paths_and_verbs_are_those_of_the_descriptors() -> None:
    annotations = {
        (verb.upper(), getattr(rule, verb))
        for service in SERVICES
        for method in service.descriptor.methods
        for rule in [
            method.GetOptions().Extensions[protocol.http_extension],
            *method.GetOptions().Extensions[protocol.http_extension].additional_bindings,
        ]
        for verb in [rule.WhichOneof("pattern")]
    }
    assert {(route.verb, route.template) for route in ROUTES} == annotations
    assert ("GET", "/api/v1/connected_accounts/auth") in annotations


@pytest.mark.parametrize(
    ("credential", "config"),
    [
        ({"oauth_token": {"access_token": "t", "scopes": ["a"]}}, {}),
        ({"static_auth": {"key": "k", "n": 1, "half": 0.5, "on": True}}, {"domain": "x.example"}),
        ({"google_dwd": {"subject": "s", "access_token": "t"}}, {}),
        ({"trusted_idp": {"db_user": "u"}}, {}),
        ({}, {}),
    ],
)
def test_an_answer_in_json_is_the_same_answer_in_protobuf(
    credential: dict[str, Any], config: dict[str, Any]
) -> None:
    world = World.for_services({AccountKey("gmail", "mess"): ()})
    account = world.account(AccountKey("gmail", "mess"))
    assert account is not None
    account.credential, account.api_config = credential, config
    message = protocol.accounts.GetConnectedAccountByIdentifierResponse(
        connected_account=account.message(with_credential=True)
    )
    shown = json.loads(json.dumps(dictionary(message)))
    assert json_format.ParseDict(shown, type(message)()) == message


def test_unset_arms_and_messages_are_there_as_null_in_json() -> None:
    message = protocol.accounts.ConnectedAccount(connector="gmail")
    message.authorization_details.oauth_token.access_token = "t"
    shown = dictionary(message)
    assert shown["token_expires_at"] is None
    assert shown["api_config"] is None
    assert shown["authorization_details"]["static_auth"] is None
    assert shown["authorization_details"]["oauth_token"]["domain"] == ""
    assert shown["status"] == "CONNECTION_STATUS_UNSPECIFIED"


def test_unknown_query_parameters_are_ignored_and_wrong_values_refused() -> None:
    route, _, _ = ROUTES.find("GET", "/api/v1/providers")
    assert route is not None
    request = route.request(
        {}, [("filter.provider_type", "2"), ("x.y", "1"), ("pageSize", "3")], b""
    )
    assert (request.filter.provider_type, request.page_size) == (2, 3)
    for pair in (("page_size", "many"), ("filter.provider_type", "SOME")):
        with pytest.raises(Refusal) as caught:
            route.request({}, [pair], b"")
        assert caught.value.http_status == 400


def account_request(**fields: Any) -> Any:
    return protocol.accounts.GetConnectedAccountByIdentifierRequest(**fields)


@pytest.mark.parametrize(
    ("request_", "fields"),
    [
        (account_request(), []),
        (account_request(connector="a: b-C_9" * 50, identifier="x" * 100), []),
        (account_request(connector="a.b"), ["connector"]),
        (account_request(connector="gmail\n"), ["connector"]),
        (account_request(connector="a" * 401), ["connector"]),
        (account_request(identifier="é" * 100), []),
        (account_request(identifier="x" * 101), ["identifier"]),
        (account_request(id="conn_1", user_id="u" * 33), ["user_id", "id"]),
        (protocol.accounts.ListConnectedAccountsRequest(page_size=99), []),
        (protocol.accounts.ListConnectedAccountsRequest(page_size=100), ["page_size"]),
        (
            protocol.accounts.ListConnectedAccountsRequest(connection_names=["a.b"] + ["a"] * 20),
            ["connection_names", "connection_names"],
        ),
        (protocol.accounts.VerifyConnectedAccountUserRequest(), ["auth_request_id", "identifier"]),
        (protocol.accounts.CreateConnectedAccountRequest(), ["connected_account"]),
        (protocol.accounts.SearchConnectedAccountsRequest(query="ab"), ["query"]),
        (
            protocol.accounts.GetMagicLinkForConnectedAccountRequest(user_verify_url="ftp://x"),
            ["user_verify_url"],
        ),
        (
            protocol.accounts.GetMagicLinkForConnectedAccountRequest(
                user_verify_url="http://127.0.0.1:1/x"
            ),
            [],
        ),
        (protocol.connections.ListAppConnectionsRequest(page_size=31), ["page_size"]),
    ],
)
def test_the_descriptors_own_rules_are_enforced(request_: Any, fields: list[str]) -> None:
    assert [field for field, _ in violations(request_)] == fields


def test_every_grpc_code_has_an_http_status() -> None:
    import grpc

    assert set(HTTP_STATUSES) == {code.value[0] for code in grpc.StatusCode}
