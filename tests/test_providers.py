from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from scalekit_exec import providers
from scalekit_exec.config.services import PROJECT_KEYS
from scalekit_exec.errors import ConfigurationError, ScalekitExecError, UsageError
from scalekit_exec.model import Service
from scalekit_exec.providers import matching
from scalekit_exec.providers.table import HOSTLESS, TABLE
from tests.support.auths import Answered, auth

if TYPE_CHECKING:
    from tests.support.launches import Folder


def service(
    name: str = "own",
    connection: str = "c-1",
    hosts: tuple[str, ...] | None = None,
    provider: str | None = None,
) -> Service:
    return Service(name, connection, (), hosts=hosts, provider=provider)


def claim(url: str, *services: Service) -> list[str]:
    by_name = {one.name: one for one in services}
    return list(providers.claimants(providers.read_address(url), by_name))


def may(one: Service, url: str) -> bool:
    return providers.allows(one, providers.read_address(url))


class TestAddress:
    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://slack.com", ("slack.com", 443, "/")),
            ("HTTPS://Slack.COM./api?token=x#y", ("slack.com", 443, "/api")),
            ("https://slack.com:443/a/../b/./c/%2e%2E/d", ("slack.com", 443, "/b/d")),
            ("https://slack.com:8443?x", ("slack.com", 8443, "/")),
            ("https://slack.com#@evil.example/", ("slack.com", 443, "/")),
            ("https://xn--lack-3ve.com/", ("xn--lack-3ve.com", 443, "/")),
            ("https://127.0.0.1/../..", ("127.0.0.1", 443, "/")),
        ],
    )
    def test_a_plain_address_is_read_as_clients_do(
        self, url: str, expected: tuple[str, int, str]
    ) -> None:
        address = providers.read_address(url)
        assert (address.host, address.port, address.path) == expected

    @pytest.mark.parametrize(
        "url",
        [
            "http://slack.com/",
            "slack.com",
            "//slack.com/",
            "https:slack.com",
            "https:///slack.com",
            "https://",
            "ftp://slack.com/",
            "https://slack.com@evil.example/",
            "https://evil.example\\@slack.com/",
            "https://slack.com/\\evil.example",
            "https://evil.example%2f@slack.com/",
            "https://slack%2ecom/",
            "https://slack.com\t.evil.example/",
            "https://slack.com\n/",
            " https://slack.com/",
            "https://slack。com/",
            "https://\uff53lack.com/",
            "https://släck.com/",
            "https://slack.com../",
            "https://.slack.com/",
            "https://slack..com/",
            "https://slack.com:/",
            "https://slack.com:0/",
            "https://slack.com:99999/",
            "https://slack.com:443:443/",
            "https://slack.com:٤٤٣/",
            "https://[::1]/",
            "https://[slack.com]/",
            "https://slack.com,evil.example/",
            "javascript://slack.com/%0aalert(1)",
            "",
        ],
    )
    def test_what_is_not_plain_is_refused(self, url: str) -> None:
        with pytest.raises(UsageError) as caught:
            providers.read_address(url)
        assert caught.value.code == "usage"

    def test_a_refusal_repeats_neither_query_nor_password(self) -> None:
        for url in (
            "http://h/?k=s3cret",
            "https://me:s3cret@h/",
            "https://h:x/?k=s3cret",
            "s3cret",
        ):
            with pytest.raises(UsageError) as caught:
                providers.read_address(url)
            assert "s3cret" not in str(caught.value)

    @given(
        st.lists(
            st.sampled_from(
                [
                    *"/\\@:#?%.;&=[]",
                    "a",
                    "slack.com",
                    "evil.io",
                    "https:",
                    "//",
                    "443",
                    "%2e",
                    " ",
                    "\t",
                ]
            ),
            max_size=9,
        )
    )
    @example(["slack.com", "\\", "@", "evil.io"])
    @example(["slack.com", "#", "@", "evil.io"])
    def test_no_client_takes_an_accepted_address_for_another_host(self, parts: list[str]) -> None:
        url = "https://" + "".join(parts)
        try:
            address = providers.read_address(url)
        except UsageError:
            return
        expected = (address.host, address.port)
        split = urlsplit(url)
        assert ((split.hostname or "").rstrip("."), split.port or 443) == expected
        client = httpx.URL(url)
        assert (client.host.rstrip("."), client.port or 443) == expected
        prepared = requests.Request("GET", url).prepare().url or ""
        split = urlsplit(prepared)
        assert ((split.hostname or "").rstrip("."), split.port or 443) == expected


