"""Texts to try the rules on: what a file holds is told from its content, and cleaned as the workers would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

from services.cli.files import decode
from services.workers.stages.clean import clean_article
from shared.article import Article, RawArticle, Source
from shared.clock import from_ms
from shared.errors import InvalidRequest
from shared.push import read_json, read_stage_item

_SOURCE = Source("trial.example")
_PAGE = ("<!doctype", "<html", "<head", "<body", "<article", "<div", "<p", "<?xml", "<!--")


def read_trials(data: bytes, language: str | None) -> Iterator[tuple[Article, str | None]]:
    """The articles in a file, each with a note when the workers would not take it as it is.

    A file is NDJSON when its first line is a JSON object, a page when it begins like one, else plain text.
    Raises ``InvalidRequest`` with the number of a line that cannot be used.
    """
    text = decode(data).strip()
    if not text:
        raise InvalidRequest("file", "is empty")
    if _is_object(text.split("\n", 1)[0]):
        for number, line in enumerate(text.split("\n"), 1):
            if line.strip():
                yield _cleaned(_pushed(line, number), language)
    elif text[:200].lower().lstrip("\ufeff").startswith(_PAGE):
        yield _cleaned(_raw(html=text), language)
    else:
        yield _cleaned(_raw(text=text), language)


def _is_object(line: str) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _pushed(line: str, number: int) -> RawArticle:
    try:
        item = read_json(line.encode())
        return read_stage_item({"id": str(number), **item} if isinstance(item, dict) else item)
    except InvalidRequest as error:
        raise InvalidRequest(f"line {number}", str(error)) from error


def _raw(*, html: str | None = None, text: str | None = None) -> RawArticle:
    return RawArticle(id="1", source=_SOURCE, html=html, text=text)


def _cleaned(raw: RawArticle, language: str | None) -> tuple[Article, str | None]:
    cleaned = clean_article(raw)
    article, note = cleaned.article, None
    if cleaned.rejected:
        note = f"the workers would reject it: {cleaned.rejected}"
    if not article.body and raw.html is None:
        article = _as_it_is(raw)
    return (replace(article, language=language) if language else article), note


def _as_it_is(raw: RawArticle) -> Article:
    title, _, body = (raw.text or raw.body or "").strip().partition("\n")
    language = raw.language or "und"
    return Article(raw.id, raw.source, raw.title or title, body, from_ms(0), language=language)
