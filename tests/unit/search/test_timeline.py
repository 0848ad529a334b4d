"""``/v1/timeline`` over a real index: shape, parameters, and what is refused."""

from __future__ import annotations

import pytest

from services.search.app import create_app
from services.search.timeline import TIMELINE_PARAMETERS
from shared.errors import Unavailable


def timeline(client, query: str = "") -> dict:
    answer = client.get(f"/v1/timeline?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_an_answer_has_exactly_the_agreed_shape(client):
    answer = client.get("/v1/timeline?q=harbour&from=2026-11-01")
    assert answer.headers["Server-Timing"].startswith("engine;dur=")
    told = answer.json
    assert told.pop("took_ms") >= 0
    assert told == {
        "interval": "day",
        "buckets": [
            {"from": "2026-11-19T00:00:00Z", "to": "2026-11-19T23:59:59.999000Z", "count": 1},
            {"from": "2026-11-20T00:00:00Z", "to": "2026-11-20T23:59:59.999000Z", "count": 1},
        ],
        "total": 2,
        "undated": 0,
        "query": {"text": "harbour", "parsed": "harbour"},
        "partial": False,
    }


def test_intervals_are_chosen_and_empty_ones_are_there(client):
    months = timeline(client, "interval=month")
    assert len(months["buckets"]) == 13
    assert [one["count"] for one in months["buckets"]] == [1, *[0] * 11, 3]
    assert (
        timeline(client, "interval=12h&from=2026-11-20")["buckets"][0]["to"] == "2026-11-20T11:59:59.999000Z"
    )


def test_a_split_counts_a_lead_for_every_source_it_ran_in(client):
    (day,) = timeline(client, "split=source&from=2026-11-20&to=2026-11-20")["buckets"]
    assert (day["count"], day["split"], day["other"]) == (1, {"coast.example": 1, "harbour.example": 1}, 0)
    (day,) = timeline(client, "split=topic&from=2026-11-19&to=2026-11-19")["buckets"]
    assert (day["count"], day["split"], day["other"]) == (1, {}, 1)


def test_a_bucket_is_a_range_of_the_search(client):
    for bucket in timeline(client, "interval=week&duplicates=keep")["buckets"]:
        found = client.get(f"/v1/search?duplicates=keep&from={bucket['from']}&to={bucket['to']}")
        assert found.json["total"]["groups"] == bucket["count"]


def test_articles_without_a_date_are_counted_apart(empty_newsroom):
    empty_newsroom.publish("Ferry", "The ferry left.", published_at=None)
    told = timeline(empty_newsroom.client(), "split=source")
    assert (told["buckets"], told["total"], told["undated"]) == ([], 1, 1)


def test_a_story_that_was_merged_is_followed(newsroom, monkeypatch):
    monkeypatch.setattr(newsroom.ledger, "living", lambda ids: ["f" * 32 for _ in ids])
    ids = [hit["story_id"] for hit in newsroom.client().get("/v1/search?q=ferry").json["hits"]]
    assert timeline(newsroom.client(), f"story={ids[0]}")["total"] == 0


@pytest.mark.parametrize(
    ("query", "name", "said"),
    [
        ("interval=fortnight", "interval", '"fortnight" is no interval; there are hour, day, week, month'),
        ("interval=", "interval", "is no interval"),
        ("interval=day&interval=week", "interval", "2 times"),
        ("interval=1m", "interval", "would do"),
        ("split=language", "split", 'must be source or topic, not "language"'),
        ("split=", "split", "must be source or topic"),
        ("split=source&split=topic", "split", "2 times"),
        ("size=5", "size", "is not a parameter"),
        ("facets=source", "facets", "is not a parameter"),
        ("stories=fold", "stories", "is not a parameter"),
        ("duplicates=no", "duplicates", "must be fold or keep or only"),
        ("q=(", "q", ""),
        ("from=2026-02-01&to=2026-01-01", "from", "is after to"),
    ],
)
def test_what_is_wrong_is_a_400_that_names_the_parameter(client, query, name, said):
    answer = client.get(f"/v1/timeline?{query}")
    assert answer.status_code == 400
    (error,) = answer.json["errors"]
    assert (error["field"], said in error["message"]) == (name, True), error


def test_a_timeline_takes_every_filter_of_the_search():
    assert {"q", "from", "to", "domain", "-domain", "min_words", "duplicates"} < set(TIMELINE_PARAMETERS)
    assert not {"sort", "size", "offset", "fields", "highlight", "facets"} & set(TIMELINE_PARAMETERS)


def test_while_the_index_is_away_the_answer_is_503(newsroom):
    class Away:
        def timeline(self, request):
            raise Unavailable("the index is away")

        def check(self):
            raise Unavailable("the index is away")

    answer = create_app(newsroom.settings, Away(), newsroom.ledger).test_client().get("/v1/timeline")
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
