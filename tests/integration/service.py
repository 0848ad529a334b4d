"""Starts a service in a real granian process, as the system does, for as long as a test needs it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest

from services.cli.system import web_children
from shared.settings import Settings


def run_ingest(settings: Settings, log: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Ingest in one worker process on the settings' port, and what it says in ``log``."""
    return _run(0, settings.ingest_port, settings, log)


def run_search(settings: Settings, log: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Search in one worker process on the settings' port, and what it says in ``log``."""
    return _run(1, settings.search_port, settings, log)


@contextmanager
def _run(place: int, port: int, settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    # With the options that the system starts it with, which the tests are about, too.
    child = web_children(settings, {**os.environ, **settings.environment()})[place]
    with log.open("wb") as out:
        process = subprocess.Popen(
            child.argv, env=child.environ, stdout=out, stderr=out, start_new_session=True
        )
        try:
            _wait_until_ready(process, port, log)
            yield process
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(10)
            finally:
                _kill_group(process)


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait(5)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + 60  # a busy machine takes its time to import
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1).is_success:
                return
        except httpx.HTTPError:
            time.sleep(0.05)
    pytest.fail(f"granian did not start:\n{log.read_text()}", pytrace=False)
