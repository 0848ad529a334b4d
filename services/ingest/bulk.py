"""NDJSON in, an outcome per line out, each after its commit; memory is bounded whatever the length.

A stream may be of any length and take any time. Lines are committed in batches; blank lines are passed over.
The index of an outcome is the number of its line, from 0, blank ones counted.

Outcomes come while lines are still sent, unless the request has the header ``X-Answer-After-Body``: then even
the head of the answer comes after the last line was committed, and outcomes wait in the spool until then. A
proxy sets it that sends no more of a body once the answer has begun, as nginx: both would wait for ever.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextvars import copy_context
from threading import Thread
from typing import Final

from services.ingest.door import Door, unreadable
from services.ingest.lines import Gap, Pieces, read_lines
from services.ingest.schema import not_now, result
from services.ingest.spool import Abandoned, Spool
from shared.article import RawArticle
from shared.codec import to_json
from shared.errors import InvalidRequest, Unavailable
from shared.log import get_logger
from shared.push import InvalidPush, read_json
from shared.reading import Release, Stream

AFTER_BODY: Final = "X-Answer-After-Body"  # a header of the request, with any value
BATCH_LINES: Final = 100
BATCH_BYTES: Final = 4 * 1024 * 1024
BATCH_SECONDS: Final = 0.25  # how long a line waits for more of them (see ``lines`` for very long ones)

_Line = tuple[int, RawArticle | InvalidPush]


class Answer:
    """The answer to one stream, as an iterable of bytes; work goes on beside it, in a thread of its own."""

    def __init__(self, door: Door, stream: Stream, release: Release, *, after_body: bool = False) -> None:
        """Wait for the first outcomes, or all; raises ``Unavailable`` when none could be committed.

        ``release`` is called at the end, whatever it is.
        """
        self._spool = Spool()
        self._pieces = Pieces(stream, BATCH_SECONDS)
        self._release: Release | None = release
        arguments = (_work, door, self._pieces, self._spool)
        Thread(target=copy_context().run, args=arguments, name="bulk", daemon=True).start()
        try:
            if after_body:
                self._spool.wait_for_end()
            self._first = self._spool.read()
        except BaseException:
            self.close()
            raise
        if not self._first:
            self.close()
            raise InvalidRequest("request", "must hold at least one line")

    def __iter__(self) -> Iterator[bytes]:
        """The outcomes, as they come."""
        yield self._first
        yield from self._spool
        self.close()

    def close(self) -> None:
        """Stop, at the latest with the next batch."""
        self._spool.close()
        self._pieces.close()
        if self._release is not None:
            self._release()
            self._release = None


def _work(door: Door, pieces: Pieces, spool: Spool) -> None:
    """Feed the spool; an error after the first outcomes ends the answer early, and is logged."""
    started = False
    try:
        for outcomes in _outcomes(door, pieces):
            spool.write(outcomes)
            started = True
    except Abandoned:
        get_logger().warning("bulk answer not read")
        spool.end()
    except Exception as error:  # noqa: BLE001 - the edge: the request's own thread hears of it
        if started:
            get_logger().exception("bulk stream broke")
        spool.end(None if started else error)
    else:
        spool.end()


def _outcomes(door: Door, pieces: Pieces) -> Iterator[bytes]:
    """Outcomes batch by batch. Once the ledger is away or full, every later line is answered ``unavailable``.

    A sender who is still sending is answered so from the first line: it may wait for that before it goes on.
    """
    away: Unavailable | None = None
    for number, batch in enumerate(_batches(door, pieces)):
        if away is None:
            try:
                yield _commit(door, batch)
                continue
            except Unavailable as error:
                if number == 0 and pieces.all_read:
                    raise
                get_logger().warning("rest of a bulk stream not taken", error=str(error))
                away = error
        yield b"".join(to_json(_refused(index, one, away)) + b"\n" for index, one in batch)


def _commit(door: Door, batch: list[_Line]) -> bytes:
    door.capacity.check()
    outcomes = door.accept_each([one for _, one in batch])
    lines = zip(batch, outcomes, strict=True)
    return b"".join(to_json(result(index, outcome)) + b"\n" for (index, _), outcome in lines)


def _refused(index: int, one: RawArticle | InvalidPush, away: Unavailable) -> dict[str, object]:
    return result(index, one) if isinstance(one, InvalidPush) else not_now(index, str(away))


def _batches(door: Door, pieces: Pieces) -> Iterator[list[_Line]]:
    batch: list[_Line] = []
    weight, due = 0, 0.0
    for index, line in _numbered(read_lines(pieces, door.settings.max_request_bytes)):
        if line is Gap.PAUSE:
            if batch:
                yield batch
                batch = []
            continue
        if not batch:
            weight, due = 0, time.monotonic() + BATCH_SECONDS
        batch.append((index, _read_line(door, line)))
        weight += len(line) if isinstance(line, bytes) else 0
        if len(batch) >= BATCH_LINES or weight >= BATCH_BYTES or time.monotonic() >= due:
            yield batch
            batch = []
    if batch:
        yield batch


def _numbered(lines: Iterable[bytes | Gap]) -> Iterator[tuple[int, bytes | Gap]]:
    """The lines that are not blank, with their numbers; a pause has none of its own."""
    index = 0
    for line in lines:
        if line is Gap.PAUSE:
            yield index, line
            continue
        if isinstance(line, Gap) or line.strip():
            yield index, line
        index += 1


def _read_line(door: Door, line: bytes | Gap) -> RawArticle | InvalidPush:
    if isinstance(line, Gap):
        return unreadable("line", f"must have at most {door.settings.max_request_bytes} bytes")
    try:
        item = read_json(line, keep_surrogates=True)
    except InvalidRequest as error:
        where = "" if error.position is None else f" (at position {error.position})"
        return unreadable("line" if error.field == "request" else error.field, error.message + where)
    return door.check(item, door.now())
