"""Topics: each top topic is found, with its evidence, ancestors and score, in several languages."""

from __future__ import annotations

import pytest

from services.workers.stages.tag.rules import TopicRule
from services.workers.stages.tag.topics import TopicMatcher, find_topics
from shared.article import Tag

ARTICLES = {
    "01": (
        "Museum shows forgotten films",
        (
            "The director and two actors of the silent comedy came to the premiere. The museum will screen"
            " the film with a new orchestra score, and an exhibition of posters by the artist opens next "
            "week."
        ),
    ),
    "02": (
        "Jury finds baker guilty of fraud",
        (
            "A jury at the crown court convicted the man of fraud and theft. Police had arrested him in "
            "May. The judge said he would be sentenced to prison, and his lawyer said there would be an "
            "appeal."
        ),
    ),
    "03": (
        "Hundreds flee as river bursts its banks",
        (
            "Floods swept away two bridges and rescue workers evacuated a village. The death toll rose to "
            "nine after a landslide, and survivors were taken to a shelter by the emergency services."
        ),
    ),
    "04": (
        "Profits rise at cable maker",
        (
            "The company said quarterly profit rose as sales grew. Shareholders will receive a dividend. "
            "Shares closed higher on the stock exchange, and analysts raised their earnings forecast for "
            "the firm."
        ),
    ),
    "05": (
        "Schools to teach second language earlier",
        (
            "Pupils will start a second language in primary school, the education department said. "
            "Teachers welcomed the new curriculum, and head teachers asked for smaller classrooms and "
            "better exam rules."
        ),
    ),
    "06": (
        "Wetlands win protection",
        (
            "Conservationists welcomed the nature reserve, which shelters endangered species. Pollution "
            "and climate change had harmed the habitat, and greenhouse gas emissions threaten biodiversity"
            " there."
        ),
    ),
    "07": (
        "New vaccine cuts infections",
        (
            "Patients in three hospitals received the vaccine. Doctors said the disease became rarer and "
            "symptoms were mild. Nurses will offer the treatment at every clinic during the flu epidemic."
        ),
    ),
    "08": (
        "Royal wedding draws crowds",
        (
            "The crown prince and his bride left the palace after the royal wedding. The royal family "
            "waved, and a puppy that had slipped past the guards was reunited with its owner."
        ),
    ),
    "09": (
        "Dockers vote for strike action",
        (
            "The trade union said workers would walk out over wages and working hours. Union leaders want "
            "a pay rise and better pensions, and employers fear a long labour dispute and job losses."
        ),
    ),
    "10": (
        "A weekend of long walks and good food",
        (
            "Tourists fill the beach resort in summer. Hotels and restaurants offer local cuisine, a chef "
            "shares her recipe, and holidaymakers can go hiking or camping, visit the gardens or try yoga."
        ),
    ),
    "11": (
        "Parliament votes on new election law",
        (
            "The prime minister asked parliament to pass the bill. Opposition lawmakers said the "
            "government feared voters. The president must sign before the general election, and the ruling"
            " party hopes for a coalition."
        ),
    ),
    "12": (
        "Bishops gather for synod",
        (
            "The archbishop led prayers in the cathedral. Priests and nuns from forty churches spoke of "
            "faith, and an imam and a rabbi brought greetings from the mosque and the synagogue. The pope "
            "sent a letter."
        ),
    ),
    "13": (
        "Scientists build smaller telescope",
        (
            "Researchers at the laboratory wrote software that lets a computer steer the telescope. The "
            "scientists tested the technology on a distant galaxy, and astronomers will use the data in an"
            " experiment next year."
        ),
    ),
    "14": (
        "Charity opens house for the homeless",
        (
            "The charity helps families who live in poverty. Social workers say discrimination and divorce"
            " are common causes, and volunteers look after children and elderly people of every ethnic "
            "minority."
        ),
    ),
    "15": (
        "Late goal wins the cup final",
        (
            "The striker scored in stoppage time and the team lifted the trophy. The coach praised his "
            "players, and the captain called it the best match of the season for the club and its fans."
        ),
    ),
    "16": (
        "Ceasefire breaks after airstrike",
        (
            "Rebels and government troops resumed fighting near the border. Soldiers were killed by "
            "shelling, militants attacked a checkpoint, and peace talks between the armed groups were "
            "called off."
        ),
    ),
    "17": (
        "Heatwave to end with thunderstorms",
        (
            "Forecasters expect heavy rain and gales after the heatwave. Temperatures will fall by ten "
            "degrees, the meteorological office said, and snow is possible in the hills. The weather stays"
            " cold."
        ),
    ),
}


