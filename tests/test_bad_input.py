"""Words, maps, credentials, URLs and CA files that are wrong: no server is ever asked."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.support.launches import MAP, Folder
from tests.support.refusals import SECRET, refuses
from tests.support.servers import closed_port

GMAIL = '[services.gmail]\nconnection_name = "gmail_u3134a"\n'
ME = 'identifier = "me"\n'


@pytest.fixture
def folder(sealed: None) -> Folder:
    """Return a folder whose credentials are complete and lead nowhere."""
    environ = {
        "SCALEKIT_CLIENT_ID": "skc_1",
        "SCALEKIT_CLIENT_SECRET": SECRET,
        "SCALEKIT_ENV_URL": f"https://127.0.0.1:{closed_port()}",
    }
    return Folder(Path.cwd(), environ=environ)


def own_file(text: str) -> Path:
    """Write the user's own file."""
    path = Path(os.environ["HOME"], ".config", "scalekit-exec", "config.toml")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def case(identifier: str, *words: str, names: str | tuple[str, ...], **more: Any) -> Any:
    """Return a case: words, what the message names, and other arguments of `refuses`."""
    given = {"code": "usage", "names": (names,) if isinstance(names, str) else names, **more}
    return pytest.param(words, given, id=identifier)


ARGUMENTS = [
    case("no-words-at-all", names="no service", as_is=True),
    case("only-a-dash-dash", "--", names="no service"),
    case("no-service", "--", "true", names="no service"),
    case("no-command", "gmail", "--", names="no command stands after --"),
    case("no-dash-dash", "gmail", names='"--"', as_is=True),
    case("no-dash-dash-but-a-command", "gmail", "ls", names=('"--"', '"ls"'), as_is=True),
    case("unknown-option", "--frobnicate", "gmail", names="--frobnicate"),
    case("abbreviated-option", "--identif=x", "gmail", names="--identif"),
    case("abbreviated-switch", "--verb", "gmail", names="--verb"),
    case("unknown-letter", "-vz", "gmail", names="-vz"),
    case("switch-with-a-value", "--json=1", "gmail", names="--json"),
    case("option-without-its-value", "gmail", "--config", names="--config"),
    case("option-that-eats-an-option", "--timeout", "--sandbox", "gmail", names="--timeout"),
    case("timeout-is-a-word", "--timeout", "soon", "gmail", names=("--timeout", "soon")),
    case("timeout-is-zero", "--timeout", "0", "gmail", names=("--timeout", "0")),
    case("timeout-is-negative", "--timeout=-1", "gmail", names=("--timeout", "-1")),
    case("timeout-is-nan", "--timeout=nan", "gmail", names=("--timeout", "nan")),
    case("timeout-is-infinite", "--timeout=inf", "gmail", names=("--timeout", "inf")),
    case("timeout-is-in-digits-of-another-script", "--timeout=٣", "gmail", names="--timeout"),
    case("timeout-is-a-century", "--timeout=3e9", "gmail", names="--timeout"),
    case("min-ttl-is-negative", "--min-ttl=-5", "gmail", names="--min-ttl"),
    case("pass-without-pristine", "--pass", "FOO", "gmail", names="--pass"),
    case("empty-word", "", names="SERVICE"),
    case("word-that-begins-with-a-dot", ".gmail", names=".gmail"),
    case("word-without-a-name", "=X_TOKEN", names="=X_TOKEN"),
    case("word-without-an-identifier", "gmail@", names="gmail@"),
    case("word-with-no-variable-after-equals", "gmail=1X", names="gmail=1X"),
    case("word-that-is-not-utf-8", "gm\udcffail", names="gm\\udcff"),
    case("word-with-an-escape", "gmail\x1b[31m", names="gmail\\x1b"),
    case("identifier-of-101", f"gmail@{'a' * 101}", names=("gmail@", "100 characters")),
    case("identifier-that-is-not-utf-8", "gmail@\udcff", names=("gmail@", "UTF-8")),
    case("identifier-option-of-101", "--identifier", "a" * 101, "gmail", names="--identifier"),
    case("variable-of-the-loader", "gmail=LD_PRELOAD", names="LD_PRELOAD"),
    case("variable-that-is-the-path", "gmail=PATH", names="PATH"),
    case("variable-of-ours", "gmail=SCALEKIT_CLIENT_SECRET", names="SCALEKIT_CLIENT_SECRET"),
    case("unknown-service", "gmial", names=('"gmial"', "scalekit.toml"), code="unknown-service"),
    case("two-unknown", "x", "y", names=('"x"', '"y"'), code="unknown-service"),
    case(
        *("one-variable-twice", "gmail", "gmail@bob"),
        names=("gmail@bob", "GMAIL_TOKEN"),
        code="variable-conflict",
    ),
    case(
        *("an-expiry-twice", "gmail", "slack=GMAIL_TOKEN_EXPIRES_AT"),
        names=("slack", "GMAIL_TOKEN_EXPIRES_AT"),
        code="variable-conflict",
    ),
    case(
        *("command-not-found", "gmail", "--", "no-such-command-x"),
        names="no-such-command-x",
        code="not-found",
        status=127,
    ),
    case(
        *("command-is-empty", "gmail", "--", ""),
        names=("command",),
        code="not-found",
        status=127,
    ),
    case(
        *("command-is-a-folder", "gmail", "--", "/etc"),
        names="/etc",
        code="not-executable",
        status=126,
    ),
    case(
        *("command-may-not-be-run", "gmail", "--", "/etc/passwd"),
        names="/etc/passwd",
        code="not-executable",
        status=126,
    ),
    case(
        *("config-that-is-not-there", "-c", "nowhere.toml", "gmail"),
        names="nowhere.toml",
        code="config-missing",
    ),
    case("config-that-is-a-folder", "-c", "/", "gmail", names="/ is", code="config-invalid"),
    case(
        *("env-file-that-is-not-there", "--env-file", "nowhere.env", "gmail"),
        names="nowhere.env",
        code="config-missing",
    ),
    case(
        *("env-file-that-is-a-folder", "--env-file", "/etc", "gmail"),
        names="/etc",
        code="config-invalid",
    ),
    case(
        *("environment-that-is-not-there", "--environment", "prod", "gmail"),
        names=('"prod"', "config.toml"),
        code="config-invalid",
    ),
    case(
        *("two-sources", "--environment", "prod", "--env-file", ".env", "gmail"),
        names=("--env-file", "--environment"),
    ),
]


