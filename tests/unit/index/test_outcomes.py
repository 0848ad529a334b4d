"""One outcome of two: what became of an article that was written to two indices."""

from __future__ import annotations

import pytest

from shared.index.outcomes import worse
from shared.index.port import WriteOutcome


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("written", "written", "written"),
        ("stale", "stale", "stale"),
        ("stale", "written", "written"),
        ("written", "unavailable", "unavailable"),
        ("stale", "unavailable", "unavailable"),
        ("unavailable", "refused", "refused"),
        ("stale", "refused", "refused"),
    ],
)
def test_the_worse_outcome_counts_with_its_reason(one, other, both):
    first, second = WriteOutcome("a", one, f"{one} said"), WriteOutcome("a", other, f"{other} said")
    assert (
        worse([[first], [second]]) == worse([[second], [first]]) == [WriteOutcome("a", both, f"{both} said")]
    )


def test_outcomes_stay_in_order_and_one_index_alone_says_it_all():
    outcomes = [WriteOutcome("a", "written"), WriteOutcome("b", "refused", "bad"), WriteOutcome("c", "stale")]
    assert worse([outcomes]) == outcomes
    assert worse([[], []]) == []
