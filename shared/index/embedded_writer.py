"""The writing half of the embedded index: documents in, one commit per batch and directory."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import tantivy
from tantivy import DocAddress, Query, Searcher

from shared.article import Article
from shared.index.document import FIELDS, document
from shared.index.embedded_files import build_schema, open_files
from shared.index.port import WriteOutcome

HEAP_BYTES = 64_000_000  # of a writer, before it writes a segment; tantivy asks for 15 MB at least

Place = tuple[Path, Searcher]  # an index directory, and what it held when the batch began


class Batch:
    """Articles on their way into one index or two; each becomes a document once, when first needed."""

    def __init__(self, articles: Sequence[Article]) -> None:
        self.articles = articles
        self._built: dict[int, tantivy.Document] = {}

    def build(self, place: int) -> tantivy.Document:
        """The document of an article; raises ``ValueError`` when there can be none."""
        if place not in self._built:
            self._built[place] = _build(document(self.articles[place]))
        return self._built[place]


class Writers:
    """The only writers of the directories in use and being built; for one thread at a time.

    A writer is taken with the first batch for its directory, and kept: it holds the directory's lock.
    """

    def __init__(self) -> None:
        self._writers: dict[Path, tantivy.IndexWriter] = {}
        self._schema = build_schema()

    def write(self, place: Place, batch: Batch) -> list[WriteOutcome]:
        """Write a batch to one directory with one commit, or none when all of it is there already."""
        path, searcher = place
        writer = self._take(path)
        try:
            outcomes = self._add(batch, writer, find_changes(searcher, _ids(batch.articles), self._schema))
            if any(outcome.word == "written" for outcome in outcomes):
                writer.commit()
        except BaseException:
            self._take_back(path)
            raise
        return outcomes

    def remove(self, path: Path, ids: Sequence[str]) -> None:
        """Remove documents."""
        writer = self._take(path)
        try:
            for article_id in ids:
                writer.delete_documents_by_term("id", article_id)
            writer.commit()
        except BaseException:
            self._take_back(path)
            raise

    def keep(self, paths: Collection[Path]) -> None:
        """Let go of every other directory, and of its lock."""
        for path in self._writers.keys() - set(paths):
            del self._writers[path]

    def _take(self, path: Path) -> tantivy.IndexWriter:
        if path not in self._writers:
            self._writers[path] = open_files(path).writer(HEAP_BYTES, 1)
        return self._writers[path]

    def _take_back(self, path: Path) -> None:
        """Go back to the last commit: half a batch must not ride along with the next one."""
        try:
            self._writers[path].rollback()
        except (OSError, ValueError):
            # A new writer begins at the last commit; it can be had once this one and its lock are let go of.
            del self._writers[path]

    def _add(self, batch: Batch, writer: tantivy.IndexWriter, known: Mapping[str, int]) -> list[WriteOutcome]:
        changes = dict(known)
        newest: dict[str, int] = {}
        for article in batch.articles:
            newest[article.id] = max(article.change, newest.get(article.id, article.change))
        outcomes = []
        for number, article in enumerate(batch.articles):
            if article.change < newest[article.id] or changes.get(article.id, -1) >= article.change:
                outcomes.append(WriteOutcome(article.id, "stale"))
                continue
            outcomes.append(self._replace(batch, number, writer, known=article.id in changes))
            changes[article.id] = article.change
        return outcomes

    def _replace(
        self, batch: Batch, number: int, writer: tantivy.IndexWriter, *, known: bool
    ) -> WriteOutcome:
        article_id = batch.articles[number].id
        try:
            fresh = batch.build(number)
        except ValueError as error:
            return WriteOutcome(article_id, "refused", str(error))
        if known:
            writer.delete_documents_by_term("id", article_id)
        writer.add_document(fresh)
        return WriteOutcome(article_id, "written")


def find_addresses(searcher: Searcher, ids: Collection[str], schema: tantivy.Schema) -> dict[str, DocAddress]:
    """Where the documents of those ids lie that the index has, visible or not."""
    found: dict[str, DocAddress] = {}
    for article_id in set(ids):
        if searcher.doc_freq("id", article_id):  # most articles are new, and this costs next to nothing
            query = Query.term_query(schema, "id", article_id, "basic")
            hits = searcher.search(query, 1, count=False).hits
            found.update((article_id, address) for _, address in hits)
    return found


def find_changes(searcher: Searcher, ids: Collection[str], schema: tantivy.Schema) -> dict[str, int]:
    """The stored ``change`` of those ids that the index has."""
    found = find_addresses(searcher, ids, schema)
    changes = searcher.fast_field_values("change", list(found.values()))
    return {article_id: int(change or 0) for article_id, change in zip(found, changes, strict=True)}


def _ids(articles: Sequence[Article]) -> list[str]:
    return [article.id for article in articles]


def _build(values: Mapping[str, Any]) -> tantivy.Document:
    built = tantivy.Document()
    for name, value in values.items():
        kind = FIELDS[name]
        if kind == "long":
            built.add_integer(name, value)
        elif kind == "stored":
            built.add_bytes(name, value)
        else:
            for text in [value] if isinstance(value, str) else value:
                built.add_text(name, text)
    return built