class TestHosts:
    @pytest.mark.parametrize(
        ("host", "fits"),
        [
            ("slack.com", True),
            ("SLACK.com.", True),
            ("files.slack.com", True),
            ("evil-slack.com", False),
            ("slack.com.evil.example", False),
            ("evil.slack.com", False),
            ("com", False),
            ("lack.com", False),
        ],
    )
    def test_a_host_is_matched_whole(self, host: str, *, fits: bool) -> None:
        assert may(service("slack"), f"https://{host}/") is fits

    def test_a_pattern_stands_for_whole_labels_below_it(self) -> None:
        own = service(hosts=("*.example.com",))
        assert may(own, "https://a.example.com/")
        assert may(own, "https://a.b.example.com/")
        for host in ("example.com", "evilexample.com", "a.example.com.evil.io", "xn--e.io"):
            assert not may(own, f"https://{host}/")

    @given(st.text("abcos.l-k", min_size=1, max_size=24))
    @example("slack.com")
    @example("a.slack.com")
    def test_nothing_fits_but_a_name_and_what_is_below_its_pattern(self, host: str) -> None:
        try:
            address = providers.read_address(f"https://{host}/")
        except UsageError:
            return
        own = service(hosts=("slack.com", "*.cs.aa"))
        fits = address.host == "slack.com" or (
            address.host.endswith(".cs.aa") and len(address.host) > len(".cs.aa")
        )
        assert providers.allows(own, address) is fits

    def test_the_users_hosts_go_before_the_table(self) -> None:
        own = service("gmail", hosts=("mail.example.com",))
        assert may(own, "https://mail.example.com:8443/")
        assert not may(own, "https://gmail.googleapis.com/")
        assert not may(service("gmail", hosts=()), "https://gmail.googleapis.com/")

    def test_the_tables_hosts_are_meant_with_the_port_of_https(self) -> None:
        assert may(service("gmail"), "https://gmail.googleapis.com:443/")
        assert not may(service("gmail"), "https://gmail.googleapis.com:8443/")

    def test_a_host_that_anybody_may_register_needs_the_users_word(self) -> None:
        for url in (
            "https://acme.zendesk.com/api/v2",
            "https://abc.supabase.co/functions/v1/x",
            "https://dev1.service-now.com/api/x",
            "https://acme.my.salesforce.com/",
        ):
            (owner, *_) = providers.owners(providers.read_address(url))
            own = service(owner)
            assert claim(url, own) == [owner]
            assert not may(own, url)
            host = providers.read_address(url).host
            assert may(service(owner, hosts=(host,)), url)

    def test_no_pattern_of_the_table_covers_a_public_suffix(self) -> None:
        for rule in matching._rules().values():
            for pattern in rule.patterns:
                fixed = pattern.host.removeprefix("*.").removeprefix("<tenant>.")
                assert fixed.count(".") >= 1, pattern
                assert "<" not in fixed, pattern


