"""Values to the JSON shapes of the search API; asks nobody for anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from operator import attrgetter
from typing import Any

import msgspec

from services.search.facets import facets_json
from services.search.why import outlets, why
from shared.article import Article
from shared.index.highlight import highlight
from shared.index.port import Hit, SearchPage
from shared.index.printer import print_query
from shared.index.query import Node
from shared.ledger.port import JourneyStep, SubmissionStatus
from shared.ledger.telling import VersionFacts
from shared.profiles.port import SourceProfile

Json = dict[str, Any]

# What an article says of itself. What was cut from it (`removed`) lies in the ledger alone: see the trace.
ARTICLE_FIELDS = (
    "id", "revision", "change", "uri", "url", "canonical_url", "source", "title", "summary", "body",
    "authors", "language", "published_at", "modified_at", "ingested_at", "indexed_at", "image_url",
    "word_count", "topics", "entities", "keywords", "amounts", "source_keywords", "verdict", "duplicate_of",
    "is_lead", "similarity", "rule", "passage", "why", "story_id", "copies", "pub_status", "embargo_until",
    "expires_at",
)  # fmt: skip

# Which stage sets which fields, for a trace that says where a value comes from.
_SET_BY: dict[str, tuple[str, ...]] = {
    "ingest": ("id", "uri", "url", "source", "ingested_at", "pub_status", "embargo_until", "expires_at"),
    "clean": (
        "canonical_url", "title", "summary", "body", "authors", "language", "published_at", "published_from",
        "modified_at", "image_url", "word_count", "source_keywords", "removed",
    ),
    "dedupe": (
        "revision", "verdict", "duplicate_of", "is_lead", "similarity", "rule", "passage", "story_id",
        "copies",
    ),
    "tag": ("topics", "entities", "keywords", "amounts", "vocabulary"),
    "index": ("change", "indexed_at"),
}  # fmt: skip

FRAGMENT_CHARS = 200
_NOTHING_MARKED: Mapping[str, Sequence[str]] = {"title": (), "body": ()}


def article_json(article: Article, fields: Iterable[str] = ARTICLE_FIELDS) -> Json:
    """The chosen fields of an article under their API names, the id always among them."""
    names, read = _reader(fields if isinstance(fields, tuple) else tuple(fields))
    found = dict(zip(names, read(article), strict=False))
    if "why" in found:
        found["why"] = why(article)
    return found


@lru_cache(64)
def _reader(fields: tuple[str, ...]) -> tuple[tuple[str, ...], Callable[[Article], tuple[Any, ...]]]:
    """The names of chosen fields, the id first, and what reads them at once: a page has up to 500 articles.

    It reads one value more than there are names, since of one name alone it would give the bare value. Where
    "why" belongs, which is no attribute, stands ``duplicate_of``: None for what has no reason to be told.
    """
    names = tuple(dict.fromkeys(("id", *fields)))
    return names, attrgetter(*("duplicate_of" if name == "why" else name for name in names), "id")


def hit_json(hit: Hit, fields: Iterable[str], marked: Node | None) -> Json:
    """One hit: its article, score, copies, and the words of ``marked`` highlighted (None: nothing).

    ``outlets`` counts the other sources among the copies. Where stories are folded, ``story`` says which one
    the hit stands for, and how many of its articles matched.
    """
    article = hit.article
    found = article_json(article, fields)
    found["score"] = hit.score
    found["highlights"] = highlights(article, marked)
    found["copies"] = article.copies
    found["outlets"] = outlets(article) if article.copies else 0
    if hit.story is not None:
        found["story"] = hit.story
    return found


def hits_json(hits: Iterable[Hit], fields: Iterable[str], marked: Node | None) -> list[msgspec.Struct]:
    """The hits as ``hit_json`` tells them, as values that become the same JSON in two thirds of the time."""
    names, read = _reader(tuple(fields))
    shape, tells_why, own_copies = _shape(names), "why" in names, "copies" not in names
    found = []
    for hit in hits:
        article = hit.article
        values = [*read(article)[:-1], hit.score, highlights(article, marked)]
        if own_copies:
            values.append(article.copies)
        values.append(outlets(article) if article.copies else 0)
        told = shape(*values, msgspec.UNSET if hit.story is None else hit.story)
        if tells_why and article.duplicate_of is not None:
            msgspec.structs.force_setattr(told, "why", why(article))
        found.append(told)
    return found


@lru_cache(64)
def _shape(names: tuple[str, ...]) -> type[msgspec.Struct]:
    """A hit with these fields of its article: their names are written to JSON faster than a dict's keys."""
    own = (name for name in ("score", "highlights", "copies", "outlets", "story") if name not in names)
    return msgspec.defstruct("Hit", [(name, Any) for name in (*names, *own)], gc=False)


