"""Words of furniture in the sentences of an article stay; what is cut tells keywords, writers and sites."""

# ruff: noqa: E501 - the lines of a page are as long as they are

import pytest

from bench.lines.pages import generate_pages
from services.workers.stages.clean import clean_article
from services.workers.stages.clean.lines import read_line
from services.workers.stages.clean.rules import is_date, is_signed_date, reason_to_cut
from shared.article import Article, RawArticle, Source

SOURCE = Source("harbourpost.example", "Harbour Post")
TITLE = "Night ferry stays until the end of March"
STORY = [
    "The town council voted nine to four on Wednesday to keep the night ferry running until the end of March.",
    "The service was to be cut in December to close a hole in the transport budget.",
    "A review of all routes is due in February, and the unions want a seat at the table.",
    "Tickets for the late boat cost four euros, as they did before the vote.",
]
SENTENCES = [
    "About 4,000 households subscribe to the paper boat, as the captain calls his printed timetable.",
    "Those who subscribe now pay less, the minister told parliament on Monday.",
    "The newsletter that the cult sent to its members was read out in court.",
    "A disclaimer printed in grey on grey did not protect the bank, the judges said.",
    "Her disclaimer came first: she had never flown a plane before that morning.",
    "An advertisement for cigarettes from 1931 was found behind the wallpaper.",
    "The advertisement, which ran for three days, broke the rules, the regulator found.",
    "The cookies were baked by the fire brigade and sold out before noon.",
    "Websites that set cookies without consent face fines of up to two million euros.",
    "The copyright in the song passes to her daughters, who have not reserved all rights to it.",
    "Ad blockers cost publishers a fifth of their revenue, according to the study.",
    "He asked the readers of his column to share what they remembered of the flood.",
    "The comments section of the town's site was closed after threats against the mayor.",
    "Wer die Zeitung abonniert, liest sie heute meist auf dem Telefon, sagt die Verlegerin.",
    "Der Haftungsausschluss im Mietvertrag ist unwirksam, urteilte das Landgericht am Dienstag.",
    "Die Anzeige gegen den Trainer wurde im Mai zurückgezogen, teilte die Polizei mit.",
    "Die Cookies backte der Bäcker nach einem Rezept seiner Großmutter aus Triest.",
    "Más de mil vecinos se suscriben cada año a la biblioteca del barrio, dijo el concejal.",
    "El descargo de responsabilidad no convenció al juez, que condenó a la empresa.",
    "La publicidad de apuestas quedará prohibida en los estadios a partir de enero.",
    "Las cookies de terceros desaparecerán del navegador, según anunció la compañía.",
    "Ils sont trois mille à s'abonner chaque année au théâtre, selon son directeur.",
    "L'avertissement imprimé au dos du billet n'a pas suffi, a estimé le tribunal.",
    "La publicité pour l'alcool sera interdite près des écoles, a annoncé le ministre.",
    "Gli abbonati del teatro sono raddoppiati in due anni, ha detto la direttrice.",
    "A publicidade nas ruas do centro será reduzida à metade, disse o prefeito.",
    "De advertentie stond drie dagen in de krant, zei de woordvoerder van de gemeente.",
]  # fmt: skip


def read(*lines: str, title: str | None = TITLE) -> Article:
    return clean_article(RawArticle("a1", SOURCE, title=title, text="\n\n".join(lines))).article


@pytest.mark.parametrize("place", [0, 2, len(STORY)])
@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_sentence_that_speaks_of_furniture_stays(sentence, place):
    lines = [*STORY[:place], sentence, *STORY[place:]]
    assert read(*lines).body.split("\n") == lines


def test_keywords_writers_and_descriptions_are_told_apart_from_the_text():
    about = "Harbour Post is a daily paper for the northern shore and its islands."
    article = read("By Dana Whitlock", *STORY, "Tags: ferry, north shore, council", about)
    assert article.body.split("\n") == STORY
    assert article.authors == ("Dana Whitlock",)
    assert article.source_keywords == ("ferry", "north shore", "council")
    assert [(item.reason, item.above) for item in article.removed] == [
        ("byline", 0),
        ("keywords", len(STORY)),
        ("self-description", len(STORY)),
    ]


def test_a_line_that_is_cut_inside_the_text_says_where_it_stood():
    article = read(*STORY[:2], "Advertisement", STORY[2], "Read more: Fares rise", STORY[3])
    assert [(item.text, item.above) for item in article.removed] == [
        ("Advertisement", 2),
        ("Read more: Fares rise", 3),
    ]


def test_a_line_cut_from_a_page_says_where_it_stood():
    paragraphs = "".join(f"<p>{line}</p>" for line in [*STORY[:2], "Read more: Fares rise", *STORY[2:]])
    html = f"<html><body><article><h1>{TITLE}</h1>{paragraphs}</article></body></html>"
    article = clean_article(RawArticle("a1", SOURCE, title=TITLE, html=html)).article
    assert article.body.split("\n") == STORY
    assert ("Read more: Fares rise", 2) in [(item.text, item.above) for item in article.removed]