class TestProvider:
    @pytest.mark.parametrize(
        ("name", "connection", "expected"),
        [
            ("gmail", "c-1", "gmail"),
            ("mail", "gmail_u3134a", "gmail"),
            ("x", "notion-ijIQedmJ", "notion"),
            ("x", "github-connect", "github"),
            ("x", "google_ads_1", "google_ads"),
            ("google-calendar", "c", "googlecalendar"),
            ("x", "Gmail work", "gmail"),
            ("linear-mcp", "c", "linearmcp"),
            ("linearmcp", "c", "linearmcp"),
            ("gmailer", "c", None),
            ("my-gmail", "c", None),
            ("slack", "gmail_1", "gmail"),
            ("...", "-", None),
        ],
    )
    def test_it_is_guessed_by_whole_words_from_the_connection_first(
        self, name: str, connection: str, expected: str | None
    ) -> None:
        assert providers.provider_of(service(name, connection)) == expected

    @pytest.mark.parametrize("told", ["GMAIL", "gmail", "Gmail"])
    def test_the_users_own_word_goes_before_a_guess(self, told: str) -> None:
        assert providers.provider_of(service("slack", "slack_1", provider=told)) == "gmail"

    def test_one_that_is_not_in_the_table_is_not_guessed_around(self) -> None:
        own = service("slack", "slack_1", provider="GOOGLEWORKSPACE:12345")
        assert providers.provider_of(own) is None
        assert providers.hosts_of(own) == ()

    def test_only_the_users_file_may_say_it(self) -> None:
        assert "provider" not in PROJECT_KEYS


class TestClaim:
    google = (service("gmail"), service("googlecalendar"), service("googledrive"))

    @pytest.mark.parametrize(
        ("url", "expected"),
        [
            ("https://www.googleapis.com/calendar/v3/x", ["googlecalendar"]),
            ("https://www.googleapis.com/upload/drive/v3", ["googledrive"]),
            ("https://www.googleapis.com/gmail/v1", ["gmail"]),
            ("https://www.googleapis.com/gmail", ["gmail"]),
            ("https://www.googleapis.com/drive/../calendar/v3", ["googlecalendar"]),
            ("https://www.googleapis.com/calendars", []),
            ("https://www.googleapis.com/youtube/v3", []),
            ("https://www.googleapis.com/", []),
            ("https://gmail.googleapis.com/anything", ["gmail"]),
        ],
    )
    def test_the_longest_beginning_of_the_path_decides(self, url: str, expected: list[str]) -> None:
        assert claim(url, *self.google) == expected

    def test_the_longest_host_decides_first(self) -> None:
        every = service("every", provider="googledwd")
        assert claim("https://gmail.googleapis.com/", every, *self.google) == ["gmail"]
        assert claim("https://tasks.googleapis.com/", every, *self.google) == ["every"]

    def test_two_that_claim_alike_are_both_named(self) -> None:
        jira, desk = service("jira"), service("jiraservicemanagement")
        assert claim("https://api.atlassian.com/ex/jira/1", jira, desk) == [jira.name, desk.name]
        assert claim("https://api.atlassian.com/ex/confluence/1", jira, desk) == []

    def test_hosts_of_the_user_are_told_apart_by_the_table_still(self) -> None:
        hosts = ("www.googleapis.com",)
        mail = service("gmail", hosts=hosts)
        calendar = service("googlecalendar", hosts=hosts)
        assert claim("https://www.googleapis.com/calendar/v3", mail, calendar) == ["googlecalendar"]
        assert claim("https://www.googleapis.com/other", mail, calendar) == [
            "gmail",
            "googlecalendar",
        ]

    def test_a_region_in_the_middle_is_one_label(self) -> None:
        own = service("redshift")
        assert claim("https://redshift-data.eu-west-1.amazonaws.com/", own) == ["redshift"]
        assert claim("https://redshift-data.a.b.amazonaws.com/", own) == []
        assert claim("https://evil.eu-west-1.amazonaws.com/", own) == []

    def test_owners_are_known_without_a_map(self) -> None:
        address = providers.read_address("https://graph.microsoft.com/v1.0/me/messages/1")
        assert providers.owners(address) == ("outlook",)
        assert providers.owners(providers.read_address("https://example.com/")) == ()


