"""Pushes known articles over HTTP and keeps the only witness: a file of every answer that said 202.

``python -m tests.faults.load --url ... --log FILE`` runs until it has pushed enough, or until SIGTERM. A line
of the file is a JSON object, ``t`` says which kind:

- ``try``: about to send ``items``, pairs of key and version;
- ``ack``: they were accepted: key, version, article id, submission id; on disk before it counts;
- ``bad``: an answer that no fault excuses.

It goes on through refused connections, broken answers, 429 and 503 by sending the same again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.faults.articles import make_item

PAUSE = 0.15  # seconds before what was not taken is sent again
TIMEOUT = 8.0
EXCUSED = (429, 503)
Item = tuple[str, int]


class Witness:
    """The file; safe to share between threads."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self._lock = threading.Lock()

    def write(self, kind: str, *, durable: bool = False, **told: Any) -> None:
        line = json.dumps({"t": kind, "at": time.time(), **told}).encode() + b"\n"
        with self._lock:
            os.write(self._file, line)
            if durable:
                os.fsync(self._file)

    def close(self) -> None:
        os.close(self._file)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to push: about ``rate`` articles a second over all connections, ``count`` in all (0: for ever)."""

    url: str
    rate: float
    count: int
    first: int
    seed: int
    connections: int
    pure: bool  # originals only: no copies, no revisions, no resends


class Sender:
    """One connection with items of its own, so that the order of an item's versions is known."""

    def __init__(self, plan: Plan, lane: int, witness: Witness, stopping: threading.Event) -> None:
        self._plan = plan
        self._witness = witness
        self._stopping = stopping
        self._chance = random.Random(f"{plan.seed} {lane}")
        self._next = plan.first + lane
        self._versions: dict[str, int] = {}
        self._http = httpx.Client(base_url=plan.url, timeout=TIMEOUT, trust_env=False)
        self._left = plan.count // plan.connections if plan.count else None

    def run(self) -> None:
        due = time.monotonic()
        while not self._stopping.is_set() and self._left != 0:
            items = self._choose()
            self._push(items)
            due = max(due, time.monotonic() - 1) + len(items) * self._plan.connections / self._plan.rate
            self._stopping.wait(max(0.0, due - time.monotonic()))
        self._http.close()

    def _choose(self) -> list[Item]:
        most = self._chance.choice((1, 1, 1, 5, 12, 30))
        size = most if self._left is None else min(most, self._left)
        if self._left is not None:
            self._left -= size
        chosen: dict[str, int] = {}
        while len(chosen) < size:
            key, version = self._choose_one()
            chosen.setdefault(key, version)  # one version of an item in a request
            self._versions[key] = max(version, self._versions.get(key, 0))
        return list(chosen.items())

    def _choose_one(self) -> Item:
        dice = self._chance.random()
        if not self._versions or dice < 0.75 or self._plan.pure:
            key = str(self._next)
            self._next += self._plan.connections
            return key, 1
        key = self._chance.choice(list(self._versions))
        if dice < 0.87:
            return key, self._versions[key] if "/" in key else self._versions[key] + 1
        if dice < 0.95:
            return f"{key.partition('/')[0]}/{self._chance.randint(1, 3)}", 1
        return key, self._versions[key]

    def _push(self, items: list[Item]) -> None:
        left = items
        while left and not self._stopping.is_set():
            self._witness.write("try", items=left)
            taken = self._send(left)
            done = {(key, version) for key, version, *_ in taken}
            if taken:
                self._witness.write("ack", durable=True, items=taken)
            left = [item for item in left if item not in done]
            if left:
                self._stopping.wait(PAUSE)

    def _send(self, items: list[Item]) -> list[tuple[str, int, str, str]]:
        """Push in one of the three ways; returns what was accepted."""
        pushes = [make_item(key, version) for key, version in items]
        if len(items) == 1:
            way, content = "/v1/articles", json.dumps(pushes[0])
        elif len(items) <= 12:
            way, content = "/v1/articles", json.dumps(pushes)
        else:
            way, content = "/v1/articles:bulk", "".join(json.dumps(push) + "\n" for push in pushes)
        kind = "application/x-ndjson" if way.endswith("bulk") else "application/json"
        lines: list[str] = []
        try:
            with self._http.stream("POST", way, content=content, headers={"Content-Type": kind}) as answer:
                if answer.status_code not in (200, 202):
                    self._judge(answer.status_code, answer.read().decode("utf-8", "replace"))
                    return []
                lines.extend(answer.iter_lines())
        except httpx.HTTPError:
            if not way.endswith("bulk"):
                return []  # an answer that did not arrive whole promises nothing
        return self._read(items, lines, whole=len(items) == 1)

    def _read(self, items: list[Item], lines: list[str], *, whole: bool) -> list[tuple[str, int, str, str]]:
        results: list[dict[str, Any]] = []
        for line in lines:
            try:
                told = json.loads(line)
            except ValueError:
                break  # cut off in the middle
            results.extend([{"index": 0, **told}] if whole else told.get("results", [told]))
        taken = []
        for told in results:
            if told["status"] == "accepted":
                key, version = items[told["index"]]
                taken.append((key, version, told["id"], told["submission"]))
            elif told["status"] != "unavailable":
                self._judge(0, json.dumps(told))
        return taken

    def _judge(self, status: int, text: str) -> None:
        if status not in EXCUSED:
            self._witness.write("bad", durable=True, status=status, text=text[:500])


def run(plan: Plan, log: Path) -> None:
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    witness = Witness(log)
    senders = [Sender(plan, lane, witness, stopping) for lane in range(plan.connections)]
    threads = [threading.Thread(target=sender.run, daemon=True) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():  # in short steps, so that the signal is taken
            thread.join(0.1)
    witness.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--url", required=True)
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--rate", type=float, default=60)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--pure", action="store_true")
    given = vars(parser.parse_args())
    log = given.pop("log")
    run(Plan(**given), log)


if __name__ == "__main__":
    main()
