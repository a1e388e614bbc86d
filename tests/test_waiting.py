"""A launch, or `authorize`, that waits for a person; the person is a click over HTTPS."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.authorization import Target
from scalekit_exec.clock import Deadline, format_rfc3339, parse_rfc3339
from scalekit_exec.model import AccountKey, Link, Service, Wanted
from scalekit_exec.transport import answers
from scalekit_exec.waiting import Effects, Options, Show, Terminal
from scalekit_exec.waiting.show import countdown
from tests.support.launches import CHILD, PROGRAM, Folder
from tests.support.people import click, fetch
from tests.support.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

AUTH = str(Path(PROGRAM).with_name("scalekit-auth"))
LINK = re.compile(r"https://127\.0\.0\.1:\d+/magic_link/\S+")
PAGE = re.compile(r"http://127\.0\.0\.1:\d+/open/\S+")
GMAIL = {"connection_name": "gmail_u3134a", "identifier": "mess"}
SLACK = {"connection_name": "slack_x7y9z", "identifier": "ops-bot"}


class Waiting:
    """A process that waits, and what it has said so far."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.said = ""

    def until(self, pattern: re.Pattern[str]) -> str:
        """Read stderr up to a line that has the pattern; return what it found."""
        assert self.process.stderr is not None
        while True:
            line = self.process.stderr.readline().decode()
            assert line, self.said
            self.said += line
            if found := pattern.search(line):
                return found.group(0)

    def end(self, seconds: float = 30) -> tuple[int, str]:
        """Wait for its end; return status and stdout."""
        out, err = self.process.communicate(timeout=seconds)
        self.said += err.decode()
        return self.process.returncode, out.decode()


def launch(folder: Folder, *words: str, env: dict[str, str | None] | None = None) -> Waiting:
    command = (sys.executable, "-c", CHILD) if "--" not in words else ()
    return Waiting(folder.start(*words, *(("--", *command) if command else ()), env=env))


def authorize(folder: Folder, *words: str, env: dict[str, str | None] | None = None) -> Waiting:
    return auth(folder, "authorize", *words, env=env)


