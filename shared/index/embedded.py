"""The index on tantivy, in a directory of its own: one process writes, any number of processes read.

What is written and asked is decided by ``document.py`` and ``plan.py``; ``embedded_files.py`` keeps the
directory, ``embedded_query.py`` translates.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import Lock
from typing import Any

import tantivy
from tantivy import DocAddress, Order, Query, Searcher

from shared.article import Article
from shared.clock import to_ms
from shared.errors import Unavailable
from shared.index.document import FIELDS, document, restore
from shared.index.embedded_files import (
    POINTER,
    Stamp,
    build_schema,
    create_index,
    open_files,
    read_pointer,
    stamp,
)
from shared.index.embedded_query import both, build_query
from shared.index.plan import Plan, plan_get, plan_search
from shared.index.port import Hit, SearchPage, SearchRequest, WriteOutcome

HEAP_BYTES = 64_000_000  # of the writer, before it writes a segment; tantivy asks for 15 MB at least
MAX_TIED = 20_000  # hits of one score that are put into order by date; beyond, the engine's order stands

_Found = tuple[float | None, DocAddress]


@dataclass(slots=True)
class _Opened:
    """The directory in use, and which state of it the searcher sees."""

    index: tantivy.Index
    path: Path
    pointer: Stamp
    meta: Stamp


class EmbeddedIndex:
    """An ``ArticleIndex`` in a directory; obeys the port's contract.

    With ``writing`` the first write takes the directory's only writer, and keeps it until ``close``. Make the
    object after a fork, never before: a writer does not survive one.
    """

    def __init__(self, directory: Path, *, writing: bool = False) -> None:
        self._directory = directory
        self._writing = writing
        self._schema = build_schema()
        self._lock = Lock()  # guards what is opened
        self._write_lock = Lock()  # one batch at a time
        self._opened: _Opened | None = None
        self._writer: tuple[Path, tantivy.IndexWriter] | None = None

    def create(self) -> None:
        """Make the index and its pointer if they are missing; harmless when they exist."""
        with _in_our_words():
            create_index(self._directory)

    def write(self, articles: Sequence[Article]) -> list[WriteOutcome]:
        """Write a batch with one commit; one outcome each, in order."""
        with self._write_lock, _in_our_words():
            path, searcher = self._current()
            writer = self._take_writer(path)
            try:
                outcomes = self._add(articles, writer, self._changes(articles, searcher))
                if any(outcome.word == "written" for outcome in outcomes):
                    writer.commit()
            except BaseException:
                self._take_back(writer)
                raise
        return outcomes

    def _take_back(self, writer: tantivy.IndexWriter) -> None:
        """Go back to the last commit: half a batch must not ride along with the next one."""
        try:
            writer.rollback()
        except (OSError, ValueError):
            # A new writer begins at the last commit; it can be had once this one and its lock are let go of.
            self._writer = None

    def search(self, request: SearchRequest) -> SearchPage:
        """Answer one search."""
        plan = plan_search(request)
        with _in_our_words():
            _, searcher = self._current()
            started = time.perf_counter()
            matched = both(build_query(plan.scored, self._schema), build_query(plan.filters, self._schema))
            shown = matched if plan.shown is None else both(matched, build_query(plan.shown, self._schema))
            groups, found = _find(searcher, shown, plan)
            articles = groups + self._count_folded(searcher, matched, plan)
            hits = tuple(Hit(_read(searcher, address), score) for score, address in found)
            engine_ms = (time.perf_counter() - started) * 1000
        return SearchPage(articles, groups, hits, engine_ms)

    def _count_folded(self, searcher: Searcher, matched: Query, plan: Plan) -> int:
        if plan.folded is None:
            return 0
        folded = both(matched, build_query(plan.folded, self._schema))
        return _count(searcher.search(Query.const_score_query(folded, 0.0), 1))

    def get(self, ids: Sequence[str], now: datetime) -> list[Article]:
        """The visible articles among ``ids``, in the order asked."""
        if not ids:
            return []
        with _in_our_words():
            _, searcher = self._current()
            query = build_query(plan_get(tuple(ids), to_ms(now)), self._schema)
            found = [_read(searcher, address) for _, address in searcher.search(query, len(ids)).hits]
        by_id = {article.id: article for article in found}
        return [by_id[article_id] for article_id in ids if article_id in by_id]

    def count(self) -> int:
        """How many documents there are, tombstones included."""
        with _in_our_words():
            return self._current()[1].num_docs

    def refresh(self) -> None:
        """Do nothing more: a write ends with a commit, which every search looks for."""

    def check(self) -> None:
        """Return when searches can be answered."""
        with _in_our_words():
            self._current()

    def close(self) -> None:
        """Give up the writer with its lock, and the files."""
        with self._write_lock, self._lock:
            self._writer = None
            self._opened = None

    def _current(self) -> tuple[Path, Searcher]:
        """The directory in use and a searcher of its newest commit; both looked at anew each time."""
        with self._lock:
            opened = self._opened
            if opened is None or stamp(self._directory / POINTER) != opened.pointer:
                opened = self._opened = self._open()
            meta = stamp(opened.path / "meta.json")
            if meta != opened.meta:
                opened.index.reload()
                opened.meta = meta
            return opened.path, opened.index.searcher()

    def _open(self) -> _Opened:
        # Each is looked at before it is read: a change in between is then noticed by the next search.
        pointer = stamp(self._directory / POINTER)
        path = read_pointer(self._directory)
        meta = stamp(path / "meta.json")
        return _Opened(open_files(path), path, pointer, meta)

    def _take_writer(self, path: Path) -> tantivy.IndexWriter:
        if not self._writing:
            raise Unavailable("This process has opened the index for reading only.")
        if self._writer is None or self._writer[0] != path:
            self._writer = None  # lets go of the old directory's lock first
            self._writer = (path, open_files(path).writer(HEAP_BYTES, 1))
        return self._writer[1]

    def _changes(self, articles: Sequence[Article], searcher: Searcher) -> dict[str, int]:
        """The stored ``change`` of those articles that the index has."""
        found: dict[str, DocAddress] = {}
        for article_id in {article.id for article in articles}:
            if searcher.doc_freq("id", article_id):  # most articles are new, and this costs next to nothing
                query = Query.term_query(self._schema, "id", article_id, "basic")
                found.update(
                    (article_id, address) for _, address in searcher.search(query, 1, count=False).hits
                )
        changes = searcher.fast_field_values("change", list(found.values()))
        return {article_id: int(change or 0) for article_id, change in zip(found, changes, strict=True)}

    def _add(
        self, articles: Sequence[Article], writer: tantivy.IndexWriter, changes: dict[str, int]
    ) -> list[WriteOutcome]:
        newest: dict[str, int] = {}
        for article in articles:
            newest[article.id] = max(article.change, newest.get(article.id, article.change))
        outcomes = []
        for article in articles:
            if article.change < newest[article.id] or changes.get(article.id, -1) >= article.change:
                outcomes.append(WriteOutcome(article.id, "stale"))
                continue
            outcomes.append(self._replace(article, writer, known=article.id in changes))
            changes[article.id] = article.change
        return outcomes

    def _replace(self, article: Article, writer: tantivy.IndexWriter, *, known: bool) -> WriteOutcome:
        try:
            fresh = _build(document(article))
        except ValueError as error:
            return WriteOutcome(article.id, "refused", str(error))
        if known:
            writer.delete_documents_by_term("id", article.id)
        writer.add_document(fresh)
        return WriteOutcome(article.id, "written")


def _build(values: dict[str, Any]) -> tantivy.Document:
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


def _read(searcher: Searcher, address: DocAddress) -> Article:
    stored: bytes = searcher.doc(address).get_first("article")  # type: ignore[assignment]
    return restore(stored)


def _count(result: tantivy.SearchResult) -> int:
    count: int = result.count  # type: ignore[attr-defined]  # the library's stubs have forgotten it
    return count


def _find(searcher: Searcher, query: Query, plan: Plan) -> tuple[int, list[_Found]]:
    """How many match, and the addresses of the page asked for."""
    if plan.size == 0:
        return _count(searcher.search(query, 1)), []  # the engine cannot be asked for no hit at all
    if plan.sort == "relevance":
        return _find_by_score(searcher, query, plan)
    order = Order.Asc if plan.sort == "oldest" else Order.Desc
    result = searcher.search(query, plan.size, order_by_field="sort_key", offset=plan.offset, order=order)
    return _count(result), [(None, address) for _, address in result.hits]


def _find_by_score(searcher: Searcher, query: Query, plan: Plan) -> tuple[int, list[_Found]]:
    """Order by score, then by ``sort_key``: the engine knows one key, so whole groups of ties are fetched.

    Hits are collected until the last one scores less than the page's last: then no tie can be missing.
    """
    wanted = plan.offset + plan.size
    limit = wanted + 100
    while True:
        result = searcher.search(query, limit)
        hits = result.hits
        tied = len(hits) == limit and hits[-1][0] == hits[wanted - 1][0]
        if not tied or limit >= MAX_TIED:
            break
        limit = min(limit * 8, MAX_TIED)
    keys = searcher.fast_field_values("sort_key", [address for _, address in hits])
    ranked = sorted(zip(hits, keys, strict=True), key=lambda one: (-one[0][0], -(one[1] or 0)))
    return _count(result), [hit for hit, _ in ranked[plan.offset : wanted]]


@contextmanager
def _in_our_words() -> Iterator[None]:
    """Turn what the engine and the disk raise into ``Unavailable``."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"The index cannot be used: {error}") from error
    except ValueError as error:
        if "LockBusy" in str(error):
            raise Unavailable("Another process is writing to the index.") from error
        raise Unavailable(f"The index cannot be used: {error}") from error
