"""Bodies of senders of any speed: who gets a place, and for how long."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable

import pytest
from werkzeug.exceptions import RequestTimeout

from shared import reading
from shared.errors import Unavailable
from shared.reading import Room, Stream


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
    room = Room(9)
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


class Silent:
    """A sender of nothing, until it goes away."""

    def __init__(self) -> None:
        self.asked, self.gone = threading.Event(), threading.Event()

    def read(self, _: int, /) -> bytes:
        self.asked.set()
        assert self.gone.wait(30)
        return b""


def read_in_thread(read: Callable[[Stream], object], stream: Silent) -> threading.Thread:
    thread = threading.Thread(target=read, args=(stream,))
    thread.start()
    assert stream.asked.wait(10)
    return thread


def test_who_sends_what_nobody_wants_takes_no_place_of_those_who_are_let_in() -> None:
    room, silent = Room(4), [Silent(), Silent()]
    held = read_in_thread(lambda stream: room.drain(stream, 100, 0.1), silent[0])
    with pytest.raises(Unavailable):
        room.drain(silent[1], 100, 0.1)
    assert room.read(io.BytesIO(b"wanted"), 10) == b"wanted"
    silent[0].gone.set()
    held.join()
    room.drain(io.BytesIO(b"x" * 100), 100, 0.1)


def test_what_nobody_wants_is_read_for_as_long_as_was_said() -> None:
    began = time.monotonic()
    Room(4).drain(Drops(0.06), 1_000, 0.1)
    assert time.monotonic() - began < 5


def test_nobody_waits_for_a_place_that_slow_senders_hold() -> None:
    room, silent = Room(8), [Silent() for _ in range(3)]  # as many as there are places
    held = [read_in_thread(lambda stream: room.read(stream, 100), one) for one in silent]
    deadline = time.monotonic() + 10
    while not room._is_held_up() and time.monotonic() < deadline:
        time.sleep(0.01)
    began = time.monotonic()
    for _ in range(50):
        with pytest.raises(Unavailable):
            room.read(io.BytesIO(b"x"), 10)
    assert time.monotonic() - began < 50 * reading.PLACE_SECONDS / 2
    for one, thread in zip(silent, held, strict=True):
        one.gone.set()
        thread.join()
    assert room.read(io.BytesIO(b"next"), 10) == b"next"


def test_for_places_of_quick_senders_one_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PLACE_SECONDS", 10.0)
    room, silent = Room(1), Silent()
    held = read_in_thread(lambda stream: room.read(stream, 100), silent)
    monkeypatch.setattr(reading, "LINGERS_SECONDS", 20.0)  # it has hardly begun
    threading.Timer(0.1, silent.gone.set).start()
    assert room.read(io.BytesIO(b"next"), 10) == b"next"
    held.join()
