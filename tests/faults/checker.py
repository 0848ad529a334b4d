"""Compares what was promised with what is there: the witness's file, the ledger and the index.

The ledger is read with SQL of its own, so that a fault of the ledger's code does not hide itself.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa

from services.cli.system import ingest_url
from shared.clock import now_ms
from shared.index.open import open_index
from shared.index.port import SearchRequest
from shared.ledger.engine import open_engine
from shared.ledger.open import open_ledger
from shared.messages import LANES, STAGES
from shared.settings import Settings
from tests.faults.ledgers import reading

SETTLE_SECONDS = 30.0  # nothing may wait longer than this once faults have stopped
TERMINAL = ("indexed", "unchanged", "superseded", "rejected", "quarantined", "withdrawn")
UNCOMPARED = {
    "copydesk_ledger_bytes", "copydesk_ledger_free_bytes", "copydesk_ledger_disk_bytes",  # the disk's own
    "copydesk_ledger_limit_bytes",  # a setting
    "copydesk_redis_up", "copydesk_redis_memory_bytes", "copydesk_redis_memory_limit_bytes",  # Redis' own
}  # fmt: skip
OF_A_PROCESS = "copydesk_ingest_"  # what one process counts of its own answers, since its start
CHUNK = 400
SHOWN = 5


@dataclass
class Report:
    """What was found wrong, each as a sentence, and the counts."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # blame, numbers, refused pushes
    promised: int = 0  # answers 202
    counts: dict[str, int] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        return not (self.lost or self.doubled or self.stuck or self.wrong)

    def __str__(self) -> str:
        found = {name: getattr(self, name) for name in ("lost", "doubled", "stuck", "wrong")}
        heads = ", ".join(f"{name} {len(lines)}" for name, lines in found.items())
        words = ", ".join(f"{count} {word}" for word, count in sorted(self.counts.items()))
        shown = [f"  {name}: {line}" for name, lines in found.items() for line in lines[:SHOWN]]
        return "\n".join([f"{self.promised} answered 202; {heads}; {words}", *shown])


@dataclass
class Witnessed:
    """What the load generator wrote down."""

    submissions: dict[str, str] = field(default_factory=dict)  # id of the article by submission
    acked: dict[str, int] = field(default_factory=dict)  # the highest version by article id
    tried: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))  # by key
    keys: dict[str, str] = field(default_factory=dict)  # by article id
    bad: list[str] = field(default_factory=list)


def read_witness(paths: Iterable[Path]) -> Witnessed:
    found = Witnessed()
    for path in paths:
        for line in path.read_text("utf-8").splitlines():
            told = json.loads(line)
            if told["t"] == "bad":
                found.bad.append(line)
            elif told["t"] == "try":
                for key, version in told["items"]:
                    found.tried[key].add(version)
            else:
                for key, version, article_id, submission in told["items"]:
                    found.submissions[submission] = article_id
                    found.keys[article_id] = key
                    found.acked[article_id] = max(version, found.acked.get(article_id, 0))
    return found


def settle(settings: Settings, seconds: float = SETTLE_SECONDS) -> None:
    """Wait until all has ended, for as long as fewer remain at least every ``seconds``."""
    engine = open_engine(settings.ledger_url)
    pending = sa.text("SELECT count(*) FROM submissions WHERE stage IS NOT NULL")
    least, deadline = None, time.monotonic() + seconds
    while time.monotonic() < deadline:
        with reading(engine) as connection:
            now = connection.scalar(pending)
        if now == 0:
            break
        if least is None or now < least:
            least, deadline = now, time.monotonic() + seconds
        time.sleep(0.1)
    engine.dispose()


def check(
    settings: Settings,
    witness: Iterable[Path] = (),
    *,
    quarantined: Sequence[str] = (),
    wait: float = SETTLE_SECONDS,
    count_leads: bool = True,
) -> Report:
    """Wait until all is settled, then compare; ``quarantined`` are the articles that ought to be."""
    settle(settings, wait)
    checker = _Checker(settings, read_witness(witness), set(quarantined))
    try:
        checker.run(count_leads=count_leads)
    finally:
        checker.close()
    return checker.report


