"""Why an article stands where it does, in words: its verdict, and in how many outlets its text ran."""

from __future__ import annotations

from typing import Final

from shared.article import Article

_SHARE: Final = "{share} of the shorter one's phrases are in both"  # of three words each
# What each rule of shared/nearness says, to somebody who wants to check it.
_RULES: Final = {
    "same-text": "both say the same, word for word",
    "containment": f"{_SHARE}, by containment",
    "short-text": f"{_SHARE}, and such short texts must be alike as a whole",
    "template": f"{_SHARE}, but numbers, dates or names at the top differ: an update, or a template",
    "rewrite": f"{_SHARE}: too many for chance, too few for a copy",
    "excerpt": "{share} of its phrases are in the other, which is at least four times as long",
}


def why(article: Article) -> str | None:
    """The verdict in one sentence that can be checked; None for an article that is a copy of nothing."""
    if article.duplicate_of is None:
        return None
    return f"{article.verdict} of {article.duplicate_of}: {reason(article)}"


def reason(article: Article) -> str:
    """What the verdict on a copy was given for, without naming its lead."""
    return _RULES.get(article.rule or "", "{share} alike").format(share=_share(article.similarity))


def outlets(article: Article) -> int:
    """In how many other sources its text ran, also rewritten or in part; of very many, as far as is told."""
    return len({copy.source for copy in article.copies} - {article.source.id})


def also_in(article: Article) -> str | None:
    """How far a text went, in words; None when it ran nowhere else."""
    count = outlets(article)
    if not article.copies:
        return None
    if not count:
        return "ran again in the same outlet"
    return f"also in {count} {'outlet' if count == 1 else 'outlets'}"


def _share(similarity: float) -> str:
    """A share as a whole percent, which is 100 only for all of it."""
    percent = round(similarity * 100)
    return f"{min(percent, 99) if similarity < 1 else 100} %"