class TestTable:
    def test_every_line_can_be_read(self) -> None:
        for line in TABLE.strip().splitlines():
            key, separator, rest = line.partition(" ")
            assert key == key.lower(), line
            assert separator, line
            assert rest, line
        assert len(matching._rules()) == 348
        assert len(HOSTLESS.split()) == len(set(HOSTLESS.split()))

    def test_every_provider_has_a_form_or_says_why_not(self) -> None:
        for key in matching._rules():
            own = service(provider=key)
            if key in ("trello", "redshift"):
                with pytest.raises(ConfigurationError, match="sets headers only"):
                    providers.form_of(own)
            else:
                assert all(providers.form_of(own).choices), key

    def test_no_two_keys_read_alike(self) -> None:
        assert len(matching._keys()) == len(matching._rules())


def test_a_refusal_says_what_to_write_and_where() -> None:
    cases = {
        "https://example.com/": "goes to gmail.googleapis.com, www.googleapis.com only",
        "https://gmail.googleapis.com:1/": "goes to port 443 only",
    }
    for url, told in cases.items():
        address = providers.read_address(url)
        error: ScalekitExecError = providers.refusal(service("gmail"), address, "/u/config.toml")
        assert told in error.message
        assert f'hosts = ["{address.host}"] in [services.gmail] of /u/config.toml' in error.hint


class TestDetect:
    """The installed command."""

    def ask(self, folder: Folder, *words: str) -> Answered:
        return auth("detect", *words, cwd=folder.path)

    def test_the_services_name_alone_is_the_answer(self, folder: Folder) -> None:
        done = self.ask(folder, "https://gmail.googleapis.com/gmail/v1/users/me")
        assert (done.status, done.out, done.err) == (0, "gmail\n", "")

    def test_json_says_where_its_credential_may_go(self, folder: Folder) -> None:
        done = self.ask(folder, "https://slack.com/api/chat.postMessage", "--json")
        assert done.answer == {
            "version": 1,
            "services": [
                {
                    "service": "slack",
                    "connection_name": "slack_x7y9z",
                    "identifier": "ops-bot",
                    "provider": "slack",
                    "hosts": ["slack.com", "files.slack.com"],
                    "allowed": True,
                }
            ],
        }

    @pytest.mark.parametrize(
        ("url", "status", "code", "told"),
        [
            ("http://slack.com/", 2, "usage", "https only"),
            ("https://me@slack.com/", 2, "usage", "user's name"),
            ("https://evil-slack.com/", 1, "unknown-service", "no service of the map"),
            ("https://api.notion.com/", 1, "unknown-service", "scalekit-auth config notion"),
        ],
    )
    def test_what_belongs_to_no_service_is_a_failure(
        self, folder: Folder, url: str, status: int, code: str, told: str
    ) -> None:
        done = self.ask(folder, url)
        assert (done.status, done.out) == (status, "")
        assert f"error[{code}]" in done.err
        assert told in done.err

    def test_several_services_are_listed(self, folder: Folder) -> None:
        folder.map('[services]\na.connection_name = "slack_1"\nb.connection_name = "slack-2"\n')
        done = self.ask(folder, "https://slack.com/api/x")
        assert (done.status, done.out) == (1, "")
        assert "any of these services: a, b" in done.err

    def test_a_tenants_host_is_told_and_what_is_missing_noted(self, folder: Folder) -> None:
        folder.map('[services]\nzendesk.connection_name = "zendesk_1"\n')
        done = self.ask(folder, "https://acme.zendesk.com/api/v2")
        assert (done.status, done.out) == (0, "zendesk\n")
        assert 'hosts = ["acme.zendesk.com"]' in done.err


def test_another_port_than_https_own_is_named_as_the_reason() -> None:
    services = {"slack": service("slack", "slack_1")}
    error = providers.nobodys(providers.read_address("https://slack.com:8443/api"), services)
    assert "port 8443 of slack.com: slack is there at port 443 only" in error.message
    assert 'hosts = ["slack.com"] in [services.slack]' in error.hint
    error = providers.nobodys(providers.read_address("https://slack.com:8443/api"), {})
    assert "port 8443 of slack.com" in error.message
    assert "scalekit-auth config" not in error.hint
    error = providers.nobodys(providers.read_address("https://slack.com/api"), {})
    assert "scalekit-auth config slack" in error.hint
