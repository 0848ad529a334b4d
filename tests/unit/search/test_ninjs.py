"""ninjs 3.1 out: what an item holds, that IPTC's schema accepts it, and how a reader asks for it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from services.search.app import create_app
from services.search.negotiation import prefers_ninjs
from services.search.ninjs import item_uri, ninjs_item
from shared.article import Article, Entity, Source, Tag
from shared.codec import to_json
from shared.index.embedded import EmbeddedIndex
from shared.index.port import SearchPage, SearchRequest

SCHEMA = Path(__file__).parents[4] / "shared/data/iptc/ninjs-schemas/ninjs-schema_3.1.json"
NINJS = "application/ninjs+json"
ARTICLE = Article(
    id="0" * 31 + "1",
    source=Source("harbour.example", "The Harbour Post", "harbour.example"),
    uri="urn:newsml:harbour.example:20261120:ferry",
    title="Ferry line opens",
    summary="A ferry left at dawn.",
    body="The new ferry left the harbour at dawn.\nThe mayor spoke.",
    ingested_at=datetime(2026, 11, 20, 8, 31, tzinfo=UTC),
    published_at=datetime(2026, 11, 20, 8, 30, tzinfo=UTC),
    modified_at=datetime(2026, 11, 20, 8, 45, tzinfo=UTC),
    embargo_until=datetime(2026, 11, 20, 8, tzinfo=UTC),
    expires_at=datetime(2036, 11, 20, 8, tzinfo=UTC),
    url="https://harbour.example/ferry?id=1",
    canonical_url="https://harbour.example/ferry",
    image_url="https://harbour.example/ferry.jpg",
    authors=("Desk reporter", "Second reporter"),
    language="en-GB",
    word_count=10,
    revision=2,
    topics=(Tag("medtop:20000337", "transport", 0.824), Tag("desk:ferries", "ferries", 1.0)),
    entities=(
        Entity("Ada Brook", "person", 2),
        Entity("Port Selby", "place"),
        Entity("Harbour Board", "organisation"),
    ),
)
BARE = Article(
    id="0" * 31 + "2", source=Source("bay.example"), title="", body="", ingested_at=ARTICLE.ingested_at
)


@pytest.fixture(scope="module")
def valid():
    """A check of an item by IPTC's own schema, formats included; it lies beside the project."""
    if not SCHEMA.exists():
        pytest.skip(f"IPTC's ninjs schemas are not at {SCHEMA}: no item was held against them")
    # To import it takes two seconds, for its grammar of URIs: not in each process that collects the tests.
    from jsonschema import Draft202012Validator, FormatChecker
    from referencing import Registry, Resource
    from referencing.jsonschema import DRAFT202012

    # We write no coordinates: instead of the GeoJSON schema stands one that nothing satisfies.
    geojson = Resource.from_contents({"not": {}}, default_specification=DRAFT202012)
    registry = Registry().with_resource("https://geojson.org/schema/GeoJSON.json", geojson)
    checker = FormatChecker()
    assert {"uri", "date-time"} <= checker.checkers.keys()
    schema = json.loads(SCHEMA.read_text())
    return Draft202012Validator(schema, registry=registry, format_checker=checker).validate


def written(article):
    """An article's item as it goes out."""
    return json.loads(to_json(ninjs_item(article)))


