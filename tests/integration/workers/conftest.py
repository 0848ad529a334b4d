"""A small newsroom for tests: own Redis, own ledger, own embedded index, real worker processes.

Its broker is that Redis, or a RabbitMQ where a test asks for both with ``on_both_brokers``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from shared.article import RawArticle, Source
from shared.clock import from_ms, now_ms
from shared.index.open import open_index
from shared.ledger.open import migrate_ledger, open_ledger
from shared.ledger.port import Ledger
from shared.messages import STAGES, TERMINAL
from shared.queue import Waker
from shared.settings import Settings
from tests.processes import is_gone
from tests.rabbitmq import RunningRabbit, start_rabbitmq
from tests.servers import NoServer, RunningServer, free_port, require, start_redis

ROOT = Path(__file__).parents[3]
on_both_brokers = pytest.mark.parametrize("newsroom", ["redis", "rabbitmq"], indirect=True)
on_brokers_of_their_own = pytest.mark.parametrize("newsroom", ["redis", "own-rabbitmq"], indirect=True)


def wait_until(met: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.1)  # a question to the ledger takes some milliseconds, and four processes ask


def make_raw(number: int, body: str | None = None, **fields: object) -> RawArticle:
    text = body or (  # 41 words: its copies are copies under any title, and no other number is like it
        f"The harbour board of town number {number} met on Monday to discuss the quay. Members agreed that "
        f"repairs to pier {number} will begin in spring, and asked the engineer for a plan by the autumn "
        "of next year, before they vote."
    )
    given = RawArticle(
        id=f"{number:032x}", source=Source(f"paper{number % 7}.example"), uri=f"item-{number}", body=text,
        title=f"Harbour board {number} agrees on repairs", ingested_at=from_ms(now_ms()),
    )  # fmt: skip
    return replace(given, **fields)  # type: ignore[arg-type]


@dataclass
class Newsroom:
    settings: Settings
    ledger: Ledger
    waker: Waker
    redis: RunningServer
    rabbit: RunningRabbit | None = None  # where the broker is a RabbitMQ that the test may kill
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start_worker(
        self, *queues: str, app: str = "services.workers.app", more: tuple[str, ...] = ()
    ) -> int:
        environ = {**os.environ, **self.settings.environment(), "PYTHONPATH": str(ROOT)}
        environ["COPYDESK_HEARTBEAT"] = str(self.heartbeat(len(self.workers)))
        names = ",".join(f"copydesk.{queue}" for queue in queues)
        argv = [sys.executable, "-m", "celery", "-A", app, "worker", "-Q", names, "-E", "-n",
                f"w{len(self.workers)}@%h", "--without-gossip", "--without-mingle", *more]  # fmt: skip
        with (self.settings.data_dir / f"worker-{len(self.workers)}.log").open("wb") as log:
            process = subprocess.Popen(
                argv, cwd=ROOT, env=environ, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
        self.workers.append(process)
        return len(self.workers) - 1

    def kill_broker(self) -> None:
        if self.rabbit is not None:
            self.rabbit.kill()
        else:
            self.redis.kill()

    def restart_broker(self) -> None:
        if self.rabbit is not None:
            self.rabbit = self.rabbit.again()
        else:
            folder = self.settings.data_dir.parent
            self.redis = start_redis(folder, int(self.redis.url.rpartition(":")[2].split("/")[0]))

    def freeze_broker(self) -> None:
        if self.rabbit is not None:
            self.rabbit.freeze()
        else:
            os.kill(self.redis.process.pid, signal.SIGSTOP)

    def thaw_broker(self) -> None:
        if self.rabbit is not None:
            self.rabbit.thaw()
        else:
            os.kill(self.redis.process.pid, signal.SIGCONT)

    def heartbeat(self, number: int) -> Path:
        return self.settings.data_dir / f"worker-{number}.heartbeat"

    def children(self, number: int) -> list[int]:
        pid = self.workers[number].pid
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]

    def start_all(self, app: str = "services.workers.app") -> None:
        """A worker with two children, and one with the one child that writes the index and sweeps."""
        self.start_worker("clean", "dedupe", "tag", app=app, more=("-c", "2"))
        self.start_small("index", "sweep", app=app)

    def start_small(self, *queues: str, app: str = "services.workers.app") -> int:
        """One worker with one child for all that is named, or for everything; with the sweeper's clock."""
        schedule = str(self.settings.data_dir / f"beat-{len(self.workers)}")
        return self.start_worker(
            *(queues or (*STAGES, "sweep")), app=app, more=("-c", "1", "-B", "-s", schedule)
        )

    def kill(self, number: int) -> None:
        process, children = self.workers[number], self.children(number)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # They are killed at once, and a moment later they are gone, with the files that they had open.
        wait_until(lambda: all(map(is_gone, children)), "the end of its children", 10)

    def stop(self, number: int, seconds: float = 20) -> int:
        self.workers[number].send_signal(signal.SIGTERM)
        return self.workers[number].wait(timeout=seconds)

    def accept(self, *raws: RawArticle) -> None:
        receipts = self.ledger.accept(raws, now_ms())
        self.waker.wake("clean", ids=[receipt.submission for receipt in receipts])

    def status(self, raw: RawArticle) -> str:
        found = self.ledger.status(raw.id)
        return found.status if found else "unknown"

    def wait_for_all(self, seconds: float = 90.0) -> dict[str, int]:
        wait_until(
            lambda: not self.ledger.counts().keys() - TERMINAL, f"an end of {self.ledger.counts()}", seconds
        )
        wait_until(lambda: not self.ledger.backlog(now_ms()), "refreshes", seconds)
        return self.ledger.counts()

    def logs(self) -> str:
        return "\n".join(
            path.read_text("utf-8") for path in sorted(self.settings.data_dir.glob("worker-*.log"))
        )

    def close(self) -> None:
        """End everything at once: what it holds has been looked at, and a stop has tests of its own."""
        for process in self.workers:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self.waker.close()
        self.ledger.close()


@pytest.fixture
def newsroom(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Newsroom]:
    server = start_redis(tmp_path, free_port())
    kind, rabbit = getattr(request, "param", "redis"), None
    if kind == "own-rabbitmq":
        try:
            rabbit = start_rabbitmq(tmp_path / "rabbitmq")
        except NoServer as error:
            require(str(error))
    shared = request.getfixturevalue("rabbitmq_url") if kind == "rabbitmq" else server.url
    settings = Settings(
        data_dir=tmp_path / "data", broker_url=rabbit.url if rabbit else shared, redis_url=server.url,
        lease_seconds=3, task_time_limit=6, sweep_seconds=1, stuck_seconds=2,
    )  # fmt: skip
    migrate_ledger(settings)
    index = open_index(settings, writing=True)
    index.create()
    index.close()
    made = Newsroom(settings, open_ledger(settings), Waker(settings), server, rabbit)
    yield made
    made.close()
    made.redis.stop()
    if made.rabbit is not None:
        made.rabbit.stop()
