"""The JSON API over a real index and ledger: shapes, filters, articles, traces, and bad input."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from services.search.answers import ARTICLE_FIELDS
from services.search.app import create_app
from shared.article import Removed
from shared.clock import now_ms
from shared.errors import Unavailable
from shared.index.embedded import EmbeddedIndex
from shared.index.port import SearchPage, SearchRequest
from shared.ledger.keeping import PruneRule
from shared.ledger.open import open_ledger
from shared.profiles.memory import MemorySourceProfiles
from shared.profiles.port import Sighting
from shared.settings import Settings
from tests.unit.search.conftest import FERRY

UNKNOWN = "0" * 32


def search(client, query=""):
    answer = client.get(f"/v1/search?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def titles(client, query):
    return [hit["title"] for hit in search(client, query)["hits"]]


def test_an_answer_has_exactly_the_agreed_shape(client):
    answer = search(client, "q=ferry&highlight=true")
    assert list(answer) == ["total", "hits", "next", "facets", "query", "partial", "took_ms"]
    assert answer["total"] == {"articles": 2, "groups": 1}
    assert (answer["next"], answer["facets"], answer["partial"]) == (None, {}, False)
    assert answer["query"] == {"text": "ferry", "parsed": "ferry"}
    assert answer["took_ms"] >= 0
    hit = answer["hits"][0]
    assert set(hit) == {*ARTICLE_FIELDS, "score", "highlights", "outlets"}
    assert hit["score"] > 0
    assert hit["highlights"]["title"] == ["<mark>Ferry</mark> line to the islands opens"]
    assert "<mark>ferry</mark>" in hit["highlights"]["body"][0]


def test_an_article_has_the_names_and_values_of_the_design(client):
    hit = search(client, "q=ferry")["hits"][0]
    assert hit["source"] == {"id": "harbour.example", "name": None, "domain": None}
    assert hit["published_at"] == "2026-11-20T08:30:00Z"
    assert hit["topics"] == [
        {
            "code": "medtop:20000337",
            "name": "transport",
            "score": 0.82,
            "evidence": ["ferry", "harbour"],
            "broader": ["medtop:04000000"],
        }
    ]
    assert hit["entities"] == [{"name": "Port Selby", "type": "place", "count": 2}]
    assert (hit["revision"], hit["verdict"], hit["is_lead"]) == (1, "new", True)
    assert hit["highlights"] == {"title": [], "body": []}


def test_a_lead_carries_its_copies_and_hides_them(client):
    hit = search(client, "q=ferry")["hits"][0]
    assert [(copy["source"], copy["url"]) for copy in hit["copies"]] == [
        ("coast.example", "https://coast.example/ferry-line-to-the-islands-opens")
    ]
    assert search(client, "q=ferry&duplicates=keep")["total"] == {"articles": 2, "groups": 2}
    only = search(client, "q=ferry&duplicates=only")
    assert [hit["source"]["id"] for hit in only["hits"]] == ["coast.example"]
    assert only["hits"][0]["duplicate_of"] == hit["id"]


# The ledger compares for itself: about half of the phrases have to be the same.
ALIKE = (
    "The new ferry to the outer islands left its berth for the first time this morning, with some hundred "
    "people on board and a brass band on the quay. It is the first line of its kind since the old steamer "
    "was laid up, and the council hopes that it brings visitors also out of season."
)
OF_LEAD = (
    "At dawn the captain had still been waiting for a part of the engine, which a fishing boat then brought "
    "across the bay. Nobody on the pier would say who had ordered the wrong one, or what the delay may cost "
    "the yard in the end, but the cheers were loud once smoke rose from the funnel."
)
OF_REWRITE = (
    "Tickets are sold by the purser alone, in coins if need be, because the machine ashore does not take "
    "cards yet. Cyclists ride without paying until autumn, dogs as long as they are carried, and school "
    "classes get a cabin of their own when a teacher writes two days ahead of time."
)


def test_a_rewrite_is_found_by_its_own_words_and_told_of_under_its_lead(empty_newsroom):
    lead = empty_newsroom.publish("Ferry line opens", f"{ALIKE} {OF_LEAD}")
    rewrite = empty_newsroom.publish(
        "Ferry line opens", f"{ALIKE} {OF_REWRITE}", source="coast.example", copy_of=lead,
        copied_as="version",
    )  # fmt: skip
    client = empty_newsroom.client()
    (hit,) = search(client, "q=purser")["hits"]
    told = (hit["id"], hit["verdict"], hit["is_lead"], hit["duplicate_of"])
    assert told == (rewrite, "version", False, lead)
    assert [one["id"] for one in search(client, "q=ferry&-source=coast.example")["hits"]] == [lead]
    assert search(client, "q=ferry")["total"] == {"articles": 2, "groups": 2}
    (found,) = search(client, "q=dawn")["hits"]
    assert [(copy["id"], copy["verdict"]) for copy in found["copies"]] == [(rewrite, "version")]
    assert "coast.example (version" in re.sub("<[^>]+>", "", client.get("/?q=dawn").text)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("source=puerto.example", ["El puerto abre una nueva línea"]),
        ("source=coast.example", ["Ferry line to the islands opens"]),  # its copy ran there
        ("source=coast.example&duplicates=keep", ["Ferry line to the islands opens"]),
        ("source=puerto.example,nowhere.example", ["El puerto abre una nueva línea"]),
        ("language=es", ["El puerto abre una nueva línea"]),
        ("-language=en", ["El puerto abre una nueva línea"]),
        ("topic=medtop:04000000", ["Ferry line to the islands opens"]),  # broader than its own
        ("topic=medtop:20000337", ["Ferry line to the islands opens"]),
        ("q=dues&-topic=medtop:04000000", ["Harbour dues rise"]),
        ("to=2025-11-20", ["Harbour dues rise"]),
        ("from=2026-11-21&to=2026-11-21", ["El puerto abre una nueva línea"]),
        ("q=harbour%20-ferry&-source=hostile.example", ["Harbour dues rise"]),
        ("q=%22new%20ferry%20left%22", ["Ferry line to the islands opens"]),
        (
            "q=title:dues%20OR%20title:puerto&sort=oldest",
            ["Harbour dues rise", "El puerto abre una nueva línea"],
        ),
        ("q=source:puerto.example", ["El puerto abre una nueva línea"]),
        ("q=published:[2026-11-21%20TO%20*]", ["El puerto abre una nueva línea"]),
        ("q=nothinglikethis", []),
    ],
)
def test_filters_and_words_find_what_they_name(client, query, found):
    assert titles(client, query) == found


def test_without_words_the_newest_come_first(client):
    found = titles(client, "")
    assert found[0] == "El puerto abre una nueva línea"
    assert found[-1] == "Harbour dues rise"
    assert found[::-1] == titles(client, "sort=oldest")
    assert search(client, "")["hits"][0]["score"] is None


def test_size_and_offset_walk_through_the_hits(client):
    everything = titles(client, "sort=newest")
    assert titles(client, "sort=newest&size=2&offset=1") == everything[1:3]
    assert titles(client, "offset=100") == []
    totals = search(client, "size=0")
    assert totals["hits"] == []
    assert totals["total"] == {"articles": 5, "groups": 4}


def test_fields_choose_what_a_hit_holds(client):
    hit = search(client, "q=ferry&fields=title,language")["hits"][0]
    assert set(hit) == {"id", "title", "language", "score", "highlights", "copies", "outlets"}


def test_highlights_are_safe_html(client):
    highlights = search(client, "q=harbour%20source:hostile.example&highlight=true")["hits"][0]["highlights"]
    assert highlights["title"] == [
        "&lt;script&gt;alert(&#x27;x&#x27;)&lt;/script&gt; &amp; <mark>harbour</mark> news"
    ]
    assert "<img" not in highlights["body"][0]


def test_the_engines_own_time_is_told_in_a_header(client):
    timing = client.get("/v1/search?q=ferry").headers["Server-Timing"]
    name, _, duration = timing.partition(";dur=")
    assert name == "engine"
    assert float(duration) >= 0


def test_an_article_is_served_by_its_id(client):
    hit = search(client, "q=ferry")["hits"][0]
    article = client.get(f"/v1/articles/{hit['id']}").json
    assert set(article) == set(ARTICLE_FIELDS)
    assert article == {name: hit[name] for name in ARTICLE_FIELDS}


def test_a_copy_is_an_article_of_its_own(client):
    copy = search(client, "q=ferry")["hits"][0]["copies"][0]
    assert client.get(f"/v1/articles/{copy['id']}").json["source"]["id"] == "coast.example"


@pytest.mark.parametrize("article_id", [UNKNOWN, "x", "A" * 32, UNKNOWN + "0", "%00", "..%2f..%2fetc", "é"])
@pytest.mark.parametrize("path", ["", "/trace"])
def test_no_such_article_is_a_404(client, article_id, path):
    answer = client.get(f"/v1/articles/{article_id}{path}")
    assert answer.status_code == 404
    assert answer.content_type == "application/problem+json"


def test_a_withdrawn_article_is_gone_and_its_journey_is_kept(empty_newsroom):
    article_id = empty_newsroom.end("Wrong from the start", "withdrawn", "asked for by its source")
    client = empty_newsroom.client()
    assert client.get(f"/v1/articles/{article_id}").status_code == 410
    trace = client.get(f"/v1/articles/{article_id}/trace").json
    assert trace["status"]["status"] == "withdrawn"
    assert [step["word"] for step in trace["journey"]] == ["accepted", "withdrawn"]


def test_an_article_that_was_indexed_and_withdrawn_is_gone(empty_newsroom):
    article_id = empty_newsroom.publish("Ferry", FERRY)
    client = empty_newsroom.client()
    assert client.get(f"/v1/articles/{article_id}").status_code == 200
    empty_newsroom.ledger.withdraw(article_id, now_ms())
    empty_newsroom.write_index()
    assert client.get(f"/v1/articles/{article_id}").status_code == 410
    assert client.get("/v1/search?q=ferry").json["total"]["articles"] == 0
    trace = client.get(f"/v1/articles/{article_id}/trace")
    assert trace.status_code == 200
    assert FERRY.splitlines()[0] not in trace.text


def test_an_article_that_is_no_longer_kept_is_gone_until_it_comes_again(empty_newsroom):
    later = now_ms() + 1_000
    article_id = empty_newsroom.publish("Ferry", FERRY)
    client = empty_newsroom.client()
    assert empty_newsroom.ledger.prune(PruneRule("articles", later), 0, 10, later).changed == 1
    empty_newsroom.write_index("replay")
    assert client.get(f"/v1/articles/{article_id}").status_code == 410
    assert empty_newsroom.publish("Ferry", FERRY) == article_id
    assert client.get(f"/v1/articles/{article_id}").status_code == 200


def test_a_rejected_article_is_not_found_and_its_trace_says_why(empty_newsroom):
    article_id = empty_newsroom.end("404 Not Found", "rejected", "an error page")
    client = empty_newsroom.client()
    answer = client.get(f"/v1/articles/{article_id}")
    assert answer.status_code == 404
    assert "rejected" in answer.json["detail"]
    trace = client.get(f"/v1/articles/{article_id}/trace").json
    assert trace["status"]["reason"] == "an error page"
    assert trace["journey"][-1]["detail"] == "an error page"
    assert (trace["removed"], trace["topics"], trace["verdict"], trace["fields"]) == ([], [], None, {})


def test_a_trace_tells_everything_that_was_done(client):
    article_id = search(client, "q=ferry")["hits"][0]["id"]
    trace = client.get(f"/v1/articles/{article_id}/trace").json
    assert trace["id"] == article_id
    steps = [(step["stage"], step["word"]) for step in trace["journey"]]
    assert steps[:5] == [
        ("accept", "accepted"),
        ("clean", "cleaned"),
        ("dedupe", "deduped"),
        ("tag", "tagged"),
        ("index", "indexed"),
    ]
    names = {"submission", "request", "at", "stage", "word", "worker", "attempt", "detail"}
    assert set(trace["journey"][0]) == names
    assert trace["journey"][1]["worker"] == "worker-1"
    assert trace["removed"] == [
        {"text": "Subscribe to our newsletter", "reason": "newsletter call", "above": None}
    ]
    assert trace["topics"][0]["evidence"] == ["ferry", "harbour"]
    assert trace["fields"]["title"] == "clean"
    assert trace["fields"]["topics"] == "tag"


def explained(newsroom):
    return newsroom.publish(
        "Pilots vote on a new boat", FERRY, authors=("Ada Brook",), source_keywords=("pilots", "boats"),
        published_from="json-ld", vocabulary="0123456789ab",
        removed=(Removed("A paper by the sea.", "self-description", 2),),
    )  # fmt: skip


def test_a_trace_tells_what_its_lines_became_and_what_the_source_says_of_itself(empty_newsroom):
    profiles = MemorySourceProfiles()
    told = ("A paper by the sea.",)
    profiles.count([Sighting("harbour.example", f"{n}", descriptions=told) for n in range(4)])
    article_id = explained(empty_newsroom)
    client = create_app(
        empty_newsroom.settings, empty_newsroom.index, empty_newsroom.ledger, profiles
    ).test_client()
    trace = client.get(f"/v1/articles/{article_id}/trace").json
    assert trace["removed"] == [{"text": told[0], "reason": "self-description", "above": 2}]
    assert trace["authors"] == ["Ada Brook"]
    assert trace["source_keywords"] == ["pilots", "boats"]
    assert trace["published"] == {"at": "2026-11-20T08:30:00Z", "from": "json-ld"}
    assert trace["vocabulary"] == "0123456789ab"
    assert trace["source"] == {"id": "harbour.example", "articles": 4, "self_descriptions": list(told)}
    assert (trace["fields"]["published_from"], trace["fields"]["vocabulary"]) == ("clean", "tag")


class AwayProfiles(MemorySourceProfiles):
    """Profiles whose store is away, as Redis may be."""

    def read(self, source_ids):
        raise Unavailable("source profiles: away")


def test_a_trace_does_without_what_is_known_of_the_source_while_redis_is_away(empty_newsroom):
    article_id = explained(empty_newsroom)
    client = create_app(
        empty_newsroom.settings, empty_newsroom.index, empty_newsroom.ledger, AwayProfiles()
    ).test_client()
    answer = client.get(f"/v1/articles/{article_id}/trace")
    assert answer.status_code == 200
    assert answer.json["source"] == {"id": "harbour.example", "articles": None, "self_descriptions": []}
    assert answer.json["authors"] == ["Ada Brook"]


def test_the_trace_of_a_copy_names_its_lead_and_their_likeness(client):
    lead = search(client, "q=ferry")["hits"][0]
    trace = client.get(f"/v1/articles/{lead['copies'][0]['id']}/trace").json
    assert trace["verdict"] == {
        "word": "duplicate",
        "similarity": 1.0,
        "rule": "same-text",
        "passage": None,
        "why": f"duplicate of {lead['id']}: both say the same, word for word",
        "duplicate_of": lead["id"],
        "lead": lead["id"],
        "story_id": lead["id"],
    }


def test_an_embargoed_article_shows_no_word_of_its_text_anywhere(empty_newsroom):
    article_id = empty_newsroom.publish(
        "Secret merger",
        "The merger is secret until tomorrow.",
        embargo_until=datetime.now(UTC) + timedelta(days=1),
    )
    client = empty_newsroom.client()
    assert titles(client, "q=merger") == []
    assert client.get(f"/v1/articles/{article_id}").status_code == 404
    trace = client.get(f"/v1/articles/{article_id}/trace")
    assert trace.json["journey"][-1]["word"] == "indexed"
    assert "merger" not in trace.text.lower()


BAD_QUERIES = [
    '"never closed', "never closed)", "(", ")", "((((", '"', "*", "**", "a*b*c*", "/.*/", "_exists_:x",
    "a AND", "OR b", "AND", "NOT", "-", "foo:bar", "title:", "published:[2026-02-01 TO 2026-01-01]",
    "published:[x TO y]", "published:[2026-01-01", "topic:", "a OR OR b", "x" * 513,
    "(" * 300 + "a" + ")" * 200, " OR ".join("abcdefgh"[n % 8] for n in range(1_000)),
]  # fmt: skip


@pytest.mark.parametrize("query", BAD_QUERIES)
def test_a_query_that_cannot_be_read_is_a_400_with_its_place(client, query):
    answer = client.get(f"/v1/search?q={quote(query)}")
    assert answer.status_code == 400, answer.text
    assert answer.content_type == "application/problem+json"
    problem = answer.json
    assert [error["field"] for error in problem["errors"]] == ["q"]
    assert 0 <= problem["position"] <= len(query)
    assert len(problem["detail"]) > 20


ODD_QUERIES = [
    "😀", "🦀🦀 harbour", "\x07bell", "a\tb", "café", "新しい", "\u202eabc", "İstanbul ẞ", "1e400", "%", "&",
    "\\", "'; DROP TABLE", "{!func}x", "${jndi:ldap://x}", "<script>", "a" * 512, "title:\u200b", "~2", "^5",
    "a~2", "a^5", "+a", "\ufeffx",
]  # fmt: skip


@pytest.mark.parametrize("query", ODD_QUERIES)
def test_an_odd_query_gets_an_honest_answer(client, query):
    answer = client.get(f"/v1/search?highlight=true&q={quote(query)}")
    assert answer.status_code in (200, 400)
    if answer.status_code == 400:
        assert answer.json["errors"][0]["field"] == "q"


@pytest.mark.parametrize(
    "query",
    [
        "size=-1", "offset=1000000000", "sort=title", "from=2026-02-01&to=2026-01-01", "cursor=forged",
        "q=%ff", "facets=colour", "page=2", "source=%00", "from=1000000000", "fields=_id",
        "duplicates=1", "size=NaN",
    ],
)  # fmt: skip
def test_a_bad_parameter_is_a_400_that_names_it(client, query):
    answer = client.get(f"/v1/search?{query}")
    assert answer.status_code == 400
    name = query.partition("=")[0]
    assert answer.json["errors"][0]["field"] in (name, "query string")


def test_articles_take_no_parameters(client):
    article_id = search(client, "")["hits"][0]["id"]
    answer = client.get(f"/v1/articles/{article_id}?fields=title")
    assert answer.status_code == 400
    assert answer.json["errors"][0]["field"] == "fields"


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_other_methods_are_refused(client, method):
    answer = getattr(client, method)("/v1/search", data=b"{")
    assert answer.status_code == 405
    assert answer.content_type == "application/problem+json"


def test_a_service_whose_parts_answer_is_ready(client):
    assert client.get("/healthz").status_code == 200
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert set(ready.json["checks"]) == {"index", "ledger"}


def test_a_missing_index_is_a_503_that_says_what_to_do(tmp_path, newsroom):
    settings = Settings(data_dir=tmp_path / "elsewhere")
    client = create_app(settings, EmbeddedIndex(settings.index_dir), newsroom.ledger).test_client()
    answer = client.get("/v1/search?q=ferry")
    assert answer.status_code == 503
    assert "copydesk migrate" in answer.json["detail"]
    assert int(answer.headers["Retry-After"]) > 0
    ready = client.get("/readyz")
    assert ready.status_code == 503
    assert ready.json["checks"]["index"]["status"] == "failed"
    assert ready.json["checks"]["ledger"]["status"] == "ok"


def test_a_missing_ledger_is_a_503_only_where_it_is_needed(tmp_path, newsroom):
    ledger = open_ledger(Settings(data_dir=tmp_path / "elsewhere"))
    client = create_app(newsroom.settings, newsroom.index, ledger).test_client()
    article_id = search(client, "q=ferry")["hits"][0]["id"]
    assert client.get(f"/v1/articles/{article_id}").status_code == 200
    trace = client.get(f"/v1/articles/{article_id}/trace")
    assert trace.status_code == 503
    assert trace.headers["Retry-After"]
    assert client.get(f"/v1/articles/{UNKNOWN}").status_code == 503
    ledger.close()


class AwayIndex(EmbeddedIndex):
    """An index that is away for searches, as Elasticsearch may be; or breaks in an unforeseen way."""

    error: Exception = Unavailable("the index does not answer")

    def search(self, request: SearchRequest) -> SearchPage:
        raise self.error


def test_an_index_that_is_away_is_a_503_to_come_back_after(tmp_path, newsroom):
    client = create_app(newsroom.settings, AwayIndex(tmp_path), newsroom.ledger).test_client()
    answer = client.get("/v1/search?q=ferry")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]


def test_our_own_fault_is_a_500_with_an_id_and_no_trace(tmp_path, newsroom):
    index = AwayIndex(tmp_path)
    index.error = RuntimeError("secret detail")
    client = create_app(newsroom.settings, index, newsroom.ledger).test_client()
    answer = client.get("/v1/search?q=ferry")
    assert answer.status_code == 500
    assert answer.json["id"]
    assert "secret" not in answer.text


def test_the_api_describes_itself(client):
    described = json.loads(client.get("/openapi.json").data)
    assert {"/v1/search", "/v1/articles/{article_id}", "/v1/articles/{article_id}/trace"} <= set(
        described["paths"]
    )
