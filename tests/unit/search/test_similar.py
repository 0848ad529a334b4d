"""Similar articles over HTTP: shape, which article is asked for, the posted text, and what is refused."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest

from services.search.app import create_app
from services.search.similar import MAX_BODY_BYTES, SIMILAR_PARAMETERS
from shared.errors import Unavailable
from tests.unit.search.conftest import FERRY, open_newsroom

REPORTS = (
    ("Ferry line opens", FERRY),
    ("Islands get their ferry", "At dawn a ferry left the harbour for the islands; the mayor waved."),
    ("Bank raises rates", "Rates rose by a quarter of a point, the bank said."),
)


@pytest.fixture(scope="module")
def reports(tmp_path_factory):
    """Two reports of one event, a copy of the first, and one of something else."""
    with open_newsroom(tmp_path_factory.mktemp("similar")) as newsroom:
        ids = [newsroom.publish(*report, source=f"s{at}.example") for at, report in enumerate(REPORTS)]
        copy = newsroom.publish(*REPORTS[0], source="copy.example", copy_of=ids[0])
        yield newsroom, newsroom.client(), (*ids, copy)


def post(client, body, query: str = "", **given):
    return client.post(f"/v1/similar?{query}", json=body, **given)


def refused(answer, status: int = 400) -> list[tuple[str, str]]:
    assert answer.status_code == status, answer.text
    assert answer.content_type == "application/problem+json"
    return [(error["field"], error["message"]) for error in answer.json["errors"]]


def test_an_answer_has_exactly_the_agreed_shape(reports):
    _, client, ids = reports
    answer = client.get(f"/v1/articles/{ids[0]}/similar?fields=title")
    assert answer.headers["Server-Timing"].startswith("engine;dur=")
    told = answer.json
    assert told.pop("took_ms") >= 0
    (hit,) = told.pop("hits")
    by = hit["by"]
    assert sum(one["weight"] for one in by) == hit["score"]
    assert {"ferry", "harbour", "dawn"} <= {one["term"].lower() for one in by}
    assert all(one in told["by"] for one in by)
    assert hit == {
        "id": ids[1],
        "title": "Islands get their ferry",
        "score": hit["score"],
        "highlights": {"title": [], "body": []},
        "copies": [],
        "outlets": 0,
        "by": by,
    }
    assert told.keys() == {"total", "by", "partial"}
    assert (told["total"], told["partial"]) == ({"articles": 1, "groups": 1}, False)


def test_a_copy_is_not_told_of_its_lead_nor_the_lead_of_its_copies(reports):
    _, client, ids = reports
    for asked in (ids[0], ids[3]):
        for duplicates in ("fold", "keep"):
            told = client.get(f"/v1/articles/{asked}/similar?duplicates={duplicates}").json
            assert [hit["id"] for hit in told["hits"]] == [ids[1]]
    told = client.get(f"/v1/articles/{ids[1]}/similar?duplicates=keep").json
    assert {hit["id"] for hit in told["hits"]} == {ids[0], ids[3]}
    folded = client.get(f"/v1/articles/{ids[1]}/similar").json
    assert [[copy["id"] for copy in hit["copies"]] for hit in folded["hits"]] == [[ids[3]]]
    assert folded["total"] == {"articles": 2, "groups": 1}


def test_of_a_copy_no_words_are_looked_for_that_only_its_family_has(empty_newsroom):
    text = f"{FERRY} A zyzzogeton was on board."
    lead = empty_newsroom.publish("Ferry line opens", text)
    copies = [
        empty_newsroom.publish("Ferry line opens", text, source=f"c{n}.example", copy_of=lead) for n in (1, 2)
    ]
    other = empty_newsroom.publish("Islands get their ferry", REPORTS[1][1])
    for asked in (lead, *copies):
        told = empty_newsroom.client().get(f"/v1/articles/{asked}/similar").json
        assert [hit["id"] for hit in told["hits"]] == [other]
        assert "zyzzogeton" not in {one["term"] for one in told["by"]}


def test_a_posted_text_finds_what_is_like_it(reports):
    _, client, ids = reports
    for language in ({"language": "en"}, {"language": "en-GB"}, {"language": "und"}, {}):
        told = post(client, {"title": "A ferry", "text": "It left the harbour.", **language}).json
        assert [hit["id"] for hit in told["hits"]] == [ids[1], ids[0]]
        assert {one["term"].lower() for one in told["by"]} == {"ferry", "harbour"}
    assert post(client, {"text": "ferry harbour", "language": "de"}).json["hits"] == []
    assert len(post(client, {"text": "ferry harbour"}, "size=1").json["hits"]) == 1
    assert post(client, {"text": "ferry harbour"}, "source=copy.example").json["hits"][0]["id"] == ids[0]


@pytest.mark.parametrize("text", ["?", "Xylorimba", "🙂", "the of and", "\u0000", "a\nb"])
def test_a_text_without_a_known_word_is_answered_with_nothing(reports, text):
    told = post(reports[1], {"text": text}).json
    assert (told["total"], told["hits"], told["by"]) == ({"articles": 0, "groups": 0}, [], [])


def test_who_may_not_be_read_is_not_compared_with(empty_newsroom):
    publish, index = empty_newsroom.publish, empty_newsroom.index
    held = publish("Held ferry", FERRY, embargo_until=datetime(2999, 1, 1, tzinfo=UTC))
    other = publish("Another ferry", f"{FERRY} Crowds waved from the quay.")
    client = empty_newsroom.client()
    assert client.get(f"/v1/articles/{held}/similar").status_code == 404
    assert client.get(f"/v1/articles/{other}/similar").json["hits"] == []
    gone = publish("Gone ferry", FERRY)
    assert client.get(f"/v1/articles/{other}/similar").json["hits"][0]["id"] == gone
    empty_newsroom.ledger.withdraw(gone, 1)
    empty_newsroom.write_index()
    index.refresh()
    for path in (f"/v1/articles/{gone}", f"/v1/articles/{gone}/similar"):
        assert client.get(path).status_code == 410
    assert client.get(f"/v1/articles/{other}/similar").json["hits"] == []


@pytest.mark.parametrize("article_id", ["0" * 32, "x", "0" * 31, "%F0%9F%98%80"])
def test_no_such_article_is_a_404(reports, article_id):
    assert reports[1].get(f"/v1/articles/{article_id}/similar").status_code == 404


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        ("size=0", "size", "between 1 and 50"),
        ("size=51", "size", "to 50"),
        ("size=-1", "size", "whole number"),
        ("q=ferry", "q", "is not a parameter"),
        ("sort=newest", "sort", "is not a parameter"),
        ("offset=1", "offset", "is not a parameter"),
        ("from=2026-02-01&to=2026-01-01", "from", "is after to"),
        ("duplicates=no", "duplicates", "must be"),
        ("fields=x", "fields", "no such field"),
    ],
)
def test_a_wrong_parameter_is_a_400_that_names_it(reports, query, field, said):
    _, client, ids = reports
    for answer in (client.get(f"/v1/articles/{ids[0]}/similar?{query}"), post(client, {"text": "a"}, query)):
        ((name, message),) = refused(answer)
        assert (name, said in message) == (field, True), message


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        ({}, "text", "is needed"),
        ({"text": ""}, "text", "must not be empty"),
        ({"text": 5}, "text", "must be a string"),
        ({"text": None}, "text", "must be a string"),
        ({"text": "a" * 100_001}, "text", "at most 100000 characters"),
        ({"text": "a", "title": "t" * 1_001}, "title", "at most 1000 characters"),
        ({"text": "a", "language": "english language"}, "language", "not a language code"),
        ({"text": "a", "body": "b"}, "body", "is no known field"),
        (["text"], "request", "must be an object"),
    ],
)
def test_what_is_wrong_with_a_text_is_told_by_its_field(reports, body, field, said):
    ((name, message),) = refused(post(reports[1], body))
    assert (name, said in message) == (field, True), message


@pytest.mark.parametrize("data", [b"", b"{", b"[1, NaN]", b"\xff", b'{"text": "\\ud800"}'])
def test_what_is_no_json_is_a_400(reports, data):
    answer = reports[1].post("/v1/similar", data=data, content_type="application/json")
    assert [field for field, _ in refused(answer)] == ["request"]


def test_the_longest_text_is_taken_and_a_longer_body_is_a_413(reports):
    longest = {"text": "🙂" * 99_990 + " ferry"}
    assert post(reports[1], longest).status_code == 200
    assert len(json.dumps(longest)) < MAX_BODY_BYTES
    answer = post(reports[1], {"text": "x" * MAX_BODY_BYTES})
    assert [field for field, _ in refused(answer, 413)] == ["request"]


def test_a_body_of_no_known_length_has_the_same_limit(reports):
    data = json.dumps({"text": "x" * MAX_BODY_BYTES}).encode()
    endless = {"wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    answer = reports[1].post(
        "/v1/similar",
        input_stream=io.BytesIO(data),
        content_type="application/json",
        environ_overrides=endless,
    )
    assert [field for field, _ in refused(answer, 413)] == ["request"]


def test_a_body_that_is_told_to_be_too_long_is_not_waited_for(reports):
    answer = reports[1].post(
        "/v1/similar",
        data=b"{}",
        content_type="application/json",
        environ_overrides={"CONTENT_LENGTH": str(MAX_BODY_BYTES + 1)},
    )
    assert [field for field, _ in refused(answer, 413)] == ["request"]


def test_a_story_that_was_merged_is_followed(reports, monkeypatch):
    newsroom, client, ids = reports
    (hit,) = client.get(f"/v1/articles/{ids[0]}/similar").json["hits"]
    path, story = f"/v1/articles/{ids[0]}/similar", f"story={hit['story_id']}"
    assert len(client.get(f"{path}?{story}").json["hits"]) == 1
    assert len(post(client, {"text": "ferry harbour"}, story).json["hits"]) == 1
    monkeypatch.setattr(newsroom.ledger, "living", lambda given: ["f" * 32 for _ in given])
    assert client.get(f"{path}?{story}").json["hits"] == []
    assert post(client, {"text": "ferry harbour"}, story).json["hits"] == []


def test_other_kinds_of_bodies_are_a_415_that_names_the_header(reports):
    for given, field in (
        ({"content_type": "text/plain"}, "Content-Type"),
        ({}, "Content-Type"),
        ({"content_type": "application/json", "headers": {"Content-Encoding": "gzip"}}, "Content-Encoding"),
    ):
        answer = reports[1].post("/v1/similar", data=b'{"text": "a"}', **given)
        assert [name for name, _ in refused(answer, 415)] == [field]


def test_similar_articles_take_the_filters_of_a_search_and_not_its_words():
    assert {"from", "to", "source", "-topic", "entity", "duplicates", "size", "fields"} < set(
        SIMILAR_PARAMETERS
    )
    assert not {"q", "sort", "offset", "facets", "highlight", "stories"} & set(SIMILAR_PARAMETERS)


def test_while_the_index_is_away_the_answer_is_503(reports):
    class Away:
        def similar(self, request):
            raise Unavailable("the index is away")

        def check(self):
            raise Unavailable("the index is away")

    client = create_app(reports[0].settings, Away(), reports[0].ledger).test_client()
    answer = post(client, {"text": "ferry"})
    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
