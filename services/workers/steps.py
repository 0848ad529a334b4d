"""Between the ledger's works and the stages' values: one function per stage, batch in, outcomes out.

An exception at one article is that article's outcome, and the rest of the batch goes on.
"""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.workers.stages.clean import clean_article
from services.workers.stages.clean.profile import sighting
from services.workers.stages.dedupe import Arrival, Compared, dedupe_articles
from services.workers.stages.index import index_articles
from services.workers.stages.near import Near
from services.workers.stages.stories import KnownStories, StoryArrival, find_stories
from services.workers.stages.tag import Tagger
from shared.article import Article, RawArticle
from shared.clock import from_ms, now_ms
from shared.errors import BadSettings, RejectedArticle, Unavailable
from shared.fingerprints.bands import DAY_MS, BandClaim, Bands
from shared.fingerprints.port import WINDOW_SECONDS, Fingerprints
from shared.frequencies import Frequencies
from shared.index.document import primary_language
from shared.index.port import ArticleIndex
from shared.ledger.port import Outcome, Work
from shared.nearness.bands import band_keys
from shared.nearness.sketch import unpack_sketch
from shared.nearness.window import moment_of
from shared.profiles.port import EMPTY, Sighting, SourceProfile
from shared.stories.features import StorySketch, make_story_sketch, pack_story

LONGEST_REASON = 2_000  # characters

AskFrequencies = Callable[[str, Iterable[str]], Frequencies | None]


@dataclass(frozen=True, slots=True)
class Stories:
    """What articles about one event are found by: bands, and the sketches of candidates by their ids."""

    bands: Bands
    known: KnownStories


def run_clean(
    works: Sequence[Work], max_body_chars: int, profiles: Mapping[str, SourceProfile]
) -> list[Outcome]:
    """Clean each original; what is no article, or far too long for one, is rejected with its reason.

    ``profiles`` are those of the batch's sources, by id, as far as they are known.
    """
    return [_each(work, lambda each: _clean(each, max_body_chars, profiles)) for work in works]


def sources_of(works: Sequence[Work]) -> list[str]:
    """The sources of a batch at stage clean."""
    return [work.raw.source.id for work in works if work.raw is not None]


def sightings(works: Sequence[Work], outcomes: Sequence[Outcome]) -> list[Sighting]:
    """What a batch at stage dedupe adds to the profiles of sources: all but duplicates.

    Two stories that share a long disclaimer may be told as versions until the profile has learned it.
    """
    return [
        sighting(work.article)
        for work, outcome in zip(works, outcomes, strict=True)
        if work.article is not None and outcome.verdict is not None and outcome.verdict.word != "duplicate"
    ]


def run_tag(works: Sequence[Work], tagger: Tagger, ask: AskFrequencies) -> list[Outcome]:
    """Tag each article; how common its words are is asked for once for each language of the batch."""
    wanted: dict[str, Counter[str]] = {}
    for work in works:
        if work.article is not None:
            counted = wanted.setdefault(primary_language(work.article.language), Counter())
            counted.update(_words(work.article, tagger))
    # Those that most articles ask about first, in case they are too many for one question.
    known = {
        language: ask(language, sorted(counted, key=lambda word: (-counted[word], word)))
        for language, counted in wanted.items()
    }
    return [_each(work, lambda each: _tag(each, tagger, known)) for work in works]


def _words(article: Article, tagger: Tagger) -> frozenset[str]:
    try:
        return tagger.words(article)
    except Exception:  # noqa: BLE001 - what is wrong with the article is told when it is tagged, by itself
        return frozenset()


def run_dedupe(
    works: Sequence[Work],
    fingerprints: Fingerprints,
    now: datetime | None = None,
    near: Near | None = None,
    stories: Stories | None = None,
) -> list[Outcome]:
    """Compare the batch with what is known; one question to the fingerprints for all of it.

    ``now`` (else the clock's) tells what of the past is so recent that its copies may still come. Without
    ``near`` only the very same text makes a copy, and without ``stories`` each lead is one.
    """
    opened = (now or from_ms(now_ms())) - timedelta(seconds=WINDOW_SECONDS)
    arrivals = [_arrival(work, opened) for work in works]
    compared = dedupe_articles(arrivals, fingerprints, near)
    outcomes = [_deduped(work, found) for work, found in zip(works, compared, strict=True)]
    return outcomes if stories is None else _with_stories(arrivals, compared, outcomes, stories)


