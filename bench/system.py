"""A Copydesk of the bench's own: `copydesk up` on free ports and a data folder, started and ended by pid."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.processes import Process, cpu_by_part, read_tree
from bench.watch import Watch
from shared.settings import PREFIX, Settings

ROOT = Path(__file__).parents[1]
START_SECONDS = 120.0
STOP_SECONDS = 20.0
LOOK_EVERY = 0.1
LOG_NAME = "up.log"


class BenchFailed(Exception):  # noqa: N818 - read as a sentence at the end of a run
    """The bench could not be run, or what came out is not what went in."""


@dataclass(frozen=True, slots=True)
class System:
    """The running system: its settings, its root process, and a view of its ledger."""

    settings: Settings
    pid: int
    watch: Watch

    def tree(self) -> list[Process]:
        """Its processes now."""
        return read_tree(self.pid)

    def cpu(self) -> dict[str, float]:
        """CPU milliseconds used so far, per part."""
        return cpu_by_part(self.tree())


def own_settings(data_dir: Path, index_url: str = "", index_alias: str = "copydesk-bench") -> Settings:
    """Settings with ports that are free now and everything under one folder."""
    ports = _free_ports(4)
    return Settings(
        data_dir=data_dir,
        index_url=index_url,
        index_alias=index_alias,
        ingest_port=ports[0],
        search_port=ports[1],
        flower_port=ports[2],
        redis_port=ports[3],
        log_level="warning",
    )


@contextmanager
def running(settings: Settings) -> Iterator[System]:
    """Start the system, wait until both services are ready, and stop it whatever happens."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    with (settings.data_dir / LOG_NAME).open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli.main", "up"],
            cwd=ROOT,
            env=_environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C comes to the bench, which then stops it in order
        )
    watch = Watch(settings)
    try:
        _wait_until_ready(settings, process)
        yield System(settings, process.pid, watch)
    finally:
        watch.close()
        _stop(process)


def _environment(settings: Settings) -> dict[str, str]:
    """This environment with our settings in place of any others."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**kept, **settings.environment()}


def _wait_until_ready(settings: Settings, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    ports = [settings.ingest_port, settings.search_port]
    while not all(_is_ready(port) for port in ports):
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchFailed(f"Copydesk did not start; its last lines were:\n{log_tail(settings)}")
        time.sleep(LOOK_EVERY)


def log_tail(settings: Settings, lines: int = 20) -> str:
    """The last lines that the system said."""
    text = (settings.data_dir / LOG_NAME).read_text("utf-8", "replace")
    return "\n".join(text.splitlines()[-lines:])


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    tree = read_tree(process.pid)
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        _kill(tree)
        process.wait()


def _kill(tree: list[Process]) -> None:
    """End what did not stop; only processes that still belong to the tree, in case an id was given anew."""
    still = {process.pid for process in read_tree(tree[0].pid)} if tree else set()
    for process in reversed(tree):
        if process.pid in still:
            with suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)


def _free_ports(count: int) -> list[int]:
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return ports
