"""A network that is in the way: TLS, names, ports, redirects and proxies."""

from __future__ import annotations

import ssl
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.refusals import HIDDEN, refuses, uses
from tests.support.servers import (
    ACCESS_TOKEN,
    Proxy,
    Server,
    answer,
    closed_port,
    drop,
    endless,
    hang,
)

if TYPE_CHECKING:
    from tests.support.certificates import Authority
    from tests.support.launches import Folder
    from tests.support.servers import Behaviour

HERE = "127.0.0.1"
HTTPS: dict[str, str | None] = {"SCALEKIT_EXEC_TRANSPORT": "https"}


# Certificates.

CERTIFICATES: list[tuple[str, dict[str, Any], str]] = [
    ("expired", {"days": -1}, "expired"),
    ("self-signed", {"self_signed": True}, "self-signed"),
    ("for-another-host", {"name": "acme.example"}, "not valid for"),
    ("tls-1.1", {"newest": ssl.TLSVersion.TLSv1_1}, "protocol version"),
]


@pytest.mark.parametrize("transport", ["https", "sdk"])
@pytest.mark.parametrize(
    ("made", "named"), [pytest.param(*rest, id=name) for name, *rest in CERTIFICATES]
)
def test_a_certificate_that_is_not_good(
    ca: Authority, bare: Folder, transport: str, made: dict[str, Any], named: str
) -> None:
    more = {key: value for key, value in made.items() if key != "name"}
    with Server(ca.context(*filter(None, [made.get("name")]), **more)) as server:
        env = {"SCALEKIT_EXEC_TRANSPORT": transport}
        names = [HERE, "cannot be trusted", named]
        refuses(uses(bare, server, ca), "gmail", env=env, code="untrusted-server", names=names)
    assert not server.heard
    assert server.connections == 2, "one for each launch: a handshake that fails is final"


@pytest.mark.parametrize("made", [{"days": -1}, {"self_signed": True}])
def test_a_certificate_that_only_grpc_gets_to_see(
    ca: Authority, bare: Folder, made: dict[str, Any]
) -> None:
    both = ("h2", "http/1.1")
    for words in ((), ("--json",)):
        bad = ca.context(protocols=both, **made)
        with Server(ca.context(protocols=both), later=bad, h2=hang) as server:
            env = {"SCALEKIT_EXEC_TRANSPORT": "sdk"}
            done = uses(bare, server, ca).launch(*words, "gmail", env=env)
        assert (done.status, done.out, done.started) == (125, "", False)
        assert "untrusted-server" in done.err
        assert "127.0.0.1" in done.err
        assert not [one for one in HIDDEN if one in done.err]


def test_an_authority_that_nobody_told_us_of(ca: Authority, bare: Folder) -> None:
    with Server(ca.context()) as server:
        uses(bare, server, ca).environ.pop("SCALEKIT_CA_BUNDLE")
        refuses(bare, "gmail", code="untrusted-server", names=[HERE, "certificate"])
    assert not server.heard


def test_a_file_for_session_keys_stays_empty(ca: Authority, bare: Folder) -> None:
    keys = bare.path / "keys"
    for transport in ("https", "sdk"):
        with Server(ca.context()) as server:
            env = {"SSLKEYLOGFILE": str(keys), "SCALEKIT_EXEC_TRANSPORT": transport}
            uses(bare, server, ca).launch("gmail", env=env)
        assert server.heard
    assert not keys.exists()


GREETINGS: list[tuple[str, Behaviour, str, str]] = [
    ("http", answer(400, b"speak TLS"), "untrusted-server", "no TLS"),
    ("smtp", b"220 mail.example ESMTP\r\n", "untrusted-server", "no TLS"),
    ("nothing", drop, "unreachable", "connection"),
    ("noise", endless(b"\xff" * 999), "untrusted-server", "no TLS"),
    ("alert", b"\x15\x03\x03\x00\x02\x02\x28", "untrusted-server", "handshake failure"),
]


@pytest.mark.parametrize(
    ("greeting", "code", "named"), [pytest.param(*rest, id=name) for name, *rest in GREETINGS]
)
def test_a_port_where_no_tls_is_spoken(
    ca: Authority, bare: Folder, greeting: Behaviour, code: str, named: str
) -> None:
    with Server(None, greeting=greeting) as server:
        refuses(uses(bare, server, ca), "gmail", code=code, names=[HERE, named])


# Over gRPC the token is there and what follows is not: no h2, or bad h2.