def _with_stories(
    arrivals: Sequence[Arrival],
    compared: Sequence[Compared],
    outcomes: Sequence[Outcome],
    stories: Stories,
) -> list[Outcome]:
    """The same with story sketches, and for what leads its text with links to its story."""
    texts = {
        at: StoryArrival(
            arrival.article.id,
            _story_sketch(arrival.article),
            moment_of(arrival.article),
            is_known=arrival.current is not None,
        )
        for at, (arrival, found) in enumerate(zip(arrivals, compared, strict=True))
        if found.verdict is not None
    }
    asking = [at for at in texts if not arrivals[at].is_kept and _leads(outcomes[at])]
    links = find_stories([texts[at] for at in asking], stories.bands, stories.known)
    found = dict(zip(asking, links, strict=True))
    return [
        replace(outcome, story_sketch=pack_story(texts[at].sketch), stories=found.get(at, ()))
        if at in texts
        else outcome
        for at, outcome in enumerate(outcomes)
    ]


def _leads(outcome: Outcome) -> bool:
    return outcome.verdict is not None and outcome.verdict.duplicate_of is None


def _story_sketch(article: Article) -> StorySketch:
    return make_story_sketch(article.title, article.body, article.language)


def write_leads(ids: Sequence[str], near: Near) -> None:
    """Let later copies find articles that lead though dedupe took them for copies."""
    texts = near.known(ids)
    claims = [
        BandClaim(each.article_id, each.moment // DAY_MS, band_keys(unpack_sketch(each.sketch)))
        for found in texts.values()
        for each in found
        if each.article_id in texts
    ]
    near.bands.load([claim for claim in claims if claim.keys])


def run_index(works: Sequence[Work], index: ArticleIndex, now: datetime) -> list[Outcome]:
    """Write the batch to the index, each article with the time of this writing."""
    articles = [replace(_article(work), indexed_at=now) for work in works]
    written = index_articles(articles, index)
    return [
        Outcome(work.sequence, found.word, found.reason, change=article.change)
        for work, article, found in zip(works, articles, written, strict=True)
    ]


def _each(work: Work, step: Callable[[Work], Outcome]) -> Outcome:
    try:
        return step(work)
    except RejectedArticle as error:
        return Outcome(work.sequence, "rejected", error.reason)
    except (Unavailable, BadSettings):
        raise  # of no article's making
    except Exception as error:  # noqa: BLE001 - the task edge: it becomes the article's own outcome
        return Outcome(work.sequence, "failed", describe(error), traceback=traceback.format_exc())


def describe(error: BaseException) -> str:
    """An error in one line that any database can store, whatever text broke the stage."""
    return f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace").decode()[:LONGEST_REASON]


def _clean(work: Work, max_body_chars: int, profiles: Mapping[str, SourceProfile]) -> Outcome:
    raw = _raw(work)
    cleaned = clean_article(raw, profiles.get(raw.source.id, EMPTY))
    if cleaned.rejected is not None:
        return Outcome(work.sequence, "rejected", cleaned.rejected, article=cleaned.article)
    if len(cleaned.article.body) > max_body_chars:
        return Outcome(work.sequence, "rejected", "too-long", article=cleaned.article)
    return Outcome(work.sequence, "cleaned", article=cleaned.article)


def _tag(work: Work, tagger: Tagger, known: Mapping[str, Frequencies | None]) -> Outcome:
    article = _article(work)
    tagged = tagger.tag(article, known.get(primary_language(article.language)))
    return Outcome(work.sequence, "tagged", article=tagged)


def _arrival(work: Work, opened: datetime) -> Arrival:
    article = _article(work)
    return Arrival(article, work.sequence, work.current, work.replay, article.ingested_at > opened)


def _deduped(work: Work, found: Compared) -> Outcome:
    return Outcome(
        work.sequence, found.word, found.reason, article=work.article, verdict=found.verdict,
        content_hash=found.content_hash, text_hash=found.text_hash, sketch=found.sketch,
        expected_revision=work.current.revision if work.current else 0,
    )  # fmt: skip


def _raw(work: Work) -> RawArticle:
    if work.raw is None:
        raise ValueError("a work at stage clean carries an original")
    return work.raw


def _article(work: Work) -> Article:
    if work.article is None:
        raise ValueError("a work past stage clean carries an article")
    return work.article
