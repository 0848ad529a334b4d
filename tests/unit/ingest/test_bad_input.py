"""Everything bad that was ever seen at such a door: a 4xx that says why, or accepted and left to clean.

The numbers are those of the list of bad input that the design was made with.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.ledger.port import Ledger
from shared.settings import Settings

URL = "https://news.example/a"
ITEM: dict[str, Any] = {"url": URL, "title": "Harbour reopens", "body": "Ships may enter again."}
JSON = "application/json"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path)


def item(**changes: object) -> bytes:
    return json.dumps({**ITEM, **changes}).encode()


BODIES: list[tuple[str, bytes, int, str]] = [
    ("1 empty body", b"", 400, "request"),
    ("2 invalid JSON", b"{title: 1}", 400, "request"),
    ("3 truncated JSON", item()[:-5], 400, "request"),
    ("4 BOM", b"\xef\xbb\xbf" + item(), 202, ""),
    ("6 array for object", b"[[]]", 400, "0.article"),
    ("7 depth 100,000", b"[" * 100_000, 400, "request"),
    ("7 depth 100,000 in a field", b'{"title":' + b"[" * 100_000, 400, "request"),
    ("7 depth 200 in a field", b'{"title":' + b"[" * 200 + b"]" * 200 + b"}", 400, "title"),
    ("8 10,000 digits", b'{"version": ' + b"9" * 10_000 + b"}", 400, "request"),
    ("9 NaN", b'{"version": NaN}', 400, "request"),
    ("9 Infinity", b'{"version": Infinity}', 400, "request"),
    ("9 a number beyond floats", b'{"version": 1e999}', 400, "version"),
    ("10 duplicate keys", b'{"title": "a", "title": "b"}', 400, "title"),
    ("10 duplicate keys that cannot be written", b'{"\\ud800": 1, "\\ud800": 2}', 400, "?"),
    ("11 lone surrogate", item(title="a\ud800"), 400, "title"),
    ("11 lone surrogate in a key", b'{"\\ud800": 1}', 400, "article"),
    ("12 NUL in title", item(title="a\0b"), 400, "title"),
    ("13 control and bidi override", item(title="a\x07\u202eb"), 202, ""),
    ("14 zero-width-only title", item(title="\u200b\u200d"), 202, ""),
    ("15 NFD title", item(title="e\u0301te\u0301"), 202, ""),
    ("16 zalgo", item(title="Z" + "\u0338\u0322" * 400), 202, ""),
    ("17 1 MB title", item(title="x" * 1_000_000), 400, "title"),
    ("17 2 MB title", item(title="x" * 2_000_000), 400, "title"),
    ("18 17 MB body", item(body="x" * 17_000_000), 413, ""),
    ("19 body of spaces", item(body=" " * 1_000), 400, "body"),
    ("20 HTML only scripts", item(body=None, html="<script>x()</script>"), 202, ""),
    ("21 unclosed tags", item(body=None, html="<b>" * 100_000), 202, ""),
    ("22 nested divs", item(body=None, html="<div>" * 50_000 + "x"), 202, ""),
    (
        "23 data: image of 10 MB",
        item(image_url="data:image/png;base64," + "A" * 10_000_000),
        400,
        "image_url",
    ),
    ("24 javascript: url", item(url="javascript:alert(1)"), 400, "url"),
    ("25 missing URL", item(url=None), 400, "url"),
    ("26 relative URL", item(url="/a"), 400, "url"),
    ("27 URL with credentials", item(url="https://a:b@news.example/"), 400, "url"),
    ("28 IDN host", item(url="https://bücher.example/"), 202, ""),
    ("29 URL of 64 KB", item(url=URL + "x" * 65_536), 400, "url"),
    ("30 file://", item(url="file:///etc/passwd"), 400, "url"),
    ("30 gopher://", item(url="gopher://news.example/"), 400, "url"),
    ("33 date in 2099", item(published_at="2099-01-01T00:00:00Z"), 400, "published_at"),
    ("34 date 0001", item(published_at="0001-01-01T00:00:00Z"), 400, "published_at"),
    ("35 date without zone", item(published_at="2026-01-01T00:00:00"), 400, "published_at"),
    ("36 29 Feb wrong year", item(published_at="2026-02-29T00:00:00Z"), 400, "published_at"),
    ("37 epoch ms", item(published_at=1_700_000_000_000), 400, "published_at"),
    ("38 yesterday", item(published_at="yesterday"), 400, "published_at"),
    ("39 language tag wrong", item(language="english (uk)"), 400, "language"),
    ("40 mixed-script text", item(body="Hello мир 世界"), 202, ""),
    ("41 RTL text", item(body="مرحبا بالعالم"), 202, ""),
    ("42 CJK without spaces", item(body="港が再開した。" * 50), 202, ""),
    ("43 emoji only", item(body="👍🏽🎉"), 202, ""),
    ("55 unknown fields", item(tags=["x"], zz=1), 400, "tags"),
    ("56 tags as a string", item(keywords="x"), 400, "keywords"),
    ("56 title as an object", item(title={"en": "x"}), 400, "title"),
    ("56 body as a number", item(body=5), 400, "body"),
    ("57 10,000 tags", item(keywords=["x"] * 10_000), 400, "keywords"),
    ("58 field with a dot", item(**{"a.b": 1}), 400, "a.b"),
    ("58 _id", item(_id="x"), 400, "_id"),
    ("62 paywall stub", item(body="Subscribe to read on."), 202, ""),
    ("74 header in the source", item(source="a\r\nSet-Cookie: x=1"), 400, "source"),
    ("75 formula in the title", item(title="=HYPERLINK(1)"), 202, ""),
    ("null", b"null", 400, "article"),
    ("a string", b'"x"', 400, "article"),
]
HTML = {"Content-Type": "text/html"}
REQUESTS: list[tuple[str, str, bytes, dict[str, str], int]] = [
    ("5 wrong charset", "/v1/articles", item(), {"Content-Type": f"{JSON}; charset=utf-16"}, 415),
    ("5 charset nobody knows", "/v1/articles", item(), {"Content-Type": f"{JSON}; charset=x-unknown"}, 415),
    ("5 Latin 1 as JSON", "/v1/articles", '{"title": "é"}'.encode("latin-1"), {"Content-Type": JSON}, 400),
    ("no content type", "/v1/articles", item(), {}, 415),
    ("form", "/v1/articles", b"title=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    ("54 multipart", "/v1/articles", b"--x--", {"Content-Type": "multipart/form-data; boundary=x"}, 415),
    ("text as JSON", "/v1/articles", item(), {"Content-Type": "text/plain"}, 415),
    ("NDJSON at the wrong door", "/v1/articles", item(), {"Content-Type": "application/x-ndjson"}, 415),
    ("JSON at the stream", "/v1/articles:bulk", item(), {"Content-Type": JSON}, 415),
    ("51 gzip bomb", "/v1/articles", gzip.compress(b" " * 10_000_000),
     {"Content-Type": JSON, "Content-Encoding": "gzip"}, 415),
    ("gzip at the stream", "/v1/articles:bulk", gzip.compress(item()),
     {"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"}, 415),
    ("identity encoding", "/v1/articles", item(),
     {"Content-Type": JSON, "Content-Encoding": "identity"}, 202),
    ("JSON as a page", "/v1/pages?source=a", item(), {"Content-Type": JSON}, 415),
    ("PDF as a page", "/v1/pages?source=a", b"%PDF", {"Content-Type": "application/pdf"}, 415),
    ("44 Windows-1252 as UTF-8", "/v1/pages?source=a", b"caf\xe9",
     {"Content-Type": "text/plain; charset=utf-8"}, 202),
    ("page with a mad charset", "/v1/pages?source=a", b"x",
     {"Content-Type": "text/plain; charset=idna"}, 202),
    ("page of 17 MB", "/v1/pages?source=a", b"x" * 17_000_000, HTML, 413),
    ("page of NULs", "/v1/pages?source=a", b"\0" * 100, HTML, 400),
    ("50 page of bytes", "/v1/pages?source=a", bytes(range(256)), HTML, 202),
    ("NUL in the query", "/v1/pages?source=a%00b", b"x", HTML, 400),
    ("broken UTF-8 in the query", "/v1/pages?source=%ff%fe", b"x", HTML, 400),
    ("a query of 100 kB", "/v1/pages?source=" + "a" * 100_000, b"x", HTML, 400),
]  # fmt: skip


@pytest.mark.parametrize(("body", "status", "field"), [r[1:] for r in BODIES], ids=[r[0] for r in BODIES])
def test_a_bad_article_is_answered_by_the_name_of_the_field(
    client: FlaskClient, ledger: Ledger, body: bytes, status: int, field: str
) -> None:
    answer = client.post("/v1/articles", data=body, content_type=JSON)
    assert answer.status_code == status
    assert ledger.counts() == ({"accepted": 1} if status == 202 else {})
    if field:
        assert answer.content_type == "application/problem+json"
        assert answer.json is not None
        assert field in [error["field"] for error in answer.json["errors"]]


@pytest.mark.parametrize(("body", "status", "field"), [r[1:] for r in BODIES], ids=[r[0] for r in BODIES])
def test_a_bad_line_spares_its_neighbours(
    client: FlaskClient, ledger: Ledger, body: bytes, status: int, field: str
) -> None:
    good = item(url="https://news.example/good")
    stream = good + b"\n" + body + b"\n" + good
    answer = client.post("/v1/articles:bulk", data=stream, content_type="application/x-ndjson")
    outcomes = [json.loads(line) for line in answer.text.splitlines()]
    assert [outcomes[0]["status"], outcomes[-1]["status"]] == ["accepted", "accepted"]
    if body.strip():
        expected = "accepted" if status == 202 else "invalid"
        assert [outcome["status"] for outcome in outcomes[1:-1]] == [expected]
    assert ledger.counts() == {"accepted": 2 + (status == 202)}


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"), [r[1:] for r in REQUESTS], ids=[r[0] for r in REQUESTS]
)
def test_a_bad_request_is_refused_before_it_is_parsed(
    client: FlaskClient, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    answer = client.post(path, data=body, headers=headers)
    assert answer.status_code == status
    if status >= 400:
        assert answer.content_type == "application/problem+json"


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_a_wrong_method_is_405(client: FlaskClient, method: str) -> None:
    answer = client.open("/v1/articles", method=method)
    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
