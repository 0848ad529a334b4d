"""NewsAPI.org's version 2 over HTTP: its parameters, its answers, its errors, and nothing else below /v2."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient

from services.search.app import create_app
from services.search.newsapi.finding import Finder
from services.search.newsapi.params import Asked, read_everything, read_headlines
from services.search.newsapi.sources import _Kept
from services.search.newsapi.values import CATEGORIES, read_country, read_language
from shared.article import Article, Source, Tag
from shared.errors import BadSettings, Unavailable
from shared.index.dsl import search_body
from shared.index.embedded import EmbeddedIndex
from shared.index.plan import plan_search
from shared.index.port import SearchPage, SearchRequest
from shared.settings import Settings
from tests.unit.search.conftest import Newsroom, open_newsroom

NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=30)
LONG = "The quay wall cracked.\n" + "Divers looked at the piles of the old quay. " * 20


def topic(code: str, *broader: str) -> tuple[Tag, ...]:
    return (Tag(f"medtop:{code}", code, 0.9, ("word",), tuple(f"medtop:{each}" for each in broader)),)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newsroom]:
    """Articles of several languages, categories, countries and ages; one is a copy of another."""
    with open_newsroom(tmp_path_factory.mktemp("newsapi")) as made:
        bank = made.publish(
            "Bank lowers its rate", "The bank lowered the rate.", source="money.example.com",
            topics=topic("04000000"), published_at=NOW - timedelta(hours=1), authors=("A", "B"),
            summary="A summary of the rate.", image_url="https://money.example.com/a.png",
        )  # fmt: skip
        made.publish(
            "Bank lowers its rate", "The bank lowered the rate.", source="copy.example.com", copy_of=bank,
            topics=topic("04000000"), published_at=NOW - timedelta(hours=2),
        )  # fmt: skip
        made.publish("Quay cracked", LONG, source="harbour.co.uk", published_at=NOW - timedelta(hours=3))
        made.publish(
            "Chip invented", "A chip was invented by a bank.", source="tech.example.de", language="de",
            topics=topic("20000756", "13000000"), published_at=NOW - timedelta(hours=4),
        )  # fmt: skip
        made.publish(
            "Ohne Sprache", "Nichts zu erkennen.", source="tech.example.de", language="und",
            topics=topic("20000719", "13000000"), published_at=NOW - timedelta(hours=5),
        )  # fmt: skip
        made.publish("Nobody knows", "Which tongue is it?", source="tongue.example.org", language="und",
                     published_at=NOW - timedelta(hours=6))  # fmt: skip
        made.publish("Old match", "They won the match.", source="sport.example.com", published_at=OLD,
                     topics=topic("20000822", "15000000"))  # fmt: skip
        yield made


@pytest.fixture(scope="module")
def client(room: Newsroom) -> FlaskClient:
    settings = replace(room.settings, source_countries="sport.example.com=us")
    return create_app(settings, room.index, room.ledger).test_client()


def titles(client: FlaskClient, address: str, query: str) -> list[str]:
    answer = client.get(f"/v2/{address}?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.json["status"] == "ok"
    return [article["title"] for article in answer.json["articles"]]


def code_of(answer: Any) -> tuple[int, str]:
    assert answer.content_type == "application/json; charset=utf-8"
    assert set(answer.json) == {"status", "code", "message"}
    assert answer.json["status"] == "error"
    return answer.status_code, answer.json["code"]


# What is found


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("q=bank", ["Bank lowers its rate", "Bank lowers its rate", "Chip invented"]),
        ("q=bank&sortBy=publishedAt", ["Bank lowers its rate", "Bank lowers its rate", "Chip invented"]),
        ("q=bank -chip", ["Bank lowers its rate", "Bank lowers its rate"]),
        ("q=%2Bbank %2Bchip", ["Chip invented"]),
        ("q=chip OR match", ["Chip invented", "Old match"]),
        ("q=(chip OR quay) NOT bank", ["Quay cracked"]),
        ("q=%22lowered the rate%22&sources=money.example.com", ["Bank lowers its rate"]),
        ("q=“old quay”", ["Quay cracked"]),
        ("q=bank&searchIn=title", ["Bank lowers its rate", "Bank lowers its rate"]),
        ("q=bank&searchIn=title,content", ["Bank lowers its rate", "Bank lowers its rate", "Chip invented"]),
        ("q=invented&searchIn=description", ["Chip invented"]),
        ("q=cracked&searchIn=content&qInTitle=quay", ["Quay cracked"]),
        ("qInTitle=chip", ["Chip invented"]),
        ("qintitle=chip", ["Chip invented"]),
        ("sources=harbour.co.uk,tongue.example.org", ["Quay cracked", "Nobody knows"]),
        ("domains=example.de", ["Chip invented", "Ohne Sprache"]),
        ("q=bank&excludeDomains=example.com", ["Chip invented"]),
        ("q=bank&language=de", ["Chip invented"]),
        ("domains=example.de&language=de", ["Chip invented", "Ohne Sprache"]),
        ("domains=example.de,example.org,harbour.co.uk&language=en", ["Quay cracked", "Nobody knows"]),
        ("q=match&from=2020-01-01", ["Old match"]),
        ("q=chip: invented/now", []),
        ("q=chip:invented", ["Chip invented"]),
        ("q=title:chip", []),
        ("q=chi*", []),
        ("q=%22old quay*%22", ["Quay cracked"]),
        ("q=rate -the&searchIn=title", ["Bank lowers its rate", "Bank lowers its rate"]),
    ],
)  # fmt: skip
def test_everything_finds_what_newsapi_would(client: FlaskClient, query: str, expected: list[str]) -> None:
    assert titles(client, "everything", query) == expected


def test_a_chosen_source_has_its_own_headlines_and_not_those_that_it_copied(client: FlaskClient) -> None:
    [found] = client.get("/v2/top-headlines?sources=copy.example.com").json["articles"]
    assert found["source"]["id"] == "copy.example.com"


def test_what_is_in_no_known_language_counts_as_its_sources_language_whatever_that_is(tmp_path: Path) -> None:
    with open_newsroom(tmp_path) as room:
        for number in range(2):
            room.publish(
                f"Uutinen {number}", f"Satama avattiin {number}.", source="a.example.fi", language="fi"
            )
        room.publish("Ei kielt\u00e4", "Laiva.", source="a.example.fi", language="und")
        room.publish("Ship", "A ship.", source="b.example", language="und")
        assert titles(room.client(), "top-headlines", "language=en") == ["Ship"]


def test_a_thousand_sources_are_no_thousand_clauses(client: FlaskClient) -> None:
    usual = {f"s{at}.example": "de" for at in range(999)}
    finder = Finder(None, SimpleNamespace(usual_languages=lambda: usual), {})
    request = finder._request(read_headlines(b"language=en"), NOW)
    assert len(json.dumps(search_body(plan_search(request), "2s"))) < 60_000
    assert json.dumps(search_body(plan_search(request), "2s")).count('"terms"') < 10


def test_who_waits_while_the_index_is_away_is_told_with_the_first(tmp_path: Path) -> None:
    asked = []

    def fail() -> None:
        asked.append(1)
        time.sleep(0.5)
        raise Unavailable("away")

    kept = _Kept(fail, 60.0)
    told = []

    def ask() -> None:
        try:
            kept.get()
        except Unavailable as error:
            told.append(str(error))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told == ["away"] * 5
    assert len(asked) < 3  # a thread may come when the first has been told
    asked.clear()
    with pytest.raises(Unavailable):
        kept.get()
    assert asked == [1]  # later it is tried again


def test_the_total_of_headlines_counts_no_copies(client: FlaskClient) -> None:
    assert client.get("/v2/top-headlines?q=rate&pageSize=1").json["totalResults"] == 1
    assert client.get("/v2/everything?q=rate&pageSize=1").json["totalResults"] == 2


def test_dates_are_utc_and_a_day_that_ends_a_range_is_in_it(client: FlaskClient) -> None:
    day = OLD.date().isoformat()
    for bounds in (
        f"from={day}&to={day}",
        f"from={OLD:%Y-%m-%dT%H:%M:%S}",
        f"to={OLD:%Y-%m-%dT%H:%M:%S}%2B00:00".replace(OLD.strftime(":%S%%2B"), ":59%2B"),
        f"from={OLD - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}",
    ):
        assert titles(client, "everything", f"q=match&{bounds}") == ["Old match"], bounds
    late = OLD + timedelta(seconds=1)
    assert titles(client, "everything", f"q=match&from={late:%Y-%m-%dT%H:%M:%S}") == []
    assert titles(client, "everything", f"q=match&from={late:%Y-%m-%dT%H:%M:%S}-01:00") == []
    assert titles(client, "everything", f"q=match&from={late:%Y-%m-%dT%H:%M:%S}+01:00") == ["Old match"]


def test_pages_walk_through_all_and_the_total_is_not_the_page(client: FlaskClient) -> None:
    found = []
    for page in range(1, 5):
        answer = client.get(f"/v2/everything?q=bank&pageSize=1&page={page}").json
        assert answer["totalResults"] == 3
        found += [article["source"]["id"] for article in answer["articles"]]
    assert found == ["money.example.com", "copy.example.com", "tech.example.de"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("language=en", ["Bank lowers its rate", "Quay cracked", "Nobody knows"]),
        ("q=bank", ["Bank lowers its rate", "Chip invented"]),
        ("category=business", ["Bank lowers its rate"]),
        ("category=technology", ["Chip invented"]),
        ("category=science", ["Ohne Sprache"]),
        ("category=general", ["Quay cracked", "Nobody knows"]),
        ("category=sports", ["Old match"]),
        ("category=health", []),
        ("country=de", ["Chip invented", "Ohne Sprache"]),
        ("country=gb", ["Quay cracked"]),
        ("country=us", ["Old match"]),
        ("country=fr", []),
        ("country=de&category=science", ["Ohne Sprache"]),
        ("sources=harbour.co.uk", ["Quay cracked"]),
        ("sources=copy.example.com", ["Bank lowers its rate"]),
    ],
)
def test_headlines_are_new_and_no_copies(client: FlaskClient, query: str, expected: list[str]) -> None:
    """A match of a month ago is a headline where there is nothing newer."""
    assert titles(client, "top-headlines", query) == expected


# How it looks


def test_an_article_has_the_eight_keys(client: FlaskClient) -> None:
    first, second = client.get("/v2/top-headlines?q=rate OR piles&pageSize=2").json["articles"]
    assert first == {
        "source": {"id": "money.example.com", "name": "money.example.com"},
        "author": "A, B",
        "title": "Bank lowers its rate",
        "description": "A summary of the rate.",
        "url": "https://money.example.com/bank-lowers-its-rate",
        "urlToImage": "https://money.example.com/a.png",
        "publishedAt": (NOW - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "content": "The bank lowered the rate.",
    }
    assert (second["author"], second["urlToImage"]) == (None, None)
    assert second["description"] == "The quay wall cracked."
    assert second["content"] == f"{LONG[:200]}… [+{len(LONG) - 200} chars]"


@pytest.mark.parametrize("address", ["sources", "top-headlines/sources"])
def test_sources_say_what_most_of_their_articles_are(client: FlaskClient, address: str) -> None:
    answer = client.get(f"/v2/{address}").json
    assert set(answer) == {"status", "sources"}
    found = {one["id"]: one for one in answer["sources"]}
    assert len(found) == 6
    assert found["tech.example.de"] == {
        "id": "tech.example.de", "name": "tech.example.de", "description": "tech.example.de: science news",
        "url": "https://tech.example.de", "category": "science", "language": "de", "country": "de",
    }  # fmt: skip
    assert found["sport.example.com"]["country"] == "us"
    for query, expected in (
        ("category=business", {"copy.example.com", "money.example.com"}),
        ("language=de", {"tech.example.de"}),
        ("country=gb", {"harbour.co.uk"}),
        ("country=gb&category=sports", set()),
    ):
        assert {one["id"] for one in client.get(f"/v2/{address}?{query}").json["sources"]} == expected, query


class CountingIndex(EmbeddedIndex):
    """An index that counts how often it is searched."""

    searches = 0

    def search(self, request: SearchRequest) -> SearchPage:
        self.searches += 1
        return super().search(request)


def test_the_sources_are_named_by_one_search_for_all_and_not_by_one_each(tmp_path: Path) -> None:
    with open_newsroom(tmp_path) as room:
        for number in range(30):
            room.publish(f"Ferry {number}", "The ferry left.", source=f"s{number:02}.example")
        index = CountingIndex(room.settings.index_dir)
        client = create_app(room.settings, index, room.ledger).test_client()
        client.get("/v2/sources?category=sports")
        before = index.searches  # categories, languages and which sources there are
        assert len(client.get("/v2/sources").json["sources"]) == 30
        assert index.searches == before + 1
        found = client.get("/v2/sources?language=en").json["sources"]
        assert (len(found), found[0]["name"], found[0]["url"]) == (30, "s00.example", "https://s00.example")
        assert index.searches == before + 1  # kept for an hour
        index.close()


def test_a_source_is_called_as_its_newest_article_says_however_many_others_have_newer_ones(
    tmp_path: Path,
) -> None:
    """A busy source fills the hundred newest: those that are left are looked for without it."""
    with open_newsroom(tmp_path) as room:
        named = [
            Article(f"{at:032x}", source, f"News {at}", "Text.", NOW, language="en", change=1, sort_key=at,
                    published_at=NOW - timedelta(hours=1))
            for at, source in enumerate([
                Source("quiet", "An old name", "quiet.example"),
                Source("quiet", "The Quiet", "quiet.example"),
                Source("plain"), *[Source("busy.example", "Busy")] * 150,
            ])
        ]  # fmt: skip
        room.index.write(named)
        room.index.refresh()
        found = {one["id"]: one for one in room.client().get("/v2/sources").json["sources"]}
        assert {name: (one["name"], one["url"]) for name, one in found.items()} == {
            "quiet": ("The Quiet", "https://quiet.example"),
            "plain": ("plain", ""),
            "busy.example": ("Busy", "https://busy.example"),
        }


def test_a_source_that_has_come_just_now_is_known(tmp_path: Path) -> None:
    with open_newsroom(tmp_path) as room:
        client = room.client()
        assert code_of(client.get("/v2/everything?sources=new.example")) == (400, "sourceDoesNotExist")
        room.publish("First words", "Of a new source.", source="new.example")
        assert titles(client, "everything", "sources=new.example") == ["First words"]


# What is refused


@pytest.mark.parametrize(
    ("address", "query", "status", "code"),
    [
        ("everything", "", 400, "parametersMissing"),
        ("everything", "language=en&sortBy=relevancy", 400, "parametersMissing"),
        ("everything", "q=", 400, "parametersMissing"),
        ("everything", "q=" + "a" * 501, 400, "parameterInvalid"),
        ("everything", "q=%22open", 400, "parameterInvalid"),
        ("everything", "q=((a)", 400, "parameterInvalid"),
        ("everything", "q=:::", 400, "parameterInvalid"),
        ("everything", "q=" + " OR ".join("abcdefg"[at % 7] for at in range(60)), 400, "parameterInvalid"),
        ("everything", "q=a&q=b", 400, "parameterInvalid"),
        ("everything", "q=a&country=us", 400, "parameterInvalid"),
        ("everything", "q=a&category=sports", 400, "parameterInvalid"),
        ("everything", "q=a&searchIn=author", 400, "parameterInvalid"),
        ("everything", "q=a&language=xx", 400, "parameterInvalid"),
        ("everything", "q=a&sortBy=newest", 400, "parameterInvalid"),
        ("everything", "q=a&domains=not a host", 400, "parameterInvalid"),
        ("everything", "q=a&domains=co.uk", 400, "parameterInvalid"),
        ("everything", "q=a&from=yesterday", 400, "parameterInvalid"),
        ("everything", "q=a&from=2026-02-30", 400, "parameterInvalid"),
        ("everything", "q=a&from=2026-02-02&to=2026-02-01", 400, "parameterInvalid"),
        ("everything", "q=a&pageSize=0", 400, "parameterInvalid"),
        ("everything", "q=a&pageSize=101", 400, "parameterInvalid"),
        ("everything", "q=a&page=0", 400, "parameterInvalid"),
        ("everything", "q=a&page=-1", 400, "parameterInvalid"),
        ("everything", "q=a&page=1.5", 400, "parameterInvalid"),
        ("everything", "q=a&page=101", 426, "maximumResultsReached"),
        ("everything", "q=a&pageSize=90&page=112", 426, "maximumResultsReached"),
        ("everything", "sources=nobody.example", 400, "sourceDoesNotExist"),
        ("everything", "sources=" + ",".join(f"s{at}.example" for at in range(21)), 400, "sourcesTooMany"),
        ("everything", "q=%ff", 400, "parameterInvalid"),
        ("top-headlines", "", 400, "parametersMissing"),
        ("top-headlines", "pageSize=5", 400, "parametersMissing"),
        ("top-headlines", "sources=harbour.co.uk&country=gb", 400, "parametersIncompatible"),
        ("top-headlines", "sources=harbour.co.uk&category=general", 400, "parametersIncompatible"),
        ("top-headlines", "category=crypto", 400, "parameterInvalid"),
        ("top-headlines", "country=usa", 400, "parameterInvalid"),
        ("top-headlines", "q=a&domains=example.com", 400, "parameterInvalid"),
        ("sources", "q=a", 400, "parameterInvalid"),
        ("sources", "language=klingon", 400, "parameterInvalid"),
        ("nothing", "", 404, "notFound"),
        ("", "", 404, "notFound"),
        ("everything/more", "q=a", 404, "notFound"),
    ],
)  # fmt: skip
def test_what_cannot_be_answered_is_told_as_newsapi_does(
    client: FlaskClient, address: str, query: str, status: int, code: str
) -> None:
    answer = client.get(f"/v2/{address}?{query}", headers={"Accept": "application/problem+json"})
    assert code_of(answer) == (status, code), answer.text


def test_the_root_itself_answers_in_the_same_shape(client: FlaskClient) -> None:
    assert code_of(client.get("/v2")) == (404, "notFound")


def test_messages_name_the_parameter_and_the_place(client: FlaskClient) -> None:
    def message(query: str) -> str:
        return str(client.get(f"/v2/everything?{query}").json["message"])

    assert message("q=a&pageSize=0").startswith("pageSize: ")
    assert message("q=a&excludeDomains=com").startswith("excludeDomains: ")
    assert "(at character 0)" in message("q=%22open")
    assert "searchin" in message("q=a&searchin=title")
    assert all(name in message("") for name in ("q,", "qInTitle", "sources", "domains"))
    assert "'nobody.example'" in message("sources=nobody.example")


def test_a_wrong_method_is_told_in_the_same_shape(client: FlaskClient) -> None:
    answer = client.post("/v2/everything?q=a", json={})
    assert code_of(answer) == (405, "methodNotAllowed")
    assert "GET" in answer.headers["Allow"]


def test_an_index_that_is_away_is_told_in_the_same_shape_with_when_to_come_again(tmp_path: Path) -> None:
    with open_newsroom(tmp_path) as room:
        client = create_app(Settings(data_dir=tmp_path / "elsewhere"), ledger=room.ledger).test_client()
        answer = client.get("/v2/everything?q=a")
        assert code_of(answer) == (503, "unexpectedError")
        assert int(answer.headers["Retry-After"]) > 0
        assert client.get("/v1/search?q=a").content_type == "application/problem+json"


def test_our_fault_is_500_and_says_nothing_of_it(room: Newsroom, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> object:
        raise RuntimeError("secret")

    client = room.client()
    monkeypatch.setattr(room.index, "search", broken)
    answer = client.get("/v2/everything?q=a")
    assert code_of(answer) == (500, "unexpectedError")
    assert "secret" not in answer.text


# What its clients do


def test_a_get_that_claims_to_carry_json_is_answered(client: FlaskClient) -> None:
    answer = client.get("/v2/everything?q=bank", headers={"Content-Type": "Application/JSON"})
    assert answer.status_code == 200


@pytest.mark.parametrize("prefix", ["/https://newsapi.org", "/https:/newsapi.org"])
def test_the_address_of_the_other_service_below_ours_is_taken_off(client: FlaskClient, prefix: str) -> None:
    answer = client.get(f"{prefix}/v2/everything?q=chip")
    assert answer.status_code == 200
    assert answer.json["totalResults"] == 1
    assert code_of(client.get(f"{prefix}/v2/everything")) == (400, "parametersMissing")
    assert client.get(f"{prefix}/v1/search").status_code == 404


def test_a_key_is_taken_and_not_looked_at_while_there_are_none(client: FlaskClient) -> None:
    for query, headers in (
        ("&apiKey=k", {}), ("", {"X-Api-Key": "k"}), ("", {"Authorization": "k"}),
        ("", {"Authorization": "Bearer k"}), ("&apikey=k", {}),
    ):  # fmt: skip
        assert client.get(f"/v2/everything?q=chip{query}", headers=headers).json["totalResults"] == 1


def test_what_is_no_error_says_that_it_is_no_old_answer(client: FlaskClient) -> None:
    assert client.get("/v2/sources").headers["X-Cached-Result"] == "false"


# Values


@pytest.mark.parametrize(
    ("value", "code"),
    [("en", "en"), ("EN", "en"), ("en-US", "en"), ("cn", "zh"), ("se", "sv"), ("ud", "ur"), ("xx", None)],
)
def test_spellings_of_languages(value: str, code: str | None) -> None:
    assert read_language(value) == code


@pytest.mark.parametrize(
    ("value", "code"), [("us", "us"), ("GB", "gb"), ("zh", "cn"), ("zz", None), ("uk", None), ("usa", None)]
)
def test_spellings_of_countries(value: str, code: str | None) -> None:
    assert read_country(value) == code


def test_every_argument_at_once_is_read() -> None:
    asked = read_everything(
        b"q=a&qInTitle=b&searchIn=title&sources=A.example,b.example&domains=www.example.com"
        b"&excludeDomains=x.example.com&from=2026-01-02T03:04:05&to=2026-02-03&language=en&sortBy=popularity"
        b"&pageSize=7&page=3&apiKey=k"
    )
    assert asked == Asked(
        query=asked.query, sources=("a.example", "b.example"), language="en", size=7, page=3,
        domains=("example.com",), not_domains=("x.example.com",), sort="relevance",
        start=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        end=datetime(2026, 2, 3, 23, 59, 59, 999_000, tzinfo=UTC),
    )  # fmt: skip
    assert asked.offset == 14


@pytest.mark.parametrize(
    "value", ["coindesk.com", "a.example=usa", "=us", "a.example=u1", "a.example=uk", 'a".example=us']
)
def test_a_country_of_a_source_that_is_none_stops_the_start(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadSettings, match="SOURCE_COUNTRIES"):
        Settings(data_dir=tmp_path, source_countries=value)


def test_there_are_the_seven_categories() -> None:
    assert len(CATEGORIES) == 7
