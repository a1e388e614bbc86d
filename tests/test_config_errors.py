"""Maps that are wrong: each with a message that says where and a hint that says what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scalekit_exec import config
from scalekit_exec.errors import ConfigurationError
from tests.support.maps import GMAIL, Home

if TYPE_CHECKING:
    from pathlib import Path

S = "[services.gmail]\n"
URL = "https://acme.scalekit.com"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


# What stands in the file; what the message says besides the file; what the hint says.
WRONG_ANYWHERE = [
    ("", "the file is empty", "write a map"),
    (" \n\t", "the file is empty", ""),
    (b"\xef\xbb\xbf" + GMAIL.encode(), "line 1: the file begins with a byte-order mark", "UTF-8"),
    (GMAIL.encode("utf-16"), "byte-order mark", "UTF-8"),
    (GMAIL.encode() + b"# caf\xe9\n", "line 3: not UTF-8", "UTF-8"),
    ("a = 1\nb = \0\n", "line 2, column 5: this is not a value", "correct"),
    ("identifier = 'a\nb'\n", "line 1, column 16: the text has no closing quote", "close it"),
    ('identifier = "a\n', "line 1, column 16: the text has no closing quote", "close it"),
    ('identifier = "a', "the text has no closing quote", "close it"),
    ("identifier = 'a", "the text has no closing quote", "close it"),
    ('identifier = """a\n', "the text has no closing quote", "close it"),
    ("identifier = '''a\n", "the text has no closing quote", "close it"),
    ("identifier = mess\n", "line 1, column 14: this is not a value; text needs quotes", ""),
    ("identifier = 'a'\nidentifier = 'b'\n", "line 2, column 17: this key stands there twice", ""),
    (GMAIL + GMAIL, "line 3, column 16: the table [services.gmail] stands there twice", ""),
    ("[services.gmail\n", "line 1, column 16", ""),
    ("a = " + "9" * 5000, "too large or nested too deeply", ""),
    ("a = " + "[" * 5000, "nested too deeply", ""),
    ("[" + "a." * 1200 + "a]", "nested too deeply", ""),
    ("#" * (1 << 20) + "\n", "larger than 1 MiB", ""),
    ("identifer = 'a'\n", "identifer: unknown key", "did you mean identifier?"),
    ("service = {}\n", "service: unknown key", "did you mean services?"),
    ("daemons = true\n", "daemons: unknown key", "known here: identifier"),
    ("identifier = 3\n", "identifier: must be a string, not an integer", ""),
    ("identifier = ''\n", "identifier: is empty", ""),
    (f"identifier = '{'é' * 101}'\n", "identifier: an identifier has at most 100 characters", ""),
    ("services = 3\n", "services: must be a table, not an integer", ""),
    ("[[services]]\n", "services: must be a table, not an array", ""),
    ("services.gmail = 3\n", "[services] gmail: must be a table, not an integer", ""),
    ("services.gmail = 'g'\n", "[services] gmail: must be a table", 'connection_name = "g"'),
    ('[services."a b"]\n', '[services."a b"]: a service\'s name is letters', "rename"),
    ('[services."-a"]\n', "a service's name is letters", "rename"),
    (S, "[services.gmail] connection_name: is missing", "dashboard"),
    (S + "connection_nme = 'g'\n", "[services.gmail] connection_nme: unknown key", "_name?"),
    (S + "connection_name = ''\n", "connection_name: is empty", "remove the line"),
    (S + "connection_name = 'a.b'\n", 'connection_name: "a.b" is not one', "dashboard"),
    (S + "connection_name = 'ä'\n", "connection_name: ", ""),
    (S + "connection_name = 'a\\nb'\n", "connection_name: ", ""),
    (S + f"connection_name = '{'a' * 401}'\n", "longer than 400 characters", ""),
    (S + "connection_name = true\n", "must be a string, not a boolean", ""),
    (GMAIL + "identifier = 1979-05-27\n", "must be a string, not a date or time", ""),
    (GMAIL + "required = 'no'\n", "required: must be true or false, not a string", ""),
    (GMAIL + f"organization_id = '{'o' * 33}'\n", "organization_id: has at most 32", ""),
    (GMAIL + f"user_id = '{'u' * 33}'\n", "user_id: has at most 32", ""),
    (GMAIL + "env = 1.5\n", "env: must be a name, an array of names or a table", ""),
    (GMAIL + "env = ''\n", "env: ", ""),
    (GMAIL + "env = []\n", "env: names no variable", 'env = "GMAIL_TOKEN"'),
    (GMAIL + "env = {}\n", "env: names no variable", ""),
    (GMAIL + "env = ['A_TOKEN', 3]\n", "env: must be an array of strings, not of an integer", ""),
    (GMAIL + "env = ['A_TOKEN', 'A_TOKEN']\n", "env: A_TOKEN stands there twice", ""),
    (GMAIL + "env = 'A-TOKEN'\n", 'env: "A-TOKEN" is not a variable name', "choose another"),
    (GMAIL + "env = 'LD_PRELOAD'\n", "env: LD_PRELOAD may not be set", "choose another"),
    (GMAIL + "env = 'SCALEKIT_TOKEN'\n", "env: SCALEKIT_TOKEN may not be set", ""),
    ("[services.scalekit]\nconnection_name = 's'\n", "SCALEKIT_TOKEN may not be set", ""),
    (GMAIL + "env = { A_TOKEN = 1 }\n", "env: A_TOKEN must be a template", ""),
    (GMAIL + "env = { A_TOKEN = '{a.b}' }\n", 'env: A_TOKEN: "{a.b}" is not a plain field', ""),
    (GMAIL + "env = { A_TOKEN = 'x}' }\n", "env: A_TOKEN: the brace at character 2", ""),
    (GMAIL + "hosts = ['https://a.b']\n", 'hosts: "https://a.b" is not a host name', ""),
    (GMAIL + "hosts = ['']\n", "hosts: has an empty string", ""),
    (GMAIL + "hosts = 'a.b'\n", "hosts: must be an array of strings, not a string", ""),
    (GMAIL + "[groups]\ng = 'gmail'\n", "[groups] g: must be an array", ""),
    (GMAIL + "[groups]\ng = []\n", "[groups] g: a group has at least one service", ""),
    (GMAIL + "[groups]\ng = ['gmial']\n", '[groups] g: there is no service "gmial"', "gmail?"),
    (GMAIL + "[groups]\ngmail = ['gmail']\n", "[groups] gmail: a group has the name", "rename"),
    (GMAIL + "[groups]\n'a b' = ['gmail']\n", "a group's name is letters", ""),
    (GMAIL + "[groups]\na = ['gmail']\nb = ['a']\n", '[groups] b: there is no service "a"', ""),
    ("client_secret = 'hunter2'\n", "client_secret: a client secret stands in the map", ".env"),
    (GMAIL + "client_secret = 'hunter2'\n", "[services.gmail] client_secret: a client", "keyring"),
    ("[scalekit]\nclient_secret = 'hunter2'\n", "[scalekit] client_secret", "_secret_command"),
    ("[x.y]\nSCALEKIT_CLIENT_SECRET = 'hunter2'\n", "[x.y] SCALEKIT_CLIENT_SECRET: a cli", ""),
    ("[x]\nclientSecret = 'hunter2'\n", "[x] clientSecret: a client secret", ""),
    ("'\u202e' = 1\n", "\\u202e: unknown key", ""),
]
WRONG_IN_A_PROJECT = [
    ("[scalekit]\nenv_url = 'https://evil.example'\n", "[scalekit] may stand only in the user's"),
    ("[environments.prod]\n", "[environments] may stand only in the user's own file"),
    ("allow_variables = ['X']\n", "allow_variables may stand only in the user's own file"),
    (GMAIL + "provider = 'gmail'\n", "[services.gmail] provider: may stand only in the user's"),
    (GMAIL + "hosts = ['evil.example']\n", "[services.gmail] hosts: a project's hosts may only"),
    (GMAIL + "env = 'EDITOR'\n", "[services.gmail] env: a project's map may not set EDITOR"),
    (GMAIL + "env = { X_DOMAIN = 'evil.example' }\n", "X_DOMAIN is one field such as {domain}"),
    (GMAIL + "env = { X_DOMAIN = '{identifier}' }\n", "X_DOMAIN is one field such as {domain}"),
    (
        GMAIL + "env = { GOOGLE_APPLICATION_CREDENTIALS = './evil.json' }\n",
        "GOOGLE_APPLICATION_CREDENTIALS holds something of the account",
    ),
    (GMAIL + "env = { GCP_CREDENTIALS = '{identifier}' }\n", "GCP_CREDENTIALS holds something of"),
    (GMAIL + "env = { MAIL_USER = 'x{identifier}' }\n", "MAIL_USER holds something of the account"),
    (GMAIL + "env = { A_ID = 'evil.example/?{identifier}' }\n", "A_ID holds something of the"),
    (GMAIL + "env = { A_KEY = '{token}-{identifier}' }\n", "A_KEY may not hold {identifier}"),
    (GMAIL + "env = { B_USER = '{identifier}{token}' }\n", "B_USER may not hold {identifier}"),
    (GMAIL + "env = { B_USER = '{identifier}{identifier}' }\n", "B_USER holds something of"),
    (
        GMAIL + "env = { A_KEY = 'https:3405803777 {token}' }\n",
        "may have no 0x and at most 5 digits",
    ),
    (GMAIL + "env = { A_KEY = '340580{token}' }\n", "may have no 0x and at most 5 digits"),
    (GMAIL + "env = { A_KEY = 'host:0Xcbaaaaaa {token}' }\n", "may have no 0x and at most 5"),
    (GMAIL + "env = { A_KEY = '{token} -k' }\n", "no word in A_KEY may begin with -"),
    (GMAIL + "env = { A_KEY = '-k{token}' }\n", "no word in A_KEY may begin with -"),
    (GMAIL + "env = { A_KEY = '{token}-evil.example/' }\n", "the text of A_KEY may have letters"),
    (GMAIL + "env = { A_KEY = '{token}@1' }\n", "the text of A_KEY may have letters"),
    (GMAIL + "env = { A_FILE_PASS = '/etc/{username}' }\n", "the text of A_FILE_PASS may have"),
    (GMAIL + "env = { X_ACCOUNT = 'evil{domain}' }\n", "X_ACCOUNT is one field"),
]
WRONG_IN_THE_USERS = [
    ("redact = 1\n", "redact: must be true or false, not an integer", ""),
    ("notify = 'x'\n", "notify: must be a table, not a string", ""),
    ("[notify]\ntimeout = 3\n", "[notify] command: is missing", ""),
    ("[notify]\ncommand = 'x'\n", "[notify] command: must be an array of strings", ""),
    ("scalekit = 'x'\n", "scalekit: must be a table, not a string", ""),
    ("[scalekit]\nclient_ids = 'x'\n", "[scalekit] client_ids: unknown key", "client_id?"),
    ("[scalekit]\nclient_id = ''\n", "[scalekit] client_id: is empty", ""),
    ("[scalekit]\nenv_url = 'http://a.b'\n", "env_url: must begin with https://", "dashboard"),
    ("[scalekit]\nenv_url = 'https://u:hunter2@a.b'\n", "env_url: must not hold a user name", ""),
    ("[scalekit]\nenv_url = 'https://a.b/c'\n", "env_url: must not have a path", ""),
    ("[scalekit]\ntransport = 'grpc'\n", 'transport: "grpc" is no transport', "auto, https, sdk"),
    ("[scalekit]\ntransport = 'skd'\n", 'transport: "skd" is no transport', "did you mean sdk?"),
    ("[scalekit]\nallow_urls = 'https://a.b'\n", "allow_urls: must be an array", ""),
    ("[scalekit]\nallow_urls = ['a.b']\n", "allow_urls: must begin with https://", ""),
    ("[scalekit]\nca_bundle = ['x']\n", "ca_bundle: must be a string, not an array", ""),
    ('[scalekit]\nca_bundle = "\\u0000"\n', "ca_bundle: a path has no NUL", ""),
    ("[scalekit]\nuser_verify_url = 'ftp://a'\n", "user_verify_url: must be an address", ""),
    (f"[scalekit]\nuser_verify_url = '{URL}/{'a' * 2048}'\n", "longer than 2048", ""),
    ("[scalekit]\nclient_secret_command = 'pass x'\n", "must be an array of strings", '"pass"'),
    ("[scalekit]\nclient_secret_command = []\n", "client_secret_command: is empty", '"pass"'),
    ("[scalekit]\nclient_secret_command = ['']\n", "has an empty string in it", ""),
    ("[environments.prod]\nx = 1\n", "[environments.prod] x: unknown key", "client_id"),
    ("[environments]\nprod = 1\n", "[environments] prod: must be a table", ""),
    ('[environments."a b"]\n', "an environment's name is letters", ""),
    ("allow_variables = 'X'\n", "allow_variables: must be an array of strings", ""),
    ("allow_variables = ['PATH']\n", "allow_variables: PATH may not be set", "remove"),
    ("allow_variables = ['DB_*']\n", 'allow_variables: "DB_*" is not a variable name', "remove"),
    (GMAIL + "provider = ''\n", "[services.gmail] provider: is empty", ""),
]
WRONG_CONNECTIONS = [
    ("", "the file is empty"),
    ("{", "line 1, column 2: expecting property name"),
    ("[1]", "must be an object, not an array"),
    ("null", "must be an object, not null"),
    ('{"gmail": "gmail_1"}', "gmail: must be a table, not a string"),
    ('{"gmail": {}}', "[gmail] connection_name: is missing"),
    ('{"gmail": {"connection_name": "a.b"}}', '[gmail] connection_name: "a.b" is not one'),
    ('{"gmail": {"connection_name": "a", "identifier": 3}}', "identifier: must be a string"),
    ('{"gmail": {}, "gmail": {}}', "gmail stands there twice"),
    ('{"gmail": {"connection_name": "a", "client_secret": "hunter2"}}', "a client secret"),
    ('{"scalekit": {"connection_name": "a"}}', "SCALEKIT_TOKEN may not be set"),
    ("[" * 100000, "cannot be read"),
    ('{"a": ' + "9" * 5000 + "}", "cannot be read"),
]


