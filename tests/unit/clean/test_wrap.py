"""Wrapped text becomes paragraphs; lists, verse and headings keep their lines."""

# ruff: noqa: E501 - the lines of a page are as long as they are

from textwrap import fill

import pytest

from services.workers.stages.clean import clean_article
from services.workers.stages.clean.wrap import unwrap
from shared.article import RawArticle, Source

PARAGRAPHS = [
    (
        "Copper rose for a third day on Tuesday after two smelters said they would cut output because of high energy "
        "prices, and stocks in the exchange's warehouses fell to their lowest level since the spring of last year."
    ),
    (
        "Three-month copper gained 1.4 percent to $9,410 a tonne, its highest since early July, before easing a little in "
        "the afternoon, when traders in London began to close their books ahead of the holiday."
    ),
]
LIST = "Ingredients\n\n" + "\n".join(f"{n} spoons of something that is good for you" for n in range(9))
VERSE = "The river runs\nbeneath the mill\nand never asks\nwho pays the bill\nnor who will come\nto count the stones\n\nThe end"


@pytest.mark.parametrize("width", [60, 72, 80])
def test_wrapped_paragraphs_are_joined(width):
    text = "\n\n".join(fill(paragraph, width, break_long_words=False) for paragraph in PARAGRAPHS)
    assert [line for line in unwrap(text).split("\n") if line] == PARAGRAPHS


def test_indented_paragraphs_are_joined():
    text = "\n".join(fill(paragraph, 72, initial_indent="    ") for paragraph in PARAGRAPHS)
    assert [line.strip() for line in unwrap(text).split("\n")] == PARAGRAPHS


@pytest.mark.parametrize(
    "text", ["", "one line", LIST, VERSE, "\n".join(PARAGRAPHS), "\n\n".join(PARAGRAPHS)]
)
def test_what_was_not_wrapped_stays(text):
    assert unwrap(text) == text


def test_wrapped_wire_copy_is_read_as_paragraphs():
    wrapped = "\n\n".join(fill(paragraph, 70) for paragraph in PARAGRAPHS)
    article = clean_article(
        RawArticle("a1", Source("wire.example"), text=f"Copper rises again\n\n{wrapped}")
    ).article
    assert article.title == "Copper rises again"
    assert article.body.split("\n") == PARAGRAPHS
