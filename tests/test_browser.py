"""Authorizing in a real browser: the page opens, a person clicks, the launch goes on."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.browsers import Browser, installed, running_browser
from tests.support.launches import PROGRAM, Folder
from tests.support.sandboxes import running_sandbox
from tests.test_waiting import (
    GMAIL,
    LINK,
    _toml,
    authorize,
    browser,
    expire,
    launch,
    opened_address,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["browser"]

DOCS = Path(__file__).parent.parent / "docs"

pytestmark = pytest.mark.skipif(not installed(), reason="needs chromium and chromedriver")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with running_browser() as window:
        yield window


def test_a_click_on_allow_and_the_waiting_launch_starts_the_child(
    folder: Folder, chromium: Browser, browser: Path
) -> None:
    expire(folder, GMAIL)
    waiting = launch(folder, "--open", "gmail")
    chromium.open(opened_address(browser))
    assert "Authorize gmail_u3134a" in chromium.text
    assert "mess" in chromium.text
    assert LINK.match(chromium.url)
    chromium.click("Allow")
    chromium.until("Authorized")
    status, out = waiting.end()
    assert status == 0, waiting.said
    assert json.loads(out)["GMAIL_TOKEN"].startswith("sandbox-")


def test_a_click_on_deny_ends_it_with_a_clear_message(
    folder: Folder, chromium: Browser, browser: Path
) -> None:
    expire(folder, GMAIL)
    waiting = authorize(folder, "--open", "gmail")
    chromium.open(opened_address(browser))
    chromium.click("Deny")
    chromium.until("gmail for mess was not authorized (access_denied)")
    assert waiting.end()[0] == 4
    assert "did not authorize gmail_u3134a" in waiting.said


def test_in_custom_mode_the_browser_comes_back_to_us(
    folder: Folder, chromium: Browser, browser: Path
) -> None:
    scenario = f"verification = 'custom'\n[[accounts]]\n{_toml(GMAIL)}status = 'EXPIRED'\n"
    with running_sandbox(scenario) as custom:
        folder.sandbox = custom
        waiting = launch(folder, "--open", "gmail")
        chromium.open(opened_address(browser))
        chromium.click("Allow")
        chromium.until("gmail for mess is authorized")
        assert chromium.url.startswith("http://127.0.0.1:")
        assert waiting.end()[0] == 0, waiting.said


def settled(screen: str) -> str:
    """Take out of a screen what differs from run to run."""
    screen = re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:8443", screen)
    screen = re.sub(r"magic_link/[\w-]+", "magic_link/Vb3k9", screen)
    screen = re.sub(r"\d\d:\d\d:\d\d", "12:34:56", screen)
    screen = re.sub(r"good for \d:\d\d", "good for 0:57", screen)
    return "\n".join(line.rstrip() for line in screen.rstrip().splitlines())


class Tmux:
    """A terminal as a person has it."""

    def __init__(self, folder: Folder, name: str) -> None:
        self.socket = str(folder.path / name)
        environ = folder.variables({"TERM": "xterm-256color", "PS1": "$ "})
        self.tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", "100", "-y", "12", "sh", env=environ
        )

    def tmux(self, *words: str, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-S", self.socket, *words],
            env=env or dict(os.environ),
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def type(self, line: str) -> None:
        self.tmux("send-keys", line, "Enter")

    def until(self, pattern: str) -> str:
        end = time.monotonic() + 20
        while True:
            # -J joins what the terminal has wrapped.
            screen = self.tmux("capture-pane", "-p", "-J")
            if re.search(pattern, screen):
                return screen
            assert time.monotonic() < end, screen
            time.sleep(0.05)


@pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux")
def test_what_a_person_sees_in_a_terminal_is_what_the_docs_show(
    folder: Folder, chromium: Browser
) -> None:
    expire(folder, GMAIL)
    folder.environ["PATH"] = f"{Path(PROGRAM).parent}:{os.environ['PATH']}"
    terminal = Tmux(folder, "tmux")
    try:
        terminal.until(r"[#$]")
        terminal.type("PS1='$ '; clear")
        terminal.until(r"(?m)^\$")
        terminal.type("scalekit-exec gmail -- sh -c 'echo I have ${#GMAIL_TOKEN} characters'")
        before = terminal.until(r"good for \d:\d\d")
        link = LINK.search(before)
        assert link
        chromium.open(link.group(0))
        chromium.click("Allow")
        after = terminal.until(r"I have \d+ characters\s+\$")
    finally:
        terminal.tmux("kill-server")
    wanted = re.findall(r"```text\n(.*?)```", (DOCS / "authorizing.md").read_text(), re.DOTALL)
    assert [f"{settled(before)}\n", f"{settled(after)}\n"] == wanted
