"""The values every service speaks: what came in, what it became, and what is said about it.

All are frozen; a stage returns a new value with ``dataclasses.replace``. Times are aware UTC datetimes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

PubStatus = Literal["usable", "withheld", "canceled"]
VerdictWord = Literal["new", "duplicate", "version", "excerpt"]
EntityType = Literal["person", "organisation", "place"]
ContentKind = Literal["body", "html", "text"]
# What told when an article was published: its sender, linked data, a meta element, an element that the page
# marks, its address, or a date written in its text.
DateSource = Literal["given", "json-ld", "meta", "page", "url", "text"]


@dataclass(frozen=True, slots=True)
class Source:
    """Where an article came from; ``id`` is the lower-case host without ``www.``, or a given id."""

    id: str
    name: str | None = None
    domain: str | None = None


@dataclass(frozen=True, slots=True)
class RawArticle:
    """One pushed item as accepted: given fields, and one of ``body``, ``html``, ``text`` (a kill: none)."""

    id: str
    source: Source
    url: str | None = None
    uri: str | None = None
    body: str | None = None  # clean paragraphs
    html: str | None = None  # a whole page
    text: str | None = None  # plain text that may carry clutter
    title: str | None = None
    summary: str | None = None
    authors: tuple[str, ...] = ()
    language: str | None = None
    published_at: datetime | None = None
    modified_at: datetime | None = None
    image_url: str | None = None
    keywords: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    version: int | None = None  # the source's own number
    pub_status: PubStatus = "usable"
    embargo_until: datetime | None = None
    expires_at: datetime | None = None
    ingested_at: datetime | None = None  # set as it is accepted


@dataclass(frozen=True, slots=True)
class Removed:
    """A line that was cut from the text, and the reason it was cut for.

    ``above`` counts the lines of the body that stood above it, where that is known.
    """

    text: str
    reason: str
    above: int | None = None


@dataclass(frozen=True, slots=True)
class Tag:
    """A topic with its score in 0..1 and the words that earned it; ``broader`` is nearest first."""

    code: str  # such as medtop:04000000
    name: str
    score: float
    evidence: tuple[str, ...] = ()
    broader: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Entity:
    """A name in the text, in the fullest form found, with the number of its mentions."""

    name: str
    type: EntityType
    count: int = 1


@dataclass(frozen=True, slots=True)
class Amount:
    """A quantity as written, and as a number with its unit (ISO 4217 code or ``percent``)."""

    text: str
    value: float
    unit: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What dedupe decided about an article: the word, the lead it is a copy of, the story."""

    word: VerdictWord
    duplicate_of: str | None = None
    similarity: float = 0.0  # 0..1; 1.0 for the same text
    story_id: str | None = None
    rule: str | None = None  # of shared.nearness.compare.RULES, or same-text
    passage: str | None = None  # words of this article that stand in its lead as well


@dataclass(frozen=True, slots=True)
class Current:
    """What is known of an article when a newer submission of it is compared."""

    revision: int
    sequence: int  # of the submission that made this revision
    content_hash: str
    verdict: Verdict
    has_copies: bool = False  # other articles are folded under it
    version: int | None = None
    modified_at: datetime | None = None
    failed: bool = False  # this revision ended in quarantine


@dataclass(frozen=True, slots=True)
class Copy:
    """Where else a lead's text ran, and what it is to the lead's."""

    id: str
    source: str
    url: str | None = None
    verdict: VerdictWord = "duplicate"
    similarity: float = 1.0
    rule: str | None = None


@dataclass(frozen=True, slots=True)
class Article:
    """One item in its newest usable revision, as far as the stages have brought it."""

    id: str
    source: Source
    title: str
    body: str  # clean paragraphs separated by one newline
    ingested_at: datetime
    uri: str | None = None
    url: str | None = None
    canonical_url: str | None = None
    summary: str | None = None
    authors: tuple[str, ...] = ()
    language: str = "und"  # BCP 47
    published_at: datetime | None = None
    published_from: DateSource | None = None
    modified_at: datetime | None = None
    image_url: str | None = None
    word_count: int = 0
    version: int | None = None
    pub_status: PubStatus = "usable"
    embargo_until: datetime | None = None
    expires_at: datetime | None = None
    source_keywords: tuple[str, ...] = ()
    removed: tuple[Removed, ...] = ()
    topics: tuple[Tag, ...] = ()
    entities: tuple[Entity, ...] = ()
    keywords: tuple[str, ...] = ()
    amounts: tuple[Amount, ...] = ()
    vocabulary: str | None = None  # the version of the rules that the tags were made with
    # Facts kept by the ledger, filled in when an article is read from it:
    revision: int = 0  # counts changes of content
    change: int = 0  # counts every commit that alters the indexed document
    verdict: VerdictWord = "new"
    duplicate_of: str | None = None
    similarity: float = 0.0
    story_id: str | None = None
    is_lead: bool = True
    copies: tuple[Copy, ...] = field(default=())
    sort_key: int = 0  # unique: published (or ingested) milliseconds, then the ledger's sequence
    withdrawn: bool = False
    indexed_at: datetime | None = None
    rule: str | None = None  # what the verdict was given by
    passage: str | None = None  # words of it that stand in its lead as well
