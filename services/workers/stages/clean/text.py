"""The article in a plain text that may carry a page's furniture: headline, kept lines, and why others went.

Rules about single lines are in ``rules.py``; here it counts where a line stands and what is beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from services.workers.stages.clean.byline import authors_in
from services.workers.stages.clean.headline import find_headline, is_headline, stand_in
from services.workers.stages.clean.line_model import Model, unlikely_lines
from services.workers.stages.clean.lines import Line, read_line, repeated
from services.workers.stages.clean.phrases import phrase
from services.workers.stages.clean.plain import comparable, lines_of
from services.workers.stages.clean.profile import REPEATED, repeated_lines
from services.workers.stages.clean.region import find_region, first_heading, is_speech, signature_end
from services.workers.stages.clean.rules import (
    SIGNED_WORDS,
    cells,
    is_bio,
    is_keywords,
    is_signed_date,
    is_told,
    note_at_edge,
    reason_to_cut,
)
from services.workers.stages.clean.wrap import unwrap
from shared.article import Removed
from shared.profiles.port import EMPTY, SourceProfile

HEADLINE = "headline"  # a mark of its own: what is the title is not listed as removed
UNLIKELY = "unlike-article"  # what the line model says
NOT_BY_RULES = frozenset((UNLIKELY, REPEATED))
MAX_PASSES = 20
CAPTION_COPIES = 3
# Reasons of single words such as "Help", which may be a heading inside the text, or "Thank you.".
SPARED_BETWEEN = frozenset({"control", "comments", "related", "wire-sign-off"})
EDGE = 2  # paragraphs at the top and at the bottom of a page
# No page of news has as many lines; what has is a dump, and is left as it is.
MAX_LINES = 10_000


@dataclass(frozen=True, slots=True)
class Reading:
    """The article as read from a text: its lines, and what was cut or learned on the way.

    ``whole`` is what the lines would be if nothing were known of the source.
    """

    title: str
    lines: tuple[str, ...]
    removed: tuple[Removed, ...]
    whole: tuple[str, ...]


@dataclass(slots=True)
class Marks:
    """Reasons to cut, by line number, while a page is being read."""

    lines: list[Line]
    reasons: dict[int, str] = field(default_factory=dict)

    def cut(self, number: int, reason: str) -> None:
        """Mark a line, unless it already has a reason."""
        self.reasons.setdefault(number, reason)

    def is_kept(self, number: int) -> bool:
        """Whether a line has no reason to go so far."""
        return number not in self.reasons

    def kept(self) -> list[str]:
        """Return the lines that stay."""
        return [line.text for number, line in enumerate(self.lines) if self.is_kept(number)]

    def removed(self) -> list[Removed]:
        """Return the lines that go, with their reasons and the number of lines that stay above them."""
        return list_removed([line.text for line in self.lines], self.reasons)


def list_removed(texts: Sequence[str], reasons: Mapping[int, str]) -> list[Removed]:
    """Return the lines that have a reason, each with the number of lines without one above it.

    The headline is neither: it is the title.
    """
    removed = []
    for before, number in enumerate(sorted(reasons)):
        if reasons[number] != HEADLINE:
            removed.append(Removed(texts[number], reasons[number], number - before))
    return removed


def mark_furniture(texts: Sequence[str]) -> Marks:
    """Mark what is furniture in a text that an extractor has already cut out of its page."""
    marks = Marks([read_line(text) for text in texts])
    _mark_lines(marks)
    _mark_disclaimers(marks)
    _mark_related(marks, 0)
    _mark_bios(marks)
    _mark_edges(marks)
    return marks


def read_text(
    text: str,
    title: str | None,
    site: Sequence[str] = (),
    profile: SourceProfile = EMPTY,
    model: Model | None = None,
) -> Reading:
    """Read an article out of a text.

    ``title`` is the given headline, ``site`` the names its source goes by, ``profile`` what is known of it,
    ``model`` another line model than the shipped one. The rules go first; the model is asked about what they
    leave, and the profile about what the model leaves. Passes are repeated until nothing more is cut, so that
    reading the result again changes nothing.
    """
    texts = lines_of(unwrap(text))
    if len(texts) > MAX_LINES:
        return Reading(title or stand_in([read_line(texts[0])], {}), tuple(texts), (), tuple(texts))
    lines = [read_line(line) for line in texts]
    places = list(range(len(lines)))  # in the text, of the lines that are left
    reasons: dict[int, str] = {}
    known = False  # whether the profile was asked
    marks = Marks(lines)
    spared = _mark_lines(marks)
    for _ in range(MAX_PASSES):
        title = _one_pass(marks, title, site)
        if not marks.reasons:
            gaps = _gaps(places, reasons)
            marks.reasons = dict.fromkeys(unlikely_lines(lines, gaps, model), UNLIKELY)
        if not marks.reasons:
            marks.reasons = dict.fromkeys(repeated_lines(lines, profile), REPEATED)
            known = True
        if not marks.reasons:
            break
        # What goes after a repeated line goes because of it: put back together, they give the body that
        # the article had before its source was known.
        reasons |= {places[n]: REPEATED if known else reason for n, reason in marks.reasons.items()}
        places = [place for n, place in enumerate(places) if marks.is_kept(n)]
        lines = [line for n, line in enumerate(lines) if marks.is_kept(n)]
        marks = Marks(lines)
        # What was spared because of its neighbours is asked about again when they are gone.
        spared = spared and _mark_lines(marks)
    whole = tuple(text for n, text in enumerate(texts) if reasons.get(n, REPEATED) == REPEATED)
    kept = tuple(line.text for line in lines)
    return Reading(title or "", kept, tuple(list_removed(texts, reasons)), whole)


def _gaps(places: Sequence[int], reasons: Mapping[int, str]) -> list[int]:
    """Return how many lines the rules cut between each line and the one above it."""
    above = [-1, *places]
    between = [range(one + 1, two) for one, two in pairwise(above)]
    return [sum(reasons.get(n) not in NOT_BY_RULES for n in lines) for lines in between]


def _one_pass(marks: Marks, title: str | None, site: Sequence[str]) -> str:
    """Mark what goes, from the surest reasons to the least sure; return the headline."""
    _mark_disclaimers(marks)
    _mark_self_descriptions(marks, site)
    _mark_keywords(marks)
    _mark_datelines(marks)
    _mark_related(marks, find_region(marks.lines, marks.reasons)[0])
    _mark_bios(marks)
    _mark_edges(marks)
    first, last = find_region(marks.lines, marks.reasons)
    found = title or find_headline(marks.lines, marks.reasons, first)
    first = _after_headline(marks, found, first)
    first = first_heading(marks.lines, marks.reasons, first, comparable(found))
    last = signature_end(marks.lines, marks.reasons, last)
    _mark_headline(marks, found, first)
    _mark_outside(marks, first, last)
    _mark_loose_headings(marks)
    return found


def _mark_lines(marks: Marks) -> bool:
    """Mark lines for what they say; return whether one was spared because of the lines beside it."""
    spared = False
    for number, line in enumerate(marks.lines):
        reason = reason_to_cut(line)
        if reason == "breadcrumbs" and _is_in_table(marks.lines, number):
            spared = True
        elif reason:
            marks.cut(number, reason)
    for number in [n for n, reason in marks.reasons.items() if reason in SPARED_BETWEEN]:
        if _is_spared(marks, number):
            del marks.reasons[number]
            spared = True
    return spared


def _is_in_table(lines: Sequence[Line], number: int) -> bool:
    """Whether a line between bars has as many parts as one beside it, or stands inside running text."""
    parts = len(cells(lines[number]))
    beside = [lines[n] for n in (number - 1, number + 1) if 0 <= n < len(lines)]
    return any("|" in line.text and len(cells(line)) == parts for line in beside) or (
        len(beside) == EDGE and all(line.prose for line in beside)
    )


def _is_spared(marks: Marks, number: int) -> bool:
    """Whether a word that labels a button is a heading or a word of somebody here: between sentences."""
    line = marks.lines[number]
    if not (line.text.endswith((".", "!")) or phrase("also_heading")(line.key)):
        return False
    beside = [n for n in (number - 1, number + 1) if 0 <= n < len(marks.lines)]
    ends_speech = number > 0 and line.text.endswith(".") and marks.reasons[number] != "wire-sign-off"
    if len(beside) < EDGE and not ends_speech:
        return False
    return all(marks.is_kept(n) and is_speech(marks.lines[n]) for n in beside)


def _mark_disclaimers(marks: Marks) -> None:
    """Cut a disclaimer's heading, and the legal paragraphs right under it."""
    under = False
    for number, line in enumerate(marks.lines):
        if phrase("disclaimer_head")(line.key):
            marks.cut(number, "disclaimer")
            under = True
        elif phrase("disclaimer_start")(line.key) and not is_told(line):
            marks.cut(number, "disclaimer")
            under = line.words < 5
        elif under and line.prose and phrase("legal_term")(line.key):
            marks.cut(number, "disclaimer")
        else:
            under = under and not marks.is_kept(number)


