"""The key of Prometheus: made once, kept while it is good, made anew when it no longer is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli.metrics_key import keep_key
from shared.keys.keeper import Keeper
from shared.keys.memory import MemoryKeys
from shared.keys.secret import id_of

NOW = 1_700_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "metrics-key"


def test_a_key_is_made_that_opens_what_any_key_does_and_can_do_no_more_than_search(path: Path) -> None:
    store = MemoryKeys()
    assert keep_key(path, store, NOW)
    keeper = Keeper(store, now=lambda: NOW)
    assert keeper.check(path.read_text(), None).name == "prometheus"
    assert keeper.check(path.read_text(), None).scopes == ("search",)
    assert path.stat().st_mode & 0o777 == 0o440
    assert list(path.parent.iterdir()) == [path]


def test_a_key_that_is_still_good_is_kept(path: Path) -> None:
    store = MemoryKeys()
    keep_key(path, store, NOW)
    before = path.read_text()
    assert not keep_key(path, store, NOW + 1)
    assert path.read_text() == before
    assert len(store.all()) == 1


@pytest.mark.parametrize(
    "spoil", ["revoked", "of another ledger", "cut short", "not text", "of another secret"]
)
def test_a_key_that_is_no_longer_good_is_made_anew(path: Path, spoil: str) -> None:
    store = MemoryKeys()
    keep_key(path, store, NOW)
    before = path.read_text()
    path.chmod(0o600)
    if spoil == "revoked":
        store.revoke(id_of(before), NOW)
    elif spoil == "of another ledger":
        store = MemoryKeys()
    elif spoil == "of another secret":
        path.write_text(before[:-4] + "0000")
    else:
        path.write_bytes(before[:20].encode() if spoil == "cut short" else b"\xff\xfe")
    assert keep_key(path, store, NOW + 1)
    assert Keeper(store, now=lambda: NOW + 1).check(path.read_text(), "search")
    assert path.read_text() != before


def test_without_a_ledger_it_says_so_and_writes_nothing(path: Path) -> None:
    environ = {**os.environ, "COPYDESK_DATA_DIR": str(path.parent / "nothing-here")}
    argv = [sys.executable, "-m", "services.cli.metrics_key", str(path)]
    done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert done.stderr.startswith("copydesk: ")
    assert not path.exists()
