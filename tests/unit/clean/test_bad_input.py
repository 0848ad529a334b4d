"""Pages and texts made to break a worker: each gives a result or a reason, in time and within its memory."""

# ruff: noqa: E501 - the lines of a page are as long as they are

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workers.stages.clean import clean_article
from services.workers.stages.clean.verdict import REASONS
from shared.article import RawArticle, Source
from tests.unit.clean.hostile import TEXT, page

ROOT = Path(__file__).parents[3]
# A batch has 30 s; the machine that runs this may be half as fast, and busy.
MOST_SECONDS = 10
MOST_MIB = 400
# The named ones of all in ``hostile.py`` that run in a moment; the others are tried by hand.
CASES = (
    "10 MB of paragraphs", "19,000 long paragraphs", "10 MB of spans", "50,000 nested divs", "100,000 unclosed tags", "10 MB in a data image",
    "NULs", "bidi controls", "Windows-1252 read as UTF-8", "UTF-8 read wrongly ten times", "Chinese without spaces",
    "Arabic", "emoji only", "an attribute of 5 MB", "an attribute of 5 MB with a tag in it", "200,000 attributes", "tags within attributes", "an entity bomb",
    "5 MB of linked data", "linked data 10,000 levels deep", "linked data 900 levels deep", "lists 100,000 levels deep",
    "an author 900 levels deep", "broken linked data that repeats itself", "linked data of spaces",
    "100,000 meta elements", "a title of 5 MB", "50,000 times", "20,000 links in one block", "escaped scripts",
    "one 5 MB word", "100,000 schemes", "a text of one 5 MB line", "a text of tags", "a text of marks",
)  # fmt: skip


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, object]]:
    """Clean every case in a process of its own."""
    command = [sys.executable, "-m", "tests.unit.clean.hostile", *CASES]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {line["name"]: line for line in lines}


@pytest.mark.parametrize("name", CASES)
def test_no_input_breaks_holds_up_or_fills_a_worker(outcomes, name):
    outcome = outcomes[name]
    assert "died" not in outcome
    assert outcome["seconds"] < MOST_SECONDS
    assert outcome["mib"] < MOST_MIB
    assert outcome["rejected"] in REASONS or (outcome["rejected"] is None and outcome["chars"])
    assert not outcome["runs"]


STORY = f"<p>{TEXT}</p>" * 4
CODE = "alert(document.cookie)"
INJECTED = {
    "script": f"<script>{CODE}</script>",
    "script in an element": f"<p>Words <script>{CODE}</script> of the council.</p>",
    "style": f"<style>p {{ content: '{CODE}' }}</style>",
    "noscript": f"<noscript><p>{CODE}</p></noscript>",
    "template": f"<template><p>{CODE}</p></template>",
    "svg": f"<svg><script>{CODE}</script><text>{CODE}</text></svg>",
    "iframe": f'<iframe srcdoc="&lt;script&gt;{CODE}&lt;/script&gt;"></iframe>',
    "link": f'<p>Read <a href="javascript:{CODE}">this</a> if you can.</p>',
    "link in words": f"<p>Read javascript:{CODE} if you can.</p>",
    "event": f'<img src="x" onerror="{CODE}">',
    "nested": f"<noscript><template><svg><style><script>{CODE}</script></style></svg></template></noscript>",
    "escaped": f"<p>Words &lt;script&gt;{CODE}&lt;/script&gt; of the council.</p>",
    "comment": f"<!-- <script>{CODE}</script> -->",
}


@pytest.mark.parametrize("inside", INJECTED.values(), ids=INJECTED.keys())
def test_code_never_reaches_the_text(inside):
    body = clean_article(
        RawArticle("a1", Source("s"), html=page(f"<article>{STORY}{inside}{STORY}</article>"))
    ).article.body
    assert "alert" not in body
    assert "<script" not in body
    assert "javascript:" not in body
    assert body.startswith(TEXT.strip())


@pytest.mark.parametrize(
    "code", [f"<script>{CODE}</script>", f"<style>{CODE}</style>", f"&lt;script&gt;{CODE}&lt;/script&gt;"]
)
def test_code_never_reaches_a_field(code):
    said = {"@type": "NewsArticle", "headline": f"Ferry{code} stays", "author": {"name": f"Dana{code}"}}
    said |= {"articleBody": f"{TEXT}{code}\n" * 9, "description": f"Boats{code}"}
    data = json.dumps(said).replace("</", "<\\/")
    head = f'<script type="application/ld+json">{data}</script>'
    for markup in (
        page("<div></div>", head),
        page("", f'<meta property="og:title" content="{code}Ferry stays">'),
    ):
        article = clean_article(RawArticle("a1", Source("s"), html=markup)).article
        shown = repr((article.title, article.body, article.authors, article.summary, article.source_keywords))
        assert "alert" not in shown
        assert "Ferry" in article.title


DISGUISED = {
    "an invisible space": f"java\u200bscript:{CODE}",
    "a soft hyphen": f"java\xadscript:{CODE}",
    "a joiner": f"java\u200dscript:{CODE}",
    "an invisible space in a tag": f"<scr\u200bipt>{CODE}</scr\u200bipt>",
    "mixed case": f"jAvAsCrIpT:{CODE}",
    "another language": f"vBsCRIPT:{CODE}",
    "an own word before it": f"javajavascript:{CODE}",
    "a template": "javascript:alert`1`",
    "an address": "javascript:location.href",
    "a comment": f"javascript:/*{'x' * 300}*/{CODE}",
    "a tag in a tag": f"<scr<script></script>ipt>{CODE}</script>",
    "a link in a link": f"java<script></script>script:{CODE}",
    "tags in tags": "<scr" * 30 + "<script></script>" + "ipt>" * 30,
}


