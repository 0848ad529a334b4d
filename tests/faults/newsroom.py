"""A running Copydesk for fault tests: every part a process of its own that can be killed and started again.

The commands are those of `copydesk up` (``services.cli.system``), without its supervisor. Times are scaled
down by settings, so that what takes 30 s in earnest takes a few here.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from services.cli import system
from services.cli.child import ChildSpec
from shared.clock import now_ms
from shared.index.open import open_index
from shared.ledger.open import migrate_ledger, open_ledger
from shared.ledger.port import Ledger, SubmissionStatus
from shared.messages import TERMINAL
from shared.queue import Waker
from shared.settings import Settings
from tests.faults.ground import Ground
from tests.faults.ledgers import ask_sql
from tests.faults.processes import ROOT, Process, until
from tests.servers import free_port

APP = "services.workers.app"
POISON = "tests.faults.poison_app"
SCALED: dict[str, Any] = {
    "lease_seconds": 3.0, "task_time_limit": 5.0, "sweep_seconds": 0.5, "stuck_seconds": 1.0,
    "grace_seconds": 6.0, "batch_size": 60, "index_batch_size": 100, "log_format": "json",
}  # fmt: skip


class Newsroom:
    """Servers, web services and workers by name; ``workers`` says how many prefork workers there are."""

    def __init__(
        self, folder: Path, ground: Ground, *, workers: int = 1, app: str = APP, **changed: Any
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ground = ground
        self.settings = Settings(
            data_dir=folder / "data", ingest_port=free_port(), search_port=free_port(),
            **(ground.urls() | SCALED | changed),
        )  # fmt: skip
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._app = app
        self._extra_environ: dict[str, str] = {}
        self.processes = {process.name: process for process in self._plan(workers)}
        self.http = httpx.Client(timeout=20, trust_env=False)
        migrate_ledger(self.settings)
        index = open_index(self.settings, writing=True)
        index.create()
        index.close()
        self.ledger: Ledger = open_ledger(self.settings)
        self._loads: list[Process] = []

    # Processes

    def _plan(self, workers: int) -> Iterator[Process]:
        base = {**os.environ, **self.settings.environment(), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        for spec in system.web_children(self.settings, base):
            yield self._process(spec, spec.name, {})
        for spec in system.worker_children(self.settings, base):
            if spec.name != "worker":
                yield self._process(spec, spec.name, {})
                continue
            for number in range(workers):
                yield self._process(spec, f"worker-{number}", {})

    def _process(self, spec: ChildSpec, name: str, more: dict[str, str]) -> Process:
        argv = [self._app if word == APP else word for word in spec.argv]
        environ = {**spec.environ, **more}
        ready, before = spec.probe, spec.before
        if name != spec.name:
            argv = [word.replace(f"{spec.name}@", f"{name}@") for word in argv]
        if "COPYDESK_HEARTBEAT" in environ:
            heartbeat = self.settings.data_dir / "run" / f"{name}.heartbeat"
            environ["COPYDESK_HEARTBEAT"] = str(heartbeat)
            ready, before = heartbeat.exists, lambda: _clear(heartbeat)
        return Process(name, argv, environ, self._folder / f"{name}.log", ready, before)

    def add(
        self, name: str, like: str, *, app: str | None = None, environ: dict[str, str] | None = None
    ) -> Process:
        """Another process like one that there is, of an application or with an environment of its own."""
        kind = "worker" if like.startswith("worker") else like
        base = {**os.environ, **self.settings.environment(), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
        specs = [*system.web_children(self.settings, base), *system.worker_children(self.settings, base)]
        (spec,) = [spec for spec in specs if spec.name == kind]
        if app is not None:
            argv = tuple(
                app if word in (APP, f"services.{kind}.app:create_app") else word for word in spec.argv
            )
            spec = replace(spec, argv=argv)
        if kind == "sweeper":  # each clock keeps a file of its own
            spec = replace(
                spec, argv=tuple(word.replace("sweeper-schedule", f"{name}-schedule") for word in spec.argv)
            )
        made = self._process(spec, name, environ or {})
        self.processes[name] = made
        return made

    def __getitem__(self, name: str) -> Process:
        return self.processes[name]

    @property
    def workers(self) -> list[Process]:
        """Every process that runs tasks, but for the sweeper."""
        return [process for name, process in self.processes.items() if "worker" in name]

    def start(self, *names: str) -> Newsroom:
        """Start those named, else all, and wait until they are ready."""
        chosen = [self.processes[name] for name in names] or list(self.processes.values())
        for process in chosen:
            process.start(wait=False)
        for process in chosen:
            process.wait_ready()
        return self

    @contextmanager
    def kept_up(self, *names: str) -> Iterator[None]:
        """Start again whatever ends, as compose and the supervisor do."""
        done = threading.Event()

        def keep() -> None:
            while not done.wait(0.1):
                for name in names or tuple(self.processes):
                    if not self.processes[name].alive:
                        self.processes[name].kill()  # what a dead worker left of its group
                        self.processes[name].start(wait=False)

        thread = threading.Thread(target=keep, name="keeper")
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()

    @contextmanager
    def holding(self, stage: str) -> Iterator[None]:
        """Keep a stage from its work once it has claimed; for workers of ``poison_app``."""
        hold = self.settings.data_dir / f"hold-{stage}"
        hold.touch()
        try:
            yield
        finally:
            hold.unlink()

    # What is sent and asked

    def url(self, service: str, path: str = "") -> str:
        return f"{getattr(system, f'{service}_url')(self.settings)}{path}"

    def push(self, *items: dict[str, Any], timeout: float = 20.0) -> list[str]:
        """Push as one array; returns the article ids, in order."""
        answer = self.http.post(self.url("ingest", "/v1/articles"), json=list(items), timeout=timeout)
        assert answer.status_code == 202, answer.text
        return [told["id"] for told in answer.json()["results"]]

    def status(self, article_id: str) -> SubmissionStatus:
        found = self.ledger.status(article_id)
        assert found is not None, f"{article_id} is unknown"
        return found

    def word(self, article_id: str) -> str:
        return self.status(article_id).status

    def await_word(self, article_id: str, word: str, seconds: float = 60.0) -> SubmissionStatus:
        until(lambda: self.word(article_id) == word, lambda: f"{word}: {self.status(article_id)}", seconds)
        return self.status(article_id)

    def await_all(self, seconds: float = 90.0) -> dict[str, int]:
        """Wait until everything has ended; returns the counts by word."""
        until(
            lambda: not self.ledger.backlog(now_ms()),
            lambda: f"the end of {self.ledger.backlog(now_ms())}",
            seconds,
        )
        counts = self.ledger.counts()
        assert not counts.keys() - TERMINAL, counts
        return counts

    def held(self) -> int:
        return sum(entry.held for entry in self.ledger.backlog(now_ms()))

    def steps(self) -> int:
        """How many steps articles have taken so far, over all stages, but for being accepted."""
        return int(ask_sql(self.settings, "SELECT count(*) FROM journey WHERE word <> 'accepted'")[0][0])

    def await_work(self, after: int = 0, seconds: float = 90.0) -> int:
        """Wait until something is being worked on, and ``after`` steps are done; returns the steps.

        Kills that follow each other by steps hit one article again and again on no machine, however slow.
        """
        until(lambda: self.steps() >= after and self.held() > 0, f"work after step {after}", seconds)
        return self.steps()

    def wake(self, stage: Any, lane: Any) -> None:
        waker = Waker(self.settings)
        waker.wake(stage, lane)
        waker.close()

    def load(self, log: Path, *words: str, **options: float) -> Process:
        """A load generator, started; its file is ``log``."""
        given = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        argv = [sys.executable, "-m", "tests.faults.load", "--url", self.url("ingest"), "--log", str(log)]
        made = Process(
            "load", [*argv, *given, *words], dict(os.environ), self._folder / "load.log", log.exists
        )
        self._loads.append(made)
        return made.start()

    def end_loads(self) -> None:
        """End load generators that a failed test has left."""
        for load in self._loads:
            if load.alive:
                load.kill()
        self._loads.clear()

    def logs(self) -> str:
        return "\n".join(process.said() for process in self.processes.values())

    def close(self) -> None:
        """End everything at once: what it holds has been looked at, and a stop has tests of its own."""
        for process in [*self._loads, *self.processes.values()]:
            process.kill()
        self.http.close()
        with suppress(Exception):
            self.ledger.close()


def _clear(heartbeat: Path) -> None:
    heartbeat.parent.mkdir(parents=True, exist_ok=True)
    heartbeat.unlink(missing_ok=True)
