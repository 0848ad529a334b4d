"""Titles that a reader may be about to type: every word of the text, the last one as a beginning."""

from __future__ import annotations

from datetime import datetime

from shared.article import Article
from shared.index.analysis import STEMMED, UNSTEMMED, locate, terms
from shared.index.port import SearchPage, SearchRequest, SuggestedTitle
from shared.index.prefixes import beginning
from shared.index.query import And, Node, Prefix, Word

# Terms begin with the code of their language: what is no more than the beginning of a code begins them all.
# Such a page has wrong ones among its hits, which are left out of it; so it is larger.
_LOOKED_AT = 100


def search_titles(text: str, size: int, now: datetime) -> SearchRequest:
    """A search for titles, newest first; for none at all where a text has no letter or digit."""
    words = _words(text)
    if not words:
        return SearchRequest(now, size=0)
    begun: list[Node] = [Word(word, "title") for word in words[:-1]]
    query = And((*begun, Prefix(words[-1], "title")))
    wanted = max(size, _LOOKED_AT) if _begins_a_code(words[-1]) else size
    return SearchRequest(now, query, sort="newest", size=wanted)


def suggested_titles(page: SearchPage, text: str, size: int) -> tuple[SuggestedTitle, ...]:
    """What is suggested of the articles that ``search_titles`` found."""
    found = [hit.article for hit in page.hits]
    words = _words(text)
    if words and _begins_a_code(words[-1]):
        found = [one for one in found if _has_beginning(one, words[-1])]
    return tuple(SuggestedTitle(one.id, one.title, one.source, one.published_at) for one in found[:size])


def _has_beginning(article: Article, word: str) -> bool:
    begun = beginning(word, article.language)
    return any(map(begun.has, terms(article.title, article.language).split()))


def _begins_a_code(word: str) -> bool:
    folded = terms(word, UNSTEMMED)
    return any(code.startswith(folded) for code in STEMMED)


def _words(text: str) -> list[str]:
    """The words of a text; where none are divided, a run of letters is one."""
    spans: list[tuple[int, int]] = []
    for _, start, end in locate(text, UNSTEMMED):
        begin = spans.pop()[0] if spans and start < spans[-1][1] else start  # pairs of one run overlap
        spans.append((begin, end))
    return [text[start:end] for start, end in spans]