@pytest.mark.parametrize(
    "heading",
    [
        "What happens next",
        "The view from the other shore",
        "Und nun?",
        "Lo que viene",
        "2025: the year of the boat",
        "Costs",
    ],
)
def test_a_heading_stays_above_text_and_goes_without(heading):
    lines = [*STORY[:2], heading, *STORY[2:]]
    assert read(*lines).body.split("\n") == lines
    assert read(*STORY, heading).body.split("\n") == STORY


def test_a_short_closing_sentence_stays():
    for closing in ("He smiled.", "It was over.", "Nobody came."):
        assert read(*STORY, closing).body.split("\n") == [*STORY, closing]


def test_items_of_a_list_stay_with_the_addresses_under_them():
    items = [f"{number}) A boat with {number} seats" for number in range(1, 7)]
    lines = [line for number, item in enumerate(items) for line in (item, f"https://boats.example/{number}")]
    assert read(*STORY, *lines).body.split("\n")[: len(STORY) + 11] == [*STORY, *lines[:11]]


def test_a_given_headline_is_the_title_and_one_on_top_is_found():
    pages = list(generate_pages(31, 15))
    given = [
        clean_article(RawArticle("p", SOURCE, text=page.text, title=page.title)).article for page in pages
    ]
    assert [article.title for article in given] == [page.title for page in pages]
    assert not any(article.body.startswith(f"{article.title}\n") for article in given)
    on_top = [page for page in generate_pages(32, 130) if page.lines[0] == page.title]
    found = [clean_article(RawArticle("p", SOURCE, text=page.text)).article for page in on_top]
    shown = [
        page.title in (item.title, *item.body.split("\n")) for page, item in zip(on_top, found, strict=True)
    ]
    assert len(shown) > 20
    assert sum(shown) >= 0.95 * len(shown)


def test_a_caption_that_a_gallery_repeats_goes_and_a_doubled_paragraph_stays_once():
    caption = "The last boat of the evening leaves the old pier with eleven passengers and a dog."
    assert read(*STORY[:2], caption, caption, *STORY[2:], caption).body.split("\n") == STORY
    assert read(*STORY, STORY[1]).body.split("\n") == STORY


@pytest.mark.parametrize(
    "line",
    [
        "November 20, 2019 - 11:28 AMT", "Mon 18 Nov 2019 18.54 GMT Last modified on Mon 18 Nov 2019 18.56 GMT",
        "• Nov 18, 2019 at 9:24 pm ET • 2 min read", "Aktualisiert 3. Mai 2025, 10:15 Uhr", "12 novembre 2025",
    ],
)  # fmt: skip
def test_dates_are_told_with_what_sites_write_beside_them(line):
    assert is_date(read_line(line))


@pytest.mark.parametrize("line", ["The last 10 minutes", "First 100", "Last updated", "Read 2 min", "Cat 5"])
def test_such_words_without_a_date_are_none(line):
    assert not is_date(read_line(line))


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Dana Whitlock - May 3, 2025, 10:15 pm CST", True),
        ("New Northby, Harbour Desk | Updated : 19 November 2019, 09:01 AM", True),
        ("Harbourpost October 06, 2018", True),
        ("September 10, 2018 | by Dana", True),
        ("The ferry sank on 3 May 2019", False),
        ("Whitlock was born on May 3, 1961.", False),
        ("Harbour Post", False),
        ("Summer of 2019", False),
    ],
)
def test_dates_with_names_beside_them(line, expected):
    assert is_signed_date(read_line(line)) is expected


def test_a_date_with_a_name_goes_above_the_text_and_stays_inside_it():
    line = "Dana Whitlock - May 3, 2025, 10:15"
    assert read(line, *STORY).body.split("\n") == STORY
    letter = [*STORY, line, *(sentence.replace("the", "that") for sentence in STORY)]
    assert read(*letter).body.split("\n") == letter


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "10 thoughts on “Night ferry stays until the end of March, and what it means for the islands beyond”",
            "comments",
        ),
        ("3 Gedanken zu „Die Nachtfähre bleibt“", "comments"),
        ('7 replies to "Ferry"', "comments"),
        ("Image 1 of / 9", "control"),
        ("Media playback is unsupported on your device", "control"),
        ("Back to gallery", "control"),
        ("Media captionThe captain on his last evening", "photo-credit"),
        ("WhatsApp Facebook Pint Baixar", "share"),
        ("You have successfully subscribed. Thank you!", "newsletter"),
        ("Let our news meet your inbox. Stories that matter, on weekday mornings.", "newsletter"),
        ("This site is protected by reCAPTCHA Privacy Policy | Terms of Service", "paywall"),
    ],
)
def test_more_furniture_is_cut_for_its_reason(line, reason):
    assert reason_to_cut(read_line(line)) == reason
