"""A search as exact terms, free of any engine: analysis, visibility and folding are decided here.

An adapter translates the nodes one by one and decides nothing; fields are those of ``document.FIELDS``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from shared.clock import to_ms
from shared.countries import Told
from shared.errors import InvalidRequest
from shared.index.analysis import STEMMED, UNSTEMMED, forms, terms
from shared.index.countries import Ending, sources_of
from shared.index.keywords import KEYWORDS
from shared.index.moments import floor_ms, resolve_range
from shared.index.port import Filters, SearchRequest, Sort
from shared.index.prefixes import beginning, is_paired
from shared.index.query import And, Keyword, Near, Node, Not, Or, Phrase, Prefix, Range, TextField, Word

TITLE_BOOST = 2.0  # a word in the title says more about an article than the same word in its body
# Days since an article was published, and what it scores for being no older. A word that stands in one of ten
# articles scores about three, a rare one ten and more: news come first where many articles fit alike, and a
# text that fits much better comes before them.
FRESHNESS = ((1, 1.0), (7, 1.0), (30, 1.0))
_DAY_MS = 86_400_000
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
class NearAny:
    """Both sequences of one of these pairs stand in the field, in any order, and never overlap.

    Between them are fewer than ``distance`` terms. Adds no score: the words of both sides do.
    """

    field: str
    pairs: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]
    distance: int


@dataclass(frozen=True, slots=True)
class PrefixAny:
    """The field holds a term that begins with one of ``starts``, or one of ``terms``. Adds no score.

    However many terms begin so, all count: neither engine leaves any out.
    """

    field: str
    starts: tuple[str, ...]
    terms: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class KeywordAny:
    """The keyword field holds at least one of these exact values. Adds nothing to the score."""

    field: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EndingAny:
    """The keyword field holds a value of one of these endings. Adds nothing to the score."""

    field: str
    endings: tuple[Ending, ...]


@dataclass(frozen=True, slots=True)
class RangeMs:
    """The number, often a moment in ms, is there and between both ends, None open. Adds no score."""

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
PlanNode = (
    TermAny | PhraseAny | NearAny | PrefixAny | KeywordAny | EndingAny | RangeMs | AllOf | AnyOf | NoneOf
)


@dataclass(frozen=True, slots=True)
class Favour:
    """What matches the node has so much more score; both engines measure by BM25 with its factor k1 + 1."""

    node: PlanNode
    score: float


@dataclass(frozen=True, slots=True)
class Plan:
    """One search: what matches is ``scored`` and ``filters``; what is shown also obeys ``shown``.

    ``articles`` of the answer counts ``scored`` and ``filters``; ``groups`` counts what is shown. ``shown``
    is None when that is the same. ``sort`` is relevance only where something scores: by score, then by
    ``sort_key`` from the highest; else by ``sort_key`` alone, and hits have no score. ``folded`` is the
    opposite of ``shown``: few articles, so that counting them and adding ``groups`` is the cheap way.
    ``by_story``: of what is shown only the first of each ``story_key`` stays, and ``groups`` counts those.
    By relevance each of ``favours`` adds its score to the hits that match it.
    """

    scored: PlanNode
    filters: AllOf
    shown: PlanNode | None
    sort: Sort
    size: int
    offset: int
    folded: PlanNode | None = None
    by_story: bool = False
    favours: tuple[Favour, ...] = ()


def plan_search(request: SearchRequest) -> Plan:
    """Plan a search.

    Raises ``InvalidRequest`` for a window out of bounds, a text without a word, or a range that ends before
    it begins.
    """
    _check_window(request)
    fold = request.duplicates == "fold"
    scored = AllOf(()) if request.query is None else _plan_node(request.query, request, fold=fold)
    sort: Sort = "newest" if request.sort == "relevance" and not _scores(scored) else request.sort
    shown, folded = (LEADS, COPIES) if fold else (None, None)
    by_story = request.stories == "fold"
    filters = plan_filters(request, request.filters)
    favours = _favour_news(to_ms(request.now)) if sort == "relevance" else ()
    return Plan(scored, filters, shown, sort, request.size, request.offset, folded, by_story, favours)


def plan_filters(request: SearchRequest, filters: Filters) -> AllOf:
    """What a request's matches obey beside its text, were ``filters`` its filters."""
    planned = [visible(to_ms(request.now)), *_plan_filters(filters, fold=request.duplicates == "fold")]
    if request.duplicates == "only":
        planned.append(COPIES)
    return AllOf(tuple(planned))


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
    told = filters.source_countries
    for field in KEYWORDS:
        if wanted := getattr(filters, field):
            planned.append(_plan_keyword(field, wanted, told, fold=fold))
        if unwanted := getattr(filters, f"not_{field}"):
            planned.append(NoneOf(_plan_keyword(field, unwanted, told, fold=False)))  # as below a NOT
    if filters.start is not None or filters.end is not None:
        planned.append(_plan_range(filters.start, filters.end))
    if filters.min_words is not None or filters.max_words is not None:
        planned.append(RangeMs("words", filters.min_words, filters.max_words))
    if filters.indexed_since is not None:
        planned.append(RangeMs("indexed_ms", to_ms(filters.indexed_since)))
    if filters.has_image is not None:
        planned.append(KeywordAny("has_image", ("true" if filters.has_image else "false",)))
    return planned


