"""``/v1/trends`` over a real index: shape, samples, parameters, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.search.app import create_app
from services.search.trends import TRENDS_PARAMETERS
from shared.article import Entity
from shared.errors import Unavailable
from tests.unit.search.conftest import TRANSPORT, open_newsroom

END = datetime(2026, 11, 20, 12, tzinfo=UTC)
TO = "to=2026-11-20T12:00:00Z"


@pytest.fixture(scope="module")
def news(tmp_path_factory):
    """Forty quiet articles of a week, then a day in which a ferry, and who was on it, is in four of ten."""
    with open_newsroom(tmp_path_factory.mktemp("trends")) as newsroom:
        for number in range(40):
            moment = END - timedelta(days=2, hours=number)
            newsroom.publish(f"Council meets {number}", "Dues were on the agenda.", published_at=moment)
        for number in range(6):
            newsroom.publish(f"Weather {number}", "Rain.", published_at=END - timedelta(hours=number + 6))
        last = [
            newsroom.publish(
                f"Ferry report {number}", "It sank.", published_at=END - timedelta(hours=4 - number),
                topics=(TRANSPORT,), entities=(Entity("Zoë Smith", "person"),), source=f"s{number}.example",
            )
            for number in range(4)
        ]  # fmt: skip
        yield newsroom, newsroom.client(), last


def trends(client, query: str = "") -> dict:
    answer = client.get(f"/v1/trends?{TO}&{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def test_an_answer_has_exactly_the_agreed_shape(news):
    _, client, ids = news
    answer = client.get(f"/v1/trends?{TO}")
    assert answer.headers["Server-Timing"].startswith("engine;dur=")
    told = answer.json
    assert told.pop("took_ms") >= 0
    assert told == {
        "window": {"from": "2026-11-19T12:00:00Z", "to": "2026-11-20T12:00:00Z"},
        "before": {"from": "2026-11-12T12:00:00Z", "to": "2026-11-19T11:59:59.999000Z"},
        "articles": {"now": 10, "before": 40},
        "trends": [
            {
                "value": "zoe smith",
                "name": "Zoë Smith",
                "now": 4,
                "before": 0,
                "expected": 0.12,
                "score": told["trends"][0]["score"],
                "sample": {"id": ids[-1], "title": "Ferry report 3"},
            }
        ],
        "query": {"text": "", "parsed": ""},
        "approximate": False,
        "partial": False,
    }
    assert told["trends"][0]["score"] > 6.63


def test_topics_are_called_by_their_names_and_those_above_by_their_codes(news):
    found = {one["value"]: one["name"] for one in trends(news[1], "field=topic")["trends"]}
    assert found == {"medtop:20000337": "transport", "medtop:04000000": "medtop:04000000"}


def test_words_are_what_a_query_for_them_finds(news):
    _, client, ids = news
    told = trends(client, "field=word&window=36h")
    assert {one["value"] for one in told["trends"]} >= {"ferry", "weather"}
    for one in told["trends"]:
        for span, count in (("window", one["now"]), ("before", one["before"])):
            times = f"from={told[span]['from']}&to={told[span]['to']}"
            found = client.get(f"/v1/search?q={one['value']}&{times}").json
            assert found["total"]["groups"] == count
    ferry = next(one for one in told["trends"] if one["value"] == "ferry")
    assert (ferry["name"], ferry["sample"]["id"]) == ("Ferry", ids[-1])


def test_query_and_filters_narrow_what_is_counted_and_sampled(news):
    _, client, ids = news
    told = trends(client, "q=ferry+OR+council&-source=s3.example")
    assert (told["articles"], told["query"]["parsed"]) == ({"now": 3, "before": 40}, "ferry OR council")
    assert [(one["now"], one["sample"]["id"]) for one in told["trends"]] == [(3, ids[2])]
    assert trends(client, "q=weather")["trends"] == []


def test_a_sample_is_of_the_window_and_of_the_query(news):
    _, client, ids = news
    (one,) = client.get("/v1/trends?to=2026-11-20T10:00:00Z").json["trends"]
    assert (one["now"], one["sample"]["id"]) == (3, ids[2])
    (one,) = trends(client, "q=NOT+%22report+3%22")["trends"]
    assert (one["now"], one["sample"]["id"]) == (3, ids[2])


def test_times_are_chosen_and_the_default_ends_now(news):
    _, client, _ = news
    told = trends(client, "window=6h&before=2w")
    assert told["window"] == {"from": "2026-11-20T06:00:00Z", "to": "2026-11-20T12:00:00Z"}
    assert told["before"]["from"] == "2026-11-06T06:00:00Z"
    assert len(trends(client, "size=1&field=topic")["trends"]) == 1
    now = datetime.now(UTC)
    end = datetime.fromisoformat(client.get("/v1/trends").json["window"]["to"])
    assert now - timedelta(seconds=1) < end <= datetime.now(UTC)


@pytest.mark.parametrize(
    ("query", "name", "said"),
    [
        ("window=day", "window", "such as 6h, 24h, 7d"),
        ("window=0h", "window", "such as 6h"),
        ("window=-6h", "window", "such as 6h"),
        ("window=", "window", "such as 6h"),
        ("window=999999d", "window", "3,660d at most"),
        ("window=6h&window=7d", "window", "2 times"),
        ("before=x", "before", "such as 6h"),
        ("field=author", "field", 'must be entity or topic or word, not "author"'),
        ("field=", "field", "must be"),
        ("size=0", "size", "whole number from 1 to 50"),
        ("size=51", "size", "from 1 to 50"),
        ("size=1.5", "size", "whole number"),
        ("from=2026-01-01", "from", "is not a parameter"),
        ("to=0001-01-02", "to", "no time before it"),
        ("to=tomorrow", "to", "is not a date"),
        ("sort=newest", "sort", "is not a parameter"),
        ("facets=entity", "facets", "is not a parameter"),
        ("duplicates=no", "duplicates", "must be fold or keep or only"),
        ("q=(", "q", ""),
    ],
)
def test_what_is_wrong_is_a_400_that_names_the_parameter(news, query, name, said):
    answer = news[1].get(f"/v1/trends?{query}")
    assert answer.status_code == 400, answer.text
    (error,) = answer.json["errors"]
    assert (error["field"], said in error["message"]) == (name, True), error


@pytest.mark.parametrize(
    "query", ["to=9999-12-31", "to=0012-01-01", "window=3660d&before=3660d", "q=%F0%9F%98%80+a"]
)
def test_odd_times_and_words_get_an_honest_answer(news, query):
    answer = news[1].get(f"/v1/trends?{query}")
    assert answer.status_code in (200, 400)
    assert answer.status_code == 400 or answer.json["trends"] == []


def test_trends_take_the_query_and_every_filter_of_the_search():
    assert {"q", "to", "domain", "-domain", "min_words", "duplicates"} < set(TRENDS_PARAMETERS)
    assert not {"from", "sort", "offset", "fields", "highlight", "facets", "stories"} & set(TRENDS_PARAMETERS)


def test_while_the_index_is_away_the_answer_is_503(news):
    class Away:
        def trends(self, request):
            raise Unavailable("the index is away")

        def check(self):
            raise Unavailable("the index is away")

    answer = create_app(news[0].settings, Away(), news[0].ledger).test_client().get("/v1/trends")
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
