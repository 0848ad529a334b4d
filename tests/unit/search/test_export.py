"""Exports: a whole result as NDJSON and CSV, page by page, and never cut without a word."""

from __future__ import annotations

import csv
import io
import json
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from services.search.answers import ARTICLE_FIELDS, article_json
from services.search.app import create_app
from services.search.cursors import Cursors
from services.search.export import PIECE_BYTES, STEP_SIZE, Export, Places, csv_cells
from services.search.params import read_pairs
from services.search.reader import Reader
from shared.article import Article, Entity, Source, Tag
from shared.clock import to_ms
from shared.codec import to_json
from shared.errors import Unavailable
from shared.index.embedded import EmbeddedIndex

NOW = datetime(2026, 11, 27, 6, tzinfo=UTC)
MANY = 2 * STEP_SIZE + 50


def made(number, **facts):
    moment = NOW - timedelta(days=1) + timedelta(minutes=number)
    given = {
        "title": f"Ferry number {number}",
        "body": "The ferry left.\nIt rained.",
        "ingested_at": moment,
        "published_at": moment,
        "authors": ("Desk, reporter", 'Ann "Nan" Lee'),
        "topics": (Tag("medtop:20000337", "transport", 0.82, ("ferry",), ("medtop:04000000",)),),
        "entities": (Entity("Port Selby", "place", 2),),
        "language": "en",
        "revision": 1,
        "change": 1,
        "sort_key": to_ms(moment) * 1000,
    }
    return Article(f"{number:032x}", Source("harbour.example"), **(given | facts))


class BrokenIndex(EmbeddedIndex):
    """An index that is away, or has forgotten a walk, at some steps of it."""

    def __init__(self, directory):
        super().__init__(directory, writing=True)
        self.steps = 0
        self.faults = {}

    def walk(self, request, mark, now):
        self.steps += 1
        if self.steps in self.faults:
            raise self.faults[self.steps]
        return super().walk(request, mark, now)


@pytest.fixture
def index(tmp_path):
    opened = BrokenIndex(tmp_path / "index")
    opened.create()
    opened.write([made(number) for number in range(MANY)])
    yield opened
    opened.close()


@pytest.fixture
def client(empty_newsroom, index):
    return create_app(empty_newsroom.settings, index, empty_newsroom.ledger).test_client()


@pytest.fixture
def reader(empty_newsroom, index):
    return Reader(index, empty_newsroom.ledger, Cursors(empty_newsroom.settings))


def fetch(client, query):
    answer = client.get(f"/v1/search/export?{query}")
    assert answer.status_code == 200, answer.text
    return answer


def rows(answer):
    return list(csv.reader(io.StringIO(answer.text, newline=""), strict=True))


def test_ndjson_has_every_article_of_the_result_in_order(client, index):
    answer = fetch(client, "q=ferry&sort=oldest&format=ndjson")
    lines = answer.data.splitlines()
    assert [json.loads(line)["id"] for line in lines] == [f"{number:032x}" for number in range(MANY)]
    assert answer.data.endswith(b"\n")
    (article,) = index.get([f"{7:032x}"], NOW)
    assert lines[7] == to_json(article_json(article))
    assert answer.content_type == "application/x-ndjson"
    assert answer.headers["X-Total-Count"] == str(MANY)
    assert not index._walks._kept


def test_csv_has_a_header_and_a_row_for_every_article(client):
    answer = fetch(client, "q=ferry&sort=newest&format=csv")
    header, *found = rows(answer)
    assert header == list(ARTICLE_FIELDS)
    assert [row[0] for row in found] == [f"{number:032x}" for number in range(MANY - 1, -1, -1)]
    assert {len(row) for row in found} == {len(ARTICLE_FIELDS)}
    assert answer.content_type == "text/csv; charset=utf-8; header=present"
    assert answer.headers["X-Total-Count"] == str(MANY)
    assert answer.data.count(b"\r\n") == MANY + 1


def test_a_row_holds_text_as_it_is_and_the_rest_as_json(client):
    answer = fetch(client, "q=ferry&sort=oldest&format=csv")
    header, first = rows(answer)[:2]
    row = dict(zip(header, first, strict=True))
    assert row["body"] == "The ferry left.\nIt rained."
    assert row["published_at"] == "2026-11-26T06:00:00Z"
    assert json.loads(row["authors"]) == ["Desk, reporter", 'Ann "Nan" Lee']
    assert json.loads(row["source"]) == {"id": "harbour.example", "name": None, "domain": None}
    assert json.loads(row["topics"])[0]["code"] == "medtop:20000337"
    assert (row["summary"], row["is_lead"], row["similarity"], row["revision"]) == ("", "true", "0.0", "1")


