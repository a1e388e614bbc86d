"""The page behind a magic link, used as a browser would use it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from scalekit_exec.model import AccountKey
from scalekit_exec.sandbox import World
from scalekit_exec.sandbox.account import SandboxAccount
from tests.support.wires import Wire, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

KEY = AccountKey("gmail", "mess")
RETURN = "http://127.0.0.1:4711/back?x=1"


@pytest.fixture
def wire(request: pytest.FixtureRequest) -> Iterator[Wire]:
    account = SandboxAccount(KEY, status="PENDING_AUTH", provider="GMAIL")
    brave = SandboxAccount(
        AccountKey("brave", "mess"), status="PENDING_AUTH", authorization_type="API_KEY"
    )
    options: dict[str, Any] = getattr(request, "param", {})
    with serving(World([account, brave], **options)) as running:
        yield running


def link(wire: Wire, connector: str = "gmail", identifier: str = "mess", **more: str) -> str:
    body = {"connector": connector, "identifier": identifier, **more}
    status, answer = wire.rest("POST", "connected_accounts/magic_link", body)
    assert status == 200, answer
    assert answer["link"].startswith(wire.sandbox.url)
    return str(urlsplit(answer["link"]).path)


def decide(wire: Wire, path: str, decision: str, **fields: str) -> tuple[int, dict[str, str], str]:
    page = wire.send("GET", path)[2].decode()
    found = re.search(r'name="csrf" value="([^"]+)"', page)
    assert found is not None, page
    form = urlencode({"csrf": found[1], "decision": decision, **fields})
    status, headers, body = wire.send("POST", path, form)
    return status, headers, body.decode()


def status_of(wire: Wire, connector: str = "gmail", identifier: str = "mess") -> str | None:
    status, shown = wire.rest(
        "GET", "connected_accounts/details", connector=connector, identifier=identifier
    )
    return str(shown["connected_account"]["status"]) if status == 200 else None


def test_the_page_names_connection_and_identifier_and_loads_nothing(wire: Wire) -> None:
    status, headers, body = wire.send("GET", link(wire))
    page = body.decode()
    assert status == 200
    assert "gmail" in page
    assert "mess" in page
    assert "<script" not in page
    assert "src=" not in page
    assert "http" not in page
    assert "default-src 'none'" in headers["content-security-policy"]
    assert headers["cache-control"] == "no-store"


def test_looking_at_the_page_changes_nothing(wire: Wire) -> None:
    wire.send("GET", link(wire))
    assert status_of(wire) == "PENDING_AUTH"


def test_allow_makes_the_account_active_with_a_token_and_the_link_works_once(wire: Wire) -> None:
    path = link(wire)
    status, _, page = decide(wire, path, "allow")
    assert (status, "Authorized" in page) == (200, True)
    account = wire.auth().connected_account
    assert account.status == 1
    assert account.authorization_details.oauth_token.access_token.startswith("sandbox-")
    assert account.token_expires_at.seconds > time.time()
    assert wire.send("GET", path)[0] == 410


def test_the_record_does_not_hold_the_link(wire: Wire) -> None:
    path = link(wire)
    decide(wire, path, "allow")
    found = [each for each in wire.sandbox.world.requests() if each["operation"] == "consent"]
    assert [each["method"] for each in found] == ["GET", "POST"]
    assert {each["path"] for each in found} == {"/magic_link/"}


def test_deny_leaves_the_account_as_it_was_and_says_so(wire: Wire) -> None:
    path = link(wire)
    status, _, page = decide(wire, path, "deny")
    assert (status, "Denied" in page) == (200, True)
    assert status_of(wire) == "PENDING_AUTH"
    assert wire.send("GET", path)[0] == 410


def test_allow_makes_an_account_that_was_not_there(wire: Wire) -> None:
    path = link(wire, identifier="new")
    assert status_of(wire, identifier="new") is None
    decide(wire, path, "allow")
    assert status_of(wire, identifier="new") == "ACTIVE"


def test_a_link_for_a_connection_that_does_not_exist_is_refused(wire: Wire) -> None:
    body = {"connector": "none", "identifier": "mess"}
    status, answer = wire.rest("POST", "connected_accounts/magic_link", body)
    assert (status, answer["details"][0]["error_code"]) == (404, "RESOURCE_NOT_FOUND")


def test_a_connector_with_a_key_asks_for_it_in_a_form(wire: Wire) -> None:
    path = link(wire, "brave")
    assert b'<input name="api_key"' in wire.send("GET", path)[2]
    decide(wire, path, "allow", api_key="typed-in")
    details = wire.auth("brave").connected_account.authorization_details
    assert dict(details.static_auth.details) == {"api_key": "typed-in"}


def test_a_decision_needs_the_pages_own_token(wire: Wire) -> None:
    path = link(wire)
    for form in ("decision=allow", "decision=allow&csrf=guessed", "csrf=%ff&decision=allow"):
        assert wire.send("POST", path, form)[0] == 403
    assert decide(wire, path, "perhaps")[0] == 400
    assert status_of(wire) == "PENDING_AUTH"
    assert decide(wire, path, "allow")[0] == 200


@pytest.mark.parametrize("wire", [{"link_lifetime": 0.05}], indirect=True)
def test_an_expired_link_says_so(wire: Wire) -> None:
    path = link(wire)
    time.sleep(0.06)
    status, _, body = wire.send("GET", path)
    assert status == 410
    assert b"expired" in body
    assert wire.send("GET", path + "x")[0] == 404


@pytest.mark.parametrize("name", ["<b>'\"&amp;</b>", "a\nb", "ü@例.test"])
def test_an_identifier_is_shown_as_text_whatever_it_is(wire: Wire, name: str) -> None:
    page = wire.send("GET", link(wire, identifier=name))[2].decode()
    assert "<b>" not in page
    assert decide(wire, link(wire, identifier=name), "allow")[0] == 200
    assert status_of(wire, identifier=name) == "ACTIVE"


CUSTOM = pytest.mark.parametrize("wire", [{"verification": "custom"}], indirect=True)


@CUSTOM
def test_in_custom_mode_the_browser_goes_back_and_the_account_waits_to_be_verified(
    wire: Wire,
) -> None:
    path = link(wire, user_verify_url=RETURN, state="s 1&")
    policy = wire.send("GET", path)[1]["content-security-policy"]
    assert "form-action 'self' http://127.0.0.1:4711;" in policy
    status, headers, _ = decide(wire, path, "allow")
    target = urlsplit(headers["location"])
    query = parse_qs(target.query)
    assert (status, target.netloc, target.path) == (303, "127.0.0.1:4711", "/back")
    assert (query["x"], query["state"]) == (["1"], ["s 1&"])
    assert status_of(wire) == "PENDING_VERIFICATION"
    number = query["auth_request_id"][0]

    def verify(identifier: str, request_id: str = number) -> tuple[int, dict[str, Any]]:
        body = {"auth_request_id": request_id, "identifier": identifier}
        return wire.rest("POST", "connected_accounts/user/verify", body)

    assert verify("mess", "unknown")[0] == 404
    assert verify("somebody-else")[0] == 403
    assert status_of(wire) == "PENDING_VERIFICATION"
    status, answer = verify("mess")
    assert status == 200
    assert wire.send("GET", urlsplit(answer["post_user_verify_redirect_url"]).path)[0] == 200
    assert status_of(wire) == "ACTIVE"
    assert verify("mess")[0] == 404


@CUSTOM
def test_in_custom_mode_a_link_without_a_return_address_fails(wire: Wire) -> None:
    status, _, page = decide(wire, link(wire), "allow")
    assert status == 400
    assert "user_verify_url not configured" in page
    assert status_of(wire) == "PENDING_AUTH"


@CUSTOM
@pytest.mark.parametrize("url", ["http://a;script-src *", "https://'self'@x y/", "http://"])
def test_a_return_address_cannot_change_the_pages_policy(wire: Wire, url: str) -> None:
    policy = wire.send("GET", link(wire, user_verify_url=url))[1]["content-security-policy"]
    assert "script-src" not in policy
    assert "form-action 'self';" in policy
