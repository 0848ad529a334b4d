"""Lines out of pieces of a stream."""

from __future__ import annotations

import io

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.ingest import lines
from services.ingest.lines import read_lines

# A busy machine must not fail a test of what is read.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


class Pieces:
    """A stream that hands out the pieces it was made of, whatever size is asked for."""

    def __init__(self, *pieces: bytes) -> None:
        self.pieces = list(pieces)

    def read(self, size: int, /) -> bytes:
        return self.pieces.pop(0) if self.pieces else b""


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ((), []),
        ((b"a\nb\n",), [b"a", b"b"]),
        ((b"a\nb",), [b"a", b"b"]),
        ((b"a", b"b\nc", b"\n"), [b"ab", b"c"]),
        ((b"\n\na\r\n",), [b"", b"", b"a\r"]),
        ((b"123456789\nb\n",), [None, b"b"]),
        (
            (
                b"12345",
                b"6789",
                b"0\nb",
            ),
            [None, b"b"],
        ),
        ((b"b\n12345", b"6789"), [b"b", None]),
        ((b"12345678\n",), [b"12345678"]),
        ((b"1234", b"5678", b"\nb\n"), [b"12345678", b"b"]),
    ],
)
def test_a_stream_is_cut_into_lines_of_limited_length(
    pieces: tuple[bytes, ...], expected: list[bytes | None]
) -> None:
    assert list(read_lines(Pieces(*pieces), 8)) == expected


@UNHURRIED
@given(st.lists(st.binary(min_size=1, max_size=6)), st.integers(0, 12))
def test_how_a_stream_is_cut_into_pieces_changes_nothing(pieces: list[bytes], limit: int) -> None:
    whole = b"".join(pieces)
    told = whole.removesuffix(b"\n").split(b"\n") if whole else []
    expected = [line if len(line) <= limit else None for line in told]
    assert list(read_lines(Pieces(*pieces), limit)) == expected


def test_an_endless_line_takes_no_more_memory_than_its_limit() -> None:
    class Endless(io.BytesIO):
        left = 2_000

        def read(self, size: int | None = -1, /) -> bytes:
            self.left -= 1
            return b"x" * lines.PIECE_BYTES if self.left else b""

    import tracemalloc

    tracemalloc.start()
    assert list(read_lines(Endless(), 100_000)) == [None]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000
