"""What the ledger keeps of the past: each revision with its text, until the article is erased."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from shared.article import Verdict
from shared.clock import from_ms
from shared.ledger import revisions as kept
from shared.ledger.engine import Database
from shared.ledger.keeping import PruneRule, ReplaySpec
from shared.ledger.port import Outcome
from shared.ledger.schema import revisions
from tests.contract.ledger_cases import (
    NOW,
    clean,
    cleaned,
    dedupe,
    index,
    make_raw,
    run_all,
    tag,
    tagged,
    title_of,
)
from tests.contract.ledger_cases import (
    _deduped as deduped,
)


def push(ledger, text, now=NOW, **fields):
    """Take one text of item 1 through all stages at a time of its own."""
    raw = make_raw(1, body=text, title=f"On {text}", **fields)
    ledger.accept([raw], now)
    for stage in (clean, dedupe, tag):
        stage(ledger, now=now)
    index_all(ledger, now)
    return raw.id


def index_all(ledger, now=NOW, lane="live"):
    """Index what waits, one submission of an article at a time."""
    while held := ledger.claim("index", lane, 10, "w", now):
        outcomes = [Outcome(work.sequence, "indexed", change=work.article.change) for work in held.works]
        ledger.commit(held, outcomes, None, "w", now)


def texts(ledger, article_id):
    """The kept texts by number, as the list of versions names them."""
    numbers = [facts.revision for facts in ledger.versions(article_id)]
    return {number: ledger.revision(article_id, number).body for number in numbers}


def count_rows(settings):
    database = Database(settings.ledger_url)
    with database.read() as connection:
        found = connection.scalar(sa.select(sa.func.count()).select_from(revisions))
    database.close()
    return found


def test_each_revision_is_kept_with_its_text_and_its_time(ledger):
    for number, text in enumerate(("one", "two", "three")):
        article_id = push(ledger, text, NOW + number * 1_000, version=number + 7)
    assert texts(ledger, article_id) == {1: "one", 2: "two", 3: "three"}
    facts = ledger.versions(article_id)
    assert [one.made_at for one in facts] == [from_ms(NOW), from_ms(NOW + 1_000), from_ms(NOW + 2_000)]
    assert [one.is_current for one in facts] == [False, False, True]
    assert [one.title for one in facts] == ["On one", "On two", "On three"]
    assert [one.version for one in facts] == [7, 8, 9]
    assert ledger.revision(article_id, 2).revision == 2
    assert ledger.revision(article_id, 4) is None
    assert ledger.revision(article_id, 0) is None


def test_twenty_bodies_for_one_item_at_once_are_twenty_versions(ledger):
    bodies = [f"body {number}" for number in range(20)]
    with ThreadPoolExecutor(20) as clients:
        list(clients.map(lambda body: ledger.accept([make_raw(1, body=body)], NOW), bodies))
    while held := ledger.claim("clean", "live", 100, "w", NOW):
        ledger.commit(held, [cleaned(work) for work in held.works], "dedupe", "w", NOW)
    for _ in bodies:  # one by one, in the order of acceptance
        dedupe(ledger)
    while held := ledger.claim("tag", "live", 100, "w", NOW):
        ledger.commit(held, [tagged(work) for work in held.works], "index", "w", NOW)
    index_all(ledger)
    found = texts(ledger, make_raw(1).id)
    assert list(found) == list(range(1, 21))
    assert sorted(found.values()) == sorted(bodies)


def test_what_is_run_again_makes_no_revision(settings, ledger):
    article_id = push(ledger, "one")
    push(ledger, "two")
    assert ledger.replay(ReplaySpec("clean"), 0, 100, NOW).changed == 1
    for stage, following in (("clean", "dedupe"), ("dedupe", "tag"), ("tag", "index"), ("index", None)):
        held = ledger.claim(stage, "replay", 100, "w", NOW)
        ledger.commit(held, [AGAIN[stage](work) for work in held.works], following, "w", NOW)
    assert texts(ledger, article_id) == {1: "one", 2: "two"}
    assert count_rows(settings) == 1


AGAIN = {
    "clean": cleaned,
    "dedupe": lambda work: deduped(work, Verdict("new")),
    "tag": tagged,
    "index": lambda work: Outcome(work.sequence, "indexed", change=work.article.change),
}


def test_a_revision_on_its_way_is_none_yet(ledger):
    article_id = push(ledger, "one")
    ledger.accept([make_raw(1, body="two")], NOW)
    clean(ledger)
    dedupe(ledger)
    assert texts(ledger, article_id) == {1: "one"}
    assert ledger.versions(article_id)[0].is_current
    assert ledger.revision(article_id, 2) is None
    tag(ledger)
    index(ledger)
    assert texts(ledger, article_id) == {1: "one", 2: "two"}


def test_a_number_that_was_taken_back_is_told_as_it_was_given_last(ledger):
    article_id = push(ledger, "one")
    for text in ("lost", "lost too"):  # the second is compared while the first is still to be tagged
        ledger.accept([make_raw(1, body=text)], NOW)
        clean(ledger)
        dedupe(ledger)
    while held := ledger.claim("tag", "live", 1, "w", NOW):
        outcomes = [Outcome(work.sequence, "quarantined", "bad") for work in held.works]
        ledger.commit(held, outcomes, "index", "w", NOW)
    assert texts(ledger, article_id) == {1: "one"}
    push(ledger, "two")
    assert texts(ledger, article_id) == {1: "one", 2: "two"}
    push(ledger, "three")
    assert texts(ledger, article_id) == {1: "one", 2: "two", 3: "three"}


def test_a_purge_erases_every_revision(settings, ledger):
    article_id, other = push(ledger, "one"), run_all(ledger, make_raw(2, body="a"))[0].id
    push(ledger, "two")
    run_all(ledger, make_raw(2, body="b"))
    ledger.withdraw(article_id, NOW, purge=True)
    assert ledger.versions(article_id) == []
    assert ledger.revision(article_id, 1) is None
    assert count_rows(settings) == 1
    assert texts(ledger, other) == {1: "a", 2: "b"}


def test_a_withdrawn_article_keeps_its_past_in_the_ledger(ledger):
    article_id = push(ledger, "one")
    push(ledger, "two")
    ledger.withdraw(article_id, NOW)
    assert texts(ledger, article_id) == {1: "one", 2: "two"}


def test_what_was_pruned_does_not_come_back_as_a_version(ledger):
    article_id = push(ledger, "one")
    ledger.prune(PruneRule("articles", NOW + 1), 0, 10, NOW + 1)
    index_all(ledger, NOW + 1, "replay")
    push(ledger, "two", NOW + 2)
    assert list(texts(ledger, article_id).values()) == ["two"]


def test_the_past_of_several_articles_is_one_list(ledger):
    first = push(ledger, "one", NOW)
    push(ledger, "two", NOW + 2_000)
    ledger.accept([make_raw(2, body="else")], NOW + 1_000)
    for stage in (clean, dedupe, tag, index):
        stage(ledger, now=NOW + 1_000)
    second = make_raw(2).id
    told = [(one, facts.title, facts.is_current) for one, facts in ledger.past([first, second], 10)]
    assert told == [(first, "On one", False), (second, title_of(2), True), (first, "On two", True)]
    assert [facts.revision for _, facts in ledger.past([first], 0)] == [2]
    assert ledger.past([], 10) == []


def test_of_very_many_versions_the_newest_are_told(settings, ledger, monkeypatch):
    article_id = push(ledger, "one")
    for text in ("two", "three", "four"):
        push(ledger, text)
    monkeypatch.setattr(kept, "MOST_VERSIONS", 2)
    assert [facts.revision for facts in ledger.versions(article_id)] == [3, 4]


@pytest.mark.parametrize("article_id", ["f" * 32, "no id at all", "\0"])
def test_an_unknown_article_has_no_versions(ledger, article_id):
    assert ledger.versions(article_id) == []
    assert ledger.revision(article_id, 1) is None
