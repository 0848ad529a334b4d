"""Words, shingles and marks of a text, and the bytes that are kept of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.nearness.sketch import (
    MOST_SHINGLES,
    Sketch,
    make_sketch,
    pack_sketch,
    shared_in_order,
    tokens,
    unpack_sketch,
)
from tests.unit.nearness.texts import BANK, FERRY, FERRY_TITLE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The U.S. economy—again", ["the", "u", "s", "economy", "again"]),
        ("snake_case don’t", ["snake", "case", "don", "t"]),
        ("Ｆｕｌｌ　ｗｉｄｔｈ ﬁne", ["full", "width", "fine"]),
        ("co\u00adoper\u200bate", ["cooperate"]),
        ("Cafe\u0301 caf\u00e9", ["café", "café"]),
        ("हिन्दी में समाचार।", ["हिन्दी", "में", "समाचार"]),
        ("서울 지하철", ["서울", "지하철"]),
        ("北京地铁", ["北京", "京地", "地铁"]),
        ("2026年3月 iPhone発売", ["2026", "年", "3", "月", "iphone", "発売"]),
        ("รถไฟฟ้า", ["รถไฟ", "ถไฟฟ", "ไฟฟ้", "ฟฟ้า"]),
        ("…!?", []),
    ],
)
def test_words_are_runs_of_letters_and_digits_or_pieces_of_a_dense_script(
    text: str, words: list[str]
) -> None:
    assert tokens(text) == words


def test_shingles_stand_in_the_order_of_the_text() -> None:
    one, other = make_sketch("", FERRY), make_sketch("", FERRY + BANK)
    assert other.order[: len(one.order)] == one.order
    assert shared_in_order(other, one)[: len(one.order)] == [True] * len(one.order)
    assert True not in shared_in_order(other, one)[len(one.order) + 2 :]


def test_numbers_and_names_are_those_of_title_and_lead() -> None:
    far = make_sketch(FERRY_TITLE, FERRY + "In 1987 Ole Berg had 3,500 of them.")
    assert far.numbers == make_sketch("11", "").numbers
    assert far.names >= make_sketch("", "the Karlsvik and Norrholm, on Monday").names
    assert make_sketch("Rates at 3.25 and 1,000", "").numbers == make_sketch("", "1,000 3.25").numbers


def test_capitals_say_nothing_where_they_are_the_rule() -> None:
    assert not make_sketch("Ferry To Norrholm Sails Again", "").names
    assert not make_sketch("FERRY SAILS AGAIN", "THE FERRY SAILS").names


@given(st.text(max_size=300), st.text(max_size=2_000))
@settings(max_examples=60, deadline=None)
def test_a_packed_sketch_is_the_same_again(title: str, body: str) -> None:
    sketch = make_sketch(title, body)
    assert unpack_sketch(pack_sketch(sketch)) == sketch
    assert len(sketch.order) == len(sketch.shingles)


def test_a_sketch_of_five_megabytes_is_bounded_and_a_sample_by_the_shingles_alone() -> None:
    body = " ".join(f"word{number} ferry" for number in range(320_000))
    assert len(body) > 5_000_000
    sketch = make_sketch("x " * 100_000, body)
    assert MOST_SHINGLES / 3 < len(sketch.order) <= MOST_SHINGLES
    assert len(pack_sketch(sketch)) < 36_000
    later = make_sketch("", body[len(body) // 2 :])
    assert later.zeros == sketch.zeros - 1
    assert shared_in_order(later, sketch).count(False) <= 1


@pytest.mark.parametrize(
    "data", [b"", b"\x01", b"\x00" * 40, pack_sketch(make_sketch("", FERRY))[:-1], b"\x02" + b"\x00" * 40]
)
def test_what_is_no_sketch_of_this_format_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="sketch"):
        unpack_sketch(data)


def test_a_sketch_made_by_hand_can_be_packed() -> None:
    sketch = Sketch(3, frozenset({7, 5}))
    assert unpack_sketch(pack_sketch(sketch)) == replace(sketch, order=(5, 7))


def test_the_packed_form_stays_what_ledgers_hold() -> None:
    """Sketches are kept for days: another form needs another format byte."""
    assert pack_sketch(make_sketch("A 5", "One two three four")).hex() == (
        "020004000000010001000100000002000000ae2bb18443beb7e8ae2bb184d7d3257896b83a3e"
    )
    told = pack_sketch(make_sketch("Three", "One two three four five six"))
    assert len(told) == 18 + 4 * (1 + 3 + 4)  # a title word, telling shingles, shingles


def test_telling_shingles_hold_a_longer_word_of_the_title() -> None:
    sketch = make_sketch("The FERRY is late", "One ferry came in and two went out. No ferry, no bread")
    ends = ("One ferry came", "ferry came in", "out no ferry", "no ferry no", "ferry no bread")
    assert sketch.telling == {shingle for text in ends for shingle in make_sketch("", text).shingles}
    assert not make_sketch("", FERRY).telling
    assert not make_sketch("The 11", FERRY).telling
    assert make_sketch("北京", "昨天在北京开通").telling


def test_of_a_sampled_text_the_kept_shingles_tell() -> None:
    sketch = make_sketch("Ferry", " ".join(f"ferry {number} sails" for number in range(12_000)))
    assert sketch.zeros
    assert sketch.telling
    assert sketch.telling <= sketch.shingles
