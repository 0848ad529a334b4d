"""Lines out of pieces of a stream."""

from __future__ import annotations

import io
import itertools
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest import lines
from services.ingest.lines import Gap, Pieces, eager_pieces, read_lines

# A busy machine must not fail a test of what is read.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((), []),
        ((b"a\nb\n",), [b"a", b"b"]),
        ((b"a\nb",), [b"a", b"b"]),
        ((b"a", b"b\nc", b"\n"), [b"ab", b"c"]),
        ((b"\n\na\r\n",), [b"", b"", b"a\r"]),
        ((b"123456789\nb\n",), [Gap.TOO_LONG, b"b"]),
        (
            (
                b"12345",
                b"6789",
                b"0\nb",
            ),
            [Gap.TOO_LONG, b"b"],
        ),
        ((b"b\n12345", b"6789"), [b"b", Gap.TOO_LONG]),
        ((b"12345678\n",), [b"12345678"]),
        ((b"1234", b"5678", b"\nb\n"), [b"12345678", b"b"]),
    ],
)
def test_a_stream_is_cut_into_lines_of_limited_length(
    pieces: tuple[bytes, ...], expected: list[bytes | Gap]
) -> None:
    assert list(read_lines(pieces, 8)) == expected


@UNHURRIED
@given(st.lists(st.binary(min_size=1, max_size=6)), st.integers(0, 12))
def test_how_a_stream_is_cut_into_pieces_changes_nothing(pieces: list[bytes], limit: int) -> None:
    whole = b"".join(pieces)
    told = whole.removesuffix(b"\n").split(b"\n") if whole else []
    expected = [line if len(line) <= limit else Gap.TOO_LONG for line in told]
    assert list(read_lines(pieces, limit)) == expected


def test_an_endless_line_takes_no_more_memory_than_its_limit() -> None:
    class Endless(io.BytesIO):
        left = 2_000

        def read(self, size: int | None = -1, /) -> bytes:
            self.left -= 1
            return b"x" * lines.PIECE_BYTES if self.left else b""

    import tracemalloc

    tracemalloc.start()
    assert list(read_lines(eager_pieces(Endless()), 100_000)) == [Gap.TOO_LONG]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


class Paced:
    """A sender whose lines come with pauses; reads as a server does: until it has all that was asked for."""

    def __init__(self, *sent: bytes, pause: float) -> None:
        self.sent, self.pause, self.left = list(sent), pause, b""

    def read(self, size: int, /) -> bytes:
        while len(self.left) < size and self.sent:
            time.sleep(self.pause)
            self.left += self.sent.pop(0)
        piece, self.left = self.left[:size], self.left[size:]
        return piece


def test_each_line_of_a_slow_sender_is_handed_on_before_the_next_comes() -> None:
    sent = [b"a" * 100 + b"\n", b"b" * (lines.CAREFUL_BYTES - 2) + b"\n", b"c\nd\n", b"e"]
    stream = Paced(*sent, pause=0.08)
    left = [(piece, len(stream.sent)) for piece in eager_pieces(stream)]
    assert left == [(sent[0], 3), (sent[1], 2), (b"c\n", 1), (b"d\n", 1), (b"e", 0)]


def test_pieces_grow_while_a_sender_is_fast_and_hold_every_byte() -> None:
    whole = b"0123456789\n" * 20_000
    pieces = list(eager_pieces(io.BytesIO(whole)))
    assert b"".join(pieces) == whole
    assert max(map(len, pieces)) == lines.PIECE_BYTES


def test_a_stream_that_pauses_says_so_and_ends_only_after_a_read_under_way() -> None:
    going_on = threading.Event()

    class Waiting:
        sent = iter([b"a", b"\n"])

        def read(self, size: int, /) -> bytes:
            piece = next(self.sent, None)
            return piece if piece is not None else b"b" if going_on.wait(5) else b""

    pieces = Pieces(Waiting(), 0.01)
    found = list(itertools.islice((one for one in pieces if one is not Gap.PAUSE), 1))
    assert found == [b"a\n"]
    assert next(iter(pieces)) is Gap.PAUSE
    threading.Timer(0.1, going_on.set).start()
    pieces.close()
    assert going_on.is_set()
    assert pieces.all_read
