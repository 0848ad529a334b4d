"""The passage that a copy shares with its lead, as the copy has it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.nearness.passage import shared_passage
from shared.nearness.sketch import make_sketch
from tests.unit.nearness.texts import BANK, CHINESE, CHINESE_OTHER, FERRY, THAI, lines

NOTE = "“Two thirds of the repairs were paid by the county”, and the rest by Émile’s line"


@pytest.mark.parametrize(
    ("body", "lead", "passage"),
    [
        (f"Hello. {NOTE.upper()}! Goodbye.", NOTE, NOTE.upper().strip("“")),
        (f"Hello. {NOTE}! Goodbye.", NOTE.replace("’", "'").replace("“", '"'), NOTE.strip("“")),
        ("He said no, and\nno again to ﬁne words", "no and no again to fine", "no, and\nno again to ﬁne"),
        ("A co\u00adop rose by\u00a05 % now.", "a coop rose by 5 % now", "A co\u00adop rose by\u00a05 % now"),
        ("本报讯。北京市政府周一宣布了消息", "今天北京市政府周一宣布，新的", "北京市政府周一宣布"),
        ("one two", "one two", None),
        ("one two three", "three two one", None),
        ("", FERRY, None),
        (BANK, "Nothing of it, and in other words", None),
    ],
)  # fmt: skip
def test_it_is_the_longest_run_that_both_have(body: str, lead: str, passage: str | None) -> None:
    assert shared_passage(body, make_sketch("", lead)) == passage


def test_it_is_the_longest_of_several_and_ends_with_a_word() -> None:
    body = f"{lines(BANK)[0]} {' '.join(lines(FERRY)[1:5])} {lines(BANK)[3]}"
    found = shared_passage(body, make_sketch("", FERRY))
    assert found is not None
    assert found.startswith("The harbour office said in a note")
    assert 285 < len(found) <= 300
    assert body[body.index(found) + len(found)] in " ,.\n"


@pytest.mark.parametrize("body", [CHINESE * 3, THAI, f"{CHINESE} {FERRY}"])
def test_scripts_without_spaces_are_cut_inside(body: str) -> None:
    found = shared_passage(CHINESE_OTHER + body, make_sketch("", body))
    assert found is not None
    assert len(found) <= 300
    assert found in body


@given(
    st.text(alphabet="ab cß ﬁéＡ京都ก็İ…½_\n’\u00ad", max_size=80),
    st.text(alphabet="ab cß ﬁéＡ京都ก็İ", max_size=80),
)
@settings(max_examples=200, deadline=None)
def test_it_always_stands_in_the_body(body: str, lead: str) -> None:
    found = shared_passage(body, make_sketch("", lead + body[5:60]))
    assert found is None or (found in body and 0 < len(found) <= 300)
