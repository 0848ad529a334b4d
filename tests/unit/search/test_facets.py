"""Facets in the answers of the search API, and what is refused."""

from __future__ import annotations

from typing import get_args
from urllib.parse import urlencode

import pytest

from services.search.facets import FACETS
from shared.article import Entity
from shared.index import embedded_facets
from shared.index.keywords import KEYWORDS
from shared.index.port import FacetName


def facets(client, query: str) -> dict:
    answer = client.get(f"/v1/search?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json["facets"]


def test_facets_stand_beside_the_hits_largest_first(client):
    answer = client.get("/v1/search?facets=source,language&size=1").json
    assert answer["facets"] == {
        "source": [
            {"value": "harbour.example", "count": 2},
            {"value": "coast.example", "count": 1},
            {"value": "hostile.example", "count": 1},
            {"value": "puerto.example", "count": 1},
        ],
        "language": [{"value": "en", "count": 3}, {"value": "es", "count": 1}],
    }
    assert (answer["total"]["groups"], len(answer["hits"])) == (4, 1)
    assert "facets_approximate" not in answer


def test_without_facets_asked_for_there_are_none(client):
    assert facets(client, "") == {}


def test_there_is_a_facet_for_every_keyword_that_is_filtered_by_but_the_country():
    """A country is not in the documents; the facet of sources tells who they are."""
    assert set(FACETS) == set(get_args(FacetName)) == set(KEYWORDS) - {"country"}


def test_a_size_bounds_every_facet(client):
    found = facets(client, "facets=source&facets=domain&facet_size=1")
    assert found == {
        "source": [{"value": "harbour.example", "count": 2}],
        "domain": [{"value": "harbour.example", "count": 2}],
    }


@pytest.mark.parametrize("name", FACETS)
def test_a_value_put_into_the_filter_finds_as_many_as_were_counted(empty_newsroom, name):
    for number in range(3):
        empty_newsroom.publish(
            f"Ferry {number}",
            f"The ferry {number} left the harbour.",
            source=f"s{number}.example",
            authors=("Zoë, of the desk", "Ann"),
            entities=(Entity('The "Selby" ferry', "organisation"), Entity("Paris, Texas", "place")),
        )
    client = empty_newsroom.client()
    found = facets(client, f"facets={name}")[name]
    assert name == "topic" or found
    for one in found:
        value = f'"{one["value"]}"' if "," in one["value"] else one["value"]
        narrowed = client.get(f"/v1/search?{urlencode({name: value})}").json
        assert narrowed["total"]["groups"] == one["count"], one


def test_names_are_told_as_most_articles_write_them(empty_newsroom):
    for number, author in enumerate(("Zoë Smith", "Zoë Smith", "ZOE SMITH")):
        empty_newsroom.publish(
            f"Ferry {number}",
            f"The ferry {number} left.",
            authors=(author,),
            entities=(Entity("Port Selby", "place"),),
        )
    for size in (0, 20):  # from other articles where there is no hit
        found = facets(empty_newsroom.client(), f"facets=author,entity,source&size={size}")
        assert found["author"] == [{"value": "Zoë Smith", "count": 3}]
        assert found["entity"] == [{"value": "Port Selby", "count": 3}]
        assert found["source"] == [{"value": "harbour.example", "count": 3}]


def test_a_facet_that_may_be_off_is_named(client, monkeypatch):
    monkeypatch.setattr(embedded_facets, "_LOOKS", (1, 1))
    answer = client.get("/v1/search?facets=source,language&facet_size=1").json
    assert answer["facets_approximate"] == ["source", "language"]


@pytest.mark.parametrize(
    ("query", "name", "said"),
    [
        ("facets=colour,source", "facets", '"colour": no such facet; there are source, language'),
        ("facets=", "facets", "empty value"),
        ("facets=SOURCE", "facets", "no such facet"),
        ("facets=source&facet_size=0", "facet_size", "whole number from 1 to 100"),
        ("facets=source&facet_size=101", "facet_size", "100"),
        ("facet_size=-1", "facet_size", "whole number"),
        ("facet_size=1&facet_size=2", "facet_size", "2 times"),
    ],
)
def test_a_wrong_facet_is_a_400_that_names_the_parameter(client, query, name, said):
    answer = client.get(f"/v1/search?{query}")
    assert answer.status_code == 400
    (error,) = answer.json["errors"]
    assert (error["field"], said in error["message"]) == (name, True), error