H2: list[tuple[str, tuple[str, ...], Behaviour, str]] = [
    ("no-h2", ("http/1.1",), drop, "unexpected-answer"),
    ("h2-then-nothing", ("h2", "http/1.1"), drop, "unreachable"),
    ("h2-then-http", ("h2", "http/1.1"), answer(400, b"<html>"), "unreachable"),
    ("h2-then-noise", ("h2", "http/1.1"), b"\x00" * 4096, "unreachable"),
    ("h2-then-silence", ("h2", "http/1.1"), hang, "timed-out"),
]


@pytest.mark.parametrize(
    ("protocols", "greeting", "code"), [pytest.param(*rest, id=name) for name, *rest in H2]
)
def test_a_server_that_has_no_grpc(
    ca: Authority, bare: Folder, protocols: tuple[str, ...], greeting: Behaviour, code: str
) -> None:
    with Server(ca.context(protocols=protocols), h2=greeting) as server:
        env = {"SCALEKIT_EXEC_TRANSPORT": "sdk"}
        words = ("--timeout", "5" if code == "timed-out" else "20", "gmail")
        names = [HERE]
        refuses(uses(bare, server, ca), *words, env=env, code=code, names=names, hidden=HIDDEN)
    assert server.count("token") == 2


# Names and ports.


@pytest.mark.parametrize("transport", ["https", "sdk"])
def test_a_host_that_does_not_exist_is_looked_up_once(bare: Folder, transport: str) -> None:
    env = {"SCALEKIT_ENV_URL": "https://acme.invalid", "SCALEKIT_EXEC_TRANSPORT": transport}
    names = ["cannot find the host acme.invalid"]
    refuses(bare, "gmail", "slack", env=env, code="unreachable", names=names)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_a_port_that_is_closed(bare: Folder, host: str) -> None:
    env = {"SCALEKIT_ENV_URL": f"https://{host}:{closed_port()}"}
    names = [f"cannot reach {host.strip('[]')}", "refused"]
    refuses(bare, "gmail", env=env, code="unreachable", names=names)


def test_an_ipv6_address_is_a_host_like_another(ca: Authority, bare: Folder) -> None:
    with Server(ca.context(), host="::1") as server:
        done = uses(bare, server, ca).launch("gmail", env=HTTPS)
    assert done.child["GMAIL_TOKEN"] == ACCESS_TOKEN
    assert f"Host: [::1]:{server.port}" in server.heard[0].head


# Redirects.


REDIRECTS = [
    *(("token", "https", status) for status in (300, 301, 302, 303, 307, 308)),
    *(("auth", "https", status) for status in (300, 301, 302, 303, 307, 308)),
    *(("token", "sdk", status) for status in (302, 307)),  # a gRPC call knows no redirect
    *(("token", "auto", 308), ("auth", "auto", 302)),
]


@pytest.mark.parametrize(("operation", "transport", "status"), REDIRECTS)
def test_a_redirect_leads_nowhere(
    ca: Authority, bare: Folder, operation: str, transport: str, status: int
) -> None:
    with Server(ca.context()) as thief:
        elsewhere = answer(status, b"", f"Location: {thief.url}/oauth/token\x1b[2J")
        given: dict[str, Any] = {operation: elsewhere}
        with Server(ca.context(), **given) as server:
            env = {"SCALEKIT_EXEC_TRANSPORT": transport}
            names = [HERE, str(status), f"{thief.url}/oauth/token\\x1b"]
            code = "unexpected-answer"
            refuses(uses(bare, server, ca), "gmail", env=env, code=code, names=names)
        assert thief.connections == 0
        assert server.count(operation) == 2, "one for each launch: a redirect is final"


def test_a_redirect_without_a_target_is_told_as_such(ca: Authority, bare: Folder) -> None:
    with Server(ca.context(), token=answer(302)) as server:
        names = [HERE, "302", "nowhere"]
        refuses(uses(bare, server, ca), "gmail", code="unexpected-answer", names=names)


# Proxies.

AUTHORIZATION = b64encode(b"me:proxy-pw-77")
PROXIES: list[tuple[str, Behaviour, str]] = [
    (
        "407-repeated",
        b"HTTP/1.1 407 no Basic " + AUTHORIZATION + b" nor me:proxy-pw-77\r\n\r\n",
        "no Basic [REDACTED] nor me:[REDACTED]",
    ),
    ("407", answer(407, b"", "Proxy-Authenticate: Basic"), "407"),
    ("403", answer(403, b"<html>blocked</html>"), "403"),
    ("502-with-an-escape", b"HTTP/1.1 502 \x1b[2J\r\n\r\n", "502 \\x1b"),
    ("redirect", answer(302, b"", "Location: https://login.example/"), "302"),
    ("no-http", b"SSH-2.0-OpenSSH_9\r\n\r\n", "refuses"),
    ("closes", drop, "closed"),
    ("endless-head", endless(b"X: y\r\n"), "closed"),
]