@pytest.mark.parametrize("kind", ["text", "body", "html"])
@pytest.mark.parametrize("code", DISGUISED.values(), ids=DISGUISED.keys())
def test_code_in_disguise_goes_too(code, kind):
    words = f"{TEXT.strip()}\nThe council wrote {code} in its letter of Friday.\n{TEXT.strip()}"
    if kind == "html":
        escaped = "".join(f"<p>{line}</p>" for line in words.replace("<", "&lt;").split("\n"))
        words = page(f"<article>{STORY}{escaped}</article>")
    article = clean_article(RawArticle("a1", Source("s"), title="Ferry stays", **{kind: words})).article
    assert "script:" not in article.body.lower()
    assert "<script" not in article.body.lower()
    assert "The council wrote" in article.body


def test_code_never_stays_in_a_given_field_nor_wrong_characters():
    raw = RawArticle(
        "a1", Source("s"), body=TEXT, title=f"<script>{CODE}</script>Itâ€™s the ferry", summary=f"javascript:{CODE} Boats Ã©",
        authors=(f"Zoë <script>{CODE}</script>", "RenÃ©e Oake"), keywords=("cafÃ©", f"<style>{CODE}</style>"),
    )  # fmt: skip
    article = clean_article(raw).article
    assert (article.title, article.authors) == ("It’s the ferry", ("Zoë", "Renée Oake"))
    assert article.source_keywords == ("café",)
    assert "alert" not in (article.summary or "")


def test_the_name_of_a_language_in_a_sentence_is_no_link():
    body = f"Pupils learn JavaScript:functions(); and loops. {TEXT}"
    article = clean_article(RawArticle("a1", Source("s"), title="Ferry stays", body=body)).article
    assert article.body.startswith("Pupils learn JavaScript: functions(); and loops.")


@pytest.mark.parametrize("kind", ["text", "body"])
def test_code_in_plain_text_goes_too(kind):
    text = (
        f"{TEXT}\n<script>{CODE}</script>\nThe council will say more about the ferry on Friday, it said.\n"
        + TEXT
    )
    article = clean_article(RawArticle("a1", Source("s"), title="Ferry stays", **{kind: text})).article
    assert "alert" not in article.body
    assert "on Friday" in article.body


@pytest.mark.parametrize(
    "sentence", ["His book “JavaScript: The Good Parts” sold well.", "A < B and C > D, the script said."]
)
def test_words_about_code_stay(sentence):
    body = clean_article(
        RawArticle("a1", Source("s"), title="Books", body=f"{TEXT}\n{sentence}")
    ).article.body
    assert sentence in body


PIECES = st.sampled_from([
    "<p>", "</p>", "<div class=related>", "</div>", "<h1>", "</h1>", "<a href=javascript:x>", "</a>", "<br>", "<li>", "<table>",
    "<td>", "<script>", "</script>", "<!--", "-->", "<article>", "</article>", "&lt;", "&#0;", "&amp;amp;", "<", ">", '"',
    '<script type="application/ld+json">{"@type":"Article","headline":', '"x"}</script>', "<meta property=og:title content=",
    "<time datetime=2026-13-45>", "3 March 2026", "â€™", "Ã©", "\x00", "\u202e", "\ud800", "e\u0301\u0301\u0301\u0301\u0301",
    TEXT, "港口于星期五早上重新开放", "Subscribe to continue reading", "404 Not Found", "\n", " | ", "<base href=http://[>",
])  # fmt: skip
MARKUP = st.lists(st.one_of(PIECES, st.text(max_size=20)), max_size=25).map("".join)


@given(
    MARKUP,
    st.one_of(st.none(), st.text(max_size=40), st.just("https://x.example/a?b#c")),
    st.text(max_size=30),
)
@settings(max_examples=80, deadline=None)
def test_no_markup_and_no_field_raises(markup, url, field):
    raw = RawArticle(
        "a1", Source(field), html=markup, url=url, title=field, summary=field, authors=(field,), language=field,
        image_url=field, keywords=(field,),
    )  # fmt: skip
    outcome = clean_article(raw)
    assert outcome.rejected is None or outcome.rejected in REASONS
    assert outcome == clean_article(raw)


@given(
    st.lists(
        st.one_of(
            st.sampled_from([TEXT, f"{TEXT} It ends.", "A heading", "One more."]), st.text(max_size=40)
        ),
        max_size=9,
    )
)
@settings(max_examples=40, deadline=None)
def test_cleaning_the_text_of_a_cleaned_page_again_keeps_its_paragraphs(lines):
    markup = page("<article>" + "".join(f"<p>{line}</p>" for line in [TEXT, *lines, TEXT]) + "</article>")
    first = clean_article(RawArticle("a1", Source("s"), html=markup, title="Ferry stays")).article
    again = clean_article(RawArticle("a1", Source("s"), text=first.body, title="Ferry stays")).article
    once_more = clean_article(RawArticle("a1", Source("s"), text=again.body, title="Ferry stays")).article
    assert once_more.body == again.body
    assert TEXT.strip() in again.body
