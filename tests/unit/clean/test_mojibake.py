"""Text that was decoded with the wrong charset."""

# ruff: noqa: E501 - the lines of a page are as long as they are

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workers.stages.clean import clean_article
from services.workers.stages.clean.mojibake import repair
from shared.article import RawArticle, Source

WRITTEN = (
    "It’s “fine” – 5 €", "Grüße aus Köln", "café à la carte, déjà vu", "São Paulo: não há", "Привет, мир",
    "港は再開", "naïve façade", "😀 emoji", "l’été à Nîmes", "Łódź i Kraków", "أعيد فتح الميناء",
)  # fmt: skip
RIGHT = (
    *WRITTEN, "AMANHÃ «não»", "MANHÃ\u00a0É", "Ã© is how é looks when it is read wrongly", "«CAFÉ» – É…", "SÃO PAULO",
    "VOILÀ\u00a0!", "FRANÇAIS À PARIS", "CAFÉ©2026", "â la carte", "ĐÃ ĐẾN", "plain text", "",
)  # fmt: skip


def misread(text: str, charset: str, times: int = 1) -> str:
    """Read the UTF-8 of a text in another charset; the five bytes that Windows-1252 lacks, as in Latin 1."""
    for _ in range(times):
        data = text.encode()
        text = "".join(
            bytes([byte]).decode(
                "latin-1" if charset == "latin-1" or byte in b"\x81\x8d\x8f\x90\x9d" else charset
            )
            for byte in data
        )
    return text


@pytest.mark.parametrize("times", [1, 2, 3])
@pytest.mark.parametrize("charset", ["cp1252", "latin-1"])
@pytest.mark.parametrize("text", WRITTEN)
def test_utf8_that_was_read_wrongly_is_put_right(text, charset, times):
    assert repair(misread(text, charset, times)) == text


@pytest.mark.parametrize("text", RIGHT)
def test_text_that_was_read_well_stays(text):
    assert repair(text) == text


def test_only_what_is_wrong_in_a_line_is_put_right():
    assert repair("Tickets cost Â£5.") == "Tickets cost £5."
    assert repair("Grüße, it\u00e2\u20ac\u2122s fine") == "Grüße, it’s fine"


SHOWN = (
    "Why â€™ stands where an apostrophe should be", "The signs â€™ and Ã© are what a wrong charset makes of them.",
    "The word “déjà” became “dÃ©jÃ\u00a0”", "If été comes out as Ã©tÃ©, the charset is wrong.",
    "First line: it shows â€™ alone.\nSecond line: an “isnâ€™t” in it.",
)  # fmt: skip


@pytest.mark.parametrize("text", SHOWN)
def test_a_text_that_shows_what_a_wrong_charset_makes_stays(text):
    assert repair(text) == text


def test_a_space_that_was_a_second_byte_is_put_right_with_its_line():
    assert repair("Le dÃ©part est prÃ©vu Ã  lâ€™aube.") == "Le départ est prévu à l’aube."
    assert repair("Le dÃ©part Ã lâ€™aube dÃ©jÃ .").startswith("Le départ")
    assert repair("Ã  la carte") == "Ã  la carte"


def test_bytes_of_windows_1252_that_were_read_as_latin_1_are_put_right():
    assert repair("\x93Fine\x94 \x96 5 \x80") == "“Fine” – 5 €"


@given(st.text(alphabet=st.characters(max_codepoint=0x2200), max_size=60))
@settings(max_examples=200, deadline=None)
def test_repairing_twice_changes_nothing(text):
    assert repair(repair(text)) == repair(text)


def test_a_page_that_was_read_wrongly_gives_the_article_as_it_was_written():
    story = (
        "“People who clean the hospital at four cannot swim to work,” said Zoë Müller – the council’s leader."
    )
    html = (
        f'<html><head><title>Zoë’s ferry</title><meta property="og:description" content="{story[1:20]}’s">'
        '<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Zoë’s ferry stays", '
        f'"author": {{"name": "Zoë Müller"}}}}</script></head><body><article>{f"<p>{story}</p>" * 4}</article></body></html>'
    )
    wrong = RawArticle("a1", Source("s"), html=misread(html, "cp1252"))
    right = RawArticle("a1", Source("s"), html=html)
    assert clean_article(wrong).article == clean_article(right).article
    assert clean_article(wrong).article.title == "Zoë’s ferry stays"
    # Entities are decoded after the page was read.
    article = clean_article(
        RawArticle(
            "a1", Source("s"), title="Zoë", html=f"<p>{'It&acirc;&euro;&trade;s Zo&Atilde;&laquo;. ' * 9}</p>"
        )
    ).article
    assert article.body.startswith("It’s Zoë. It’s")


@pytest.mark.parametrize("between", ["\x1b", "\x00", "\x7f", "\u200b", "\u2060", "\ufeff"])
def test_a_run_that_hides_an_invisible_character_is_put_right_at_once(between):
    broken = f"cafÃ{between}© au lait"
    assert repair(broken) == repair(repair(broken)) == "café au lait"
