"""Whether two texts are one template, filled in twice: prices, results, weekly figures, town after town.

What a template changes are numbers, dates and names, and it changes them at the top. A copy may have another
headline, and sentences of its own before and between those of the other; then numbers and names differ as
well, but not in slots, where one is written in the place of another.
"""

from __future__ import annotations

from itertools import groupby

from shared.nearness.sketch import LEAD_WORDS, SHINGLE_WORDS, Sketch, shared_in_order

TOP = LEAD_WORDS - 2  # shingles
DIFFERS = 0.12  # of the top, from which on its numbers and names are worth a look
OVERLAP = 0.3  # below it, numbers or names disagree
AGREEING_TITLE = 0.5
SAME_TITLE = 0.7
SAME_TITLE_WORDS = 3
SHORTEST_SLOT = SHINGLE_WORDS  # one word; of two shingles something was put in or left out
SLOT = 8  # shingles; a slot of one to six words changes three to eight, another sentence twenty


def slots_differ(one: Sketch, other: Sketch) -> bool:
    """Whether numbers (and dates) or names disagree in title and lead: it is no plain copy."""
    if _titles_have_own(one, other, one.numbers, other.numbers):
        return True  # 42 dead, 47 dead
    in_place = _both_have_own(one.numbers, other.numbers)
    # A name in the place of another is a misspelling as often as not, unless the titles name others too.
    in_place = in_place or _titles_have_own(one, other, one.names, other.names)
    if in_place and _is_filled_otherwise(one, other):
        return True
    return _tops_differ(one, other) and (_numbers_disagree(one, other) or _names_disagree(one, other))


def short_slots_differ(one: Sketch, other: Sketch) -> bool:
    """The same of short texts, all of which is their lead: any number or name in the place of another."""
    in_place = _both_have_own(one.numbers, other.numbers) or _both_have_own(one.names, other.names)
    return slots_differ(one, other) or (in_place and _is_filled_otherwise(one, other))


def is_other_story(one: Sketch, other: Sketch, *, is_copy: bool) -> bool:
    """Whether numbers and names both disagree, and it is not that one text has another beginning only.

    Little else differs than slots then; of texts that have but half in common, their titles do not agree.
    """
    if not (_tops_differ(one, other) and _numbers_disagree(one, other) and _names_disagree(one, other)):
        return False
    return (not is_copy and not titles_agree(one, other)) or _differ_in_slots(one, other)


def titles_agree(one: Sketch, other: Sketch) -> bool:
    """Whether two titles have most of their words in common."""
    common = len(one.title & other.title)
    return common >= 2 and common >= AGREEING_TITLE * min(len(one.title), len(other.title))


def same_title(one: Sketch, other: Sketch) -> bool:
    """Whether two titles are the same but for a word or two, and say enough for that to mean something."""
    common = len(one.title & other.title)
    return common >= SAME_TITLE_WORDS and common >= SAME_TITLE * max(len(one.title), len(other.title))


def _both_have_own(one: frozenset[int], other: frozenset[int]) -> bool:
    return bool(one - other) and bool(other - one)


def _titles_have_own(one: Sketch, other: Sketch, mine: frozenset[int], theirs: frozenset[int]) -> bool:
    """Whether each title has a mark that the other text has nowhere at its top."""
    return bool(one.title & mine - theirs) and bool(other.title & theirs - mine)


def _tops_differ(one: Sketch, other: Sketch) -> bool:
    tops = (_top(one, other), _top(other, one))
    return all(top.count(False) >= DIFFERS * len(top) for top in tops)


def _top(one: Sketch, other: Sketch) -> list[bool]:
    return shared_in_order(one, other)[: TOP >> max(one.zeros, other.zeros)]


def _is_filled_otherwise(one: Sketch, other: Sketch) -> bool:
    """Whether at the top, between the same neighbours, something short stands in the place of something."""
    return not one.zeros and not other.zeros and bool(_gaps(one, other) & _gaps(other, one))


def _gaps(one: Sketch, other: Sketch) -> set[tuple[int, int]]:
    """The shingles on both sides of each short run at the top that another text has not (0: the start)."""
    found, before, length = set(), 0, 0
    for shingle in one.order[: TOP + SLOT]:
        if shingle not in other.shingles:
            length += 1
            continue
        if SHORTEST_SLOT <= length <= SLOT or (length and not before):
            found.add((before, shingle))
        before, length = shingle, 0
    return found


def _numbers_disagree(one: Sketch, other: Sketch) -> bool:
    return _disagree(one.numbers, other.numbers, least=1)


def _names_disagree(one: Sketch, other: Sketch) -> bool:
    return _disagree(one.names, other.names, least=2)


def _disagree(one: frozenset[int], other: frozenset[int], least: int) -> bool:
    small = min(len(one), len(other))
    return small >= least and len(one & other) < OVERLAP * small


def _differ_in_slots(one: Sketch, other: Sketch) -> bool:
    gaps = [len(list(run)) for is_shared, run in groupby(shared_in_order(one, other)) if not is_shared]
    return bool(gaps) and sum(gaps) <= SLOT * len(gaps)
