"""The bands of a sketch: stable numbers that texts share as far as they resemble each other."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256

import pytest

from shared.nearness.bands import BANDS, band_keys
from shared.nearness.sketch import Sketch, make_sketch
from tests.unit.nearness.texts import BANK, CHINESE, FERRY, lines


def agreeing(one: str, other: str) -> int:
    keys = zip(band_keys(make_sketch("", one)), band_keys(make_sketch("", other)), strict=True)
    return sum(mine == theirs for mine, theirs in keys)


def test_a_text_has_a_number_of_32_bits_for_each_band() -> None:
    keys = band_keys(make_sketch("", FERRY))
    assert len(keys) == BANDS == 64
    assert all(0 <= key < 2**32 for key in keys)
    assert len(set(keys)) == BANDS


@pytest.mark.parametrize(
    "body", ["", "Details follow.", "One two three four five six seven eight nine ten eleven"]
)
def test_a_text_that_is_too_short_has_none(body: str) -> None:
    assert band_keys(make_sketch("A title of many words that does not count", body)) == ()


def test_texts_share_bands_as_far_as_they_resemble_each_other() -> None:
    assert agreeing(FERRY, FERRY.upper()) == BANDS
    assert agreeing(FERRY, BANK) == 0
    half, quarter = "\n".join(lines(FERRY)[:4]), "\n".join(lines(FERRY)[:2])
    assert BANDS > agreeing(FERRY, half) > agreeing(FERRY, quarter) > 0
    assert agreeing(CHINESE, CHINESE[: len(CHINESE) // 2]) > 4


def test_the_share_of_equal_bands_is_the_square_of_the_jaccard_index() -> None:
    """Over many pairs of sets, half of whose members are common (J = 1/3), as two rows a band must give."""
    equal = 0
    for seed in range(60):
        numbers = [int.from_bytes(sha256(b"%d %d" % (seed, at)).digest()[:4]) for at in range(300)]
        one, other = Sketch(0, frozenset(numbers[:200])), Sketch(0, frozenset(numbers[100:]))
        equal += sum(a == b for a, b in zip(band_keys(one), band_keys(other), strict=True))
    assert equal / (60 * BANDS) == pytest.approx(1 / 9, abs=0.02)


def test_the_numbers_are_the_same_everywhere_and_for_ever() -> None:
    """They lie in Redis while one release follows another, and on machines of several kinds."""
    keys = band_keys(Sketch(0, frozenset(range(1, 5_000_000, 1_000))))
    assert sha256(repr(keys).encode()).hexdigest()[:16] == "6bc802541ddff348"


def test_numpy_is_loaded_by_the_first_text_only() -> None:
    code = "import sys, services.workers.stages.dedupe; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
