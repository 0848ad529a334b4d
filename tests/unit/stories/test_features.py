"""What an article is about: names, rare words, and what they weigh; and how it is packed."""

from __future__ import annotations

from zlib import crc32

import pytest

from shared.stories.features import (
    LONGEST,
    MOST_FEATURES,
    StorySketch,
    make_story_sketch,
    pack_story,
    unpack_story,
)
from shared.stories.keys import MOST_KEYS, story_keys

TITLE = "Mayor of Port Ellery quits over harbour contract"
BODY = (
    "The mayor of Port Ellery, Deborah Quist, stepped down on Wednesday after it came out that her brother's "
    "firm had won a contract to dredge the harbour. Quist said she had done nothing wrong."
)


def name(words: str) -> int:
    return (crc32(words.encode()) & 0xFFFFFE) | (" " in words)


def word(term: str) -> int:
    return crc32(term.encode()) & 0xFFFFFE


def test_names_are_words_with_a_capital_inside_a_sentence() -> None:
    sketch = make_story_sketch(TITLE, BODY, "en")
    assert {name("port"), name("ellery"), name("deborah"), name("quist")} <= set(sketch.names)
    assert {name("port ellery"), name("deborah quist")} <= set(sketch.names)
    assert word("en/mayor") in sketch.words  # it begins the headline, and is no name


def test_a_capital_counts_at_the_beginning_of_a_word_only_whatever_stands_before_it() -> None:
    body = (
        "Mail. Phone. Arc. Yard. It came by e-Mail, i.Phone, d\u2019Arc, x&Yard or x_Ellery to \u00e9Quist, "
        "A1 and \u00dcnsal-Berlin."
    )
    expected = {"ellery", "a1", "unsalberlin"}
    assert set(make_story_sketch("", body, "en").names) == {name(one) for one in expected}


def test_a_name_at_the_beginning_of_a_sentence_counts_once_it_stands_inside_another() -> None:
    twice = make_story_sketch("", "Quist resigned. They say Quist lied.", "en")
    once = make_story_sketch("", "They say Quist lied.", "en")
    assert set(twice.names) == set(once.names) == {name("quist")}


@pytest.mark.parametrize(
    "title",
    ["Mayor Of Port Ellery Quits Over Harbour Contract", "MAYOR OF PORT ELLERY QUITS OVER HARBOUR CONTRACT"],
)
def test_a_headline_that_capitalises_every_word_is_read_by_its_text(title: str) -> None:
    sketch = make_story_sketch(title, BODY, "en")
    assert name("ellery") in sketch.names
    assert word("en/quit") in sketch.words
    assert name("quits") not in sketch.names


def test_rare_words_weigh_more_than_common_ones_and_empty_ones_nothing() -> None:
    words = make_story_sketch("", BODY, "en").words
    assert words[word("en/dredg")] > words[word("en/firm")] > 0
    assert word("en/the") not in words
    assert word("en/wednesday") not in words
    assert name("wednesday") not in make_story_sketch("", BODY, "en").names


def test_the_headline_weighs_more_than_the_text() -> None:
    above = make_story_sketch("a dredge sank", "a barge sank", "en").words
    assert above[word("en/dredg")] > above[word("en/barg")]


def test_a_name_in_the_background_weighs_less_than_one_that_is_rare() -> None:
    names = make_story_sketch("", "He met with Velora in Germany.", "en").names
    assert names[name("velora")] > names[name("germany")]


def test_german_nouns_are_no_names() -> None:
    sketch = make_story_sketch("Hochwasser an der Oder", "Die Stadt hat am Abend die Deiche verstärkt.", "de")
    assert not sketch.names
    assert word("de/deich") in sketch.words
    assert word("de/die") not in sketch.words


def test_a_text_of_unknown_language_is_read_in_its_own() -> None:
    german = "Die Stadt hat am Abend die Deiche verstärkt, sagte eine Sprecherin, und es wird nicht besser."
    assert make_story_sketch("", german) == make_story_sketch("", german, "de")
    assert make_story_sketch(TITLE, BODY) == make_story_sketch(TITLE, BODY, "en-GB")


def test_scripts_without_spaces_are_read_in_pairs_without_their_grammar() -> None:
    sketch = make_story_sketch("江城地铁故障", "周二的地铁停运", "zh")
    assert word("地铁") in sketch.words
    assert word("的地") not in sketch.words
    assert len(story_keys(sketch)) > 2


def test_a_sketch_is_packed_in_less_than_300_bytes_and_comes_back() -> None:
    many = " ".join(f"they saw Name{number} and thing{number} there." for number in range(2_000))
    for sketch in (make_story_sketch(TITLE, many, "en"), make_story_sketch("", "", "en")):
        packed = pack_story(sketch)
        assert packed
        assert len(packed) <= 2 + 4 * MOST_FEATURES < 300
        assert unpack_story(packed) == sketch


@pytest.mark.parametrize("data", [b"", b"\x01", b"\x02\x00\x00\x00\x00\x00"])
def test_another_format_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="story sketch"):
        unpack_story(data)


def test_only_the_top_of_a_long_text_is_read() -> None:
    long = BODY + " word" * LONGEST
    assert make_story_sketch(TITLE, long + " Zanzibar" * 1_000_000, "en") == make_story_sketch(
        TITLE, long, "en"
    )


@pytest.mark.parametrize(
    "text", ["", " ", "\0", "\ud800 \udfff", "…", "'s", "é" * 5_000, "A" * 90_000, "x.y" * 900]
)
def test_any_text_has_a_sketch(text: str) -> None:
    for title, body in ((text, ""), ("", text), (text, text)):
        for language in ("en", "und", "zh", "xx", ""):
            sketch = make_story_sketch(title, body, language)
            assert unpack_story(pack_story(sketch)) == sketch
            story_keys(sketch)


def test_keys_are_the_heaviest_features_and_leave_out_pairs_of_names() -> None:
    sketch = make_story_sketch(TITLE, BODY, "en")
    keys = story_keys(sketch)
    assert len(set(keys)) == len(keys) <= MOST_KEYS
    assert all(0 <= key < 1 << 32 for key in keys)
    assert story_keys(StorySketch({2: 9, 4: 8, 7: 200}, {8: 1})) == story_keys(
        StorySketch({2: 9, 4: 8}, {8: 1})
    )


def test_an_article_that_says_too_little_has_no_keys() -> None:
    assert story_keys(make_story_sketch("The day", "It was a day.", "en")) == ()
    assert story_keys(make_story_sketch("Quist resigns", "", "en")) == ()


def test_keys_and_sketches_are_the_same_for_ever() -> None:
    """What is kept must agree with what is made later: a change here asks for another format."""
    sketch = make_story_sketch(TITLE, BODY, "en")
    assert crc32(pack_story(sketch)) == 4_081_058_407
    assert crc32(repr(story_keys(sketch)).encode()) == 2_703_244_687