class _Checker:
    def __init__(self, settings: Settings, witnessed: Witnessed, quarantined: set[str]) -> None:
        self.report = Report(promised=len(witnessed.submissions), wrong=list(witnessed.bad))
        self._settings = settings
        self._witnessed = witnessed
        self._quarantined = quarantined
        self._engine = open_engine(settings.ledger_url)
        self._index = open_index(settings)
        self._connection = reading(self._engine)
        self._rows = {row.id: row for row in self._ask("SELECT * FROM submissions")}
        self._articles = {row.id: row for row in self._ask("SELECT * FROM articles")}

    def close(self) -> None:
        self._connection.close()
        self._engine.dispose()
        self._index.close()

    def _ask(self, query: str) -> list[Any]:
        return list(self._connection.execute(sa.text(query)))

    def run(self, *, count_leads: bool) -> None:
        self._find_stuck()
        self._find_lost()
        self._find_doubled(count_leads=count_leads)
        self._find_blame()
        self._compare_index()
        self._compare_numbers()

    def _find_stuck(self) -> None:
        for row in self._rows.values():
            if row.stage is not None or row.status not in TERMINAL:
                held = "held" if row.token else "free"
                self.report.stuck.append(
                    f"{row.id} of {row.article_id} ({row.kind}) {row.status} at {row.stage}, {held}"
                )

    def _find_lost(self) -> None:
        for submission, article_id in self._witnessed.submissions.items():
            row = self._rows.get(submission)
            if row is None:
                self.report.lost.append(
                    f"{submission} of {article_id} was answered 202 and is not in the ledger"
                )
            elif row.status == "rejected":
                self.report.lost.append(
                    f"{submission} of {article_id} was good and is rejected: {row.reason}"
                )
        for article_id, version in self._witnessed.acked.items():
            found = self._articles.get(article_id)
            if found is None:
                self.report.lost.append(f"{article_id} has no article in the ledger")
            elif (found.version or 0) < version and article_id not in self._quarantined:
                self.report.lost.append(
                    f"{article_id} stands at version {found.version}, {version} was answered 202"
                )

    def _find_doubled(self, *, count_leads: bool) -> None:
        tried = self._witnessed.tried
        for article_id, key in self._witnessed.keys.items():
            found = self._articles.get(article_id)
            if found is not None and found.revision > len(tried[key]):
                self.report.doubled.append(
                    f"{article_id} has {found.revision} revisions of {len(tried[key])} contents"
                )
        leads: dict[str, list[str]] = defaultdict(list)
        for found in self._articles.values():
            if found.duplicate_of is None and not found.withdrawn:
                leads[found.text_hash].append(found.id)
        for ids in leads.values():
            if len(ids) > 1 and count_leads:
                self.report.doubled.append(f"one text has the leads {ids}")
        for found in self._articles.values():
            lead = self._articles.get(found.duplicate_of) if found.duplicate_of else None
            if found.duplicate_of and (lead is None or lead.duplicate_of is not None or lead.withdrawn):
                self.report.lost.append(f"{found.id} is a copy of {found.duplicate_of}, which leads nobody")

    def _find_blame(self) -> None:
        ended = {row.article_id for row in self._rows.values() if row.status == "quarantined"}
        for article_id in ended - self._quarantined:
            rows = [row for row in self._rows.values() if row.article_id == article_id]
            why = next(row.reason for row in rows if row.status == "quarantined")
            self.report.wrong.append(f"{article_id} is quarantined without need: {why}")
        self.report.wrong += [f"{one} is not quarantined" for one in self._quarantined - ended]
        for row in self._rows.values():
            if row.stage is None and row.status != "quarantined" and (row.attempts or row.alone or row.token):
                self.report.wrong.append(
                    f"{row.id} ended as {row.status} with blame: {row.attempts} attempts"
                )

    def _compare_index(self) -> None:
        self._index.refresh()
        served = {row.id: row for row in self._articles.values() if row.indexed_change}
        held: dict[str, int] = {}
        for ids in _chunks(list(served)):
            held |= self._index.changes(ids)
        for article_id, row in served.items():
            change = held.get(article_id)
            if change is None:
                self.report.lost.append(f"{article_id} was indexed and is not in the index")
            elif change != row.change and row.id not in self._quarantined:
                self.report.wrong.append(f"{article_id} has change {row.change}, its document {change}")
        documents = self._index.count()
        if documents > len(served):
            self.report.doubled.append(f"{documents} documents of {len(served)} articles")
        visible = [row for row in served.values() if not row.withdrawn]
        found = self._index.search(SearchRequest(now=datetime.now(UTC), duplicates="keep", size=0)).articles
        if found != len(visible):
            self.report.wrong.append(f"a search finds {found} of {len(visible)} articles")

    def _compare_numbers(self) -> None:
        pushes = [row for row in self._rows.values() if row.kind == "push"]
        counted: dict[str, int] = defaultdict(int)
        for row in pushes:
            counted[row.status] += 1
        self.report.counts = dict(counted)
        ledger = open_ledger(self._settings)
        try:
            tallies = ledger.tallies()
            words = ledger.counts()
        finally:
            ledger.close()
        if words != counted:
            self.report.wrong.append(f"the ledger counts {words}, SQL {dict(counted)}")
        expected = {"accepted": len(pushes), **{word: counted.get(word, 0) for word in TERMINAL}}
        told = {name: tallies.get(name, 0) for name in expected}
        if told != expected:
            self.report.wrong.append(f"the tallies say {told}, SQL {expected}")

        self._compare_metrics()

    def _compare_metrics(self) -> None:
        """Compare every number with what SQL counts before and after it was read: it must lie between."""
        before = expect_metrics(self._settings)
        told = read_metrics(self._settings)
        if told is None:  # ingest is not running
            return
        after = expect_metrics(self._settings)
        for name in sorted(before.keys() | told.keys() - UNCOMPARED):
            low, high = sorted((before.get(name, 0.0), after.get(name, 0.0)))
            if name not in told or name not in before or not low <= told[name] <= high:
                expected = before.get(name, "nothing of it")
                self.report.wrong.append(f"/metrics says {told.get(name)} as {name}, SQL {expected}")


