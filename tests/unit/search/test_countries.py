"""The country of source as a filter, in queries, on the desk and for NewsAPI's clients: all of them agree."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import quote

import pytest

from services.search.app import create_app
from tests.unit.search.conftest import open_newsroom

TOLD = "ferry.example.com=us,the evening post=gb,quay.example.de=at"


@pytest.fixture(scope="module")
def room(tmp_path_factory):
    with open_newsroom(tmp_path_factory.mktemp("countries")) as made:
        lead = made.publish("Ferry", "The ferry left the harbour.", source="ferry.example.com")
        made.publish("Ferry", "The ferry left the harbour.", source="copy.example.fr", copy_of=lead)
        made.publish("Hafen", "Der Hafen ist offen.", source="hafen.example.de")
        made.publish("Quay", "The quay is closed.", source="quay.example.de")
        made.publish("Tide", "The tide is high.", source="tide.co.uk")
        made.publish("Evening", "The evening is calm.", source="the evening post", url=None)
        made.publish("Nowhere", "Nobody knows where.", source="nowhere.example.org")
        yield made


@pytest.fixture(scope="module")
def client(room):
    return create_app(replace(room.settings, source_countries=TOLD), room.index, room.ledger).test_client()


def titles(client, query: str) -> list[str]:
    answer = client.get(f"/v1/search?{query}")
    assert answer.status_code == 200, answer.text
    return sorted(hit["title"] for hit in answer.json["hits"])


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("country=de", ["Hafen"]),
        ("country=DE,at", ["Hafen", "Quay"]),
        ("country=us", ["Ferry"]),
        ("country=gb", ["Evening", "Tide"]),
        ("country=fr", ["Ferry"]),  # where its copy ran
        ("country=fr&duplicates=keep", ["Ferry"]),
        ("country=us,fr&duplicates=keep", ["Ferry", "Ferry"]),
        ("country=fr&duplicates=only", ["Ferry"]),
        ("country=us&duplicates=only", []),
        ("country=jp", []),
        ("country=io", []),
        ("-country=de", ["Evening", "Ferry", "Nowhere", "Quay", "Tide"]),
        ("-country=fr", ["Evening", "Ferry", "Hafen", "Nowhere", "Quay", "Tide"]),
        ("-country=us,gb&-country=at", ["Hafen", "Nowhere"]),
        ("country=gb&-country=us&q=tide", ["Tide"]),
        ("q=country:de", ["Hafen"]),
        ("q=country:(DE OR at)", ["Hafen", "Quay"]),
        ("q=-country:gb the", ["Ferry", "Quay"]),
        ("q=country:fr", ["Ferry"]),
    ],
)
def test_a_country_finds_the_sources_that_the_settings_or_their_endings_put_there(client, query, found):
    assert titles(client, query) == found


def test_every_reader_of_a_search_knows_the_countries_of_the_settings(client):
    begun = client.get("/v1/search?country=us,at,gb&size=1&cursor=*").json
    found = [hit["title"] for hit in begun["hits"]]
    while begun["next"]:
        begun = client.get(f"/v1/search?cursor={quote(begun['next'])}").json
        found += [hit["title"] for hit in begun["hits"]]
    assert sorted(found) == ["Evening", "Ferry", "Quay", "Tide"]
    assert client.get("/v1/timeline?country=us,at").json["total"] == 2
    assert client.get("/v1/timeline?q=country:at").json["total"] == 1
    assert len(client.get("/v1/search/export?format=ndjson&country=us,at").text.splitlines()) == 2
    assert len(client.get("/v1/search.json?country=at").json["items"]) == 1
    desk = client.get("/?country=at")
    assert "Quay" in desk.text
    assert "Hafen" not in desk.text
    assert '<span class="kind">country</span> at' in desk.text


def test_the_facets_of_a_country_are_those_of_its_articles(client):
    answer = client.get("/v1/search?country=gb&facets=source").json
    assert {one["value"] for one in answer["facets"]["source"]} == {"tide.co.uk", "the evening post"}


@pytest.mark.parametrize("code", ["us", "de", "at", "gb", "fr", "jp"])
def test_newsapi_has_the_same_countries_and_the_copies_as_articles_of_their_own(client, code):
    theirs = client.get(f"/v2/top-headlines?country={code}").json["articles"]
    assert sorted(one["title"] for one in theirs) == titles(client, f"country={code}&duplicates=keep")
    sources = client.get(f"/v2/sources?country={code}").json["sources"]
    assert {one["id"] for one in sources} == {one["source"]["id"] for one in theirs}
    assert all(one["country"] == code for one in sources)


@pytest.mark.parametrize("name", ["country", "-country"])
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("uk", 'did you mean "gb"?'),
        ("de,germany", '"germany" is no code'),
        ("", "empty value"),
        ("zz", '"zz" is no code'),
    ],
)
def test_an_unknown_country_is_a_400_that_names_it(client, name, value, said):
    answer = client.get(f"/v1/search?{name}={value}")
    assert answer.status_code == 400
    (error,) = answer.json["errors"]
    assert error["field"] == name
    assert said in error["message"]


@pytest.mark.parametrize(
    ("query", "position", "said"),
    [
        ("ferry country:uk", 14, 'did you mean "gb"?'),
        ("country:(de OR zz)", 15, '"zz"'),
        ("country:d*", 8, "whole value"),
    ],
)
def test_an_unknown_country_in_a_query_is_a_400_with_its_place(client, query, position, said):
    answer = client.get(f"/v1/search?q={quote(query)}")
    assert (answer.status_code, answer.json["position"]) == (400, position)
    assert said in answer.json["detail"]


def test_the_document_of_the_api_has_the_country_wherever_it_is_read(client):
    paths = client.get("/openapi.json").json["paths"]
    for path in ("/v1/search", "/v1/search/export", "/v1/timeline", "/v1/search.rss"):
        named = {one["name"] for one in paths[path]["get"]["parameters"]}
        assert {"country", "-country"} <= named, path
