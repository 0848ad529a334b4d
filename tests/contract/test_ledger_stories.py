"""Stories in the ledger: who belongs where, in whatever order articles come, and what a story shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import sqlalchemy as sa

from shared.article import Verdict
from shared.clock import from_ms
from shared.codec import pack
from shared.ledger import stories, timeline
from shared.ledger.engine import Database
from shared.ledger.port import Ledger, Outcome, Work
from shared.ledger.schema import articles, sketches, story_merges
from shared.ledger.stories import living_story, read_story_texts, settle_story
from shared.ledger.timeline import read_story
from shared.settings import Settings
from shared.stories.features import make_story_sketch, pack_story
from shared.stories.links import StoryLink, StoryText
from tests.contract.ledger_cases import (
    NOW,
    claim,
    clean,
    hash_of,
    index,
    make_article,
    make_raw,
    tag,
    title_of,
)

DAY = 24 * 3_600_000


def name(number: int) -> str:
    return f"{number:032x}"


def link(number: int, score: float = 0.4, *, merges: bool = False) -> StoryLink:
    return StoryLink(name(number), score, merges)


class Shelf:
    """Rows of articles, settled one after the other as the commit does it."""

    def __init__(self, connection: sa.Connection) -> None:
        self.connection = connection
        self.now = NOW
        self.changed: dict[int, set[str]] = {}

    def add(self, number: int, *links: StoryLink, lead: int | None = None, **values: object) -> str:
        """A new article, a minute after the last; returns the number of its story."""
        self.now += 60_000
        named = None if lead is None else name(lead)
        story, changed = settle_story(self.connection, name(number), links, named, None, self.now)
        self.changed[number] = changed
        raw = make_raw(number, source=replace(make_raw(number).source, id=f"paper-{number % 3}.example"))
        row = {
            "id": name(number), "source_id": raw.source.id, "url": None, "sequence": number, "revision": 1,
            "change": 1, "indexed_change": 1, "content_hash": "c", "text_hash": "t", "duplicate_of": named,
            "verdict": "new" if lead is None else "duplicate", "similarity": 0.0, "story_id": story,
            "sort_key": self.now, "ingested_at": self.now, "moment": self.now, "withdrawn": False, "rank": 0,
            "article": pack(make_article(raw, ingested_at=from_ms(self.now))),
        }  # fmt: skip
        self.connection.execute(sa.insert(articles).values(row | values))
        return story

    def revise(self, number: int, *links: StoryLink, lead: int | None = None) -> str:
        self.now += 60_000
        mine = articles.c.id == name(number)
        found = dict(self.connection.execute(sa.select(articles).where(mine)).mappings().one())
        named = None if lead is None else name(lead)
        story, self.changed[number] = settle_story(
            self.connection, name(number), links, named, found, self.now
        )
        self.connection.execute(sa.update(articles).where(mine).values(story_id=story))
        return story

    def stories(self) -> dict[int, str]:
        rows = self.connection.execute(sa.select(articles.c.id, articles.c.story_id))
        return {int(row.id, 16): row.story_id for row in rows}

    def change_of(self, number: int) -> int:
        query = sa.select(articles.c.change).where(articles.c.id == name(number))
        return int(self.connection.scalar(query) or 0)

    def merged(self) -> dict[str, str]:
        return {row.story_id: row.into_id for row in self.connection.execute(sa.select(story_merges))}


@pytest.fixture
def shelf(ledger: Ledger, settings: Settings) -> Iterator[Shelf]:
    database = Database(settings.ledger_url)
    with database.write() as connection:
        yield Shelf(connection)
    database.close()


def test_an_article_without_links_founds_a_story(shelf: Shelf) -> None:
    assert shelf.add(1) == name(1)
    assert shelf.changed[1] == set()


def test_an_article_joins_the_story_of_its_best_link(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.add(2)
    shelf.add(3, link(2))
    assert shelf.add(4, link(3, 0.5), link(1, 0.4)) == name(2)
    assert shelf.stories() == {1: name(1), 2: name(2), 3: name(2), 4: name(2)}
    assert shelf.merged() == {}  # what it has in common with the other is not beyond doubt


def test_a_copy_is_in_the_story_of_its_lead(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.add(2, link(1))
    assert shelf.add(3, lead=2) == name(1)


def test_a_link_beyond_doubt_to_two_stories_merges_them_and_the_older_id_stays(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.add(2)
    shelf.add(3, link(2))
    assert shelf.add(4, link(3, 0.9, merges=True), link(1, 0.8, merges=True)) == name(1)
    assert set(shelf.stories().values()) == {name(1)}
    assert shelf.changed[4] == {name(2), name(3)}
    assert [shelf.change_of(number) for number in (1, 2, 3)] == [1, 2, 2]  # to be indexed again
    assert shelf.merged() == {name(2): name(1)}
    assert living_story(shelf.connection, name(2)) == name(1)


def test_a_doubtful_best_link_merges_nothing(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.add(2)
    shelf.add(3)
    links = (link(3, 0.9), link(2, 0.8, merges=True), link(1, 0.7, merges=True))
    assert shelf.add(4, *links) == name(3)
    assert shelf.merged() == {}


def test_an_id_that_was_merged_twice_leads_to_the_story_that_lives(shelf: Shelf) -> None:
    for number in (1, 2, 3):
        shelf.add(number)
    shelf.add(4, link(3, 0.9, merges=True), link(2, 0.8, merges=True))
    shelf.add(5, link(4, 0.9, merges=True), link(1, 0.8, merges=True))
    assert set(shelf.stories().values()) == {name(1)}
    assert shelf.merged() == {name(3): name(1), name(2): name(1)}


def test_a_founder_that_comes_after_those_that_found_it_is_in_its_story(shelf: Shelf) -> None:
    assert shelf.add(2, link(1)) == name(1)  # the first is still under way
    assert shelf.add(3, link(1)) == name(1)
    assert shelf.add(1) == name(1)


def test_a_founder_that_belongs_elsewhere_takes_those_along_that_named_it(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.add(3, link(2))  # the second is still under way
    assert shelf.add(2, link(1)) == name(1)
    assert shelf.stories() == {1: name(1), 2: name(1), 3: name(1)}
    assert shelf.changed[2] == {name(3)}


def test_a_founder_that_is_found_to_be_a_copy_takes_those_along_that_named_it(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.add(3, link(2))
    assert shelf.add(2, lead=1) == name(1)
    assert shelf.stories()[3] == name(1)


def test_a_founder_whose_story_was_merged_meanwhile_is_in_what_it_was_merged_into(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.add(3, link(2))  # the second is still under way
    shelf.add(4, link(3, 0.9, merges=True), link(1, 0.8, merges=True))
    assert shelf.add(2) == name(1)


def test_a_revision_stays_in_its_story(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.add(2, link(1))
    shelf.add(3)
    assert shelf.revise(2, link(3, 0.9, merges=True)) == name(1)
    assert shelf.revise(1, link(3, 0.9, merges=True)) == name(1)  # others are in its story
    assert shelf.merged() == {}


def test_an_article_alone_joins_a_story_when_its_revision_leaves_no_doubt(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.add(2)
    assert shelf.revise(2, link(1, 0.4)) == name(2)
    assert shelf.revise(2, link(1, 0.9, merges=True)) == name(1)
    assert shelf.merged() == {name(2): name(1)}  # its old story's address still leads there


def test_a_revision_that_is_a_copy_now_follows_its_lead_and_leaves_the_others(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.add(2)
    shelf.add(3, link(2))
    assert shelf.revise(2, lead=1) == name(1)
    assert shelf.stories()[3] == name(2)


def test_a_story_too_large_to_be_rewritten_stays_apart(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stories, "MOST_MOVED", 2)
    shelf.add(1)
    for number in (2, 3, 4):
        shelf.add(number, *(link(2),) * (number > 2))
    shelf.add(5, link(1, 0.9, merges=True), link(2, 0.8, merges=True))
    assert shelf.stories() == {1: name(1), 2: name(2), 3: name(2), 4: name(2), 5: name(1)}


def test_a_tombstone_moves_with_its_story_and_is_not_written_again(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.add(2)
    shelf.add(3, link(2), withdrawn=True, gone="withdrawn", gone_at=NOW)
    shelf.add(4, link(2, 0.9, merges=True), link(1, 0.8, merges=True))
    assert shelf.changed[4] == {name(2)}
    assert shelf.change_of(3) == 1
    assert shelf.stories()[3] == name(1)


def test_a_story_tells_its_articles_in_order_with_lead_and_sources(shelf: Shelf) -> None:
    shelf.add(1, sort_key=5)
    shelf.add(2, link(1), sort_key=3)
    shelf.add(3, lead=2, sort_key=4)
    told = read_story(shelf.connection, name(1), shelf.now)
    assert told is not None
    assert [member.id for member in told.members] == [name(2), name(3), name(1)]
    assert (told.id, told.lead, told.articles) == (name(1), name(2), 3)
    assert told.sources == ("paper-2.example", "paper-0.example", "paper-1.example")
    assert told.members[1].duplicate_of == name(2)
    assert told.members[0].title == title_of(2)


def test_the_lead_of_a_story_is_of_the_source_that_is_ranked_highest_and_no_copy(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.add(2, link(1), rank=-5)
    shelf.add(3, lead=1, rank=-9)
    told = read_story(shelf.connection, name(1), shelf.now)
    assert told is not None
    assert told.lead == name(2)


@pytest.mark.parametrize(
    "hidden",
    [
        {"withdrawn": True},
        {"held": "withheld"},
        {"held": "embargo", "due_at": NOW + DAY},
        {"held": "expired"},
        {"due_at": NOW},  # it has expired, and nobody has noted it yet
        {"indexed_change": 0},
    ],
)
def test_a_story_leaves_out_what_may_not_be_shown(shelf: Shelf, hidden: dict[str, object]) -> None:
    shelf.add(1)
    shelf.add(2, link(1), **hidden)
    told = read_story(shelf.connection, name(1), NOW)
    assert told is not None
    assert [member.id for member in told.members] == [name(1)]
    assert (told.articles, told.sources) == (1, ("paper-1.example",))


def test_a_story_of_which_nothing_may_be_shown_is_unknown(shelf: Shelf) -> None:
    shelf.add(1, withdrawn=True)
    assert read_story(shelf.connection, name(1), NOW) is None
    assert read_story(shelf.connection, name(9), NOW) is None
    assert read_story(shelf.connection, "no such \0 id", NOW) is None


def test_a_story_is_found_by_the_id_of_one_that_was_merged_into_it(shelf: Shelf) -> None:
    shelf.add(1)
    shelf.add(2)
    shelf.add(3, link(2, 0.9, merges=True), link(1, 0.8, merges=True))
    told = read_story(shelf.connection, name(2), shelf.now)
    assert told is not None
    assert (told.id, told.merged, told.articles) == (name(1), (name(2),), 3)


def test_a_story_of_many_articles_tells_of_the_newest(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "MOST_SHOWN", 2)
    for number in (1, 2, 3):
        shelf.add(number, *(link(1),) * (number > 1))
    told = read_story(shelf.connection, name(1), shelf.now)
    assert told is not None
    assert [member.id for member in told.members] == [name(2), name(3)]
    assert (told.articles, told.lead) == (3, name(1))


def _linked(work: Work, links: dict[str, tuple[StoryLink, ...]]) -> Outcome:
    return Outcome(
        work.sequence, "deduped", article=work.article, content_hash="c" * 32, verdict=Verdict("new"),
        text_hash=hash_of(work.article_id, Verdict("new")), stories=links.get(work.article_id, ()),
        expected_revision=work.current.revision if work.current else 0,
    )  # fmt: skip


def _dedupe(ledger: Ledger, links: dict[str, tuple[StoryLink, ...]]) -> None:
    held = claim(ledger, "dedupe")
    ledger.commit(held, [_linked(work, links) for work in held.works], "tag", "worker-1", NOW)


def test_a_commit_settles_stories_within_a_batch_and_indexes_what_a_merge_moved(ledger: Ledger) -> None:
    ledger.accept([make_raw(1), make_raw(2), make_raw(3)], NOW)
    clean(ledger)
    _dedupe(ledger, {name(3): (link(2),)})
    tag(ledger)
    index(ledger)
    ledger.accept([make_raw(4)], NOW)
    clean(ledger)
    _dedupe(ledger, {name(4): (link(2, 0.9, merges=True), link(1, 0.8, merges=True))})
    assert {one.id: one.story_id for one in index(ledger)} == {name(2): name(1), name(3): name(1)}
    found = ledger.article(name(4))
    assert found is not None
    assert found.story_id == name(1)


def _sketch(shelf: Shelf, number: int, story: bytes | None) -> None:
    values = {"article_id": name(number), "near": b"near", "story": story}
    shelf.connection.execute(sa.insert(sketches).values(values))


def test_candidates_are_compared_by_what_is_kept_of_them(shelf: Shelf) -> None:
    shelf.add(1, moment=NOW - 5)
    _sketch(shelf, 1, b"one")
    shelf.add(2, withdrawn=True)
    _sketch(shelf, 2, b"two")
    shelf.add(3)
    _sketch(shelf, 3, None)  # of an older release
    shelf.add(4)
    ids = [name(number) for number in range(1, 6)]
    assert read_story_texts(shelf.connection, ids) == {name(1): (StoryText(NOW - 5, b"one"),)}
    assert read_story_texts(shelf.connection, []) == {}


def test_candidates_that_are_compared_themselves_just_now_are_known_by_their_drafts(
    ledger: Ledger, settings: Settings
) -> None:
    raw = make_raw(1, body="They met Deborah Quist in Port Ellery.", published_at=from_ms(NOW - DAY))
    ledger.accept([raw], NOW)
    database = Database(settings.ledger_url)
    with database.read() as connection:
        assert read_story_texts(connection, [raw.id]) == {}  # it is not clean yet: nobody can have met it
    clean(ledger)
    article = make_article(raw)
    sketch = pack_story(make_story_sketch(article.title, article.body, article.language))
    with database.read() as connection:
        assert read_story_texts(connection, [raw.id]) == {raw.id: (StoryText(NOW - DAY, sketch),)}
    database.close()


def test_what_links_to_one_stored_after_it_takes_it_along(ledger: Ledger) -> None:
    ledger.accept([make_raw(1)], NOW)
    clean(ledger)
    _dedupe(ledger, {})
    tag(ledger)
    index(ledger)
    ledger.accept([make_raw(2), make_raw(3)], NOW)
    clean(ledger)
    _dedupe(ledger, {name(2): (link(1, 0.9, merges=True), link(3, 0.8, merges=True))})
    assert {stored(ledger, number) for number in (1, 2, 3)} == {name(1)}


def stored(ledger: Ledger, number: int) -> str:
    found = ledger.article(name(number))
    assert found is not None
    return found.story_id
