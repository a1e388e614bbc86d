"""The contract of the port, held against every vault that is one, on the emulator."""

from __future__ import annotations

import re
import threading
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scalekit_exec import connect
from scalekit_exec.clock import Deadline
from scalekit_exec.errors import AuthorizationError, VaultError
from scalekit_exec.model import Account, AccountKey, ClientCredentials, Credential
from scalekit_exec.secret import Secret
from scalekit_exec.transport.trust import Trust
from tests.support import daemons
from tests.support.people import fetch
from tests.support.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from scalekit_exec.vault import Vault
    from tests.support.sandboxes import SandboxHandle

KEY = AccountKey("gmail_u3134a", "mess")


def make(sandbox: SandboxHandle, transport: str, seconds: float = 20, secret: str = "") -> Vault:
    client = ClientCredentials(
        sandbox.client_id, Secret(secret or sandbox.client_secret), sandbox.url, "a test"
    )
    if transport == "daemon":
        return daemons.vault(client, sandbox.ca_file, seconds)
    line = connect.Line({}, Deadline(seconds), lambda _: None, None, transport)
    return connect.scalekit(client, line, Trust(file=sandbox.ca_file, source="a test"))


def values(credential: Credential | Account) -> dict[str, str]:
    assert isinstance(credential, Credential)
    return {name: secret.reveal() for name, secret in credential.fields.items()}


