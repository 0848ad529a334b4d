"""What a later text is to an earlier one, by cases that newsrooms know."""

from __future__ import annotations

from itertools import permutations

import pytest

from shared.nearness.compare import RULES, Likeness, compare
from shared.nearness.sketch import make_sketch
from tests.unit.nearness.texts import (
    BANK,
    BANK_TITLE,
    CHINESE,
    CHINESE_OTHER,
    DISCLAIMER,
    FERRY,
    FERRY_TITLE,
    FLOOD,
    FLOOD_TITLE,
    STORIES,
    THAI,
    lines,
    table,
)

Text = tuple[str, str]
COPY = ("duplicate", "containment")
TEMPLATE = ("version", "template")
NOTHING = (None, None)
FERRY_TEXT: Text = (FERRY_TITLE, FERRY)
BANK_TEXT: Text = (BANK_TITLE, BANK)
FLOOD_TEXT: Text = (FLOOD_TITLE, FLOOD)
BRIEF = "\n".join(lines(FERRY)[:2])
NEW_WORDS = {
    "eleven weeks after its ramp broke in a storm": "after a storm broke its ramp eleven weeks ago",
    "said in a note that two thirds of the repairs were paid by": "says two thirds of the money came from",
    "what these weeks have meant to people who work on the other shore": "how hard it was for commuters",
    "most of them nurses, teachers and pupils of the two schools": "many of them pupils and nurses",
    "which carried no cars and stayed in port whenever the wind was high": "too small for cars",
    "a bakery in the old harbour closed for good": "one old bakery had to close its doors",
    "which would cost as much as a new boat for the line": "at the price of one more boat",
    "and has asked the ministry in the capital to look at three places": "in one of three places",
}
MORE_NEW_WORDS = NEW_WORDS | {
    "sails again from Monday": "is back on Monday",
    "The harbour office said in a note that two thirds": "Officials say two thirds",
    "of the repairs were paid by": "of the money came from",
    "who heads the office": "head of the harbour",
    "About 4,200 people use the crossing on a working day": "Some 4,200 cross each working day",
    "During the repairs the line ran small boats": "Meanwhile small boats ran",
    "Shops on the island say that they lost a third of their trade": "Island shops lost a third of trade",
}


def reworded(text: str, changes: dict[str, str]) -> str:
    for words, others in changes.items():
        text = text.replace(words, others)
    return text


