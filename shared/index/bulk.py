"""Elasticsearch's bulk format: an article as its lines, a batch in pieces, an item's answer as an outcome.

Sending the pieces is left to ``elasticsearch.py``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from shared.article import Article
from shared.codec import to_json
from shared.errors import IndexMissing
from shared.index.document import document
from shared.index.port import WriteOutcome

MAX_BYTES = 8 * 1024 * 1024  # the write rate levels off between 5 and 10 MB
MAX_ITEMS = 500
_REASON_CHARS = 500


@dataclass(frozen=True, slots=True)
class BulkItem:
    """One article ready to be sent: its action line and its source line."""

    id: str
    lines: bytes


def bulk_item(article: Article) -> BulkItem:
    """The lines of an article; raises ``ValueError`` or ``OverflowError`` when it can never be written.

    Its ``change`` is the external version, so that the engine itself refuses what is older. A tombstone is
    written too, never deleted: the engine forgets the version of a deleted document after a minute.
    """
    action = {"index": {"_id": article.id, "version": article.change, "version_type": "external"}}
    source = {
        name: msgspec.Raw(part) if isinstance(part, bytes) else part
        for name, part in document(article).items()
    }
    return BulkItem(article.id, b"%b\n%b\n" % (to_json(action), to_json(source)))


def delete_lines(index: str, article_id: str, change: int) -> bytes:
    """The line that removes a document for good, unless a higher change has been written meanwhile.

    With the document's own change as external version: the engine remembers a deleted document's version for
    a minute, and one that it counted up itself would make the article's very next change stale.
    """
    action = {"_index": index, "_id": article_id, "version": change, "version_type": "external_gte"}
    return b"%b\n" % to_json({"delete": action})


def divide(items: Sequence[BulkItem]) -> Iterator[list[BulkItem]]:
    """Pieces within both limits, in order; an item over the limit goes alone."""
    piece: list[BulkItem] = []
    size = 0
    for item in items:
        if piece and (size + len(item.lines) > MAX_BYTES or len(piece) >= MAX_ITEMS):
            yield piece
            piece, size = [], 0
        piece.append(item)
        size += len(item.lines)
    if piece:
        yield piece


def newest(articles: Sequence[Article]) -> set[int]:
    """The places of the articles to send: of each id the first with the highest change."""
    best: dict[str, int] = {}
    for place, article in enumerate(articles):
        other = best.get(article.id)
        if other is None or article.change > articles[other].change:
            best[article.id] = place
    return set(best.values())


def outcome(article_id: str, answer: Mapping[str, Any]) -> WriteOutcome:
    """What an item's answer means for the article; raises ``IndexMissing`` when there is no alias."""
    status, error = answer.get("status"), answer.get("error") or {}
    if status in (200, 201):
        return WriteOutcome(article_id, "written")
    if status == 409:
        return WriteOutcome(article_id, "stale")
    reason = describe(error)
    if status == 404 and error.get("type") == "index_not_found_exception":
        raise IndexMissing(reason)
    # All else passes: 429 and 503 (overload), 403 (the flood stage of a full disk, or rights that an operator
    # withdrew), 5xx. Only a 400 is the document's own fault.
    return WriteOutcome(article_id, "refused" if status == 400 else "unavailable", reason)


def describe(error: Mapping[str, Any]) -> str:
    """The type and reason of an error, with those of its causes, short enough for a journey."""
    parts = []
    cause: Mapping[str, Any] | None = error
    while cause:
        parts.append(f"{cause.get('type')}: {cause.get('reason')}")
        cause = cause.get("caused_by")
    return "; ".join(parts)[:_REASON_CHARS]
