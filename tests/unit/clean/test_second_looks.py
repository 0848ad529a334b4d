"""What is done when the first reading of a page found too little, too much, or one row of a table."""

# ruff: noqa: E501 - the lines of a page are as long as they are

from __future__ import annotations

import json

from services.workers.stages.clean import clean_article
from services.workers.stages.clean.html import parse_page as parse
from services.workers.stages.clean.html import read_body, trim_to
from shared.article import RawArticle, Removed, Source

STORY = [
    "The town council voted nine to four on Wednesday to keep the night ferry running until the end of March.",
    "The service, which costs about £180,000 a year, was to be cut in December to close a hole in the budget.",
    "“People who clean the hospital at four in the morning cannot swim to work,” said councillor Miriam Oake.",
    "Under the agreement the ferry will leave every ninety minutes instead of every hour, the council said.",
    "The harbour office will count the passengers of every crossing, and report to the council in the spring.",
]
ABOVE = (
    "Harbour Post has been reporting on the boats of the northern shore for more than a hundred years now."
)
BELOW = (
    "Readers who liked this story also liked the one about the seal pup that was found in a car park there."
)


def paragraphs(lines: list[str]) -> str:
    return "".join(f"<p>{line}</p>" for line in lines)


def clean(inside: str, head: str = "") -> list[str]:
    html = f"<html><head><title>Ferry stays for the winter</title>{head}</head><body>{inside}</body></html>"
    return clean_article(RawArticle("a1", Source("s"), html=html)).article.body.split("\n")


def stated(lines: list[str]) -> str:
    data = {"@type": "NewsArticle", "headline": "Ferry stays", "articleBody": " ".join(lines)}
    return f'<script type="application/ld+json">{json.dumps(data)}</script>'


def test_a_text_of_another_article_in_the_metadata_is_not_taken():
    other = [f"A seal pup of {n} pounds was found in a car park by the shore on Monday." for n in range(40)]
    said = {"@type": "NewsArticle", "articleBody": " ".join(other)}
    head = f'<script type="application/ld+json">{json.dumps(said)}</script>'
    assert clean(f"<article><h1>Ferry stays for the winter</h1>{paragraphs(STORY)}</article>", head) == STORY
    # Where little of the text was found, a line of it or the headline shows whose it is.
    long = [*STORY, *(f"{line} So it was said {n} times." for n, line in enumerate(STORY * 3))]
    assert STORY[4] in clean(f"<div>{paragraphs(STORY[:2])}</div>", stated(long))[0]


def test_the_words_of_menus_are_no_text_where_paragraphs_are_only_line_breaks():
    around = '<nav><a href="/">Home</a><a href="/s">Sport</a></nav>{}<footer>All the news</footer>'
    for text in ("<br><br>".join(STORY), "".join(f"<div>{line}</div>" for line in STORY)):
        assert clean(around.format(f"<div><h1>Ferry stays for the winter</h1>{text}</div>")) == STORY
    # What is called a menu may hold the article all the same.
    assert clean(f"<nav><h1>Ferry stays for the winter</h1>{paragraphs(STORY)}</nav>") == STORY


def test_what_stands_around_the_text_that_the_metadata_give_is_cut():
    inside = f"<article><h1>Ferry stays</h1>{paragraphs([ABOVE, *STORY, BELOW])}</article>"
    assert clean(inside, stated(STORY)) == STORY
    assert clean(inside) == [ABOVE, *STORY, BELOW]


def test_what_was_cut_around_the_stated_text_is_listed():
    text, removed = trim_to(" ".join(STORY), "\n".join([ABOVE, *STORY, BELOW]))
    assert text.split("\n") == STORY
    assert removed == [Removed(ABOVE, "above-article"), Removed(BELOW, "below-article")]


def test_a_stated_text_that_is_only_the_beginning_cuts_nothing():
    inside = f"<article><h1>Ferry stays</h1>{paragraphs(STORY)}</article>"
    assert clean(inside, stated(STORY[:2])) == STORY
    assert trim_to(" ".join(STORY[:2]), "\n".join(STORY)) == ("\n".join(STORY), [])


def test_a_heading_between_stated_paragraphs_stays():
    inside = f"<article><h1>Ferry</h1>{paragraphs(STORY[:2])}<h2>What it costs</h2>{paragraphs(STORY[2:])}</article>"
    assert clean(inside, stated(STORY)) == [*STORY[:2], "What it costs", *STORY[2:]]


def test_a_page_whose_blocks_were_all_cut_is_read_as_it_was():
    # Each block is small enough to be believed; together they are the story.
    inside = "".join(f'<div class="promo"><p>{line}</p></div>' for line in STORY)
    page = f"<html><body><div>{inside}</div></body></html>"
    tree = parse(page)
    assert tree is not None
    body, blocks = read_body(page, tree)
    assert body is not None
    assert all(line in body for line in STORY)
    assert blocks == []


def test_a_page_that_is_laid_out_with_a_table_is_read_in_paragraphs():
    cell = "<br><br>".join(STORY * 2)
    rows = "<tr><td>Home</td><td>News</td></tr>" * 3
    inside = f"<table>{rows}<tr><td class='left'><b>Menu</b></td><td class='text'><h1>Ferry</h1>{cell}</td></tr></table>"
    lines = clean(inside)
    assert not any(line.startswith("|") for line in lines)
    assert sum(line.count("night ferry") for line in lines) >= 1


def test_an_article_in_chunks_is_read_whole():
    chunk = (
        '<div class="grid"><div class="body article__body">{}</div></div><div class="ad-slot">Advert</div>'
    )
    inside = chunk.format(paragraphs(STORY[:2])) + chunk.format(paragraphs(STORY[2:]))
    assert clean(f"<main><h1>Ferry</h1><div>{inside}</div></main>") == STORY
