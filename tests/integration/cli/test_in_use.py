"""A backup is put in a ledger's place only while nobody uses it, whichever service or command that is."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from services.cli.ground import lock_data_dir
from shared.errors import BadSettings, Unavailable
from shared.ledger import users as module
from shared.ledger.open import migrate_ledger
from shared.ledger.users import hold_ledger, ledger_alone
from shared.settings import Settings
from tests.integration.cli.test_backup import filled, run, saved
from tests.integration.service import run_ingest, run_search
from tests.servers import free_port

__all__ = ["filled", "saved"]
ROOT = Path(__file__).parents[3]
HOLDER = """
import sys, time
from shared.ledger.users import hold_ledger
from shared.settings import read_settings
hold = hold_ledger(read_settings(), sys.argv[1])
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "data").mkdir()
    return Settings(data_dir=tmp_path / "data")


@contextmanager
def process(settings: Settings, name: str) -> Iterator[subprocess.Popen[bytes]]:
    """Another process that uses the ledger under a name."""
    command = [sys.executable, "-c", HOLDER, name]
    environ = {**os.environ, **settings.environment()}
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE) as made:
        assert made.stdout is not None
        assert made.stdout.readline() == b"held\n"
        try:
            yield made
        finally:
            made.kill()


def in_use(settings: Settings) -> str:
    """What is said to who wants the ledger alone; empty where it can be had."""
    try:
        with ledger_alone(settings):
            return ""
    except BadSettings as error:
        return str(error)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ingest", "search"])
def test_a_service_without_copydesk_up_keeps_its_ledger(
    filled: Settings, saved: Path, tmp_path: Path, name: str
) -> None:
    ports = {"ingest_port": free_port(), "search_port": free_port()}
    settings = replace(filled, broker_url=f"redis://127.0.0.1:{free_port()}/0", **ports)
    assert run(settings, "migrate").returncode == 0
    ledger = Path(settings.ledger_url.removeprefix("sqlite:///"))
    start: AbstractContextManager[subprocess.Popen[bytes]]
    start = {"ingest": run_ingest, "search": run_search}[name](settings, tmp_path / "log")
    with start:
        for path in settings.data_dir.glob("ledger.sqlite*"):  # as one does who has not stopped it
            shutil.move(path, tmp_path)
        done = run(settings, "restore", saved)
        assert done.returncode == 2, done.stdout
        assert f"is in use by {name} (process " in done.stderr
        assert "docker compose stop" in done.stderr
        assert not ledger.exists()
    done = run(settings, "restore", saved)
    assert done.returncode == 0, done.stderr
    assert ledger.exists()


def test_all_who_use_it_are_named_and_those_who_have_ended_are_not(settings: Settings) -> None:
    assert in_use(settings) == ""
    with process(settings, "worker") as worker:
        with process(settings, "prune"):
            told = in_use(settings)
            assert f"worker (process {worker.pid}), prune (process " in told
        assert "prune" not in in_use(settings)
    assert in_use(settings) == ""


def test_one_that_is_killed_or_forks_lets_go_with_its_last_process(settings: Settings) -> None:
    hold = hold_ledger(settings, "worker")
    parent, child = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(child)
        os.read(parent, 1)
        os._exit(0)
    hold.close()
    hold.close()
    assert f"worker (process {os.getpid()})" in in_use(settings)
    os.close(child)
    os.waitpid(pid, 0)
    os.close(parent)
    assert in_use(settings) == ""
    with process(settings, "worker") as killed:
        killed.send_signal(signal.SIGKILL)
        killed.wait(10)
        assert in_use(settings) == ""


def test_one_of_another_container_is_named_by_its_host(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.socket, "gethostname", lambda: "3f2a9c")
    with closing(hold_ledger(settings, "worker")):
        monkeypatch.undo()
        assert "in use by worker (on 3f2a9c);" in in_use(settings)


def test_many_that_start_at_once_do_not_turn_each_other_away(settings: Settings) -> None:
    holds, errors = [], []

    def start() -> None:
        try:
            holds.append(hold_ledger(settings, "worker"))
        except Unavailable as error:
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(32)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(holds), errors) == (32, [])
    assert in_use(settings) != ""
    for hold in holds:
        hold.close()


def test_who_starts_in_the_moment_that_another_holds_it_alone_waits(settings: Settings) -> None:
    alone, over = threading.Event(), threading.Event()

    def be_alone() -> None:
        with ledger_alone(settings):
            alone.set()
            over.wait(30)

    other = threading.Thread(target=be_alone)
    other.start()
    assert alone.wait(10)
    threading.Timer(0.2, over.set).start()
    hold_ledger(settings, "search").close()
    other.join()


def test_while_a_backup_is_put_back_nobody_starts(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "START_SECONDS", 0.1)
    with ledger_alone(settings):
        for words in (("migrate",), ("status",)):
            (settings.data_dir / "ledger.sqlite").touch()
            done = run(settings, *words)
            assert done.returncode == 1, done.stdout
            assert "a backup is put in its place right now" in done.stderr
        with pytest.raises(Unavailable):
            hold_ledger(settings, "ingest")
    hold_ledger(settings, "ingest").close()


def test_a_folder_that_allows_no_lock_and_a_ledger_on_a_server_are_used_without(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    nowhere = replace(settings, ledger_url=f"sqlite:///{tmp_path / 'file' / 'ledger.sqlite'}")
    server = replace(settings, ledger_url="postgresql://127.0.0.1:1/copydesk")
    for one in (nowhere, server):
        with closing(hold_ledger(one, "ingest")):
            assert in_use(one) == ""
    with closing(hold_ledger(settings, "ingest")) as first:
        users = settings.data_dir / "ledger.users"
        users.chmod(0o444)
        real = os.open
        monkeypatch.setattr(os, "open", lambda path, flags, *more: real(path, _refused(flags), *more))
        with closing(hold_ledger(settings, "search")):
            first.close()
            assert in_use(settings) != ""


def _refused(flags: int) -> int:
    if flags & os.O_RDWR:
        raise PermissionError
    return flags


def test_what_was_written_of_users_long_gone_goes(settings: Settings) -> None:
    for _ in range(50):
        hold_ledger(settings, "status").close()
    with closing(hold_ledger(settings, "ingest")):
        assert (settings.data_dir / "ledger.users").read_text().count("\n") == 1


def test_copydesk_up_is_told_of_before_all_else(filled: Settings, saved: Path) -> None:
    lock = lock_data_dir(filled)
    try:
        done = run(filled, "restore", saved)
        assert f"Copydesk runs on {filled.data_dir}; stop it first" in done.stderr
    finally:
        os.close(lock)


def test_a_migration_and_a_hold_wait_for_nothing(settings: Settings) -> None:
    with process(settings, "ingest"):
        begun = time.monotonic()
        migrate_ledger(settings)
        hold_ledger(settings, "search").close()
        assert time.monotonic() - begun < 30