def test_an_item_tells_all_of_an_article_that_ninjs_has_a_place_for():
    assert written(ARTICLE) == {
        "uri": "urn:newsml:harbour.example:20261120:ferry",
        "standard": {
            "name": "ninjs",
            "version": "3.1",
            "schema": "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json#",
        },
        "type": "text",
        "representationType": "full",
        "version": "2",
        "pubStatus": "usable",
        "language": "en-GB",
        "firstCreated": "2026-11-20T08:30:00Z",
        "contentCreated": "2026-11-20T08:30:00Z",
        "versionCreated": "2026-11-20T08:45:00Z",
        "embargoedUntil": "2026-11-20T08:00:00Z",
        "expires": "2036-11-20T08:00:00Z",
        "headlines": [{"role": "main", "contentType": "text/plain", "value": "Ferry line opens"}],
        "descriptions": [{"role": "summary", "contentType": "text/plain", "value": "A ferry left at dawn."}],
        "bodies": [
            {
                "role": "main",
                "contentType": "text/plain",
                "charCount": 56,
                "wordCount": 10,
                "value": "The new ferry left the harbour at dawn.\nThe mayor spoke.",
            }
        ],
        "by": "Desk reporter, Second reporter",
        "subjects": [
            {
                "name": "transport",
                "confidence": 82,
                "uri": "http://cv.iptc.org/newscodes/mediatopic/20000337",
            },
            {"name": "ferries", "confidence": 100, "literal": "desk:ferries"},
        ],
        "people": [{"name": "Ada Brook"}],
        "organisations": [{"name": "Harbour Board"}],
        "places": [{"name": "Port Selby"}],
        "infoSources": [{"name": "The Harbour Post", "literal": "harbour.example"}],
        "altIds": [{"role": "copydesk", "value": ARTICLE.id}],
        "renditions": [{"name": "web", "href": "https://harbour.example/ferry"}],
        "associations": [
            {
                "name": "image",
                "uri": "https://harbour.example/ferry.jpg",
                "type": "picture",
                "renditions": [{"name": "original", "href": "https://harbour.example/ferry.jpg"}],
            }
        ],
    }


def test_an_item_of_next_to_nothing_leaves_out_what_it_does_not_know():
    item = written(BARE)
    assert set(item) == {
        "uri", "standard", "type", "representationType", "version", "pubStatus", "language", "versionCreated",
        "infoSources", "altIds",
    }  # fmt: skip
    assert (item["uri"], item["versionCreated"]) == (
        f"urn:copydesk:article:{BARE.id}",
        "2026-11-20T08:31:00Z",
    )
    assert item["infoSources"] == [{"name": "bay.example", "literal": "bay.example"}]


NAMES = [
    ("tag:example.org,2026:1", None, "tag:example.org,2026:1"),
    ("https://example.org/1?a=b#c", None, "https://example.org/1?a=b#c"),
    ("x-wire://desk/1", None, "x-wire://desk/1"),
    ("1234", "https://example.org/a", "https://example.org/a"),
    ("two words:1", "https://example.org/a", "https://example.org/a"),
    ("urn:x:é", "https://example.org/a", "https://example.org/a"),
    ("urn:x:100%", "https://example.org/a", "https://example.org/a"),
    ("file:story.txt", "https://example.org/a", "https://example.org/a"),  # named by Copydesk
    ("sha256:00ff", None, None),
    ("http://[::bad", None, None),
    (None, "https://example.org/ä?[x]", "https://example.org/%C3%A4?%5Bx%5D"),
    (None, "javascript:alert(1)", None),
    ("a:", None, None),
    ("", "", None),
]


@pytest.mark.parametrize(("uri", "url", "named"), NAMES)
def test_an_item_is_named_by_its_sources_uri_or_its_address_or_its_id(uri, url, named):
    article = replace(BARE, uri=uri, url=url)
    assert item_uri(article) == (named or f"urn:copydesk:article:{BARE.id}")
    other = [alt["value"] for alt in written(article)["altIds"] if alt["role"] == "source"]
    assert other == ([uri] if uri and uri != named else [])


def test_items_are_what_the_schema_of_iptc_wants(valid):
    for article in (ARTICLE, BARE, *(replace(ARTICLE, uri=uri, url=url) for uri, url, _ in NAMES)):
        valid(written(article))


def test_the_schema_that_items_are_held_against_refuses_what_is_wrong(valid):
    from jsonschema.exceptions import ValidationError

    for change in (
        {"uri": "not a uri"},
        {"versionCreated": "yesterday"},
        {"headline": "x"},
        {"subjects": [{"confidence": 0.8}]},
        {"associations": [{"uri": "https://example.org/x.jpg"}]},
        {"places": [{"name": "x", "geoJSON": {"type": "Point", "coordinates": [1, 2]}}]},
    ):
        with pytest.raises(ValidationError):
            valid(written(ARTICLE) | change)
    with pytest.raises(ValidationError):
        valid({name: value for name, value in written(ARTICLE).items() if name != "uri"})


