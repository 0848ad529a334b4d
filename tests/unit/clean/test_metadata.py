"""What a page says of itself: where it is looked for, in which order, and how mistakes are borne."""

# ruff: noqa: E501 - the lines of a page are as long as they are

from datetime import UTC, datetime

import pytest
from lxml.html import document_fromstring

from services.workers.stages.clean.metadata import Metadata, names, read_metadata, web_url

URL = "https://www.harbourpost.example/2025/11/12/ferry?utm_source=x"
NOON = datetime(2025, 11, 12, 12, tzinfo=UTC)


def read(head: str, body: str = "<p>text</p>", url: str = URL) -> Metadata:
    return read_metadata(
        document_fromstring(f"<html lang='en-GB'><head>{head}</head><body>{body}</body></html>"), url
    )


def jsonld(text: str) -> str:
    return f'<script type="application/ld+json">{text}</script>'


ARTICLE = '{"@type": "NewsArticle", "headline": "Ferry stays", "datePublished": "2025-11-12T12:00:00Z", "author": {"name": "Dana Whitlock"}}'
BLOCKS = {
    "plain": ARTICLE,
    "list": f'[{{"@type": "Organization", "name": "Post"}}, {ARTICLE}]',
    "graph": f'{{"@context": "https://schema.org", "@graph": [{{"@type": "WebSite"}}, {ARTICLE}]}}',
    "main entity": f'{{"@type": "WebPage", "mainEntity": {ARTICLE}}}',
    "types": ARTICLE.replace('"NewsArticle"', '["Thing", "schema:NewsArticle"]'),
    "namespace": ARTICLE.replace("NewsArticle", "https://schema.org/NewsArticle"),
    "comment": f"<!-- {ARTICLE} -->",
    "cdata": f"//<![CDATA[\n{ARTICLE}\n//]]>",
    "trailing comma": ARTICLE.replace("}}", "},}"),
    "raw newline": ARTICLE.replace("Ferry stays", "Ferry\nstays"),
    "author list": ARTICLE.replace(
        '{"name": "Dana Whitlock"}', '[{"@type": "Person", "name": ["Dana Whitlock"]}]'
    ),
    "author string": ARTICLE.replace('{"name": "Dana Whitlock"}', '"By Dana Whitlock"'),
    "entities": ARTICLE.replace("Ferry stays", "Ferry&amp;nbsp;stays"),
}


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS.keys())
def test_json_ld_is_read_in_all_its_shapes(block):
    meta = read(jsonld(block))
    assert (meta.title, meta.published_at, meta.authors) == ("Ferry stays", NOON, ("Dana Whitlock",))
    assert meta.is_article


def test_a_broken_block_gives_its_plain_fields():
    meta = read(jsonld(ARTICLE.replace('"author": {', '"author": {"oops ')[:-2]))
    assert (meta.title, meta.published_at) == ("Ferry stays", NOON)


@pytest.mark.parametrize(
    "block", ["", "null", "17", "[[[[", "{" * 5_000, '{"@graph": 7}', '{"@type": 3}', "[" * 100_000]
)
def test_useless_blocks_are_passed_over(block):
    meta = read(jsonld(block) + '<meta property="og:title" content="From OpenGraph">')
    assert meta.title == "From OpenGraph"


def test_json_ld_comes_before_meta_and_meta_before_the_page():
    page = '<meta property="og:title" content="Meta title"><title>Page title</title>'
    assert read(jsonld(ARTICLE) + page).title == "Ferry stays"
    assert read(page).title == "Meta title"
    assert read("<title>Page title</title>", "<h1>The heading</h1>").title == "The heading"
    assert read("<title>Page title</title>").title == "Page title"
    assert read("").title is None


@pytest.mark.parametrize(
    ("title", "others", "expected"),
    [
        ("Ferry stays - Harbour Post", '<meta property="og:site_name" content="Harbour Post">', "Ferry stays"),
        ("Ferry stays | News | Harbour Post", "<h1>Ferry stays</h1>", "Ferry stays"),
        ("Harbour Post | Ferry stays", '<meta property="og:site_name" content="Harbour Post">', "Ferry stays"),
        ("Ferry stays - for now", '<meta property="og:site_name" content="Harbour Post">', "Ferry stays - for now"),
    ],
)  # fmt: skip
def test_the_name_of_the_site_is_cut_off_the_title(title, others, expected):
    assert read(f'<meta property="og:title" content="{title}">{others}').title == expected


def test_meta_elements_are_read():
    meta = read(
        '<meta property="article:published_time" content="2025-11-12T13:00:00+01:00">'
        '<meta property="article:modified_time" content="2025-11-12T14:00:00+01:00">'
        '<meta name="author" content="Dana Whitlock and Tom Arden">'
        '<meta name="description" content="  The boat\n keeps running. ">'
        '<meta name="keywords" content="ferry, council,  winter, ferry">'
        '<meta property="og:image" content="/img/boat.jpg">'
        '<link rel="canonical" href="//www.harbourpost.example/ferry">'
    )
    assert meta.published_at == NOON
    assert meta.modified_at == NOON.replace(hour=13)
    assert meta.authors == ("Dana Whitlock", "Tom Arden")
    assert meta.summary == "The boat keeps running."
    assert meta.keywords == ("ferry", "council", "winter")
    assert meta.image_url == "https://www.harbourpost.example/img/boat.jpg"
    assert meta.canonical_url == "https://www.harbourpost.example/ferry"
    assert meta.language == "en-GB"


@pytest.mark.parametrize(
    ("body", "url", "expected"),
    [
        ('<time itemprop="datePublished" datetime="2025-11-10">', URL, datetime(2025, 11, 10, tzinfo=UTC)),
        ('<span class="published" title="2025-11-11T00:00:00Z">', URL, datetime(2025, 11, 11, tzinfo=UTC)),
        ("<p>no date</p>", URL, datetime(2025, 11, 12, tzinfo=UTC)),
        ("<p>no date</p>", "https://harbourpost.example/ferry", None),
    ],
)
def test_without_metadata_the_date_is_looked_for_in_the_page_and_the_address(body, url, expected):
    assert read("", body, url).published_at == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("By Dana Whitlock", ("Dana Whitlock",)),
        ("Dana Whitlock, Tom Arden & Lucy Mbeki", ("Dana Whitlock", "Tom Arden", "Lucy Mbeki")),
        ("Von Jonas Reuter und Ida Kern", ("Jonas Reuter", "Ida Kern")),
        ("Dana Whitlock; DANA WHITLOCK", ("Dana Whitlock",)),
        ("https://facebook.com/dana", ()),
        ("dana@harbourpost.example", ()),
        ("a name that goes on for far too many words to be one", ()),
        ("", ()),
    ],
)
def test_names_are_told_apart(value, expected):
    assert names([value]) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example/x", "https://a.example/x"),
        ("/x", "https://a.example/x"),
        ("javascript:alert(1)", None),
        ("data:image/png;base64,AAAA", None),
        ("http://[broken", None),
        ("", "https://a.example/"),
    ],
)
def test_only_web_addresses_are_taken(url, expected):
    assert web_url(url, "https://a.example/") == expected


def test_an_empty_address_without_a_base_is_none():
    assert web_url("") is None
    assert web_url("https://") is None
    assert web_url(None) is None
