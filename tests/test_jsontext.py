"""JSON without the package `json`: the same values, the same text, the same errors."""

from __future__ import annotations

import json
import math
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scalekit_exec import jsontext

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


def outcome(data: bytes, *, ours: bool) -> object:
    try:
        found = jsontext.read(data) if ours else json.loads(data)
    except (ValueError, RecursionError) as error:
        return type(error), str(error)
    return repr(found)  # tells 1 from 1.0 and True, and NaN is itself


@given(VALUES)
def test_what_is_written_is_what_json_writes_and_reads_back(value: object) -> None:
    written = jsontext.write(value)
    assert written == json.dumps(value).encode("ascii")
    assert jsontext.read(written) == value


@given(st.text(alphabet=' \t\r\n\f\0{}[]:,"\\u00e9tnaNInfity1.e-\ufeff', max_size=30))
@example("")
@example(" \t\r\n")
@example("[1] x")
@example("[1]\x0c")
@example("\xa0[1]")
@example("NaN")
@example("[Infinity, -Infinity]")
@example('{"a": 1, "a": 2}')
@example('"\ud83d"')
@example('"a\nb"')
@example('"\\ud83d\\ude00 \\ud83d"')
@example("9" * 5000)
@example("[" * 200_000)
def test_any_text_is_read_as_json_reads_it(text: str) -> None:
    data = text.encode("utf-8", "surrogatepass")
    assert outcome(data, ours=True) == outcome(data, ours=False)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("text", ["1", "12", '{"a": "é"}', '"'])
def test_other_encodings_are_read_as_json_reads_them(encoding: str, text: str) -> None:
    data = text.encode(encoding)
    assert outcome(data, ours=True) == outcome(data, ours=False)


@given(st.binary(max_size=40))
def test_any_bytes_are_read_as_json_reads_them(data: bytes) -> None:
    assert outcome(data, ours=True) == outcome(data, ours=False)


def test_what_json_has_no_form_for_is_no_text() -> None:
    assert jsontext.write(math.inf) == b"Infinity"  # as json does
    with pytest.raises(TypeError):
        jsontext.write({"a": object()})
    with pytest.raises(TypeError):
        jsontext.write([b"bytes"])
    around: list[object] = []
    around.append(around)
    with pytest.raises(ValueError, match="Circular"):
        jsontext.write(around)


def test_good_json_costs_no_import() -> None:
    code = (
        "import sys, scalekit_exec.record; before = set(sys.modules);"
        "from scalekit_exec import jsontext;"
        "jsontext.read(jsontext.write({'a': [1, 2.5, None, 'é']}));"
        "print(sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['_json', 'scalekit_exec.jsontext']"


@pytest.mark.parametrize("data", ["", "{", '["', "[1,]", "nul", '{"a" 1}', "\\x01", "1 2"])
def test_bad_json_is_told_where_nobody_has_imported_json_before(data: str) -> None:
    code = (
        "import sys; from scalekit_exec import jsontext; assert 'json' not in sys.modules\n"
        "try: jsontext.read(sys.argv[1].encode())\n"
        "except ValueError as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, data], capture_output=True, text=True, check=True
    )
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is what is compared
        json.loads(data)
    assert done.stdout.strip() == str(caught.value)
