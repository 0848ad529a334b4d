"""The same articles in the two forms in which they are pushed: the native format, and HTML pages.

A page carries the furniture that a news site puts around a text: menus, teasers, notices, a footer.
"""

from __future__ import annotations

import json
import random
from html import escape
from typing import Any

from bench.articles import Draft
from bench.desks import BEATS

_TEASERS = (
    "Five things to know this morning", "Your questions answered", "In pictures: the week",
    "Listen: our podcast", "Quiz: how closely did you read?", "From the archive: fifty years ago",
    "Subscribe for the full story",
)  # fmt: skip
_NOTICE = "We use cookies to make this site work. You can accept all of them or choose which ones to allow."
_LETTER = "Sign up for our newsletter and get the best of our reporting in your inbox every morning."


def push_form(draft: Draft, *, html: bool = False) -> dict[str, Any]:
    """The article as ingest takes it; as a page, or with its clean text."""
    item: dict[str, Any] = {
        "source": draft.source,
        "uri": f"bench:{draft.number}",
        "url": draft.url,
        "title": draft.title,
        "authors": [draft.author],
        "published_at": draft.published_at.isoformat(),
        "keywords": list(draft.keywords),
    }
    return item | ({"html": page(draft)} if html else {"body": draft.body})


def push_line(draft: Draft, *, html: bool = False) -> bytes:
    """The article as one line of JSON, without its line end."""
    return json.dumps(push_form(draft, html=html), ensure_ascii=False).encode()


def page(draft: Draft) -> str:
    """The article as a whole page of its source."""
    rng = random.Random(f"page/{draft.number}")
    site = draft.source.removesuffix(".example").replace("-", " ").title()
    paragraphs = "\n".join(f"<p>{escape(line, quote=False)}</p>" for line in draft.body.split("\n"))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escape(draft.title)} | {site}</title>
<link rel="canonical" href="{draft.url}"><meta property="og:title" content="{escape(draft.title)}">
<meta property="og:site_name" content="{site}"><meta name="author" content="{draft.author}">
<script type="application/ld+json">{_linked_data(draft, site)}</script>
<style>body {{ margin: 0 }} .menu li {{ display: inline }} .teaser {{ float: left }}</style></head>
<body><header><a href="/" class="logo">{site}</a><nav class="menu"><ul>{_menu()}</ul></nav></header>
<div class="cookie-notice"><p>{_NOTICE}</p><button>Accept</button></div>
<main><article><h1>{escape(draft.title)}</h1>
<div class="byline">By <span class="author">{draft.author}</span>
<time datetime="{draft.published_at.isoformat()}">{draft.published_at:%d %B %Y}</time></div>
<div class="share"><a href="#share-mail">Mail</a> <a href="#share-link">Copy link</a></div>
<div class="article-body">
{paragraphs}
</div></article>
<aside class="related"><h2>Read more</h2><ul>{_teasers(rng)}</ul></aside>
<div class="newsletter"><p>{_LETTER}</p><form action="/letter"><input name="mail"></form></div></main>
<footer><ul>{_menu()}</ul><p>© 2026 {site}. All rights reserved.</p></footer></body></html>
"""


def _linked_data(draft: Draft, site: str) -> str:
    data = {
        "@context": "https://schema.org", "@type": "NewsArticle", "headline": draft.title,
        "datePublished": draft.published_at.isoformat(), "author": {"@type": "Person", "name": draft.author},
        "publisher": {"@type": "Organization", "name": site},
    }  # fmt: skip
    return json.dumps(data).replace("</", "<\\/")


def _menu() -> str:
    return "".join(f'<li><a href="/{beat.name}">{beat.name.title()}</a></li>' for beat in BEATS)


def _teasers(rng: random.Random) -> str:
    chosen = rng.sample(_TEASERS, 4)
    return "".join(
        f'<li class="teaser"><a href="/x/{rng.randrange(9999)}">{text}</a></li>' for text in chosen
    )
