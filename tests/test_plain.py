"""Maps that are read without a TOML parser: what comes out is what the parser says, or nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import tomli
from hypothesis import example, given, settings
from hypothesis import strategies as st

from scalekit_exec.config import plain

LINES = [
    "[services.gmail]",
    "[ services . slack ] # mine",
    "[\tservices\t.\tslack\t]\t# mine",
    '[services."my mail"]',
    "[services.gmail.deep]",
    "[services.gmail.env]",
    "[[services.list]]",
    "[[services]]",
    "[groups]",
    "[services]",
    "[services.]",
    "[]",
    "[a]]",
    "[scalekit]",
    "[identifier]",
    "[gmail]",
    'identifier = "mess"',
    "identifier='ops-bot' # a comment",
    'identifier = "a\\tb"',
    'identifier = ""',
    "identifier = ''",
    'identifier = "é"',
    'identifier = "\u00a0"',
    'identifier = "\x7f"',
    "identifier = 'a\tb'",
    'connection_name = "gmail_1"',
    'connection_name="x # y"',
    "connection_name = 'it\"s'",
    'connection_name = """',
    '"""',
    '""',
    "text = '''",
    "'''",
    "text = ''''",
    'inbox = ["gmail", "slack"]',
    "both = ['gmail' , ]",
    "none = []",
    "none = [,]",
    "many = [",
    '"gmail",',
    "]",
    "gmail = { connection_name = 'inline' }",
    "gmail = { connection_name = 'inline', }",
    "gmail = {}",
    "gmail = { a = { b = 1 }, c = [ 'd' ] } # e",
    "gmail = { a = 1, a = 2 }",
    "gmail = { a.b = 1 }",
    "gmail = {,}",
    "gmail = { a = 1 b = 2 }",
    'gmail.connection_name = "dotted"',
    "services.gmail = { a = 1 }",
    "required = false",
    "required = true# so",
    "required = True",
    "required = falsehood",
    "number = 1_000.5e-3",
    "number = 0",
    "number = 00",
    "number = 17",
    "number = 0x1f",
    "number = +1",
    "number = 1234567890123456789",
    "number = 1 2",
    "number = ٣",  # a digit, but none of TOML's
    "number =",
    "= 1",
    "-_ = 1",
    "7 = 7",
    "a b = 1",
    "when = 2026-01-01T00:00:00Z",
    'env = ["A_TOKEN", "B_TOKEN"]',
    'env = ["A_TOKEN" "B_TOKEN"]',
    "env = [1]",
    'env = { A = "{username}" }',
    "",
    "# [services.commented]",
    "# a\x00control",
    "# a\x85control",
    "\t",
    "\r",
    "x = 1\r",
    "\x0c",
    "\ufeffx = 1",
]
EVERY_KIND = """\
#:schema https://example.com/schema.json
identifier = "mess"

[services.gmail]
connection_name = "gmail_u3134a" # the user's own
[services.freshdesk]
env = { FRESHDESK_KEY = "{username}", FRESHDESK_AUTH = "basic {username}:{password}" }
required = false
[services.crm.env]
CRM_TOKEN = 'token'
[groups]
inbox = ["gmail", "slack"]
[daemon]
enabled = true
idle = 900
"""


@settings(max_examples=1500)
@given(st.lists(st.sampled_from(LINES), max_size=9), st.sampled_from(["\n", "\r\n"]))
@example(["[a.b]", "[a]", "c = 1", "[a.d]"], "\n")
@example(["a = {}", "[a]"], "\n")
@example(["a = {}", "[a.b]"], "\n")
@example(["[a]", "b = { c = 1 }", "[a.b.d]"], "\n")
@example(["[a]", "b = 1", "[a.b]"], "\n")
@example(["[a.b.c]", "[a]", "b = 1"], "\n")
@example(["[a]", "[b]", "[a]"], "\n")
@example(["[[a]]", "[a.b]", "[[a]]"], "\n")
@example(["a = " + "{ a = " * 5000], "\n")
def test_what_is_read_is_what_the_parser_reads(lines: list[str], end: str) -> None:
    text = end.join(lines)
    found = plain.read(text)
    if found is None:
        return  # the parser is asked
    expected = tomli.loads(text)
    assert repr(found) == repr(expected)  # order and types too: True is no 1


@given(st.text(max_size=60))
def test_any_text_is_read_alike_or_left_to_the_parser(text: str) -> None:
    found = plain.read(text)
    assert found is None or repr(found) == repr(tomli.loads(text))


def test_the_usual_forms_need_no_parser() -> None:
    assert plain.read(EVERY_KIND) == tomli.loads(EVERY_KIND)
    for path in ("scalekit.toml.example",):
        text = Path(__file__).parent.parent.joinpath(path).read_text(encoding="utf-8")
        assert plain.read(text) == tomli.loads(text)


@pytest.mark.parametrize(
    "text",
    [
        "[groups]\na = [" + "'x'," * 200_000 + "]",
        " " * 500_000 + "a = 1",
        "[" + "a." * 20 + "a]",
        "a = " + "{ a = " * 20 + "1" + " }" * 20,
    ],
    ids=["long array", "blanks", "deep header", "deep table"],
)
def test_what_is_long_or_deep_is_left_to_the_parser(text: str) -> None:
    assert plain.read(text) is None or len(text.strip()) < 1000
    assert tomli.loads(text)


@pytest.mark.parametrize("text", ["a.b = 1", "a = 1.5", 'a = "\\n"', "a = [\n]", '"a" = 1'])
def test_other_forms_are_left_to_the_parser(text: str) -> None:
    assert plain.read(text) is None
    assert tomli.loads(text)


@pytest.mark.parametrize(("extra", "parsed"), [("", False), ("services.b = { }\n", True)])
def test_a_plain_map_costs_no_parser(sealed: None, extra: str, *, parsed: bool) -> None:
    text = extra + '[services.gmail]\nconnection_name = "gmail_1"\nidentifier = "me"\n'
    Path("scalekit.toml").write_text(text.replace("b = { }", 'b = { connection_name = "b" }'))
    code = "from scalekit_exec.cli.exec import main; main(['--dry-run', 'gmail'])"
    line = [sys.executable, "-X", "importtime", "-c", code]
    done = subprocess.run(line, capture_output=True, text=True, check=True)
    assert "GMAIL_TOKEN" in done.stdout
    assert (" tomli\n" in done.stderr) is parsed