@pytest.fixture(params=["https", "sdk", "auto", "daemon"])
def transport(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "daemon":
        with daemons.running(tmp_path):
            yield "daemon"
    else:
        yield request.param


@pytest.fixture
def vault(sandbox: SandboxHandle, transport: str) -> Iterator[Vault]:
    made = make(sandbox, transport)
    yield made
    made.close()


class TestVault:
    """What a launch may expect of whoever answers the port."""

    def account(self, sandbox: SandboxHandle, **given: Any) -> None:
        sandbox.set_accounts({"connection_name": KEY.connection_name, "identifier": "mess"} | given)

    def test_an_oauth_account_yields_its_access_token(
        self, sandbox: SandboxHandle, vault: Vault
    ) -> None:
        self.account(
            sandbox,
            oauth_token={"access_token": "sandbox-a", "refresh_token": "r", "domain": "d.example"},
        )
        found = vault.credential(KEY)
        assert isinstance(found, Credential)
        assert found.token is not None
        assert found.token.reveal() == "sandbox-a"
        assert values(found).keys() == {"token", "domain", "identifier", "expires_at"}
        assert found.account.key == KEY
        assert found.account.id.startswith("ca_")
        assert found.expires_at == pytest.approx(time.time() + 3600, abs=60)
        assert found.account.as_of == pytest.approx(time.time(), abs=5)

    def test_delegated_accounts_have_their_expiry_inside(
        self, sandbox: SandboxHandle, vault: Vault
    ) -> None:
        self.account(sandbox, google_dwd={"access_token": "sandbox-d", "subject": "a@b.example"})
        found = vault.credential(KEY)
        assert isinstance(found, Credential)
        assert found.token is not None
        assert found.token.reveal() == "sandbox-d"
        assert found.expires_at is not None

    @pytest.mark.parametrize("name", ["api_key", "token", "bearer_token"])
    def test_a_single_static_value_is_the_token(
        self, sandbox: SandboxHandle, vault: Vault, name: str
    ) -> None:
        self.account(sandbox, static_auth={name: "sandbox-k", "domain": "d.example"})
        found = vault.credential(KEY)
        assert isinstance(found, Credential)
        assert found.token is not None
        assert found.token.reveal() == "sandbox-k"
        assert values(found)["domain"] == "d.example"

    @pytest.mark.parametrize(
        "given",
        [
            {"username": "u", "password": "p"},
            {"api_key": "a", "application_key": "b"},
            {"token": "a", "username": "b"},
        ],
    )
    def test_several_static_values_are_no_token(
        self, sandbox: SandboxHandle, vault: Vault, given: dict[str, str]
    ) -> None:
        self.account(sandbox, static_auth=given)
        found = vault.credential(KEY)
        assert isinstance(found, Credential)
        assert found.token is None
        assert given.items() - {("token", "a")} <= values(found).items()

    def test_numbers_lose_the_point_that_they_never_had(
        self, sandbox: SandboxHandle, vault: Vault
    ) -> None:
        given = {"whole": 1, "half": 1.5, "flag": True, "refresh_token": "never"}
        self.account(sandbox, static_auth=given | {"username": "u"})
        got = values(vault.credential(KEY))
        assert got == {
            "whole": "1",
            "half": "1.5",
            "flag": "true",
            "username": "u",
            "identifier": "mess",
        }

    def test_the_tenants_domain_comes_from_the_api_configuration(
        self, sandbox: SandboxHandle, vault: Vault
    ) -> None:
        self.account(
            sandbox,
            static_auth={"username": "u", "password": "p", "domain": "static.example"},
            api_config={"domain": "config.example"},
        )
        assert values(vault.credential(KEY))["domain"] == "config.example"

    @pytest.mark.parametrize("given", [{"no_credential": True}, {"trusted_idp": {"db_user": "x"}}])
    def test_an_active_account_may_have_no_token(
        self, sandbox: SandboxHandle, vault: Vault, given: dict[str, Any]
    ) -> None:
        self.account(sandbox, **given)
        found = vault.credential(KEY)
        assert isinstance(found, Credential)
        assert found.token is None

    @pytest.mark.parametrize(
        "status", ["EXPIRED", "PENDING_AUTH", "PENDING_VERIFICATION", "DISCONNECTED"]
    )
    def test_an_account_that_is_not_active_yields_its_state_only(
        self, sandbox: SandboxHandle, vault: Vault, status: str
    ) -> None:
        self.account(sandbox, status=status)
        for found in (vault.credential(KEY), vault.account(KEY)):
            assert isinstance(found, Account)
            assert found.status == status

    def test_the_details_carry_no_credential(self, sandbox: SandboxHandle, vault: Vault) -> None:
        self.account(sandbox)
        assert vault.account(KEY).status == "ACTIVE"
        assert {c["operation"] for c in sandbox.requests()} == {"token", "details"}

    def test_an_expiry_that_is_unset_is_none(self, sandbox: SandboxHandle, vault: Vault) -> None:
        self.account(sandbox, expires_in="never")
        found = vault.credential(KEY)
        assert isinstance(found, Credential)
        assert found.expires_at is None
        assert found.account.expires_at is None

    def test_the_scope_of_an_account_is_sent(self, sandbox: SandboxHandle, vault: Vault) -> None:
        scoped = AccountKey("gmail_u3134a", "mess", "org_9", "usr_9")
        self.account(
            sandbox,
            organization_id="org_9",
            user_id="usr_9",
            oauth_token={"access_token": "sandbox-scoped"},
        )
        found = vault.credential(scoped)
        assert isinstance(found, Credential)
        assert found.token is not None
        assert found.token.reveal() == "sandbox-scoped"

    @pytest.mark.parametrize("identifier", ["** mess", "**", "a@b.example", "é €", "a&b=c%20", "+"])
    def test_identifiers_arrive_verbatim(
        self, sandbox: SandboxHandle, vault: Vault, identifier: str
    ) -> None:
        vault.credential(AccountKey("gmail_u3134a", identifier))
        (read,) = [c for c in sandbox.requests() if c["operation"] == "auth"]
        assert read["identifier"] == identifier

    def test_an_account_that_does_not_exist_is_told_as_such(
        self, sandbox: SandboxHandle, vault: Vault
    ) -> None:
        sandbox.add_fault(on="any", kind="status", status=404, connection=KEY.connection_name)
        for call in (vault.credential, vault.account):
            with pytest.raises(AuthorizationError) as caught:
                call(KEY)
            assert caught.value.code == "account-not-found"
            assert '"mess"' in caught.value.message

    def test_a_link_is_https_and_has_its_own_end(
        self, sandbox: SandboxHandle, vault: Vault
    ) -> None:
        self.account(sandbox, status="EXPIRED")
        link = vault.link(KEY)
        assert link.url.startswith(sandbox.url)
        assert link.expires_at == pytest.approx(time.time() + 60, abs=10)

    def test_who_signed_in_is_verified_with_state_and_identifier(
        self, sandbox: SandboxHandle, transport: str
    ) -> None:
        del sandbox
        scenario = (
            'verification = "custom"\n[[accounts]]\nconnection_name = "gmail_u3134a"\n'
            'identifier = "mess"\nstatus = "EXPIRED"\n'
        )
        with running_sandbox(scenario) as custom:
            vault = make(custom, transport)
            page = "https://app.example/verify"
            link = vault.link(KEY, state="s-1", user_verify_url=page)
            csrf = re.search(r'name="csrf" value="([^"]+)"', fetch(custom, link.url).body)
            assert csrf
            form = {"csrf": csrf[1], "decision": "allow"}
            returned = urlsplit(fetch(custom, link.url, form).location)
            assert returned.netloc + returned.path == "app.example/verify"
            told = dict(parse_qsl(returned.query))
            assert told.pop("state") == "s-1"
            with pytest.raises(VaultError):
                vault.verify(told["auth_request_id"], "eve")
            assert vault.account(KEY).status == "PENDING_VERIFICATION"
            assert vault.verify(told["auth_request_id"], "mess").startswith(custom.url)
            assert vault.account(KEY).status == "ACTIVE"
            vault.close()

    def test_a_wrong_secret_is_rejected_once_for_all(
        self, sandbox: SandboxHandle, transport: str
    ) -> None:
        vault = make(sandbox, transport, secret="wrong")
        for _ in range(2):
            with pytest.raises(VaultError) as caught:
                vault.credential(KEY)
            assert caught.value.code == "credentials-rejected"
        vault.close()
        assert [c["operation"] for c in sandbox.requests()] == ["token"]

    @pytest.mark.parametrize(
        ("status", "code", "tries"),
        [
            (400, "unexpected-answer", 1),
            (403, "forbidden", 1),
            (500, "unexpected-answer", 3),
            (503, "unreachable", 3),
        ],
    )
    def test_a_refusal_means_the_same_over_every_transport(
        self,
        sandbox: SandboxHandle,
        vault: Vault,
        status: int,
        code: str,
        tries: int,
    ) -> None:
        sandbox.add_fault(on="auth", kind="status", status=status)
        with pytest.raises(VaultError) as caught:
            vault.credential(KEY)
        assert caught.value.code == code
        assert len([c for c in sandbox.requests() if c["operation"] == "auth"]) == tries

    def test_a_missing_permission_is_named(self, sandbox: SandboxHandle, vault: Vault) -> None:
        sandbox.add_fault(on="auth", kind="status", status=403, permission="some:permission")
        with pytest.raises(VaultError, match="some:permission"):
            vault.credential(KEY)

    def test_two_refusals_and_an_answer_are_an_answer(
        self, sandbox: SandboxHandle, vault: Vault
    ) -> None:
        sandbox.add_fault(on="auth", kind="status", status=503, times=2)
        assert isinstance(vault.credential(KEY), Credential)

    def test_an_unknown_status_is_no_crash(self, sandbox: SandboxHandle, vault: Vault) -> None:
        sandbox.add_fault(on="any", kind="status_value", value=9)
        for call in (vault.credential, vault.account):
            with pytest.raises(VaultError) as caught:
                call(KEY)
            assert caught.value.code == "unexpected-answer"

    def test_unknown_fields_are_passed_over(self, sandbox: SandboxHandle, vault: Vault) -> None:
        sandbox.add_fault(on="auth", kind="unknown_fields")
        assert isinstance(vault.credential(KEY), Credential)

    def test_a_link_that_is_not_https_is_refused(
        self, sandbox: SandboxHandle, vault: Vault
    ) -> None:
        self.account(sandbox, status="EXPIRED")
        sandbox.add_fault(on="link", kind="bad_link")
        with pytest.raises(VaultError) as caught:
            vault.link(KEY)
        assert caught.value.code == "unexpected-answer"

    def test_a_service_token_that_was_revoked_is_replaced_once(
        self, sandbox: SandboxHandle, vault: Vault
    ) -> None:
        vault.credential(KEY)
        sandbox.revoke()
        assert isinstance(vault.credential(KEY), Credential)
        sandbox.add_fault(on="auth", kind="status", status=401)
        with pytest.raises(VaultError) as caught:
            vault.credential(KEY)
        assert caught.value.code == "credentials-rejected"

    def test_a_server_that_hangs_is_left_at_the_deadline(
        self, sandbox: SandboxHandle, transport: str
    ) -> None:
        sandbox.add_fault(on="auth", kind="hang")
        vault = make(sandbox, transport, seconds=1)
        with pytest.raises(VaultError) as caught:
            vault.credential(KEY)
        assert caught.value.code == "timed-out"
        vault.close()

    def test_closing_ends_a_call_that_is_under_way(
        self, sandbox: SandboxHandle, transport: str
    ) -> None:
        sandbox.add_fault(on="auth", kind="hang")
        vault = make(sandbox, transport, seconds=60)
        errors: list[BaseException] = []

        def call() -> None:
            try:
                vault.credential(KEY)
            except VaultError as error:
                errors.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        while not [c for c in sandbox.requests() if c["operation"] == "auth"]:
            time.sleep(0.02)
        vault.close()
        thread.join(10)
        assert errors

    def test_many_threads_share_one_token_request(
        self, sandbox: SandboxHandle, vault: Vault
    ) -> None:
        found: list[Credential | Account] = []
        threads = [
            threading.Thread(
                target=lambda number=number: found.append(
                    vault.credential(AccountKey("gmail_u3134a", f"user{number}"))
                )
            )
            for number in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(found) == 8
        operations = [c["operation"] for c in sandbox.requests()]
        assert operations.count("token") == 1
        assert operations.count("auth") == 8


@given(
    st.dictionaries(
        st.text("abcdefgh_", min_size=1, max_size=6),
        st.one_of(st.text(max_size=8), st.booleans(), st.integers(-9999, 9999), st.floats(-1, 1)),
        max_size=4,
    )
)
@settings(max_examples=25)
def test_any_static_credential_is_read_alike_over_both(
    open_sandbox: SandboxHandle, given_values: dict[str, Any]
) -> None:
    open_sandbox.reset()
    open_sandbox.set_accounts(
        {"connection_name": "c", "identifier": "i", "static_auth": given_values}
    )
    found = []
    for transport in ("https", "sdk"):
        vault = make(open_sandbox, transport)
        found.append(vault.credential(AccountKey("c", "i")))
        vault.close()
    assert values(found[0]) == values(found[1])
    for name in given_values:
        assert "refresh_token" not in values(found[0]), name
