"""What ``/readyz`` of both services says of what an operator has left undone."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from services.ingest.app import create_app as create_ingest
from services.search.app import create_app as create_search
from shared.clock import now_ms
from shared.index.open import open_index
from shared.keys import keeper as keeper_module
from shared.keys.open import open_keys
from shared.keys.secret import make_key
from shared.ledger.open import migrate_ledger
from shared.readiness import FRESH_SECONDS
from shared.settings import Settings
from tests.unit.ingest.conftest import Notes


@pytest.fixture
def settings(tmp_path: Path) -> Iterator[Settings]:
    made = Settings(data_dir=tmp_path / "data")
    migrate_ledger(made)
    with closing(open_index(made, writing=True)) as index:
        index.create()
    yield made
    for thread in threading.enumerate():
        if thread.name in ("capacity", "key use"):
            thread.join()


@pytest.fixture(autouse=True)
def always_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """No answer is kept for the next test's question."""
    monkeypatch.setattr("shared.readiness.FRESH_SECONDS", -FRESH_SECONDS)
    monkeypatch.setattr(keeper_module, "KNOWN_SECONDS", 0.0)


def clients(settings: Settings) -> dict[str, FlaskClient]:
    """Both services on a ledger that they open themselves."""
    notes = Notes()
    return {
        "ingest": create_ingest(settings, waker=notes).test_client(),  # type: ignore[arg-type]
        "search": create_search(settings).test_client(),
    }


@pytest.mark.parametrize("name", ["ingest", "search"])
def test_keys_that_nobody_has_made(settings: Settings, name: str) -> None:
    client = clients(replace(settings, keys="on"))[name]
    told = client.get("/readyz")
    assert (told.status_code, told.json["status"]) == (200, "degraded")
    assert told.json["checks"]["keys"] == {"status": "failed"}
    assert told.json["advice"]["keys"].startswith("every caller gets 401; `copydesk keys create")
    text, key = make_key("desk", (name,), now_ms())
    with closing(open_keys(settings)) as store:
        store.add(key)
        assert client.get("/readyz").json["checks"]["keys"] == {"status": "ok"}
        assert client.get("/readyz", headers={"X-Api-Key": text}).json["status"] == "ready"
        store.revoke(key.id, now_ms())
    assert client.get("/readyz").json["checks"]["keys"] == {"status": "failed"}
    assert "keys" not in clients(settings)[name].get("/readyz").json["checks"]


@pytest.mark.parametrize("name", ["ingest", "search"])
def test_tables_of_an_older_release(settings: Settings, name: str) -> None:
    with closing(sqlite3.connect(settings.data_dir / "ledger.sqlite")) as ledger, ledger:
        ledger.execute("UPDATE alembic_version SET version_num = '0003'")
    client = clients(settings)[name]
    told = client.get("/readyz")
    assert (told.status_code, told.json["status"]) == (503, "unavailable")
    assert "an older release (0003, and not 00" in told.json["checks"]["ledger"]["error"]
    assert "`copydesk migrate`" in told.json["checks"]["ledger"]["error"]
    migrated = sqlite3.connect(settings.data_dir / "ledger.sqlite")
    with closing(migrated), migrated:
        migrated.execute("UPDATE alembic_version SET version_num = '9999'")
    assert client.get("/readyz").status_code == 200


def test_an_index_that_was_never_made(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data")
    migrate_ledger(settings)
    told = create_search(settings).test_client().get("/readyz")
    assert told.status_code == 503
    assert told.json["checks"]["index"]["status"] == "failed"
    assert "searches answer 503" in told.json["advice"]["index"]
