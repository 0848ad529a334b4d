"""Versions, differences and stories over HTTP: what is told, of whom, and what is kept back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from lxml import html

from services.search import past
from services.search.app import create_app
from shared.clock import now_ms
from shared.errors import Unavailable
from shared.ledger.engine import Database
from shared.ledger.open import open_ledger
from shared.ledger.schema import story_merges
from shared.settings import Settings

TOMORROW = datetime.now(UTC) + timedelta(days=1)
OLD = "The ferry left at dawn.\nThree people were hurt."
NEW = "The ferry left at dawn.\nFive people were hurt.\nThe port is closed."


def get(client, path, status=200):
    answer = client.get(path)
    assert answer.status_code == status, answer.text
    return answer.json


def revised(newsroom, *bodies, title="Ferry accident", **facts):
    """An article of which each body is a version; returns its id."""
    for body in bodies:
        article_id = newsroom.publish(title, body, **facts)
    return article_id


def test_versions_are_listed_with_the_newest_last(empty_newsroom):
    article_id = revised(empty_newsroom, OLD, NEW)
    answer = get(empty_newsroom.client(), f"/v1/articles/{article_id}/versions")
    assert set(answer) == {"id", "versions"}
    assert [(one["revision"], one["is_current"]) for one in answer["versions"]] == [(1, False), (2, True)]
    assert set(answer["versions"][0]) == {
        "revision", "made_at", "is_current", "title", "word_count", "version", "published_at", "modified_at",
    }  # fmt: skip
    assert answer["versions"][0]["word_count"] == len(OLD.split())
    assert answer["versions"][0]["made_at"] <= answer["versions"][1]["made_at"]


def test_an_old_version_can_be_read_whole(empty_newsroom):
    article_id = revised(empty_newsroom, OLD, NEW)
    client = empty_newsroom.client()
    assert get(client, f"/v1/articles/{article_id}/versions/1")["body"] == OLD
    present = get(client, f"/v1/articles/{article_id}/versions/2")
    assert (present["id"], present["revision"], present["body"]) == (article_id, 2, NEW)
    for number in ("0", "3", "x", "-1", "1.0", "9" * 30):
        get(client, f"/v1/articles/{article_id}/versions/{number}", 404)


def test_a_difference_is_between_the_last_two_by_default(empty_newsroom):
    article_id = revised(empty_newsroom, "Nothing is known yet.", OLD, NEW)
    answer = get(empty_newsroom.client(), f"/v1/articles/{article_id}/diff")
    assert list(answer) == [
        "id", "from", "to", "title", "summary", "body", "fields", "words", "complete",
    ]  # fmt: skip
    assert (answer["from"]["revision"], answer["to"]["revision"]) == (2, 3)
    assert answer["title"] == [{"op": "equal", "text": "Ferry accident"}]
    assert answer["body"] == [
        {"op": "equal", "runs": [{"op": "equal", "text": "The ferry left at dawn."}]},
        {
            "op": "change",
            "runs": [
                {"op": "delete", "text": "Three"},
                {"op": "insert", "text": "Five"},
                {"op": "equal", "text": " people were hurt."},
            ],
        },
        {"op": "insert", "runs": [{"op": "insert", "text": "The port is closed."}]},
    ]
    assert answer["words"] == {"inserted": 5, "deleted": 1}
    assert answer["complete"] is True


def test_a_difference_goes_between_any_two_and_either_way(empty_newsroom):
    article_id = revised(empty_newsroom, OLD, NEW, OLD + "\nMore.")
    client = empty_newsroom.client()
    there = get(client, f"/v1/articles/{article_id}/diff?from=1&to=3")
    assert there["words"] == {"inserted": 1, "deleted": 0}
    back = get(client, f"/v1/articles/{article_id}/diff?from=3&to=1")
    assert back["words"] == {"inserted": 0, "deleted": 1}
    same = get(client, f"/v1/articles/{article_id}/diff?from=2&to=2")
    assert {paragraph["op"] for paragraph in same["body"]} == {"equal"}
    assert get(client, f"/v1/articles/{article_id}/diff?to=2")["from"]["revision"] == 1


def test_a_difference_as_html_is_a_safe_fragment(empty_newsroom):
    article_id = revised(
        empty_newsroom, "A <b>word</b> & more.", "A <b>word</b> & more <script>alert(1)</script>.",
        title="<i>T</i>",
    )  # fmt: skip
    answer = empty_newsroom.client().get(f"/v1/articles/{article_id}/diff?format=html")
    assert answer.content_type == "text/html; charset=utf-8"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    shown = html.fromstring(answer.data)
    assert shown.tag == "article"
    assert {node.tag for node in shown.iter()} <= {"article", "h1", "p", "ins", "del"}
    assert "A <b>word</b> & more <script>alert(1)</script>." in "".join(shown.itertext())
    assert shown.findtext("h1") == "<i>T</i>"


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("from=0", "from"), ("from=x", "from"), ("to=-1", "to"), ("to=1.5", "to"), ("to=", "to"),
        ("from=1&from=2", "from"), ("format=xml", "format"), ("form=1", "form"), ("to=%00", "to"),
        ("to=99999999999999999999", "to"), ("from=%D9%A1", "from"),
    ],
)  # fmt: skip
def test_a_bad_parameter_of_a_difference_is_named(empty_newsroom, query, field):
    article_id = revised(empty_newsroom, OLD, NEW)
    answer = get(empty_newsroom.client(), f"/v1/articles/{article_id}/diff?{query}", 400)
    assert answer["errors"][0]["field"] == field


def test_an_unknown_version_or_a_single_one_is_not_found(empty_newsroom):
    article_id = revised(empty_newsroom, OLD, NEW)
    client = empty_newsroom.client()
    assert "no version 7" in get(client, f"/v1/articles/{article_id}/diff?from=1&to=7", 404)["detail"]
    assert "no version 7" in get(client, f"/v1/articles/{article_id}/diff?from=7", 404)["detail"]
    single = revised(empty_newsroom, OLD, title="Another")
    assert "no version before 1" in get(client, f"/v1/articles/{single}/diff", 404)["detail"]
    assert "no version before 1" in get(client, f"/v1/articles/{article_id}/diff?to=1", 404)["detail"]


PATHS = ("versions", "versions/1", "diff")


@pytest.mark.parametrize("path", PATHS)
def test_what_is_no_article_has_no_past(empty_newsroom, path):
    client = empty_newsroom.client()
    get(client, f"/v1/articles/{'0' * 32}/{path}", 404)
    get(client, f"/v1/articles/nonsense/{path}", 404)


@pytest.mark.parametrize("path", PATHS)
def test_the_past_of_a_withdrawn_article_is_gone(empty_newsroom, path):
    article_id = revised(empty_newsroom, OLD, NEW)
    empty_newsroom.ledger.withdraw(article_id, now_ms())
    empty_newsroom.write_index()
    get(empty_newsroom.client(), f"/v1/articles/{article_id}/{path}", 410)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "held", [{"embargo_until": TOMORROW}, {"pub_status": "withheld"}], ids=["embargo", "withheld"]
)
def test_the_past_of_an_article_that_is_held_is_not_told(empty_newsroom, path, held):
    article_id = revised(empty_newsroom, OLD)
    revised(empty_newsroom, NEW, **held)
    get(empty_newsroom.client(), f"/v1/articles/{article_id}/{path}", 404)


def test_a_draft_that_was_withheld_stays_so_when_its_successor_is_public(empty_newsroom):
    article_id = revised(empty_newsroom, "The secret draft.", pub_status="withheld")
    revised(empty_newsroom, OLD)
    revised(empty_newsroom, NEW)
    client = empty_newsroom.client()
    numbers = [one["revision"] for one in get(client, f"/v1/articles/{article_id}/versions")["versions"]]
    assert numbers == [2, 3]
    get(client, f"/v1/articles/{article_id}/versions/1", 404)
    get(client, f"/v1/articles/{article_id}/diff?from=1", 404)
    get(client, f"/v1/articles/{article_id}/diff?to=2", 404)
    assert "secret" not in client.get(f"/articles/{article_id}/versions").text


def test_without_a_ledger_the_past_is_a_503(tmp_path, newsroom):
    ledger = open_ledger(Settings(data_dir=tmp_path / "elsewhere"))
    client = create_app(newsroom.settings, newsroom.index, ledger).test_client()
    article_id = get(client, "/v1/search?q=ferry")["hits"][0]["id"]
    for path in PATHS:
        assert "migrate" in get(client, f"/v1/articles/{article_id}/{path}", 503)["detail"]
    get(client, f"/v1/stories/{article_id}", 503)
    with pytest.raises(Unavailable):
        ledger.versions(article_id)
    ledger.close()


def story_of(newsroom):
    """A story of three articles, the lead of which has two versions and a copy."""
    lead = revised(newsroom, OLD, NEW, published_at=datetime(2026, 11, 20, 8, 0, tzinfo=UTC))
    newsroom.publish(
        "Ferry accident", NEW, source="coast.example", copy_of=lead,
        published_at=datetime(2026, 11, 20, 9, 0, tzinfo=UTC),
    )  # fmt: skip
    return lead


def test_a_story_tells_its_lead_its_sources_and_how_it_went(empty_newsroom):
    lead = story_of(empty_newsroom)
    answer = get(empty_newsroom.client(), f"/v1/stories/{lead}")
    assert list(answer) == ["id", "lead", "sources", "articles", "members", "timeline", "merged"]
    assert (answer["id"], answer["lead"], answer["articles"], answer["merged"]) == (lead, lead, 2, [])
    assert answer["sources"] == ["harbour.example", "coast.example"]
    assert [member["revision"] for member in answer["members"]] == [2, 1]
    told = [(one["kind"], one["source"], one["revision"], one["verdict"]) for one in answer["timeline"]]
    assert told == [
        ("published", "harbour.example", 1, None),
        ("published", "coast.example", 1, "duplicate"),
        ("updated", "harbour.example", 2, "new"),
    ]
    assert answer["timeline"][0]["at"] == "2026-11-20T08:00:00Z"
    assert answer["timeline"][1]["duplicate_of"] == lead
    made = get(empty_newsroom.client(), f"/v1/articles/{lead}/versions")["versions"][1]["made_at"]
    assert answer["timeline"][2]["at"] == made


def test_a_story_of_which_nothing_may_be_read_is_not_found(empty_newsroom):
    client = empty_newsroom.client()
    for story_id in ("0" * 32, "nonsense", "%00", "A" * 32):
        get(client, f"/v1/stories/{story_id}", 404)
    held = empty_newsroom.publish("Secret", "A secret body.", embargo_until=TOMORROW)
    get(client, f"/v1/stories/{held}", 404)
    lead = story_of(empty_newsroom)
    assert get(client, f"/v1/stories/{lead}?size=1", 400)["errors"][0]["field"] == "size"
    empty_newsroom.ledger.withdraw(lead, now_ms(), purge=True)
    empty_newsroom.write_index()
    rest = get(client, f"/v1/stories/{lead}")
    assert ([one["source"] for one in rest["timeline"]], rest["sources"]) == (["coast.example"],) * 2


def test_a_storys_timeline_leaves_out_what_was_withheld(empty_newsroom):
    article_id = revised(empty_newsroom, "The secret draft.", pub_status="withheld")
    revised(empty_newsroom, OLD)
    revised(empty_newsroom, NEW)
    client = empty_newsroom.client()
    told = [(one["revision"], one["kind"]) for one in get(client, f"/v1/stories/{article_id}")["timeline"]]
    assert told == [(2, "published"), (3, "updated")]  # readers saw the second first


def test_a_storys_page_links_a_comparison_only_where_an_earlier_version_is_shown(empty_newsroom):
    article_id = revised(empty_newsroom, "The secret draft.", pub_status="withheld")
    revised(empty_newsroom, OLD)
    client = empty_newsroom.client()
    assert b"/diff?" not in client.get(f"/stories/{article_id}").data
    revised(empty_newsroom, NEW)
    page = html.fromstring(client.get(f"/stories/{article_id}").data)
    links = [link for link in page.xpath("//a/@href") if "/diff?" in link]
    assert links == [f"/articles/{article_id}/diff?to=3"]
    assert client.get(links[0]).status_code == 200


def test_where_a_storys_past_is_cut_off_what_is_left_is_not_called_published(empty_newsroom, monkeypatch):
    monkeypatch.setattr(past, "MOST_PAST", 2)
    article_id = revised(empty_newsroom, "Nothing is known yet.", OLD, NEW, OLD + "\nMore.")
    timeline = get(empty_newsroom.client(), f"/v1/stories/{article_id}")["timeline"]
    assert [(one["revision"], one["kind"]) for one in timeline] == [(n, "updated") for n in (2, 3, 4)]


def test_the_id_of_a_merged_story_leads_to_the_one_that_lives(empty_newsroom):
    lead = story_of(empty_newsroom)
    gone = "9" * 32
    database = Database(empty_newsroom.settings.ledger_url)
    with database.write() as connection:
        connection.execute(sa.insert(story_merges).values(story_id=gone, into_id=lead, at=now_ms()))
    database.close()
    client = empty_newsroom.client()
    assert get(client, f"/v1/stories/{gone}")["merged"] == [gone]
    assert get(client, f"/v1/search?story={gone},{lead}&duplicates=keep")["total"]["articles"] == 2
    assert get(client, f"/v1/search?-story={gone}&duplicates=keep")["total"]["articles"] == 0


def test_a_story_is_searched_without_a_ledger(tmp_path, newsroom):
    ledger = open_ledger(Settings(data_dir=tmp_path / "elsewhere"))
    client = create_app(newsroom.settings, newsroom.index, ledger).test_client()
    lead = get(client, "/v1/search?q=ferry")["hits"][0]["id"]
    assert get(client, f"/v1/search?story={lead}&duplicates=keep")["total"]["articles"] == 2
    ledger.close()