TEXT = st.text(max_size=12)
WORDS = TEXT | st.sampled_from(
    ["urn:x:1", "https://example.org/ä", "a:b", "http://[", "medtop:04000000", "x://y"]
)


@settings(deadline=None)
@given(
    st.builds(
        replace,
        st.just(ARTICLE),
        uri=st.none() | WORDS,
        url=st.none() | WORDS | TEXT.map("https://harbour.example/".__add__),
        canonical_url=st.none() | TEXT.map("https://harbour.example/?".__add__),
        image_url=st.none() | TEXT.map("https://harbour.example/#".__add__),
        title=TEXT,
        summary=st.none() | TEXT,
        body=TEXT,
        authors=st.lists(TEXT, max_size=2).map(tuple),
        topics=st.builds(Tag, WORDS, TEXT, st.floats(0, 1)).map(lambda tag: (tag,)),
        published_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    )
)
def test_items_of_any_text_are_valid(valid, article):
    valid(written(article))


def prefers(header):
    return prefers_ninjs(parse_accept_header(header, MIMEAccept))


@pytest.mark.parametrize(
    ("header", "ninjs"),
    [
        (NINJS, True),
        (f"{NINJS};version=3.1", True),
        (f"{NINJS}; q=0.1", True),
        (f"application/json;q=0.5, {NINJS}", True),
        (f"text/html, {NINJS};q=0.3, */*;q=0.1", True),
        (f"application/json, {NINJS};q=0.9", False),
        (f"{NINJS}, application/json", False),  # the same weight
        (f"{NINJS};q=0.5, */*", False),
        (f"{NINJS};q=0", False),
        (f"{NINJS};q=0, */*", False),
        ("application/*", False),
        ("*/*", False),
        ("text/html", False),
        ("", False),
        (";;;q=,", False),
    ],
)
def test_the_heavier_weight_in_an_accept_header_decides(header, ninjs):
    assert prefers(header) is ninjs


def test_a_missing_accept_header_is_answered_in_json():
    assert not prefers(None)


@pytest.mark.parametrize("ask", [("?format=ninjs", None), ("", NINJS), ("?format=ninjs", "application/json")])
def test_an_article_is_served_as_ninjs_to_who_asks_for_it(client, ask):
    query, accept = ask
    hit = client.get("/v1/search?q=ferry").json["hits"][0]
    answer = client.get(f"/v1/articles/{hit['id']}{query}", headers={"Accept": accept} if accept else {})
    assert (answer.status_code, answer.content_type) == (200, NINJS)
    assert "Accept" in answer.vary
    item = json.loads(answer.data)
    assert item["standard"]["version"] == "3.1"
    assert item["headlines"][0]["value"] == hit["title"]
    assert item["bodies"][0]["value"] == hit["body"]


@pytest.mark.parametrize("ask", [("", None), ("", "*/*"), ("?format=json", NINJS)])
def test_everybody_else_is_served_json_as_before(client, ask):
    query, accept = ask
    headers = {"Accept": accept} if accept else {}
    hit = client.get("/v1/search?q=ferry").json["hits"][0]
    for address in (f"/v1/articles/{hit['id']}", "/v1/search"):
        answer = client.get(f"{address}{query}", headers=headers)
        assert (answer.status_code, answer.content_type) == (200, "application/json")
        assert "Accept" in answer.vary
        assert "id" in answer.json or "hits" in answer.json


@pytest.mark.parametrize(
    "query", ["", "q=harbour", "duplicates=keep", "size=1&offset=1", "q=nothinglikethis"]
)
def test_a_search_is_served_as_a_list_of_ninjs_items(client, query):
    plain = client.get(f"/v1/search?{query}").json
    for address, headers in (
        (f"/v1/search?{query}", {"Accept": NINJS}),
        (f"/v1/search?{query}&format=ninjs", {}),
    ):
        answer = client.get(address, headers=headers)
        assert (answer.status_code, answer.content_type) == (200, NINJS)
        assert answer.headers["X-Total-Count"] == str(plain["total"]["groups"])
        assert not {"X-Partial", "X-Total-Count-Approximate"} & set(answer.headers.keys())
        assert "Accept" in answer.vary
        assert answer.headers["Server-Timing"]
        items = json.loads(answer.data)
        assert [item["altIds"][0]["value"] for item in items] == [hit["id"] for hit in plain["hits"]]


