"""`copydesk stage`: one stage as a filter on NDJSON; no services, nothing kept.

What a stage decides is the stage's own business; this reads lines, calls it, and shapes the answers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Iterator
from typing import IO, Any

import click

from shared.article import Article, RawArticle, Verdict
from shared.clock import from_ms
from shared.codec import to_json, to_plain
from shared.errors import CopydeskError
from shared.push import read_json, read_stage_item

Json = dict[str, Any]
LONGEST_LINE = 64 * 1024 * 1024  # bytes; a stream without line ends must not fill the memory
# Clean looks for a date in the page as well; in what is taken as clean, a bad one is its maker's mistake.
DATES = ("published_at",)
EPOCH = from_ms(0)  # a stage run by hand has no time of ingest, and gives the same answer every day


@click.group()
def stage() -> None:
    """Run one stage on NDJSON from standard input, without any service.

    One line out for each line in, in the same order; only "id" is required. A line that cannot be used
    answers {"id","error"} and does not end the run.
    """


@stage.command()
def clean() -> None:
    """Pages and texts in; clean text, and what was cut, out."""
    from services.workers.stages.clean import clean_article

    def answer(raw: RawArticle) -> Json:
        cleaned = clean_article(raw)
        return clean_answer(cleaned.article, cleaned.rejected)

    run(answer)


@stage.command()
def tag() -> None:
    """Articles in; topics, entities, keywords and amounts out."""
    from services.workers.stages.tag import tagger_of
    from shared.settings import read_settings

    settings = read_settings()
    tagger = tagger_of(settings.vocabulary_dir, settings.topic_model, settings.entity_model)
    run(lambda raw: tag_answer(tagger.tag(as_article(raw))), DATES)


@stage.command()
def dedupe() -> None:
    """Clean articles in order of arrival in; verdict, lead and story of each out."""
    from services.cli.deduping import Deduping

    deduping = Deduping()
    run(lambda raw: dedupe_answer(raw.id, deduping.verdict(as_article(raw))), DATES)


def dedupe_answer(article_id: str, verdict: Verdict) -> Json:
    """What dedupe says of one article."""
    return {
        "id": article_id,
        "verdict": verdict.word,
        "of": verdict.duplicate_of,
        "similarity": verdict.similarity,
        "story_id": verdict.story_id,
    }


def clean_answer(article: Article, rejected: str | None) -> Json:
    """What clean says of one article."""
    names = ("id", "title", "body", "language", "published_at", "authors", "removed")
    return {name: getattr(article, name) for name in names} | {"rejected": rejected}


def tag_answer(article: Article) -> Json:
    """What tag says of one article."""
    return {name: getattr(article, name) for name in ("id", "topics", "entities", "keywords", "amounts")}


def as_article(raw: RawArticle) -> Article:
    """A pushed item taken as clean already."""
    return Article(
        id=raw.id,
        source=raw.source,
        title=raw.title or "",
        body=raw.body or raw.text or "",
        ingested_at=EPOCH,
        summary=raw.summary,
        language=raw.language or "und",
        published_at=raw.published_at,
        source_keywords=raw.keywords,
    )


def run(answer: Callable[[RawArticle], Json], checked: Collection[str] = ()) -> None:
    """Answer standard input on standard output, each line as it comes; an error says which line it was.

    ``checked``: fields that must be usable where they are given; other hints are passed over.
    """
    out = sys.stdout.buffer
    for number, line in enumerate(read_lines(sys.stdin.buffer), 1):
        plain = answer_line(line, answer, checked)
        if "error" in plain:
            plain["error"] = f"line {number}: {plain['error']}"
        out.write(to_json(plain) + b"\n")
        out.flush()


def read_lines(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines of a stream, one by one; a line over the limit comes cut, and the rest is dropped."""
    while line := stream.readline(LONGEST_LINE):
        cut = not line.endswith(b"\n") and len(line) == LONGEST_LINE
        while cut and (rest := stream.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
            pass
        yield line


def answer_line(line: bytes, answer: Callable[[RawArticle], Json], checked: Collection[str] = ()) -> Json:
    """The answer to one line, which for a bad one is ``{"id","error"}``."""
    item: object = None
    try:
        item = read_json(line)
        plain: Json = to_plain(answer(read_stage_item(item, checked)))
    except CopydeskError as error:
        return {"id": id_of(item), "error": str(error)}
    except Exception as error:  # noqa: BLE001 - the edge: one line must not end the run
        return {"id": id_of(item), "error": f"{type(error).__name__}: {error}"}
    return plain


def id_of(item: object) -> str | None:
    """The id of an item that could not be used, if it has one."""
    found = item.get("id") if isinstance(item, dict) else None
    return found if isinstance(found, str) else None
