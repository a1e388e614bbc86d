"""The JSON schema for editors against the loader, which is the authority."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import tomli
from hypothesis import given
from hypothesis import strategies as st

from scalekit_exec.config.services import (
    CONNECTION_LENGTH,
    IDENTIFIER_LENGTH,
    SCOPE_LENGTH,
    SERVICE_KEYS,
    USER_KEYS,
)
from scalekit_exec.config.settings import SCALEKIT_KEYS, TRANSPORTS, is_plain_name
from scalekit_exec.errors import ConfigurationError
from scalekit_exec.model import ScalekitSettings
from scalekit_exec.variables import is_name, parse_template
from tests.support.maps import Home
from tests.test_config_errors import WRONG_ANYWHERE, WRONG_IN_THE_USERS

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
SCHEMA: dict[str, Any] = json.loads(
    (ROOT / "scalekit_exec" / "scalekit.schema.json").read_text(encoding="utf-8")
)
DEFINITIONS = SCHEMA["definitions"]
SERVICE = DEFINITIONS["service"]["properties"]
VALIDATOR = importlib.import_module("jsonschema").Draft7Validator(SCHEMA)
# What a schema of this kind cannot say: groups against services, words that are refused.
BEYOND_THE_SCHEMA = (
    "the file is empty",
    "larger than 1 MiB",
    "there is no service",
    "has the name of a service",
    "may not be set",
    "has no NUL",
)


def test_the_schema_is_one() -> None:
    VALIDATOR.check_schema(SCHEMA)


def test_the_schema_and_the_loader_agree_on_every_key() -> None:
    assert set(SCHEMA["properties"]) == set(USER_KEYS)
    assert set(SERVICE) == set(SERVICE_KEYS)
    assert set(DEFINITIONS["scalekit"]["properties"]) == set(SCALEKIT_KEYS)
    assert ScalekitSettings.__match_args__ == SCALEKIT_KEYS
    assert set(DEFINITIONS["scalekit"]["properties"]["transport"]["enum"]) == set(TRANSPORTS)


def test_the_schema_has_the_servers_limits() -> None:
    assert DEFINITIONS["identifier"]["maxLength"] == IDENTIFIER_LENGTH
    assert DEFINITIONS["scope"]["maxLength"] == SCOPE_LENGTH
    assert f"{{1,{CONNECTION_LENGTH}}}" in SERVICE["connection_name"]["pattern"]


def test_the_docs_and_the_schema_describe_every_key() -> None:
    docs = (ROOT / "docs" / "map.md").read_text(encoding="utf-8")
    for key in (*USER_KEYS, *SERVICE_KEYS, *SCALEKIT_KEYS):
        assert re.search(rf"`\[?{key}[\]`.]", docs), key


def is_template(text: str) -> bool:
    try:
        parse_template(text)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    ("pattern", "loader"),
    [
        (DEFINITIONS["name"]["pattern"], is_plain_name),
        (DEFINITIONS["variable"]["pattern"], is_name),
        (SERVICE["env"]["oneOf"][2]["additionalProperties"]["pattern"], is_template),
    ],
    ids=["name", "variable", "template"],
)
@given(st.text(alphabet="{}aZ0_-.: é\0", max_size=12))
def test_a_pattern_of_the_schema_takes_what_the_loader_takes(
    pattern: str, loader: Callable[[str], bool], text: str
) -> None:
    assert bool(re.fullmatch(pattern, text)) == loader(text)


def test_the_schema_takes_the_example_and_what_is_commented_out_in_it() -> None:
    text = (ROOT / "scalekit.toml.example").read_text(encoding="utf-8")
    VALIDATOR.validate(tomli.loads(text))
    own = text[text.index("# allow_variables") :]
    VALIDATOR.validate(tomli.loads(re.sub(r"(?m)^# ?", "", own)))


@pytest.mark.parametrize(
    "content", [content for content, *_ in (*WRONG_ANYWHERE, *WRONG_IN_THE_USERS)]
)
def test_what_the_loader_refuses_for_its_form_the_schema_refuses_too(
    tmp_path: Path, content: str | bytes
) -> None:
    try:
        document = tomli.loads(content.decode() if isinstance(content, bytes) else content)
    except (ValueError, RecursionError):
        return
    home = Home(tmp_path)
    home.own.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ConfigurationError) as caught:
        home.load()
    beyond = any(text in caught.value.message for text in BEYOND_THE_SCHEMA)
    assert beyond or not VALIDATOR.is_valid(document)
