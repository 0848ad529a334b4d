"""What the port of keys promises, on every adapter of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from shared.errors import Unavailable
from shared.keys.memory import MemoryKeys
from shared.keys.open import open_keys
from shared.keys.port import ApiKey, KeyStore
from shared.keys.secret import make_key
from shared.settings import Settings
from tests.contract.ledger_cases import DATABASES, NOW

KEY = ApiKey("0123456789ab", "wire Ä", ("ingest", "search"), bytes(range(32)), NOW, NOW + 1_000)


@pytest.fixture(params=["memory", *DATABASES])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[KeyStore]:
    made = MemoryKeys() if request.param == "memory" else open_keys(_settings(request, tmp_path))
    yield made
    made.close()


def _settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    if request.param == "postgresql":
        return Settings(data_dir=tmp_path, ledger_url=request.getfixturevalue("postgresql_url"))
    (tmp_path / "ledger.sqlite").write_bytes(request.getfixturevalue("empty_sqlite").read_bytes())
    return Settings(data_dir=tmp_path)


def test_a_key_is_found_by_its_id_as_it_was_added(store: KeyStore) -> None:
    store.add(KEY)
    assert store.find(KEY.id) == KEY
    assert store.find("ba9876543210") is None
    assert store.find("nul\0 and half a pair \ud800") is None


def test_what_is_made_for_good_comes_back_without_an_end(store: KeyStore) -> None:
    _, made = make_key("desk", ("admin",), NOW)
    store.add(made)
    assert store.find(made.id) == made
    assert made.expires_at is None


def test_all_of_them_are_listed_oldest_first(store: KeyStore) -> None:
    later = replace(KEY, id="00000000000f", created_at=NOW + 1)
    twin = replace(KEY, id="000000000000")
    for key in (later, KEY, twin):
        store.add(key)
    assert list(store.all()) == [twin, KEY, later]


def test_a_revoked_key_stays_and_keeps_the_time_of_it(store: KeyStore) -> None:
    other = replace(KEY, id="00000000000f")
    store.add(KEY)
    store.add(other)
    ended = replace(KEY, revoked_at=NOW + 5)
    assert store.revoke(KEY.id, NOW + 5) == ended
    assert store.revoke(KEY.id, NOW + 9) == ended
    assert store.find(KEY.id) == ended
    assert store.find(other.id) == other
    assert store.revoke("ba9876543210", NOW) is None


def test_its_last_use_only_ever_moves_on(store: KeyStore) -> None:
    store.add(KEY)
    for at in (NOW + 3, NOW + 9, NOW + 5):
        store.note_use(KEY.id, at)
    store.note_use("ba9876543210", NOW)
    assert store.find(KEY.id) == replace(KEY, last_used_at=NOW + 9)


def test_a_store_that_was_never_made_is_away(unmade: Settings) -> None:
    store = open_keys(unmade)
    with pytest.raises(Unavailable, match="copydesk migrate"):
        store.find(KEY.id)
    store.close()


def test_the_key_itself_is_nowhere_in_the_ledger(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(request.getfixturevalue("empty_sqlite").read_bytes())
    store = open_keys(Settings(data_dir=tmp_path))
    text, made = make_key("desk", ("search",), NOW)
    store.add(made)
    store.close()
    files = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert made.id.encode() in files
    assert text.rpartition("_")[2].encode() not in files
