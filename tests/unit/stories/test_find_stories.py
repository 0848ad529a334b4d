"""Finding the articles about one event: who sees whom, and who is written down for those to come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.workers.stages.stories import ENOUGH_SURE, MOST_LINKS, StoryArrival, find_stories
from shared.fingerprints.bands import BandClaim
from shared.fingerprints.bands_memory import MemoryBands
from shared.stories.features import StorySketch, make_story_sketch, pack_story
from shared.stories.keys import STORY_DAYS, STORY_LEAST, STORY_PLACED
from shared.stories.likeness import DAY_MS
from shared.stories.links import StoryLink

NOW = 1_790_000_000_000
QUAKE = (
    "Villages flattened by quake in Malatya",
    "AFAD, the disaster agency, said nine bodies had been found and that the search went on near Puturge.",
)
RESCUE = (
    "Rescuers dig through the night after Malatya earthquake",
    "Rescuers pulled a mother and her baby alive from the ruins of a house in Puturge. AFAD sent tents.",
)
TALKS = (
    "Minister Yilmaz meets mayors in Malatya",
    "In Puturge, after a visit to AFAD, Yilmaz spoke of schools, football and the apricot fair in summer.",
)


@dataclass(frozen=True, slots=True)
class Kept:
    moment: int
    story_sketch: bytes | None


@dataclass
class Room:
    """The bands, and what the ledger would know."""

    bands: MemoryBands = field(
        default_factory=lambda: MemoryBands(
            least=STORY_LEAST,
            window_days=STORY_DAYS,
            placed=STORY_PLACED,
            remembers=False,
            clock=lambda: NOW / 1000,
        )
    )
    kept: dict[str, list[Kept]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def known(self, ids: Sequence[str]) -> Mapping[str, Sequence[Kept]]:
        self.asked += ids
        return {one: self.kept[one] for one in ids if one in self.kept}

    def find(self, *arrivals: StoryArrival) -> list[tuple[StoryLink, ...]]:
        found = find_stories(arrivals, self.bands, self.known)
        for each in arrivals:
            self.kept[each.article_id] = [Kept(each.moment, pack_story(each.sketch))]
        return found

    def linked(self, arrival: StoryArrival) -> list[str]:
        return sorted(link.article_id for link in self.find(arrival)[0])


def arrival(name: str, text: tuple[str, str] = QUAKE, moment: int = NOW) -> StoryArrival:
    return StoryArrival(name, make_story_sketch(*text, "en"), moment)


def test_the_first_article_about_an_event_has_no_links() -> None:
    assert Room().find(arrival("a")) == [()]


def test_a_later_article_is_linked_to_earlier_ones_the_most_alike_first() -> None:
    room = Room()
    room.find(arrival("a"), arrival("b", RESCUE))
    [links] = room.find(arrival("c", RESCUE, NOW + 1))
    assert [link.article_id for link in links] == ["b", "a"]
    assert links[0].score > links[1].score
    assert [link.merges for link in links] == [True, False]


def test_members_of_a_batch_see_each_other_without_the_ledger() -> None:
    room = Room()
    first, second = room.find(arrival("a"), arrival("b", RESCUE))
    assert first == ()
    assert [link.article_id for link in second] == ["a"]
    assert room.asked == []


def test_an_article_is_not_linked_to_itself_and_a_repeated_task_finds_the_same() -> None:
    room = Room()
    assert room.linked(arrival("a")) == room.linked(arrival("a")) == []
    assert room.linked(arrival("b", RESCUE)) == room.linked(arrival("b", RESCUE)) == ["a"]


def test_an_article_that_is_repeated_is_linked_to_those_that_came_meanwhile() -> None:
    room = Room()
    room.find(arrival("a"), arrival("b", RESCUE))
    assert room.linked(arrival("a")) == ["b"]


def test_an_article_about_something_else_is_looked_at_and_not_linked() -> None:
    room = Room()
    room.find(arrival("a", TALKS))
    assert room.linked(arrival("b")) == []
    assert room.asked == ["a"]
    assert room.linked(arrival("c", RESCUE)) == ["b"]  # b was written down all the same


def test_an_event_of_last_week_is_another() -> None:
    room = Room()
    room.find(arrival("a", QUAKE, NOW - STORY_DAYS * DAY_MS - 1))
    assert room.linked(arrival("b")) == []


def test_articles_that_come_out_of_order_are_linked() -> None:
    room = Room()
    room.find(arrival("a", QUAKE, NOW))
    assert room.linked(arrival("b", RESCUE, NOW - DAY_MS)) == ["a"]


def test_of_several_texts_of_a_candidate_the_nearest_counts() -> None:
    room = Room()
    room.find(arrival("a"))
    others = [Kept(NOW, pack_story(make_story_sketch(*text, "en"))) for text in (RESCUE, TALKS)]
    room.kept["a"] = [*room.kept["a"], *others]
    [links] = room.find(arrival("b", RESCUE))
    assert [link.article_id for link in links] == ["a"]
    assert links[0].merges  # by the second one


def test_a_candidate_that_nobody_knows_or_can_read_is_unlike() -> None:
    room = Room()
    room.find(arrival("a"), arrival("b"), arrival("c"))
    room.kept = {"a": [Kept(NOW, None)], "b": [Kept(NOW, b"\x63 of another release")]}
    assert room.linked(arrival("d", RESCUE)) == []


def test_an_article_that_says_too_little_is_neither_linked_nor_written_down() -> None:
    room = Room()
    assert room.linked(arrival("a", ("Live", "More soon."))) == []
    assert room.bands.claim([BandClaim("x", NOW // DAY_MS, (1, 2, 3))]) == [()]
    assert room.linked(StoryArrival("b", StorySketch({}, {}), NOW)) == []


def test_a_great_event_does_not_fill_the_bands() -> None:
    room = Room()
    for number in range(30):
        [links] = room.find(arrival(f"{number:02}", QUAKE, NOW + number))
        assert bool(links) is (number > 0)
        assert len(links) <= MOST_LINKS
        # Those that were written down first are found by all: none is pushed out by those that follow.
        assert {link.article_id for link in links} <= {f"{one:02}" for one in range(ENOUGH_SURE)}


def test_more_candidates_than_are_looked_at_do_not_hold_an_article_up() -> None:
    room = Room()
    for number in range(60):
        room.find(arrival(f"{number:02}", TALKS, NOW + number))
    assert room.linked(arrival("b")) == []
    assert room.linked(arrival("c", RESCUE)) == ["b"]


FIRE = (
    "Fire destroys Dunmere paper mill of Pemberton Paper",
    "The paper mill in Dunmere burned on Tuesday, and Chief Halloran said that Pemberton Paper was warned.",
)
STRIKE = (
    "Kestrel Union calls harbour strike in Tolland",
    "Kestrel Union called a strike in Tolland, and Baltic Lines told Ferrymen that none sails to Ormsay.",
)
BOTH = (
    "Dunmere mill fire and Tolland harbour strike: Pemberton Paper, Kestrel Union",
    f"{FIRE[1]} {STRIKE[1]}",
)


def test_a_batch_is_linked_as_its_members_would_be_one_by_one() -> None:
    later = [arrival("b", BOTH, NOW + 1), arrival("c", STRIKE, NOW + 2)]
    one_by_one, at_once = Room(), Room()
    for room in (one_by_one, at_once):
        room.find(arrival("a", FIRE))
    expected = [one_by_one.find(each)[0] for each in later]
    assert [[link.article_id for link in links] for links in expected] == [["a"], ["b"]]
    assert at_once.find(*later) == expected