REWORDED, MORE_REWORDED = reworded(FERRY, NEW_WORDS), reworded(FERRY, MORE_NEW_WORDS)
LIVE_EARLY = STORIES["LIVE_FIRST"] + "\n" + FLOOD
LIVE_LATE = STORIES["LIVE_LATER"] + "\n" + LIVE_EARLY
OTHER_BANK = BANK.replace("bank", "house")
ROUND_UP = "\n".join([*lines(BANK), BRIEF, *lines(FLOOD), *lines(OTHER_BANK), *lines(DISCLAIMER)])
HALF_CHINESE = CHINESE[: len(CHINESE) // 2]
HALF = "\n".join(lines(FERRY)[:4])
WAGES = "\n".join(lines(BANK)[:3])
INTRODUCTION = lines(STORIES["NEW_INTRODUCTION"])
MIXED = "\n".join([lines(DISCLAIMER)[0], lines(FERRY)[3], lines(DISCLAIMER)[1], lines(FERRY)[4]])
FACTS = "\n".join(lines(FLOOD)[1:5])
SHORT_NEWS = [*zip(*[iter(lines(STORIES["SHORT_NEWS"]))] * 2, strict=True)]
STUB = STORIES["STUB"].strip()


def site(text: str) -> str:
    return f"{text.strip()}\n{DISCLAIMER}"


ROWS: dict[str, tuple[Text, Text, str | None, str | None]] = {
    "an AMP page: the same words under a headline of its own": (
        FERRY_TEXT, ("Boats are back", FERRY.upper() + "Share this story with your friends and neighbours"),
        *COPY,
    ),
    "cut to its first half": (FERRY_TEXT, (FERRY_TITLE, HALF), *COPY),
    "paragraphs in another order": (
        FERRY_TEXT, (FERRY_TITLE, "\n".join([lines(FERRY)[0], *lines(FERRY)[:0:-1]])), *COPY,
    ),
    "wire copy with a local lead added": (
        FERRY_TEXT, ("Karlsvik commuters breathe again", STORIES["LOCAL_LEAD"] + "\n" + FERRY), *COPY,
    ),
    "a corrected headline": (
        FERRY_TEXT, ("Ferry to Norrholm sails again after repairs", FERRY), *COPY,
    ),
    "a corrected figure in the headline": (
        FERRY_TEXT, (FERRY_TITLE.replace("11", "12"), FERRY.replace("eleven", "twelve")), *TEMPLATE,
    ),
    "another figure in the headline alone": (
        ("Flood: 42 homes lost", FLOOD), ("Flood: 47 homes lost", FLOOD + "Rain ended at noon."), *TEMPLATE,
    ),
    "another toll in the first sentence": (
        ("Dozens hurt in Tarnby", FLOOD.replace("Hundreds of people", "Some 300 people")),
        ("Dozens hurt in Tarnby", FLOOD.replace("Hundreds of people", "Some 450 people")), *TEMPLATE,
    ),
    "rewritten, but for half of its phrases": (FERRY_TEXT, (FERRY_TITLE, REWORDED), "version", "rewrite"),
    "rewritten, but for a quarter, under the same headline": (
        FERRY_TEXT, (FERRY_TITLE, MORE_REWORDED), "version", "rewrite",
    ),
    "rewritten, but for a quarter, under another headline": (FERRY_TEXT, ("Boats", MORE_REWORDED), *NOTHING),
    "cut and furnished under another headline": (
        FERRY_TEXT, ("Quiz of the week", "\n".join([HALF, *lines(DISCLAIMER)[:2]])), *COPY,
    ),
    "wire copy with its first sentence and headline rewritten": (
        FERRY_TEXT, ("Norrholm can cross again", "\n".join([*INTRODUCTION[:1], *lines(FERRY)[1:]])), *COPY,
    ),
    "wire copy with two sentences and the headline rewritten": (
        FERRY_TEXT, ("Norrholm can cross again", "\n".join([*INTRODUCTION, *lines(FERRY)[2:]])), *COPY,
    ),
    "another beginning under the same headline": (
        FERRY_TEXT, (FERRY_TITLE, "\n".join([*lines(BANK)[:2], *lines(FERRY)[3:]])), *COPY,
    ),
    "another beginning under another headline": (
        FERRY_TEXT, (BANK_TITLE, "\n".join([*lines(BANK)[:2], *lines(FERRY)[3:]])), *NOTHING,
    ),
    "two paragraphs of a long text inside a small one": (
        ("The week", FERRY + FACTS), ("Rates", MIXED), *NOTHING,
    ),
    "a live blog that grew": ((FLOOD_TITLE, LIVE_EARLY), (FLOOD_TITLE, LIVE_LATE), *COPY),
    "a live blog as it was before": ((FLOOD_TITLE, LIVE_LATE), (FLOOD_TITLE, LIVE_EARLY), *COPY),
    "a brief taken from an earlier round-up": (
        ("News in brief", ROUND_UP), ("Ferry sails again", BRIEF), "excerpt", "excerpt",
    ),
    "a round-up of earlier briefs": (("Ferry sails again", BRIEF), ("News in brief", ROUND_UP), *NOTHING),
    "a round-up of earlier stories": (FERRY_TEXT, ("The week", ROUND_UP * 2 + FACTS), *NOTHING),
    "translated": (FERRY_TEXT, ("Fähre nach Norrholm fährt wieder", STORIES["TRANSLATED"]), *NOTHING),
    "another story": (FERRY_TEXT, BANK_TEXT, *NOTHING),
    "two stories above one long disclaimer": (
        ("Wages lag", site(WAGES)), ("Rain until Saturday", site(FACTS)), *NOTHING,
    ),
    "two stories above one long disclaimer, the longer first": (
        (FERRY_TITLE, site(FERRY)), ("Wages lag", site("\n".join(lines(BANK)[:2]))), *NOTHING,
    ),
    "a copy on the same site, above the same disclaimer": (
        (FERRY_TITLE, site(FERRY)), ("Boats are back", site(HALF)), *COPY,
    ),
    "a copy of one sentence on the same site, above the same disclaimer": (
        ("Ferry sails again", site(BRIEF)), ("Boats are back", site("Update. " + BRIEF)), *COPY,
    ),
    "wire copy with its first sentence rewritten, under a headline of which only the rest tells": (
        FERRY_TEXT, ("Island shops hope for boats", "\n".join([*INTRODUCTION[:1], *lines(FERRY)[1:]])),
        *TEMPLATE,
    ),
    "a stub under two headlines": (
        ("Blast at chemical plant in Lindby", STUB), ("Bridge closed near Tarnby", STUB), *NOTHING,
    ),
    "a stub that one headline has a word of": (
        ("Police shoot man in Lindby", STUB), ("Bridge closed near Tarnby", STUB), *NOTHING,
    ),
    "a stub under one headline, with a word more": (
        ("Blast at chemical plant in Lindby", STUB), ("Blast at Lindby chemical plant", "Hello. " + STUB),
        "duplicate", "short-text",
    ),
    "a short text under another headline": (
        SHORT_NEWS[0], ("Nordbank shares slump", SHORT_NEWS[0][1]), "duplicate", "short-text",
    ),
    "a short text under a headline in other words": (
        ("Lender slips on lower profit", SHORT_NEWS[0][1]), ("Nordbank drops", SHORT_NEWS[0][1]),
        "duplicate", "short-text",
    ),
    "two lists under one introduction": (
        ("Ten things to do in the north", STORIES["FIRST_LIST"]),
        ("Ten things to do in the south", STORIES["SECOND_LIST"]), *NOTHING,
    ),
    "a template for two places": (
        table("Kaub", "Rhine", 142, 138, "Oberwesel"), table("Dresden", "Elbe", 97, 99, "Pirna"), *NOTHING,
    ),
    "a template for one place on another day": (
        table("Kaub", "Rhine", 142, 138, "Oberwesel"), table("Kaub", "Rhine", 151, 147, "Oberwesel"),
        *TEMPLATE,
    ),
    "a short price note an hour later": (
        ("Crown", STORIES["PRICE"]), ("Crown", STORIES["PRICE"].replace("11.42", "11.38")), *NOTHING,
    ),
    "a short result of another match": (
        ("Result", STORIES["RESULT"]),
        ("Result", STORIES["RESULT"].replace("Norrholm beat Tarnby", "Lindby beat Hemra")), *NOTHING,
    ),
    "a short text with a word put in": (
        ("Fire", STORIES["FIRE"]), ("Fire", STORIES["FIRE"].replace("the harbour", "the old harbour")),
        "duplicate", "short-text",
    ),
    "a copy in Chinese, furnished": (
        ("北京新地铁", CHINESE), ("明年开通", "本报讯 " + CHINESE + "责任编辑：王"), *COPY,
    ),
    "a Chinese text cut to half": (("北京新地铁", CHINESE), ("明年开通", HALF_CHINESE), *COPY),
    "another story in Chinese": (("北京新地铁", CHINESE), ("上海医院", CHINESE_OTHER), *NOTHING),
    "a copy in Thai": (("รถไฟฟ้า", THAI), ("เปิด", "ข่าววันนี้ " + THAI), *COPY),
    "Chinese and English mixed": (
        ("北京", CHINESE + "\n" + FERRY), ("北京", FERRY + "\n" + CHINESE), *COPY,
    ),
    "nothing at all": (("", ""), ("", ""), *NOTHING),
    "set words": (("Ferry", "Details follow."), ("Bank", "Details follow."), *NOTHING),
}  # fmt: skip


@pytest.mark.parametrize("name", ROWS)
def test_what_a_later_text_is_to_an_earlier_one(name: str) -> None:
    earlier, later, word, rule = ROWS[name]
    found = compare(make_sketch(*later), make_sketch(*earlier))
    assert (found.word, found.rule) == (word, rule) if word else found is None, found
    assert rule is None or rule in RULES


@pytest.mark.parametrize("note", [DISCLAIMER, STORIES["SHARE_NOTE"], lines(STORIES["SHARE_NOTE"])[1]])
def test_stories_of_a_sentence_or_two_above_one_long_disclaimer_are_no_copies(note: str) -> None:
    sketches = [make_sketch(title, f"{body}\n{note}") for title, body in SHORT_NEWS]
    pairs = permutations(sketches, 2)
    assert [found for one, other in pairs if (found := compare(one, other))] == []


def test_a_short_story_above_a_disclaimer_is_no_excerpt_of_a_long_one_above_it() -> None:
    note = STORIES["SHARE_NOTE"]
    long = make_sketch(FERRY_TITLE, "\n".join([FERRY, FLOOD, BANK, DISCLAIMER, MORE_REWORDED, CHINESE, note]))
    for title, body in SHORT_NEWS:
        short = make_sketch(title, f"{body}\n{note}")
        assert len(short.shingles) < 0.25 * len(long.shingles)
        assert compare(short, long) is None


def test_similarity_is_the_share_of_the_smaller_text() -> None:
    half = make_sketch(FERRY_TITLE, HALF)
    assert compare(half, make_sketch(*FERRY_TEXT)) == Likeness("duplicate", 1.0, "containment")


@pytest.mark.parametrize("times", [1, 60, 900], ids=["a page", "a book", "2 MB"])
def test_a_text_of_any_length_is_like_itself_and_not_like_another(times: int) -> None:
    def grown(text: str, word: str) -> str:
        return "\n".join(text.replace(" the ", f" {word}{part} ") + text for part in range(times))

    one, again, other = grown(FERRY, "x"), grown(FERRY, "x") + BANK, grown(BANK, "y")
    found = compare(make_sketch(FERRY_TITLE, again), make_sketch(FERRY_TITLE, one))
    assert found is not None
    assert found.word == "duplicate"
    assert compare(make_sketch(BANK_TITLE, other), make_sketch(FERRY_TITLE, one)) is None


def test_long_texts_that_are_sampled_in_different_degrees_are_compared_by_what_both_sample() -> None:
    whole = " ".join(f"ferry {number} sails" for number in range(12_000))
    long, half = make_sketch("", whole), make_sketch("", whole[: len(whole) // 2])
    assert long.zeros > half.zeros
    found = compare(half, long)
    assert found is not None
    assert found.similarity > 0.99
