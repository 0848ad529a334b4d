"""Bodies of senders of any speed: who gets a place, and for how long."""

from __future__ import annotations

import io
import threading
import time

import pytest
from werkzeug.exceptions import RequestTimeout

from shared import reading
from shared.errors import Unavailable
from shared.reading import Room


class Drops:
    """A sender of one byte at a time."""

    def __init__(self, pause: float, size: int = 1_000) -> None:
        self.pause, self.left, self.most_asked = pause, size, 0

    def read(self, size: int, /) -> bytes:
        self.most_asked = max(self.most_asked, size)
        time.sleep(self.pause * min(size, self.left))
        sent = min(size, self.left)
        self.left -= sent
        return b"x" * sent


@pytest.mark.parametrize("size", [0, 1, 1_000, 1_000_000])
def test_a_body_is_read_up_to_the_most_that_is_wanted(size: int) -> None:
    assert len(Room(16).read(io.BytesIO(b"x" * size), 500_000)) == min(size, 500_000)


def test_a_body_that_takes_too_long_is_408_and_gives_its_place_back() -> None:
    room = Room(1)
    drops = Drops(0.06)
    began = time.monotonic()
    with pytest.raises(RequestTimeout):
        room.read(drops, 1_000, 0.2)
    assert time.monotonic() - began < 1
    assert drops.most_asked <= 2
    assert room.read(io.BytesIO(b"next"), 10) == b"next"


def test_a_few_may_be_slow_and_the_others_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "GRACE_SECONDS", 0.1)
    room = Room(8)
    ends: list[object] = []

    def send() -> None:
        try:
            ends.append(len(room.read(Drops(0.06, 8), 100)))
        except Unavailable as error:
            ends.append(str(error))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert room.read(io.BytesIO(b"fast"), 10) == b"fast"
    for thread in threads:
        thread.join(5)
    assert sorted(map(str, ends)) == ["8", "8"] + ["too many bodies are being sent slowly; try again"] * 2


def test_a_quarter_of_the_threads_may_hold_streams() -> None:
    room = Room(8)
    release, _ = room.take_stream(), room.take_stream()
    with pytest.raises(Unavailable):
        room.take_stream()
    release()
    room.take_stream()