def _codes(tags: tuple[Tag, ...]) -> list[str]:
    return [tag.code for tag in tags]


@pytest.mark.parametrize("number", ARTICLES)
def test_each_top_topic_is_the_best_topic_of_its_article(number: str) -> None:
    title, body = ARTICLES[number]
    tags = find_topics(title, body, "en")
    assert tags[0].code == f"medtop:{number}000000"


@pytest.mark.parametrize(
    ("language", "code", "text"),
    [
        (
            "es",
            "15",
            (
                "El entrenador felicitó a sus jugadores tras la victoria en la final del torneo; el "
                "campeonato acaba en mayo."
            ),
        ),
        (
            "es",
            "11",
            (
                "El gobierno y la oposición debatieron la ley en el parlamento; el primer ministro pidió el"
                " voto."
            ),
        ),
        (
            "es",
            "07",
            "Los médicos del hospital dijeron que la vacuna protege a los pacientes de la enfermedad.",
        ),
        ("fr", "15", "L'entraîneur a félicité ses joueurs après la victoire en demi-finale du championnat."),
        (
            "fr",
            "04",
            (
                "L'entreprise a annoncé des bénéfices en hausse; les investisseurs saluent la croissance du"
                " marché."
            ),
        ),
        (
            "fr",
            "02",
            "Le tribunal a condamné l'homme pour meurtre; la police l'avait arrêté, a dit son avocat.",
        ),
        (
            "de",
            "04",
            "Der Konzern steigerte den Umsatz und den Gewinn, die Aktien der Firma legten an der Börse zu.",
        ),
        (
            "de",
            "11",
            (
                "Nach der Bundestagswahl verhandeln die Parteien über eine Regierung, sagte der Minister im"
                " Parlament."
            ),
        ),
        ("de", "17", "Das Wetter bleibt kalt: Schnee und Regen, dazu Sturm bei sinkenden Temperaturen."),
        ("ar", "15", "فاز المنتخب في المباراة وقال المدرب إن اللاعبين قدموا أداء رائعا في كأس العالم"),
        ("ar", "11", "قال رئيس الوزراء إن الحكومة ستعرض القانون على البرلمان قبل الانتخابات"),
    ],
)
def test_top_topics_are_found_in_other_languages(language: str, code: str, text: str) -> None:
    assert find_topics("", text, language)[0].code == f"medtop:{code}000000"
    assert find_topics("", text, "und")[0].code == f"medtop:{code}000000"


def test_a_text_in_a_language_without_rules_is_read_for_international_names_only() -> None:
    assert _codes(
        find_topics("", "Bitcoin en Ethereum stijgen; Binance juicht. De match in the parliament", "nl")
    ) == [
        "medtop:04000000",
        "medtop:20000344",
        "medtop:20001279",
    ]


def test_a_narrow_topic_brings_its_ancestors_and_its_top_topic() -> None:
    tags = find_topics(
        "Central bank raises interest rates",
        "The central bank raised interest rates to fight inflation.",
        "en",
    )
    found = {tag.code: tag for tag in tags}
    assert found["medtop:20000350"].broader == ("medtop:20000346", "medtop:20000344", "medtop:04000000")
    assert "medtop:04000000" in found


def test_a_tag_shows_the_words_that_earned_it_heaviest_first() -> None:
    (rule,) = (TopicRule("medtop:20001065", {"en": {"penalty": 1.0, "goalkeeper*": 4.0, "header": 2.0}}),)
    tags = TopicMatcher([rule], ["en"]).tags("", "A header, a penalty, two goalkeepers.")
    assert {tag.code: tag.evidence for tag in tags} == {
        "medtop:15000000": ("goalkeepers", "header", "penalty"),
        "medtop:20001065": ("goalkeepers", "header", "penalty"),
    }


