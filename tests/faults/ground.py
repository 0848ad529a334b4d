"""The servers that a newsroom stands on, each its own and each to be hit by faults."""

from __future__ import annotations

import os
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.elasticsearch_node.node import RunningNode, start_node
from tests.postgresql import RunningPostgresql, start_postgresql
from tests.rabbitmq import RunningRabbit, start_rabbitmq
from tests.servers import QUICK_START, RunningServer, elasticsearch_recipe, free_port, start_redis


@dataclass(frozen=True, slots=True)
class Kind:
    """Which parts: the words of the command line of ``tests.faults.chaos``."""

    broker: str = "redis"
    ledger: str = "sqlite"
    index: str = "tantivy"

    def __str__(self) -> str:
        return f"{self.broker}-{self.ledger}-{self.index}"


SMALL = Kind()
MIDDLE = Kind("rabbitmq", "postgresql", "tantivy")
LARGE = Kind("rabbitmq", "postgresql", "elasticsearch")


class Ground:
    """Started servers; ``kill`` and ``start`` them by name."""

    def __init__(self, folder: Path, kind: Kind = SMALL) -> None:
        self.kind = kind
        self.folder = folder
        self._ports = {name: free_port() for name in ("redis", "elasticsearch")}
        self._running: dict[str, Any] = {}
        for name in self.names:
            self.start(name)

    @property
    def names(self) -> tuple[str, ...]:
        more = (self.kind.broker, self.kind.ledger, self.kind.index)
        return ("redis", *(name for name in more if name in ("rabbitmq", "postgresql", "elasticsearch")))

    def start(self, name: str) -> None:
        """Start a server in its place, with whatever data lies there."""
        self._running[name] = getattr(self, f"_start_{name}")(self.folder / name)

    def kill(self, name: str, *, empty: bool = False) -> None:
        """End it at once; ``empty`` also takes its data."""
        self._running[name].kill()
        if empty:
            shutil.rmtree(self.folder / name)

    def freeze(self, name: str) -> None:
        """Let it answer nothing, with all its connections open."""
        self._signal(name, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        """Let it go on."""
        self._signal(name, signal.SIGCONT)

    def _signal(self, name: str, number: int) -> None:
        server = self._running[name]
        if hasattr(server, "freeze"):
            (server.freeze if number == signal.SIGSTOP else server.thaw)()
        else:
            os.kill(server.process.pid, number)

    def __getitem__(self, name: str) -> Any:
        return self._running[name]

    def urls(self) -> dict[str, Any]:
        """The settings that point at the servers."""
        redis_url = self._running["redis"].url
        found = {"broker_url": redis_url, "redis_url": redis_url}
        if "rabbitmq" in self._running:
            found["broker_url"] = self._running["rabbitmq"].url
        if "postgresql" in self._running:
            found["ledger_url"] = self._running["postgresql"].url()
        if "elasticsearch" in self._running:
            found["index_url"] = self._running["elasticsearch"].url
        return found

    def close(self) -> None:
        for name in reversed(self.names):
            self._running[name].kill()

    def _start_redis(self, folder: Path) -> RunningServer:
        return start_redis(folder, self._ports["redis"])

    def _start_elasticsearch(self, folder: Path) -> RunningNode:
        jdk, home = elasticsearch_recipe()
        port = {"http.port": str(self._ports["elasticsearch"])}
        return start_node(jdk, home, folder, port, 384, QUICK_START)

    def _start_rabbitmq(self, folder: Path) -> RunningRabbit:
        before = self._running.get("rabbitmq")
        return start_rabbitmq(folder, place=before.place if before else None)

    def _start_postgresql(self, folder: Path) -> RunningPostgresql:
        before: RunningPostgresql | None = self._running.get("postgresql")
        if before is None:
            return start_postgresql(folder)
        before.start_again()
        return before
