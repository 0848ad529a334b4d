"""Amounts row by row, from ``amounts_gold.txt``: money and percentages in many forms, and what is neither."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from services.workers.stages.tag.amounts import find_amounts

FILE = Path(__file__).with_name("amounts_gold.txt")


def _rows() -> list[tuple[str, str, str]]:
    lines = [line for line in FILE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = [tuple(part.strip() for part in line.split("|")) for line in lines]
    return [(language, text, wanted) for language, text, wanted in rows]


def _wanted(written: str) -> Counter[tuple[float, str]]:
    pairs = [each.split() for each in written.split(", ") if each]
    return Counter((round(float(value), 6), unit) for value, unit in pairs)


@pytest.mark.parametrize(("language", "text", "wanted"), _rows())
def test_the_amounts_of_a_row_are_found_and_no_others(language: str, text: str, wanted: str) -> None:
    found = find_amounts(text, language)
    assert Counter((round(each.value, 6), each.unit) for each in found) == _wanted(wanted)
    assert all(each.text in text for each in found)


def test_the_table_is_long_and_holds_traps() -> None:
    rows = _rows()
    assert len(rows) >= 120
    assert sum(not wanted for _, _, wanted in rows) >= 30
    assert len({language for language, _, _ in rows}) >= 6
