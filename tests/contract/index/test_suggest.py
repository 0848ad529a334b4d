"""Suggestions: the names that begin as typed, by how many visible articles have them, on every adapter."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest

from shared.article import Copy, Entity, Source, Tag
from shared.errors import InvalidRequest
from shared.index import embedded_facets
from shared.index.port import Filters, Suggestion
from tests.contract.index.corpus import NOW, article, ask, fill, is_folded, is_visible
from tests.contract.index.facts import PEOPLE, WORDS, generated, values_of

ODD = (
    "o.neill",
    "o'neill (jr.)",
    "c++ [users]",
    "a|b",
    "back\\slash",
    "100% & more",
    "~x",
    "#1",
    '"q"',
    "東京 都",
)


def suggest(index, text: str, size: int = 20):
    return index.suggest(text, size, NOW)


def ranked(counts: Counter, size: int) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:size]


def told(suggestions) -> list[tuple[str, int]]:
    return [(one.value, one.count) for one in suggestions]


def test_generated_suggestions_are_what_their_definition_says(index):
    chance = random.Random(41)
    articles = [generated(number, chance) for number in range(150)]
    fill(index, *articles)
    fill(index, *(replace(one, change=2) for one in articles[::7]))  # rewritten, with deletions underneath
    shown = [one for one in articles if is_visible(one, NOW) and not is_folded(one)]
    for text in (
        "a",
        "s",
        "S",
        "zoe",
        "ZOË s",
        "o'",
        "O’N",
        "p",
        "the",
        "the evening post",
        "the  e",
        "b.",
        "x",
    ):
        for size in (1, 20):
            found = suggest(index, text, size)
            for name, values in (("source", found.sources), ("entity", found.entities)):
                begun = " ".join(text.replace("’", "'").replace("Ë", "e").split()).lower()
                wanted = Counter(
                    value
                    for one in shown
                    for value in values_of(name, one, ran=True)
                    if value.startswith(text.lower() if name == "source" else begun)
                )
                assert told(values) == ranked(wanted, size), (text, name)
    assert PEOPLE.keys() >= {one.value for one in suggest(index, "o").entities}


def test_a_count_is_the_total_of_the_search_filtered_by_the_value(index):
    copies = (Copy(f"{2:032x}", "port.com"), Copy(f"{3:032x}", "ported.com", verdict="excerpt"))
    port = (Entity("Port Selby", "place"),)
    fill(
        index,
        article(1, source="a.com", copies=copies, entities=port),
        article(2, source="port.com", is_lead=False, verdict="duplicate", entities=port),
        article(3, source="porter.com", entities=(Entity("PORT selby", "place"), Entity("Porto", "place"))),
        article(4, source="port.com", pub_status="withheld", entities=port),
        article(5, source="port.com", withdrawn=True),
    )
    found = suggest(index, "port")
    assert told(found.sources) == [("port.com", 1), ("porter.com", 1)]
    assert told(found.entities) == [("port selby", 2), ("porto", 1)]
    for one in found.entities:
        assert ask(index, filters=Filters(entity=(one.value,))).groups == one.count


def test_topics_are_suggested_by_their_names_with_their_codes(index):
    tags = [
        Tag("medtop:1", "Économie", 1.0),
        Tag("medtop:2", "economy, business", 1.0),
        Tag("medtop:3", "eco", 1.0),
    ]
    fill(index, article(1, topics=tuple(tags)), article(2, topics=(tags[0],)), article(3, topics=(tags[1],)))
    assert suggest(index, "ECONO").topics == (
        Suggestion("medtop:1", "Économie", 2),
        Suggestion("medtop:2", "economy, business", 2),
    )
    assert suggest(index, "medtop").topics == ()


def test_names_beyond_a_first_look_are_suggested_too_and_no_others(index, monkeypatch):
    monkeypatch.setattr(embedded_facets, "_LOOKS", (5, 1_000))
    chance = random.Random(43)
    sources = [f"s{chance.randrange(40):02}.com" for _ in range(200)]
    for start in range(0, 200, 50):  # several segments, each of which knows a part
        names = enumerate(sources[start : start + 50], start)
        fill(index, *(article(number, source=source) for number, source in names))
    fill(index, *(article(number, source="z.com") for number in range(200, 230)))
    assert told(suggest(index, "s", 5).sources) == ranked(Counter(sources), 5)


@pytest.mark.parametrize("name", ODD)
def test_every_sign_means_itself(index, name):
    fill(
        index,
        article(1, entities=(Entity(name, "organisation"),), source=Source(name)),
        article(2, entities=(Entity("onneill", "person"), Entity("aab", "person"), Entity("ccc", "person"))),
    )
    for end in range(1, len(name) + 1):
        if name[:end].strip():
            assert name in [one.value for one in suggest(index, name[:end]).entities]
    assert told(suggest(index, name).sources) == [(name, 1)]
    assert told(suggest(index, name).entities) == [(name, 1)]
    assert suggest(index, ".*").entities == suggest(index, ".*").sources == ()


@pytest.mark.parametrize(
    ("text", "size", "field"), [("", 5, "q"), ("  ", 5, "q"), ("a", 0, "size"), ("a", 21, "size")]
)
def test_nothing_to_begin_with_and_sizes_out_of_bounds_are_refused(index, text, size, field):
    with pytest.raises(InvalidRequest) as refused:
        suggest(index, text, size)
    assert refused.value.field == field


TITLES = (
    "Ferry line to the islands opens",
    "Ferries collide off the islands",
    "The ferryman's last day",
    "Council meets in Fernley",
    "Économie: les banques résistent",
    "東京都知事選挙",
    "O'Neill wins in Cork",
    "Quiet day",
    "京都と東京",
)


def titled(index, text: str, size: int = 20) -> list[int]:
    return [int(one.id, 16) for one in suggest(index, text, size).titles]


def write_titles(index):
    languages = {4: "fr", 5: "ja", 8: "ja"}
    fill(
        index,
        *(
            article(number, title, "ferry economy", language=languages.get(number, "en"))
            for number, title in enumerate(TITLES)
        ),
    )
    return index


@pytest.fixture(scope="module")
def titles(shared_index):
    """For tests that only ask."""
    return write_titles(shared_index)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Ferry", [2, 1, 0]),
        ("fer", [3, 2, 1, 0]),
        ("f", [3, 2, 1, 0]),
        ("FERRY l", [0]),
        ("e", [4]),
        ("en", []),
        ("fr", []),
        ("ferr", [2, 1, 0]),
        ("ferry t", [1, 0]),
        ("de", []),
        ("ferry line to the isl", [0]),
        ("ferry line to the islands opens", [0]),
        ("islands ferr", [1, 0]),
        ("ferry ", [2, 1, 0]),
        ("ferr isl", []),  # the last word alone may be cut short
        ("econ", [4]),
        ("banques résis", [4]),
        ("東", [8, 5]),
        ("東京", [8, 5]),
        ("知事選", [5]),
        ("東京都", [5]),  # in one run
        ("京東", []),
        ("o'ne", [6]),
        ("o'neill wins", [6]),
        ("“quiet", [7]),
        ("zzz", []),
        ("!?", []),
        (".*", []),
    ],
)
def test_titles_have_every_word_of_the_text_and_the_last_as_a_beginning(titles, text, found):
    assert titled(titles, text) == found


def test_of_many_titles_the_newest_are_suggested_with_what_they_are(titles):
    assert titled(titles, "fer", 2) == [3, 2]
    (one,) = suggest(titles, "quiet").titles
    moment = article(7).published_at
    assert (one.id, one.title, one.source.id, one.published_at) == (
        f"{7:032x}",
        "Quiet day",
        "example.com",
        moment,
    )


def test_titles_are_those_of_visible_leads(index):
    titles = write_titles(index)
    ferry = article(0, TITLES[0], change=2)
    fill(
        titles,
        replace(ferry, pub_status="withheld"),
        article(1, TITLES[1], change=2, withdrawn=True),
        article(20, "Ferry news", is_lead=False, verdict="duplicate"),
        article(21, "Ferry news", is_lead=False, verdict="version"),
        article(22, "Ferry news", embargo_until=NOW + timedelta(days=1)),
    )
    assert titled(titles, "ferry") == [21, 2]


def test_generated_titles_are_those_that_a_search_by_their_definition_finds(index):
    chance = random.Random(59)
    articles = [generated(number, chance) for number in range(150)]
    fill(index, *articles)
    fill(index, *(replace(one, change=2) for one in articles[::7]))
    shown = {
        number: one for number, one in enumerate(articles) if is_visible(one, NOW) and not is_folded(one)
    }
    for _ in range(40):
        *whole, last = chance.choices(WORDS, k=chance.choice((1, 1, 2, 3)))
        begun, size = last[: chance.randrange(1, len(last) + 1)], chance.choice((1, 5, 20))
        wanted = sorted(
            (
                number
                for number, one in shown.items()
                if set(whole) <= set(one.title.split())
                and any(word.startswith(begun) for word in one.title.split())
            ),
            reverse=True,
        )
        assert titled(index, " ".join([*whole, begun]), size) == wanted[:size], (whole, begun)
