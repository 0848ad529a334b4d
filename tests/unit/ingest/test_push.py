"""The push format: what is taken, what is refused, and that every wrong field is named."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.article import RawArticle, Source
from shared.codec import from_json, to_json
from shared.errors import InvalidRequest
from shared.push import MAX_SUMMARY_CHARS, InvalidPush, push_item, read_json, read_push, read_stage_item
from shared.settings import Settings

# A busy machine must not fail a test of what is read.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
SETTINGS = Settings()
ITEM: dict[str, Any] = {
    "url": "https://www.news.example/harbour?utm_source=mail",
    "title": "Harbour reopens",
    "body": "Ships may enter again.",
}


def read(**changes: object) -> RawArticle:
    return read_push({**ITEM, **changes}, SETTINGS, NOW)


def wrong_fields(item: object) -> dict[str, str]:
    with pytest.raises(InvalidPush) as caught:
        read_push(item, SETTINGS, NOW)
    return {error.field: error.message for error in caught.value.errors}


def test_every_field_of_the_format_arrives() -> None:
    article = read(
        source={"id": "Wire", "name": "The Wire", "domain": "www.wire.example"},
        uri="urn:wire:42",
        summary="Short.",
        authors=["A. Writer", "B. Writer"],
        language="en-GB",
        published_at="2026-11-20T10:00:00+02:00",
        modified_at="2026-11-20T10:00:00.123456Z",
        image_url="https://img.example/1.jpg",
        keywords=["port", "sea"],
        topics=["medtop:04000000"],
        version=3,
        pub_status="withheld",
        embargo_until="2026-12-01T00:00:00Z",
        expires_at="2027-01-01T00:00:00Z",
    )
    assert article.source == Source("wire", "The Wire", "wire.example")
    assert (article.uri, article.url) == ("urn:wire:42", ITEM["url"])
    assert (article.title, article.summary, article.body) == ("Harbour reopens", "Short.", ITEM["body"])
    assert (article.authors, article.keywords) == (("A. Writer", "B. Writer"), ("port", "sea"))
    assert (article.topics, article.language, article.version) == (("medtop:04000000",), "en-GB", 3)
    assert article.published_at == datetime(2026, 11, 20, 8, tzinfo=UTC)
    assert article.modified_at == datetime(2026, 11, 20, 10, 0, 0, 123456, tzinfo=UTC)
    assert (article.pub_status, article.image_url) == ("withheld", "https://img.example/1.jpg")
    assert article.embargo_until == datetime(2026, 12, 1, tzinfo=UTC)
    assert article.expires_at == datetime(2027, 1, 1, tzinfo=UTC)
    assert article.ingested_at == NOW


def test_the_source_comes_from_the_url_when_it_is_not_given() -> None:
    assert read().source == Source("news.example", None, "news.example")


def test_a_source_given_as_a_string_is_its_id() -> None:
    assert read(source="Wire").source == Source("wire", None, "news.example")
    assert read(source="hokanews.com", url=None, uri="1").source.domain == "hokanews.com"
    assert read(source="evening post", url=None, uri="1").source.domain is None


def test_null_fields_count_as_absent() -> None:
    article = read(summary=None, authors=None, html=None, version=None, source=None)
    assert (article.summary, article.authors, article.html) == (None, (), None)


def test_blank_labels_and_titles_are_dropped() -> None:
    article = read(title=" \u200b ", authors=["", " A. Writer "], language="")
    assert (article.title, article.authors, article.language) == (None, ("A. Writer",), None)


def test_a_page_loses_its_nuls_since_its_sender_did_not_write_it() -> None:
    assert read(body=None, html="<p>a\0b</p>").html == "<p>ab</p>"
    assert read(body=None, text="a\0b").text == "ab"


def test_text_of_every_script_is_kept_as_it_is() -> None:
    for title in ("مرحبا بالعالم", "港が再開", "👍🏽", "e\u0301te\u0301", "Z̸̢a̵l̶g̷o̸", "a\u202eb"):
        assert read(title=title).title == title


REFUSED = [
    ("no content", {"body": None}, "body", "needed"),
    ("two contents", {"html": "<p>x</p>"}, "html", "beside body"),
    ("blank body", {"body": " \n\t"}, "body", "blank"),
    ("zero-width body", {"body": "\u200b\ufeff"}, "body", "blank"),
    ("NUL body", {"body": "a\0b"}, "body", "NUL"),
    ("page of NULs", {"body": None, "html": "\0\0"}, "html", "blank"),
    ("NUL in the title", {"title": "a\0"}, "title", "NUL"),
    ("lone surrogate in the title", {"title": "a\ud800"}, "title", "surrogate"),
    ("lone surrogate in a page", {"body": None, "html": "<p>\udfff"}, "html", "surrogate"),
    ("title too long", {"title": "x" * 1001}, "title", "1000 characters"),
    ("title of 2 MB", {"title": "x" * 2_000_000}, "title", "1000 characters"),
    ("summary too long", {"summary": "x" * (MAX_SUMMARY_CHARS + 1)}, "summary", "characters"),
    ("title as a number", {"title": 5}, "title", "string"),
    ("title as an array", {"title": ["x"]}, "title", "string"),
    ("keywords as a string", {"keywords": "port"}, "keywords", "array"),
    ("authors as objects", {"authors": [{"name": "A"}]}, "authors.0", "string"),
    ("10,000 keywords", {"keywords": ["k"] * 10_000}, "keywords", "1000 items"),
    ("a keyword of 1 MB", {"keywords": ["k" * 1_000_000]}, "keywords.0", "characters"),
    ("unknown field", {"tags": ["x"]}, "tags", "known"),
    ("unknown field with a dot", {"a.b": 1}, "a.b", "known"),
    ("a field of the index", {"_id": "x"}, "_id", "known"),
    ("relative url", {"url": "/a"}, "url", "absolute"),
    ("url with a password", {"url": "https://a:b@news.example/"}, "url", "password"),
    ("url as a number", {"url": 5}, "url", "string"),
    ("image as javascript", {"image_url": "javascript:alert(1)"}, "image_url", "absolute"),
    ("empty uri", {"uri": ""}, "uri", "empty"),
    ("uri too long", {"uri": "x" * 3000}, "uri", "characters"),
    ("header in the source", {"source": "a\r\nX-Evil: 1"}, "source", "control"),
    ("empty source", {"source": ""}, "source", "empty"),
    ("source as a number", {"source": 5}, "source", "object"),
    ("source without id", {"source": {"name": "Wire"}}, "source.id", "needed"),
    ("source with a wrong domain", {"source": {"id": "w", "domain": "a b"}}, "source.domain", "host"),
    ("unknown field of the source", {"source": {"id": "w", "x": 1}}, "source.x", "known"),
    ("language in words", {"language": "English, British"}, "language", "BCP 47"),
    ("language with an underscore", {"language": "en_US"}, "language", "BCP 47"),
    ("date without a zone", {"published_at": "2026-11-20T10:00:00"}, "published_at", "zone"),
    ("date without a time", {"published_at": "2026-11-20"}, "published_at", "RFC 3339"),
    ("date in words", {"published_at": "yesterday"}, "published_at", "RFC 3339"),
    ("empty date", {"published_at": ""}, "published_at", "RFC 3339"),
    ("seconds since the epoch", {"published_at": 1_700_000_000}, "published_at", "RFC 3339"),
    ("milliseconds since the epoch", {"published_at": 1_700_000_000_000}, "published_at", "RFC 3339"),
    ("29 February of a common year", {"published_at": "2026-02-29T10:00:00Z"}, "published_at", "exists"),
    ("month 13", {"published_at": "2026-13-01T10:00:00Z"}, "published_at", "exists"),
    ("zone of 25 hours", {"published_at": "2026-01-01T10:00:00+25:00"}, "published_at", "exists"),
    ("year 1", {"published_at": "0001-01-01T00:00:00Z"}, "published_at", "1600"),
    ("year 1 before UTC", {"published_at": "0001-01-01T00:00:00+05:00"}, "published_at", "exists"),
    ("year 2099", {"published_at": "2099-01-01T00:00:00Z"}, "published_at", "future"),
    ("modified in the future", {"modified_at": "2026-12-24T00:00:00Z"}, "modified_at", "future"),
    ("embargo for ever", {"embargo_until": "9999-12-31T23:59:59Z"}, "embargo_until", "2200"),
    ("status of another system", {"pub_status": "killed"}, "pub_status", "usable"),
    ("version as a string", {"version": "2"}, "version", "whole number"),
    ("version as a float", {"version": 2.5}, "version", "whole number"),
    ("version as a boolean", {"version": True}, "version", "whole number"),
    ("negative version", {"version": -1}, "version", "at least 0"),
    ("huge version", {"version": 10**30}, "version", "at most"),
]


@pytest.mark.parametrize(("changes", "field", "why"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_cannot_be_used_is_refused_by_the_name_of_its_field(
    changes: dict[str, object], field: str, why: str
) -> None:
    errors = wrong_fields({**ITEM, **changes})
    assert list(errors) == [field]
    assert why in errors[field]


@pytest.mark.parametrize("item", [None, 5, "x", [], [ITEM], True])
def test_an_item_must_be_an_object(item: object) -> None:
    assert wrong_fields(item) == {"article": "must be an object"}


def test_an_empty_object_is_told_everything_it_lacks() -> None:
    assert set(wrong_fields({})) == {"body", "url", "source"}


def test_every_wrong_field_is_named_in_one_answer() -> None:
    assert set(wrong_fields({"title": 5, "tags": "x", "published_at": "now"})) == {
        "title", "tags", "published_at", "body", "url", "source",
    }  # fmt: skip


def test_a_million_unknown_fields_give_a_short_answer() -> None:
    assert len(wrong_fields({**ITEM, **{f"x{n}": n for n in range(100_000)}})) <= 50


def test_a_wrong_zone_of_hours_is_forgiven() -> None:
    assert read(published_at="2026-11-25T11:59:00Z").published_at == datetime(
        2026, 11, 25, 11, 59, tzinfo=UTC
    )


def test_an_article_under_embargo_may_carry_its_date_to_come() -> None:
    day = "2027-02-01T09:00:00Z"
    assert read(published_at=day, embargo_until=day).published_at == datetime(2027, 2, 1, 9, tzinfo=UTC)


def test_the_same_push_gives_the_same_id_whatever_else_changes() -> None:
    assert read().id == read(title="Other", body="Other.", url="http://news.example/harbour/").id
    assert read(source="wire").id != read().id


def test_an_invalid_push_survives_pickling_with_all_its_errors() -> None:
    with pytest.raises(InvalidPush) as caught:
        read_push({}, SETTINGS, NOW)
    assert pickle.loads(pickle.dumps(caught.value)).errors == caught.value.errors


# Lines for stages run by hand


def test_a_stage_needs_nothing_but_an_id() -> None:
    article = read_stage_item({"id": "a"})
    assert (article.id, article.text, article.source, article.url) == ("a", "", Source(""), None)


def test_a_stage_keeps_the_given_id_and_passes_over_what_it_does_not_know() -> None:
    article = read_stage_item({**ITEM, "id": 7, "gold": {"x": 1}, "title": "t" * 5000})
    assert (article.id, article.body, len(article.title or "")) == ("7", ITEM["body"], 5000)


def test_a_stage_takes_the_page_before_the_text_and_the_body() -> None:
    article = read_stage_item({"id": "a", "html": "<p>x</p>", "text": "x", "body": "x"})
    assert (article.html, article.text, article.body) == ("<p>x</p>", None, None)


def test_a_stage_goes_on_without_hints_that_cannot_be_used() -> None:
    bad = {"url": "../x", "source": "Springfield, Ohio", "published_at": "2026-01-01", "authors": "A"}
    article = read_stage_item({"id": "a", "text": "x", **bad})
    assert (article.url, article.source, article.published_at, article.authors) == (
        None,
        Source(""),
        None,
        (),
    )


@pytest.mark.parametrize(
    ("line", "field"),
    [({"text": "x"}, "id"), ({"id": ""}, "id"), ({"id": "a", "html": 5}, "html"), (5, "line"), (None, "line"),
     ({"id": None}, "id"), ({"id": "a", "title": ["x"]}, "title"), ({"id": "a", "body": "\ud800"}, "body")],
)  # fmt: skip
def test_a_stage_refuses_a_line_without_id_or_with_a_text_that_is_none(line: object, field: str) -> None:
    with pytest.raises(InvalidPush) as caught:
        read_stage_item(line)
    assert caught.value.field == field


# JSON

BROKEN = [
    ("empty", b"", "JSON"),
    ("spaces", b"  \n", "JSON"),
    ("truncated", b'{"a": [1, 2', "JSON"),
    ("trailing comma", b"[1,]", "JSON"),
    ("two values", b"{} {}", "JSON"),
    ("single quotes", b"{'a': 1}", "JSON"),
    ("comment", b"{} // x", "JSON"),
    ("not UTF-8", b'{"a": "\xff"}', "UTF-8"),
    ("Latin 1", '{"a": "é"}'.encode("latin-1"), "UTF-8"),
    ("UTF-16", '{"a": 1}'.encode("utf-16"), "UTF-8"),
    ("raw NUL", b'{"a": "\x00"}', "control character"),
    ("NaN", b'{"a": NaN}', "NaN"),
    ("Infinity", b"[-Infinity]", "Infinity"),
    ("10,000 digits", b'{"a": ' + b"9" * 10_000 + b"}", "digits"),
    ("100,000 arrays", b"[" * 100_000, "deep"),
    ("100,000 objects", b'{"a":' * 100_000, "deep"),
    ("duplicate key", b'{"title": "a", "title": "b"}', "twice"),
    ("duplicate key inside", b'[{"a": {"b": 1, "b": 1}}]', "twice"),
    ("duplicate key by escape", b'{"a": 1, "\\u0061": 2}', "twice"),
    ("lone surrogate", b'{"a": "\\ud800"}', "surrogate"),
    ("lone surrogate in a key", b'[[{"\\uDFFF": 1}]]', "surrogate"),
    ("surrogates in the wrong order", b'"\\udc00\\ud800"', "surrogate"),
]


@pytest.mark.parametrize(("data", "why"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_json_that_is_not_strict_is_refused_with_the_reason(data: bytes, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why):
        read_json(data)


def test_broken_json_is_told_with_its_position() -> None:
    with pytest.raises(InvalidRequest) as caught:
        read_json(b'{"a": 1,, "b": 2}')
    assert caught.value.position == 8


@pytest.mark.parametrize(
    ("data", "value"),
    [(b"\xef\xbb\xbf{}", {}), (b'"\\ud83d\\ude00"', "😀"), ('"é"'.encode(), "é"), (b" [1] \n", [1]),
     (b'"\\\\ud800"', "\\ud800"), (b"0", 0), (b"null", None)],
)  # fmt: skip
def test_strict_json_is_read(data: bytes, value: object) -> None:
    assert read_json(data) == value


def test_a_caller_that_checks_item_by_item_may_let_surrogates_pass() -> None:
    assert read_json(b'["\\ud800"]', keep_surrogates=True) == ["\ud800"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [*ITEM, "uri", "html", "text", "source", "authors", "published_at", "version", "id", "x"]
)
MOMENTS = st.from_regex(
    r"\A[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9](Z|[+-][0-2][0-9]:[0-9]{2})\Z"
)


@UNHURRIED
@given(
    st.dictionaries(FIELDS, JSON_VALUES | MOMENTS | st.just("https://news.example/a"), max_size=8)
    | JSON_VALUES
)
def test_any_value_is_an_article_or_an_invalid_push(item: object) -> None:
    for reader in (lambda: read_push(item, SETTINGS, NOW), lambda: read_stage_item(item)):
        try:
            article = reader()
        except InvalidPush:
            continue
        contents = [text for text in (article.body, article.html, article.text) if text is not None]
        assert len(contents) == 1
        assert isinstance(article.id, str)


@UNHURRIED
@given(st.binary(max_size=80) | st.text(alphabet='{}[]":,\\u0dD8fF9-eE.ntx \n', max_size=60).map(str.encode))
def test_any_bytes_are_json_or_an_invalid_request(data: bytes) -> None:
    try:
        value = read_json(data)
    except InvalidRequest:
        return
    assert value is None or isinstance(value, bool | int | float | str | list | dict)


@pytest.mark.parametrize(
    "item",
    [
        {"url": "https://www.News.Example:8080/a?utm_source=x", "body": "Text."},
        {"url": "http://127.0.0.1/a", "html": "<p>a\0b</p>"},
        {"url": "http://[::1]:80/a", "text": "Text."},
        {"url": "https://grüße.example/ä", "body": "Text."},
        {"uri": "x", "source": "the Evening Post", "body": "Text."},
        {"uri": "x", "source": {"id": "www.a.example", "name": "A", "domain": "b.example"}, "body": "T."},
        {"uri": "x", "source": "münchen.example", "body": "Text."},
        {
            "url": "https://news.example/a",
            "uri": "wire:1",
            "source": "wire",
            "body": " A body. ",
            "title": " T ",
            "summary": "S",
            "authors": ["A", ""],
            "language": "en-GB",
            "published_at": "2026-01-31T09:30:00.5+02:00",
            "modified_at": "2026-01-31T09:30:00Z",
            "image_url": "https://news.example/a.jpg",
            "keywords": ["k"],
            "topics": ["t"],
            "version": 0,
            "pub_status": "withheld",
            "embargo_until": "2027-01-01T00:00:00Z",
            "expires_at": "2028-01-01T00:00:00Z",
        },
    ],
)
def test_what_was_accepted_can_be_pushed_again_as_the_same(item: dict[str, Any]) -> None:
    first = read_push(item, SETTINGS, NOW)
    again = read_push(from_json(to_json(push_item(first)), dict[str, Any]), SETTINGS, NOW)
    assert again == first
