"""A whole result as lines of NDJSON or CSV, in constant memory: one page of a walk at a time.

A transfer that breaks off must not look like a whole one, and the server ends it in order whatever happens.
So a failure is the last thing sent, in a shape that no reader takes for an article: NDJSON ends with an
object that has only ``error``, CSV with a quoted cell that never ends (a strict reader refuses the file).

Granian takes about ten pieces ahead of a slow reader, whatever their size, so they are small: with whole
pages four readers who stopped at 63 MB cost 490 MB, with pieces 116 MB. Who stops holds a place and a thread
until it goes on or away.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from threading import Lock, Semaphore
from typing import Any, Final, Literal, get_args

from services.search.answers import Json, article_json
from services.search.params import PARAMETERS, Given, Wanted
from services.search.reader import Reader
from shared.article import Article
from shared.codec import to_json
from shared.errors import Unavailable
from shared.index.port import Mark, Step
from shared.log import get_logger

Format = Literal["ndjson", "csv"]
FORMATS: Final = get_args(Format)
# A file has no pages and no marked words, and one line for each article.
LEFT_OUT: Final = ("size", "offset", "highlight", "stories", "facets", "facet_size")
EXPORT_PARAMETERS: Final = (*(name for name in PARAMETERS if name not in LEFT_OUT), "format")
STEP_SIZE: Final = 200  # articles held at once; one of them may have 300,000 characters
PIECE_BYTES: Final = 64 * 1024  # handed to the server at once
WAITS: Final = (0.5, 1.0, 2.0)  # seconds before each new try of a step; a state is kept far longer
# What spreadsheets take for the beginning of a formula, in either width; a tab or line break may hide it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_BROKEN: Final = "the export broke off here and is not complete; begin again"


class Places:
    """How many exports may run at once: each holds a thread of the server for as long as it takes."""

    def __init__(self, most: int) -> None:
        self._free = Semaphore(most)

    def take(self) -> Callable[[], None]:
        """Take a place and return what gives it back, once; raises ``Unavailable`` when all are taken."""
        if not self._free.acquire(blocking=False):
            raise Unavailable("too many exports run at once")
        lock, given = Lock(), False

        def give_back() -> None:
            nonlocal given
            with lock:
                first, given = not given, True
            if first:
                self._free.release()

        return give_back


class Export:
    """One result on its way out. Its first page is there before anything is sent, so that errors can be told.

    ``total`` counts the articles as the walk begins; those withdrawn on the way are not sent.
    """

    def __init__(self, reader: Reader, wanted: Wanted, kind: Format, waits: Sequence[float] = WAITS) -> None:
        self._reader = reader
        self._wanted = replace(wanted, request=replace(wanted.request, size=STEP_SIZE))
        self._fields = ("id", *(name for name in wanted.fields if name != "id"))
        self._kind = kind
        self._waits = waits
        self._step = reader.step(self._wanted, None)
        self.total = self._step.page.groups

    def lines(self) -> Iterator[bytes]:
        """The bytes of the file, page by page; raises what broke it off, after a line that says so."""
        try:
            if self._kind == "csv":
                yield csv_rows([self._fields])
            yield from self._pieces()
            while self._step.mark is not None:
                self._step = self._next(self._step.mark)
                yield from self._pieces()
        except Exception as error:
            get_logger().warning("export broke off", error=str(error))
            yield broken_line(self._kind)
            raise
        finally:
            self.close()

    def close(self) -> None:
        """Give up what is kept for the walk; harmless when it has ended."""
        if self._step.mark is not None:
            self._reader.end_walk(self._step.mark)

    def _pieces(self) -> Iterator[bytes]:
        """The articles of a page as bytes, some in each piece, so that the server holds little unsent."""
        piece = b""
        for hit in self._step.page.hits:
            piece += self._line(hit.article)
            if len(piece) >= PIECE_BYTES:
                yield piece
                piece = b""
        if piece:
            yield piece

    def _line(self, article: Article) -> bytes:
        if self._kind == "ndjson":
            return to_json(article_json(article, self._fields)) + b"\n"
        return csv_rows([csv_cells(article, self._fields)])

    def _next(self, mark: Mark) -> Step:
        for wait in self._waits:
            try:
                return self._reader.step(self._wanted, mark)
            except Unavailable:
                time.sleep(wait)
        return self._reader.step(self._wanted, mark)


def read_kind(given: Given) -> Format | None:
    """The format that is asked for; None where it is missing, given twice or unknown."""
    named = given.get("format", [])
    return named[0] if len(named) == 1 and named[0] in FORMATS else None  # type: ignore[return-value]


def file_name(kind: Format, now: datetime) -> str:
    """What an export is called when it is kept as a file."""
    return f"copydesk-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.{kind}"


def csv_rows(rows: Sequence[Sequence[str]]) -> bytes:
    """Rows as RFC 4180 has them, in UTF-8."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def csv_cells(article: Article, fields: Sequence[str]) -> list[str]:
    """An article as cells: text as it is, nothing as an empty cell, and everything else as JSON."""
    shown: Json = article_json(article, fields)
    return [_cell(shown[name]) for name in fields]


def _cell(value: Any) -> str:  # noqa: ANN401 - whatever an article may hold
    if value is None:
        return ""
    if isinstance(value, datetime):
        return to_json(value).decode().strip('"')
    if not isinstance(value, str):
        return to_json(value).decode()
    return f"'{value}" if value.startswith(_FORMULA) else value


def broken_line(kind: Format) -> bytes:
    """What ends a file that is not complete."""
    return to_json({"error": {"detail": _BROKEN}}) + b"\n" if kind == "ndjson" else f'"{_BROKEN}'.encode()
