"""Similar articles: what has enough of a text's telling words, scored by these alone, on every adapter."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.article import Copy
from shared.errors import IndexMissing, InvalidRequest
from shared.index.port import Filters
from shared.index.similar import SimilarRequest, copies_of, plan_similar
from tests.contract.index.corpus import NOW, article, ask, fill, is_visible
from tests.contract.index.facts import generated, generated_filters, matches, passes

# Three events, each told by four newsrooms in words of their own.
EVENTS = """
ferry | Ferry runs aground off Port Selby | Forty passengers were brought ashore in lifeboats after the
    Island Queen hit a reef near the lighthouse on Tuesday night.
ferry | Lifeboats rescue passengers of stranded Island Queen | The ferry had left Port Selby at dusk. Its
    captain said the lighthouse could not be seen in the fog before it struck the reef.
ferry | Reef accident: captain of ferry questioned | Police spoke to the captain of the Island Queen,
    whose passengers spent hours in lifeboats below the lighthouse of Port Selby.
ferry | Passengers tell of a night on the reef | Wrapped in blankets, they sat in Port Selby and spoke of
    fog, lifeboats and the lamp of the lighthouse. Divers will look at the ferry today.
budget | Council rejects budget over swimming pool | The mayor of Dunford lost the vote on Monday: eleven
    councillors would not close the swimming pool to pay for roads.
budget | Swimming pool stays open as mayor is defeated | Councillors in Dunford threw out the budget,
    which would have closed the pool. Roads will have to wait, the treasurer warned.
budget | Dunford mayor to write new budget | After the councillors' vote the treasurer has two weeks to
    find money for roads without closing the swimming pool.
budget | What the Dunford vote means for swimmers | The pool keeps its opening hours. The mayor, who had
    put roads first in the budget, called the councillors short-sighted.
vaccine | Malaria vaccine works for three years, trial finds | Researchers gave two doses to 4,000 infants
    in clinics along the river; malaria fell by half, the journal reports.
vaccine | Two doses halve malaria in infants | A vaccine tested in river clinics protected infants for
    three years. Researchers published the trial in a medical journal.
vaccine | Health workers welcome malaria trial | Clinics along the river hope for more doses. The vaccine
    protected infants, researchers wrote, though not all of them.
vaccine | How the malaria vaccine was tested | For three years researchers visited infants and counted
    cases. The trial was paid for by a foundation; doses cost three dollars.
