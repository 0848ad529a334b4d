"""Three kinds of errors that are never confused, at every address that searches the embedded index.

Your query is a 400 (``test_bad_input.py``), an index that is away a 503 to come back after, and our own fault
a 500 with an id, of which the log has all and the body nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import tantivy
from flask.testing import FlaskClient

from services.search.app import create_app
from shared.index.document import document
from shared.index.embedded import EmbeddedIndex
from shared.index.embedded_files import open_files
from tests.unit.search.conftest import FERRY, Newsroom, open_newsroom

BROKEN = "f" * 32
SHOWING = (
    "/v1/search?q=ferry",
    "/v1/search?q=ferry&cursor=*",
    "/v1/search?q=ferry&format=ninjs",
    "/v1/search/export?format=ndjson&q=ferry",
    "/v1/search/export?format=csv&q=ferry",
    "/v1/search.rss?q=ferry",
    "/v1/search.atom?q=ferry",
    "/v1/search.json?q=ferry",
    "/?q=ferry",
    "/v2/everything?q=ferry",
    "/v2/top-headlines?q=ferry",
    f"/v1/articles/{BROKEN}",
    f"/articles/{BROKEN}",
)  # these show articles
SEARCHES = (*SHOWING, "/v1/timeline?q=ferry", "/v1/suggest?q=fer", "/v2/sources", "/v2/top-headlines/sources")


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Newsroom]:
    with open_newsroom(tmp_path) as made:
        made.publish("Ferry", FERRY)
        yield made


def anew(room: Newsroom) -> FlaskClient:
    """The service as another process has it, which opens the index by itself."""
    return create_app(room.settings, EmbeddedIndex(room.settings.index_dir), room.ledger).test_client()


def directory(room: Newsroom) -> Path:
    (found,) = (path for path in room.settings.index_dir.iterdir() if path.is_dir())
    return found


def spoil_meta(room: Newsroom) -> None:
    (directory(room) / "meta.json").write_bytes(b"{broken")


def spoil_store(room: Newsroom) -> None:
    for path in directory(room).glob("*.store"):
        path.write_bytes(b"x" * 10)


def cut_store(room: Newsroom) -> None:
    """To less than its footer says: the engine panics, which is no ``Exception``."""
    for path in directory(room).glob("*.store"):
        path.write_bytes(path.read_bytes()[-200:])


def drop(room: Newsroom) -> None:
    (room.settings.index_dir / "current").unlink()


def shown(address: str, text: str, room: Newsroom) -> None:
    """Nothing of this machine is in a body: neither its folders and files nor a trace."""
    for secret in (
        str(room.settings.data_dir),
        "meta.json",
        ".store",
        "Traceback",
        "IoError",
        'File "',
        "tantivy",
    ):
        assert secret not in text, (address, secret)


@pytest.mark.parametrize("spoil", [spoil_meta, spoil_store, cut_store, drop])
def test_an_index_that_cannot_be_read_is_a_503_at_every_address_to_come_back_after(room, spoil):
    spoil(room)
    client = anew(room)
    for address in SEARCHES:
        begun = time.monotonic()
        answer = client.get(address, buffered=True)
        assert time.monotonic() - begun < 3, address
        assert answer.status_code == 503, (address, answer.text)
        assert int(answer.headers["Retry-After"]) > 0, address
        assert kind(answer.content_type) == expected_kind(address)
        shown(address, answer.text, room)
        if address.startswith("/v2"):
            assert (answer.json["status"], answer.json["code"]) == ("error", "unexpectedError")


def kind(content_type: str) -> str:
    return content_type.partition(";")[0]


def expected_kind(address: str) -> str:
    if address.startswith("/v2"):
        return "application/json"
    return "application/problem+json" if address.startswith("/v1") else "text/html"


def break_document(room: Newsroom) -> None:
    """Write a document that is found as any other, and of which the stored article breaks off."""
    (hit,) = anew(room).get("/v1/search?q=ferry").json["hits"]
    (article,) = room.index.get([hit["id"]], datetime.now(UTC))
    room.index.close()
    found = document(replace(article, id=BROKEN, sort_key=article.sort_key + 1)) | {"article": b'{"id": "f'}
    made = tantivy.Document()
    for name, value in found.items():
        for one in value if isinstance(value, list) else [value]:
            add = (
                made.add_bytes
                if name == "article"
                else made.add_text
                if isinstance(one, str)
                else made.add_integer
            )
            add(name, one)
    writer = open_files(directory(room)).writer(15_000_000, 1)
    writer.add_document(made)
    writer.commit()
    writer.wait_merging_threads()


def test_a_document_that_cannot_be_read_is_our_fault_with_an_id_and_without_a_trace(room):
    break_document(room)
    client = anew(room)
    assert client.get("/v1/timeline?q=ferry").json["total"] == 2  # found it is
    for address in SHOWING:
        answer = client.get(address, buffered=True)
        assert answer.status_code == 500, (address, answer.text)
        assert "Retry-After" not in answer.headers, address  # waiting does not help
        assert kind(answer.content_type) == expected_kind(address)
        shown(address, answer.text, room)
        assert "cannot be read" not in answer.text
        assert re.search(r"\b[0-9a-f]{32}\b", answer.text), address
        if address.startswith("/v1"):
            assert re.fullmatch("[0-9a-f]{32}", answer.json["id"])
        if address.startswith("/v2"):
            assert (answer.json["status"], answer.json["code"]) == ("error", "unexpectedError")


def test_the_desk_tells_people_of_our_fault_on_a_page_that_is_closed_as_all_are(room):
    break_document(room)
    answer = anew(room).get("/?q=ferry")
    assert "Our fault" in answer.text
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert answer.headers["Cache-Control"] == "no-store"
