"""Words of many scripts, and what two sequences have in common: right, near the best, and in bounded time."""

from __future__ import annotations

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.search.matching import MOST_EDITS, Effort, match
from services.search.words import is_word, split_words


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Rates rose by 1,250.50 on Monday.", ["Rates", "rose", "by", "1,250.50", "on", "Monday", "."]),
        ("It’s a state-of-the-art plant", ["It’s", "a", "state-of-the-art", "plant"]),
        ("“No,” he said.", ["“", "No", ",", "”", "he", "said", "."]),
        ("東京で地震", ["東", "京", "で", "地", "震"]),
        ("韓国 서울에서", ["韓", "国", "서울에서"]),  # Korean writes spaces
        ("ลังมา", ["ลั", "ง", "ม", "า"]),  # Thai writes none
        ("हिन्दी में", ["हिन्दी", "में"]),  # vowel signs are no letters to `re`
        ("e\u0301te\u0301", ["e\u0301te\u0301"]),
        ("العَرَبِيَّة", ["العَرَبِيَّة"]),
        ("", []),
        ("\n \t", []),
    ],
)
def test_a_text_is_cut_into_the_words_of_its_script(text, tokens):
    found = split_words(text)
    assert "".join(found) == text
    if tokens is not None:
        assert [token for token in found if not token.isspace()] == tokens


@given(st.text())
def test_no_character_is_lost_or_moved(text):
    assert "".join(split_words(text)) == text


def test_signs_and_spaces_are_no_words():
    assert [is_word(token) for token in ("a", "1", "हिन्दी", "東", ".", "—", "  ", "\n")] == [
        True, True, True, True, False, False, False, False,
    ]  # fmt: skip


def check(old, new, blocks):
    """Blocks are equal on both sides, in order, and touch no two at once."""
    at = place = -1
    for block in blocks:
        assert block.size > 0
        assert (block.old, block.new) != (at, place)
        assert block.old >= at
        assert block.new >= place
        at, place = block.old + block.size, block.new + block.size
        assert list(old[block.old : at]) == list(new[block.new : place])
    assert at <= len(old)
    assert place <= len(new)


def longest(old, new):
    """The length of the longest common subsequence, by the plain table."""
    row = [0] * (len(new) + 1)
    for one in old:
        corner = 0
        for place, other in enumerate(new, 1):
            above = row[place]
            row[place] = corner + 1 if one == other else max(above, row[place - 1])
            corner = above
    return row[-1]


@given(st.lists(st.sampled_from("abc"), max_size=25), st.lists(st.sampled_from("abc"), max_size=25))
def test_blocks_are_common_and_in_order(old, new):
    check(old, new, match(old, new, Effort()))


@given(st.lists(st.sampled_from("ab"), max_size=16), st.lists(st.sampled_from("ab"), max_size=16))
def test_where_nothing_stands_once_the_edit_is_the_shortest(old, new):
    doubled, other = old * 2, new * 2  # so that no token is unique
    if set(old) == set(new) and all(doubled.count(token) > 1 for token in set(doubled)):
        blocks = match(doubled, other, Effort())
        check(doubled, other, blocks)
        if len(doubled) < 8:  # runs of three that stand once may lead elsewhere in longer ones
            assert sum(block.size for block in blocks) >= longest(doubled, other) - 1


def test_a_few_changes_in_a_long_sequence_are_all_that_is_left():
    pick = random.Random(1)
    old = [f"w{int(pick.paretovariate(0.7))}" for _ in range(20_000)]
    new = list(old)
    for place in pick.sample(range(len(new)), 200):
        new[place] = "changed"
    effort = Effort()
    blocks = match(old, new, effort)
    check(old, new, blocks)
    assert sum(block.size for block in blocks) == 20_000 - 200
    assert not effort.spent


def test_more_edits_than_are_looked_for_are_told_as_such():
    old, new = ["a", "b"] * MOST_EDITS, ["b", "a", "c", "c"] * MOST_EDITS
    effort = Effort()
    check(old, new, match(old, new, effort))
    assert effort.spent


def test_what_is_beyond_the_effort_counts_as_unlike_but_for_its_ends():
    old = ["first", *(f"w{number}" for number in range(1_000)), "last"]
    new = ["first", *(f"w{number ^ 1}" for number in range(1_000)), "last"]
    effort = Effort(100)
    assert match(old, new, effort) == [(0, 0, 1), (1_001, 1_001, 1)]
    assert effort.spent
    assert len(match(old, new, Effort())) > 400


@pytest.mark.parametrize("letters", ["ab", "abcdefghijklm"])
def test_long_unlike_sequences_take_bounded_time(letters):
    pick = random.Random(2)
    old, new = ([pick.choice(letters) for _ in range(300_000)] for _ in range(2))
    effort = Effort()
    start = time.process_time()
    check(old, new, match(old, new, effort))
    assert time.process_time() - start < 10
    assert effort.spent
