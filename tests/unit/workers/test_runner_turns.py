"""A stage that has decided on a revision goes on with the next one of that item at once."""

from __future__ import annotations

from typing import Any

import pytest

from shared.ledger.port import Committed

from .test_runner import Desk


def test_the_next_revision_waits_for_no_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    asked: list[tuple[str, str, float, bool]] = []

    def wake(stage: str, lane: str, ids: Any = (), *, delay: float = 0.0, at_once: bool = False) -> None:
        asked.append((stage, lane, delay, at_once))

    monkeypatch.setattr(desk.waker, "wake", wake)
    told = Committed({"deduped": 1}, (("dedupe", "live"),), turn=("live",))
    monkeypatch.setattr(desk.ledger, "commit", lambda *_: told)
    desk.runner.run("live", "t")
    assert ("dedupe", "live", 0.0, True) in asked
