"""Our REST is held against the SDK's protobuf descriptors, which are the authority."""

from __future__ import annotations

import json
import time

import pytest
from google.api import annotations_pb2
from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp
from scalekit.v1.connected_accounts import connected_accounts_pb2 as pb
from scalekit.v1.errdetails.errdetails_pb2 import ErrorInfo

from scalekit_exec.model import Account, AccountKey, Credential
from scalekit_exec.transport import answers, https

SERVICE = pb.DESCRIPTOR.services_by_name["ConnectedAccountService"]
KEY = AccountKey("connector", "identifier", "org_1", "usr_1")


@pytest.mark.parametrize(
    ("method", "verb", "path"),
    [
        ("GetConnectedAccountAuth", "get", https.AUTH_PATH),
        ("GetConnectedAccountDetails", "get", https.DETAILS_PATH),
        ("GetMagicLinkForConnectedAccount", "post", https.LINK_PATH),
        ("VerifyConnectedAccountUser", "post", https.VERIFY_PATH),
    ],
)
def test_paths_and_verbs_are_those_of_the_http_annotations(
    method: str, verb: str, path: str
) -> None:
    rule = SERVICE.methods_by_name[method].GetOptions().Extensions[annotations_pb2.http]
    assert getattr(rule, verb) == path
    assert rule.body == ("*" if verb == "post" else "")


@pytest.mark.parametrize(
    "message",
    [pb.GetConnectedAccountByIdentifierRequest, pb.GetMagicLinkForConnectedAccountRequest],
)
def test_the_fields_that_name_an_account_are_fields_of_the_request(message: type) -> None:
    request = message(**https.key_fields(KEY))
    assert json_format.MessageToDict(request, preserving_proto_field_name=True) == dict(
        https.key_fields(KEY)
    )


def test_the_fields_of_the_other_requests_exist() -> None:
    link = pb.GetMagicLinkForConnectedAccountRequest.DESCRIPTOR.fields_by_name
    assert {"state", "user_verify_url"} <= set(link)
    verify = pb.VerifyConnectedAccountUserRequest.DESCRIPTOR.fields_by_name
    assert set(verify) == {"auth_request_id", "identifier"}


def test_the_statuses_are_those_of_the_enum() -> None:
    values = pb.DESCRIPTOR.enum_types_by_name["ConnectorStatus"].values_by_name
    assert set(answers.STATUSES) == set(values) - {"CONNECTION_STATUS_UNSPECIFIED"}


def test_the_types_without_a_token_are_of_the_enum() -> None:
    values = pb.DESCRIPTOR.enum_types_by_name["ConnectorType"].values_by_name
    assert set(answers.BASIC_TYPES) <= set(values)


def as_json(account: pb.ConnectedAccount) -> dict[str, object]:
    """Return what grpc-gateway would send of it, unset fields included."""
    answer = pb.GetConnectedAccountByIdentifierResponse(connected_account=account)
    text = json_format.MessageToJson(
        answer, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    body: dict[str, object] = json.loads(text)
    return body


def stamp(seconds: int) -> Timestamp:
    return Timestamp(seconds=seconds)


def static(**values: object) -> pb.AuthorizationDetails:
    details = pb.AuthorizationDetails()
    details.static_auth.details.update(values)
    return details


@pytest.mark.parametrize(
    ("details", "token", "fields"),
    [
        (
            pb.AuthorizationDetails(
                oauth_token=pb.OauthToken(access_token="t", refresh_token="r", domain="d")
            ),
            "t",
            {"token": "t", "domain": "d"},
        ),
        (
            pb.AuthorizationDetails(google_dwd=pb.GoogleDWDAuth(subject="s", access_token="t")),
            "t",
            {"token": "t"},
        ),
        (static(api_key="k"), "k", {"api_key": "k", "token": "k"}),
        (static(username="u", password=1.0), None, {"username": "u", "password": "1"}),
        (
            pb.AuthorizationDetails(trusted_idp=pb.TrustedIDPAuth(db_user="u")),
            None,
            {"db_user": "u"},
        ),
        (pb.AuthorizationDetails(), None, {}),
    ],
)
def test_every_kind_of_credential_is_read_from_the_messages_own_json(
    details: pb.AuthorizationDetails, token: str | None, fields: dict[str, str]
) -> None:
    account = pb.ConnectedAccount(
        identifier="identifier",
        status=pb.ConnectorStatus.ACTIVE,
        authorization_details=details,
        token_expires_at=stamp(4102444800),
    )
    found = answers.credential(as_json(account), KEY, "host", time.time())
    assert isinstance(found, Credential)
    assert (found.token.reveal() if found.token else None) == token
    got = {name: value.reveal() for name, value in found.fields.items()}
    # "u" of a database user is a value like any other, and its empty neighbours are none.
    assert got == fields | {"identifier": "identifier", "expires_at": "2100-01-01T00:00:00Z"}
    assert found.expires_at == 4102444800


def test_the_expiry_of_a_delegated_token_is_the_one_inside() -> None:
    account = pb.ConnectedAccount(
        status=pb.ConnectorStatus.ACTIVE,
        authorization_details=pb.AuthorizationDetails(
            google_dwd=pb.GoogleDWDAuth(access_token="t", token_expires_at=stamp(2000000000))
        ),
        token_expires_at=stamp(4102444800),
    )
    found = answers.credential(as_json(account), KEY, "host", time.time())
    assert isinstance(found, Credential)
    assert found.expires_at == 2000000000


@pytest.mark.parametrize("seconds", [0, -62135596800])
def test_unset_times_of_either_kind_mean_none(seconds: int) -> None:
    account = pb.ConnectedAccount(
        status=pb.ConnectorStatus.EXPIRED, token_expires_at=stamp(seconds)
    )
    found = answers.account(as_json(account), KEY, "host", time.time())
    assert isinstance(found, Account)
    assert found.expires_at is None


def test_a_link_is_read_from_the_messages_own_json() -> None:
    message = pb.GetMagicLinkForConnectedAccountResponse(
        link="https://a.example/x", expiry=stamp(2000000000)
    )
    body = json_format.MessageToDict(message, preserving_proto_field_name=True)
    link = answers.link(body, "host")
    assert (link.url, link.expires_at) == ("https://a.example/x", 2000000000)


def test_the_fields_of_an_error_that_we_read_exist() -> None:
    fields = ErrorInfo.DESCRIPTOR.fields_by_name
    assert {"error_code", "resource_info"} <= set(fields)
    resource = fields["resource_info"].message_type.fields_by_name
    assert "required_permissions" in resource
    assert ErrorInfo.DESCRIPTOR.full_name == "scalekit.v1.errdetails.ErrorInfo"
