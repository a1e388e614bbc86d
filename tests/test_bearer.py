from __future__ import annotations

import copy
import io
import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import requests

from scalekit_exec import ScalekitAuth
from scalekit_exec.errors import (
    AuthorizationError,
    ConfigurationError,
    CredentialError,
    ScalekitExecError,
    UsageError,
)
from tests.support.certificates import Authority, authority
from tests.support.origins import CLIENTS, Ask, Asked, Everywhere, Origin
from tests.support.servers import answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.launches import Folder
    from tests.support.sandboxes import SandboxHandle

MAP = """
identifier = "mess"
[services.gmail]
connection_name = "gmail_u3134a"
[services.slack]
connection_name = "slack_x7y9z"
[services.api]
connection_name = "own-1"
hosts = ["localhost"]
[services.keyed]
connection_name = "exa_1"
hosts = ["localhost"]
"""
ROTATING = {
    "connection_name": "own-1",
    "identifier": "mess",
    "oauth_token": {"access_token": "T"},
    "rotate": True,
}
KEY = {
    "connection_name": "exa_1",
    "identifier": "mess",
    "authorization_type": "API_KEY",
    "static_auth": {"api_key": "the-key-of-exa"},
}


@pytest.fixture(scope="module")
def ca() -> Iterator[Authority]:
    with authority() as made:
        yield made


@pytest.fixture
def origin(ca: Authority) -> Iterator[Origin]:
    with Origin(ca) as running:
        yield running


@pytest.fixture(autouse=True)
def scalekit(sandbox: SandboxHandle, monkeypatch: pytest.MonkeyPatch) -> SandboxHandle:
    """Put the user's map in place, and the client credentials into this process's environment."""
    for name, value in sandbox.environ().items():
        monkeypatch.setenv(name, value)
    user_map(MAP)
    sandbox.set_accounts(ROTATING, KEY)
    return sandbox


def user_map(text: str) -> None:
    own = Path(os.environ["HOME"], ".config", "scalekit-exec", "config.toml")
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(text)


def reads(sandbox: SandboxHandle) -> int:
    return len([one for one in sandbox.requests() if one["operation"] == "auth"])


def refuses_first_token(asked: Asked) -> bytes:
    return answer(401 if asked.authorization == "Bearer T" else 200)


def sends_on(place: str, status: int = 307) -> Any:
    def script(asked: Asked) -> bytes:
        return answer(200) if asked.path == "/end" else answer(status, b"", f"Location: {place}")

    return script


