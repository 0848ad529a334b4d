"""Reads what cleaning goes by before any article comes: word lists, the line model, the language model.

A worker's parent does it, so that its children share what was read, and a spoilt file stops the start.
"""

from __future__ import annotations

from services.workers.stages.clean.stage import clean_article
from shared.article import RawArticle, Source

_HEADLINE = "A second ferry for the harbour"
_TEXT = (
    "The harbour council decided on Tuesday to buy a second ferry, which will sail from the first of May.\n"
    "Share\nMembers spoke for an hour about the price, and nobody voted against it in the end."
)


def warm_up() -> None:
    """Clean a text and a page of no one's; raises ``BadSettings`` for a file that cannot be used."""
    source = Source("harbour.example")
    clean_article(RawArticle("text", source, text=f"{_HEADLINE}\n{_TEXT}"))
    paragraphs = "".join(f"<p>{line}</p>" for line in _TEXT.split("\n"))
    page = f"<html><body><article><h1>{_HEADLINE}</h1>{paragraphs}</article></body></html>"
    clean_article(RawArticle("page", source, html=page))
