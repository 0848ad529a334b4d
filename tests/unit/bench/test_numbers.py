"""The bench's own arithmetic: percentiles, and how many articles make a run."""

from __future__ import annotations

import pytest

from bench.articles import is_copy
from bench.measure import tens
from bench.numbers import percentile, spread


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.5, 50.0), (0.95, 95.0), (0.951, 96.0), (1.0, 100.0)]
)
def test_a_percentile_is_a_value_that_was_measured(share: float, expected: float) -> None:
    assert percentile([float(number) for number in range(1, 101)], share) == expected


def test_a_spread_does_not_depend_on_the_order_of_its_values() -> None:
    found = spread([30.0, 10.0, 20.0])
    assert (found.count, found.p50, found.p95, found.most) == (3, 20.0, 30.0, 30.0)


@pytest.mark.parametrize("asked", [1, 100, 104.9, 105.1, 1_234, 10_000])
def test_a_run_has_exactly_a_tenth_of_copies(asked: float) -> None:
    count = tens(asked)
    assert count >= 100
    assert abs(count - asked) <= 5 or asked < 100
    assert sum(is_copy(number) for number in range(2_000_000, 2_000_000 + count)) * 10 == count
