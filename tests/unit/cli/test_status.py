"""`copydesk status` without services: the backlog, the totals and what to look at next."""

import re

import pytest

from services.cli import status
from shared.clock import now_ms

from .conftest import raw


@pytest.fixture(autouse=True)
def _no_services(monkeypatch):
    monkeypatch.setattr(status.Desk, "readiness", lambda desk: iter([("ingest", None), ("search", None)]))


def rows(text):
    """The cells of each table line, by the first."""
    lines = ([cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in text.splitlines())
    return {cells[0]: cells[1:] for cells in lines if cells}


def test_it_shows_where_work_waits_and_for_how_long(desk):
    desk.accept(raw(1), at=now_ms() - 600_000)
    desk.accept(raw(2), raw(3))
    held = desk.ledger.claim("clean", "live", 1, "w", now_ms())
    assert held is not None
    told = desk.run("status")
    assert told.code == 1  # no service answers
    assert rows(told.out)["clean"][:4] == ["live", "2", "1", "0"]
    assert rows(told.out)["clean"][5] == "10 m ago"
    assert desk.ledger.release(held.token, now_ms()) == 1
    told = desk.run("status")
    assert rows(told.out)["clean"][:4] == ["live", "2", "0", "1"]  # put off for a second


def test_it_shows_totals_and_where_to_look_for_what_was_quarantined(desk):
    desk.push(raw(1), raw(2))
    assert "quarantine list" not in desk.run("status").out
    desk.quarantine(raw(3))
    desk.ledger.tally("woken", 4)
    told = desk.run("status").out
    shown = rows(told)
    assert [shown[word] for word in ("accepted", "indexed", "quarantined", "rejected")] == [
        ["3"],
        ["2"],
        ["1"],
        ["0"],
    ]
    assert "woken by the sweeper, since the beginning: 4" in told
    assert "1 submission in quarantine; see `copydesk quarantine list`" in told


def test_an_article_shows_its_journey(desk):
    desk.push(raw(1))
    told = desk.run("status", raw(1).id)
    assert told.code == 0
    assert f"{raw(1).id}  indexed, revision 1" in told.out
    assert [word for word in ("accepted", "cleaned", "deduped", "tagged", "indexed") if word in told.out] == [
        "accepted", "cleaned", "deduped", "tagged", "indexed",
    ]  # fmt: skip
    assert "withdrawn" not in told.out
