"""What a Tab is told: names of the map, and fast."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.launches import PROGRAM, Folder

if TYPE_CHECKING:
    from collections.abc import Mapping


def words(*options: str, **environ: str) -> list[str]:
    """Return the candidates in the working folder; nothing may be said besides."""
    done = subprocess.run(
        [PROGRAM, *options],
        env={"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], **environ},
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert done.stderr == b""
    return done.stdout.decode().splitlines()


def test_words_have_their_connection_and_identifiers_their_services(sealed: None) -> None:
    Path("scalekit.toml").write_text(
        'identifier = "mess"\n[services.gmail]\nconnection_name = "gmail_1"\n'
        '[services.slack]\nconnection_name = "slack_1"\nidentifier = "ops-bot"\n'
        '[groups]\ninbox = ["gmail", "slack"]\n'
    )
    assert words("--list-words") == [
        "gmail\tgmail_1",
        "slack\tslack_1",
        "inbox\tgroup: gmail, slack",
    ]
    own_first = ["slack@ops-bot\tidentifier of slack", "slack@mess\tidentifier of gmail"]
    assert words("--list-words", "slack@") == own_first
    assert words("--list-words", "inbox@m")[0].startswith("inbox@mess\t")
    assert words("--list-words", "nosuch@") == []


@pytest.mark.parametrize(
    "text",
    [
        "services.gmail = { connection_name = 'gmail_1', identifier = 'me' }",
        '[services]\ngmail = { connection_name = "gmail_1", identifier = "me" }\n',
        '[services."gmail"]\nconnection_name = "gmail\\u005f1"\nidentifier = "me"\n',
    ],
)
def test_a_map_that_is_not_plain_goes_a_launch_s_way(sealed: None, text: str) -> None:
    Path("scalekit.toml").write_text(text)
    assert words("--list-words") == ["gmail\tgmail_1"]
    assert words("--list-words", "gmail@") == ["gmail@me\tidentifier of gmail"]


def test_the_project_replaces_what_the_user_has(sealed: None) -> None:
    own = Path(os.environ["HOME"], ".config", "scalekit-exec", "config.toml")
    own.parent.mkdir(parents=True)
    own.write_text(
        'identifier = "me"\n[services.gmail]\nconnection_name = "own"\n'
        '[services.notion]\nconnection_name = "notion_1"\n'
    )
    Path("scalekit.toml").write_text('[services.gmail]\nconnection_name = "project"\n')
    assert words("--list-words") == ["gmail\tproject", "notion\tnotion_1"]
    assert words("--list-words", "gmail@") == ["gmail@me\tidentifier of notion"]
    Path("other.toml").write_text('[services.slack]\nconnection_name = "slack_1"\n')
    for options in (["-c", "other.toml"], ["--config", "other.toml"], ["--config=other.toml"]):
        assert "slack\tslack_1" in words(*options, "--list-words")
    assert "slack\tslack_1" in words("--list-words", SCALEKIT_EXEC_CONFIG="other.toml")


@pytest.mark.parametrize(
    "text",
    [
        b"[services.gmail\n",
        b"\xff\xfe",
        b"services = 1",
        b"[services.gmail]\nunknown = { a = 1 }\n",
        b'identifier = "\n',
    ],
)
def test_a_broken_map_offers_nothing_and_says_nothing(sealed: None, text: bytes) -> None:
    Path("scalekit.toml").write_bytes(text)
    assert words("--list-words") == []


def test_no_map_a_folder_for_a_map_or_one_that_anybody_may_write_offers_nothing(
    sealed: None,
) -> None:
    assert words("--list-words") == []
    assert words("--config=/nowhere", "--list-words") == []
    assert words("--config=.", "--list-words") == []
    Path("scalekit.toml").write_text('[services.gmail]\nconnection_name = "x"\n')
    Path("scalekit.toml").chmod(0o666)
    assert words("--list-words") == []


@pytest.mark.skipif(sys.platform == "win32", reason="no named pipes there")
def test_a_pipe_is_not_waited_for_and_the_null_device_is_no_map(sealed: None) -> None:
    os.mkfifo("map.toml")
    assert words("--config=map.toml", "--list-words") == []
    own = Path(os.environ["HOME"], ".config", "scalekit-exec", "config.toml")
    own.parent.mkdir(parents=True)
    own.write_text('[services.gmail]\nconnection_name = "g"\nidentifier = "me"\n')
    assert words("--config=/dev/null", "--list-words") == ["gmail\tg"]


def test_a_name_that_a_terminal_would_obey_is_not_offered(sealed: None) -> None:
    # The line is plain, and what is in it is only found to be wrong by a launch.
    Path("scalekit.toml").write_text(
        '[services.gmail]\nconnection_name = "g\u00adh"\nidentifier = "me"\n', encoding="utf-8"
    )
    assert words("--list-words") == []


def imported(folder: Folder, environ: Mapping[str, str]) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", PROGRAM, "--list-words"],
        env={**folder.variables(), **environ},
        cwd=folder.path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("gmail\t")
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    return {line.rsplit("|", 1)[1].strip() for line in lines[1:]}


def test_a_tab_knows_no_network_no_credentials_and_no_parser(folder: Folder) -> None:
    ran = folder.path / "secret-command-ran"
    own = Path(os.environ["HOME"], ".config", "scalekit-exec", "config.toml")
    own.parent.mkdir(parents=True)
    own.write_text(
        f'[scalekit]\nclient_id = "skc_1"\nenv_url = "https://x.scalekit.com"\n'
        f'client_secret_command = ["touch", "{ran}"]\n'
    )
    found = imported(folder, {})
    assert not found & {"socket", "ssl", "tomli", "tomllib", "json", "dotenv", "keyring"}
    assert not {name for name in found if name.startswith(("scalekit_exec.transport", "c7"))}
    assert "scalekit_exec.credentials" not in found
    assert not ran.exists()
