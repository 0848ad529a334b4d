"""Evidence: a weak word alone earns no topic, however often and wherever it stands."""

from __future__ import annotations

import pytest

from services.workers.stages.tag.rules import TopicRule
from services.workers.stages.tag.topics import TopicMatcher, find_topics

FILLER = "The quiet afternoon went slowly by and nobody came. " * 12


def _given(phrases: dict[str, float], title: str, body: str) -> bool:
    rule = TopicRule("medtop:15000000", {"en": phrases})
    return bool(TopicMatcher([rule], ["en"]).tags(title, body))


def test_a_weak_word_alone_earns_nothing_even_in_the_title() -> None:
    assert not _given({"oar": 3.0}, "An oar", "The oar, that oar, one more oar.")


def test_a_strong_word_alone_earns_a_topic_in_a_short_text() -> None:
    assert _given({"regatta": 4.0}, "", "A regatta was held.")


def test_a_strong_word_met_once_in_a_longer_text_is_a_passing_mention() -> None:
    assert not _given({"regatta": 4.0}, "", f"A regatta was held. {FILLER}")
    assert _given({"regatta": 4.0}, "Regatta", f"A regatta was held. {FILLER}")


def test_a_strong_word_with_a_weak_one_beside_it_earns_a_topic() -> None:
    assert _given({"regatta": 4.0, "oar": 2.0}, "", f"A regatta, with an oar. {FILLER}")


def test_several_weak_words_earn_a_topic_together() -> None:
    words = {"oar": 2.0, "mast": 2.0, "rudder": 2.0}
    assert _given(words, "", "An oar, a mast, a rudder.")
    assert not _given(words, "", "An oar, a mast, an oar.")


def test_forms_of_one_word_are_one_piece_of_evidence() -> None:
    assert not _given({"oar": 3.0, "oars": 3.0}, "Oars", "An oar and two oars.")
    assert _given({"oar": 3.0, "mast": 3.0}, "Oars", "An oar and a mast.")


def test_a_name_needs_less_weight_than_a_word() -> None:
    assert _given({"Cutty Sark": 3.0}, "The Cutty Sark", "The Cutty Sark sailed.")


@pytest.mark.parametrize(
    ("title", "body", "absent"),
    [
        (
            "Island council buys a new ferry",
            "The ferry carries 300 passengers and replaces an older ferry. The ferry will cost 20 million.",
            "medtop:03000000",
        ),
        (
            "A title for the night train",
            "Opponents of the timetable met last night. They gave the plan a title of their own.",
            "medtop:15000000",
        ),
        (
            "New bridge for the old harbour",
            "Engineers will begin in spring. The bridge links the market with the university district.",
            "medtop:05000000",
        ),
        (
            "Boats return to the bay",
            "They left before sunrise in a fog so thick that the boats found each other by their horns.",
            "medtop:17000000",
        ),
    ],
)
def test_an_everyday_word_does_not_make_a_story_of_its_trade(title: str, body: str, absent: str) -> None:
    assert absent not in [tag.code for tag in find_topics(title, body, "en")]