def highlights(article: Article, node: Node | None) -> Mapping[str, Sequence[str]]:
    """HTML-safe fragments of title and body with the query's words in ``<mark>``."""
    if node is None:
        return _NOTHING_MARKED  # most answers, some with 500 hits
    return {
        "title": highlight(article.title, article.language, node, "title", FRAGMENT_CHARS),
        "body": highlight(article.body, article.language, node, "body", FRAGMENT_CHARS),
    }


def search_json(
    page: SearchPage,
    hits: Sequence[object],
    text: str,
    node: Node | None,
    took_ms: float,
    following: str | None,
) -> Json:
    """A whole search answer; ``facets`` is empty where none was asked for."""
    about: Json = {"groups_approximate": True} if page.groups_approximate else {}
    return {
        "total": {"articles": page.articles, "groups": page.groups} | about,
        "hits": hits,
        "next": following,
        **facets_json(page),
        "query": {"text": text, "parsed": "" if node is None else print_query(node)},
        "partial": page.partial,
        "took_ms": took_ms,
    }


def trace_json(
    status: SubmissionStatus,
    journey: Sequence[JourneyStep],
    article: Article | None,
    profile: SourceProfile | None,
    now: datetime,
) -> Json:
    """Everything that was done to an article; words of its text only while readers may see it.

    ``profile`` is what was learnt of its source, or None when nothing is known.
    """
    shown = article if article is not None and may_be_shown(article, now) else None
    return {
        "id": status.id,
        "status": status,
        "journey": list(journey),
        "removed": shown.removed if shown else (),
        "verdict": _verdict(article, shown),
        "topics": shown.topics if shown else (),
        "vocabulary": article.vocabulary if article else None,
        "authors": shown.authors if shown else (),
        "source_keywords": shown.source_keywords if shown else (),
        "published": {"at": shown.published_at, "from": shown.published_from} if shown else None,
        "source": _source(shown, profile) if shown else None,
        "fields": _origins(shown) if shown else {},
    }


def _source(article: Article, profile: SourceProfile | None) -> Json:
    """The source with what its other articles taught of it: how it describes itself."""
    return {
        "id": article.source.id,
        "articles": profile.articles if profile else None,
        "self_descriptions": profile.descriptions if profile else (),
    }


def may_be_shown(article: Article, now: datetime) -> bool:
    """Whether the ledger's article is public now, by the index port's own four conditions."""
    return not article.withdrawn and is_released(article, now)


def is_released(said: Article | VersionFacts, now: datetime) -> bool:
    """Whether an article, or one version of it, says of itself that it may be read now."""
    return (
        said.pub_status == "usable"
        and (said.embargo_until is None or said.embargo_until <= now)
        and (said.expires_at is None or said.expires_at > now)
    )


def _verdict(article: Article | None, shown: Article | None) -> Json | None:
    if article is None:
        return None
    return {
        "word": article.verdict,
        "similarity": article.similarity,
        "rule": article.rule,
        "passage": shown.passage if shown else None,
        "why": why(article),
        "duplicate_of": article.duplicate_of,
        "lead": article.id if article.is_lead else article.duplicate_of,
        "story_id": article.story_id,
    }


def _origins(article: Article) -> dict[str, str]:
    return {
        name: stage
        for stage, names in _SET_BY.items()
        for name in names
        if getattr(article, name) not in (None, "", ())
    }
