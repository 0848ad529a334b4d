"""Wording: the words of a text, folded and as written, letter under letter."""

from __future__ import annotations

import pytest

from services.workers.stages.tag.wording import normalise, read_wording


def test_apostrophes_and_hyphens_do_not_hide_a_phrase() -> None:
    assert normalise("E-mail, the President’s e‑mail") == "  e  mail  the  president  e  mail  "


def test_the_arabic_article_goes() -> None:
    assert normalise("الحكومة والبرلمان") == "  حكومة  برلمان  "


@pytest.mark.parametrize(
    "text",
    [
        "",
        "plain_words, 3rd",
        "Die Straße, DER NATO-Gipfel",
        "İstanbul ŉ ΐ ﬁlm",
        "中文 WTO",
        "GROSSE STRAßE\nund UN",
    ],
)
def test_each_folded_letter_stands_under_its_own(text: str) -> None:
    wording = read_wording(text)
    assert len(wording.cased) == len(wording.folded)
    assert wording.cased.casefold().replace("\u0307", "") == wording.folded.replace("\u0307", "")


def test_a_letter_folded_to_two_does_not_move_the_capitals_behind_it() -> None:
    wording = read_wording("Straße der NATO")
    start = wording.folded.index("nato")
    assert wording.cased[start : start + 4] == "NATO"


def test_plain_and_other_text_are_cut_into_the_same_words() -> None:
    text = "a_b c-d 3.5%\te\x00f 'g' #h @i \\j"
    assert normalise(f"{text} é") == f"{normalise(text).rstrip()}  é  "


@pytest.mark.parametrize(
    ("text", "cased"),
    [
        ("UN FILM D'AMOUR", "  Un  Film  D  Amour  "),
        ("UN vote", "  UN  vote  "),
        ("A HEADING\nThe UN met", "  A  Heading  The  UN  met  "),
        ("中国加入WTO", "  中国加入WTO  "),
    ],
)
def test_only_a_line_wholly_in_capitals_loses_them(text: str, cased: str) -> None:
    assert read_wording(text).cased == cased
