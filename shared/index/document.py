"""The one shape in which an article lies in an index, whatever the engine, and the way back."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from shared.article import Article
from shared.clock import to_ms
from shared.codec import from_json, to_json
from shared.errors import CopydeskError
from shared.index.analysis import ANALYSIS_VERSION, terms
from shared.index.keywords import domains_of, domains_of_copies, fold_name, topic_label

Kind = Literal["keyword", "terms", "long", "stored"]

# Raise it with any change of FIELDS or of what ``document`` puts into them, unless no document can be there
# that a search would take amiss (tombstones got their ``expires_ms`` before anything wrote tombstones).
DOCUMENT_VERSION = 3
INDEX_VERSION = f"v{DOCUMENT_VERSION}.{ANALYSIS_VERSION}"  # part of an index's name

# keyword: exact, not analysed, no length norm, may hold several values or none.
# terms: split at single spaces, nothing else done, with positions, frequencies and norms, not stored.
# long: a signed 64-bit number that can be sorted by and ranged over, or absent.
# stored: kept as it is, never searched.
FIELDS: Mapping[str, Kind] = {
    "id": "keyword",
    "change": "long",
    "sort_key": "long",
    "state": "keyword",  # pub_status, or "withdrawn" for a tombstone
    "is_lead": "keyword",  # "false": folded under its lead, which says the same; see ``is_folded``
    "duplicate_of": "keyword",
    "story_id": "keyword",  # never absent: an article of no story is one by itself
    "story_key": "long",  # a number for it, which costs both engines far less to fold by
    "source": "keyword",
    "ran_sources": "keyword",  # the same, and where else what a lead says ran, and is folded under it
    "domains": "keyword",  # the article's hosts, with the domains above them
    "ran_domains": "keyword",  # as ``ran_sources``
    "language": "keyword",
    "languages": "keyword",  # the tag and its primary language: en-gb, en
    "topics": "keyword",  # the codes, with those broader than them
    "topic_labels": "keyword",  # of the codes without the broader ones, see ``topic_label``
    "entities": "keyword",  # names, folded for case and accents
    "authors": "keyword",  # folded too
    "has_image": "keyword",  # "true" or "false"
    "words": "long",
    "published_ms": "long",
    "indexed_ms": "long",
    "embargo_ms": "long",
    "expires_ms": "long",
    "title_terms": "terms",
    "body_terms": "terms",
    "article": "stored",  # the whole article as JSON (bytes), without ``removed``
}
_OWN_WORDS = ("version", "excerpt")  # verdicts on what does not say the same as its lead
_LONGEST_KEYWORD = 8_000  # characters; Elasticsearch refuses keywords over 32,766 bytes
_LONGEST_NAME = 256  # characters of a person, a place or a topic; a filter takes no more
_LONGEST_ID = 512  # bytes, Elasticsearch's own limit
_LONGS = range(-(1 << 63), 1 << 63)


class BrokenDocument(CopydeskError):  # noqa: N818 - as the other errors are named
    """A document of the index holds no article: our fault, which its engine can do nothing about."""


def document(article: Article) -> dict[str, Any]:
    """The flat document of an article: names of ``FIELDS``, absent values left out, lists for several values.

    Raises ``ValueError`` with a reason when no index could ever hold it. A tombstone keeps nothing that
    could be searched: neither text nor tags. Its ``expires_ms`` says since when it is one.
    """
    if article.withdrawn:
        article = _tombstone(article)
    found = _facts(article) | _moments(article)
    found["title_terms"] = terms(article.title, article.language)
    found["body_terms"] = terms(article.body, article.language)
    _check(found)
    _check_numbers(article)
    # Lines that were cut are shown from the ledger; they would only make every hit heavier.
    found["article"] = to_json(replace(article, removed=()))
    return found


def restore(stored: bytes | str | Mapping[str, Any]) -> Article:
    """The article of a document's ``article``, as JSON or as what JSON was read into.

    Raises ``BrokenDocument`` where it is none: waiting does not help, as it does where an engine is away.
    """
    try:
        if isinstance(stored, bytes | str):
            return from_json(stored, Article)
        return msgspec.convert(stored, Article)
    except (ValueError, msgspec.MsgspecError) as error:
        raise BrokenDocument(f"an article in the index cannot be read: {error}") from error


def digest(article: Article) -> str:
    """A checksum of what an index keeps of an article, but for ``indexed_at``: 32 hex digits.

    The same for the ledger's article and for what comes back from any engine: both are brought into the
    stored shape first (no cut lines; of a tombstone only what it keeps).
    """
    kept = _tombstone(article) if article.withdrawn else article
    return blake2b(to_json(replace(kept, removed=(), indexed_at=None)), digest_size=16).hexdigest()


def is_folded(article: Article) -> bool:
    """Whether an article is shown under its lead when copies are folded: only what says the same is.

    A rewrite (``version``) or an ``excerpt`` has words of its own, or leaves some out: folded it could not
    be found by them. For the index it leads, whatever the ledger says; its lead's ``copies`` tell of it.
    """
    return not article.is_lead and article.verdict not in _OWN_WORDS


def story_of(article: Article) -> str:
    """The story that an article is filed under: its own id, where none is known."""
    return (article.story_id or article.id).lower()


def story_key(article: Article) -> int:
    """The number of the story of an article: 64 bits of a hash, signed.

    Among ten million stories two share a number by a chance of 1 to 370,000.
    """
    hashed = blake2b(story_of(article).encode(), digest_size=8).digest()
    return int.from_bytes(hashed, "big", signed=True)


def primary_language(language: str) -> str:
    """The language of a BCP 47 tag without script and region, in lower case."""
    return language.split("-", 1)[0].lower()


def _tombstone(article: Article) -> Article:
    return Article(
        id=article.id,
        source=article.source,
        title="",
        body="",
        ingested_at=article.ingested_at,
        revision=article.revision,
        change=article.change,
        sort_key=article.sort_key,
        withdrawn=True,
        # When it was withdrawn, as the ledger says; from then on a day is counted until it may go.
        expires_at=article.expires_at or article.ingested_at,
    )


def _facts(article: Article) -> dict[str, Any]:
    # Of the other copies each is a hit by itself, and found by its own source.
    copies = [copy for copy in article.copies if copy.verdict not in _OWN_WORDS]
    source, domains = article.source.id.lower(), domains_of(article)
    codes = dict.fromkeys(code.lower() for tag in article.topics for code in (tag.code, *tag.broader))
    facts = {
        "id": article.id,
        "change": article.change,
        "sort_key": article.sort_key,
        "state": "withdrawn" if article.withdrawn else article.pub_status,
        "is_lead": "false" if is_folded(article) else "true",
        "duplicate_of": article.duplicate_of,
        "story_id": story_of(article),
        "story_key": story_key(article),
        "source": source,
        "ran_sources": list(dict.fromkeys((source, *(copy.source.lower() for copy in copies)))),
        "domains": domains,
        "ran_domains": list(dict.fromkeys((*domains, *domains_of_copies(copies)))),
        "language": article.language,
        "languages": list(dict.fromkeys((article.language.lower(), primary_language(article.language)))),
        "topics": list(codes),
        "topic_labels": [
            topic_label(tag.code, tag.name) for tag in article.topics if 0 < len(tag.name) <= _LONGEST_NAME
        ],
        "entities": _names(entity.name for entity in article.entities),
        "authors": _names(article.authors),
        "has_image": "true" if article.image_url else "false",
        "words": article.word_count,
    }
    return {name: value for name, value in facts.items() if value is not None and value != []}


def _names(names: Iterable[str]) -> list[str]:
    # A longer one is no name, and nobody could ask for it; the article is not refused because of it.
    folded = (fold_name(name) for name in names if len(name) <= _LONGEST_NAME)
    return [name for name in dict.fromkeys(folded) if name]


def _moments(article: Article) -> dict[str, Any]:
    moments = {
        "published_ms": article.published_at,
        "indexed_ms": article.indexed_at,
        "embargo_ms": article.embargo_until,
        "expires_ms": article.expires_at,
    }
    return {name: to_ms(moment) for name, moment in moments.items() if moment is not None}


def _check(found: Mapping[str, Any]) -> None:
    """Refuse what one engine would refuse, for both; a lone surrogate fails later, in ``to_json``."""
    if not 0 < len(found["id"].encode()) <= _LONGEST_ID:
        raise ValueError(f"id must have 1 to {_LONGEST_ID} bytes")
    for name, value in found.items():
        kind = FIELDS[name]
        if kind == "long" and value not in _LONGS:
            raise ValueError(f"{name} does not fit into 64 bits")
        if kind == "keyword" and any(len(text) > _LONGEST_KEYWORD for text in _texts(value)):
            raise ValueError(f"{name} is longer than {_LONGEST_KEYWORD} characters")


def _check_numbers(article: Article) -> None:
    """Refuse what JSON turns into null, since such an article could be written and never read back."""
    numbers = (article.similarity, *(amount.value for amount in article.amounts))
    if not all(map(math.isfinite, (*numbers, *(tag.score for tag in article.topics)))):
        raise ValueError("a similarity, a score or an amount is no finite number")


def _texts(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
