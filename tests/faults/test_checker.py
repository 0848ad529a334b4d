"""The checker of the fault tests sees what it is there to see: each promise is broken by hand, once."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.settings import Settings
from tests.faults.checker import Report, check
from tests.faults.ledgers import run_sql
from tests.faults.newsroom import Newsroom
from tests.faults.processes import until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]
Break = Callable[[Settings, Path], None]


@pytest.fixture(scope="module")
def settled(make_newsroom: Any, tmp_path_factory: Any) -> tuple[Settings, Path]:
    """A data folder in which 60 pushes have ended well, with their witness; nothing runs there any more."""
    newsroom: Newsroom = make_newsroom()
    newsroom.start("ingest", "worker-0", "index-worker", "sweeper")
    witness = tmp_path_factory.mktemp("checker") / "witness"
    load = newsroom.load(witness, rate=100, seed=2, count=60)
    until(lambda: not load.alive, "the pushes")
    newsroom.await_all()
    report = check(newsroom.settings, [witness])
    assert report.sound, report
    assert report.promised >= 40
    newsroom.close()
    return newsroom.settings, witness


def sql(*statements: str) -> Break:
    return lambda settings, _: run_sql(settings, *statements)


def promise_more(_: Settings, witness: Path) -> None:
    told = {"t": "ack", "items": [["9999", 1, "f" * 32, "e" * 32]]}
    with witness.open("a") as file:
        file.write(json.dumps(told) + "\n")


def empty_index(settings: Settings, _: Path) -> None:
    from shared.index.open import open_index

    shutil.rmtree(settings.index_dir)
    index = open_index(settings, writing=True)
    index.create()
    index.close()


ONE = "(SELECT min(sequence) FROM submissions WHERE status = 'indexed' AND kind = 'push')"
TWO = "SELECT id FROM articles WHERE duplicate_of IS NULL ORDER BY sequence"
BREAKS: list[tuple[str, str, Break]] = [
    ("a promise that the ledger does not know", "lost", promise_more),
    ("an index without its documents", "lost", empty_index),
    ("an older version", "lost", sql("UPDATE articles SET version = 0")),
    ("a rejected article", "lost", sql(f"UPDATE submissions SET status = 'rejected' WHERE sequence = {ONE}")),
    (
        "a copy whose lead is none", "lost",
        sql(f"UPDATE articles SET duplicate_of = 'nobody' WHERE id = ({TWO} LIMIT 1)"),
    ),
    ("too many revisions", "doubled", sql("UPDATE articles SET revision = revision + 20")),
    (
        "two leads of one text", "doubled",
        sql(f"UPDATE articles SET text_hash = 'same' WHERE id IN ({TWO} LIMIT 2)"),
    ),
    ("one that waits", "stuck", sql(f"UPDATE submissions SET stage = 'tag' WHERE sequence = {ONE}")),
    ("blame", "wrong", sql(f"UPDATE submissions SET attempts = 1 WHERE sequence = {ONE}")),
    ("a document behind the ledger", "wrong", sql("UPDATE articles SET change = change + 1")),
    ("a total too high", "wrong", sql("UPDATE tallies SET value = value + 1 WHERE name = 'accepted'")),
    (
        "a quarantine without need", "wrong",
        sql(f"UPDATE submissions SET status = 'quarantined' WHERE sequence = {ONE}"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "break_it"), [entry[1:] for entry in BREAKS], ids=[entry[0] for entry in BREAKS]
)
def test_the_checker_sees(settled: Any, tmp_path: Path, kind: str, break_it: Break) -> None:
    settings, witness = settled
    shutil.copytree(settings.data_dir, tmp_path / "data")
    copied = Path(shutil.copy(witness, tmp_path / "witness"))
    broken = replace(
        settings, data_dir=tmp_path / "data", ledger_url=f"sqlite:///{tmp_path}/data/ledger.sqlite"
    )
    before = check(broken, [copied], wait=1)
    assert before.sound, before
    break_it(broken, copied)
    report: Report = check(broken, [copied], wait=1)
    assert getattr(report, kind), report
    assert not report.sound


def test_the_checker_sees_a_quarantine_that_did_not_come(settled: Any) -> None:
    settings, witness = settled
    report = check(settings, [witness], quarantined=["f" * 32], wait=1)
    assert report.wrong == [f"{'f' * 32} is not quarantined"]