def error_of(home: Home, explicit: str | None = None) -> ConfigurationError:
    with pytest.raises(ConfigurationError) as caught:
        home.load(explicit)
    error = caught.value
    assert error.code == "config-invalid"
    assert "hunter2" not in error.message + error.hint
    assert not error.message.endswith(".")
    assert error.message.isprintable()
    assert error.hint
    return error


@pytest.mark.parametrize("whose", ["project", "user"])
@pytest.mark.parametrize(("content", "message", "hint"), WRONG_ANYWHERE)
def test_a_map_that_is_wrong_is_refused_with_place_and_way_out(
    home: Home, whose: str, content: str | bytes, message: str, hint: str
) -> None:
    path = home.own if whose == "user" else home.project / "scalekit.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    error = error_of(home)
    assert path.name in error.message
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize(("content", "message"), WRONG_IN_A_PROJECT)
def test_what_a_cloned_repository_may_not_decide_is_refused_and_the_users_file_is_named(
    home: Home, content: str, message: str
) -> None:
    home.map(content)
    error = error_of(home)
    assert message in error.message
    assert "scalekit.toml" in error.message
    assert ".config/scalekit-exec/config.toml" in error.hint
    (home.project / "scalekit.toml").unlink()
    home.user(content)
    assert home.load().project is None, "the same is the user's right"


