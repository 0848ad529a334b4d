"""When two articles are about one event: rows of what newsrooms write about the same, and about others."""

from __future__ import annotations

import pytest

from shared.stories.features import StorySketch, make_story_sketch
from shared.stories.likeness import DAY_MS, Agreement, agreement

HOUR = 3_600_000
QUAKE = (
    "Rescuers dig through the night after Malatya earthquake",
    (
        "Rescuers in eastern Turkey pulled a mother and her baby alive from the ruins of a house in Puturge, "
        "some twelve hours after an earthquake of magnitude 6.3. Eleven people have died, AFAD said."
    ),
)
ROWS = [
    (
        "the same quake in other words",
        (
            "Villages flattened by quake in Malatya",
            (
                "Mud-brick houses fell in on sleeping families in the hills of Malatya. AFAD, the disaster "
                "agency, said nine bodies had been found and that the search went on near Puturge, in the "
                "east of Turkey."
            ),
        ),
        QUAKE,
        True,
    ),
    (
        "the same kind of event elsewhere",
        (
            "Four dead as 7.1 tremor rattles Valparaiso",
            (
                "Rescuers searched collapsed houses in Valparaiso after an earthquake of magnitude 7.1 off "
                "the Chilean coast. Four people have died and eighty were treated."
            ),
        ),
        QUAKE,
        False,
    ),
    (
        "the same person, another matter",
        (
            "Mendes strikes late as Benfica down Bayern",
            (
                "Benfica came from behind to beat Bayern Munich in Lisbon. Bayern coach Erik Nagler called "
                "the defeat undeserved after a header in stoppage time."
            ),
        ),
        (
            "Nagler pays 40,000 euros for calling referee a coward",
            (
                "The coach of Bayern Munich, Erik Nagler, must pay for insulting a referee at Freiburg, the "
                "German football federation said. There is no ban."
            ),
        ),
        False,
    ),
    (
        "two central banks on one day",
        (
            "Riksbank cuts key rate to 1.75 percent",
            (
                "Sweden's central bank lowered its policy rate by a quarter point. Governor Ingrid Halvorsen "
                "said inflation had fallen. The crown lost 0.6 percent against the euro."
            ),
        ),
        (
            "Norges Bank holds rate at 4 percent",
            (
                "Norway's central bank kept its policy rate. Governor Nils Bratland said inflation was above "
                "target. The crown rose 0.4 percent against the euro."
            ),
        ),
        False,
    ),
    (
        "a German flood by two papers",
        (
            "800 Menschen müssen vor der Oder fliehen",
            (
                "Die Oder steigt weiter. In Frankfurt wurden 800 Bewohner von Güldendorf in Turnhallen "
                "gebracht, weil die Deiche zu brechen drohen. Petra Wendland bat die Bundeswehr um Hilfe."
            ),
        ),
        (
            "Deich bei Güldendorf hält, Scheitel der Oder erwartet",
            (
                "Soldaten der Bundeswehr haben in der Nacht den Deich bei Güldendorf verstärkt. Der Scheitel "
                "der Oder soll Frankfurt am Abend erreichen. Petra Wendland dankte den Helfern."
            ),
        ),
        True,
    ),
    (
        "German news that share a language only",
        (
            "Fernwärme wird zwölf Prozent teurer",
            (
                "Mieter müssen für Fernwärme bald mehr bezahlen. Die Stadtwerke heben den Preis an, sagte "
                "der Geschäftsführer. Der Mieterverband will klagen."
            ),
        ),
        (
            "Deich bei Güldendorf hält",
            (
                "Soldaten haben in der Nacht den Deich verstärkt, sagte die Bürgermeisterin. Der Scheitel "
                "soll die Stadt am Abend erreichen."
            ),
        ),
        False,
    ),
    (
        "a Chinese metro by two papers",
        (
            "江城地铁五号线发生故障",
            "江城地铁五号线周二早高峰发生信号故障，三千名乘客滞留在滨江站和东湖站之间。",
        ),
        (
            "信号故障致江城地铁停运",
            "周二早上，江城地铁五号线因信号故障停运两小时，乘客被困滨江站附近隧道。",
        ),
        True,
    ),
    (
        "Chinese news of one town",
        (
            "江城地铁五号线发生故障",
            "江城地铁五号线周二早高峰发生信号故障，三千名乘客滞留在滨江站和东湖站之间。",
        ),
        (
            "江城图书馆新馆开放",
            "江城图书馆新馆周三向读者开放，藏书两百万册，市民免费参观。",
        ),
        False,
    ),
]


@pytest.mark.parametrize(("one", "other", "same"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_articles_are_linked_when_they_tell_of_one_event(
    one: tuple[str, str], other: tuple[str, str], same: bool
) -> None:
    found = agreement(make_story_sketch(*one), make_story_sketch(*other))
    assert found.links(2 * HOUR) is same, found


def test_the_same_article_agrees_with_itself_in_all() -> None:
    found = agreement(make_story_sketch(*QUAKE), make_story_sketch(*QUAKE))
    assert found.cosine == pytest.approx(1.0, abs=0.02)
    assert found.is_sure


def test_both_parts_of_a_name_are_one_thing() -> None:
    both = StorySketch({2: 120, 4: 120, 7: 80}, {})
    assert agreement(both, both).things == 1


def test_nothing_agrees_with_an_empty_sketch() -> None:
    found = agreement(make_story_sketch(*QUAKE), StorySketch({}, {}))
    assert (found.cosine, found.things) == (0.0, 0)
    assert not found.links(0)


@pytest.mark.parametrize(
    ("found", "gap", "linked"),
    [
        (Agreement(0.32, 3), 0, True),
        (Agreement(0.32, 2), 0, False),  # one name and a word: the same person, whatever he did
        (Agreement(0.60, 2), 0, True),
        (Agreement(0.90, 1), 0, False),
        (Agreement(0.32, 3), 3 * DAY_MS, False),  # a story goes on, but less and less
        (Agreement(0.32, 3), -3 * DAY_MS, False),
        (Agreement(0.60, 3), 5 * DAY_MS, True),
        (Agreement(0.99, 9), 5 * DAY_MS + 1, False),
        (Agreement(0.99, 9), -5 * DAY_MS - 1, False),
    ],
)
def test_what_is_asked_grows_with_the_time_between(found: Agreement, gap: int, *, linked: bool) -> None:
    assert found.links(gap) is linked


def test_articles_that_tell_of_other_names_are_not_linked_by_words() -> None:
    words = dict.fromkeys(range(100, 130, 2), 60)
    one = StorySketch({2: 60, 4: 60, 6: 60}, words)
    other = StorySketch({8: 60, 10: 60, 12: 60}, words)
    assert agreement(one, other) == Agreement(0.0, 0)
    nameless = StorySketch({8: 60}, words)  # it does not say who and where
    assert agreement(one, nameless).things == len(words)
