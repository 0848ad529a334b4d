"""The checker of the fault tests sees what it is there to see: each promise is broken by hand, once."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from shared.clock import now_ms
from shared.ledger.open import open_ledger
from shared.ledger.port import Outcome
from shared.messages import LANES, STAGES, TERMINAL
from shared.metrics import CONTENT_TYPE, exposition
from shared.settings import Settings
from tests.contract.ledger_cases import make_raw
from tests.faults.checker import UNCOMPARED, Report, check
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


def copy(settled: Any, folder: Path) -> tuple[Settings, Path]:
    """The data and the witness once more, to be broken."""
    settings, witness = settled
    shutil.copytree(settings.data_dir, folder / "data")
    ledger = f"sqlite:///{folder}/data/ledger.sqlite"
    return replace(settings, data_dir=folder / "data", ledger_url=ledger), Path(
        shutil.copy(witness, folder / "witness")
    )


@pytest.mark.parametrize(
    ("kind", "break_it"), [entry[1:] for entry in BREAKS], ids=[entry[0] for entry in BREAKS]
)
def test_the_checker_sees(settled: Any, tmp_path: Path, kind: str, break_it: Break) -> None:
    broken, copied = copy(settled, tmp_path)
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


# What /metrics says


@contextmanager
def told(settings: Settings, lie: Callable[[str], str]) -> Iterator[Settings]:
    """Serve the ledger's metrics where ingest would, with a lie among them."""
    ledger = open_ledger(settings)

    class Ingest(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = lie(exposition(ledger).decode()).encode()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Ingest) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield replace(settings, ingest_port=server.server_port)
        finally:
            server.shutdown()
            thread.join()
            ledger.close()


SERIES = [
    "copydesk_accepted_total", "copydesk_quarantined", "copydesk_sweeper_wakes_total",
    "copydesk_pruned_total", "copydesk_oldest_accepted_seconds", "copydesk_last_indexed_timestamp_seconds",
    *(f'copydesk_ended_total{{word="{word}"}}' for word in sorted(TERMINAL)),
    'copydesk_rejected_submissions{reason="other"}',
    *(
        f'copydesk_backlog{{lane="{lane}",stage="{stage}",state="{state}"}}'
        for lane in LANES for stage in STAGES for state in ("waiting", "held", "put_off")
    ),
    *(f'copydesk_oldest_wait_seconds{{lane="{lane}",stage="{stage}"}}' for lane in LANES for stage in STAGES),
]  # fmt: skip


def test_the_checker_sees_each_number_that_is_wrong(settled: Any) -> None:
    settings, witness = settled

    def lie(text: str) -> str:
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
        return "".join(f"{name} {float(value) + (name in SERIES)!r}\n" for name, value in lines)

    with told(settings, lie) as lying:
        report = check(lying, [witness], wait=1)
    assert [line.split(" as ")[1].split(", SQL ")[0] for line in report.wrong] == sorted(SERIES)


def test_the_checker_finds_true_numbers_true_and_compares_all_but_what_is_no_ledger_s(settled: Any) -> None:
    settings, witness = settled
    seen: list[str] = []

    def note(text: str) -> str:
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        seen.extend(line.rsplit(" ", 1)[0] for line in lines)
        return text

    with told(settings, note) as honest:
        report = check(honest, [witness], wait=1)
    assert report.sound, report
    assert sorted(name for name in seen if name not in UNCOMPARED) == sorted(SERIES)
    assert {"copydesk_ledger_bytes", "copydesk_ledger_free_bytes"} <= set(seen) & UNCOMPARED


@pytest.mark.parametrize(
    ("lie", "wrong"),
    [
        (lambda text: text.replace("copydesk_quarantined 0.0\n", ""), "None as copydesk_quarantined, SQL 0"),
        (lambda text: f"{text}copydesk_new 7\n", "7.0 as copydesk_new, SQL nothing of it"),
    ],
    ids=["missing", "new"],
)
def test_the_checker_sees_a_series_that_is_missing_and_one_that_nothing_compares(
    settled: Any, lie: Callable[[str], str], wrong: str
) -> None:
    settings, witness = settled
    with told(settings, lie) as lying:
        assert check(lying, [witness], wait=1).wrong == [f"/metrics says {wrong}"]


def test_the_checker_counts_what_was_rejected_by_its_reason(settled: Any, tmp_path: Path) -> None:
    settings, witness = copy(settled, tmp_path)
    reasons = ("feed", "feed", "dropped: why", "No article.", None)
    ledger = open_ledger(settings)
    now = now_ms()
    ledger.accept([make_raw(8_000 + number) for number in range(len(reasons))], now)
    held = ledger.claim("clean", "live", 10, "w", now)
    assert held is not None
    done = [Outcome(work.sequence, "rejected", why) for work, why in zip(held.works, reasons, strict=True)]
    ledger.commit(held, done, None, "w", now)
    ledger.close()
    seen: dict[str, float] = {}

    def note(text: str) -> str:
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("copydesk_rejected")]
        seen.update((name.split('"')[1], float(value)) for name, value in lines)
        return text

    with told(settings, note) as honest:
        assert check(honest, [witness], wait=1).wrong == []
    assert seen == {"feed": 2, "dropped": 1, "other": 2}
    run_sql(settings, "UPDATE tallies SET value = value + 1 WHERE name = 'rejected:feed'")
    with told(settings, str) as lying:
        wrong = check(lying, [witness], wait=1).wrong
    assert [line.split(" as ")[1] for line in wrong] == [
        'copydesk_rejected_submissions{reason="feed"}, SQL 2',
        'copydesk_rejected_submissions{reason="other"}, SQL 2',
    ]


def test_the_checker_counts_what_has_not_ended_as_the_ledger_does(settled: Any, tmp_path: Path) -> None:
    settings, witness = copy(settled, tmp_path)
    free = f"{ONE.removesuffix(')')} AND stage IS NULL)"
    soon = now_ms() + 9_000
    changes = [
        "stage = 'clean', lane = 'replay', waiting_since = 1000", f"stage = 'tag', not_before = {soon}",
        f"stage = 'index', token = 'x', lease_until = {soon}", "stage = 'tag', token = 'x', lease_until = 1",
    ]  # fmt: skip
    run_sql(settings, *(f"UPDATE submissions SET {change} WHERE sequence = {free}" for change in changes))
    counted: dict[str, float] = {}

    def note(text: str) -> str:
        lines = [line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#")]
        counted.update((name, float(value)) for name, value in lines if "backlog" in name and float(value))
        return text

    with told(settings, note) as honest:
        report = check(honest, [witness], wait=1)
    assert (len(report.stuck), report.wrong) == (4, [])
    assert counted == {
        'copydesk_backlog{lane="replay",stage="clean",state="waiting"}': 1,
        'copydesk_backlog{lane="live",stage="tag",state="put_off"}': 1,
        'copydesk_backlog{lane="live",stage="tag",state="waiting"}': 1,
        'copydesk_backlog{lane="live",stage="index",state="held"}': 1,
    }
