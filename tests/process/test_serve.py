"""`--serve` on the installed program: a broker beside a real child, over the emulator."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.launches import Folder

GMAIL = {"connection_name": "gmail_u3134a", "identifier": "mess"}
SLACK = {"connection_name": "slack_x7y9z", "identifier": "ops-bot"}
# `ask(path)` is what a program without any library of ours does.
ASK = """
import json, os, sys, time, urllib.request
def ask(path, accept="application/json"):
    headers = {"Authorization": "Bearer " + os.environ["SCALEKIT_EXEC_AUTH"], "Accept": accept}
    request = urllib.request.Request(os.environ["SCALEKIT_EXEC_URL"] + path, headers=headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read().decode()
"""
DESK = """
[services.freshdesk]
connection_name = "freshdesk_1"
identifier = "mess"
env = { FRESHDESK_KEY = "{username}", FRESHDESK_AUTH = "basic {username}:{password}" }
"""


def child(code: str) -> tuple[str, ...]:
    return ("--", sys.executable, "-c", ASK + code)


def reads(folder: Folder, connector: str) -> int:
    assert folder.sandbox is not None
    asked = [c for c in folder.sandbox.requests() if c["operation"] == "auth"]
    return len([c for c in asked if c["connector"] == connector])


def accounts(folder: Folder, *given: dict[str, Any]) -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(*given)


def is_up(url: str) -> bool:
    try:
        socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])), timeout=5).close()
    except ConnectionRefusedError:
        return False
    return True


def is_gone(url: str, seconds: float = 5.0) -> bool:
    end = time.monotonic() + seconds
    while is_up(url):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def test_the_child_gets_its_tokens_and_the_way_to_fresh_ones(folder: Folder) -> None:
    done = folder.launch("--serve", "gmail", "slack")
    assert (done.status, done.err) == (0, "")
    env = done.child
    assert env["GMAIL_TOKEN"].startswith("sandbox-")
    assert env["SCALEKIT_EXEC"] == "gmail=GMAIL_TOKEN,slack=SLACK_BOT_TOKEN"
    assert env["SCALEKIT_EXEC_URL"].startswith("http://127.0.0.1:")
    assert len(env["SCALEKIT_EXEC_AUTH"]) >= 43
    assert env["NO_PROXY"] == env["no_proxy"] == "127.0.0.1,localhost"
    assert "SCALEKIT_CLIENT_SECRET" not in env
    assert not is_up(env["SCALEKIT_EXEC_URL"])


def test_the_bearer_is_another_one_each_time(folder: Folder) -> None:
    first, second = (folder.launch("--serve", "gmail").child for _ in range(2))
    assert first["SCALEKIT_EXEC_AUTH"] != second["SCALEKIT_EXEC_AUTH"]


def test_serve_only_gives_the_broker_and_no_token(folder: Folder) -> None:
    stale = {"GMAIL_TOKEN": "stale", "GMAIL_TOKEN_EXPIRES_AT": "2020-01-01T00:00:00Z"}
    done = folder.launch("--serve-only", "gmail", env=stale)
    assert {"SCALEKIT_EXEC_URL", "SCALEKIT_EXEC_AUTH"} <= done.child.keys()
    assert not {"GMAIL_TOKEN", "GMAIL_TOKEN_EXPIRES_AT", "SCALEKIT_EXEC"} & done.child.keys()
    code = "print(ask('/v1/token/gmail', 'text/plain'))"
    assert folder.launch("--serve-only", "gmail", *child(code)).out.startswith("sandbox-")


def test_where_one_service_fails_nothing_is_served(folder: Folder) -> None:
    accounts(folder, SLACK | {"status": "EXPIRED"})
    done = folder.launch("--serve", "gmail", "slack")
    assert (done.status, done.started) == (125, False)
    assert "error[authorization-required]" in done.err


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"no_proxy": "a.example"}, {"no_proxy": "a.example,127.0.0.1,localhost"}),
        ({"NO_PROXY": "a.example"}, {"no_proxy": "a.example,127.0.0.1,localhost"}),
        ({"NO_PROXY": "a, localhost", "no_proxy": ""}, {"NO_PROXY": "a, localhost,127.0.0.1"}),
        ({"NO_PROXY": "a", "no_proxy": "b"}, {"no_proxy": "b,127.0.0.1,localhost"}),
        ({"NO_PROXY": "*"}, {"no_proxy": "*", "NO_PROXY": "*"}),
    ],
)
def test_what_needs_no_proxy_is_added_to_what_was_there(
    folder: Folder, given: dict[str, str], wanted: dict[str, str]
) -> None:
    got = folder.launch("--serve", "gmail", env=given).child
    assert {name: got[name] for name in wanted} == wanted
    assert "127.0.0.1" in got["NO_PROXY"] + "*127.0.0.1" * (got["NO_PROXY"] == "*")


def test_a_child_that_outlives_three_tokens_always_gets_a_live_one(folder: Folder) -> None:
    # The launch itself reads a short one twice.
    accounts(folder, GMAIL | {"expires_in": [2, 2, 1.5, 1.5, 1.5, 3600], "rotate": True})
    code = """
from datetime import datetime, timezone
tokens, late = [], 0
until = time.monotonic() + 12
while len(tokens) < 5 and time.monotonic() < until:
    told = json.loads(ask("/v1/token/gmail"))
    # Shown ends are rounded down to whole seconds.
    ends = datetime.fromisoformat(told["expires_at"]).timestamp() + 1
    late += ends <= time.time()
    if told["token"] not in tokens:
        tokens.append(told["token"])
    time.sleep(0.05)
print(len(tokens), late)
"""
    done = folder.launch("--serve", "gmail", "-q", *child(code))
    assert (done.out, done.err) == ("5 0\n", "")


def test_two_hundred_clients_at_once_cost_one_read_per_service_and_expiry(folder: Folder) -> None:
    short = {"expires_in": [1, 1, 3600], "rotate": True}
    accounts(folder, GMAIL | short, SLACK | short)
    code = """
from concurrent.futures import ThreadPoolExecutor
time.sleep(1.2)
with ThreadPoolExecutor(200) as pool:
    words = ["gmail", "slack"] * 100
    print(len(set(pool.map(lambda word: ask("/v1/token/" + word, "text/plain"), words))))
"""
    done = folder.launch("--serve", "gmail", "slack", "-q", *child(code))
    assert (done.out, done.err) == ("2\n", "")
    assert reads(folder, "gmail_u3134a") == reads(folder, "slack_x7y9z") == 3


def test_a_failure_later_on_is_told_to_who_asks_and_to_nobody_else(folder: Folder) -> None:
    accounts(folder, GMAIL | {"expires_in": [1, 1, 3600], "rotate": True})
    code = """
import subprocess, urllib.error
sys.stdin.readline()
time.sleep(1.2)
try:
    ask("/v1/token/gmail")
except urllib.error.HTTPError as error:
    told = json.loads(error.read())
    print(error.code, told["error"], told["link"], "scalekit-auth authorize" in told["hint"])
"""
    process = folder.start("--serve", "gmail", "-q", *child(code), stdin=subprocess.PIPE)
    while reads(folder, "gmail_u3134a") < 2:
        time.sleep(0.05)
    accounts(folder, GMAIL | {"status": "EXPIRED"})
    out, err = process.communicate(b"\n", timeout=30)
    assert (out, err) == (b"503 authorization-required None True\n", b"")
    assert folder.sandbox is not None
    assert not [c for c in folder.sandbox.requests() if c["operation"] == "link"]


def started(folder: Folder, *words: str, code: str = "time.sleep(60)") -> tuple[Any, str, int]:
    """Start a launch that serves; return it, its broker's URL and the child's pid."""
    tell = "print(os.environ['SCALEKIT_EXEC_URL'], os.getpid(), flush=True)\n"
    process = folder.start("--serve", "gmail", *words, *child(tell + code))
    assert process.stdout is not None
    url, pid = process.stdout.readline().split()
    return process, url.decode(), int(pid)


def test_it_is_gone_when_the_child_is_killed(folder: Folder) -> None:
    process, url, pid = started(folder)
    assert is_up(url)
    os.kill(pid, signal.SIGKILL)
    out, err = process.communicate(timeout=10)
    assert (process.returncode, out, err) == (-signal.SIGKILL, b"", b"")
    assert not is_up(url)


def test_it_is_gone_when_the_launch_is_killed(folder: Folder) -> None:
    process, url, pid = started(folder)
    try:
        process.kill()
        process.wait(10)
        assert is_gone(url)
        os.kill(pid, 0)  # the child itself goes on, without tokens
    finally:
        os.kill(pid, signal.SIGKILL)
        process.communicate()


def test_it_is_gone_although_something_of_the_child_lives_on(folder: Folder) -> None:
    code = "import subprocess; subprocess.Popen(['sleep', '9']); sys.exit(7)"
    process, url, _ = started(folder, code=code)
    began = time.monotonic()
    assert process.wait(10) == 7
    assert time.monotonic() - began < 5
    assert not is_up(url)
    process.stdout.close()
    process.stderr.close()


def test_the_child_inherits_no_socket(folder: Folder) -> None:
    code = "print(sorted(os.readlink('/proc/self/fd/' + n)[:6] for n in '3456789' if os.path.exists('/proc/self/fd/' + n)))"  # noqa: E501
    assert "socket" not in folder.launch("--serve", "gmail", *child(code)).out


@contextmanager
def recording_proxy() -> Iterator[tuple[str, list[bytes]]]:
    """Run a proxy that answers 502 to everything and keeps what it was sent."""
    seen: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def run() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(5)
                    seen.append(connection.recv(65536))
                    connection.sendall(b"HTTP/1.1 502 Recorded\r\nContent-Length: 0\r\n\r\n")

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", seen
        server.shutdown(socket.SHUT_RDWR)
        thread.join(5)


CLIENTS = """
import httpx, requests, subprocess, urllib.error
url = os.environ["SCALEKIT_EXEC_URL"] + "/v1/token/gmail"
auth = {"Authorization": "Bearer " + os.environ["SCALEKIT_EXEC_AUTH"], "Accept": "text/plain"}
headers = [word for name, text in auth.items() for word in ("-H", f"{name}: {text}")]
def curl(url):
    return subprocess.run(["curl", "-s", *headers, url], capture_output=True, text=True).stdout
tokens = {curl(url), requests.get(url, headers=auth).text, httpx.get(url, headers=auth).text,
          ask("/v1/token/gmail", "text/plain")}
print(*tokens)
elsewhere = "http://elsewhere.example/"
curl(elsewhere)
requests.get(elsewhere)
httpx.get(elsewhere)
try:
    urllib.request.urlopen(elsewhere)
except urllib.error.HTTPError:
    pass
"""


@pytest.mark.parametrize("kept", ["", "a.example"])
def test_no_proxy_sees_what_goes_to_the_broker(folder: Folder, kept: str) -> None:
    with recording_proxy() as (proxy, seen):
        env: dict[str, str | None] = {"HTTP_PROXY": proxy, "http_proxy": proxy, "ALL_PROXY": proxy}
        env["NO_PROXY"] = kept or None
        done = folder.launch("--serve", "gmail", *child(CLIENTS), env=env)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("sandbox-")
    assert len(done.out.split()) == 1
    assert len(seen) == 4, "not all four ask the proxy for other hosts"
    assert all(b"elsewhere.example" in request for request in seen)


def test_pass_alone_is_still_refused(folder: Folder) -> None:
    done = folder.launch("gmail", "--pass", "FOO")
    assert done.status == 125
    assert "error[usage]: --pass means nothing" in done.err


TOKEN = "from scalekit_exec import get_token\n"


def test_get_token_asks_the_broker_first(folder: Folder) -> None:
    accounts(folder, GMAIL | {"expires_in": [1, 1, 3600], "rotate": True})
    code = (
        TOKEN + "time.sleep(1.2); new = get_token('gmail'); print(new, new == get_token('gmail'))"
    )
    done = folder.launch("--serve", "gmail", "-q", *child(code))
    token, same = done.out.split()
    assert token.endswith("-3")
    assert same == "True"
    assert reads(folder, "gmail_u3134a") == 3


def test_get_token_goes_on_where_the_broker_cannot_help(folder: Folder) -> None:
    code = TOKEN + "print(get_token('gmail') == os.environ['GMAIL_TOKEN'])"
    closed = {"SCALEKIT_EXEC_URL": "http://127.0.0.1:1", "SCALEKIT_EXEC_AUTH": "x" * 64}
    assert folder.launch("gmail", *child(code), env=closed).out == "True\n"
    code = (
        TOKEN
        + """
from scalekit_exec import ScalekitExecError
try:
    get_token("notion")
except ScalekitExecError as error:
    print(error.code)
"""
    )
    folder.map(DESK)
    assert folder.launch("--serve", "freshdesk=DESK", *child(code)).out == "unknown-service\n"


NODE = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")


@pytest.mark.parametrize(
    ("language", "program"),
    [("sh", "sh"), ("python", sys.executable), pytest.param("js", "node", marks=NODE)],
)
def test_the_code_of_the_documents_gets_a_token(
    folder: Folder, language: str, program: str
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "broker.md").read_text()
    blocks = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (code,) = [block for block in blocks if "SCALEKIT_EXEC_URL" in block]
    option = "-e" if language == "js" else "-c"
    done = folder.launch("--serve-only", "gmail", "--", program, option, code)
    assert done.out.strip().startswith("sandbox-"), done.err
    assert done.err == ""


def test_a_broker_of_the_sandbox_serves_until_the_child_ends(folder: Folder) -> None:
    code = "print(ask('/v1/token/gmail', 'text/plain'))"
    done = folder.launch("--sandbox", "--serve-only", "gmail", *child(code))
    assert done.out.startswith("sandbox-")
    assert folder.sandbox is not None
    assert folder.sandbox.requests() == []


@pytest.mark.parametrize("transport", ["https", "sdk"])
def test_the_broker_reads_over_either_transport(folder: Folder, transport: str) -> None:
    accounts(folder, GMAIL | {"expires_in": [1, 1, 3600], "rotate": True})
    code = "time.sleep(1.2); print(ask('/v1/token/gmail', 'text/plain'))"
    env = {"SCALEKIT_EXEC_TRANSPORT": transport}
    done = folder.launch("--serve", "gmail", "-q", *child(code), env=env)
    assert done.out.endswith("-3\n")
    assert done.err == ""


def test_redacted_output_shows_neither_the_bearer_nor_a_later_token(folder: Folder) -> None:
    accounts(folder, GMAIL | {"expires_in": [1, 1, 3600], "rotate": True})
    code = (
        "time.sleep(1.2); print('a', os.environ['SCALEKIT_EXEC_AUTH'])\n"
        "print('b', ask('/v1/token/gmail', 'text/plain'))"
    )
    done = folder.launch("--serve", "--redact", "gmail", "-q", *child(code))
    assert done.out == "a [REDACTED]\nb [REDACTED]\n"


def test_json_is_one_object_with_the_promised_keys(folder: Folder) -> None:
    code = "print(ask('/v1/environment/gmail'))"
    told = json.loads(folder.launch("--serve", "gmail", *child(code)).out)
    assert told.keys() >= {"version", "service", "variables", "expires_at", "connection_name"}
    assert told["variables"].keys() == {"GMAIL_TOKEN"}