def test_fields_choose_the_columns_and_the_id_comes_first(client):
    header, first, *_ = rows(fetch(client, "sort=oldest&format=csv&fields=title,language"))
    assert header == ["id", "title", "language"]
    assert first == [f"{0:032x}", "Ferry number 0", "en"]
    line = fetch(client, "sort=oldest&format=ndjson&fields=language,id").data.splitlines()[0]
    assert list(json.loads(line)) == ["id", "language"]


def test_the_newest_come_first_unless_another_order_is_asked_for(client, index):
    index.write([made(9_000, title="Ferry ferry ferry", sort_key=1)])  # the best, and the oldest
    newest = fetch(client, "q=ferry&format=ndjson").data.splitlines()
    assert json.loads(newest[0])["id"] == f"{MANY - 1:032x}"
    best = fetch(client, "q=ferry&sort=relevance&format=ndjson").data.splitlines()
    assert json.loads(best[0])["id"] == json.loads(newest[-1])["id"] == f"{9_000:032x}"
    parameters = client.get("/openapi.json").json["paths"]["/v1/search/export"]["get"]["parameters"]
    (sort,) = (one["schema"] for one in parameters if one["name"] == "sort")
    assert sort["default"] == "newest"


FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1",
    "\n=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠x",
    "=cmd|' /C calc'!A0",
]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_cell_that_a_spreadsheet_would_take_for_a_formula_begins_with_an_apostrophe(text):
    assert csv_cells(made(1, title=text), ["title"]) == [f"'{text}"]


@pytest.mark.parametrize(
    "text", ["a=1", " =1", "'=1", "", "1-1", "e-mail", '"quoted"', "a,b\r\nc", "—dash", "\x00=1"]
)
def test_other_text_stands_in_its_cell_unchanged(text):
    assert csv_cells(made(1, title=text), ["title"]) == [text]


def test_a_formula_that_came_in_with_an_article_is_harmless_in_the_file(client, index):
    index.write([made(9_000, title='=HYPERLINK("http://evil.example","x")', authors=("=1+1",))])
    _, first, *_ = rows(fetch(client, "sort=newest&format=csv&fields=title,authors"))
    assert first[1:] == ['\'=HYPERLINK("http://evil.example","x")', '["=1+1"]']


@pytest.mark.parametrize("kind", ["ndjson", "csv"])
def test_a_file_has_a_name_and_is_not_kept_by_caches(client, kind):
    answer = fetch(client, f"format={kind}")
    name = answer.headers["Content-Disposition"]
    assert name.startswith('attachment; filename="copydesk-20')
    assert name.endswith(f'Z.{kind}"')
    assert answer.headers["Cache-Control"] == "no-store"


def test_filters_and_folding_are_those_of_a_search(client, index):
    index.write([made(9_000, is_lead=False, verdict="duplicate", duplicate_of=f"{1:032x}")])
    assert len(fetch(client, "q=ferry&format=ndjson").data.splitlines()) == MANY
    assert len(fetch(client, "q=ferry&duplicates=only&format=ndjson").data.splitlines()) == 1
    few = fetch(client, "from=2026-11-26T06:10:00Z&to=2026-11-26T06:14:00Z&-source=bay.example&format=ndjson")
    assert len(few.data.splitlines()) == 5


def test_a_result_of_nothing_is_an_empty_file(client):
    assert fetch(client, "q=nothere&format=ndjson").data == b""
    assert rows(fetch(client, "q=nothere&format=csv")) == [list(ARTICLE_FIELDS)]


def test_the_head_of_an_export_tells_its_size_and_keeps_nothing(client, index):
    answer = client.head("/v1/search/export?format=csv")
    assert (answer.status_code, answer.data) == (200, b"")
    assert answer.headers["X-Total-Count"] == str(MANY)
    assert not index._walks._kept


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("", ["format"]),
        ("format=xml", ["format"]),
        ("format=", ["format"]),
        ("format=csv&format=csv", ["format"]),
        ("format=csv&size=5", ["size"]),
        ("format=csv&size=-1&offset=5", ["size", "offset"]),
        ("format=csv&cursor=*", ["cursor"]),
        ("format=csv&highlight=true", ["highlight"]),
        ("format=csv&stories=fold", ["stories"]),
        ("format=csv&facets=source&facet_size=5", ["facets", "facet_size"]),
        ("format=csv&fields=_id", ["fields"]),
        ("format=csv&q=(", ["q"]),
        ("format=csv&from=2026-02-01&to=2026-01-01", ["from"]),
        ("format=csv&q=%ff", ["query string"]),
    ],
)
def test_what_cannot_be_exported_is_a_400_that_names_it(client, query, named):
    answer = client.get(f"/v1/search/export?{query}")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json["errors"]] == named


