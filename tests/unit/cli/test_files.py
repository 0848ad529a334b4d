"""What a file's name and content make of it, and how a stream is cut into batches."""

import json

import pytest

from services.cli.delivery import BATCH_BYTES, BATCH_ITEMS, _describe, batches
from services.cli.files import Page, decode, read_file
from shared.errors import InvalidRequest


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("a.html", "text/html"), ("a.HTM", "text/html"), ("a.xhtml", "text/html"), ("a.txt", "text/plain")],
)
def test_a_page_with_a_url_goes_in_as_it_is(tmp_path, name, content_type):
    path = write(tmp_path, name, b"\xff raw bytes")
    page = read_file(path, None, "https://a.example/1")
    assert page == Page(b"\xff raw bytes", content_type, "https://a.example/1")


@pytest.mark.parametrize(("name", "field"), [("front page.html", "html"), ("note.txt", "text")])
def test_a_page_without_a_url_becomes_an_item_named_after_the_file(tmp_path, name, field):
    path = write(tmp_path, name, "Grüße")
    items = list(read_file(path, "a.example", None))
    assert items == [{"source": "a.example", "uri": f"file:{name}", field: "Grüße"}]


def test_a_page_without_url_and_source_is_refused(tmp_path):
    with pytest.raises(InvalidRequest, match="--source or --url"):
        read_file(write(tmp_path, "a.txt", "x"), None, None)


def test_an_unknown_ending_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(InvalidRequest, match=r"\.html, .*\.ndjson"):
        read_file(write(tmp_path, "a.pdf", "x"), "a.example", None)


def test_a_json_file_holds_one_item_or_many(tmp_path):
    one = write(tmp_path, "one.json", '{"uri": "1"}')
    many = write(tmp_path, "many.json", '[{"uri": "1"}, {"uri": "2", "source": "b.example"}, 3]')
    assert list(read_file(one, None, None)) == [{"uri": "1"}]
    assert list(read_file(many, "a.example", None)) == [
        {"source": "a.example", "uri": "1"},
        {"source": "b.example", "uri": "2"},
        3,
    ]


def test_broken_json_is_refused_with_the_files_name(tmp_path):
    with pytest.raises(InvalidRequest, match=r"broken\.json: is no JSON"):
        list(read_file(write(tmp_path, "broken.json", "{"), None, None))


def test_a_broken_line_of_ndjson_keeps_its_place(tmp_path):
    path = write(tmp_path, "a.ndjson", '{"uri": "1"}\n\nnonsense\n{"uri": "2"}')
    assert list(read_file(path, None, None)) == [{"uri": "1"}, "nonsense", {"uri": "2"}]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfabc", "abc"),
        ("naïve".encode(), "naïve"),
        ("naïve – ".encode("windows-1252"), "naïve – "),
    ],
)
def test_pages_are_read_as_utf_8_or_else_as_windows_1252(data, text):
    assert decode(data) == text


def test_batches_are_limited_in_number_and_keep_the_order():
    cut = list(batches({"n": number} for number in range(2 * BATCH_ITEMS + 1)))
    assert [len(batch) for batch in cut] == [BATCH_ITEMS, BATCH_ITEMS, 1]
    assert [item["n"] for batch in cut for item in batch] == list(range(2 * BATCH_ITEMS + 1))


def test_batches_are_limited_in_size_and_a_giant_stands_alone():
    giant, small = {"text": "x" * BATCH_BYTES}, {"text": "y"}
    cut = list(batches([small, giant, small, small]))
    assert [len(batch) for batch in cut] == [1, 1, 2]
    assert sum(len(json.dumps(item)) for item in cut[2]) < BATCH_BYTES


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("is no JSON", "is no JSON"),
        ({"field": "title", "message": "is too long"}, "title: is too long"),
        ([{"field": "a", "message": "b"}, {"field": "c", "message": "d"}], "a: b; c: d"),
        ({"title": "Bad Request", "errors": [{"field": "url", "message": "is needed"}]}, "url: is needed"),
        ({"detail": "too large", "title": "Content Too Large"}, "too large: Content Too Large"),
    ],
)
def test_an_error_is_put_into_words_whatever_its_shape(error, words):
    assert _describe(error) == words
