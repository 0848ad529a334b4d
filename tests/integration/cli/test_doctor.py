"""Every broken state that the doctor knows, really broken: it is named, with what to do about it."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import redis

from services.cli import checkup
from services.cli.checkup import check_flower, check_open_door
from services.cli.doctor import Finding, advise, examine
from shared.clock import now_ms
from shared.fingerprints.open import open_fingerprints
from shared.index.open import open_index
from shared.keys.open import open_keys
from shared.keys.secret import make_key
from shared.ledger.open import migrate_ledger, open_ledger
from shared.settings import Settings
from tests.integration.workers.conftest import ROOT, make_raw, newsroom
from tests.servers import free_port, start_redis

__all__ = ["newsroom"]
AGES = 3_600_000  # ms


@pytest.fixture
def made(tmp_path: Path) -> Settings:
    """Ledger and index as `copydesk migrate` makes them."""
    settings = Settings(data_dir=tmp_path / "data")
    migrate_ledger(settings)
    with closing(open_index(settings, writing=True)) as index:
        index.create()
    return settings


def bad(settings: Settings) -> dict[str, str]:
    """What is not well, by what was looked at."""
    return {found.what: found.told for found in examine(settings) if not found.good}


def accept(settings: Settings, count: int, at: int) -> None:
    with closing(open_ledger(settings)) as ledger:
        ledger.accept([make_raw(number) for number in range(count)], at)


def fill(client: redis.Redis, size: int) -> None:
    for number in range(100_000):
        client.set(f"filler-{size}-{number}", b"x" * size)


@contextmanager
def redis_with(folder: Path, *options: str) -> Iterator[str]:
    server = start_redis(folder / "redis", free_port(), *options)
    yield server.url
    server.stop()


def test_what_was_just_made_is_well(made: Settings) -> None:
    assert {what: told for what, told in bad(made).items() if not what.startswith("port ")} == {}


# The ledger and the index


def cut_tables(settings: Settings) -> None:
    with closing(sqlite3.connect(settings.data_dir / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("DROP TABLE submissions")


def scribble(settings: Settings) -> None:
    (settings.data_dir / "ledger.sqlite").write_bytes(b"scribble" * 1_000)


@pytest.mark.parametrize(
    ("harm", "seen", "advice"),
    [
        (cut_tables, "no such table", "run `copydesk migrate`"),
        (scribble, "not a database", "`copydesk restore` a backup"),
    ],
)
def test_a_ledger_that_is_not_usable(
    made: Settings, harm: Callable[[Settings], None], seen: str, advice: str
) -> None:
    harm(made)
    told = bad(made)["ledger"]
    assert seen in told
    assert advice in told


def test_a_ledger_that_something_holds(made: Settings) -> None:
    with closing(sqlite3.connect(made.data_dir / "ledger.sqlite", isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        told = bad(made)["ledger"]
        shell.execute("ROLLBACK")
    assert "database is locked" in told
    assert "end what does" in told


def test_a_ledger_that_may_not_be_written(made: Settings) -> None:
    address = f"{(made.data_dir / 'ledger.sqlite').as_uri()}?mode=ro"
    with closing(sqlite3.connect(address, uri=True)) as ledger, pytest.raises(sqlite3.Error) as error:
        ledger.execute("DELETE FROM submissions")
    assert "let this user write it" in advise("ledger", f"ledger: {error.value}")


def test_a_ledger_whose_server_is_away(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path, ledger_url=f"postgresql://me:secret@127.0.0.1:{free_port()}/desk")
    told = bad(settings)["ledger"]
    assert "nothing can be accepted or worked on; start its server, or correct COPYDESK_LEDGER_URL" in told
    assert "secret" not in told


def test_an_index_that_is_missing(made: Settings) -> None:
    for path in sorted(made.index_dir.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    told = bad(made)["index"]
    assert "`copydesk migrate`" in told
    assert "searches answer 503" in told


def test_an_index_whose_server_is_away(made: Settings) -> None:
    told = bad(replace(made, index_url=f"http://127.0.0.1:{free_port()}"))["index"]
    assert "searches answer 503 and articles wait; start its server, or correct COPYDESK_INDEX_URL" in told


# Room and backlog


@pytest.mark.parametrize(
    ("limits", "seen", "advice"),
    [
        ({"min_free_bytes": 10**18}, "free on its disk: pushes get 503", "make room"),
        ({"max_ledger_bytes": 1}, "its limit: pushes get 503", "COPYDESK_MAX_LEDGER_BYTES"),
        ({"max_backlog": 2}, "3 articles are under way, the limit: pushes get 429", "add workers"),
    ],
)
def test_no_room_for_more(made: Settings, limits: dict[str, int], seen: str, advice: str) -> None:
    accept(made, 5, now_ms())
    told = bad(replace(made, **limits))["room"]  # type: ignore[arg-type]
    assert seen in told
    assert advice in told


def test_articles_that_nobody_takes(made: Settings) -> None:
    accept(made, 3, now_ms() - AGES)
    told = bad(made)["backlog"]
    assert told.startswith("3 wait at clean, the oldest for 36")
    assert "look for a worker of clean" in told


def test_articles_that_came_just_now_are_no_trouble(made: Settings) -> None:
    accept(made, 3, now_ms())
    assert "backlog" not in bad(made)


# Redis and the workers


def test_a_broker_that_is_away(made: Settings) -> None:
    told = bad(replace(made, broker_url=f"redis://127.0.0.1:{free_port()}", redis_url=""))["broker"]
    assert "does not answer; start it" in told


@pytest.mark.servers
def test_a_redis_that_is_full(made: Settings, tmp_path: Path) -> None:
    with redis_with(tmp_path, "--maxmemory", "3mb", "--maxmemory-policy", "noeviction") as url:
        client = redis.Redis.from_url(url)
        with pytest.raises(redis.exceptions.OutOfMemoryError):
            fill(client, 50_000)
        client.config_set("maxmemory", "2mb")  # else a small value may still find room
        client.close()
        told = bad(replace(made, broker_url=url, redis_url=url))["redis"]
    assert told.startswith("it is full: stages are not woken")
    assert "maxmemory" in told


@pytest.mark.servers
def test_a_redis_that_forgets(made: Settings, tmp_path: Path) -> None:
    with redis_with(tmp_path, "--maxmemory", "50mb", "--maxmemory-policy", "allkeys-lru") as url:
        told = bad(replace(made, broker_url=url, redis_url=url))["redis"]
    assert "it forgets messages and fingerprints when it is full (allkeys-lru)" in told
    assert "set maxmemory-policy noeviction" in told


@pytest.mark.servers
def test_a_redis_that_wants_another_password(made: Settings, tmp_path: Path) -> None:
    with redis_with(tmp_path) as url:
        client = redis.Redis.from_url(url)
        client.config_set("requirepass", "right")
        wrong = url.replace("redis://", "redis://default:marker-wrong@")
        found = bad(replace(made, broker_url=wrong, redis_url=wrong))
        client.execute_command("AUTH", "right")
        client.close()
    assert "correct user and password in COPYDESK_REDIS_URL" in found["redis"]
    assert "marker-wrong" not in str(found)


@pytest.mark.servers
def test_a_clock_that_is_off(made: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with redis_with(tmp_path) as url:
        settings = replace(made, broker_url=url, redis_url=url)
        assert "clock" not in bad(settings)
        monkeypatch.setattr(checkup, "now_ms", lambda: now_ms() - 60_000)
        told = bad(settings)["clock"]
    assert told.startswith("Redis's is 60 s ahead of this machine's: claims lapse too early or too late")
    assert told.endswith("set both by NTP")


@pytest.mark.servers
@pytest.mark.slow
def test_no_worker_then_some_without_a_sweeper_then_all(newsroom: Any) -> None:
    found = bad(newsroom.settings)
    assert found["workers"].startswith("none answers: what is accepted waits; start one")
    assert "embargoes do not end; start it" in found["sweeper"]
    newsroom.start_worker("clean", "dedupe", more=("-c", "1"))
    found = wait_for(newsroom.settings, lambda found: "none takes" in found.get("workers", ""))
    assert found["workers"].startswith("none takes tag, index: articles wait there; start a worker")
    assert "sweeper" in found
    newsroom.start_small("tag", "index", "sweep")
    found = wait_for(newsroom.settings, lambda found: not found.keys() & {"workers", "sweeper"})
    assert not found.keys() & {"workers", "sweeper", "redis", "clock"}


def wait_for(settings: Settings, met: Callable[[dict[str, str]], bool]) -> dict[str, str]:
    for _ in range(20):  # each asks the workers for two seconds
        if met(found := bad(settings)):
            return found
    raise AssertionError(f"waited in vain; last was {found}")


# The ways in


def test_a_flower_that_is_off(made: Settings) -> None:
    [found] = check_flower(replace(made, flower_port=free_port()))
    assert found == Finding("flower", good=False, told=found.told)
    assert found.told.startswith("does not answer: nobody sees tasks fail")


@pytest.mark.parametrize(
    ("bind", "keys", "open_to_all"),
    [
        ("0.0.0.0", "off", True),
        ("::", "off", True),
        ("192.0.2.7", "off", True),
        ("127.0.0.1", "off", False),
        ("::1", "auto", False),
        ("localhost", "auto", False),
        ("0.0.0.0", "on", False),
    ],
)
def test_an_open_address_without_keys(bind: str, keys: str, open_to_all: bool) -> None:
    found = list(check_open_door(Settings(bind=bind, keys=keys)))
    assert len(found) == open_to_all
    for one in found:
        assert f"off on {bind}: whoever reaches it may push, withdraw and read" in one.told
        assert "COPYDESK_KEYS=on" in one.told


@pytest.mark.parametrize(("name", "value"), [("COPYDESK_BATCH_SIZE", "many"), ("COPYDESK_BACTH_SIZE", "5")])
def test_a_wrong_setting_ends_it_with_the_name_of_the_setting(tmp_path: Path, name: str, value: str) -> None:
    environ = os.environ | {"COPYDESK_DATA_DIR": str(tmp_path), name: value}
    command = [sys.executable, "-m", "services.cli.main", "doctor"]
    done = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert name in done.stderr


# Keys, fingerprints, and tables of other releases


def make(settings: Settings, *scopes: str, days: float | None = None, revoke: bool = False) -> None:
    _, key = make_key("desk", scopes, now_ms() - 2 * 24 * AGES, days)
    with closing(open_keys(settings)) as store:
        store.add(key)
        if revoke:
            store.revoke(key.id, now_ms())


def test_keys_that_are_asked_for_and_were_never_made(made: Settings) -> None:
    asked = replace(made, keys="on")
    told = bad(asked)["keys"]
    assert told.startswith("on, and none was made: every caller gets 401; `copydesk keys create")
    make(made, "ingest", revoke=True)
    make(made, "search", days=1)
    assert bad(asked)["keys"].startswith("on, and none is live")
    make(made, "search")
    assert "keys" not in bad(asked)
    [found] = [one for one in examine(asked) if one.what == "keys"]
    assert found == Finding("keys", good=True, told="1 live; none is for ingest")
    assert "keys" not in {one.what for one in examine(made)}


@pytest.mark.servers
def test_fingerprints_that_are_lost(made: Settings, tmp_path: Path) -> None:
    with redis_with(tmp_path) as url:
        settings = replace(made, broker_url=url, redis_url=url)
        assert "fingerprints" not in bad(settings)  # nothing was pushed yet
        accept(settings, 3, now_ms())
        told = bad(settings)["fingerprints"]
        assert told.startswith("lost: articles wait at dedupe until the sweeper has put them back")
        assert "`copydesk fingerprints rebuild`" in told
        open_fingerprints(settings).mark_ready()
        assert "fingerprints" not in bad(settings)


def set_version(settings: Settings, version: str) -> None:
    with closing(sqlite3.connect(settings.data_dir / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("UPDATE alembic_version SET version_num = ?", (version,))


def test_tables_of_another_release(made: Settings) -> None:
    set_version(made, "0004")
    told = bad(made)["ledger"]
    assert "its tables are of an older release (0004, and not 00" in told
    assert "stop, run `copydesk migrate`, start" in told
    set_version(made, "9999")
    [found] = [one for one in examine(made) if one.what == "ledger"]
    assert found.good
    assert found.told.endswith("its tables are of a newer release")


@pytest.mark.parametrize(
    ("name", "factor", "seen", "advice"),
    [
        ("min_free_bytes", 0.7, "MiB are free on its disk; below", "make room"),
        ("max_ledger_bytes", 1.05, "once it is full, pushes get 503", "COPYDESK_MAX_LEDGER_BYTES"),
    ],
)
def test_room_that_is_nearly_gone(made: Settings, name: str, factor: float, seen: str, advice: str) -> None:
    accept(made, 5, now_ms())
    with closing(open_ledger(made)) as ledger:
        load = ledger.load(now_ms(), made.max_backlog)
    has = {"min_free_bytes": load.free_bytes, "max_ledger_bytes": load.ledger_bytes}[name] or 0
    told = bad(replace(made, **{name: int(factor * has)}))["room"]  # type: ignore[arg-type]
    assert seen in told
    assert advice in told
