"""Which proxy is asked, if any: HTTPS_PROXY and NO_PROXY in either case."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.errors import ConfigurationError
from scalekit_exec.transport.sockets import Proxy, find_proxy

BYPASSED = [
    ("*", True),
    ("api.acme.example", True),
    ("API.Acme.Example", True),
    ("acme.example", True),
    (".acme.example", True),
    ("*.acme.example", True),
    ("example", True),
    ("other.example,acme.example", True),
    ("other.example acme.example", True),
    (" , ,acme.example", True),
    ("acme.example:443", True),
    ("acme.example:0443", True),
    ("acme.example:8443", False),
    ("cme.example", False),
    ("xapi.acme.example", False),
    ("api.acme.example.evil", False),
    ("10.0.0.0/8", False),
    ("", False),
    (",", False),
    (":443", False),
    ("[", False),
]


@pytest.mark.parametrize(("no_proxy", "bypassed"), BYPASSED)
@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_no_proxy_names_hosts_and_their_domains(name: str, no_proxy: str, bypassed: bool) -> None:  # noqa: FBT001 - pytest names it
    environ = {"HTTPS_PROXY": "http://proxy.example:3128", name: no_proxy}
    assert (find_proxy(environ, "api.acme.example", 443) is None) is bypassed


ADDRESSES = [
    ("127.0.0.1", 8443, "127.0.0.0/8", True),
    ("127.0.0.1", 8443, "127.0.0.1:8443", True),
    ("127.0.0.1", 8443, "127.0.0.1:443", False),
    ("10.1.2.3", 443, "10.0.0.0/8", True),
    ("11.1.2.3", 443, "10.0.0.0/8", False),
    ("10.1.2.3", 443, "10.0.0.0/99", False),
    ("::1", 443, "::1", True),
    ("::1", 443, "[::1]", True),
    ("::1", 8443, "[::1]:8443", True),
    ("::1", 443, "[::1]:8443", False),
    ("fd00::5", 443, "fd00::/8", True),
    ("fd00::5", 443, "::1", False),
]


@pytest.mark.parametrize(("host", "port", "no_proxy", "bypassed"), ADDRESSES)
def test_no_proxy_names_addresses_and_networks(
    host: str,
    port: int,
    no_proxy: str,
    bypassed: bool,  # noqa: FBT001 - pytest names it
) -> None:
    environ = {"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": no_proxy}
    assert (find_proxy(environ, host, port) is None) is bypassed


@given(st.text(max_size=60), st.from_regex(r"[a-z0-9]{1,9}(\.[a-z]{1,9}){0,2}", fullmatch=True))
def test_no_proxy_may_hold_anything_and_a_host_in_it_is_always_found(text: str, host: str) -> None:
    environ = {"https_proxy": "http://p:1", "no_proxy": f"{text},{host}"}
    assert find_proxy(environ, host, 443) is None
    find_proxy(environ | {"no_proxy": text}, host, 443)


@given(st.text(max_size=60))
def test_a_proxy_is_found_or_refused_and_never_shown(text: str) -> None:
    secret = "proxy-pw-77"
    for url in (text, f"http://me:{secret}@{text}", f"{text}{secret}"):
        try:
            found = find_proxy({"HTTPS_PROXY": url}, "api.acme.example", 443)
        except ConfigurationError as error:
            assert secret not in str(error)  # noqa: PT017 - most texts are refused
            continue
        assert isinstance(found, Proxy) if url else found is None
        assert secret not in repr(found) or secret in (found.host if found else "")


@pytest.mark.parametrize(
    ("url", "host", "port", "authorization"),
    [
        ("http://proxy.example:3128", "proxy.example", 3128, None),
        ("proxy.example:3128", "proxy.example", 3128, None),
        ("http://proxy.example", "proxy.example", 80, None),
        ("http://[::1]:3128/", "::1", 3128, None),
        ("http://me:pw@proxy.example:3128", "proxy.example", 3128, "Basic bWU6cHc="),
        ("http://me@proxy.example:3128", "proxy.example", 3128, "Basic bWU6"),
        ("http://m%40e:p%3Aw@proxy.example", "proxy.example", 80, "Basic bUBlOnA6dw=="),
    ],
)
def test_a_proxy_is_read_as_curl_reads_it(
    url: str, host: str, port: int, authorization: str | None
) -> None:
    found = find_proxy({"HTTPS_PROXY": url}, "api.acme.example", 443)
    assert found is not None
    assert (found.host, found.port) == (host, port)
    given = found.authorization
    assert (given.reveal() if given else None) == authorization


def test_the_lower_case_variable_wins_and_an_empty_one_is_unset() -> None:
    environ = {"HTTPS_PROXY": "http://upper:1", "https_proxy": "http://lower:2"}
    found = find_proxy(environ, "acme.example", 443)
    assert found is not None
    assert found.host == "lower"
    found = find_proxy(environ | {"https_proxy": ""}, "acme.example", 443)
    assert found is not None
    assert found.host == "upper"
