"""What an article's body was before lines were cut from it because its source repeats them.

Apart from the clean stage, so that comparing articles needs none of its libraries.
"""

from __future__ import annotations

from shared.article import Article

REPEATED = "repeated-in-source"


def body_before_profile(article: Article) -> str:
    """Return the body with the lines put back that were cut because its source repeats them.

    A line is cut from the day on which its source has shown it often enough. The same content pushed again
    after that day is still the same content: whatever asks whether it changed asks about this text.
    """
    cut = [item for item in article.removed if item.reason == REPEATED and item.above is not None]
    if not cut:
        return article.body
    body = article.body.split("\n") if article.body else []
    # A stable sort: what was cut at one place keeps its order, and each place stands before its body line.
    whole = [((item.above or 0, 0), item.text) for item in cut]
    whole += [((number, 1), line) for number, line in enumerate(body)]
    return "\n".join(line for _, line in sorted(whole, key=lambda placed: placed[0]))
