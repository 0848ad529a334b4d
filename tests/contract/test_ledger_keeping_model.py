"""People's hands in the flow: withdrawals, replays and pruning in any order, from one seed a run.

At rest, whatever happened: nothing withdrawn is found, what the index holds of an article is what the ledger
has, no copy is hidden under another or under a tombstone, and totals equal the rows.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from shared.ledger.keeping import PruneRule, QuarantineFilter, ReplaySpec
from shared.ledger.schema import articles, submissions
from shared.messages import STAGES
from shared.settings import Settings
from tests.contract.keeping_cases import BRIDGE, PIER, Newsroom, piece

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
        spec = ReplaySpec(stage, reset=stage in ("clean", "dedupe") and pick.random() < 0.5)
        return f"{spec} {ledger.replay(spec, 0, pick.randint(1, 5), room.now).changed}"
    if chance < 0.8:
        return f"replay quarantine {ledger.replay_quarantined(QuarantineFilter(), 0, 3, room.now).changed}"
    if chance < 0.83:
        return f"drop {ledger.drop_quarantined(QuarantineFilter(), 0, 1, room.now, 'why').changed}"
    if chance < 0.86:
        rule = PruneRule("articles", room.now)
        return f"prune {ledger.prune(rule, 0, 2, room.now).changed}"
    if chance < 0.9:
        return f"refresh {ledger.refresh(0, 3, room.now).changed}"
    room.bad = pick.choice([{}, {}, {"tag": "bad"}, {"clean": "bad"}])
    return f"rules {room.bad}"


@pytest.mark.parametrize("seed", range(12))
def test_whatever_people_do_the_index_and_the_ledger_agree(room: Newsroom, seed: int) -> None:
    pick = random.Random(seed)
    history = []
    try:
        for _ in range(STEPS):
            history.append(happen(room, pick))
        room.settle()
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