@pytest.mark.parametrize(("words", "expected"), ARGUMENTS)
def test_words_that_are_wrong(
    folder: Folder, words: tuple[str, ...], expected: dict[str, Any]
) -> None:
    refuses(folder, *words, **expected)


VARIABLES = [
    ("TIMEOUT", "soon", "usage", "SCALEKIT_EXEC_TIMEOUT=soon"),
    ("MIN_TTL", "-1", "usage", "SCALEKIT_EXEC_MIN_TTL=-1"),
    ("CONFIG", "nowhere.toml", "config-missing", "nowhere.toml"),
    ("ENV_FILE", "nowhere.env", "config-missing", "nowhere.env"),
    ("ENVIRONMENT", "prod", "config-invalid", '"prod"'),
    ("IDENTIFIER", "i" * 101, "usage", "--identifier"),
    ("TRANSPORT", "pigeon\x1b[2J", "config-invalid", "SCALEKIT_EXEC_TRANSPORT is pigeon\\x1b[2J"),
]


@pytest.mark.parametrize(("name", "value", "code", "named"), VARIABLES)
def test_variables_that_stand_for_options_and_are_wrong(
    folder: Folder, name: str, value: str, code: str, named: str
) -> None:
    refuses(folder, "gmail", env={f"SCALEKIT_EXEC_{name}": value}, code=code, names=[named])


def test_a_variable_for_json_that_is_neither_yes_nor_no(folder: Folder) -> None:
    # Whether the error itself is JSON is what is in doubt, so it is for people.
    done = folder.launch("gmail", env={"SCALEKIT_EXEC_JSON": "perhaps"})
    assert (done.status, done.out, done.started) == (125, "", False)
    assert done.err.startswith("scalekit-exec: error[usage]: SCALEKIT_EXEC_JSON is perhaps\n")


