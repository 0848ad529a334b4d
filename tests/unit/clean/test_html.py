"""Pages of HTML: the article out of its surroundings, and what no page may do to a worker."""

# ruff: noqa: E501 - the lines of a page are as long as they are

import time

import pytest

from services.workers.stages.clean import clean_article
from services.workers.stages.clean.html import link_lines, parse_page, visible_text
from services.workers.stages.outcomes import Cleaned
from shared.article import RawArticle, Source

HEADLINE = "Council votes to keep night ferry running"
PARAGRAPHS = (
    (
        "The town council voted nine to four on Wednesday to keep the night ferry running until the end of March, "
        "after weeks of protest from shift workers on the north shore."
    ),
    "The service, which costs about £180,000 a year, was to be cut in December to close a hole in the budget.",
    "“People who clean the hospital at four in the morning cannot swim to work,” said councillor Miriam Oake.",
    "Under the agreement the ferry will leave every ninety minutes instead of every hour, the council said.",
)
PAGE = f"""<!doctype html><html lang="en"><head><title>{HEADLINE} | Harbour Post</title>
<meta property="og:site_name" content="Harbour Post"><meta property="og:type" content="article">
<meta property="og:title" content="{HEADLINE} | Harbour Post">
<script>var tracking = "<p>not a paragraph of anything</p>";</script><style>p {{ color: red }}</style></head>
<body><nav><ul><li><a href="/">Home</a></li><li><a href="/news">News</a></li></ul></nav>
<article><h1>{HEADLINE}</h1><p class="byline">By Dana Whitlock</p>
<p>{PARAGRAPHS[0]}</p><p>{PARAGRAPHS[1]}</p>
<p><a href="/buses">Bus drivers accept pay offer after ten-hour talks</a></p>
<h2>What it means for passengers</h2><p>{PARAGRAPHS[2]}</p><p>{PARAGRAPHS[3]}</p>
<p>Sign up to our daily newsletter for the latest from around the harbour</p></article>
<aside class="related"><h3>Most read</h3><ul><li><a href="/a">Seal pup found in car park</a></li></ul></aside>
<footer><p>© 2025 Harbour Post Ltd. All rights reserved.</p></footer></body></html>"""


def clean(markup: str, **given: object) -> Cleaned:
    return clean_article(RawArticle("a1", Source("harbourpost.example"), html=markup, **given))  # type: ignore[arg-type]


def test_the_article_comes_out_of_its_page():
    outcome = clean(PAGE)
    assert outcome.rejected is None
    article = outcome.article
    assert article.title == HEADLINE
    assert article.body.split("\n") == [
        PARAGRAPHS[0], PARAGRAPHS[1], "What it means for passengers", PARAGRAPHS[2], PARAGRAPHS[3],
    ]  # fmt: skip
    assert article.authors == ("Dana Whitlock",)
    assert article.language == "en"
    assert article.word_count > 70


def test_furniture_inside_the_article_is_cut_with_its_reason():
    reasons = {item.text: item.reason for item in clean(PAGE).article.removed}
    assert reasons["Bus drivers accept pay offer after ten-hour talks"] == "see-also"
    assert reasons["Sign up to our daily newsletter for the latest from around the harbour"] == "newsletter"


def test_a_page_of_links_keeps_them():
    items = "".join(
        f'<li><a href="/{n}">The {n}th best lighthouse of the northern coast</a></li>' for n in range(9)
    )
    markup = f"<html><body><article><p>{PARAGRAPHS[0]}</p><ul>{items}</ul></article></body></html>"
    assert "The 7th best lighthouse" in clean(markup).article.body


def test_links_alone_in_their_paragraph_are_found():
    tree = parse_page(
        "<p><b><a href=x>A headline that stands alone here</a></b></p><p>See <a href=y>this other long link text</a></p>"
    )
    assert tree is not None
    assert link_lines(tree.tree) == {"a headline that stands alone here"}


def test_a_given_field_stands_above_what_the_page_says():
    article = clean(PAGE, title="My title", authors=("Desk",), language="en-GB", summary="Short.").article
    assert (article.title, article.authors) == ("My title", ("Desk",))
    assert (article.language, article.summary) == ("en-GB", "Short.")


def test_a_long_text_in_the_metadata_stands_in_for_an_empty_page():
    body = "\\n".join(PARAGRAPHS)
    markup = f'<html><head><script type="application/ld+json">{{"@type": "Article", "articleBody": "{body}"}}</script>'
    outcome = clean(markup + "</head><body><div id=app></div></body></html>")
    assert outcome.article.body.split("\n") == list(PARAGRAPHS)


