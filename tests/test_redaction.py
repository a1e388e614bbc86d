"""The laws of hiding: whatever the chunks and whatever the form, nothing listed passes whole."""

from __future__ import annotations

import base64
import html
import json
import os
import secrets
import threading
from urllib.parse import quote, quote_from_bytes, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scalekit_exec.redaction import (
    HIDDEN,
    Redactor,
    forms,
    is_hidden,
    secrets_of,
    too_short,
)
from scalekit_exec.secret import Secret

TOKEN = b"ya29.a0Af_H6SMBx/1c+Zz~7-tail"
# Text as tokens and passwords are, and bytes as nobody would choose them.
SECRETS = st.one_of(
    st.binary(min_size=8, max_size=40),
    st.text(min_size=8, max_size=30).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.text("ab", min_size=8, max_size=20).map(str.encode),
    st.text("abcXYZ019-_./+=&'\"\\<é\n", min_size=8, max_size=60).map(str.encode),
)
AROUND = st.one_of(st.binary(max_size=60), st.text("ab%\\", max_size=40).map(str.encode))


def whole(redactor: Redactor, *chunks: bytes) -> bytes:
    return b"".join([*(redactor.feed(chunk) for chunk in chunks), redactor.close()])


def cut(data: bytes, places: list[int]) -> list[bytes]:
    ends = [*sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@given(st.lists(SECRETS, min_size=1, max_size=3), st.data())
def test_no_listed_form_passes_whole_whatever_the_chunks(
    hunted: list[bytes], data: st.DataObject
) -> None:
    listed = [form for secret in hunted for form in forms(secret)]
    stream = b""
    for _ in range(data.draw(st.integers(1, 4))):
        stream += data.draw(AROUND) + data.draw(st.sampled_from(listed))
    stream += data.draw(AROUND)
    chunks = cut(stream, data.draw(st.lists(st.integers(0, 10**6), max_size=12)))
    redactor = Redactor(hunted)
    out = b""
    for chunk in chunks:
        out += redactor.feed(chunk)
        if data.draw(st.booleans()):
            redactor.feed(b"")
    out += redactor.close()
    assert HIDDEN in out
    for piece in out.split(HIDDEN):
        assert not [form for form in listed if form in piece]


@given(st.lists(SECRETS, max_size=3), st.data())
def test_what_has_no_form_passes_byte_for_byte(hunted: list[bytes], data: st.DataObject) -> None:
    stream = data.draw(st.binary(max_size=200))
    for secret in hunted:
        form = data.draw(st.sampled_from(forms(secret)))
        stream += form[: data.draw(st.integers(0, len(form) - 1))] + data.draw(
            st.binary(max_size=9)
        )
    assume(not [form for secret in hunted for form in forms(secret) if form in stream])
    redactor = Redactor(hunted)
    out = b""
    for chunk in cut(stream, data.draw(st.lists(st.integers(0, 10**6), max_size=12))):
        out += redactor.feed(chunk)
        if data.draw(st.booleans()):
            out += redactor.release()
    assert out + redactor.close() == stream


@given(SECRETS, AROUND, AROUND, st.data())
def test_a_form_that_was_let_go_in_part_never_passes_whole(
    secret: bytes, before: bytes, after: bytes, data: st.DataObject
) -> None:
    form = data.draw(st.sampled_from(forms(secret)))
    assume(not [other for other in forms(secret) if other in before])
    redactor = Redactor([secret])
    out = redactor.feed(before)
    for byte in form:
        out += redactor.feed(bytes((byte,))) + redactor.release()
    out += redactor.feed(after) + redactor.close()
    assert HIDDEN in out
    assert form not in out.split(HIDDEN)[0]


def test_every_byte_let_go_in_turn_shows_no_more_than_the_beginning() -> None:
    redactor = Redactor([TOKEN])
    out = b"".join(redactor.feed(bytes((byte,))) + redactor.release() for byte in TOKEN)
    assert out + redactor.close() == TOKEN[: len(TOKEN) // 4] + HIDDEN


def test_letting_go_of_a_half_does_not_forget_it() -> None:
    redactor = Redactor([TOKEN])
    assert redactor.feed(b"token: " + TOKEN[:20]) == b"token: "
    assert redactor.held == 20
    assert redactor.release() == TOKEN[:20]
    assert redactor.held == 0
    assert redactor.feed(TOKEN[20:] + b"\n") == HIDDEN + b"\n"


def test_what_went_on_with_a_beginning_and_was_none_is_shown() -> None:
    redactor = Redactor([TOKEN])
    assert redactor.feed(TOKEN[:20]) + redactor.release() == TOKEN[:20]
    assert redactor.feed(TOKEN[20:25]) + redactor.release() == b""
    assert redactor.held == 5
    assert redactor.feed(b"!") == TOKEN[20:25] + b"!"


def test_short_beginnings_are_let_go_as_often_as_they_come() -> None:
    redactor = Redactor([b"sandbox-0123456789-0123456789-0123456789"])
    typed = [redactor.feed(bytes((byte,))) + redactor.release() for byte in b"sandbox"]
    assert typed == [b"s", b"a", b"n", b"d", b"b", b"o", b"x"]


def test_a_prompt_is_held_back_only_for_what_may_begin_a_form() -> None:
    redactor = Redactor([b"password-of-mine"])
    assert redactor.feed(b"Your pass") == b"Your "
    assert redactor.release() == b"pass"
    assert redactor.feed(b"phrase: ") == b"phrase: "


def test_secrets_that_overlap_are_hidden_as_one() -> None:
    redactor = Redactor([b"abcdefgh", b"efghijkl"])
    assert whole(redactor, b"<abcdefghijkl>") == b"<" + HIDDEN + b">"
    assert whole(redactor, b"<abcdefgh", b"ijkl>") == b"<" + HIDDEN * 2 + b">"


def test_two_secrets_side_by_side_are_two_masks() -> None:
    redactor = Redactor([b"first-secret", b"second-secret"])
    assert whole(redactor, b"first-secretsecond-secret") == HIDDEN * 2


def test_a_secret_within_another_does_not_save_the_rest_of_it() -> None:
    redactor = Redactor([b"sesame12", b"open-sesame12-please"])
    assert whole(redactor, b"open-sesame12-please", b" sesame12") == HIDDEN + b" " + HIDDEN


@pytest.mark.parametrize("size", [8, 12, 20, 40, 300, 4000])
def test_every_form_is_found_at_every_place(size: int) -> None:
    """The places matter: only every so many bytes are looked at."""
    secret = secrets.token_urlsafe(size)[:size].encode()
    redactor = Redactor([secret])
    for form in forms(secret):
        for place in (*range(80), 5000):
            assert whole(redactor, b"." * place + form + b"." * 99) == (
                b"." * place + HIDDEN + b"." * 99
            )


def test_300_kb_of_random_bytes_pass_unchanged() -> None:
    data = os.urandom(300_000)
    redactor = Redactor([secrets.token_bytes(8), secrets.token_urlsafe(40).encode()])
    chunks = [data[at : at + 1000] for at in range(0, len(data), 1000)]
    assert whole(redactor, *chunks) == data


def test_nothing_is_held_back_that_is_longer_than_a_form() -> None:
    redactor = Redactor([b"a" * 100])
    for _ in range(50):
        redactor.feed(b"a" * 77)
        assert redactor.held < 300


@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=8, max_size=40),
    st.binary(max_size=5),
)
def test_the_forms_are_those_that_programs_write(text: str, before: bytes) -> None:
    secret = text.encode()
    written = {
        "as it is": secret,
        "hex": secret.hex().encode(),
        "HEX": secret.hex().upper().encode(),
        "base64": base64.b64encode(before + secret),
        "url-safe base64": base64.urlsafe_b64encode(before + secret),
        "percent": quote(text, safe="").encode(),
        "a path": quote(text).encode(),
        "percent in lower case": quote(text, safe="").encode().lower() if text.isdigit() else b"",
        "a form": quote_plus(text).encode(),
        "all in percent": ("%" + secret.hex("%")).encode(),
        "JSON": json.dumps(text).encode(),
        "JSON in UTF-8": json.dumps(text, ensure_ascii=False).encode(),
        "JSON with slashes": json.dumps(text).replace("/", "\\/").encode(),
        "repr": repr(text).encode(),
        "repr of bytes": repr(secret).encode(),
    }
    for name, data in written.items():
        if data:
            assert HIDDEN in whole(Redactor([secret]), data), name