def test_what_is_served_is_what_the_schema_of_iptc_wants(client, valid):
    items = json.loads(client.get("/v1/search?duplicates=keep&format=ninjs").data)
    assert len(items) == 5
    for item in items:
        valid(item)
        valid(json.loads(client.get(f"/v1/articles/{item['altIds'][0]['value']}?format=ninjs").data))


def test_a_walk_through_a_search_goes_on_in_ninjs(client):
    every = [hit["id"] for hit in client.get("/v1/search?sort=oldest").json["hits"]]
    query, walked = "sort=oldest&size=1&cursor=*", []
    while query:
        answer = client.get(f"/v1/search?{query}", headers={"Accept": NINJS})
        walked += [item["altIds"][0]["value"] for item in json.loads(answer.data)]
        following = answer.headers.get("X-Next-Cursor")
        query = f"format=ninjs&cursor={following}" if following else ""
    assert walked == every


@pytest.mark.parametrize("address", ["/v1/search?q=ferry&", "/v1/articles/" + "0" * 32 + "?"])
@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("format=newsml", 'must be json or ninjs, not "newsml"'),
        ("format=", 'must be json or ninjs, not ""'),
        ("format=NINJS", 'must be json or ninjs, not "NINJS"'),
        ("format=ninjs&format=json", "is given 2 times; give it once"),
    ],
)
def test_a_format_that_there_is_not_is_refused_by_its_name(client, address, query, words):
    answer = client.get(address + query)
    assert (answer.status_code, answer.content_type) == (400, "application/problem+json")
    assert answer.json["errors"] == [{"field": "format", "message": words}]


@pytest.mark.parametrize("name", ["fields=title", "highlight=true", "facets=source", "facet_size=3"])
def test_what_shapes_json_alone_is_refused_with_ninjs_and_not_ignored(client, name):
    assert client.get(f"/v1/search?{name}&format=json", headers={"Accept": NINJS}).status_code == 200
    for query, headers in ((f"{name}&format=ninjs", {}), (name, {"Accept": NINJS})):
        answer = client.get(f"/v1/search?{query}", headers=headers)
        assert answer.status_code == 400
        assert [error["field"] for error in answer.json["errors"]] == [name.partition("=")[0]]


def test_errors_are_problems_whatever_the_format(client):
    for address, status in (
        ("/v1/search?q=(&format=ninjs", 400),
        ("/v1/search?formt=ninjs", 400),
        (f"/v1/articles/{'0' * 32}?format=ninjs", 404),
        (f"/v1/articles/{'0' * 32}?fields=title", 400),
    ):
        answer = client.get(address, headers={"Accept": NINJS})
        assert (answer.status_code, answer.content_type) == (status, "application/problem+json")
    assert 'did you mean "format"?' in client.get("/v1/search?formt=ninjs").json["detail"]
    assert (
        client.get("/v1/search?q=ab+(&format=ninjs").json["position"]
        == (client.get("/v1/search?q=ab+(").json["position"])
    )


def test_a_withdrawn_article_is_gone_as_ninjs_too(empty_newsroom):
    article_id = empty_newsroom.end("Wrong from the start", "withdrawn", "asked for by its source")
    assert empty_newsroom.client().get(f"/v1/articles/{article_id}?format=ninjs").status_code == 410


class PartialIndex(EmbeddedIndex):
    """An index that runs out of time, and has counted only roughly."""

    page: SearchPage

    def search(self, request: SearchRequest) -> SearchPage:
        return self.page


def test_headers_say_when_a_list_may_lack_items(tmp_path, newsroom):
    whole = newsroom.index.search(SearchRequest(now=datetime.now(UTC), sort="newest"))
    index = PartialIndex(tmp_path)
    index.page = replace(whole, partial=True, groups_approximate=True)
    client = create_app(newsroom.settings, index, newsroom.ledger).test_client()
    answer = client.get("/v1/search?format=ninjs")
    assert (answer.headers["X-Partial"], answer.headers["X-Total-Count-Approximate"]) == ("true", "true")
    assert len(json.loads(answer.data)) == 4