def test_scripts_and_styles_never_reach_the_text():
    markup = PAGE.replace(PARAGRAPHS[1], f'{PARAGRAPHS[1]}<script>alert("x")</script><style>b{{}}</style>')
    body = clean(markup.replace("<h2>", '<p><a href="javascript:steal()">click</a></p><h2>')).article.body
    assert "alert" not in body
    assert "javascript" not in body
    assert "tracking" not in body


def test_visible_text_leaves_out_what_nobody_sees():
    markup = (
        "<p>one</p><script>if (a<b) two()</script><!-- three --><div>four &amp; five<br>six</div><style>p{}"
    )
    assert visible_text(markup).split() == ["one", "four", "&", "five", "six"]


TEXT = "Some words about the ferry and the council that are long enough to be read. "
TRAPS = {
    "empty": "",
    "spaces": "  \n ",
    "only a comment": "<!-- nothing -->",
    "only scripts": "<html><body>" + "<script>var a = 1;</script>" * 500 + "</body></html>",
    "NUL": PAGE.replace("council", "coun\x00cil"),
    "lone surrogate": PAGE.replace("council", "coun\ud800cil"),
    "deep": "<html><body>" + "<div>" * 50_000 + f"<p>{TEXT}</p>" + "</div>" * 50_000 + "</body></html>",
    "unclosed": f"<html><body><p>{TEXT}" + "<b>" * 100_000,
    "unclosed paragraphs": "<html><body>" + f"<p>{TEXT}" * 40_000,
    "unclosed lists": "<html><body>" + "<ul><li>item " * 50_000,
    "broken tags": "<" * 200_000,
    "broken attributes": '<a href="' * 100_000,
    "open comment": "<html><body><p>x</p>" + "<!-- " * 100_000,
    "open script": "<html><body>" + "<script>" * 50_000,
    "long line": "<html><body><p>" + "word " * 400_000 + "</p></body></html>",
    "long word": "<html><body><p>" + "w" * 2_000_000 + "</p></body></html>",
    "links": "<html><body><div>" + "<a href=x class=share>a link of some length</a>" * 50_000 + "</div></body></html>",
    "links in a paragraph": "<html><body><p>" + "<a href=x>a link of some length</a>" * 15_000 + "</p></body></html>",
    "table": "<html><body><table>" + "<tr><td>cell</td><td>other</td></tr>" * 15_000 + "</table></body></html>",
    "data image": f'<html><body><p>{TEXT}</p><img src="data:image/png;base64,' + "A" * 5_000_000 + '"></body></html>',
    "entities": "<html><body><p>" + "&amp;&#0;&#xD800;&bogus;" * 50_000 + "</p></body></html>",
    "xml declaration": '<?xml version="1.0" encoding="utf-16"?>' + PAGE,
    "frameset": "<html><frameset cols='50%,50%'><frame src=a><frame src=b></frameset></html>",
    "not html": '{"this": "is JSON"}',
    "json-ld bomb": '<script type="application/ld+json">' + "[" * 1_000_000 + "</script>" + PAGE,
}  # fmt: skip


@pytest.mark.parametrize("markup", TRAPS.values(), ids=TRAPS.keys())
def test_no_page_breaks_or_holds_up_a_worker(markup):
    began = time.process_time()
    outcome = clean(markup)
    assert time.process_time() - began < 8
    assert outcome.rejected or outcome.article.body
    (outcome.article.title + outcome.article.body).encode("utf-8")


@pytest.mark.parametrize("name", ["NUL", "lone surrogate", "xml declaration", "json-ld bomb"])
def test_a_page_with_a_flaw_is_read_all_the_same(name):
    assert clean(TRAPS[name]).article.body.split("\n") == clean(PAGE).article.body.split("\n")


@pytest.mark.parametrize(
    ("markup", "url", "reason"),
    [
        ("", None, "empty"),
        ("<html><body></body></html>", None, "empty"),
        ("<html><body><p>Hi.</p></body></html>", None, "too-little-text"),
        (
            "<html><head><title>404 Not Found</title></head><body><p>" + TEXT + "</p></body></html>",
            None,
            "error-page",
        ),
        (
            "<html><head><title>Just a moment...</title></head><body><p>" + TEXT + "</p></body></html>",
            None,
            "error-page",
        ),
        ('<?xml version="1.0"?><rss version="2.0"><channel></channel></rss>', None, "feed"),
        ("<html><body><p>" + TEXT * 9 + "</p></body></html>", "https://harbourpost.example/", "front-page"),
    ],
)
def test_what_is_no_article_is_rejected_with_a_reason(markup, url, reason):
    assert clean(markup, url=url).rejected == reason


def test_trafilatura_says_nothing(capfd, caplog):
    for markup in ("", "<p>x</p>", TRAPS["broken tags"], TRAPS["only scripts"]):
        clean(markup)
    assert capfd.readouterr() == ("", "")
    assert caplog.records == []
