"""Briefs above one and the same notice are no story, however much of them the notice is."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import pytest

from shared.stories.features import make_story_sketch, pack_story, unpack_story
from shared.stories.likeness import Agreement, agreement

NOTICE = (
    "All prices are indicative and delayed by fifteen minutes; this service is no offer to buy or to sell "
    "any security, and its publisher takes no liability for decisions that are made on its strength by "
    "readers anywhere in the world."
)
BRIEFS = tuple(
    line.split(": ")
    for line in """
Wheat up: Wheat rose two crowns a ton at the exchange of Calder as rain kept the fields of the plain closed.
Copper down: Copper fell in thin trade while the smelter of Marrow lit its furnace again after a repair.
Wool steady: Wool was steady at the spring auction and the buyers of the mills took nearly all the bales.
Coal idle: No coal was sold since the barges of the canal were laid up by ice that nobody had foreseen.
A heron nests: A heron has nested on the gasworks of Lumley, and the foreman has stopped the crane.
""".strip().splitlines()
)


def between(one: Sequence[str], other: Sequence[str]) -> Agreement:
    """What a new article has in common with one that is kept."""
    kept = unpack_story(pack_story(make_story_sketch(other[0], other[1], "en")))
    return agreement(make_story_sketch(one[0], one[1], "en"), kept)


@pytest.mark.parametrize("apart", ["\n", " "])
def test_a_notice_that_two_briefs_share_links_nobody(apart: str) -> None:
    texts = [(title, body + apart + NOTICE) for title, body in BRIEFS]
    for one, other in combinations(texts, 2):
        assert not between(one, other).links(0), (one[0], other[0])


def test_briefs_of_one_event_are_linked_above_the_same_notice() -> None:
    one = ("Ferry Aurora aground off Tolland", "The ferry Aurora ran aground off Tolland in fog on Monday.")
    other = (
        "Aurora stuck at Tolland",
        "Tugs from Tolland could not free the ferry Aurora, its captain said.",
    )
    assert between((one[0], f"{one[1]}\n{NOTICE}"), (other[0], f"{other[1]}\n{NOTICE}")).links(0)


def test_a_live_blog_that_begins_with_words_of_its_own_is_linked_by_names_in_either_order() -> None:
    body = "The ferry Aurora ran aground off Tolland, said Ada Brook of Dunmere. Tugs from Calder are near."
    begins = "Readers telephone the newsroom with photographs and questions."
    blog = ("Live updates: what we know so far", f"{begins}\n{body}")
    news = ("Ferry Aurora aground off Tolland", body)
    assert between(blog, news).links(0)
    assert between(news, blog).links(0)


def test_of_a_sketch_that_was_kept_nobody_asks_what_it_begins_with() -> None:
    made = make_story_sketch(BRIEFS[0][0], BRIEFS[0][1])
    assert made.top
    assert unpack_story(pack_story(made)).top == frozenset()
    assert unpack_story(pack_story(made)) == made
