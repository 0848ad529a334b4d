"""The pipe between the thread that works and the thread that answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from threading import Thread

import pytest

from services.ingest.spool import MEMORY_BYTES, Abandoned, Spool


@pytest.fixture
def make() -> Iterator[Callable[..., Spool]]:
    with ExitStack() as stack:
        yield lambda **limits: stack.enter_context(closing(Spool(**limits)))


def test_bytes_come_out_in_order_and_then_the_end(make: Callable[..., Spool]) -> None:
    spool = make()
    spool.write(b"a")
    spool.write(b"b")
    assert spool.read() == b"ab"
    spool.write(b"c")
    spool.end()
    assert (spool.read(), spool.read(), spool.read()) == (b"c", b"", b"")


def test_who_waits_for_the_end_is_let_go_where_the_writer_gives_up_at_the_limit(
    make: Callable[..., Spool],
) -> None:
    spool = make(max_unread=3, patience=0.05)

    def write() -> None:
        spool.write(b"abc")
        with suppress(Abandoned):
            spool.write(b"d")
        spool.end()

    thread = Thread(target=write)
    thread.start()
    spool.wait_for_end()
    thread.join()
    assert list(spool) == [b"abc"]


def test_a_writer_far_ahead_of_its_reader_never_waits(make: Callable[..., Spool]) -> None:
    spool = make()
    line = b"x" * 9_999 + b"\n"
    for _ in range(500):
        spool.write(line)
    spool.end()
    pieces = list(spool)
    assert b"".join(pieces) == line * 500
    assert max(map(len, pieces)) <= MEMORY_BYTES


def test_a_reader_gets_each_piece_while_the_writer_goes_on(make: Callable[..., Spool]) -> None:
    there, back = make(), make()

    def answer() -> None:
        for piece in there:
            back.write(piece.upper())
        back.end()

    thread = Thread(target=answer)
    thread.start()
    for word in (b"one", b"two"):
        there.write(word)
        assert back.read() == word.upper()
    there.end()
    assert back.read() == b""
    thread.join(5)
    assert not thread.is_alive()


def test_an_error_of_the_writer_reaches_the_reader_after_the_last_byte(make: Callable[..., Spool]) -> None:
    spool = make()
    spool.write(b"a")
    spool.end(ValueError("broken"))
    assert spool.read() == b"a"
    with pytest.raises(ValueError, match="broken"):
        spool.read()


def test_a_writer_learns_that_the_reader_is_gone(make: Callable[..., Spool]) -> None:
    spool = make()
    spool.close()
    with pytest.raises(Abandoned):
        spool.write(b"a")


def test_a_writer_gives_up_on_a_reader_that_does_not_read(make: Callable[..., Spool]) -> None:
    spool = make(max_unread=10, patience=0.05)
    spool.write(b"x" * 10)
    with pytest.raises(Abandoned):
        spool.write(b"y")


def test_a_writer_waits_for_a_reader_that_makes_room(make: Callable[..., Spool]) -> None:
    spool = make(max_unread=10, patience=10)
    spool.write(b"x" * 10)
    thread = Thread(target=spool.read)
    thread.start()
    spool.write(b"y")
    thread.join(5)
    assert spool.read() == b"y"
