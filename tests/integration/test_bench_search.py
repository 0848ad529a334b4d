"""A small run of ``bench.search``: it builds, keeps and uses again an index, and measures every class."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from bench.search import Bench, show
from bench.search_index import build, engine_running
from bench.search_queries import BARRED
from bench.system import BenchFailed
from shared.index.open import open_index

ARTICLES = 700


@pytest.mark.slow
def test_a_run_measures_every_class_and_its_index_is_used_again(tmp_path: Path):
    console = Console(record=True, width=140)
    bench = Bench("tantivy", tmp_path, console)
    first = bench.run(ARTICLES, 1, 0.2, frozenset())
    assert [row.kind for row in first.rows if row.barred] == list(BARRED)
    assert all(row.http.p50 > 0 and row.own.p50 > 0 and row.client is None for row in first.rows)
    assert set(first.rates) == {1, 4, 16}
    assert min(first.rates.values()) > 0
    assert first.own_mb > 30
    assert first.files_mb > 1
    assert first.bytes_each > 500
    again = bench.run(ARTICLES, 1, 0.2, frozenset({"term"}))
    assert again.built == first.built
    assert [row.kind for row in again.rows] == ["term"]
    show(first, console)
    assert "cursor page of 500" in console.export_text()


def test_a_build_that_was_broken_off_is_gone_on_with(tmp_path: Path):
    def break_off(count: int) -> None:
        if count:
            raise KeyboardInterrupt

    with engine_running("tantivy", tmp_path) as settings:
        with pytest.raises(KeyboardInterrupt):
            build(settings, "tantivy", 7, 6_000, break_off)
        told: list[int] = []
        built = build(settings, "tantivy", 7, 6_000, told.append)
        assert built.whole
        assert told == [5_000, 1_000]
        index = open_index(settings)
        assert index.count() == 6_000
        index.close()
        with pytest.raises(BenchFailed, match=r"6,000 articles of another seed"):
            build(settings, "tantivy", 8, 6_000, told.append)
