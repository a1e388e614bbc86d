"""Calls as users write them: mypy checks them under its strictest rules, nothing runs them."""

from __future__ import annotations

from datetime import datetime
from typing import assert_type

import httpx
import requests

from scalekit_exec import (
    AuthorizationError,
    ConfigurationError,
    ScalekitAuth,
    ScalekitExecError,
    get_token,
    get_tokens,
)


def tokens() -> None:
    assert_type(get_token("gmail"), str)
    assert_type(get_token("gmail", identifier="alice", timeout=5), str)
    assert_type(get_token("gmail", config="map.toml", env_file=".env", environment="prod"), str)
    assert_type(get_tokens("gmail", "slack@bob"), dict[str, str])
    get_token("gmail", "alice")  # type: ignore[call-arg]
    get_token(b"gmail")  # type: ignore[arg-type]
    get_tokens(["gmail"])  # type: ignore[arg-type]


def errors() -> None:
    try:
        get_token("gmail")
    except AuthorizationError as error:
        assert_type(error.service, str)
        assert_type(error.link, str | None)
        assert_type(error.expires_at, datetime | None)
    except ConfigurationError as error:
        assert_type(error.hint, str)
    except ScalekitExecError as error:
        assert_type(error.code, str)
        assert_type([failure.connection_name for failure in error.failures], list[str])


def auth_for_requests() -> None:
    auth = ScalekitAuth("gmail@alice", identifier=None, timeout=5.0)
    requests.get("https://gmail.googleapis.com/", auth=auth, timeout=5)
    session = requests.Session()
    session.auth = ScalekitAuth()
    prepared = requests.PreparedRequest()
    assert_type(auth(prepared), requests.PreparedRequest)
    ScalekitAuth("gmail", "alice")  # type: ignore[call-arg]
    ScalekitAuth(1)  # type: ignore[arg-type]


def auth_for_httpx() -> None:
    httpx.get("https://gmail.googleapis.com/", auth=ScalekitAuth("gmail"))
    httpx.Client(auth=ScalekitAuth())


async def auth_for_async_httpx() -> None:
    async with httpx.AsyncClient(auth=ScalekitAuth()) as client:
        await client.get("https://slack.com/api/auth.test", auth=ScalekitAuth("slack"))
