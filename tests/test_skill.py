"""An agent that follows SKILL.md to the letter, from nothing to a token, without a loop."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.launches import CHILD, PROGRAM, Folder
from tests.support.people import click
from tests.support.sandboxes import running_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

SKILL = (Path(__file__).parent.parent / "SKILL.md").read_text(encoding="utf-8")
LAUNCH = ["scalekit-exec", "--json", "gmail", "--", sys.executable, "-c", CHILD]


class Agent:
    """Types commands, one after the other, and reads what they say; it has no terminal."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.typed: list[list[str]] = []
        folder.environ["PATH"] = f"{Path(PROGRAM).parent}:{os.environ['PATH']}"

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        self.typed.append(list(words))
        return subprocess.run(
            words,
            env=self.folder.variables(),
            cwd=self.folder.path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def documented(self, pattern: str) -> list[str]:
        """Return a command of SKILL.md's own code blocks."""
        found = re.search(rf"(?m)^({pattern}.*)$", SKILL)
        assert found, f"SKILL.md has no {pattern}"
        return found.group(1).split()


@pytest.fixture
def agent(folder: Folder) -> Iterator[Agent]:
    (folder.path / "scalekit.toml").unlink()
    with running_sandbox('[[connections]]\nname = "gmail_u3134a"\nprovider = "GMAIL"\n') as empty:
        folder.sandbox = empty
        yield Agent(folder)


def failure(done: subprocess.CompletedProcess[str]) -> dict[str, str]:
    assert done.returncode == 125
    assert done.stdout == ""
    told = json.loads(done.stderr.splitlines()[-1])
    assert f"`{told['error']}`" in SKILL, "SKILL.md does not say what to do"
    return {"error": told["error"], **(told["failures"][0] if told["failures"] else {})}


def test_from_nothing_to_a_token_in_five_commands(agent: Agent) -> None:
    sandbox = agent.folder.sandbox
    assert sandbox is not None
    # The first use: nothing is configured. The table says: ask for the connection, and add it.
    assert failure(agent.type(*LAUNCH))["error"] == "config-missing"
    configured = agent.type(*agent.documented("scalekit-auth config gmail"), "--identifier", "mess")
    assert configured.returncode == 0, configured.stderr
    # Nobody has authorized yet: the first link is made, and handed over.
    assert failure(agent.type(*LAUNCH))["error"] == "account-not-found"
    handed = agent.type(*agent.documented("scalekit-auth authorize gmail --no-wait"))
    assert handed.returncode == 4
    link = re.search(r"https://\S+", handed.stderr)
    assert link
    # The user clicks, and says so. Then once more, and no loop.
    click(sandbox, link.group(0))
    done = agent.type(*LAUNCH)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["GMAIL_TOKEN"].startswith("sandbox-")
    assert len(agent.typed) == 5


def test_a_link_in_a_failed_launch_is_handed_over_and_the_launch_run_once_more(
    agent: Agent,
) -> None:
    sandbox = agent.folder.sandbox
    assert sandbox is not None
    agent.folder.map()
    sandbox.set_accounts(
        {"connection_name": "gmail_u3134a", "identifier": "mess", "status": "EXPIRED"}
    )
    told = failure(agent.type(*LAUNCH))
    assert told["code"] == "authorization-required"
    click(sandbox, told["link"])
    assert agent.type(*LAUNCH).returncode == 0
    assert [c["operation"] for c in sandbox.requests() if c["operation"] == "link"] == ["link"]
