"""The bench's generator: a seed always gives the same articles, a tenth copies, the others different."""

from __future__ import annotations

from itertools import combinations

import pytest

from bench.articles import Draft, is_copy, make_article, make_articles
from bench.pages import push_form, push_line
from services.workers.stages.clean import clean_article
from services.workers.stages.dedupe import Arrival, dedupe_articles
from services.workers.stages.tag import tag_article
from shared.clock import from_ms, now_ms
from shared.codec import from_json
from shared.fingerprints.memory import MemoryFingerprints
from shared.push import read_push
from shared.settings import Settings

COUNT = 1_000
NEAR = 0.3  # of the shorter text's three-word runs; copies and rewrites share far more


@pytest.fixture(scope="module")
def drafts() -> list[Draft]:
    return list(make_articles(7, 0, COUNT))


def originals(drafts: list[Draft]) -> list[Draft]:
    return [draft for draft in drafts if draft.copy_of is None]


def runs_of_three(text: str) -> set[tuple[str, ...]]:
    words = text.lower().split()
    return set(zip(words, words[1:], words[2:], strict=False))


def test_the_same_seed_and_number_give_the_same_article(drafts: list[Draft]) -> None:
    assert [make_article(7, number) for number in (999, 3, 500)] == [drafts[999], drafts[3], drafts[500]]


def test_another_seed_gives_other_articles(drafts: list[Draft]) -> None:
    other = list(make_articles(8, 0, COUNT))
    assert not {draft.body for draft in drafts} & {draft.body for draft in other}


def test_a_tenth_are_exact_copies_of_earlier_articles_under_other_sources(drafts: list[Draft]) -> None:
    copies = [draft for draft in drafts if draft.copy_of is not None]
    assert len(copies) == COUNT // 10
    for copy in copies:
        assert copy.copy_of is not None
        original = drafts[copy.copy_of]
        assert original.number < copy.number
        assert original.copy_of is None
        assert (original.title, original.body) == (copy.title, copy.body)
        assert original.source != copy.source


def test_the_originals_of_a_thousand_lie_in_the_same_thousand() -> None:
    copies = [draft for draft in make_articles(7, 5_000, 50) if is_copy(draft.number)]
    assert all(draft.copy_of is not None and 5_000 <= draft.copy_of < draft.number for draft in copies)


def test_no_two_originals_share_their_text_or_headline_with_another(drafts: list[Draft]) -> None:
    assert len({draft.body for draft in originals(drafts)}) == COUNT * 9 // 10
    assert len({draft.title for draft in originals(drafts)}) == COUNT * 9 // 10


def test_no_two_originals_share_much_of_their_words_in_order(drafts: list[Draft]) -> None:
    runs = [runs_of_three(draft.body) for draft in originals(drafts)[:300]]
    shared = [len(one & other) / min(len(one), len(other)) for one, other in combinations(runs, 2)]
    assert max(shared) < NEAR


def test_articles_have_about_three_hundred_words(drafts: list[Draft]) -> None:
    lengths = [len(draft.body.split()) for draft in drafts]
    assert 290 <= sum(lengths) / COUNT <= 330
    assert min(lengths) >= 250


def test_articles_come_from_many_sources(drafts: list[Draft]) -> None:
    assert len({draft.source for draft in drafts}) >= 10


def test_every_shape_is_filled_in(drafts: list[Draft]) -> None:
    texts = "".join(draft.title + draft.body for draft in drafts)
    assert not {"{", "}"} & set(texts)


@pytest.mark.parametrize("html", [False, True])
def test_both_forms_are_accepted_and_come_out_of_cleaning_with_the_text_that_went_in(
    drafts: list[Draft], html: bool
) -> None:
    for draft in drafts[:20]:
        raw = read_push(push_form(draft, html=html), Settings(), from_ms(now_ms()))
        cleaned = clean_article(raw)
        assert cleaned.rejected is None
        assert cleaned.article.body.split() == draft.body.split()
        assert cleaned.article.title == draft.title
        assert cleaned.article.language == "en"


def test_a_page_carries_much_more_than_its_text(drafts: list[Draft]) -> None:
    assert len(push_form(drafts[0], html=True)["html"]) > 1.5 * len(drafts[0].body)


def test_the_line_form_holds_the_same_as_the_object(drafts: list[Draft]) -> None:
    assert from_json(push_line(drafts[0]), dict) == push_form(drafts[0])


def test_the_stages_find_the_copies_and_something_to_tag(drafts: list[Draft]) -> None:
    now = from_ms(now_ms())
    cleaned = [clean_article(read_push(push_form(draft), Settings(), now)).article for draft in drafts[:100]]
    arrivals = [Arrival(article, number) for number, article in enumerate(cleaned)]
    verdicts = [found.verdict for found in dedupe_articles(arrivals, MemoryFingerprints())]
    assert [verdict is not None and verdict.word == "duplicate" for verdict in verdicts] == [
        is_copy(number) for number in range(100)
    ]
    tagged = [tag_article(article) for article in cleaned[:30]]
    assert sum(bool(article.topics) for article in tagged) >= 25
    assert all(article.entities and article.keywords for article in tagged)