@pytest.mark.parametrize("client", CLIENTS)
class TestWithEveryClient:
    def test_a_token_goes_to_the_api_of_its_provider(self, client: str, ca: Authority) -> None:
        with (
            Origin(ca, "gmail.googleapis.com", "slack.com") as origin,
            Everywhere(origin.port) as proxy,
        ):
            ask = Ask(ca, proxy)
            named = ask.by(client, ScalekitAuth("gmail"), "https://gmail.googleapis.com/v1")
            found = ask.by(client, ScalekitAuth(), "https://slack.com/api/auth.test")
        assert (named.status, found.status) == (200, 200)
        assert [one.host for one in origin.asked] == ["gmail.googleapis.com", "slack.com"]
        tokens = [one.authorization for one in origin.asked]
        assert all(token and token.startswith("Bearer sandbox-") for token in tokens)
        assert tokens[0] != tokens[1]

    @pytest.mark.parametrize(
        "url",
        [
            "http://gmail.googleapis.com/",
            "https://evil-gmail.googleapis.com/",
            "https://gmail.googleapis.com.evil.example/",
            "https://gmail.googleapis.com@evil.example/",
            "https://gmail.googleapis.com:8443/",
            "https://me:pass@gmail.googleapis.com/",
            "https://127.0.0.1/",
            "https://gm\u0430il.googleapis.com/",
        ],
    )
    def test_any_other_address_is_refused_before_anything_is_read(
        self, client: str, url: str, ca: Authority, scalekit: SandboxHandle
    ) -> None:
        with Origin(ca) as origin, Everywhere(origin.port) as proxy:
            with pytest.raises((UsageError, ConfigurationError)):
                Ask(ca, proxy).by(client, ScalekitAuth("gmail"), url)
            assert origin.asked == []
        assert scalekit.requests() == []

    @pytest.mark.parametrize("service", ["api", "keyed"])
    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_a_redirect_to_another_host_carries_no_credential(
        self, client: str, service: str, status: int, ca: Authority, origin: Origin
    ) -> None:
        origin.script = sends_on(origin.url("/end", host="127.0.0.1"), status)
        done = Ask(ca).by(client, ScalekitAuth(service), origin.url("/start"))
        first, second = origin.asked
        assert (done.status, first.host, second.host) == (200, "localhost", "127.0.0.1")
        carried = [
            {name for name in one.headers if name in ("authorization", "x-api-key")}
            for one in (first, second)
        ]
        assert carried == [{"authorization" if service == "api" else "x-api-key"}, set()]
        assert "the-key-of-exa" not in str(second)

    @pytest.mark.parametrize("service", ["api", "keyed"])
    @pytest.mark.parametrize(
        "location", ["/end", "end", "?", "{here}/end", "//localhost:{port}/end"]
    )
    def test_a_redirect_within_the_host_carries_it(
        self, client: str, service: str, location: str, ca: Authority, origin: Origin
    ) -> None:
        place = location.format(here=origin.url(""), port=origin.port)
        turns = iter([answer(307, b"", f"Location: {place}")])
        origin.script = lambda _: next(turns, answer(200))
        done = Ask(ca).by(client, ScalekitAuth(service), origin.url("/start"))
        assert done.status == 200
        name = "authorization" if service == "api" else "x-api-key"
        first, second = (one.headers[name] for one in origin.asked)
        assert first == second

    def test_a_redirect_by_another_port_or_through_a_third_host_leaks_nothing(
        self, client: str, ca: Authority, origin: Origin
    ) -> None:
        with Origin(ca, script=sends_on(origin.url("/end", host="localhost"))) as third:
            origin.script = sends_on(third.url("/there", host="127.0.0.1"))
            done = Ask(ca).by(client, ScalekitAuth("keyed"), origin.url("/start"))
        assert done.status == 200
        assert "the-key-of-exa" not in str(third.asked)

    def test_after_a_401_the_token_is_read_once_more_and_the_request_repeated(
        self, client: str, ca: Authority, origin: Origin, scalekit: SandboxHandle
    ) -> None:
        origin.script = refuses_first_token
        auth = ScalekitAuth("api")
        done = Ask(ca).by(client, auth, origin.url("/mail"), b"a body")
        assert done.status == 200
        assert [one.authorization for one in origin.asked] == ["Bearer T", "Bearer T-2"]
        assert [one.body for one in origin.asked] == [b"a body"] * 2
        assert Ask(ca).by(client, auth, origin.url()).status == 200
        assert reads(scalekit) == 2

    def test_a_second_401_is_the_answer(
        self, client: str, ca: Authority, origin: Origin, scalekit: SandboxHandle
    ) -> None:
        origin.script = lambda _: answer(401)
        assert Ask(ca).by(client, ScalekitAuth("api"), origin.url()).status == 401
        assert len(origin.asked) == 2
        assert reads(scalekit) == 2

    def test_a_401_after_the_repetition_was_sent_on_is_the_answer(
        self, client: str, ca: Authority, origin: Origin, scalekit: SandboxHandle
    ) -> None:
        def script(asked: Asked) -> bytes:
            if asked.authorization == "Bearer T" or asked.path == "/end":
                return answer(401)
            return answer(307, b"", "Location: /end")

        origin.script = script
        assert Ask(ca).by(client, ScalekitAuth("api"), origin.url("/start")).status == 401
        assert [one.path for one in origin.asked] == ["/start", "/start", "/end"]
        assert reads(scalekit) == 2

    def test_a_401_is_the_answer_where_there_is_no_other_token(
        self, client: str, ca: Authority, origin: Origin
    ) -> None:
        origin.script = lambda _: answer(401)
        assert Ask(ca).by(client, ScalekitAuth("keyed"), origin.url()).status == 401
        assert len(origin.asked) == 1

    def test_a_body_that_is_used_up_is_not_repeated(
        self, client: str, ca: Authority, origin: Origin, scalekit: SandboxHandle
    ) -> None:
        origin.script = refuses_first_token

        async def later() -> Any:
            yield b"once"

        body = later() if client == "httpx_async" else iter([b"once"])
        assert Ask(ca).by(client, ScalekitAuth("api"), origin.url(), body).status == 401
        assert len(origin.asked) == 1
        assert reads(scalekit) == 1

    def test_a_401_of_another_host_reads_nothing(
        self, client: str, ca: Authority, origin: Origin, scalekit: SandboxHandle
    ) -> None:
        elsewhere = origin.url("/end", host="127.0.0.1")
        origin.script = lambda asked: (
            answer(401) if asked.path == "/end" else answer(307, b"", f"Location: {elsewhere}")
        )
        assert Ask(ca).by(client, ScalekitAuth("api"), origin.url("/start")).status == 401
        assert len(origin.asked) == 2
        assert reads(scalekit) == 1

    def test_an_account_that_must_be_authorized_anew_says_so_with_its_link(
        self, client: str, ca: Authority, origin: Origin, scalekit: SandboxHandle
    ) -> None:
        def script(_: Asked) -> bytes:
            scalekit.set_accounts(ROTATING | {"status": "EXPIRED"})
            return answer(401)

        origin.script = script
        with pytest.raises(AuthorizationError) as caught:
            Ask(ca).by(client, ScalekitAuth("api"), origin.url())
        assert (caught.value.link or "").startswith(scalekit.url)

    def test_a_401_stays_the_answer_where_scalekit_cannot_be_asked(
        self, client: str, ca: Authority, origin: Origin, scalekit: SandboxHandle
    ) -> None:
        def script(_: Asked) -> bytes:
            scalekit.add_fault(on="auth", kind="status", status=403)
            return answer(401)

        origin.script = script
        assert Ask(ca).by(client, ScalekitAuth("api"), origin.url()).status == 401