def _plan_node(node: Node, request: SearchRequest, *, fold: bool) -> PlanNode:
    match node:
        case Word(text, field, position) | Phrase(text, field, position):
            return _plan_text(text, field, position)
        case Prefix():
            return _plan_prefix(node, fold=fold)
        case Near():
            return _plan_near(node)
        case Keyword(field=name, value=value):
            return _plan_keyword(name, (value,), request.filters.source_countries, fold=fold)
        case Range():
            return _plan_range(*resolve_range(node, request.now))
        case And(children):
            return AllOf(tuple(_plan_node(child, request, fold=fold) for child in children))
        case Or(children):
            return _any_of([_plan_node(child, request, fold=fold) for child in children])
        case Not(child):
            # Who wants nothing of a source still wants what ran first elsewhere, and was copied there.
            return NoneOf(_plan_node(child, request, fold=False))


def _any_of(planned: list[PlanNode]) -> AnyOf:
    """One of several; values of one column are looked for together, as a thousand of them may come."""
    values: dict[str, dict[str, None]] = {}
    others: list[PlanNode] = []
    for node in planned:
        if isinstance(node, KeywordAny):
            values.setdefault(node.field, {}).update(dict.fromkeys(node.values))
        else:
            others.append(node)
    return AnyOf((*others, *(KeywordAny(field, tuple(found)) for field, found in values.items())))


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


def _plan_prefix(node: Prefix, *, fold: bool) -> PlanNode:
    if node.field is not None and node.field in KEYWORDS:
        known = KEYWORDS[node.field]
        return PrefixAny(known.column(fold=fold), (known.read(node.text),))
    field = cast("TextField | None", node.field)
    if not forms(node.text) or is_paired(node.text):
        return _plan_text(node.text, field, node.position)
    found = beginning(node.text)
    title, body = (PrefixAny(name, found.starts, found.whole) for name in ("title_terms", "body_terms"))
    if field is None:
        return AnyOf((title, body))
    return title if field == "title" else body


def _plan_near(node: Near) -> PlanNode:
    if node.field is None:
        return AnyOf((_near_in("title", node), _near_in("body", node)))
    return _near_in(node.field, node)


def _near_in(field: TextField, node: Near) -> PlanNode:
    sides = [
        AnyOf(tuple(_plan_text(one.text, field, one.position) for one in side))
        for side in (node.left, node.right)
    ]
    # An article has the terms of one language, so both sides are looked for in the same one.
    pairs = [
        (tuple(terms(left.text, language).split()), tuple(terms(right.text, language).split()))
        for language in (UNSTEMMED, *STEMMED)
        for left in node.left
        for right in node.right
    ]
    return AllOf((*sides, NearAny(f"{field}_terms", tuple(dict.fromkeys(pairs)), node.distance)))


def _plan_keyword(field: str, values: tuple[str, ...], told: Told, *, fold: bool) -> PlanNode:
    known = KEYWORDS[field]
    # A reader of one source must find what ran there, also when the lead that is shown ran elsewhere.
    column, read = known.column(fold=fold), tuple(dict.fromkeys(map(known.read, values)))
    return _plan_countries(column, read, told) if field == "country" else KeywordAny(column, read)


def _plan_countries(column: str, codes: tuple[str, ...], told: Told) -> PlanNode:
    found = sources_of(codes, told)
    named = (KeywordAny(column, found.sources),) if found.sources else ()
    ending = (EndingAny(column, found.endings),) if found.endings else ()
    return AnyOf((*named, *ending)) if named or ending else NoneOf(AllOf(()))


def _plan_range(start: datetime | None, end: datetime | None) -> PlanNode:
    # Rounded down: the last moment of a day before 1970 must not become the first of the next.
    first, last = (None if moment is None else floor_ms(moment) for moment in (start, end))
    return RangeMs("published_ms", first, last)


def _favour_news(now_ms: int) -> tuple[Favour, ...]:
    return tuple(
        Favour(RangeMs("published_ms", start=now_ms - days * _DAY_MS), score) for days, score in FRESHNESS
    )


def _scores(node: PlanNode) -> bool:
    match node:
        case TermAny() | PhraseAny():
            return True
        case AllOf(children) | AnyOf(children):
            return any(_scores(child) for child in children)
        case _:
            return False
