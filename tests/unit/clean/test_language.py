"""The language of a text, and tags that are given with it."""

import pytest

from services.workers.stages.clean.language import detect_language, given_language

TEXTS = {
    "en": "The council voted on Wednesday to keep the night ferry running until the end of March.",
    "de": "Das Freibad bleibt geöffnet, wie das Rathaus am Sonntagabend nach der Abstimmung mitteilte.",
    "es": "El puerto volvió a abrir este viernes después de cuatro días de temporal en toda la costa.",
    "fr": "Le port a rouvert vendredi matin après quatre jours de tempête sur toute la côte.",
    "ar": "أعيد فتح الميناء صباح الجمعة بعد أربعة أيام من العاصفة على طول الساحل",
    "ru": "Порт снова открылся в пятницу утром после четырёх дней шторма на всём побережье.",
    "ja": "港は四日間の嵐の後、金曜日の朝に再開されたと市が発表した。",
    "zh": "经过四天的暴风雨之后,港口于星期五早上重新开放,市政府表示。",
    "hr": "Luka je ponovno otvorena u petak ujutro nakon četiri dana oluje duž cijele obale.",
}


@pytest.mark.parametrize(("language", "text"), TEXTS.items())
def test_the_language_of_a_text_is_found(language, text):
    assert detect_language(text) == language


def test_capitals_change_nothing():
    assert detect_language(TEXTS["en"].upper()) == "en"


@pytest.mark.parametrize("text", ["", "Too short", "12 34 56 78 90 - 12 34 56", "🚢🌊🚢🌊 🚢🌊", "\n\n"])
def test_what_is_too_short_stays_undetermined(text):
    assert detect_language(text) == "und"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en", "en"),
        ("EN-gb", "en-GB"),
        ("pt_BR", "pt-BR"),
        ("zh-hans-cn", "zh-Hans-CN"),
        ("eng", "en"),
        ("iw", "he"),
        ("es-419", "es-419"),
        ("de-1996", "de-1996"),
        (" fr ", "fr"),
        ("und", None),
        ("english please", None),
        ("e", None),
        ("", None),
        (None, None),
    ],
)
def test_a_given_tag_counts_when_it_is_well_formed(tag, expected):
    assert given_language(tag) == expected
