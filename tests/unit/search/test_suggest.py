"""``/v1/suggest`` over a real index: shape, names as written, and what is refused."""

from __future__ import annotations

import pytest


def suggest(client, query: str) -> dict:
    answer = client.get(f"/v1/suggest?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_an_answer_has_exactly_the_agreed_shape(client):
    told = suggest(client, "q=PORT")
    assert told.pop("took_ms") >= 0
    assert told == {
        "sources": [],
        "topics": [],
        "entities": [{"value": "Port Selby", "count": 1}],
        "titles": [],
        "partial": False,
    }


def test_sources_and_topics_are_told_with_what_to_filter_by(client):
    assert suggest(client, "q=h")["sources"] == [
        {"value": "harbour.example", "count": 2},
        {"value": "hostile.example", "count": 1},
    ]
    assert suggest(client, "q=h&size=1")["sources"] == [{"value": "harbour.example", "count": 2}]
    assert suggest(client, "q=tr")["topics"] == [
        {"value": "medtop:20000337", "name": "transport", "count": 1}
    ]


def test_titles_are_told_with_what_they_are_and_lead_to_their_articles(client):
    (one,) = suggest(client, "q=harbour+du")["titles"]
    assert one == {
        "id": one["id"],
        "title": "Harbour dues rise",
        "source": {"id": "harbour.example", "name": None, "domain": None},
        "published_at": "2025-11-20T07:00:00Z",
    }
    assert client.get(f"/v1/articles/{one['id']}").json["title"] == one["title"]
    assert [title["title"] for title in suggest(client, "q=ferry+line+to")["titles"]] == [
        "Ferry line to the islands opens"  # its copy is folded
    ]
    assert len(suggest(client, "q=ha&size=1")["titles"]) == 1


@pytest.mark.parametrize(
    ("query", "name", "said"),
    [
        ("", "q", "is empty"),
        ("q=+", "q", "is empty"),
        ("q=" + "x" * 101, "q", "longer than 100"),
        ("q=a%00", "q", "control character"),
        ("q=a&q=b", "q", "2 times"),
        ("q=a&size=0", "size", "whole number from 1 to 20"),
        ("q=a&size=21", "size", "whole number"),
        ("q=a&size=-1", "size", "whole number"),
        ("q=a&size=x", "size", "whole number"),
        ("q=a&source=b", "source", "is not a parameter"),
        ("q=%ff", "query string", "UTF-8"),
    ],
)
def test_what_is_wrong_is_a_400_that_names_the_parameter(client, query, name, said):
    answer = client.get(f"/v1/suggest?{query}")
    assert answer.status_code == 400
    (error,) = answer.json["errors"]
    assert (error["field"], said in error["message"]) == (name, True), error


@pytest.mark.parametrize("text", [".*", "(", "[a", "%5C", "%22", "*", "~", "%F0%9F%98%80", "a%7Cb"])
def test_no_sign_of_a_pattern_finds_anything_or_fails(client, text):
    told = suggest(client, f"q={text}")
    assert (told["sources"], told["topics"], told["entities"]) == ([], [], [])
