"""How near Redis and the ledger's disk are to their limits, and what is told while one cannot be asked."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import redis

from shared.metrics_limits import LimitsCollector
from shared.settings import Settings


def told(settings: Settings, info: Mapping[str, Any] | Exception) -> dict[str, float]:
    def ask() -> Mapping[str, Any]:
        if isinstance(info, Exception):
            raise info
        return info

    families = LimitsCollector(settings, ask).collect()
    return {family.name.removeprefix("copydesk_"): family.samples[0].value for family in families}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, max_ledger_bytes=5_000)


def test_redis_memory_is_told_with_its_limit(settings: Settings) -> None:
    found = told(settings, {"used_memory": 70, "maxmemory": 100, "total_system_memory": 999})
    assert (found["redis_memory_bytes"], found["redis_memory_limit_bytes"], found["redis_up"]) == (70, 100, 1)


def test_without_a_limit_of_its_own_redis_has_the_machine_s(settings: Settings) -> None:
    found = told(settings, {"used_memory": 70, "maxmemory": 0, "total_system_memory": 999})
    assert found["redis_memory_limit_bytes"] == 999


@pytest.mark.parametrize("error", [redis.ConnectionError("away"), redis.TimeoutError("frozen"), {}])
def test_a_redis_that_is_away_is_told_as_down_and_the_rest_is_told(settings: Settings, error: Any) -> None:
    found = told(settings, error)
    assert found["redis_up"] == 0
    assert "redis_memory_bytes" not in found
    assert found["ledger_limit_bytes"] == 5_000


def test_the_disk_of_the_ledger_is_the_one_it_lies_on(settings: Settings, tmp_path: Path) -> None:
    assert told(settings, {})["ledger_disk_bytes"] == shutil.disk_usage(tmp_path).total


def test_a_ledger_on_a_server_has_no_disk_here(tmp_path: Path) -> None:
    elsewhere = Settings(data_dir=tmp_path, ledger_url="postgresql://db/copydesk")
    assert "ledger_disk_bytes" not in told(elsewhere, {})