@pytest.mark.parametrize(("content", "message", "hint"), WRONG_IN_THE_USERS)
def test_settings_that_are_wrong_are_refused_with_place_and_way_out(
    home: Home, content: str, message: str, hint: str
) -> None:
    home.user(content)
    error = error_of(home)
    assert "config.toml: " in error.message
    assert message in error.message
    assert hint in error.hint


@pytest.mark.parametrize("explicit", [None, "connections.json"])
@pytest.mark.parametrize(("content", "message"), WRONG_CONNECTIONS)
def test_a_connections_json_that_is_wrong_is_refused(
    home: Home, explicit: str | None, content: str, message: str
) -> None:
    home.map(content, "connections.json")
    error = error_of(home, explicit)
    assert "connections.json: " in error.message
    assert message in error.message
    assert ("SCALEKIT_EXEC_CONFIG=" in error.hint) == (explicit is None)


def test_a_service_that_may_be_called_client_secret_is_no_secret(home: Home) -> None:
    home.map(
        '[services.client_secret]\nconnection_name = "x"\nenv = { CLIENT_SECRET = "{password}" }\n'
    )
    assert "client_secret" in home.load().services


def test_an_error_names_a_file_below_home_with_a_tilde(home: Home) -> None:
    import os

    path = os.path.join(os.environ["HOME"], "no-such-folder", "x.toml")
    with pytest.raises(ConfigurationError) as caught:
        config.load(path, home.environ, "/")
    assert "~/no-such-folder/x.toml" in caught.value.message