def test_bytes_that_are_no_text_have_forms_too() -> None:
    secret = b"\xff\xfe\x00secret"
    assert {secret, secret.hex().encode(), repr(secret)[2:-1].encode()} < set(forms(secret))
    assert quote_from_bytes(secret, safe="").encode() in forms(secret)


def test_what_is_too_short_is_not_hunted() -> None:
    assert too_short(b"1234567")
    assert not too_short(b"12345678")
    redactor = Redactor([b"1234567"])
    redactor.add(b"abc")
    assert whole(redactor, b"1234567 abc") == b"1234567 abc"


def test_a_secret_that_is_added_later_is_hidden_from_then_on() -> None:
    redactor = Redactor([])
    assert redactor.feed(TOKEN) == TOKEN
    redactor.add(TOKEN)
    assert redactor.feed(b"<" + TOKEN + b">") == b"<" + HIDDEN + b">"


def test_secrets_added_from_many_threads_at_once_are_all_hidden() -> None:
    redactor = Redactor([])
    tokens = [f"token-number-{number:04d}".encode() for number in range(40)]
    threads = [threading.Thread(target=redactor.add, args=(token,)) for token in tokens]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert whole(redactor, b" ".join(tokens)) == b" ".join([HIDDEN] * 40)


@pytest.mark.parametrize(
    ("field", "hidden"),
    [
        *((name, True) for name in ("token", "password", "api_key", "X-Api-Key", "secret", "pin")),
        *((name, False) for name in ("username", "domain", "identifier", "expires_at", "user")),
        *((name, False) for name in ("client_id", "account_email", "Sub-Domain", "base_url")),
    ],
)
def test_secrets_are_told_from_names_by_their_field(field: str, hidden: bool) -> None:  # noqa: FBT001 - a row of the table
    assert is_hidden(field) is hidden


def test_a_credential_s_secrets_are_hidden_and_its_names_are_not() -> None:
    fields = {"username": "ann@example.com", "password": "correct horse", "token": "correct horse"}
    found = secrets_of({name: Secret(value) for name, value in fields.items()})
    assert list(found) == [b"correct horse"]


def test_markup_is_not_among_the_forms() -> None:
    """Which forms are listed is a promise; this one is not made (docs/redaction.md)."""
    assert html.escape('a<b&c>d"e').encode() not in forms(b'a<b&c>d"e')