def expect_metrics(settings: Settings) -> dict[str, float]:
    """What ``/metrics`` ought to say now, by name with labels, counted in SQL."""
    engine = open_engine(settings.ledger_url)
    with reading(engine) as connection:
        found = _Numbers(connection, now_ms()).count()
    engine.dispose()
    return found


class _Numbers:
    """Counts of one moment; every series is there, zeros too."""

    def __init__(self, connection: sa.Connection, now: int) -> None:
        self._connection = connection
        self._now = now

    def _ask(self, query: str) -> list[Any]:
        return list(self._connection.execute(sa.text(query), {"now": self._now} if ":now" in query else {}))

    def count(self) -> dict[str, float]:
        pushes = dict(
            self._ask("SELECT status, count(*) FROM submissions WHERE kind = 'push' GROUP BY status")
        )
        told = dict(self._ask("SELECT name, sum(value) FROM tallies GROUP BY name"))
        [(quarantined,)] = self._ask("SELECT count(*) FROM submissions WHERE status = 'quarantined'")
        [(oldest,)] = self._ask("SELECT min(accepted_at) FROM submissions WHERE stage IS NOT NULL")
        last = self._ask(
            "SELECT at FROM journey WHERE stage = 'index' AND word = 'indexed' ORDER BY id DESC LIMIT 1"
        )
        return {
            "copydesk_accepted_total": sum(pushes.values()),
            **{f'copydesk_ended_total{{word="{word}"}}': pushes.get(word, 0) for word in TERMINAL},
            **self._rejected(),
            "copydesk_sweeper_wakes_total": float(told.get("woken", 0)),
            "copydesk_pruned_total": float(told.get("pruned", 0)),
            "copydesk_quarantined": quarantined,
            "copydesk_oldest_accepted_seconds": self._age(oldest),
            "copydesk_last_indexed_timestamp_seconds": last[0][0] / 1000 if last else 0,
            **self._backlog(),
        }

    def _rejected(self) -> dict[str, float]:
        """Every reason that ever occurred has a series; sentences, and what has no reason, are `other`."""
        told = self._ask("SELECT DISTINCT name FROM tallies WHERE name LIKE 'rejected:%'")
        found = dict.fromkeys((name.split(":", 1)[1] for (name,) in told), 0.0) | {"other": 0.0}
        rows = self._ask(
            "SELECT CASE WHEN reason LIKE 'dropped:%' THEN 'dropped' WHEN reason LIKE '% %' THEN 'other'"
            " ELSE coalesce(reason, 'other') END AS word, count(*) FROM submissions"
            " WHERE kind = 'push' AND status = 'rejected' GROUP BY word"
        )
        for word, count in rows:
            found[word] = count
        return {f'copydesk_rejected_submissions{{reason="{word}"}}': found[word] for word in found}

    def _backlog(self) -> dict[str, float]:
        depth = {
            (stage, lane, state): (count, since)
            for stage, lane, state, count, since in self._ask(
                "SELECT stage, lane, CASE WHEN token IS NOT NULL AND lease_until > :now THEN 'held'"
                " WHEN not_before > :now THEN 'put_off' ELSE 'waiting' END AS state,"
                " count(*), min(waiting_since) FROM submissions WHERE stage IS NOT NULL"
                " GROUP BY stage, lane, state"
            )
        }
        found: dict[str, float] = {}
        for stage, lane in ((stage, lane) for stage in STAGES for lane in LANES):
            place = f'lane="{lane}",stage="{stage}"'
            for state in ("waiting", "held", "put_off"):
                count, since = depth.get((stage, lane, state), (0, None))
                found[f'copydesk_backlog{{{place},state="{state}"}}'] = count
                if state == "waiting":
                    found[f"copydesk_oldest_wait_seconds{{{place}}}"] = self._age(since)
        return found

    def _age(self, since: int | None) -> float:
        return 0.0 if since is None else max(0.0, (self._now - since) / 1000)


def read_metrics(settings: Settings) -> dict[str, float] | None:
    """The ledger's numbers of ingest's /metrics by name with labels; None where nobody answers."""
    try:
        answer = httpx.get(f"{ingest_url(settings)}/metrics", timeout=20, trust_env=False)
    except httpx.HTTPError:
        return None
    assert answer.status_code == 200, answer.text
    lines = [line for line in answer.text.splitlines() if line and not line.startswith(("#", OF_A_PROCESS))]
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def _chunks(ids: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(ids), CHUNK):
        yield ids[start : start + CHUNK]


Check = Callable[..., Report]