def test_a_file_is_sent_again_from_where_it_began(ca: Authority, origin: Origin) -> None:
    origin.script = refuses_first_token
    body = io.BytesIO(b"not this: a body")
    body.seek(10)
    assert Ask(ca).by_requests(ScalekitAuth("api"), origin.url(), body).status == 200
    assert [one.body for one in origin.asked] == [b"a body"] * 2


def test_a_new_token_is_taken_along_by_a_redirect_after_the_401(
    ca: Authority, origin: Origin
) -> None:
    def script(asked: Asked) -> bytes:
        if asked.authorization == "Bearer T":
            return answer(401)
        return answer(200) if asked.path == "/end" else answer(307, b"", "Location: /end")

    for ask in (Ask(ca).by_requests, Ask(ca).by_httpx):
        origin.script = script
        origin.asked.clear()
        assert ask(ScalekitAuth("api"), origin.url("/start")).status == 200
        assert origin.asked[-1].path == "/end"


class TestKeeping:
    def test_one_read_serves_many_requests(
        self, ca: Authority, origin: Origin, scalekit: SandboxHandle
    ) -> None:
        auth = ScalekitAuth("api")
        for client in CLIENTS:
            Ask(ca).by(client, auth, origin.url())
        assert {one.authorization for one in origin.asked} == {"Bearer T"}
        assert reads(scalekit) == 1

    def test_one_read_serves_many_threads(
        self, ca: Authority, origin: Origin, scalekit: SandboxHandle
    ) -> None:
        origin.script = refuses_first_token
        auth, found = ScalekitAuth("api"), []
        ask = Ask(ca).by_requests
        threads = [
            threading.Thread(target=lambda: found.append(ask(auth, origin.url()).status))
            for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [200] * 12
        assert reads(scalekit) == 2

    def test_a_token_is_read_again_a_minute_before_its_end(
        self, ca: Authority, origin: Origin, scalekit: SandboxHandle
    ) -> None:
        # A server's Date has whole seconds, so the token may be kept for one more.
        scalekit.set_accounts(ROTATING | {"expires_in": [60.2, 3600]})
        auth, ends = ScalekitAuth("api"), time.monotonic() + 5
        Ask(ca).by_requests(auth, origin.url())
        while origin.asked[-1].authorization == "Bearer T" and time.monotonic() < ends:
            threading.Event().wait(0.1)
            Ask(ca).by_requests(auth, origin.url())
        Ask(ca).by_requests(auth, origin.url())
        assert [one.authorization for one in origin.asked[-2:]] == ["Bearer T-2"] * 2
        assert reads(scalekit) == 2

    def test_neither_it_nor_a_copy_holds_a_token_that_shows(
        self, ca: Authority, origin: Origin, scalekit: SandboxHandle
    ) -> None:
        auth = ScalekitAuth("keyed@me", timeout=20)
        scalekit.set_accounts(KEY | {"identifier": "me"})
        Ask(ca).by_requests(auth, origin.url())
        assert repr(auth) == str(auth) == "ScalekitAuth('keyed@me')"
        assert b"the-key-of-exa" not in pickle.dumps(auth)
        for other in (copy.deepcopy(auth), pickle.loads(pickle.dumps(auth))):
            assert Ask(ca).by_requests(other, origin.url()).status == 200
        assert {one.headers["x-api-key"] for one in origin.asked} == {"the-key-of-exa"}
        assert reads(scalekit) == 3


class TestLaunch:
    """What is different inside a launch."""

    @pytest.fixture
    def launch(self, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
        monkeypatch.setenv("SCALEKIT_EXEC", "gmail@alice=ALICE,api=API_TOKEN")
        monkeypatch.setenv("ALICE", "alices-token")
        monkeypatch.setenv("API_TOKEN", "old-token")
        return monkeypatch

    def test_the_launchs_own_token_is_used(
        self, ca: Authority, launch: pytest.MonkeyPatch, scalekit: SandboxHandle
    ) -> None:
        with Origin(ca, "gmail.googleapis.com") as origin, Everywhere(origin.port) as proxy:
            ask = Ask(ca, proxy).by_requests
            ask(ScalekitAuth("gmail@alice"), "https://gmail.googleapis.com/")
            ask(ScalekitAuth(), "https://gmail.googleapis.com/")
            ask(ScalekitAuth("gmail", identifier="alice"), "https://gmail.googleapis.com/")
        assert [one.authorization for one in origin.asked] == ["Bearer alices-token"] * 3
        assert scalekit.requests() == []

    def test_a_token_that_has_died_is_replaced_by_scalekits(
        self, ca: Authority, origin: Origin, launch: pytest.MonkeyPatch
    ) -> None:
        origin.script = lambda asked: answer(
            401 if asked.authorization == "Bearer old-token" else 200
        )
        assert Ask(ca).by_requests(ScalekitAuth("api"), origin.url()).status == 200
        assert [one.authorization for one in origin.asked] == ["Bearer old-token", "Bearer T"]

    def test_the_401_is_the_answer_where_there_are_no_client_credentials(
        self, ca: Authority, origin: Origin, launch: pytest.MonkeyPatch
    ) -> None:
        for name in ("ID", "SECRET"):
            launch.delenv(f"SCALEKIT_CLIENT_{name}")
        launch.delenv("SCALEKIT_ENV_URL")
        origin.script = lambda _: answer(401)
        assert Ask(ca).by_requests(ScalekitAuth("api"), origin.url()).status == 401
        assert len(origin.asked) == 1

    def test_no_map_is_needed_for_what_the_launch_has(
        self, ca: Authority, launch: pytest.MonkeyPatch
    ) -> None:
        Path(os.environ["HOME"], ".config", "scalekit-exec", "config.toml").unlink()
        with Origin(ca, "gmail.googleapis.com") as origin, Everywhere(origin.port) as proxy:
            ask = Ask(ca, proxy).by_requests
            for auth in (ScalekitAuth(), ScalekitAuth("gmail@alice")):
                assert ask(auth, "https://gmail.googleapis.com/").status == 200
        launch.delenv("SCALEKIT_EXEC")
        for auth in (ScalekitAuth(), ScalekitAuth("gmail")):
            with pytest.raises(ConfigurationError, match=r"no scalekit\.toml"):
                ask(auth, "https://gmail.googleapis.com/")


@pytest.mark.parametrize("map_there", [True, False])
@pytest.mark.parametrize("word", ["", "'gmail'"])
@pytest.mark.parametrize("serve", ["--serve", "--serve-only"])
def test_inside_a_launch_with_a_broker_nothing_else_is_needed(
    folder: Folder, serve: str, word: str, *, map_there: bool
) -> None:
    code = f"""
import os, requests
from scalekit_exec import ScalekitAuth
if not {map_there}:
    os.chdir("/")
assert ("GMAIL_TOKEN" in os.environ) is ({serve!r} == "--serve")
assert "SCALEKIT_CLIENT_SECRET" not in os.environ
request = requests.Request("GET", "https://gmail.googleapis.com/").prepare()
ScalekitAuth({word})(request)
print(request.headers["Authorization"][:15])
"""
    done = folder.launch(serve, "gmail", "slack", "--", sys.executable, "-c", code)
    assert (done.status, done.out) == (0, "Bearer sandbox-\n"), done.err


STATIC = {"username": "me@example.com", "password": "pass"}


@pytest.mark.parametrize("client", ["requests", "httpx", "httpx_async"])
@pytest.mark.parametrize(
    ("provider", "fields", "kind", "expected"),
    [
        ("zohocrm", {}, "OAUTH", {"authorization": "Zoho-oauthtoken T"}),
        ("pagerduty", {}, "OAUTH", {"authorization": "Bearer T"}),
        ("PAGERDUTY", {"api_key": "k"}, "API_KEY", {"authorization": "Token token=k"}),
        ("statuspage", {"api_key": "k"}, "API_KEY", {"authorization": "OAuth k"}),
        ("discordbot", {"api_key": "k"}, "API_KEY", {"authorization": "Bot k"}),
        ("linear", {"api_key": "k"}, "API_KEY", {"authorization": "k"}),
        ("brave", {"api_key": "k"}, "API_KEY", {"x-subscription-token": "k"}),
        ("twilio", STATIC, "BASIC", {"authorization": "Basic bWVAZXhhbXBsZS5jb206cGFzcw=="}),
        (
            "zendesk",
            STATIC,
            "BASIC",
            {"authorization": "Basic bWVAZXhhbXBsZS5jb20vdG9rZW46cGFzcw=="},
        ),
        ("freshdesk", {"username": "k"}, "BASIC", {"authorization": "Basic azpY"}),
        ("mailgun", {"api_key": "k"}, "API_KEY", {"authorization": "Basic YXBpOms="}),
        ("gong", STATIC, "BASIC", {"authorization": "Basic bWVAZXhhbXBsZS5jb206cGFzcw=="}),
        (
            "datadog",
            {"DD-API-KEY": "a", "DD-APPLICATION-KEY": "b"},
            "API_KEY",
            {"dd-api-key": "a", "dd-application-key": "b"},
        ),
        (
            "snowflakekeyauth",
            {"token": "jwt"},
            "BEARER_TOKEN",
            {
                "authorization": "Bearer jwt",
                "x-snowflake-authorization-token-type": "KEYPAIR_JWT",
            },
        ),
        ("of-my-own", {"token": "t"}, "BEARER_TOKEN", {"authorization": "Bearer t"}),
    ],
)
def test_a_provider_gets_its_own_form(
    client: str,
    provider: str,
    fields: dict[str, str],
    kind: str,
    expected: dict[str, str],
    ca: Authority,
    origin: Origin,
    scalekit: SandboxHandle,
) -> None:
    user_map(
        f'{MAP}\n[services.own]\nconnection_name="x"\nhosts=["*.localhost", "localhost"]\n'
        f'provider="{provider}"\n'
    )
    credential = {"static_auth": fields} if fields else {"oauth_token": {"access_token": "T"}}
    account = {"connection_name": "x", "identifier": "mess", "authorization_type": kind}
    scalekit.set_accounts(account | credential)
    assert Ask(ca).by(client, ScalekitAuth("own"), origin.url()).status == 200
    (asked,) = origin.asked
    assert expected.items() <= asked.headers.items()


class TestRefused:
    def refused(self, auth: ScalekitAuth, url: str, ca: Authority) -> ScalekitExecError:
        with pytest.raises(ScalekitExecError) as caught:
            Ask(ca).by_requests(auth, url)
        return caught.value

    def test_a_service_of_no_known_host_names_the_line_to_write(self, ca: Authority) -> None:
        user_map(f'{MAP}\n[services.own]\nconnection_name = "x"\n')
        error = self.refused(ScalekitAuth("own"), "https://api.example.com/", ca)
        assert error.code == "config-invalid"
        assert "no hosts are known for own" in error.message
        assert 'hosts = ["api.example.com"] in [services.own] of ~/.config/' in error.hint

    def test_a_tenants_host_needs_the_users_own_word(
        self, ca: Authority, scalekit: SandboxHandle
    ) -> None:
        service = '[services.desk]\nconnection_name = "zendeskoauth_1"\n'
        user_map(MAP + service)
        for auth in (ScalekitAuth("desk"), ScalekitAuth()):
            error = self.refused(auth, "https://evil.zendesk.com/api/v2", ca)
            assert "evil.zendesk.com may be anybody's" in error.message
        assert scalekit.requests() == []
        user_map(MAP + service + 'hosts = ["acme.zendesk.com"]\n')
        with Origin(ca, "acme.zendesk.com") as origin, Everywhere(origin.port) as proxy:
            done = Ask(ca, proxy).by_requests(ScalekitAuth(), "https://acme.zendesk.com/api/v2")
        assert done.status == 200
        self.refused(ScalekitAuth(), "https://evil.zendesk.com/api/v2", ca)

    def test_hosts_that_are_empty_let_it_go_nowhere(self, ca: Authority) -> None:
        user_map(MAP + '[services.mail]\nconnection_name = "gmail_2"\nhosts = []\n')
        self.refused(ScalekitAuth("mail"), "https://gmail.googleapis.com/", ca)

    def test_query_parameters_are_no_matter_of_headers(self, ca: Authority) -> None:
        user_map(MAP + '[services.trello]\nconnection_name = "trello_1"\n')
        error = self.refused(ScalekitAuth("trello"), "https://api.trello.com/1/boards", ca)
        assert "query parameters" in error.message

    def test_an_address_of_two_services_lists_them(self, ca: Authority) -> None:
        user_map(MAP + '[services.other]\nconnection_name = "gmail_2"\n')
        error = self.refused(ScalekitAuth(), "https://gmail.googleapis.com/", ca)
        assert "gmail, other" in error.message

    def test_an_address_of_no_service_names_its_provider(self, ca: Authority) -> None:
        error = self.refused(ScalekitAuth(), "https://api.notion.com/v1", ca)
        assert error.code == "unknown-service"
        assert "scalekit-auth config notion" in error.hint

    def test_words_that_are_no_service_are_told_from_those_that_are(self, ca: Authority) -> None:
        user_map(MAP + '[groups]\nall = ["gmail"]\n')
        url = "https://gmail.googleapis.com/"
        assert self.refused(ScalekitAuth("gmial"), url, ca).code == "unknown-service"
        assert self.refused(ScalekitAuth("all"), url, ca).code == "usage"
        assert self.refused(ScalekitAuth("gmail=X"), url, ca).code == "usage"

    @pytest.mark.parametrize("client", ["requests", "httpx"])
    @pytest.mark.parametrize("key", ["s3c\r\nX-Evil: 1", "s3cü", " s3c", "s3c\x7fb"])
    def test_a_value_that_no_header_carries_is_not_repeated_in_the_error(
        self, client: str, key: str, ca: Authority, origin: Origin, scalekit: SandboxHandle
    ) -> None:
        scalekit.set_accounts(KEY | {"static_auth": {"api_key": key}})
        with pytest.raises(CredentialError) as caught:
            Ask(ca).by(client, ScalekitAuth("keyed"), origin.url())
        assert caught.value.code == "unusable-token"
        assert "s3c" not in str(caught.value)
        assert origin.asked == []

    def test_fields_that_are_missing_are_named_without_their_values(
        self, ca: Authority, scalekit: SandboxHandle
    ) -> None:
        user_map(MAP + '[services.twilio]\nconnection_name = "twilio_1"\n')
        scalekit.set_accounts(
            KEY | {"connection_name": "twilio_1", "static_auth": {"sid": "s3cret", "auth": "0ther"}}
        )
        error = self.refused(ScalekitAuth("twilio"), "https://api.twilio.com/", ca)
        assert error.code == "no-credential"
        assert "auth, sid" in error.message
        assert "s3cret" not in str(error)


def test_a_transport_that_does_not_say_when_it_sends_gets_no_key_of_its_own() -> None:
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200)

    with httpx.Client(transport=httpx.MockTransport(handle)) as client:
        client.get("https://localhost/", auth=ScalekitAuth("api"))
        assert seen[0].headers["authorization"] == "Bearer T"
        with pytest.raises(ConfigurationError, match="X-Api-Key was not sent"):
            client.get("https://localhost/", auth=ScalekitAuth("keyed"))
    assert "the-key-of-exa" not in str(seen[1].headers.raw)


def test_what_the_caller_traces_is_traced_still(ca: Authority, origin: Origin) -> None:
    events: list[str] = []
    extra = {"extensions": {"trace": lambda event, _: events.append(event)}}
    Ask(ca, extra=extra).by_httpx(ScalekitAuth("keyed"), origin.url())
    assert "http11.send_request_headers.started" in events
    assert origin.asked[0].headers["x-api-key"] == "the-key-of-exa"


def test_a_key_goes_through_a_proxy_and_not_to_it(ca: Authority) -> None:
    user_map(MAP + '[services.exa]\nconnection_name = "exa_1"\n')
    for client in CLIENTS:
        with Origin(ca, "api.exa.ai") as origin, Everywhere(origin.port) as proxy:
            Ask(ca, proxy).by(client, ScalekitAuth("exa"), "https://API.exa.ai/search")
            assert origin.asked[0].headers["x-api-key"] == "the-key-of-exa"
            assert "the-key-of-exa" not in proxy.heads[0]


def test_it_is_an_auth_whichever_module_comes_first() -> None:
    auth = ScalekitAuth("gmail")
    assert isinstance(auth, httpx.Auth)
    assert isinstance(auth, ScalekitAuth)
    with pytest.raises(TypeError, match="requests and httpx"):
        auth(object())


def test_importing_it_imports_neither_client(folder: Folder) -> None:
    code = (
        "import sys; from scalekit_exec import ScalekitAuth; ScalekitAuth('gmail')\n"
        "print({'requests', 'httpx', 'httpx2', 'anyio', 'grpc', 'scalekit'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=folder.variables(),
        cwd=folder.path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"


def test_a_session_and_a_client_may_keep_it(ca: Authority, origin: Origin) -> None:
    auth = ScalekitAuth("api")
    with requests.Session() as session:
        session.auth = auth
        session.verify = ca.file
        assert session.get(origin.url(), timeout=20).status_code == 200
    with httpx.Client(auth=auth, verify=Ask(ca).context) as client:
        assert client.get(origin.url()).status_code == 200
    assert {one.authorization for one in origin.asked} == {"Bearer T"}