def _mark_self_descriptions(marks: Marks, site: Sequence[str]) -> None:
    """Cut what a site says of itself: a repeated line that names it, its name and a verb, praise at an edge.

    Of other repeated paragraphs the copy among the article's own stays, one above or below it goes.
    """
    twice = repeated(marks.lines)
    prose = [number for number, line in enumerate(marks.lines) if line.prose and marks.is_kept(number)]
    for place, number in enumerate(prose):
        line = marks.lines[number]
        edge = place < EDGE or place >= len(prose) - EDGE
        named = any(name in line.key for name in site)
        praise = line.key in twice or (edge and phrase("promotion")(line.key) is not None)
        if (named and praise) or ((edge or line.key in twice) and _opens(line.key, site)):
            marks.cut(number, "self-description")
    _mark_repeats(marks, twice)


def _opens(key: str, site: Sequence[str]) -> bool:
    """Whether a paragraph begins with a site's name and a verb of what sites do."""
    name = next((name for name in site if key.startswith(name + " ")), "")
    return bool(name) and phrase("self_verb")(key[len(name) + 1 :]) is not None


def _mark_repeats(marks: Marks, twice: frozenset[str]) -> None:
    """Cut all copies of a paragraph but the one nearest to the middle of the running text.

    What few paragraphs of a page are, and stands there three times, two of them together, is the caption of
    a gallery: it goes. A refrain comes back after other words.
    """
    prose = [number for number, line in enumerate(marks.lines) if line.prose and marks.is_kept(number)]
    places: dict[str, list[int]] = {}
    for place, number in enumerate(prose):
        if marks.lines[number].key in twice:
            places.setdefault(marks.lines[number].key, []).append(place)
    few = sum(map(len, places.values())) <= len(prose) / 2
    for copies in places.values():
        best = min(copies, key=lambda place: abs(place - len(prose) // 2))
        together = any(two - one == 1 for one, two in pairwise(copies))
        for place in copies:
            if place != best or (few and together and len(copies) >= CAPTION_COPIES):
                marks.cut(prose[place], "repeated")


def _mark_keywords(marks: Marks) -> None:
    """Cut keyword lines above the running text or below it."""
    prose = [
        n for n, line in enumerate(marks.lines) if line.prose and marks.is_kept(n) and not is_keywords(line)
    ]
    first, last = (prose[0], prose[-1]) if prose else (len(marks.lines), -1)
    for number, line in enumerate(marks.lines):
        if (number < first or number > last) and marks.is_kept(number) and is_keywords(line):
            marks.cut(number, "keywords")


def _mark_datelines(marks: Marks) -> None:
    """Cut dates with the names beside them, down to the first paragraphs; below they head what happened."""
    above = 0
    for number, line in enumerate(marks.lines):
        if above >= EDGE:
            break
        if line.words <= SIGNED_WORDS and marks.is_kept(number) and is_signed_date(line):
            marks.cut(number, "timestamp")
        above += line.prose and marks.is_kept(number)


def _mark_related(marks: Marks, first: int) -> None:
    """Cut the heading of a list of other articles from a line on, and the short lines under it."""
    under = False
    for number, line in enumerate(marks.lines[first:], first):
        heads = line.words <= 8 and not line.ends and phrase("related")(line.key) is not None
        under = (under or heads) and not (line.prose or line.text.endswith("."))
        if under and (not heads or _leads_nowhere(marks.lines, number)):
            marks.cut(number, "related")
        elif heads:
            under = False


def _leads_nowhere(lines: Sequence[Line], number: int) -> bool:
    """Whether the line after a heading is no running text."""
    return number + 1 >= len(lines) or not lines[number + 1].prose


def _mark_bios(marks: Marks) -> None:
    """Cut what is said of the author under the article."""
    authors = authors_in(marks.lines[n].text for n, reason in marks.reasons.items() if reason == "byline")
    prose = [n for n, line in enumerate(marks.lines) if line.prose and marks.is_kept(n)]
    for number in prose[max(1, len(prose) * 2 // 3) :]:
        if is_bio(marks.lines[number], authors):
            marks.cut(number, "author-bio")


def _mark_edges(marks: Marks) -> None:
    """Peel notes to readers off the top and the bottom of the running text, until a line is none."""
    prose = [number for number, line in enumerate(marks.lines) if line.ends and marks.is_kept(number)]
    for below, order in ((False, prose), (True, prose[::-1])):
        for number in order:
            reason = note_at_edge(marks.lines[number], below=below)
            if reason is None:
                break
            marks.cut(number, reason)


def _mark_headline(marks: Marks, title: str, first: int) -> None:
    """The headline is the title: it is taken out of the body above and at the beginning of the text."""
    key = comparable(title)
    for number, line in enumerate(marks.lines[: first + 3]):
        # The beginning of a text stands in for a missing headline, and stays where it is.
        if line.key == key and is_headline(line):
            marks.reasons[number] = HEADLINE
        if number >= first and marks.is_kept(number) and is_speech(line):
            break  # what stands under running text is a part of it, also when the title was made of it


def _after_headline(marks: Marks, title: str, first: int) -> int:
    """Return the article's first line; rows of figures between headline and running text are its own."""
    key = comparable(title)
    # In a text that was read before, the headline is gone, and what it stood above begins it.
    place = next((number for number in range(first - 1, -1, -1) if marks.lines[number].key == key), -1)
    between = [marks.lines[number] for number in range(place + 1, first) if marks.is_kept(number)]
    rows = sum(line.listed for line in between)
    return place + 1 if rows > len(between) / 2 else first


def _mark_outside(marks: Marks, first: int, last: int) -> None:
    for number in range(len(marks.lines)):
        if number < first:
            marks.cut(number, "above-article")
        elif number > last:
            marks.cut(number, "below-article")


def _mark_loose_headings(marks: Marks) -> None:
    """Cut short lines that no kept text follows; a letter's signature is none."""
    kept = [number for number in range(len(marks.lines)) if marks.is_kept(number)]
    signed = [number for number in kept if phrase("closing")(marks.lines[number].key)]
    end = signature_end(marks.lines, marks.reasons, signed[-1] - 1) if signed else -1
    if not any(marks.lines[number].stands_alone for number in kept):
        return
    while not marks.lines[kept[-1]].stands_alone and kept[-1] > end:
        marks.cut(kept.pop(), "below-article")
