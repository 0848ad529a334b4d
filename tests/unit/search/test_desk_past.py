"""The desk's pages of the past: versions, differences, stories, and why a copy is one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from services.search.app import create_app
from shared.ledger.open import open_ledger
from shared.settings import Settings
from tests.unit.search.test_desk import css, page, text

HOSTILE = "<script>alert('x')</script>"
LAST = f"The old ferry to the islands {HOSTILE} left it."
LONG = "\n".join(f"Paragraph {number} says the same as ever." for number in range(12))


@pytest.fixture
def harbour(empty_newsroom):
    """An article of three versions with a copy, hostile here and there; its id."""
    for body in (LONG, f"{LONG}\nThe old ferry to the islands <b>left</b> it.", f"{LONG}\n{LAST}"):
        lead = empty_newsroom.publish(f"Harbour {HOSTILE}", body, url="javascript:alert(1)")
    for source in ("coast.example", f"{HOSTILE.lower()}.example"):
        empty_newsroom.publish(f"Harbour {HOSTILE}", f"{LONG}\n{LAST}", source=source, copy_of=lead)
    return lead


@pytest.fixture
def client(empty_newsroom, harbour):
    return empty_newsroom.client()


def paths(lead):
    return (
        f"/articles/{lead}", f"/articles/{lead}/versions", f"/articles/{lead}/diff",
        f"/articles/{lead}/diff?from=1&to=3", f"/stories/{lead}", "/?duplicates=keep", "/?stories=fold",
    )  # fmt: skip


def test_an_article_page_lists_its_versions_and_what_changed(client, harbour):
    shown = page(client, f"/articles/{harbour}")
    items = css(shown, ".versions li")
    assert [text(item).split(" 2", 1)[0] for item in items][:1] == ["Version 3 now"]
    links = [link.get("href") for link in css(shown, ".versions a")]
    assert links == [f"/articles/{harbour}/diff?from={n}&to={n + 1}" for n in (2, 1)]
    assert css(shown, f"a[href=/stories/{harbour}]")
    for link in links:
        page(client, link)


def test_an_article_of_one_version_has_no_list_of_them(empty_newsroom):
    article_id = empty_newsroom.publish("Single", "One body.")
    assert not css(page(empty_newsroom.client(), f"/articles/{article_id}"), ".versions")


def test_of_many_versions_the_page_of_versions_has_all(empty_newsroom):
    for number in range(7):
        article_id = empty_newsroom.publish("Live blog", f"Entry {number}.")
    client = empty_newsroom.client()
    shown = page(client, f"/articles/{article_id}")
    assert len(css(shown, ".versions li")) == 5
    (link,) = css(shown, f"a[href=/articles/{article_id}/versions]")
    assert text(link) == "All 7 versions"
    assert len(css(page(client, link.get("href")), ".versions li")) == 7


def test_a_difference_marks_what_came_and_went(client, harbour):
    shown = page(client, f"/articles/{harbour}/diff")
    assert [text(node) for node in css(shown, ".body ins")] == ["script>alert('x')</script> left"]
    assert [text(node) for node in css(shown, ".body del")] == ["b>left</b>"]
    assert text(css(shown, "details summary")[0]) == "10 paragraphs as before"
    assert len(css(shown, ".body p")) == 13
    assert "Version 2" in text(css(shown, ".record")[0])


def test_a_difference_beside_the_text_is_told(empty_newsroom):
    for authors in (("Ada",), ("Ada", HOSTILE)):
        day = datetime(2026, 11, 20 + len(authors), tzinfo=UTC)
        article_id = empty_newsroom.publish("Byline", f"By {authors}", authors=authors, modified_at=day)
    told = text(css(page(empty_newsroom.client(), f"/articles/{article_id}/diff"), ".record")[-1])
    assert told == f"authorsAda Ada, {HOSTILE} modified at21 Nov 2026, 00:00 UTC 22 Nov 2026, 00:00 UTC"


def test_a_story_page_is_a_timeline(client, harbour):
    shown = page(client, f"/stories/{harbour}")
    assert text(css(shown, "h1")[0]) == f"Harbour {HOSTILE}"
    assert "3 articles 3 sources" in text(css(shown, ".meta")[0])
    items = [text(item) for item in css(shown, ".timeline li")]
    assert len(items) == 5
    assert sum("what changed" in item for item in items) == 2
    assert sum("duplicate" in item for item in items) == 2
    assert sum(" lead " in item for item in items) == 1
    assert css(shown, f".timeline a[href=/articles/{harbour}/diff?to=2]")


def test_a_copy_says_why_it_is_one_and_a_lead_where_else_it_ran(client, harbour):
    hits = page(client, "/?duplicates=keep")
    reasons = [text(node) for node in css(hits, ".why")]
    assert reasons == ["Duplicate of another article: both say the same, word for word"] * 2
    (told,) = [text(node) for node in css(page(client, f"/articles/{harbour}"), ".copies .label")]
    assert told == "Also in 2 outlets:"


def test_folded_stories_are_one_hit_each_and_lead_to_the_rest(client, harbour, empty_newsroom):
    empty_newsroom.publish("Something else", "Nothing to do with any harbour.")
    shown = page(client, "/?stories=fold&sort=newest")
    assert len(css(shown, ".hit")) == 2
    both = text(css(page(client, "/?stories=fold&duplicates=keep&from=2020-01-01"), "h1")[0])
    assert both.startswith("2 stories 1–2 of 2, 4 articles in all")
    (link,) = css(shown, ".hit a[href=/stories/" + harbour + "]")
    assert "3 articles match" in text(link.getparent())
    unfolded = link.getparent()[1].get("href")
    assert len(css(page(client, unfolded), ".hit")) == 3
    assert dict(shown.forms[0].form_values())["stories"] == "fold"


@pytest.mark.parametrize("which", range(7))
def test_hostile_text_stays_text_on_every_page_of_the_past(client, harbour, which):
    path = paths(harbour)[which]
    answer = client.get(path)
    shown = page(client, path)
    assert b"<script" not in answer.data
    assert "alert('x')" in text(shown)
    assert not css(shown, "script, img, b, [onerror], [style]")
    for link in css(shown, "[href], [action]"):
        assert (link.get("href") or link.get("action")).startswith(("/", "#", "https://"))
    policy = answer.headers.getlist("Content-Security-Policy")
    assert len(policy) == 1
    assert "unsafe" not in policy[0]
    ids = [node.get("id") for node in css(shown, "[id]")]
    assert len(ids) == len(set(ids))
    assert len(css(shown, "h1")) == 1


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/stories/" + "0" * 32, 404, "No such story"),
        ("/stories/nonsense", 404, "No such story"),
        ("/articles/{lead}/diff?from=9", 404, "No such version"),
        ("/articles/{lead}/diff?from=x", 400, "This address cannot be read from: must be the number of a"),
        ("/articles/{lead}/diff?format=json", 400, "This address cannot be read format"),
        ("/articles/nonsense/versions", 404, "No such article"),
        ("/articles/" + "0" * 32 + "/diff", 404, "has the id"),
    ],
)
def test_errors_speak_to_people(client, harbour, path, status, words):
    assert words in text(page(client, path.format(lead=harbour), status))


def test_without_a_ledger_an_article_is_shown_and_its_past_is_away(tmp_path, empty_newsroom, harbour):
    ledger = open_ledger(Settings(data_dir=tmp_path / "elsewhere"))
    client = create_app(empty_newsroom.settings, empty_newsroom.index, ledger).test_client()
    assert not css(page(client, f"/articles/{harbour}"), ".versions")
    for path in paths(harbour)[1:5]:
        assert "does not answer" in text(page(client, path, 503))
    ledger.close()


def test_a_held_article_shows_nothing_of_its_past(empty_newsroom):
    article_id = empty_newsroom.publish("Merger", "A secret merger.")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    empty_newsroom.publish("Merger", "Still a secret merger.", embargo_until=tomorrow)
    client = empty_newsroom.client()
    for path in paths(article_id)[:5]:
        assert "secret" not in text(page(client, path, 404))
