"""Single lines: furniture of many sites with its reason, and sentences that only look like it."""

import time

import pytest

from services.workers.stages.clean.lines import read_line
from services.workers.stages.clean.rules import RULES, is_bio, is_keywords, reason_to_cut

FURNITURE = [
    ("Bookmark", "bookmark"),
    ("kX93jfLQpd82mzTTw01Bq5", "token"),
    ("4,553", "no-words"),
    ("* * *", "no-words"),
    ("Share on Facebook", "share"),
    ("Facebook | Twitter | WhatsApp", "share"),
    ("12 shares", "share"),
    ("Compartir en WhatsApp", "share"),
    ("Skip to main content", "control"),
    ("Back to top", "control"),
    ("Zum Inhalt springen", "control"),
    ("ADVERTISEMENT", "advert"),
    ("Story continues below advertisement", "advert"),
    ("Anzeige", "advert"),
    ("Publicité", "advert"),
    ("Leave a comment", "comments"),
    ("23 comments", "comments"),
    ("Kommentare (14)", "comments"),
    ("(Reporting by Mia Lund in Oslo; Editing by Pat Rowe)", "wire-sign-off"),
    ("-ENDS-", "wire-sign-off"),
    ("Photo: Harbour archive / Getty Images", "photo-credit"),
    ("© Reuters / Ana Costa", "photo-credit"),
    ("Foto: dpa", "photo-credit"),
    ("The old cannery seen from the pier in April. (Photo by Lee Marsh/Harbour Post)", "photo-credit"),
    ("Firefighters at the scene on Sunday night. [File: Reuters]", "photo-credit"),
    ("By Maria Lopez", "byline"),
    ("By Maria Lopez and Jan de Vries, staff writers", "byline"),
    ("Von Jonas Reuter", "byline"),
    ("Por Lucía Ferrer", "byline"),
    ("Writer @nightowl", "byline"),
    ("Published: 3 May 2025, 10:15", "timestamp"),
    ("4 min read", "timestamp"),
    ("12 novembre 2025", "timestamp"),
    ("2 hours ago", "timestamp"),
    ("Source: Meridian Gazette", "source-line"),
    ("Quelle: dpa", "source-line"),
    ("Fuente: EFE", "source-line"),
    ("Copyright 2025 The Post. All rights reserved.", "copyright"),
    ("© 2025 El Faro. Todos los derechos reservados", "copyright"),
    ("We use cookies to improve your experience on our site.", "cookie-notice"),
    ("Diese Website verwendet Cookies, um Inhalte zu personalisieren.", "cookie-notice"),
    ("Ad blocker detected", "adblock"),
    ("Please disable your ad blocker to continue reading.", "adblock"),
    ("We noticed that you are using an ad blocker.", "adblock"),
    ("Sign up for our daily newsletter", "newsletter"),
    ("Subscribe to our channel for the latest updates", "newsletter"),
    ("Jetzt unseren Newsletter abonnieren", "newsletter"),
    ("Need more stars? Subscribe to our sister magazine today for the best photographs.", "newsletter"),
    ("The best of the week, delivered straight to your inbox.", "newsletter"),
    ("Follow us on Twitter and Facebook", "follow"),
    ("Download our app", "follow"),
    ("Suivez-nous sur Instagram", "follow"),
    ("Read more: Ferry strike enters third week", "see-also"),
    ("ALSO READ: Ferry strike enters third week", "see-also"),
    ("Check out our other stories on Google News", "see-also"),
    ("Lesen Sie auch: Der Streik geht weiter", "see-also"),
    ("À lire aussi : la grève continue", "see-also"),
    ("Leggi anche: lo sciopero continua", "see-also"),
    ("Baca juga: Harga beras naik", "see-also"),
    ("Already a subscriber? Log in", "paywall"),
    ("To continue reading, please subscribe.", "paywall"),
    ("Got a story? Email our newsroom", "contact"),
    ("Tags: ferry, council, winter", "keywords"),
    ("Schlagwörter: Fähre, Rat", "keywords"),
    ("This post may contain affiliate links.", "disclosure"),
    ("We may earn a small commission when you buy through our links.", "disclosure"),
    ("The views expressed in this column are those of the author.", "disclosure"),
    ("Home > News > Council", "breadcrumbs"),
]

