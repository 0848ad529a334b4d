"""Delivers files to ingest in batches and follows every article to the end of its way."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.cli.client import Desk, Json
from services.cli.files import Page, read_file
from shared.errors import InvalidRequest

BATCH_ITEMS = 200
BATCH_BYTES = 4 * 1024 * 1024  # well under what a request may hold by default


@dataclass(frozen=True, slots=True)
class Sent:
    """What ingest said to one item: its id when it was accepted, else why not."""

    label: str  # of the item, for people: file and number
    id: str | None
    error: str | None = None


def deliver(desk: Desk, path: Path, source: str | None = None, url: str | None = None) -> Iterator[Sent]:
    """Push what a file holds; one answer for each item, in order."""
    content = read_file(path, source, url)
    if isinstance(content, Page):
        yield _deliver_page(desk, path, content, source)
        return
    number = 0
    for batch in batches(content):
        for answer in desk.push(batch):
            number += 1
            yield _sent(f"{path.name}:{number}", answer)


def _deliver_page(desk: Desk, path: Path, page: Page, source: str | None) -> Sent:
    try:
        receipt = desk.push_page(page.content, page.content_type, page.url, source)
    except InvalidRequest as error:
        return Sent(path.name, None, str(error))
    return Sent(path.name, receipt["id"])


def _sent(label: str, answer: Json) -> Sent:
    error = answer.get("error")
    return Sent(label, answer.get("id") if not error else None, _describe(error) if error else None)


def _describe(error: object) -> str:
    """An error of one line in words, whether it is a text, a problem or a list of field errors."""
    if isinstance(error, dict):
        inner = error.get("errors")
        if inner:
            return _describe(inner)
        words = [str(error[name]) for name in ("field", "message", "detail", "title") if error.get(name)]
        return ": ".join(words[:2])
    if isinstance(error, list):
        return "; ".join(_describe(one) for one in error)
    return str(error)


def batches(items: Iterable[Any]) -> Iterator[list[Any]]:
    """Cut a stream of items into batches of limited number and size."""
    batch: list[Any] = []
    size = 0
    for item in items:
        weight = len(json.dumps(item))
        if batch and (len(batch) >= BATCH_ITEMS or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += weight
    if batch:
        yield batch


def follow(desk: Desk, sent: Iterable[Sent], advance: Callable[[], None] = lambda: None) -> dict[str, Json]:
    """Wait for the end of every accepted article; returns the last status of each by id."""
    ended: dict[str, Json] = {}
    for status in desk.wait(one.id for one in sent if one.id):
        ended[status["id"]] = status
        advance()
    return ended
