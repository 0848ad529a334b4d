"""Notes to readers above and below an article go; the same words inside it stay."""

# ruff: noqa: E501 - the lines of a page are as long as they are

import pytest

from services.workers.stages.clean import clean_article
from shared.article import Article, RawArticle, Source

HEADLINE = "Mayor opens rebuilt footbridge over the mill stream"
BODY = [
    "The footbridge over the mill stream opened again on Saturday, two years after a flood carried the old one away.",
    "About three hundred people crossed it in the first hour, some of them more than once.",
    "\"My grandfather walked over the first one to his wedding,\" said Elsie Tann, who cut the ribbon with the mayor.",
    "The work cost 410,000 euros, a tenth less than planned, according to the district.",
    "A plaque with the names of the volunteers will follow in May.",
]  # fmt: skip
ABOVE = [
    "Today's paper",
    "Breaking: storm warning for the coast",
    "Tuesday, 3 June 2025",
    "22°C London",
    "Subscribe for £1 a week",
    "World | Business | Sport | Culture",
    "You are here: Home / Local / Bridges",
    "Valley Ledger brings you the stories behind the headlines, seven days a week.",
    "We and our 842 partners store and access information on a device.",
    "JavaScript is disabled. For a better experience, please enable JavaScript in your browser.",
]
BELOW = [
    "Share on Facebook Share on Twitter Share by email",
    "Like this article? Get Valley Ledger by email every morning, free of charge.",
    "Join 40,000 readers who get our morning briefing.",
    "If you value this reporting, please consider a small donation.",
    "Comments are moderated before publication.",
    "You must be logged in to post a comment.",
    "This story was updated at 14:00 to add a comment from the mayor.",
    "Scan the QR code to download the app.",
    "You're reading a free article. Two left this month.",
    "Reprint rights are available from our licensing desk.",
    "Let us know what you think in the comments.",
    "The post Mayor opens rebuilt footbridge appeared first on Valley Ledger.",
    "The author declares no conflict of interest.",
    "Nothing on this page is financial advice. Always do your own research.",
    "Trading carries risk and you may lose your capital.",
    "Tom Arden is our bridges correspondent.",
    "Tom writes about rivers, bridges and the people who cross them. He joined the paper in 2012.",
    "Dieser Artikel erschien zuerst in der Wochenausgabe.",
    "Este artículo fue publicado originalmente en la edición impresa.",
    "Registered office: 1 Mill Lane",
]


def read(*lines: str) -> Article:
    source = Source("valleyledger.example", "Valley Ledger")
    return clean_article(RawArticle("a1", source, text="\n\n".join(lines))).article


@pytest.mark.parametrize("note", ABOVE)
def test_what_stands_above_the_headline_goes(note):
    article = read(note, HEADLINE, *BODY)
    assert (article.title, article.body.split("\n")) == (HEADLINE, BODY)
    assert [item.text for item in article.removed] == [note]


@pytest.mark.parametrize("note", BELOW)
def test_what_stands_below_the_article_goes(note):
    article = read(HEADLINE, *BODY, note)
    assert (article.title, article.body.split("\n")) == (HEADLINE, BODY)
    assert [item.text for item in article.removed] == [note]


def test_all_of_it_together_goes_too():
    article = read(*ABOVE, HEADLINE, *BODY, *BELOW)
    assert (article.title, article.body.split("\n")) == (HEADLINE, BODY)
    assert len(article.removed) == len(ABOVE) + len(BELOW)


@pytest.mark.parametrize(
    "line",
    [
        "Comments on the plan are moderated by the council before publication, it said.",
        "Nothing the mayor said was financial advice, her lawyer argued in court.",
        "Tom writes about the bridge in a diary that the museum will show in June.",
        "Our readers will remember the flood, which came on a night in April.",
    ],
)
def test_inside_an_article_the_same_words_stay(line):
    lines = [*BODY[:2], line, *BODY[2:]]
    assert read(HEADLINE, *lines).body.split("\n") == lines