PROSE = [
    "Residents can subscribe to the alerts at the town hall from Monday.",
    "Subscribers to the fund were told that the sale had fallen through.",
    "The disclaimer on the ticket did not protect the operator, the court said.",
    "Investment in new mines fell by a fifth, according to the ministry.",
    "Sources close to the talks said an agreement was near.",
    "Source code for the test is in the public repository.",
    "He asked the court to share the costs between both sides.",
    "The company said it would follow the ruling and pay by Friday.",
    "Cookies baked for the fair raised 4,000 euros for the school.",
    "The regulator fined the site for using cookies without consent.",
    "By the end of the day, three of the five bridges were open again.",
    "By the numbers",
    "Por qué sube el precio de la luz",
    "Von der Leyen kündigt neue Regeln an",
    "Read by millions, the poet lived on very little.",
    "Advertisement spending rose 4% in the second quarter.",
    "An ad blocker maker has sued the search company over the new rules.",
    "More than 300 people were told to leave their homes.",
    "Related party transactions were not disclosed, the auditor wrote.",
    "Photographs from the scene show a collapsed crane.",
    "The commission will receive a report in May.",
    "Register offices across the county close at noon.",
    "\"I told Reuters what I saw,\" the captain said.",
    "The figures were first reported by Reuters.",
    "1. Beat the eggs and add the flour slowly.",
    "- the controller cache, which turned out to have no battery",
    "Challenges remain:",
    "Donaudampfschifffahrtsgesellschaftskapitän",
    "https://www.example.org/2025/05/a-long-address-of-a-page",
    "02-751-1500",
]  # fmt: skip


@pytest.mark.parametrize(("line", "reason"), FURNITURE)
def test_furniture_is_cut_for_its_reason(line, reason):
    assert reason_to_cut(read_line(line)) == reason


@pytest.mark.parametrize("line", PROSE)
def test_lines_that_only_look_like_furniture_stay(line):
    assert reason_to_cut(read_line(line)) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ferry strike, north shore, council vote, night service, transport budget", True),
        ("databases, fsync, Linux, postmortem, stora", True),
        ("Oslo, Lisbon, Vienna, Prague", True),
        ("The ferry, the bus, the tram, and the train all stopped.", False),
        (
            "He came, he saw, he left, and nobody in the whole town noticed it at all until the next day",
            False,
        ),
        ("Council votes to keep night ferry", False),
    ],
)
def test_keyword_lines_are_told_from_sentences(line, expected):
    assert is_keywords(read_line(line)) is expected


@pytest.mark.parametrize(
    ("line", "authors", "expected"),
    [
        ("Dana is a freelance reporter who covers transport and local politics.", (), True),
        ("Jonas Reuter ist Redakteur im Ressort Lokales und berichtet über Verkehr.", (), True),
        ("Priya is an author.", ("Priya N",), True),
        ("The minister is a former journalist, and the opposition says that it shows.", (), False),
        ("A reporter was among the injured, police said on Sunday.", (), False),
    ],
)
def test_notes_about_the_author_are_told_from_the_story(line, authors, expected):
    assert is_bio(read_line(line), authors) is expected


HOSTILE = [
    "more news from a " * 60,
    "share " * 160,
    "facebook | " * 90,
    "a > " * 240,
    "12 may " * 140,
    "home / " * 140,
    "subscribe to our " * 58,
    "we use your " * 80,
    "ad block " * 110,
    "(photo " * 140,
    "is a the our also writer" * 40,
    "x" * 990,
]


@pytest.mark.parametrize("line", HOSTILE, ids=lambda line: line[:12])
def test_no_line_makes_a_rule_slow(line):
    read = read_line(line.strip())
    began = time.process_time()
    for rule in RULES:
        rule.test(read)
    is_bio(read, ())
    assert time.process_time() - began < 0.25


def test_a_line_of_a_megabyte_is_not_even_looked_at():
    began = time.process_time()
    assert reason_to_cut(read_line("subscribe " * 100_000)) is None
    assert time.process_time() - began < 0.5