"""
TOLD = [
    tuple(" ".join(part.split()) for part in told.split(" | "))
    for told in re.split(r"\n(?=\w)", EVENTS.strip())
]


def similar(index, one, **given):
    """What is like an article of the index."""
    return index.similar(asked(one, **given))


def asked(one, family=(), **given) -> SimilarRequest:
    family = family or (one.id,)
    given = {"family": family, "copies": len(family), "size": 50, **given}
    return SimilarRequest(NOW, one.title, one.body, one.language, **given)


def like(index, text: str, language: str = "en", **given):
    return index.similar(SimilarRequest(NOW, "", text, language, **given))


def found(answer) -> list[int]:
    return [int(hit.article.id, 16) for hit in answer.page.hits]


def words(answer) -> set[str]:
    return {one.term for one in answer.terms}


@pytest.fixture
def events(index):
    made = [article(number, title, body) for number, (_, title, body) in enumerate(TOLD)]
    quiet = [
        article(number, f"Notes of the week, part {number}", "It rained on some days, and not on others.")
        for number in range(100, 140)
    ]
    fill(index, *made, *quiet)
    return made


def test_reports_of_the_same_event_come_first(index, events):
    for number, one in enumerate(events):
        event = TOLD[number][0]
        same = {other for other, told in enumerate(TOLD) if told[0] == event} - {number}
        answer = similar(index, one)
        assert set(found(answer)[:3]) == same, one.title
        assert not {other for other in found(answer) if other >= 100}, one.title


def test_every_score_is_the_sum_of_the_words_that_earned_it(index, events):
    for one in events:
        answer = similar(index, one)
        assert answer.terms[0].weight == 100
        assert [earned.weight for earned in answer.terms] == sorted(
            (earned.weight for earned in answer.terms), reverse=True
        )
        for hit, by in zip(answer.page.hits, answer.by, strict=True):
            assert set(by) <= set(answer.terms)
            assert hit.score == sum(earned.weight for earned in by)
            for earned in by:  # each is found by a search for it
                assert int(hit.article.id, 16) in {
                    int(other.article.id, 16) for other in ask(index, earned.term.lower()).hits
                }


def test_generated_texts_find_what_the_definition_says(index):
    chance = random.Random(47)
    articles = [generated(number, chance) for number in range(150)]
    fill(index, *articles)
    fill(index, *(replace(one, change=2) for one in articles[::7]))  # rewritten, with deletions underneath
    some = 0
    for _ in range(40):
        number = chance.randrange(150)
        one, size = articles[number], chance.choice((1, 5, 50))
        filters, duplicates = generated_filters(chance), chance.choice(("fold", "fold", "keep", "only"))
        answer = similar(index, one, filters=filters, duplicates=duplicates, size=size)
        plan = plan_similar(asked(one, filters=filters, duplicates=duplicates, size=size), index.frequencies)
        weights = {word.earned.term: word.earned.weight for word in plan.words} if plan else {}
        least = 1 if len(set(f"{one.title} {one.body}".split())) == 1 else 2
        scores = {}
        for other in range(150):
            text = f"{articles[other].title} {articles[other].body}".split()
            held = weights.keys() & set(text) if _are_of_one_language(one, articles[other]) else set()
            if other != number and len(held) >= least:
                scores[other] = sum(weights[word] for word in held)
        shown = matches(articles, filters, duplicates) & scores.keys()
        counted = scores.keys() & _under_fold(articles, filters) if duplicates == "fold" else shown
        ranked = sorted(shown, key=lambda other: (-scores[other], -other))
        assert found(answer) == ranked[:size], (one, filters, duplicates)
        held = set()
        for other in ranked[:size]:
            held.update(f"{articles[other].title} {articles[other].body}".split())
        assert words(answer) == weights.keys() & held
        assert [hit.score for hit in answer.page.hits] == [scores[other] for other in ranked[:size]]
        assert (answer.page.articles, answer.page.groups) == (len(counted), len(shown))
        some += bool(ranked)
    assert some >= 20


def _under_fold(articles, filters) -> set[int]:
    """What matches under fold, copies too."""
    return {
        number
        for number, one in enumerate(articles)
        if is_visible(one, NOW) and passes(filters, one, fold=True)
    }


def _are_of_one_language(one, other) -> bool:
    own, others = (each.language.split("-")[0] for each in (one, other))
    return own in ("und", others)


def test_neither_the_article_nor_any_of_its_family_is_like_itself(index, events):
    lead = events[0]
    copies = tuple(
        Copy(f"{number:032x}", f"outlet{number}.example", verdict=word)
        for number, word in ((50, "duplicate"), (51, "duplicate"), (52, "version"), (53, "excerpt"))
    )
    family = [
        replace(
            lead, id=copy.id, sort_key=2_000_000 + at, is_lead=False, verdict=copy.verdict,
            duplicate_of=lead.id,
        )
        for at, copy in enumerate(copies)
    ]  # fmt: skip
    fill(index, replace(lead, copies=copies, change=2), *family)
    ids = (lead.id, *(copy.id for copy in copies))
    for duplicates, wanted in (("fold", {1, 2, 3}), ("keep", {1, 2, 3}), ("only", set())):
        assert set(found(similar(index, lead, family=ids, duplicates=duplicates))) == wanted
        # A copy that the article does not know of yet says by itself whose it is.
        assert set(found(similar(index, lead, family=(lead.id,), duplicates=duplicates))) == wanted
    text = index.similar(SimilarRequest(NOW, lead.title, lead.body, "en", duplicates="keep"))
    assert {0, 50, 51, 52, 53} <= set(found(text))  # a text of nobody's has no family


def test_words_that_only_the_family_has_are_not_looked_for(index, events):
    lead = replace(events[0], body=f"{events[0].body} Zyzzogeton quuxly frobnicated.", change=2)
    copies = tuple(
        replace(lead, id=f"{number:032x}", sort_key=number, is_lead=False, verdict="duplicate",
                duplicate_of=lead.id) for number in range(50, 80)
    )  # fmt: skip
    fill(index, lead, *copies)
    ids = (lead.id, *(copy.id for copy in copies))
    plan = plan_similar(asked(lead), index.frequencies)
    assert {"Zyzzogeton", "quuxly"} <= {word.earned.term for word in plan.words}
    plan = plan_similar(asked(lead, family=ids), index.frequencies)
    assert not {"Zyzzogeton", "quuxly"} & {word.earned.term for word in plan.words}
    answer = similar(index, lead, family=ids)
    assert not {"Zyzzogeton", "quuxly"} & words(answer)
    assert set(found(answer)[:3]) == {1, 2, 3}


def test_one_common_word_is_not_similar(index):
    fill(
        index,
        article(1, "Market opens", "Traders of cheese met on the market."),
        article(2, "Market closes", "Fishmongers left the harbour."),
        article(3, "Cheese market", "Traders sold cheese."),
    )
    assert found(like(index, "The traders of cheese were at the market in spring.")) == [3, 1]
    assert found(like(index, "Market analysts, volatile equities, bonds.")) == []
    assert sorted(found(like(index, "market"))) == [1, 2, 3]  # where there is no other word to go by


@pytest.mark.parametrize("text", ["", "  ", "!?", "the of and", "7", "Xylorimba glockenspiel", "🙂🙂"])
@pytest.mark.parametrize("language", ["en", "und", "fi", "zh"])
def test_a_text_without_a_known_word_finds_nothing(index, events, text, language):
    answer = like(index, text, language)
    assert (answer.page.hits, answer.page.articles, answer.page.groups) == ((), 0, 0)
    assert (answer.terms, answer.by) == ((), ())


def test_words_that_say_nothing_are_not_looked_for(index, events):
    answer = like(index, "The captain and the ferry were at the reef of the lighthouse, it was said.")
    assert words(answer) == {"captain", "ferry", "reef", "lighthouse"}


def test_a_script_without_spaces_is_compared_by_pairs(index):
    fill(
        index,
        article(1, "東京都知事選挙", "現職の知事が選挙で勝った。投票率は低かった。", language="ja"),
        article(2, "知事選の投票率", "東京都の選挙で投票率が過去最低となった。", language="ja"),
        article(3, "大阪の天気", "明日は雨が降るでしょう。", language="ja"),
        article(4, "北京车展开幕", "电动汽车吸引观众。", language="zh"),
        article(5, "电动汽车销量上升", "北京车展上观众很多。", language="zh-Hans"),
    )
    one = article(1, "東京都知事選挙", "現職の知事が選挙で勝った。投票率は低かった。", language="ja")
    answer = similar(index, one)
    assert found(answer) == [2]
    assert {"東京", "京都", "投票"} <= {earned.term for earned in answer.by[0]}
    assert found(like(index, "北京车展的电动汽车", "zh")) == [5, 4]
    assert sorted(found(like(index, "北京车展的电动汽车", "und"))) == [4, 5]


def test_a_language_without_stemming_is_compared_word_by_word(index):
    one = article(1, "Lautta ajoi karille", "Lautta ajoi karille, se pelastettiin.", language="fi")
    fill(
        index,
        one,
        article(2, "Karille ajanut lautta hinattiin", "Lautta oli karille ajettuaan vinossa.", language="fi"),
        article(3, "Sade jatkuu", "Huomenna on pilvistä.", language="fi"),
    )
    assert found(similar(index, one)) == [2]


def test_without_a_language_words_are_looked_for_in_every_one(index):
    fill(
        index,
        article(1, "Collision", "Captains of both ferries were questioned.", language="en"),
        article(2, "Zusammenstoß", "Der Kapitän der Fähren wurde befragt.", language="de"),
        article(3, "Törmäys", "Lautta ja kapteeni", language="fi"),
    )
    assert found(like(index, "ferry captain", "und")) == [1]
    assert found(like(index, "Fähre Kapitän", "und")) == [2]
    assert found(like(index, "lautta kapteeni", "und")) == [3]
    assert found(like(index, "ferry captain", "de")) == []


def test_what_readers_may_not_see_is_not_similar(index, events):
    fill(
        index,
        replace(events[1], change=2, pub_status="withheld"),
        replace(events[2], change=2, withdrawn=True),
    )
    assert found(similar(index, events[0])) == [3]


def test_words_that_readers_may_not_see_are_not_told(index, events):
    secret = article(60, "Held", "Zyxquark buys Wobblecorp for a fortune.", pub_status="withheld")
    later = article(61, "Later", "Plonkwitz resigned at noon.", embargo_until=NOW + timedelta(hours=1))
    fill(index, secret, later)
    for text in ("zyxquark", "Zyxquark Wobblecorp Plonkwitz", f"{events[0].body} zyxquark plonkwitz"):
        answer = like(index, text)
        assert not {"zyxquark", "wobblecorp", "plonkwitz"} & {word.lower() for word in words(answer)}


def test_excerpts_take_no_words_from_their_lead(index):
    text = "The quaysmith welded the bellcrane while harbourmaster Ottoline counted herring barrels."
    lead = article(1, "Quay", text)
    excerpts = tuple(
        article(
            number, "Quay", "Barrels were counted.", is_lead=False, verdict="excerpt", duplicate_of=lead.id
        )
        for number in range(2, 8)
    )
    others = tuple(article(number, "Quay", text) for number in range(10, 14))
    fill(index, lead, *excerpts, *others)
    copies = tuple(Copy(one.id, "x.example", verdict="excerpt") for one in excerpts)
    count = copies_of(replace(lead, copies=copies), None)
    ids = (lead.id, *(one.id for one in excerpts))
    assert count == 1
    assert set(found(similar(index, lead, family=ids, copies=count))) == {10, 11, 12, 13}


def test_filters_narrow_what_is_similar(index, events):
    fill(index, replace(events[2], change=2, source=replace(events[2].source, id="other.example")))
    assert found(similar(index, events[0], filters=Filters(source=("other.example",)))) == [2]
    assert set(found(similar(index, events[0], filters=Filters(not_source=("other.example",))))) == {1, 3}


def test_of_one_score_the_newest_come_first(index):
    fill(index, *(article(number, "Asleep", "The captain of the ferry slept.") for number in range(1, 6)))
    answer = like(index, "A captain on a ferry", size=3)
    assert found(answer) == [5, 4, 3]
    assert (answer.page.articles, answer.page.groups) == (5, 5)


def test_at_most_25_words_are_looked_for_and_four_of_them_are_enough(index):
    names = [f"{first}{second}ton" for first in ("ba", "ke", "lu", "mo", "su", "ri") for second in "bdfgk"]
    fill(index, *(article(number, "Names", " ".join(names[:number])) for number in range(1, 31)))
    answer = like(index, " ".join(names), size=50)
    assert len(answer.terms) == 25
    assert min(map(len, answer.by)) == 4
    chosen = words(answer)
    assert set(found(answer)) == {n for n in range(1, 31) if len(chosen & set(names[:n])) >= 4}


def test_no_word_weighs_more_than_the_best_where_other_languages_have_it_more(index):
    # Languages without stems share their terms, so that a word may have more documents than its language.
    fill(
        index,
        *(article(n, "Haven", f"haven {'schip' if n > 10 else ''}", language="nl") for n in range(1, 161)),
        article(200, "Hamnen", "haven schip", language="sv"),
    )
    answer = like(index, "haven schip", "sv")
    assert (answer.terms[0].term, answer.terms[0].weight) == ("schip", 100)
    assert 0 < answer.terms[1].weight < 100


@pytest.mark.parametrize("size", [0, -1, 51])
def test_a_size_out_of_bounds_is_refused(index, size):
    with pytest.raises(InvalidRequest) as refused:
        like(index, "ferry", size=size)
    assert refused.value.field == "size"


def test_without_an_index_there_is_nothing_to_compare_with(make_index):
    with pytest.raises(IndexMissing):
        like(make_index(), "ferry captain")
