"""A search as exact terms, free of any engine: analysis, visibility and folding are decided here.

An adapter translates the nodes one by one and decides nothing; fields are those of ``document.FIELDS``.
"""

from __future__ import annotations

from dataclasses import dataclass

from shared.clock import to_ms
from shared.errors import InvalidRequest
from shared.index.analysis import forms
from shared.index.port import Filters, SearchRequest, Sort
from shared.index.query import And, Keyword, Node, Not, Or, Phrase, Range, TextField, Word

TITLE_BOOST = 2.0  # a word in the title says more about an article than the same word in its body
MAX_WINDOW = 10_000  # the farthest hit a page may reach; Elasticsearch's own limit for offset + size


@dataclass(frozen=True, slots=True)
class TermAny:
    """At least one of these exact terms stands in the field. Scores by BM25, times ``boost``."""

    field: str
    terms: tuple[str, ...]
    boost: float = 1.0


@dataclass(frozen=True, slots=True)
class PhraseAny:
    """At least one of these sequences (two terms or more, no gap) stands in the field; scores too."""

    field: str
    phrases: tuple[tuple[str, ...], ...]
    boost: float = 1.0


@dataclass(frozen=True, slots=True)
class KeywordAny:
    """The keyword field holds at least one of these exact values. Adds nothing to the score."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RangeMs:
    """The number is there and between ``start`` and ``end``, both included, None open. Adds no score."""

    field: str
    start: int | None = None
    end: int | None = None


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every child matches; without children, everything does. The score is the children's sum."""

    children: tuple[PlanNode, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one child matches; never empty. The score is the sum of the matching children's."""

    children: tuple[PlanNode, ...]


@dataclass(frozen=True, slots=True)
class NoneOf:
    """The child does not match; it may stand alone, then everything else does. Adds no score."""

    child: PlanNode


LEADS = KeywordAny("is_lead", ("true",))
COPIES = KeywordAny("is_lead", ("false",))
PlanNode = TermAny | PhraseAny | KeywordAny | RangeMs | AllOf | AnyOf | NoneOf


@dataclass(frozen=True, slots=True)
class Plan:
    """One search: what matches is ``scored`` and ``filters``; what is shown also obeys ``shown``.

    ``articles`` of the answer counts ``scored`` and ``filters``; ``groups`` counts what is shown. ``shown``
    is None when that is the same. ``sort`` is relevance only where something scores: by score, then by
    ``sort_key`` from the highest; else by ``sort_key`` alone, and hits have no score. ``folded`` is the
    opposite of ``shown``: few articles, so that counting them and adding ``groups`` is the cheap way.
    ``by_story``: of what is shown only the first of each ``story_key`` stays, and ``groups`` counts those.
    """

    scored: PlanNode
    filters: PlanNode
    shown: PlanNode | None
    sort: Sort
    size: int
    offset: int
    folded: PlanNode | None = None
    by_story: bool = False


def plan_search(request: SearchRequest) -> Plan:
    """Plan a search; raises ``InvalidRequest`` for a window out of bounds or a text without a word."""
    _check_window(request)
    fold = request.duplicates == "fold"
    scored = AllOf(()) if request.query is None else _plan_node(request.query, fold=fold)
    filters = [visible(to_ms(request.now)), *_plan_filters(request.filters, fold=fold)]
    if request.duplicates == "only":
        filters.append(COPIES)
    sort: Sort = "newest" if request.sort == "relevance" and not _scores(scored) else request.sort
    shown, folded = (LEADS, COPIES) if fold else (None, None)
    by_story = request.stories == "fold"
    return Plan(scored, AllOf(tuple(filters)), shown, sort, request.size, request.offset, folded, by_story)


def plan_get(ids: tuple[str, ...], now_ms: int) -> PlanNode:
    """What finds the visible articles among ``ids``."""
    return AllOf((KeywordAny("id", ids), visible(now_ms)))


def plan_tombstones(before_ms: int) -> PlanNode:
    """What finds the tombstones written before a moment."""
    return AllOf((KeywordAny("state", ("withdrawn",)), RangeMs("expires_ms", end=before_ms - 1)))


def visible(now_ms: int) -> PlanNode:
    """What every reader may see: usable and no tombstone, embargo past, not yet expired."""
    return AllOf(
        (
            KeywordAny("state", ("usable",)),
            NoneOf(RangeMs("embargo_ms", start=now_ms + 1)),
            NoneOf(RangeMs("expires_ms", end=now_ms)),
        )
    )


def _check_window(request: SearchRequest) -> None:
    if not 0 <= request.size <= 100:
        raise InvalidRequest("size", "size must be between 0 and 100")
    if request.offset < 0 or request.offset + request.size > MAX_WINDOW:
        raise InvalidRequest("offset", f"offset and size must not reach beyond the hit {MAX_WINDOW:,}")


def _plan_filters(filters: Filters, *, fold: bool) -> list[PlanNode]:
    planned: list[PlanNode] = []
    for wanted, unwanted, field in (
        (filters.source, filters.not_source, "source"),
        (filters.language, filters.not_language, "language"),
        (filters.topic, filters.not_topic, "topic"),
        (filters.story, filters.not_story, "story"),
    ):
        if wanted:
            planned.append(_plan_keyword(field, wanted, fold=fold))
        if unwanted:
            planned.append(NoneOf(_plan_keyword(field, unwanted, fold=False)))  # as below a NOT
    if filters.start is not None or filters.end is not None:
        planned.append(_plan_range(Range(filters.start, filters.end)))
    return planned


def _plan_node(node: Node, *, fold: bool) -> PlanNode:
    match node:
        case Word(text, field, position) | Phrase(text, field, position):
            return _plan_text(text, field, position)
        case Keyword(field=name, value=value):
            return _plan_keyword(name, (value,), fold=fold)
        case Range():
            return _plan_range(node)
        case And(children):
            return AllOf(tuple(_plan_node(child, fold=fold) for child in children))
        case Or(children):
            return AnyOf(tuple(_plan_node(child, fold=fold) for child in children))
        case Not(child):
            # Who wants nothing of a source still wants what ran first elsewhere, and was copied there.
            return NoneOf(_plan_node(child, fold=False))


def _plan_text(text: str, field: TextField | None, position: int) -> PlanNode:
    sequences = forms(text)
    if not sequences:
        raise InvalidRequest("q", "There is no letter or digit to search for here.", position)
    title = _in_field("title_terms", sequences, TITLE_BOOST)
    body = _in_field("body_terms", sequences, 1.0)
    if field is None:
        return AnyOf((title, body))
    return title if field == "title" else body


def _in_field(field: str, sequences: tuple[tuple[str, ...], ...], boost: float) -> PlanNode:
    # Every language divides a text at the same places, so all sequences are of one length.
    if len(sequences[0]) == 1:
        return TermAny(field, tuple(sequence[0] for sequence in sequences), boost)
    return PhraseAny(field, sequences, boost)


def _plan_keyword(field: str, values: tuple[str, ...], *, fold: bool) -> PlanNode:
    folded = tuple(dict.fromkeys(value.lower() for value in values))
    if field == "topic":
        return KeywordAny("topics", folded)
    if field == "language":
        return KeywordAny("languages", folded)
    if field == "story":
        return KeywordAny("story_id", folded)
    own = KeywordAny("source", folded)
    # A reader of one source must find what ran there, also when the lead that is shown ran elsewhere.
    return AnyOf((own, KeywordAny("copy_sources", folded))) if fold else own


def _plan_range(wanted: Range) -> PlanNode:
    start = None if wanted.start is None else to_ms(wanted.start)
    end = None if wanted.end is None else to_ms(wanted.end)
    return RangeMs("published_ms", start, end)


def _scores(node: PlanNode) -> bool:
    match node:
        case TermAny() | PhraseAny():
            return True
        case AllOf(children) | AnyOf(children):
            return any(_scores(child) for child in children)
        case _:
            return False
