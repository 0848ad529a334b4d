"""Backup and restore of the ledger: beside live work, whole or not at all, and honest about what is gone."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from shared.clock import now_ms
from shared.index.document import digest
from shared.index.open import open_index
from shared.ledger.open import migrate_ledger, open_ledger
from shared.queue import Waker
from shared.settings import Settings
from tests.integration.workers.conftest import ROOT, Newsroom, free_port, make_raw, newsroom, wait_until
from tests.servers import start_redis

__all__ = ["newsroom"]
FEW = 40
PACE = 0.05  # seconds between pushes: faster than that, a busy machine's workers fall behind for minutes


def run(settings: Settings, *words: object, before: str = "") -> subprocess.CompletedProcess[str]:
    """A command of ours in a process of its own; ``before``: a shell command that goes before it."""
    command = [sys.executable, "-m", "services.cli.main", *map(str, words)]
    shell = ["bash", "-c", f'{before or ":"}; exec "$@"', "-"]
    environ = {**os.environ, **settings.environment()}
    return subprocess.run(shell + command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=240)


@pytest.fixture
def filled(tmp_path: Path) -> Settings:
    """A ledger with a few submissions, and nobody who works on it."""
    settings = Settings(data_dir=tmp_path / "data")
    migrate_ledger(settings)
    with closing(open_ledger(settings)) as ledger:
        ledger.accept([make_raw(number) for number in range(FEW)], now_ms())
    return settings


def elsewhere(settings: Settings, folder: Path) -> Settings:
    """The same on an empty data folder."""
    return replace(settings, data_dir=folder, ledger_url="")


@pytest.fixture
def saved(filled: Settings, tmp_path: Path) -> Path:
    done = run(filled, "backup", tmp_path / "saved.sqlite")
    assert done.returncode == 0, done.stderr
    return tmp_path / "saved.sqlite"


def test_a_backup_is_one_file_that_only_its_owner_may_read(saved: Path) -> None:
    assert saved.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in saved.parent.iterdir()) == ["data", "saved.sqlite"]


def test_in_a_folder_backups_are_named_by_their_time_and_none_replaces_another(
    filled: Settings, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    for _ in range(2):
        done = run(filled, "backup", folder)
        assert done.returncode == 0, done.stderr
        assert f"{FEW} submissions, the newest accepted at 20" in done.stdout
    assert len(list(folder.glob("copydesk-ledger-2*Z.sqlite"))) == 2


def test_a_file_that_is_there_is_not_replaced(filled: Settings, saved: Path) -> None:
    before = saved.read_bytes()
    done = run(filled, "backup", saved)
    assert done.returncode == 2
    assert "is there already" in done.stderr
    assert saved.read_bytes() == before


def test_a_disk_that_is_full_leaves_no_half_of_a_backup(filled: Settings, tmp_path: Path) -> None:
    done = run(filled, "backup", tmp_path / "saved.sqlite", before="ulimit -f 32")
    assert done.returncode == 1
    assert "no backup was made" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_ledger_in_postgresql_is_backed_up_by_its_own_tools(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, ledger_url="postgresql://someone:secret@127.0.0.1:1/desk")
    done = run(settings, "backup", tmp_path / "x")
    assert done.returncode == 2
    assert "pg_dump" in done.stderr
    assert "secret" not in done.stderr


def test_into_postgresql_goes_nothing_but_a_backup(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, ledger_url="postgresql://someone:secret@127.0.0.1:1/desk")
    done = run(settings, "restore", __file__)
    assert done.returncode == 1
    assert "is no backup of a ledger" in done.stderr
    assert "secret" not in done.stderr


def test_what_is_restored_is_what_was_backed_up(filled: Settings, saved: Path, tmp_path: Path) -> None:
    target = elsewhere(filled, tmp_path / "new")
    done = run(target, "restore", saved)
    assert done.returncode == 0, done.stderr
    assert "is not in it, and has to be done again" in done.stdout
    assert "`copydesk reindex`" in done.stdout
    with sqlite3.connect(saved) as old, sqlite3.connect(tmp_path / "new" / "ledger.sqlite") as new:
        assert list(old.iterdump()) == list(new.iterdump())
    old.close()
    new.close()


@pytest.mark.parametrize("name", ["ledger.sqlite", "ledger.sqlite-wal"])
def test_a_ledger_that_is_there_is_never_written_over(
    filled: Settings, saved: Path, tmp_path: Path, name: str
) -> None:
    target = elsewhere(filled, tmp_path / "new")
    target.data_dir.mkdir()
    (target.data_dir / name).write_bytes(b"mine")
    done = run(target, "restore", saved)
    assert done.returncode == 1
    assert "is there already; move it away first" in done.stderr
    assert (target.data_dir / name).read_bytes() == b"mine"


@pytest.mark.parametrize("damage", ["cut", "altered", "other", "newer"])
def test_what_is_no_whole_backup_is_refused_and_nothing_is_left(
    filled: Settings, saved: Path, tmp_path: Path, damage: str
) -> None:
    data = saved.read_bytes()
    if damage == "cut":
        saved.write_bytes(data[: len(data) // 2])
    elif damage == "altered":  # a page that nothing but a check of all of them looks at
        with closing(sqlite3.connect(saved)) as copy:
            (size,) = copy.execute("PRAGMA page_size").fetchone()
            (page,) = copy.execute("SELECT rootpage FROM sqlite_master WHERE name = 'journey'").fetchone()
        begin = (page - 1) * size
        saved.write_bytes(data[:begin] + b"\xff" * size + data[begin + size :])
    elif damage == "other":
        saved.write_text("no database")
    else:
        with sqlite3.connect(saved) as copy:
            copy.execute("UPDATE alembic_version SET version_num = '9999'")
        copy.close()
    done = run(elsewhere(filled, tmp_path / "new"), "restore", saved)
    assert done.returncode == 1, done.stdout
    assert ("newer release" if damage == "newer" else str(saved)) in done.stderr
    assert not (tmp_path / "new" / "ledger.sqlite").exists()


class Load:
    """Pushes one article after the other until it is told to stop; ``done`` are those that have a receipt."""

    def __init__(self, room: Newsroom) -> None:
        self.done: list[str] = []
        self._room = room
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._push)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _push(self) -> None:
        number = 0
        while not self._end.wait(PACE):
            raw = make_raw(number)
            self._room.accept(raw)
            self.done.append(raw.id)
            number += 1


@pytest.fixture(params=["sqlite", "postgresql"])
def other(request: pytest.FixtureRequest, newsroom: Newsroom, tmp_path: Path) -> Iterator[Newsroom]:
    """A newsroom on an empty data folder or database, with a Redis of its own; its ledger is to come."""
    url = request.getfixturevalue("empty_postgresql_url") if request.param == "postgresql" else ""
    server = start_redis(tmp_path / "other-redis", free_port())
    settings = replace(
        elsewhere(newsroom.settings, tmp_path / "restored"),
        ledger_url=url, broker_url=server.url, redis_url=server.url,
    )  # fmt: skip
    made = Newsroom(settings, open_ledger(settings), Waker(settings), server)
    yield made
    made.close()
    server.stop()


@pytest.mark.servers
@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_backup_under_load_restores_and_reindexes_to_what_was_there(
    newsroom: Newsroom, other: Newsroom, tmp_path: Path
) -> None:
    newsroom.start_all()
    with Load(newsroom) as load:
        wait_until(lambda: newsroom.ledger.counts().get("indexed", 0) > 50, "some articles")
        before = list(load.done)
        done = run(newsroom.settings, "backup", tmp_path / "saved.sqlite")
        after = len(load.done) + 2  # the one that is under way may have come in before the end
        wait_until(lambda: len(load.done) > after + 20, "articles after the backup")
    assert done.returncode == 0, done.stderr
    newsroom.wait_for_all()
    busy = run(newsroom.settings, "restore", tmp_path / "saved.sqlite")
    assert re.search(r"in use by .*\bw\d+ \(process \d+\)", busy.stderr), busy.stderr
    restored = run(other.settings, "restore", tmp_path / "saved.sqlite")
    assert restored.returncode == 0, restored.stderr
    assert run(other.settings, "migrate").returncode == 0
    other.start_all()
    other.wait_for_all()  # what was under way when the backup was made goes on
    rebuilt = run(other.settings, "reindex")
    assert rebuilt.returncode == 0, rebuilt.stderr + rebuilt.stdout
    compared = run(other.settings, "doctor", "--compare", "--all")
    assert compared.returncode == 0, compared.stdout + other.logs()[-2_000:]
    check_same(newsroom, other, before, load.done[after:])


def check_same(room: Newsroom, again: Newsroom, before: list[str], gone: list[str]) -> None:
    """All that had a receipt before the backup is as it is in the first newsroom; what came later is gone."""
    ids = [one for one in load_ids(room) if again.ledger.status(one) is not None]
    assert set(before) <= set(ids)
    assert not set(gone) & set(ids)
    assert [again.ledger.status(one).status for one in ids] == ["indexed"] * len(ids)
    with closing(open_index(room.settings)) as old, closing(open_index(again.settings)) as new:
        there = new.digests(ids)
        assert there.keys() == set(ids)
        assert new.count() == len(ids)
        for part in room.ledger.articles(before), again.ledger.articles(before):
            assert len(part) == len(before)
        told = {one.id: digest(one) for one in again.ledger.articles(ids)}
        assert there == told
        texts = {one.id: (one.title, one.body, one.topics, one.story_id) for one in room.ledger.articles(ids)}
        assert texts == {
            one.id: (one.title, one.body, one.topics, one.story_id) for one in again.ledger.articles(ids)
        }
        assert old.count() > new.count()


def load_ids(room: Any) -> list[str]:
    """Every article of a ledger."""
    found: list[str] = []
    after = 0
    while page := room.ledger.served(after, 500):
        found += [one.id for one in page]
        after = page[-1].sequence
    return found