MAPS = [
    ("empty", "", "config-invalid", ["empty"]),
    ("not-toml", "gmail: yes\n", "config-invalid", ["line 1"]),
    ("not-utf-8", b"# caf\xe9\n", "config-invalid", ["line 1", "UTF-8"]),
    ("utf-16", MAP.encode("utf-16"), "config-invalid", ["byte-order mark"]),
    ("binary", bytes(range(256)), "config-invalid", ["scalekit.toml"]),
    ("two-megabytes", "#" * (2 << 20), "config-invalid", ["larger than 1 MiB"]),
    ("deeply-nested", "a = " + "[" * 20000, "config-invalid", ["nested"]),
    ("huge-number", "a = " + "9" * 9000, "config-invalid", ["too large"]),
    ("a-table-twice", GMAIL + GMAIL, "config-invalid", ["line 3"]),
    ("misspelt-key", GMAIL + "identifer = 'x'\n", "config-invalid", ["identifer"]),
    ("no-connection", ME + "[services.gmail]\n", "config-invalid", ["connection_name"]),
    ("connection-with-a-dot", ME + GMAIL.replace("_u", "."), "config-invalid", ["connection_name"]),
    ("connection-is-int", ME + GMAIL.replace('"gmail_u3134a"', "3"), "config-invalid", ["int"]),
    ("no-identifier", GMAIL, "config-invalid", ["[services.gmail]", "identifier"]),
    ("empty-identifier", "identifier = ''\n" + GMAIL, "config-invalid", ["identifier"]),
    ("loader-variable", ME + GMAIL + "env = 'LD_PRELOAD'\n", "config-invalid", ["LD_PRELOAD"]),
    ("foreign-variable", ME + GMAIL + "env = 'EDITOR'\n", "config-invalid", ["EDITOR"]),
    ("bad-template", ME + GMAIL + "env = { A_TOKEN = '{' }\n", "config-invalid", ["A_TOKEN"]),
    ("no-variable", ME + GMAIL + "env = []\n", "config-invalid", ["env"]),
    ("a-server", ME + "[scalekit]\nenv_url = 'https://evil.x'\n", "config-invalid", ["[scalekit]"]),
    ("an-allowance", "allow_variables = ['A']\n" + GMAIL, "config-invalid", ["allow_variables"]),
    ("a-provider", ME + GMAIL + "provider = 'GMAIL'\n", "config-invalid", ["provider"]),
    ("wider-hosts", ME + GMAIL + "hosts = ['evil.example']\n", "config-invalid", ["evil.example"]),
    ("empty-group", ME + GMAIL + "[groups]\nall = []\n", "config-invalid", ["[groups]", "all"]),
    ("stranger-in-a-group", ME + GMAIL + "[groups]\nall = ['x']\n", "config-invalid", ['"x"']),
    ("group-like-a-service", GMAIL + "[groups]\ngmail = ['gmail']\n", "config-invalid", ["group"]),
    ("a-secret-in-it", ME + f"client_secret = '{SECRET}'\n", "config-invalid", ["client_secret"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "code", "names"), [pytest.param(*rest, id=name) for name, *rest in MAPS]
)
def test_maps_that_are_wrong(
    folder: Folder, text: str | bytes, code: str, names: list[str]
) -> None:
    (folder.path / "scalekit.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    refuses(folder, "gmail", code=code, names=["scalekit.toml", *names])


def test_no_map_at_all(folder: Folder) -> None:
    (folder.path / "scalekit.toml").unlink()
    names = ["scalekit.toml", "config.toml"]
    refuses(folder, "gmail", code="config-missing", names=names)


@pytest.mark.parametrize(
    ("mode", "named"), [(0o646, "everybody"), (0o666, "mode 0666"), (0o777, "owner")]
)
def test_a_map_that_everybody_may_write(folder: Folder, mode: int, named: str) -> None:
    (folder.path / "scalekit.toml").chmod(mode)
    refuses(folder, "gmail", code="config-invalid", names=["scalekit.toml", named])


def test_a_map_that_is_a_pipe_or_a_link_to_nothing(folder: Folder) -> None:
    path = folder.path / "scalekit.toml"
    path.unlink()
    os.mkfifo(path)
    refuses(folder, "gmail", code="config-invalid", names=["scalekit.toml", "a pipe"])
    path.unlink()
    path.symlink_to("nowhere.toml")
    refuses(folder, "gmail", code="config-invalid", names=["scalekit.toml", "a link to nothing"])


CONNECTIONS = [
    ("no-json", "{", "line 1"),
    ("an-array", "[]", "connections.json"),
    ("a-number", '{"gmail": 1}', "gmail"),
    ("no-connection-name", '{"gmail": {"identifier": "x"}}', "connection_name"),
    ("a-loader-variable", '{"ld.preload": {"connection_name": "x"}}', "connections.json"),
]


@pytest.mark.parametrize(("text", "named"), [pytest.param(*r, id=n) for n, *r in CONNECTIONS])
def test_an_old_connections_file_that_is_wrong(folder: Folder, text: str, named: str) -> None:
    (folder.path / "scalekit.toml").unlink()
    (folder.path / "connections.json").write_text(text)
    refuses(folder, "gmail", code="config-invalid", names=["connections.json", named])


OWN = [
    ("misspelt", "[scalekit]\nclient = 'x'\n", ["[scalekit]", "client"]),
    ("url-is-http", "[scalekit]\nenv_url = 'http://x.example'\n", ["[scalekit]", "env_url"]),
    ("url-with-a-password", "[scalekit]\nenv_url = 'https://a:pw9@x.y'\n", ["env_url"]),
    ("transport", "[scalekit]\ntransport = 'grpc'\n", ["transport", "grpc"]),
    ("command-is-a-string", "[scalekit]\nclient_secret_command = 'pass x'\n", ["_command"]),
    ("allow-urls", "[scalekit]\nallow_urls = ['evil']\n", ["allow_urls"]),
    ("environment-name", "[environments.'a b']\n", ["environments"]),
    ("loader-variable", "allow_variables = ['LD_PRELOAD']\n", ["LD_PRELOAD"]),
]


@pytest.mark.parametrize(("text", "names"), [pytest.param(*rest, id=name) for name, *rest in OWN])
def test_a_user_file_that_is_wrong(folder: Folder, text: str, names: list[str]) -> None:
    own_file(text)
    refuses(folder, "gmail", code="config-invalid", names=["config.toml", *names], hidden=["pw9"])


URLS = [
    ("http", "http://acme.example", "https://"),
    ("no-scheme", "acme.example", "https://"),
    ("another-scheme", "file:///etc/passwd", "https://"),
    ("user-and-password", "https://me:pw9@acme.example", "user name"),
    ("path", "https://acme.example/api", "path"),
    ("query", "https://acme.example?x=pw9", "query"),
    ("fragment", "https://acme.example#pw9", "fragment"),
    ("no-host", "https://", "host"),
    ("only-a-port", "https://:443", "host"),
    ("port-0", "https://acme.example:0", "port"),
    ("port-99999", "https://acme.example:99999", "port"),
    ("port-is-a-word", "https://acme.example:https", "port"),
    ("space", "https://acme example", "host"),
    ("line-break", "https://acme.example\r\nX", "host"),
    ("escape", "https://acme\x1b[2J.example", "host"),
    ("not-ascii", "https://äcme.example", "ASCII"),
    ("not-utf-8", "https://\udcff.example", "ASCII"),
    ("label-of-64", f"https://{'a' * 64}.example", "host"),
    ("two-dots", "https://acme..example", "host"),
    ("backslash", "https://acme.example\\@evil.example", "user name"),
    ("broken-ipv6", "https://[::1", "host"),
    ("no-ipv6", "https://[xyz]", "IPv6"),
]


@pytest.mark.parametrize(("url", "named"), [pytest.param(*rest, id=name) for name, *rest in URLS])
def test_a_url_that_is_none(folder: Folder, url: str, named: str) -> None:
    names = ["the environment", "SCALEKIT_ENV_URL", named]
    env = {"SCALEKIT_ENV_URL": url}
    refuses(folder, "gmail", env=env, code="config-invalid", names=names, hidden=["pw9"])


CREDENTIALS: list[tuple[str, dict[str, str | None], str, list[str]]] = [
    (
        "none",
        dict.fromkeys(("SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET", "SCALEKIT_ENV_URL")),
        "credentials-missing",
        ["SCALEKIT_CLIENT_ID", "SCALEKIT_CLIENT_SECRET", "SCALEKIT_ENV_URL"],
    ),
    ("no-id", {"SCALEKIT_CLIENT_ID": None}, "credentials-missing", ["SCALEKIT_CLIENT_ID"]),
    ("blank-id", {"SCALEKIT_CLIENT_ID": " \t"}, "credentials-missing", ["SCALEKIT_CLIENT_ID"]),
    ("no-url", {"SCALEKIT_ENV_URL": ""}, "credentials-missing", ["SCALEKIT_ENV_URL"]),
    ("no-secret", {"SCALEKIT_CLIENT_SECRET": ""}, "credentials-missing", ["_SECRET", "the env"]),
    ("id-with-a-break", {"SCALEKIT_CLIENT_ID": "a\nb"}, "config-invalid", ["SCALEKIT_CLIENT_ID"]),
    ("id-not-ascii", {"SCALEKIT_CLIENT_ID": "skç"}, "config-invalid", ["SCALEKIT_CLIENT_ID"]),
    ("id-of-300", {"SCALEKIT_CLIENT_ID": "s" * 300}, "config-invalid", ["SCALEKIT_CLIENT_ID"]),
    ("id-is-the-secret", {"SCALEKIT_CLIENT_ID": SECRET + "\n" + SECRET}, "config-invalid", ["_ID"]),
    ("secret-with-a-break", {"SCALEKIT_CLIENT_SECRET": "a0b1c2\nd3e4"}, "config-invalid", ["_SEC"]),
    ("secret-not-utf-8", {"SCALEKIT_CLIENT_SECRET": "a0b1\udcff"}, "config-invalid", ["UTF-8"]),
    ("secret-of-70k", {"SCALEKIT_CLIENT_SECRET": "x" * 70000}, "config-invalid", ["longer"]),
    ("two-urls", {"SCALEKIT_ENVIRONMENT_URL": "https://other"}, "config-invalid", ["MENT_URL"]),
    ("proxy-is-socks", {"HTTPS_PROXY": "socks5://x:1"}, "config-invalid", ["HTTPS_PROXY"]),
    ("proxy-port", {"https_proxy": "http://me:pw9@x:port"}, "config-invalid", ["HTTPS_PROXY"]),
    ("proxy-not-utf-8", {"https_proxy": "http://me:\udcff@x"}, "config-invalid", ["HTTPS_PROXY"]),
]


@pytest.mark.parametrize(
    ("env", "code", "names"), [pytest.param(*rest, id=name) for name, *rest in CREDENTIALS]
)
def test_credentials_that_are_wrong(
    folder: Folder, env: dict[str, str | None], code: str, names: list[str]
) -> None:
    refuses(folder, "gmail", env=env, code=code, names=names, hidden=["pw9"])


ENV_FILES = [
    ("not-utf-8", b"SCALEKIT_CLIENT_ID=\xe9\n", "config-invalid", "UTF-8"),
    ("none-of-ours", b"FOO=bar\n", "credentials-missing", "SCALEKIT_CLIENT_ID"),
    ("empty", b"", "credentials-missing", "SCALEKIT_CLIENT_ID"),
    ("half", b"SCALEKIT_CLIENT_ID=skc_2\n", "credentials-missing", "SCALEKIT_CLIENT_SECRET"),
    ("name-without-a-value", b"SCALEKIT_CLIENT_ID\n", "credentials-missing", "SCALEKIT_CLIENT_ID"),
    ("garbage", bytes(range(32, 127)) * 9, "credentials-missing", "SCALEKIT_CLIENT_ID"),
    ("two-megabytes", b"#" * (2 << 20), "config-invalid", "larger than 1 MiB"),
    (
        "bad-url",
        b"SCALEKIT_CLIENT_ID=a\nSCALEKIT_CLIENT_SECRET=b7c8d9e0\nSCALEKIT_ENV_URL=http://x\n",
        "config-invalid",
        "SCALEKIT_ENV_URL",
    ),
]


@pytest.mark.parametrize(
    ("data", "code", "named"), [pytest.param(*rest, id=name) for name, *rest in ENV_FILES]
)
def test_an_env_file_that_is_wrong(folder: Folder, data: bytes, code: str, named: str) -> None:
    (folder.path / "my.env").write_bytes(data)
    (folder.path / "my.env").chmod(0o600)
    words = ("--env-file", "my.env", "gmail")
    refuses(folder, *words, code=code, names=["my.env", named], hidden=["b7c8d9e0"])


CA_FILES = [
    ("missing", None, "does not exist"),
    ("empty", b"", "no certificate"),
    ("text", b"hello\n", "no certificate"),
    ("cut-off", b"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", "no cert"),
    ("binary", bytes(range(256)), "no certificate"),
]


@pytest.mark.parametrize("source", ["SCALEKIT_CA_BUNDLE", "SSL_CERT_FILE", "ca_bundle"])
@pytest.mark.parametrize(
    ("data", "named"), [pytest.param(*rest, id=name) for name, *rest in CA_FILES]
)
def test_a_ca_file_that_is_none(
    folder: Folder, source: str, data: bytes | None, named: str
) -> None:
    path = folder.path / "company.pem"
    if data is not None:
        path.write_bytes(data)
    env: dict[str, str | None] = {source: str(path)}
    if source == "ca_bundle":
        own_file(f'[scalekit]\nca_bundle = "{path}"\n')
        env = {}
    refuses(folder, "gmail", env=env, code="config-invalid", names=["company.pem", source, named])


def test_a_ca_folder_without_a_certificate_over_grpc(folder: Folder) -> None:
    (folder.path / "cas").mkdir()
    env = {"SCALEKIT_CA_BUNDLE": "cas", "SCALEKIT_EXEC_TRANSPORT": "sdk"}
    names = ["cas", "SCALEKIT_CA_BUNDLE", "no certificate"]
    refuses(folder, "gmail", env=env, code="config-invalid", names=names)