def _score(rule: TopicRule, title: str, body: str) -> float:
    tags = TopicMatcher([rule], ["en"]).tags(title, body)
    return tags[0].score if tags else 0.0


def test_a_phrase_in_the_title_counts_more() -> None:
    rule = TopicRule("medtop:15000000", {"en": {"regatta": 5.0, "oar": 1.0}})
    filler = " ".join(["plain words"] * 40)
    assert _score(rule, "A regatta", f"{filler} oar") > _score(rule, "", f"{filler} A regatta, oar") > 0


def test_phrases_match_whole_words_only() -> None:
    rule = TopicRule("medtop:15000000", {"en": {"oar": 5.0}})
    assert _score(rule, "", "The boar ate oarfish in Oarsville") == 0
    assert _score(rule, "", "The Oar, broken") > 0


def test_a_star_stands_for_the_rest_of_a_word() -> None:
    rule = TopicRule("medtop:15000000", {"en": {"row*": 5.0, "*boat": 5.0}})
    assert _score(rule, "", "Rowers wanted") > 0
    assert _score(rule, "", "A steamboat sank") > 0
    assert _score(rule, "", "An arrow, and boats") == 0


def test_a_phrase_under_not_takes_the_meaning_from_the_words_inside() -> None:
    rule = TopicRule("medtop:15000000", {"en": {"match": 5.0}}, negatives=("match box",))
    assert _score(rule, "", "He struck one from a match box") == 0
    assert _score(rule, "", "He won the match") > 0


def test_a_negative_phrase_of_one_topic_leaves_the_others_alone() -> None:
    sport = TopicRule("medtop:15000000", {"en": {"court": 5.0}}, negatives=("court of law",))
    crime = TopicRule("medtop:02000000", {"en": {"court": 5.0}})
    assert _codes(TopicMatcher([sport, crime], ["en"]).tags("", "In a court of law")) == ["medtop:02000000"]


def test_the_longest_phrase_wins_and_keeps_what_the_shorter_means_to_others() -> None:
    soccer = TopicRule("medtop:20001065", {"en": {"world cup": 4.0}})
    skiing = TopicRule("medtop:20001056", {"en": {"world cup slalom": 4.0}})
    tags = TopicMatcher([soccer, skiing], ["en"]).tags("", "the world cup slalom")
    assert set(_codes(tags)) == {"medtop:15000000", "medtop:20001065", "medtop:20001056"}


def test_neighbouring_phrases_are_both_found() -> None:
    rule = TopicRule("medtop:15000000", {"en": {"oar": 4.0, "mast": 4.0}})
    assert TopicMatcher([rule], ["en"]).tags("oar", "mast oar mast")[0].evidence == ("oar", "mast")


def test_scores_lie_between_nought_and_one_and_fall() -> None:
    for title, body in ARTICLES.values():
        scores = [tag.score for tag in find_topics(title, body, "en")]
        assert scores == sorted(scores, reverse=True)
        assert all(0 < score < 1 for score in scores)


def test_a_passing_word_in_a_long_text_gives_no_topic() -> None:
    body = " ".join(["the quiet afternoon went slowly by"] * 60) + " and somebody mentioned a doctor"
    assert find_topics("", body, "en") == ()


@pytest.mark.parametrize("text", ["", " ", "!?", "🙂", "中文", "\u202eabc", "ß" * 1000, "a " * 5000])
def test_odd_text_is_read_without_complaint(text: str) -> None:
    assert find_topics(text, text, "und") == ()


@pytest.mark.parametrize(
    "word",
    [
        "important",
        "authorities",
        "hospitality",
        "nursery",
        "rabbit",
        "slump",
        "patiently",
        "doctorate",
        "inventory",
        "crimean",
    ],
)
def test_a_star_in_the_shipped_rules_does_not_reach_unrelated_words(word: str) -> None:
    assert find_topics(word, f"The {word} again, {word}.", "en") == ()
