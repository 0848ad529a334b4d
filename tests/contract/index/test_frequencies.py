"""The contract of document frequencies: how common a word is in what was indexed, in any of its forms."""

from __future__ import annotations

import pytest

from shared.errors import IndexMissing
from tests.contract.index.corpus import article, fill


@pytest.fixture
def counted(index):
    fill(
        index,
        article(1, "Ferry", "The council voted on ferries. The ferry stays."),
        article(2, "Council", "A councillor spoke of the twenty-first ferry.", language="en-GB"),
        article(3, "Rates", "Rates rose, said the council."),
        article(4, "Die Fähre", "Der Council und die ferry.", language="de"),
        article(5, "渡船", "东京都知事", language="zh"),
    )
    return index


def test_a_word_is_counted_once_for_each_body_it_stands_in_and_with_its_forms(counted):
    found = counted.frequencies("en", ["ferry", "ferries", "council", "rate", "harbour"])
    assert found.documents == 3
    assert found.counts == {"ferry": 2, "ferries": 2, "council": 2, "rate": 1, "harbour": 0}


def test_a_word_of_another_language_is_another_word(counted):
    found = counted.frequencies("de", ["ferry", "rates"])
    assert (found.documents, found.counts) == (1, {"ferry": 1, "rates": 0})


def test_a_region_does_not_divide_a_language(counted):
    assert counted.frequencies("en-US", ["ferry"]) == counted.frequencies("en", ["ferry"])


def test_words_of_several_terms_count_as_their_rarest_and_signs_are_left_out(counted):
    found = counted.frequencies("en", ["twenty-first", "twenty-council", "–", "", "it's"])
    assert found.counts == {"twenty-first": 1, "twenty-council": 1, "it's": 0}


def test_a_script_without_spaces_is_counted_by_pairs(counted):
    found = counted.frequencies("zh", ["知事", "大阪"])
    assert (found.documents, found.counts) == (1, {"知事": 1, "大阪": 0})


def test_a_language_that_nothing_was_indexed_in_has_no_documents(counted):
    found = counted.frequencies("fi", ["ferry"])
    assert (found.documents, found.counts) == (0, {"ferry": 0})


def test_no_words_are_no_trouble(counted):
    assert counted.frequencies("en", []).counts == {}


def test_a_thousand_words_are_answered_at_once(counted):
    words = [f"word{number}" for number in range(1_000)]
    found = counted.frequencies("en", [*words, "ferry"])
    assert len(found.counts) == 1_001
    assert found.counts["ferry"] == 2


def test_without_an_index_there_is_nothing_to_count(make_index):
    with pytest.raises(IndexMissing):
        make_index().frequencies("en", ["ferry"])
