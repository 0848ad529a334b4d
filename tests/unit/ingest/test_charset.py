"""Bytes of pages to text."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest.charset import decode_page, known_charset

# A busy machine must not fail a test of what is read.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

QUOTES = "“Grüße” – 5 €"
CASES = [
    ("UTF-8 without a label", QUOTES.encode(), None, QUOTES),
    ("UTF-8 with a label", QUOTES.encode(), "UTF-8", QUOTES),
    ("UTF-8 with a mark", codecs.BOM_UTF8 + QUOTES.encode(), None, QUOTES),
    ("a mark wins over the label", codecs.BOM_UTF8 + QUOTES.encode(), "latin-1", QUOTES),
    ("UTF-16 with a mark", QUOTES.encode("utf-16"), None, QUOTES),
    ("UTF-16 big-endian with a mark", codecs.BOM_UTF16_BE + QUOTES.encode("utf-16-be"), None, QUOTES),
    ("UTF-16 by label", QUOTES.encode("utf-16-le"), "utf-16le", QUOTES),
    ("Windows-1252 without a label", QUOTES.encode("cp1252"), None, QUOTES),
    ("Windows-1252 labelled UTF-8", QUOTES.encode("cp1252"), "utf-8", QUOTES),
    ("Windows-1252 labelled Latin 1", QUOTES.encode("cp1252"), "ISO-8859-1", QUOTES),
    ("Windows-1251 by label", "Привет".encode("cp1251"), "windows-1251", "Привет"),
    ("Shift JIS by label", "港".encode("shift_jis"), "Shift_JIS", "港"),
    ("GBK by label", "港口".encode("gbk"), "gb2312", "港口"),
    ("Latin 2 by label", "Łódź".encode("iso8859-2"), "iso-8859-2", "Łódź"),
    ("a label nobody knows", QUOTES.encode(), "x-no-such", QUOTES),
    ("a label that is no charset", QUOTES.encode(), "rot13", QUOTES),
]
META = [
    ("by meta", b'<meta charset="windows-1251">', "cp1251"),
    ("by meta without quotes", b"<META CHARSET=windows-1251>", "cp1251"),
    (
        "by http-equiv",
        b'<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">',
        "cp1251",
    ),
    ("by the XML declaration", b'<?xml version="1.0" encoding="windows-1251"?>', "cp1251"),
    ("by a meta that says UTF-16 and is not", b'<meta charset="utf-16">', "utf-8"),
]


@pytest.mark.parametrize(("data", "label", "text"), [row[1:] for row in CASES], ids=[row[0] for row in CASES])
def test_a_page_is_read_as_its_sender_meant(data: bytes, label: str | None, text: str) -> None:
    assert decode_page(data, label, html=False) == text


@pytest.mark.parametrize(("head", "charset"), [row[1:] for row in META], ids=[row[0] for row in META])
def test_an_html_page_may_say_its_own_charset(head: bytes, charset: str) -> None:
    data = head + "<p>Привет</p>".encode(charset)
    assert "Привет" in decode_page(data, None, html=True)


def test_the_label_wins_over_what_the_page_says_of_itself() -> None:
    data = b'<meta charset="windows-1251">' + "<p>Привет</p>".encode()
    assert "Привет" in decode_page(data, "utf-8", html=True)


def test_plain_text_is_not_searched_for_a_declaration() -> None:
    text = '<meta charset="windows-1251"> é'
    assert decode_page(text.encode(), None, html=False) == text


@pytest.mark.parametrize(
    "label", ["idna", "punycode", "unicode_escape", "zlib", "base64", "undefined", "\0", ""]
)
def test_codecs_that_are_no_charsets_of_pages_are_not_used(label: str) -> None:
    assert known_charset(label) is None


@UNHURRIED
@given(st.binary(max_size=200), st.sampled_from([None, "utf-8", "utf-16", "euc-jp", "gb18030", "latin-1"]))
def test_any_bytes_become_text_that_can_be_stored(data: bytes, label: str | None) -> None:
    for html in (False, True):
        assert decode_page(data, label, html=html).encode() is not None
