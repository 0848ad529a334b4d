"""People's hands in the flow: withdrawals, replays and pruning in any order, from one seed a run.

At rest, whatever happened: nothing withdrawn is found, what the index holds of an article is what the ledger
has, no copy is hidden under another or under a tombstone, and totals equal the rows, by reason as well. The
tags of an article are those that the version noted for it gives, whether it was tagged again or fell back.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from shared.ledger.keeping import PruneRule, QuarantineFilter, ReplaySpec
from shared.ledger.port import Claim, Outcome
from shared.ledger.schema import articles, submissions
from shared.messages import STAGES
from shared.settings import Settings
from tests.contract.keeping_cases import BRIDGE, KEYWORDS, PIER, Newsroom, piece, walk

STEPS = 60
ITEMS = 6


@pytest.fixture
def room(settings: Settings) -> Iterator[Newsroom]:
    made = Newsroom(settings)
    if settings.ledger_url.startswith("sqlite"):  # nothing here survives a power cut anyway
        engine = made.ledger._database.engine  # type: ignore[attr-defined]
        sa.event.listen(engine, "connect", lambda db, _: db.execute("PRAGMA synchronous=OFF").close())
    yield made
    made.ledger.close()


def happen(room: Newsroom, pick: random.Random) -> str:
    """One thing that people, feeds or workers do."""
    room.now += 1
    number, chance = pick.randint(1, ITEMS), pick.random()
    ledger = room.ledger
    if chance < 0.3:
        title = pick.choice(["one", "two", "bad"])
        room.accept(piece(number, pick.choice([PIER, BRIDGE, f"{PIER} {number}"]), title=title))
        return f"push {number} {title}"
    if chance < 0.6:
        stage = pick.choice(STAGES)
        return f"work {stage} {room.step(stage)}"
    if chance < 0.65:
        purge = pick.random() < 0.5
        return f"withdraw {number} {purge} {ledger.withdraw(piece(number).id, room.now, purge=purge)}"
    if chance < 0.75:
        stage = pick.choice(STAGES)
        stale = room.vocabulary if stage == "tag" and pick.random() < 0.5 else None
        spec = ReplaySpec(stage, reset=stage in ("clean", "dedupe") and pick.random() < 0.5, stale=stale)
        return f"{spec} {ledger.replay(spec, 0, pick.randint(1, 5), room.now).changed}"
    if chance < 0.8:
        return f"replay quarantine {ledger.replay_quarantined(QuarantineFilter(), 0, 3, room.now).changed}"
    if chance < 0.83:
        return f"drop {ledger.drop_quarantined(QuarantineFilter(), 0, 1, room.now, 'why').changed}"
    if chance < 0.86:
        rule = PruneRule("articles", room.now)
        return f"prune {ledger.prune(rule, 0, 2, room.now).changed}"
    if chance < 0.88:
        return f"refresh {ledger.refresh(0, 3, room.now).changed}"
    if chance < 0.9:
        return f"index lost {lose_index(room)}"
    if chance < 0.94:
        room.vocabulary = pick.choice(sorted(KEYWORDS))
        return f"vocabulary {room.vocabulary}"
    if chance < 0.97:
        room.refused, room.reason = pick.choice(["two", "bad", "none"]), pick.choice(["stub", "feed", "No."])
        return f"refused {room.refused} {room.reason}"
    room.bad = pick.choice([{}, {}, {"tag": "bad"}, {"clean": "bad"}, {"index": "bad"}])
    return f"rules {room.bad}"


def lose_index(room: Newsroom) -> int:
    """Lose every document, and have all written again; whatever is tagged meanwhile may come out the same."""
    room.documents.clear()
    queued = walk(lambda after: room.ledger.refresh(after, 3, room.now))
    bad, room.bad = room.bad, {}
    room.settle()
    room.bad = bad
    return queued


def write_what_was_refused(room: Newsroom) -> None:
    """Let the index take what it refused: what stood in for it may lack a change."""
    room.check_tags()
    refused = QuarantineFilter(stage="index")
    if room.ledger.count_quarantined(refused):
        room.bad = {}
        walk(lambda after: room.ledger.replay_quarantined(refused, after, 10, room.now))
        room.settle()


class SlowWorker:
    """One that has tagged a batch by the rules of its time, and commits later, maybe too late."""

    def __init__(self, room: Newsroom) -> None:
        self._room = room
        self._held: tuple[Claim, list[Outcome]] | None = None

    def go_on(self) -> str:
        """Begin a batch, or commit the one begun."""
        if self._held is None:
            claim = self._room.hold("tag")
            self._held = None if claim is None else (claim, self._room.work(claim))
            return f"begin to tag {self._held is not None}"
        held, self._held = self._held, None
        return f"commit tags {self._room.commit(*held)}"

    def end(self) -> None:
        """Commit what is held."""
        if self._held is not None:
            self.go_on()


@pytest.mark.parametrize("seed", range(12))
def test_whatever_people_do_the_index_and_the_ledger_agree(room: Newsroom, seed: int) -> None:
    pick = random.Random(seed)
    history = []
    slow = SlowWorker(room)
    try:
        for _ in range(STEPS):
            history.append(slow.go_on() if pick.random() < 0.05 else happen(room, pick))
        slow.end()
        room.settle()
        write_what_was_refused(room)
        room.check()
        check_gone(room)
    except AssertionError as error:
        raise AssertionError("\n".join([*history, f"seed {seed}: {error}"])) from error
    assert len(room.documents) > 2, "the run was too short to say anything"


def check_gone(room: Newsroom) -> None:
    """Nothing that has gone is found, and nothing is under way."""
    waiting = room.rows(sa.select(submissions).where(submissions.c.stage.is_not(None)))
    assert waiting == []
    gone = {int(row["id"], 16) for row in room.rows(sa.select(articles).where(articles.c.gone.is_not(None)))}
    assert not gone & room.shown()