# What breaks on the way


def received(lines):
    """What came of a file that breaks off."""
    parts = []
    with suppress(Unavailable):
        for part in lines:
            parts.append(part)
        raise AssertionError("it did not break off")
    return b"".join(parts)


def test_an_engine_that_is_away_at_the_start_is_a_503_and_no_file(client, index):
    index.faults = dict.fromkeys(range(1, 11), Unavailable("away"))
    for _ in range(10):  # more than there are places
        answer = client.get("/v1/search/export?format=csv")
        assert answer.status_code == 503
        assert answer.headers["Retry-After"]
        assert "Content-Disposition" not in answer.headers
        assert "away" in answer.json["detail"]
    assert len(rows(fetch(client, "format=csv"))) == MANY + 1


def test_an_engine_that_is_away_for_a_moment_is_asked_again(reader, index):
    index.faults = {2: Unavailable("away"), 3: Unavailable("away")}
    found = Export(reader, reader.read_walk(read_pairs(b"q=ferry")), "ndjson", waits=(0, 0))
    assert len(b"".join(found.lines()).splitlines()) == MANY


@pytest.mark.parametrize("kind", ["ndjson", "csv"])
def test_a_failure_in_mid_stream_is_the_last_thing_in_the_file(reader, index, kind):
    index.faults = dict.fromkeys(range(2, 9), Unavailable("away"))
    found = Export(reader, reader.read_walk(read_pairs(b"q=ferry")), kind, waits=(0, 0))
    data = received(found.lines())
    if kind == "ndjson":
        *articles, last = map(json.loads, data.splitlines())
        assert len(articles) == STEP_SIZE
        assert list(last) == ["error"]
        assert "not complete" in last["error"]["detail"]
    else:
        with pytest.raises(csv.Error, match="unexpected end of data"):
            list(csv.reader(io.StringIO(data.decode(), newline=""), strict=True))
        assert "not complete" in data.decode().splitlines()[-1]
    assert not index._walks._kept


def test_an_export_takes_a_page_at_a_time_and_no_more_than_are_asked_for(client, index):
    answer = client.get("/v1/search/export?format=ndjson", buffered=False)
    parts = answer.iter_encoded()
    next(parts)
    assert index.steps <= 2
    seen = [index.steps for _ in parts]
    assert len(seen) >= 2
    assert seen[0] <= 2  # not all that is to come was asked for at once
    assert seen[-1] == 3


@pytest.mark.parametrize("kind", ["ndjson", "csv"])
def test_a_file_is_handed_over_in_small_pieces_of_whole_lines(reader, index, kind):
    body = "The ferry left. " * 1_000
    index.write([made(10_000 + n, body=body) for n in range(MANY)])
    wanted = reader.read_walk(read_pairs(b"sort=oldest"))
    pieces = list(Export(reader, wanted, kind).lines())
    assert max(map(len, pieces)) < PIECE_BYTES + 2 * len(body)
    assert len(pieces) > MANY * len(body) / PIECE_BYTES / 2
    assert all(piece.endswith(b"\n") for piece in pieces)


def test_who_goes_away_leaves_neither_a_walk_nor_a_place_behind(client, index):
    for _ in range(10):  # more than there are places
        answer = client.get("/v1/search/export?format=ndjson", buffered=False)
        assert answer.status_code == 200
        next(answer.iter_encoded())
        assert index._walks._kept
        answer.close()
        assert not index._walks._kept


def test_exports_leave_threads_to_searches(empty_newsroom, index):
    settings = replace(empty_newsroom.settings, web_threads=8)
    client = create_app(settings, index, empty_newsroom.ledger).test_client()
    running = [client.get("/v1/search/export?format=csv", buffered=False) for _ in range(2)]
    assert [answer.status_code for answer in running] == [200, 200]
    refused = client.get("/v1/search/export?format=csv")
    assert refused.status_code == 503
    assert refused.headers["Retry-After"]
    assert client.get("/v1/search?q=ferry").status_code == 200
    assert client.get("/v1/search/export?format=xml").status_code == 400
    running[0].close()
    assert client.get("/v1/search/export?format=csv&fields=title", buffered=False).status_code == 200
    running[1].close()


def test_a_place_is_given_back_once():
    places = Places(1)
    give_back = places.take()
    give_back()
    give_back()
    places.take()
    with pytest.raises(Unavailable):
        places.take()
