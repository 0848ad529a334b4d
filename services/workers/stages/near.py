"""Finds the lead of each text of a batch among texts that resemble it: candidates by bands, then comparison.

A text whose bands find nobody that it is like is written down in the same step, and leads. Within a batch the
order of arrival holds: a text waits for an earlier one that it is like, and finds it by its bands then.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from shared.article import Article, Verdict
from shared.fingerprints.bands import DAY_MS, BandClaim, Bands
from shared.nearness.bands import band_keys
from shared.nearness.compare import Likeness, compare
from shared.nearness.passage import shared_passage
from shared.nearness.sketch import Sketch, make_sketch, pack_sketch, unpack_sketch
from shared.nearness.window import moment_of, within_window

MOST_MATES = 24  # of one batch that a text is compared with, those with the most bands in common first
COMMON = 8  # texts of one batch; a band that more share says nothing
MOST_ROUNDS = 50  # of claims; new candidates come in each while others write, and two are enough as a rule
_ORDER = {"duplicate": 2, "version": 1, "excerpt": 0}


class KnownText(Protocol):
    """One text of a candidate; ``article_id`` is its own, or that of the lead in its place by now."""

    @property
    def article_id(self) -> str:
        """Whose text it is."""

    @property
    def sketch(self) -> bytes:
        """As ``pack_sketch`` makes it."""

    @property
    def moment(self) -> int:
        """The time (ms) by which its window is counted."""


@dataclass(frozen=True, slots=True)
class Near:
    """What near copies are found by: bands, and the texts of candidates, by id; unknown ids are left out."""

    bands: Bands
    known: Callable[[Sequence[str]], Mapping[str, Sequence[KnownText]]]


@dataclass(frozen=True)
class NearText:
    """An article of the batch as it is compared."""

    article: Article

    @cached_property
    def sketch(self) -> Sketch:
        """Its sketch."""
        return make_sketch(self.article.title, self.article.body)

    @cached_property
    def packed(self) -> bytes:
        """Its sketch as a ledger keeps it."""
        return pack_sketch(self.sketch)

    @cached_property
    def moment(self) -> int:
        """The time (ms) by which its window is counted."""
        return moment_of(self.article)

    @cached_property
    def keys(self) -> tuple[int, ...]:
        """Its bands; none when it is too short to have any."""
        return band_keys(self.sketch)

    def claim(self, rejected: Iterable[str] = ()) -> BandClaim:
        """Its question to the bands."""
        return BandClaim(self.article.id, self.moment // DAY_MS, self.keys, frozenset(rejected))


@dataclass(frozen=True, slots=True)
class _Lead:
    """A text that another can be a copy of."""

    article_id: str
    sketch: Sketch
    moment: int


def find_leads(texts: Sequence[NearText], near: Near) -> list[Verdict | None]:
    """What each text is a copy of, in order of arrival; None: of nothing, and it leads from now on."""
    return _Search(texts, near).run()


def compare_with(text: NearText, article_id: str, near: Near) -> Verdict | None:
    """What a text is to an article that it was a copy of before; None when it is none by these rules."""
    return _best(text, _as_leads(near.known([article_id]).get(article_id, ())))


def known_sketches(ids: Sequence[str], near: Near) -> dict[str, list[Sketch]]:
    """The texts that are known of some articles, by their ids; of those that nothing is known of none."""
    known = near.known(list(dict.fromkeys(ids))) if ids else {}
    return {one: [lead.sketch for lead in _as_leads(texts)] for one, texts in known.items()}


def write_down(texts: Sequence[NearText], near: Near) -> None:
    """Let later texts find these, which are leads whatever they are like."""
    claims = [text.claim() for text in texts if text.keys]
    if claims:
        near.bands.load(claims)


class _Search:
    """One batch on its way: who is still to be decided, and what is known of candidates."""

    def __init__(self, texts: Sequence[NearText], near: Near) -> None:
        self._texts = texts
        self._near = near
        self._found: list[Verdict | None] = [None] * len(texts)
        self._rejected: list[set[str]] = [set() for _ in texts]
        self._open = {at for at, text in enumerate(texts) if text.keys}
        self._mates = _find_mates(texts)
        self._known: dict[str, list[_Lead]] = {}
        self._leads: dict[str, list[_Lead]] = {}  # those of this batch, which the ledger has not yet

    def run(self) -> list[Verdict | None]:
        """Ask in rounds, each for all that wait for nobody before them."""
        for _ in range(MOST_ROUNDS + 2 * len(self._texts)):
            ready = sorted(at for at in self._open if not self._mates[at] & self._open)
            if not ready:
                return self._found
            claims = [self._texts[at].claim(self._rejected[at]) for at in ready]
            self._take(ready, self._near.bands.claim(claims))
        write_down([self._texts[at] for at in sorted(self._open)], self._near)
        return self._found

    def _take(self, ready: Sequence[int], answers: Sequence[tuple[str, ...]]) -> None:
        for at, candidates in zip(ready, answers, strict=True):
            if not candidates:
                text = self._texts[at]
                lead = _Lead(text.article.id, text.sketch, text.moment)
                self._leads.setdefault(text.article.id, []).append(lead)
                self._open.discard(at)
        self._look_up(candidate for candidates in answers for candidate in candidates)
        for at, candidates in zip(ready, answers, strict=True):
            if candidates:
                self._compare(at, candidates)

    def _look_up(self, candidates: Iterable[str]) -> None:
        wanted = [one for one in dict.fromkeys(candidates) if one not in self._known]
        if not wanted:
            return
        found = self._near.known(wanted)
        for one in wanted:
            self._known[one] = _as_leads(found.get(one, ()))

    def _compare(self, at: int, candidates: Sequence[str]) -> None:
        known = [
            lead
            for candidate in candidates
            for lead in (*self._known[candidate], *self._leads.get(candidate, ()))
        ]
        self._found[at] = _best(self._texts[at], known)
        self._rejected[at].update(candidates)
        if self._found[at] is not None:
            self._open.discard(at)


def _as_leads(texts: Iterable[KnownText]) -> list[_Lead]:
    """The texts of a candidate that can be compared; a sketch of another release is like nothing."""
    found = []
    for text in texts:
        try:
            found.append(_Lead(text.article_id, unpack_sketch(text.sketch), text.moment))
        except ValueError:
            continue
    return found


def _best(text: NearText, leads: Iterable[_Lead]) -> Verdict | None:
    """The best match: a duplicate before a version before an excerpt, then by similarity."""
    best: tuple[Likeness, _Lead] | None = None
    for lead in leads:
        if lead.article_id == text.article.id or not within_window(text.moment, lead.moment):
            continue
        found = compare(text.sketch, lead.sketch)
        if found is not None and (best is None or _worth(found) > _worth(best[0])):
            best = (found, lead)
    if best is None:
        return None
    likeness, lead = best
    passage = shared_passage(text.article.body, lead.sketch)
    return Verdict(
        likeness.word, lead.article_id, likeness.similarity, lead.article_id, likeness.rule, passage
    )


def _worth(found: Likeness) -> tuple[int, float]:
    return _ORDER[found.word], found.similarity


def _find_mates(texts: Sequence[NearText]) -> list[set[int]]:
    """For each text of a batch the earlier ones that it is like, by their places."""
    if len(texts) == 1:
        return [set()]
    holders: dict[tuple[int, int], list[int]] = {}
    mates: list[set[int]] = []
    for at, text in enumerate(texts):
        agreeing: Counter[int] = Counter()
        for band in enumerate(text.keys):
            others = holders.setdefault(band, [])
            if len(others) < COMMON:
                agreeing.update(others)
                others.append(at)
        mates.append({other for other, _ in agreeing.most_common(MOST_MATES) if _alike(text, texts[other])})
    return mates


def _alike(text: NearText, other: NearText) -> bool:
    if text.article.id == other.article.id:
        return False
    return within_window(text.moment, other.moment) and compare(text.sketch, other.sketch) is not None