@pytest.mark.parametrize(
    ("behaviour", "named"), [pytest.param(*rest, id=name) for name, *rest in PROXIES]
)
def test_a_proxy_that_lets_nobody_through(
    ca: Authority, bare: Folder, behaviour: Behaviour, named: str
) -> None:
    with Server(ca.context()) as server, Proxy(instead=behaviour) as proxy:
        url = proxy.url.replace("//", "//me:proxy-pw-77@")
        names = ["proxy", "127.0.0.1", named]
        folder = uses(bare, server, ca)
        env = {"HTTPS_PROXY": url}
        hiding = ["proxy-pw-77", AUTHORIZATION.decode()]
        refuses(folder, "gmail", env=env, code="unreachable", names=names, hidden=hiding)
    assert server.connections == 0


def test_a_proxy_that_is_not_there(ca: Authority, bare: Folder) -> None:
    with Server(ca.context()) as server:
        folder = uses(bare, server, ca)
        env = {"https_proxy": f"127.0.0.1:{closed_port()}"}
        names = ["through the proxy 127.0.0.1", "refused"]
        refuses(folder, "gmail", env=env, code="unreachable", names=names)
        env = {"https_proxy": "http://proxy.invalid:3128"}
        names = ["cannot find the proxy proxy.invalid"]
        refuses(folder, "gmail", env=env, code="unreachable", names=names)


def test_a_proxy_that_hangs_is_bound_by_the_deadline(ca: Authority, bare: Folder) -> None:
    with Server(ca.context()) as server, Proxy(instead=hang) as proxy:
        folder = uses(bare, server, ca)
        words = ("--timeout", "1", "gmail")
        env = {"https_proxy": proxy.url}
        refuses(folder, *words, env=env, code="timed-out", names=[HERE], seconds=2)


@pytest.mark.parametrize("transport", ["https", "sdk"])
@pytest.mark.parametrize("variable", ["HTTPS_PROXY", "https_proxy"])
@pytest.mark.parametrize("password", ["", "me:pr@xy p:w"])
def test_a_proxy_is_asked_for_every_connection(
    folder: Folder, transport: str, variable: str, password: str
) -> None:
    assert folder.sandbox is not None
    given = "me:pr%40xy%20p%3Aw@" if password else ""
    with Proxy(password=password) as proxy:
        env = {
            variable: proxy.url.replace("//", f"//{given}"),
            "SCALEKIT_EXEC_TRANSPORT": transport,
        }
        done = folder.launch("gmail", env=env)
        assert (done.status, done.err) == (0, "")
    assert {one.target for one in proxy.asked} == {folder.sandbox.url.removeprefix("https://")}
    assert len(proxy.asked) == (1 if transport == "https" else 2)
    told = " ".join(line for one in proxy.asked for line in one.headers)
    assert folder.sandbox.client_secret not in told


@pytest.mark.parametrize("transport", ["https", "sdk"])
@pytest.mark.parametrize("variable", ["NO_PROXY", "no_proxy"])
@pytest.mark.parametrize("value", ["*", "127.0.0.1", "example.com, 127.0.0.0/8"])
def test_no_proxy_is_heeded_in_either_case(
    folder: Folder, transport: str, variable: str, value: str
) -> None:
    with Proxy(instead=drop) as proxy:
        env = {
            "HTTPS_PROXY": proxy.url,
            variable: value,
            "SCALEKIT_EXEC_TRANSPORT": transport,
        }
        assert folder.launch("gmail", env=env).status == 0
    assert proxy.connections == 0


def test_proxies_for_other_schemes_are_not_used(folder: Folder) -> None:
    with Proxy(instead=drop) as proxy:
        others = ("HTTP_PROXY", "http_proxy", "grpc_proxy", "ALL_PROXY")
        for transport in ("https", "sdk"):
            env: dict[str, str | None] = dict.fromkeys(others, proxy.url)
            env["SCALEKIT_EXEC_TRANSPORT"] = transport
            assert folder.launch("gmail", env=env).status == 0
    assert proxy.connections == 0
