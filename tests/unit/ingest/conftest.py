"""An ingest service on a real ledger in a temporary file, with a waker that only takes notes."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from services.ingest.app import create_app
from services.ingest.door import Door
from shared.errors import Unavailable
from shared.ledger.open import migrate_ledger, open_ledger
from shared.ledger.port import Ledger
from shared.settings import Settings


class Notes:
    """A waker that remembers the calls; ``check`` fails while ``down``."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, tuple[str, ...]]] = []
        self.lanes: list[tuple[str, str]] = []
        self.down = False

    def wake(self, stage: str, lane: str = "live", ids: Sequence[str] = ()) -> None:
        self.calls.append((stage, tuple(ids)))
        self.lanes.append((stage, lane))

    def check(self) -> None:
        if self.down:
            raise Unavailable("broker: connection refused")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, max_request_bytes=100_000)


@pytest.fixture(scope="session")
def empty_ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file to copy: migrating for each of hundreds of tests takes most of their time."""
    made = Settings(data_dir=tmp_path_factory.mktemp("empty"))
    migrate_ledger(made)
    return made.data_dir / "ledger.sqlite"


@pytest.fixture
def ledger(settings: Settings, empty_ledger: Path) -> Iterator[Ledger]:
    shutil.copy(empty_ledger, settings.data_dir / "ledger.sqlite")
    opened = open_ledger(settings)
    yield opened
    for thread in threading.enumerate():
        if thread.name == "capacity":  # still measuring: the ledger must not be opened again after its end
            thread.join()
    opened.close()


@pytest.fixture
def waker() -> Notes:
    return Notes()


@pytest.fixture
def door(settings: Settings, ledger: Ledger, waker: Notes) -> Door:
    return Door(settings, ledger, waker)


@pytest.fixture
def client(settings: Settings, ledger: Ledger, waker: Notes) -> FlaskClient:
    return create_app(settings, ledger, waker).test_client()
