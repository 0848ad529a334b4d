"""How a stage waits through an outage: ever longer, told of once, and once more when it is over."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from services.workers.calm import Calm
from shared.errors import BadSettings, IndexMissing, Unavailable


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_outage_is_tried_after_one_second_then_ever_later_up_to_ten() -> None:
    clock = Clock()
    calm = Calm("index", clock)
    assert calm.seconds_left() == 0
    waits = []
    for _ in range(6):
        calm.trouble(Unavailable("away"))
        waits.append(calm.seconds_left())
        clock.now += waits[-1]
        assert calm.seconds_left() == 0
    assert waits == [1, 2, 4, 8, 10, 10]
    calm.over()
    calm.trouble(Unavailable("away again"))
    assert calm.seconds_left() == 1


@pytest.mark.parametrize(
    ("error", "level", "wait"),
    [
        (Unavailable("the engine is away"), "warning", 1.0),
        (IndexMissing("no alias"), "error", 10.0),
        (BadSettings("no such rules"), "error", 10.0),
    ],
)
def test_each_outage_has_one_line_at_its_start_and_one_at_its_end(
    error: Exception, level: str, wait: float
) -> None:
    calm = Calm("index", Clock())
    with capture_logs() as events:
        calm.over()
        for _ in range(20):
            calm.trouble(error)
            if len(events) == 1 and calm.reason is not None:
                assert calm.seconds_left() >= wait
        calm.over()
        calm.over()
    assert [event["log_level"] for event in events] == [level, "info"]
    assert events[0]["reason"] == str(error)
