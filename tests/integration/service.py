"""Starts a service in a real granian process, as the system does, for as long as a test needs it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import httpx
import pytest

from services.cli.system import web_children
from shared.settings import Settings
from tests.servers import free_port

ROOT = Path(__file__).parents[2]


def run_ingest(settings: Settings, log: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Ingest in one worker process on the settings' port, and what it says in ``log``."""
    return _run(0, settings.ingest_port, settings, log)


def run_search(settings: Settings, log: Path) -> AbstractContextManager[subprocess.Popen[bytes]]:
    """Search in one worker process on the settings' port, and what it says in ``log``."""
    return _run(1, settings.search_port, settings, log)


@contextmanager
def run_app(factory: str, threads: int, environ: Mapping[str, str]) -> Iterator[httpx.Client]:
    """An app of a test's own (``module:function``) in one worker process, and a client that asks it."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--port", str(port), "--workers", "1",
               "--blocking-threads", str(threads), "--workers-kill-timeout", "3",
               "--factory", factory]  # fmt: skip
    server = subprocess.Popen(command, env={**os.environ, **environ}, cwd=ROOT, start_new_session=True)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            _await(client)
            yield client
    finally:
        server.terminate()
        server.wait(20)


def _await(client: httpx.Client) -> None:
    end = time.monotonic() + 60
    while True:
        try:
            client.get("/healthz")
        except httpx.TransportError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)
        else:
            return


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
