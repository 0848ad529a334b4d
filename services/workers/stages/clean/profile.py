"""Lines that a source repeats from article to article: how they are counted, and when they are cut.

Pure: profiles are read before the stage runs and counted after it, by whoever runs it. The order of arrival
matters: the first articles of a source have no profile and keep its furniture, until their source has shown
it three times, or six times if it is a paragraph. ``replay --from-stage clean`` cuts it from them as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b

from services.workers.stages.clean.lines import Line, read_line, words_in
from services.workers.stages.clean.plain import comparable
from services.workers.stages.repeats import REPEATED, body_before_profile
from shared.article import Article, Removed
from shared.profiles.port import OFTEN, Sighting, SourceProfile

__all__ = [
    "REPEATED",
    "body_before_profile",
    "count_above",
    "cut_repeated",
    "line_hash",
    "repeated_lines",
    "sighting",
]

LEAST_WORDS = 3  # shorter lines are too often the same by chance
# Furniture stands at the edges of what the rules leave. Inside, what comes again is as often the background
# of a running story, or a heading that the articles of a series share, and must be met far more often.
AT_EDGE = 0.05
INSIDE, INSIDE_MET = 0.25, 6
EDGE_LINES = 3
# Of running text it takes more to tell a note from what a story's next articles say again at their foot.
PROSE_WORDS, PROSE_MET = 12, 6
# What repeats more of its words than this is a template, or was sent again under another id.
MOST_OF_ARTICLE = 0.5
# A site's furniture is above and below its articles: of a very long one the middle is not counted.
COUNTED_LINES = 100
DESCRIPTION_CHARS, DESCRIPTIONS = 500, 5


def line_hash(key: str) -> bytes:
    """Return the 8 bytes that stand for a line, given in comparable form."""
    return blake2b(key.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def sighting(article: Article) -> Sighting:
    """Return what is counted of an article: its lines, and those cut as repeated, which go on counting."""
    told = [item.text for item in article.removed if item.reason == "self-description"]
    lines = body_before_profile(article).split("\n")
    if len(lines) > COUNTED_LINES:
        lines = lines[: COUNTED_LINES // 2] + lines[-COUNTED_LINES // 2 :]
    return Sighting(
        article.source.id,
        article.id,
        frozenset(_hashes(lines)),
        tuple(dict.fromkeys(text[:DESCRIPTION_CHARS] for text in told))[:DESCRIPTIONS],
    )


def _hashes(lines: Iterable[str]) -> Iterable[bytes]:
    return (line_hash(comparable(line)) for line in lines if words_in(line) >= LEAST_WORDS)


def repeated_lines(lines: Sequence[Line], profile: SourceProfile) -> list[int]:
    """Return the numbers of the lines to cut, in order.

    A line goes near an edge of the article when 5 % of its source's articles have it, inside the article when
    a quarter have; none goes when that would be more than half of the article's words.
    """
    met = _met(lines, profile) if profile.lines else {}
    found = {n for n, times in met.items() if times >= max(INSIDE_MET, INSIDE * profile.articles)}
    found |= _at_edges([n for n in range(len(lines)) if n not in found], met)
    if sum(lines[n].words for n in found) > MOST_OF_ARTICLE * sum(line.words for line in lines):
        return []
    return sorted(found)


def cut_repeated(body: str, removed: Sequence[Removed], profile: SourceProfile) -> tuple[str, list[Removed]]:
    """Cut a source's repeated lines out of an extracted text, and the headings that stood above them alone.

    ``removed`` is what was cut before, counted among the body's lines; it comes back counted among those
    that stay.
    """
    texts = body.split("\n")
    lines = [read_line(text) for text in texts] if profile.lines else []
    found = set(repeated_lines(lines, profile))
    if not found:
        return body, list(removed)
    last = len(lines) - 1
    while last in found or (last + 1 in found and not lines[last].stands_alone):
        found.add(last)
        last -= 1
    kept = "\n".join(text for n, text in enumerate(texts) if n not in found)
    again = [Removed(texts[n], REPEATED, n - before) for before, n in enumerate(sorted(found))]
    return kept, [*count_above(removed, texts, kept), *again]


def count_above(removed: Sequence[Removed], texts: Sequence[str], body: str) -> list[Removed]:
    """Return what was cut with the lines above it counted anew, after only those in ``body`` are left."""
    kept, left = body.split("\n"), [0]
    for text in texts:
        left.append(left[-1] + (left[-1] < len(kept) and kept[left[-1]] == text))
    return [item if item.above is None else replace(item, above=left[item.above]) for item in removed]


def _met(lines: Sequence[Line], profile: SourceProfile) -> dict[int, int]:
    """Return in how many articles each line was met, where they are enough."""
    least = max(OFTEN, AT_EDGE * profile.articles)
    met = {n: profile.lines.get(line_hash(line.key), 0) for n, line in enumerate(lines)}
    return {
        n: times
        for n, times in met.items()
        if lines[n].words >= LEAST_WORDS
        and times >= (max(PROSE_MET, least) if lines[n].words >= PROSE_WORDS else least)
    }


def _at_edges(order: list[int], met: Mapping[int, int]) -> set[int]:
    """Peel repeated lines off both ends, until the next few lines are none."""
    found: set[int] = set()
    for inward in (True, False):
        left = [n for n in order if n not in found][:: 1 if inward else -1]
        while (near := next((n for n in left[:EDGE_LINES] if n in met), None)) is not None:
            found.add(near)
            left.remove(near)
    return found
