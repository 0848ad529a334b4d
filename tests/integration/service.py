"""Starts a service in a real granian process, as the system does, for as long as a test needs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest

from shared.settings import Settings


def run_ingest(settings: Settings, log: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Ingest in one worker process on the settings' port, and what it says in ``log``."""
    return _run("ingest", settings.ingest_port, settings, log)


def run_search(settings: Settings, log: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Search in one worker process on the settings' port, and what it says in ``log``."""
    return _run("search", settings.search_port, settings, log)


@contextmanager
def _run(name: str, port: int, settings: Settings, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--factory"]
    command += [f"services.{name}.app:create_app", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--blocking-threads", "16", "--workers-kill-timeout", "3"]
    environ = {**os.environ, **settings.environment()}
    with log.open("wb") as out:
        process = subprocess.Popen(command, env=environ, stdout=out, stderr=out, start_new_session=True)
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
