"""Key phrases: what repeats and is rare, never function words."""

from __future__ import annotations

from services.workers.stages.tag.keywords import SHOWN, find_keywords, rarities, words_of
from shared.frequencies import Frequencies

TITLE = "Lighthouse keepers return to Gannet Rock"
BODY = (
    "The lighthouse on Gannet Rock has been dark for nine years. On Monday two keepers returned to the "
    "lighthouse with a solar lamp and a month of food.\nGannet Rock is far from any port, and the "
    "council said that the solar lamp would save fuel. The keepers said they had missed the seabirds."
)


def test_phrases_that_repeat_come_before_single_words_they_hold() -> None:
    found = find_keywords(TITLE, BODY)
    assert "Gannet Rock" in found[:3]
    assert "solar lamp" in found
    assert "Gannet" not in found


def test_stop_words_and_numbers_are_never_keywords() -> None:
    found = {word.lower() for phrase in find_keywords(TITLE, BODY) for word in phrase.split()}
    assert found.isdisjoint({"the", "said", "on", "nine", "years", "monday"})


def test_no_more_phrases_than_agreed_are_given() -> None:
    body = " ".join(f"zephyr{number} quartz{number}" for number in range(300))
    assert len(find_keywords("", body)) == SHOWN


def test_the_possessive_is_no_part_of_a_keyword() -> None:
    found = find_keywords("", "Norland's fleet sailed. Norland’s fleet was late. Norland paid.")
    assert "Norland" in found
    assert not any("'" in phrase or "’" in phrase for phrase in found)


def test_another_language_has_its_own_stop_words() -> None:
    body = (
        "La cosecha de aceitunas fue mejor que nunca. La cosecha llegó hasta el molino y el molino no paró."
    )
    found = find_keywords("", body, "es")
    assert {"cosecha", "molino"} <= set(found)
    assert {"la", "hasta", "el"}.isdisjoint(found)


def test_empty_and_odd_texts_have_no_keywords() -> None:
    assert find_keywords("", "") == ()
    assert find_keywords("…", "12 34 — 56") == ()
    assert find_keywords("İstanbul", "İstanbul İstanbul")[0] == "İstanbul"


def test_every_word_of_the_table_is_rarer_than_always() -> None:
    for table in rarities().values():
        assert all(0 < rarity < 10 for rarity in table.values())


NEWS = (
    "The ferry to Gannet Rock was late. The ferry carries seabirds and salt. Salt is dear, said the council; "
    "the council met twice, and seabirds flew by. Lamp oil is dear too, and lamp oil burns."
)


def test_a_word_common_in_the_own_index_falls_and_a_rare_one_rises() -> None:
    before = find_keywords("", NEWS)
    assert {"ferry", "salt", "seabirds"} <= {word.lower() for word in before}
    frequencies = Frequencies(100_000, {"ferry": 90_000, "seabirds": 3, "council": 20_000})
    after = find_keywords("", NEWS, "en", frequencies)
    assert "ferry" not in after[:3]
    assert after.index("seabirds") < before.index("seabirds") or after[0] == "seabirds"
    assert after.index("seabirds") < after.index("council") if "council" in after else True


def test_a_small_index_does_not_decide_alone() -> None:
    before = find_keywords("", NEWS)
    after = find_keywords("", NEWS, "en", Frequencies(2, {"ferry": 2, "seabirds": 0}))
    assert after.index("ferry") < after.index("burns")
    assert set(after) == set(before)
    assert find_keywords("", NEWS, "en", Frequencies()) == before


def test_words_not_asked_for_keep_their_general_rarity() -> None:
    before = find_keywords("", NEWS)
    assert find_keywords("", NEWS, "en", Frequencies(1_000_000, {"elsewhere": 5})) == before


def test_the_words_wanted_are_those_that_could_be_keywords() -> None:
    wanted = words_of(TITLE, BODY)
    assert {"lighthouse", "gannet", "rock", "solar", "lamp"} <= wanted
    assert wanted.isdisjoint({"the", "has", "on", "monday"})
    assert all(word == word.casefold() for word in words_of("STRASSE Straße", "Straße und Straße", "de"))


def test_no_more_than_three_hundred_words_are_wanted() -> None:
    phrases = [" ".join(f"{letter}{number}quartz" for letter in "abc") for number in range(400)]
    assert len(words_of("", ". ".join(phrases * 2))) == 300