URLS = [
    ("https://acme.scalekit.com", "https://acme.scalekit.com"),
    ("https://acme.scalekit.com/", "https://acme.scalekit.com"),
    ("HTTPS://ACME.scalekit.com:443/", "https://acme.scalekit.com"),
    ("https://127.0.0.1:8443", "https://127.0.0.1:8443"),
    ("https://[::1]:8443/", "https://[::1]:8443"),
    ("https://[::1]", "https://[::1]"),
    ("https://localhost:0443", "https://localhost"),
]
NO_URLS = """
|acme.scalekit.com|http://a.b|https:/a.b|ftp://a.b|https://|https:///|https://a.b//|https://a.b/c
https://u@a.b|https://u:p@a.b|https://a.b?q|https://a.b#f|https://a.b:|https://a.b:0|https://a.b:65536
https://a.b:x|https://a b|https://a..b|https://.a|https://a.|https://-a.b|https://a_.b c|https://bücher.example
https://[::1|https://[zz]|https://::1|https://a.b\\c|https://a.b:８443|https://a%2eb| https://a.b|https://a.b\t
"""  # noqa: RUF001 - a full-width digit is one of the cases


@pytest.mark.parametrize(("text", "normal"), URLS)
def test_two_ways_to_write_one_address_come_out_alike(text: str, normal: str) -> None:
    assert config.normal_url(text) == normal
    assert config.normal_url(normal) == normal


@pytest.mark.parametrize(
    "text", [word for line in NO_URLS.strip("\n").split("\n") for word in line.split("|")]
)
def test_an_address_that_is_not_scalekits_bare_one_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="must ") as caught:
        config.normal_url(text)
    assert not text or text not in str(caught.value)
