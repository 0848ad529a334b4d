"""Moments on the command line."""

import click
import pytest

from services.cli.moments import moment, read_age, show_age, show_ms
from shared.clock import now_ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-01-31T09:30:00Z", 1_769_851_800_000),
        ("2026-01-31t10:30:00+01:00", 1_769_851_800_000),
        ("2026-01-31 09:30:00.250z", 1_769_851_800_250),
    ],
)
def test_a_moment_in_rfc_3339_is_read_with_its_zone(text, ms):
    assert moment(text) == ms


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("15m", 900), ("2h", 7_200), ("1.5H", 5_400), ("3d", 259_200), ("1w", 604_800)],
)
def test_an_age_counts_back_from_now(text, seconds):
    before = now_ms()
    assert before <= moment(text) + seconds * 1000 <= now_ms()


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2h3m", "-2h", "h", "2026-01-31T09:30:00", "2026-13-31T09:30:00Z"]
)
def test_what_is_no_moment_is_told_with_examples(text):
    with pytest.raises(click.BadParameter, match="such as 90m, 2h or 3d"):
        moment(text)


def test_ages_are_shown_in_one_unit_and_never_negative():
    shown = [show_age(seconds) for seconds in (-3_600, 0.4, 119, 121, 7_300, 180_000, 1_300_000)]
    assert shown == ["0 s", "0 s", "119 s", "2 m", "2 h", "2 d", "2 w"]
    assert read_age("no age") is None
    assert show_ms(1_769_851_800_000) == "2026-01-31 09:30:00 UTC"