def auth(folder: Folder, *words: str, env: dict[str, str | None] | None = None) -> Waiting:
    process = subprocess.Popen(
        [AUTH, *words],
        env=folder.variables(env),
        cwd=folder.path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    return Waiting(process)


def expire(folder: Folder, *accounts: dict[str, str], status: str = "EXPIRED") -> None:
    assert folder.sandbox is not None
    folder.sandbox.set_accounts(*({**account, "status": status} for account in accounts))


@pytest.fixture(params=["https", "sdk"])
def transport(request: pytest.FixtureRequest, folder: Folder) -> str:
    folder.environ["SCALEKIT_EXEC_TRANSPORT"] = request.param
    return str(request.param)


def test_a_launch_goes_on_when_the_person_has_allowed_it(folder: Folder, transport: str) -> None:
    assert folder.sandbox is not None
    expire(folder, GMAIL)
    waiting = launch(folder, "--wait", "gmail", "slack")
    click(folder.sandbox, waiting.until(LINK))
    status, out = waiting.end()
    assert status == 0, waiting.said
    child = json.loads(out)
    assert child["GMAIL_TOKEN"].startswith("sandbox-")
    assert child["SCALEKIT_EXEC"] == "gmail=GMAIL_TOKEN,slack=SLACK_BOT_TOKEN"
    calls = folder.sandbox.requests()
    reads = [c["connector"] for c in calls if c["operation"] == "auth"]
    assert sorted(reads) == ["gmail_u3134a", "gmail_u3134a", "slack_x7y9z"], transport
    assert {c["connector"] for c in calls if c["operation"] == "details"} == {"gmail_u3134a"}


def test_several_services_are_shown_and_awaited_together(folder: Folder) -> None:
    assert folder.sandbox is not None
    expire(folder, GMAIL, SLACK, status="DISCONNECTED")
    waiting = launch(folder, "--wait", "gmail", "slack")
    links = [waiting.until(LINK), waiting.until(LINK)]
    assert "waiting 300 s for gmail, slack" in waiting.said
    for link in links:
        click(folder.sandbox, link)
    assert waiting.end()[0] == 0, waiting.said


def test_two_words_for_one_account_need_one_click(folder: Folder) -> None:
    assert folder.sandbox is not None
    expire(folder, GMAIL)
    waiting = launch(folder, "--wait", "gmail=A_TOKEN", "slack", "gmail=B_TOKEN")
    click(folder.sandbox, waiting.until(LINK))
    status, out = waiting.end()
    assert status == 0, waiting.said
    child = json.loads(out)
    assert child["A_TOKEN"] == child["B_TOKEN"]
    assert child["SCALEKIT_EXEC"] == "gmail=A_TOKEN,slack=SLACK_BOT_TOKEN,gmail=B_TOKEN"
    links = [c for c in folder.sandbox.requests() if c["operation"] == "link"]
    assert len(links) == 1


def test_what_is_not_required_is_never_waited_for(folder: Folder) -> None:
    assert folder.sandbox is not None
    expire(folder, GMAIL, SLACK)
    folder.map(
        '[services.gmail]\nconnection_name = "gmail_u3134a"\nidentifier = "mess"\n'
        '[services.slack]\nconnection_name = "slack_x7y9z"\nidentifier = "ops-bot"\n'
        "required = false\n"
    )
    waiting = launch(folder, "--wait", "gmail", "slack")
    click(folder.sandbox, waiting.until(LINK))
    status, out = waiting.end()
    assert status == 0, waiting.said
    assert "waiting 300 s for gmail;" in waiting.said
    assert "warning[authorization-required]: slack" in waiting.said
    assert "SLACK_TOKEN" not in json.loads(out)
    assert [c["connector"] for c in folder.sandbox.requests() if c["operation"] == "link"] == [
        "gmail_u3134a"
    ]


def test_two_users_of_one_service_are_told_apart(folder: Folder) -> None:
    assert folder.sandbox is not None
    for name in ("zed1", "zed2"):
        expire(folder, {"connection_name": "gmail_u3134a", "identifier": name})
    for start in (launch, authorize):
        waiting = start(folder, "--wait=60", "gmail@zed1", "gmail@zed2=B")
        said = waiting.until(re.compile(r"waiting 60 s for .*;"))
        assert said == "waiting 60 s for gmail@zed1, gmail@zed2;"
        for _ in range(2):
            line = waiting.until(re.compile(r"gmail@\S+: open .*"))
            click(folder.sandbox, LINK.findall(line)[0])
        assert waiting.end()[0] == 0
        assert "gmail@zed1: authorized\n" in waiting.said
        assert "gmail@zed2: authorized\n" in waiting.said
        assert "gmail:" not in waiting.said
        for name in ("zed1", "zed2"):
            expire(folder, {"connection_name": "gmail_u3134a", "identifier": name})
    again = authorize(folder, "slack@me")
    again.end()
    assert "slack@me: authorized already" in again.said


def test_an_account_that_is_not_there_yet_is_made_by_the_person_and_not_by_us(
    folder: Folder,
) -> None:
    with running_sandbox('[[connections]]\nname = "gmail_u3134a"\nprovider = "GMAIL"\n') as empty:
        folder.sandbox = empty
        waiting = launch(folder, "--wait", "gmail")
        link = waiting.until(LINK)
        assert 'no account "mess" on gmail_u3134a yet' in waiting.said
        click(empty, link)
        assert waiting.end()[0] == 0, waiting.said
        assert {c["operation"] for c in empty.requests()} <= {
            *("token", "auth", "link", "details", "consent")
        }


def test_a_wait_that_runs_out_is_authorization_required(folder: Folder) -> None:
    expire(folder, GMAIL)
    waiting = launch(folder, "--wait=1", "gmail")
    status, out = waiting.end()
    assert (status, out) == (125, "")
    assert "error[authorization-required]" in waiting.said
    assert "(status EXPIRED); nobody did within 1 s\n" in waiting.said
    assert "hint: give the user this link" in waiting.said
    assert not folder.witness.exists()


def test_links_that_all_ended_are_told_of(folder: Folder) -> None:
    scenario = f"link_lifetime = 0.3\n[[accounts]]\n{_toml(GMAIL)}status = 'EXPIRED'\n"
    with running_sandbox(scenario) as short:
        folder.sandbox = short
        for start, status in ((launch, 125), (authorize, 4)):
            waiting = start(folder, "--wait=60", "gmail")
            assert waiting.end()[0] == status
            told = "(status EXPIRED); 6 links have ended without being used\n"
            assert told in waiting.said


def test_a_link_that_ends_while_waiting_is_renewed(folder: Folder) -> None:
    scenario = f"link_lifetime = 2\n[[accounts]]\n{_toml(GMAIL)}status = 'EXPIRED'\n"
    with running_sandbox(scenario) as short:
        folder.sandbox = short
        waiting = launch(folder, "--wait=60", "gmail")
        first = waiting.until(LINK)
        second = waiting.until(LINK)
        assert first != second
        assert "that link has ended" in waiting.said
        assert "has expired" in fetch(short, first).body
        click(short, second)
        assert waiting.end()[0] == 0, waiting.said


def test_a_token_that_has_aged_during_the_wait_is_read_anew(folder: Folder) -> None:
    scenario = (
        f"[[accounts]]\n{_toml(GMAIL)}status = 'EXPIRED'\n"
        f"[[accounts]]\n{_toml(SLACK)}expires_in = [3, 3600]\n"
    )
    with running_sandbox(scenario) as ageing:
        folder.sandbox = ageing
        waiting = launch(folder, "--wait", "--min-ttl=2", "gmail", "slack")
        click(ageing, waiting.until(LINK))
        status, out = waiting.end()
        assert status == 0, waiting.said
        ends = parse_rfc3339(json.loads(out)["SLACK_BOT_TOKEN_EXPIRES_AT"])
        assert ends > time.time() + 3000
        assert "token-expiring" not in waiting.said


class Minting:
    """A vault that makes links as a server does whose clock is not ours."""

    def __init__(self, link: Link) -> None:
        self._link = link

    def link(self, key: AccountKey, *, state: str = "", user_verify_url: str = "") -> Link:
        assert key
        assert state == user_verify_url == ""
        return self._link

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is not asked for")


@pytest.mark.parametrize("ahead", [-600, 600])
def test_a_link_lives_as_long_as_the_servers_clock_says(ahead: float) -> None:
    server = time.time() + ahead
    body = {"link": "https://a.example/1", "expiry": format_rfc3339(server + 60)}
    link = answers.link(body, "a.example", server)
    assert link.expires_at == int(server + 60)
    effects = Effects(
        Minting(link), Deadline(5), Options("a.example"), Show(print), Terminal(wanted=False)
    )
    wanted = Wanted(Service("gmail", "c", ()), "mess", (), "gmail")
    target = Target(wanted)
    try:
        assert effects.make_link(target, 1) is link
        assert effects.expires_at(target) == pytest.approx(time.time() + 60, abs=3)
    finally:
        effects.close()


def test_an_account_that_is_not_told_of_holds_up_nobody_and_not_the_end(folder: Folder) -> None:
    assert folder.sandbox is not None
    expire(folder, GMAIL, SLACK)
    folder.sandbox.add_fault(on="details", kind="hang", seconds=30, connection="gmail_u3134a")
    begun = time.monotonic()
    waiting = launch(folder, "--wait=7", "gmail", "slack")
    links = [waiting.until(LINK), waiting.until(LINK)]
    for link in links:
        click(folder.sandbox, link)
    waiting.until(re.compile("slack: authorized"))
    assert waiting.end()[0] == 125
    assert "error[authorization-required]" in waiting.said
    assert time.monotonic() - begun < 12


def test_a_child_is_not_the_parent_of_the_browser(folder: Folder, tmp_path: Path) -> None:
    assert folder.sandbox is not None
    opened = tmp_path / "opened"
    script = tmp_path / "browser"
    script.write_text(
        f'#!/bin/sh\nprintf %s "$1" > {opened}.new\nmv {opened}.new {opened}\nexec sleep 8\n'
    )
    script.chmod(0o755)
    expire(folder, GMAIL)
    child = "import os\ntry: print(os.wait())\nexcept ChildProcessError: print('none')"
    words = ("--open", "gmail", "--", sys.executable, "-c", child)
    waiting = Waiting(folder.start(*words, env={"BROWSER": f"{script} %s"}))
    click(folder.sandbox, opened_address(opened))
    assert waiting.process.stdout is not None
    assert waiting.process.stdout.readline() == b"none\n"
    waiting.end()


def _toml(values: dict[str, str]) -> str:
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


def test_while_waiting_ctrl_c_ends_us_by_the_signal(folder: Folder) -> None:
    expire(folder, GMAIL)
    waiting = launch(folder, "--wait", "gmail")
    waiting.until(LINK)
    waiting.process.send_signal(signal.SIGINT)
    status, out = waiting.end(5)
    assert (status, out) == (-signal.SIGINT, "")
    assert "Traceback" not in waiting.said


def test_another_failure_is_told_at_once_and_nobody_is_bothered(folder: Folder) -> None:
    assert folder.sandbox is not None
    expire(folder, GMAIL)
    folder.sandbox.set_accounts({**SLACK, "no_credential": True})
    waiting = launch(folder, "--wait", "gmail", "slack")
    assert waiting.end()[0] == 125
    assert "error[no-credential]" in waiting.said
    assert "error[authorization-required]" in waiting.said
    assert not [c for c in folder.sandbox.requests() if c["operation"] == "link"]


def test_json_tells_of_every_link(folder: Folder) -> None:
    assert folder.sandbox is not None
    expire(folder, GMAIL)
    waiting = launch(folder, "--wait", "--json", "gmail")
    link = waiting.until(LINK).split('"')[0]
    told = json.loads(waiting.said.splitlines()[-1])
    assert told.pop("expires_at").endswith("Z")
    assert told == {
        "version": 1,
        "event": "authorize",
        "service": "gmail",
        "identifier": "mess",
        "link": link,
    }
    click(folder.sandbox, link)
    assert waiting.end()[0] == 0


def test_with_json_every_line_is_json(folder: Folder) -> None:
    assert folder.sandbox is not None
    expire(folder, GMAIL)
    waiting = launch(folder, "--wait", "--json", "gmail")
    click(folder.sandbox, waiting.until(LINK).split('"')[0])
    assert waiting.end()[0] == 0
    told = [json.loads(line) for line in waiting.said.splitlines()]
    assert {"version": 1, "event": "note", "message": "gmail: authorized"} in told


def test_where_no_link_can_be_made_nobody_is_told_to_make_one(folder: Folder) -> None:
    assert folder.sandbox is not None
    expire(folder, GMAIL)
    folder.sandbox.add_fault(on="link", kind="status", status=403, permission="a:b")
    waiting = launch(folder, "gmail")
    assert waiting.end()[0] == 125
    assert "no link could be made" in waiting.said
    assert "make a link" not in waiting.said


def test_without_a_terminal_nobody_is_waited_for(folder: Folder) -> None:
    expire(folder, GMAIL)
    waiting = launch(folder, "gmail")
    assert waiting.end(10)[0] == 125
    assert "waiting" not in waiting.said


@pytest.mark.parametrize(
    ("words", "env"),
    [
        (["--wait", "--no-wait"], {}),
        ([], {"SCALEKIT_EXEC_WAIT": "0"}),
        (["--no-wait"], {"SCALEKIT_EXEC_WAIT": "true"}),
    ],
)
def test_the_last_word_on_waiting_counts(
    folder: Folder, words: list[str], env: dict[str, str | None]
) -> None:
    expire(folder, GMAIL)
    waiting = launch(folder, *words, "gmail", env=env)
    assert waiting.end(10)[0] == 125
    assert "waiting" not in waiting.said


@pytest.mark.parametrize("start", [launch, authorize])
def test_a_variable_does_not_say_no_to_open_but_a_word_does(
    folder: Folder, browser: Path, start: Callable[..., Waiting]
) -> None:
    expire(folder, GMAIL)
    env: dict[str, str | None] = {"SCALEKIT_EXEC_WAIT": "0", "BROWSER": str(browser)}
    waiting = start(folder, "gmail", "--open", env=env)
    waiting.until(re.compile("waiting 300 s for gmail"))
    waiting.process.send_signal(signal.SIGINT)
    waiting.end()
    for word in ("--no-wait", "--wait=0"):
        refused = start(folder, "gmail", "--open", word, env=env)
        assert refused.end()[0] == (125 if start is launch else 2)
        assert "error[usage]: --open means nothing with " in refused.said


def test_authorize_answers_in_the_order_of_its_words(folder: Folder) -> None:
    expire(folder, GMAIL)
    assert folder.sandbox is not None
    folder.sandbox.set_accounts({**GMAIL, "status": "EXPIRED"}, SLACK)
    for words in (["gmail", "slack"], ["slack", "gmail"]):
        waiting = authorize(folder, *words, "--no-wait", "--json")
        status, out = waiting.end()
        assert status == 4
        rows = json.loads(out)["services"]
        assert [row["service"] for row in rows] == words


@given(
    st.lists(st.from_regex(r"[a-z]{1,20}", fullmatch=True), min_size=1, max_size=9),
    st.none() | st.integers(0, 3599),
    st.integers(20, 120),
)
def test_the_countdown_tells_the_time_in_every_width(
    names: list[str], left: int | None, width: int
) -> None:
    line = countdown(names, left, width)
    assert len(line) <= width
    if left is not None:
        assert line.endswith(f"link good for {left // 60}:{left % 60:02d}")
    whole = f"waiting for {', '.join(names)}"
    if len(f"{whole}, link good for 59:59") <= width:
        assert line.startswith(whole)


def test_as_many_are_named_as_there_is_room_for() -> None:
    names = ["gmail", "slack", "notes", "a-calendar"]
    assert countdown(names, 61, 80).startswith("waiting for gmail, slack, notes, a-calendar, link")
    assert countdown(names, 61, 59) == "waiting for gmail, slack and 2 more, link good for 1:01"
    assert countdown(names, 61, 40) == "waiting for 4, link good for 1:01"
    assert countdown(names, 61, 30) == "link good for 1:01"
    assert countdown(names, None, 30) == "waiting for gmail and 3 more"


def test_the_environment_can_ask_for_waiting(folder: Folder) -> None:
    expire(folder, GMAIL)
    waiting = launch(folder, "gmail", env={"SCALEKIT_EXEC_WAIT": "1"})
    assert waiting.end()[0] == 125
    assert "waiting 1 s for gmail" in waiting.said


@pytest.fixture
def browser(folder: Folder, tmp_path: Path) -> Path:
    """Set BROWSER to a script that writes down the address it was given."""
    opened = tmp_path / "opened"
    script = tmp_path / "browser"
    script.write_text(f'#!/bin/sh\nprintf %s "$1" > {opened}.new\nmv {opened}.new {opened}\n')
    script.chmod(0o755)
    folder.environ["BROWSER"] = f"{script} %s"
    return opened


def opened_address(opened: Path) -> str:
    end = time.monotonic() + 20
    while not opened.exists():
        assert time.monotonic() < end
        time.sleep(0.02)
    return opened.read_text()


class TestBrowser:
    """`--open`: a page of ours that leads to a link made at that moment."""

    def test_the_page_leads_to_a_fresh_link_once(self, folder: Folder, browser: Path) -> None:
        assert folder.sandbox is not None
        expire(folder, GMAIL)
        waiting = launch(folder, "--open", "gmail")
        address = opened_address(browser)
        assert PAGE.fullmatch(address)
        assert not [c for c in folder.sandbox.requests() if c["operation"] == "link"]
        wrong = fetch(folder.sandbox, address, host="evil.example")
        assert (wrong.status, wrong.location) == (403, "")
        page = click(folder.sandbox, address)
        assert "Authorized" in page.body
        assert fetch(folder.sandbox, address).status == 404
        assert waiting.end()[0] == 0, waiting.said

    def test_in_custom_mode_the_sign_in_returns_here_and_is_verified(
        self, folder: Folder, browser: Path
    ) -> None:
        scenario = f"verification = 'custom'\n[[accounts]]\n{_toml(GMAIL)}status = 'EXPIRED'\n"
        with running_sandbox(scenario) as custom:
            folder.sandbox = custom
            waiting = launch(folder, "--open", "gmail")
            page = click(custom, opened_address(browser))
            assert "gmail for mess is authorized" in page.body
            assert waiting.end()[0] == 0, waiting.said
            (verify,) = [c for c in custom.requests() if c["operation"] == "verify"]
            assert verify["identifier"] == "mess"

    def test_a_denial_ends_it_with_a_clear_message(self, folder: Folder, browser: Path) -> None:
        assert folder.sandbox is not None
        expire(folder, GMAIL)
        waiting = launch(folder, "--open", "gmail")
        page = click(folder.sandbox, opened_address(browser), "deny")
        assert "was not authorized (access_denied)" in page.body
        status, out = waiting.end()
        assert (status, out) == (125, "")
        assert 'gmail: "mess" did not authorize gmail_u3134a (access_denied)' in waiting.said

    def test_a_refused_link_ends_it_and_not_only_the_page(
        self, folder: Folder, browser: Path
    ) -> None:
        assert folder.sandbox is not None
        expire(folder, GMAIL)
        folder.sandbox.add_fault(on="link", kind="status", status=403, permission="a:b")
        waiting = launch(folder, "--open", "gmail")
        assert "No link could be made" in fetch(folder.sandbox, opened_address(browser)).body
        assert waiting.end(10) == (125, "")
        assert "error[forbidden]" in waiting.said

    def test_a_variable_against_waiting_does_not_count(self, folder: Folder, browser: Path) -> None:
        assert folder.sandbox is not None
        expire(folder, GMAIL)
        waiting = authorize(folder, "--open", "gmail", env={"SCALEKIT_EXEC_WAIT": "0"})
        click(folder.sandbox, opened_address(browser))
        assert waiting.end()[0] == 0, waiting.said

    def test_a_return_with_a_wrong_state_does_nothing(self, folder: Folder, browser: Path) -> None:
        assert folder.sandbox is not None
        expire(folder, GMAIL)
        waiting = launch(folder, "--open", "--wait=60", "gmail")
        address = opened_address(browser)
        fetch(folder.sandbox, address)
        verify = re.sub(r"/open/.*", "/verify", address)
        for query in ("?state=guess&auth_request_id=x", "?auth_request_id=x", "", "?state=%ff"):
            page = fetch(folder.sandbox, verify + query)
            assert (page.status, "no sign-in" in page.body) == (400, True)
        assert not [c for c in folder.sandbox.requests() if c["operation"] == "verify"]
        waiting.process.kill()
        waiting.end()


def test_a_users_own_verify_page_is_given_where_the_browser_is_elsewhere(folder: Folder) -> None:
    scenario = f"verification = 'custom'\n[[accounts]]\n{_toml(GMAIL)}status = 'EXPIRED'\n"
    settings = Path(os.environ["HOME"]) / ".config" / "scalekit-exec" / "config.toml"
    settings.parent.mkdir(parents=True)
    settings.write_text('[scalekit]\nuser_verify_url = "https://app.example/verify"\n')
    with running_sandbox(scenario) as custom:
        folder.sandbox = custom
        waiting = launch(folder, "--wait=60", "gmail")
        link = waiting.until(LINK)
        csrf = re.search(r'name="csrf" value="([^"]+)"', fetch(custom, link).body)
        assert csrf
        page = fetch(custom, link, {"csrf": csrf.group(1), "decision": "allow"})
        assert page.location.startswith("https://app.example/verify?auth_request_id=")
        assert "state=" in page.location
        waiting.until(re.compile("signed in; Scalekit now checks who it was"))
        waiting.process.kill()
        waiting.end()


class TestNotify:
    """`[notify] command` is told of every link, as JSON on its stdin."""

    @pytest.fixture
    def told(self, tmp_path: Path, folder: Folder) -> Path:
        path = tmp_path / "told"
        self.set(f'["sh", "-c", "cat >> {path}"]')
        assert folder
        return path

    def set(self, command: str, more: str = "") -> None:
        settings = Path(os.environ["HOME"]) / ".config" / "scalekit-exec" / "config.toml"
        settings.parent.mkdir(parents=True, exist_ok=True)
        settings.write_text(f"[notify]\ncommand = {command}\n{more}")

    def test_it_gets_service_identifier_link_and_end(self, folder: Folder, told: Path) -> None:
        assert folder.sandbox is not None
        expire(folder, GMAIL)
        waiting = launch(folder, "--wait", "gmail")
        link = waiting.until(LINK)
        click(folder.sandbox, link)
        assert waiting.end()[0] == 0
        payload: dict[str, Any] = json.loads(told.read_text())
        assert payload.pop("expires_at").endswith("Z")
        assert payload == {
            "version": 1,
            "event": "authorize",
            "service": "gmail",
            "connection_name": "gmail_u3134a",
            "identifier": "mess",
            "host": folder.sandbox.url.removeprefix("https://"),
            "link": link,
        }

    @pytest.mark.parametrize(
        ("command", "more", "says"),
        [
            ('["no-such-notifier"]', "", "cannot be started"),
            ('["false"]', "", "ended with 1"),
            ('["sleep", "30"]', "timeout = 0.2\n", "did not end within 0.2 s"),
            ('["sh", "-c", "exec <&-; echo $$; exit 0"]', "", ""),
        ],
    )
    def test_its_failure_is_a_warning(
        self, folder: Folder, command: str, more: str, says: str
    ) -> None:
        assert folder.sandbox is not None
        self.set(command, more)
        expire(folder, GMAIL)
        waiting = launch(folder, "--wait", "gmail")
        click(folder.sandbox, waiting.until(LINK))
        status, _ = waiting.end()
        assert status == 0
        assert says in waiting.said
        assert ("warning: [notify]" in waiting.said) is bool(says)

    def test_a_slow_one_holds_up_nobody(self, folder: Folder) -> None:
        assert folder.sandbox is not None
        self.set('["sleep", "30"]', "timeout = 25\n")
        expire(folder, GMAIL)
        begun = time.monotonic()
        waiting = launch(folder, "--wait", "gmail")
        click(folder.sandbox, waiting.until(LINK))
        assert waiting.end()[0] == 0
        assert time.monotonic() - begun < 12
        assert "warning" not in waiting.said

    @pytest.mark.parametrize(
        "start",
        [
            lambda folder: launch(folder, "--no-wait", "gmail", "slack"),
            lambda folder: auth(folder, "token", "gmail"),
            lambda folder: auth(folder, "export", "gmail"),
        ],
        ids=["launch", "token", "export"],
    )
    def test_who_does_not_wait_tells_of_the_link_that_it_ends_with(
        self, folder: Folder, told: Path, start: Callable[[Folder], Waiting]
    ) -> None:
        expire(folder, GMAIL)
        waiting = start(folder)
        assert waiting.end()[0] in (4, 125)
        payload = json.loads(told.read_text())
        assert payload["service"] == "gmail"
        assert payload["link"] in waiting.said

    def test_its_failure_is_a_warning_without_a_wait_too(self, folder: Folder) -> None:
        self.set('["no-such-notifier"]')
        expire(folder, GMAIL)
        waiting = launch(folder, "--no-wait", "gmail")
        assert waiting.end()[0] == 125
        assert "warning: [notify] command no-such-notifier cannot be started" in waiting.said
        assert "error[authorization-required]" in waiting.said

    @pytest.mark.parametrize(
        "start",
        [
            lambda folder: launch(folder, "--no-wait", "gmail"),
            lambda folder: auth(folder, "token", "gmail"),
        ],
        ids=["launch", "token"],
    )
    def test_the_failure_is_told_before_it_has_ended(
        self, folder: Folder, tmp_path: Path, start: Callable[[Folder], Waiting]
    ) -> None:
        gate = tmp_path / "gate"
        os.mkfifo(gate)
        self.set(f'["cat", "{gate}"]')
        expire(folder, GMAIL)
        waiting = start(folder)
        waiting.until(LINK)
        gate.write_text("")
        assert waiting.end()[0] in (4, 125)
        assert "warning" not in waiting.said

    @pytest.mark.parametrize("wait", ["--no-wait", "--wait=1"])
    def test_one_that_needs_a_link_itself_calls_nobody(
        self, folder: Folder, tmp_path: Path, wait: str
    ) -> None:
        told = tmp_path / "told"
        launcher = f"{PROGRAM} {wait} slack -- true"
        self.set(f'["sh", "-c", "cat >> {told}; cd {folder.path}; {launcher}"]')
        expire(folder, GMAIL, SLACK)
        waiting = launch(folder, "--no-wait", "gmail")
        assert waiting.end()[0] == 125
        assert "[notify] command sh ended with 125" in waiting.said
        assert len(told.read_text().splitlines()) == 1

    def test_nothing_is_told_where_nobody_is_needed(self, folder: Folder, told: Path) -> None:
        assert launch(folder, "--no-wait", "gmail").end()[0] == 0
        assert not told.exists()

    def test_authorize_without_waiting_tells_it_too(self, folder: Folder, told: Path) -> None:
        expire(folder, GMAIL)
        waiting = authorize(folder, "gmail", "--no-wait")
        assert waiting.end()[0] == 4
        assert json.loads(told.read_text())["link"] in waiting.said


class TestAuthorize:
    """`scalekit-auth authorize`."""

    def test_an_active_service_is_left_alone(self, folder: Folder) -> None:
        assert folder.sandbox is not None
        waiting = authorize(folder, "gmail", "slack")
        assert waiting.end() == (0, "")
        assert "gmail: authorized already" in waiting.said
        assert {c["operation"] for c in folder.sandbox.requests()} == {"token", "details"}

    def test_without_waiting_the_link_is_handed_over_with_status_four(self, folder: Folder) -> None:
        expire(folder, GMAIL)
        waiting = authorize(folder, "gmail", "--no-wait", "--json")
        status, out = waiting.end()
        assert status == 4
        (row,) = json.loads(out)["services"]
        assert LINK.fullmatch(row["link"])
        assert row["code"] == "authorization-required"
        assert row["status"] == "EXPIRED"

    def test_it_waits_as_a_launch_does(self, folder: Folder) -> None:
        assert folder.sandbox is not None
        expire(folder, GMAIL)
        waiting = authorize(folder, "--wait", "gmail", "slack")
        click(folder.sandbox, waiting.until(LINK))
        assert waiting.end()[0] == 0, waiting.said
        assert "gmail: authorized" in waiting.said
        assert not [c for c in folder.sandbox.requests() if c["operation"] == "auth"]

    def test_by_force_an_active_service_gets_a_link(self, folder: Folder) -> None:
        assert folder.sandbox is not None
        waiting = authorize(folder, "--wait", "--force", "gmail")
        click(folder.sandbox, waiting.until(LINK))
        assert waiting.end()[0] == 0, waiting.said

    def test_a_hint_repeats_the_force(self, folder: Folder) -> None:
        waiting = authorize(folder, "--no-wait", "--force", "gmail")
        assert waiting.end()[0] == 4
        assert "scalekit-auth authorize gmail --no-wait --force" in waiting.said

    def test_ctrl_c_ends_it_by_the_signal(self, folder: Folder) -> None:
        expire(folder, GMAIL)
        waiting = authorize(folder, "--wait", "gmail")
        waiting.until(LINK)
        waiting.process.send_signal(signal.SIGINT)
        assert waiting.end(5)[0] == -signal.SIGINT
        assert "Traceback" not in waiting.said
        assert "error" not in waiting.said

    def test_one_failure_does_not_end_the_others(self, folder: Folder) -> None:
        assert folder.sandbox is not None
        expire(folder, GMAIL, SLACK)
        folder.sandbox.add_fault(
            on="link", kind="status", status=403, connection="slack_x7y9z", permission="a:b"
        )
        waiting = authorize(folder, "--wait=60", "gmail", "slack")
        click(folder.sandbox, waiting.until(LINK))
        status, _ = waiting.end()
        assert status == 1
        assert "gmail: authorized" in waiting.said
        assert "error[forbidden]" in waiting.said

    def test_a_connection_that_does_not_exist_comes_with_the_one_that_was_meant(
        self, folder: Folder
    ) -> None:
        with running_sandbox('[[connections]]\nname = "gmail_u3134b"\nprovider = "GMAIL"\n') as one:
            folder.sandbox = one
            waiting = authorize(folder, "gmail", "--no-wait")
            assert waiting.end()[0] == 1
            assert "error[account-not-found]: gmail: " in waiting.said
            assert "gmail_u3134b" in waiting.said

    @pytest.mark.parametrize(
        "words",
        [
            ["gmail", "--wait=x"],
            ["gmail", "--open", "--no-wait"],
            ["gmail", "--open", "--wait=0"],
            [],
            ["gmail", "--nope"],
        ],
    )
    def test_wrong_words_are_two(self, folder: Folder, words: list[str]) -> None:
        waiting = authorize(folder, *words)
        assert waiting.end()[0] == 2
        assert "error[usage]" in waiting.said


class TestTerminal:
    """What a person at a terminal sees."""

    def spawn(self, folder: Folder, *words: str, **env: str) -> pexpect.spawn[str]:
        return pexpect.spawn(
            words[0],
            list(words[1:]),
            env=folder.variables({"TERM": "xterm", **env}),
            cwd=str(folder.path),
            encoding="utf-8",
            dimensions=(24, 60),
            timeout=20,
        )

    def test_a_countdown_runs_and_goes_away(self, folder: Folder) -> None:
        assert folder.sandbox is not None
        expire(folder, GMAIL)
        terminal = self.spawn(folder, PROGRAM, "gmail", "--", "echo", "the child")
        terminal.expect(LINK)
        link = terminal.match.group(0)
        terminal.expect(r"waiting for gmail, link good for 0:5\d")
        terminal.expect(r"waiting for gmail, link good for 0:5\d")
        click(folder.sandbox, link)
        terminal.expect(r"\r\x1b\[Kscalekit-exec: gmail: authorized\r\n")
        terminal.expect("the child\r\n")
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == 0

    def test_in_the_background_nothing_is_drawn_over_what_is_typed(self, folder: Folder) -> None:
        assert folder.sandbox is not None
        expire(folder, GMAIL)
        shell = self.spawn(folder, "bash", "--norc", "-i", PS1="ready> ")
        shell.expect("ready> ")
        shell.sendline(f"{PROGRAM} gmail -- echo the child &")
        shell.expect(r"waiting 300 s for gmail\r\n")
        shell.expect(LINK)
        link = shell.match.group(0)
        with pytest.raises(pexpect.TIMEOUT):
            shell.expect("link good for", timeout=2.5)
        assert "\x1b[K" not in shell.before
        shell.sendline("fg")
        shell.expect(r"\r\x1b\[Kwaiting for gmail, link good for 0:\d\d")
        shell.sendcontrol("z")
        shell.expect("Stopped")
        shell.expect("ready> ")
        shell.sendline("bg")
        shell.expect("ready> ")
        click(folder.sandbox, link)
        shell.expect("scalekit-exec: gmail: authorized\r\n")
        assert "link good for" not in shell.before
        assert "\x1b[K" not in shell.before
        shell.expect("the child\r\n")
        shell.close(force=True)

    def test_the_countdown_fits_the_terminal_it_is_written_to(self, folder: Folder) -> None:
        expire(folder, GMAIL, SLACK)
        # Whatever stdout is, and whatever somebody else's terminal was.
        command = f"exec {PROGRAM} gmail slack -- true > out"
        terminal = self.spawn(folder, "sh", "-c", command, COLUMNS="200")
        terminal.setwinsize(24, 40)
        terminal.expect(r"\x1b\[Kwaiting for 2, link good for \d:\d\d")
        terminal.sendintr()
        terminal.expect(pexpect.EOF)
        terminal.close()

    def test_ctrl_c_leaves_with_the_signal(self, folder: Folder) -> None:
        expire(folder, GMAIL)
        terminal = self.spawn(folder, PROGRAM, "gmail", "--", "echo", "the child")
        terminal.expect("link good for")
        terminal.sendintr()
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.signalstatus == signal.SIGINT
        assert terminal.before.endswith("\r\x1b[K")
        assert "Traceback" not in terminal.before
        assert "the child" not in terminal.before

    def test_a_link_that_is_only_handed_over_leads_back_to_no_page_of_ours(
        self, folder: Folder
    ) -> None:
        scenario = f"verification = 'custom'\n[[accounts]]\n{_toml(GMAIL)}status = 'EXPIRED'\n"
        with running_sandbox(scenario) as custom:
            folder.sandbox = custom
            terminal = self.spawn(folder, AUTH, "authorize", "gmail", "--no-wait")
            terminal.expect(LINK)
            link = terminal.match.group(0)
            terminal.expect(pexpect.EOF)
            terminal.close()
            assert terminal.exitstatus == 4
            csrf = re.search(r'name="csrf" value="([^"]+)"', fetch(custom, link).body)
            assert csrf
            page = fetch(custom, link, {"csrf": csrf.group(1), "decision": "allow"})
            assert "127.0.0.1" not in page.location

    def test_ctrl_c_at_a_question_ends_it_by_the_signal(self, folder: Folder) -> None:
        terminal = self.spawn(folder, AUTH, "login")
        terminal.expect(": ")
        terminal.sendintr()
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.signalstatus == signal.SIGINT
        assert "interrupted" not in terminal.before

    def test_in_ci_a_terminal_is_nobody(self, folder: Folder) -> None:
        expire(folder, GMAIL)
        terminal = self.spawn(folder, PROGRAM, "gmail", "--", "true", CI="true")
        terminal.expect("error.authorization-required")
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == 125

    def test_the_address_of_a_page_that_did_not_load_may_be_pasted(self, folder: Folder) -> None:
        scenario = f"verification = 'custom'\n[[accounts]]\n{_toml(GMAIL)}status = 'EXPIRED'\n"
        with running_sandbox(scenario) as custom:
            folder.sandbox = custom
            terminal = self.spawn(folder, PROGRAM, "gmail", "--", "cat")
            terminal.expect(LINK)
            link = terminal.match.group(0)
            terminal.expect("paste its address here")
            csrf = re.search(r'name="csrf" value="([^"]+)"', fetch(custom, link).body)
            assert csrf
            page = fetch(custom, link, {"csrf": csrf.group(1), "decision": "allow"})
            assert page.location.startswith("http://127.0.0.1:")
            terminal.sendline("nonsense")
            terminal.expect(
                "paste the whole address that the browser shows for the page where it ended"
            )
            terminal.sendline(page.location)
            terminal.expect("gmail: authorized")
            terminal.sendline("for the child")
            terminal.expect("for the child\r\nfor the child\r\n")
            terminal.sendeof()
            terminal.expect(pexpect.EOF)
            terminal.close()
            assert terminal.exitstatus == 0

    def test_over_ssh_no_listener_is_opened(self, folder: Folder) -> None:
        expire(folder, GMAIL)
        terminal = self.spawn(folder, PROGRAM, "gmail", "--", "true", SSH_TTY="/dev/pts/9")
        terminal.expect("link good for")
        listening = subprocess.run(
            ["ls", "-l", f"/proc/{terminal.pid}/fd"], capture_output=True, text=True, check=True
        )
        ports = Path(f"/proc/{terminal.pid}/net/tcp").read_text().splitlines()
        inodes = re.findall(r"socket:\[(\d+)\]", listening.stdout)
        rows = [line.split() for line in ports[1:]]
        assert not [row for row in rows if row[9] in inodes and row[3] == "0A"]
        terminal.sendintr()
        terminal.expect(pexpect.EOF)
        terminal.close()


def test_no_file_is_left_and_the_witness_is_the_childs_alone(folder: Folder) -> None:
    expire(folder, GMAIL)
    launch(folder, "--wait=1", "gmail").end()
    files = [path for path in folder.path.rglob("*") if stat.S_ISREG(path.stat().st_mode)]
    assert {path.name for path in files} == {"scalekit.toml"}
