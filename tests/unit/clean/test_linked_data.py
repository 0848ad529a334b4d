"""Linked data in the shapes that sites give it, the page's own article among several, and titles."""

# ruff: noqa: E501 - the lines of a page are as long as they are

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from lxml.html import document_fromstring

from services.workers.stages.clean import jsonld
from services.workers.stages.clean.metadata import Metadata, read_metadata

URL = "https://www.harbourpost.example/news/ferry-stays?utm_source=x"
NOON = datetime(2025, 11, 12, 12, tzinfo=UTC)
FERRY = {
    "@type": "NewsArticle",
    "headline": "Ferry stays for the winter",
    "datePublished": "2025-11-12T12:00:00Z",
    "author": "Dana Whitlock",
}
OTHER = {
    "@type": "NewsArticle",
    "headline": "Seal pup found in car park",
    "datePublished": "2025-01-01T12:00:00Z",
    "author": "Tom Arden",
}


def read(*blocks: object, head: str = "", body: str = "<p>text</p>", url: str | None = URL) -> Metadata:
    texts = [block if isinstance(block, str) else json.dumps(block) for block in blocks]
    linked = "".join(f'<script type="application/ld+json">{text}</script>' for text in texts)
    return read_metadata(
        document_fromstring(f"<html><head>{head}{linked}</head><body>{body}</body></html>"), url
    )


OWN = {
    "by its url": (FERRY | {"url": "http://harbourpost.example/news/ferry-stays/"}, {}),
    "by its page": (FERRY | {"mainEntityOfPage": {"@type": "WebPage", "@id": URL}}, {}),
    "by its id": (FERRY | {"@id": "https://www.harbourpost.example/news/ferry-stays#article"}, {}),
    "by the canonical address": (
        FERRY | {"url": "https://harbourpost.example/n/77"},
        {"head": '<link rel="canonical" href="https://harbourpost.example/n/77">'},
    ),
    "by the heading": (FERRY, {"body": "<h1>Ferry stays for the winter</h1>"}),
    "by the title": (FERRY, {"head": "<title>Ferry stays for the winter | Harbour Post</title>"}),
    "by OpenGraph": (FERRY, {"head": '<meta property="og:title" content="Ferry stays for the winter">'}),
}


@pytest.mark.parametrize(("own", "page"), OWN.values(), ids=OWN.keys())
def test_the_article_of_the_page_is_told_from_others(own, page):
    for blocks in ([OTHER, own, OTHER], [{"@graph": [OTHER, own]}], [[OTHER, OTHER, own]]):
        meta = read(*blocks, **page)
        assert (meta.title, meta.published_at, meta.authors) == (
            "Ferry stays for the winter",
            NOON,
            ("Dana Whitlock",),
        )


FOREIGN = OTHER | {"url": "https://www.harbourpost.example/news/seal-pup"}
HEADING = "<h1>Ferry stays for the winter</h1><p>The council voted to keep the boat.</p>"


@pytest.mark.parametrize(
    "blocks",
    [
        [FOREIGN],
        [FOREIGN, FOREIGN | {"headline": "Snow falls at Easter", "url": "https://harbourpost.example/snow"}],
        [OTHER | {"articleBody": "A seal pup was found in a car park by the shore. " * 9}],
    ],
    ids=["another page's", "two of other pages", "a text that is not on the page"],
)
def test_an_article_of_another_page_says_nothing_of_this_one(blocks):
    meta = read(*blocks, head="<title>Ferry stays for the winter</title>", body=HEADING)
    assert (meta.title, meta.published_at, meta.authors) == ("Ferry stays for the winter", None, ())
    assert meta.article_body is None
    assert meta.is_article


def test_an_article_counts_when_only_its_address_or_only_its_headline_is_another():
    moved = FERRY | {"url": "https://www.harbourpost.example/n/77"}
    assert read(moved, body=HEADING).published_at == NOON
    assert read(FERRY | {"headline": "Night boat saved", "url": URL}, body=HEADING).published_at == NOON
    assert read(moved | {"headline": "Winter boat saved"}, body=HEADING).published_at == NOON
    assert read(FERRY | {"headline": "Winter boat saved"}, body=HEADING).published_at == NOON
    assert (
        read(FERRY | {"headline": "冬も渡し船は続く"}, body="<h1>渡し船、冬も続く</h1>").published_at == NOON
    )


def test_without_a_sign_the_first_article_counts():
    assert read(FERRY, OTHER).published_at == NOON


def test_the_address_counts_for_more_than_the_headline():
    named = OTHER | {"headline": FERRY["headline"]}
    meta = read(named, FERRY | {"url": URL}, head="<title>Ferry stays for the winter</title>")
    assert meta.published_at == NOON


def test_references_to_other_nodes_are_followed():
    graph = [
        FERRY | {"author": [{"@id": "#dana"}], "image": {"@id": "#boat"}, "publisher": {"@id": "#post"}},
        {"@type": "Person", "@id": "#dana", "name": "Dana Whitlock"},
        {"@type": "ImageObject", "@id": "#boat", "url": "https://harbourpost.example/boat.jpg"},
        {"@type": "Organization", "@id": "#post", "name": "The Northern Shore Daily"},
    ]
    meta = read({"@graph": graph}, head="<title>x</title>")
    assert meta.authors == ("Dana Whitlock",)
    assert meta.image_url == "https://harbourpost.example/boat.jpg"


BROKEN = {
    "two texts in a block": json.dumps(OTHER | {"@type": "Organization"}) + "\n" + json.dumps(FERRY),
    "escaped quotes": json.dumps(FERRY).replace('"', "&quot;"),
    "a bad escape": json.dumps(FERRY).replace("Ferry stays", r"Ferry\ stays").replace(r"\ ", r"\x "),
    "quotation marks": json.dumps(FERRY).replace("for the winter", 'for the "whole" winter'),
    "a missing end": json.dumps(FERRY)[:-1],
    "a comment around it": "/*<![CDATA[*/" + json.dumps(FERRY) + "/*]]>*/",
    "a semicolon behind it": json.dumps(FERRY) + ";",
    "a tab in a text": json.dumps(FERRY).replace("Ferry stays", "Ferry\tstays"),
    "raw control characters": json.dumps(FERRY).replace("Ferry stays", "Ferry \x0b stays"),
}


@pytest.mark.parametrize("block", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_block_gives_what_it_can(block):
    data = jsonld.read_blocks([block])
    assert len(data.articles) == 1
    node = data.articles[0]
    assert (jsonld.text_of(node["headline"]) or "").startswith("Ferry")
    assert (jsonld.text_of(node["headline"]) or "").endswith("winter")
    assert node["datePublished"] == "2025-11-12T12:00:00Z"
    assert jsonld.names_of(node["author"]) == ["Dana Whitlock"]


def test_the_items_of_a_list_are_no_articles_of_the_page():
    items = {"@type": "ItemList", "itemListElement": [{"@type": "ListItem", "item": OTHER}, OTHER]}
    meta = read({"@type": "CollectionPage", "mainEntity": items, "hasPart": [OTHER]})
    assert not meta.is_article
    assert meta.is_list
    assert meta.title is None


def test_a_node_of_the_page_gives_the_date_where_no_article_does():
    meta = read({"@type": "WebPage", "datePublished": "2025-11-12T12:00:00Z"})
    assert (meta.published_at, meta.published_from, meta.is_article) == (NOON, "json-ld", False)


@pytest.mark.parametrize(
    ("said", "walled"),
    [
        (True, False),
        (False, True),
        ("False", True),
        ("http://schema.org/True", False),
        (None, None),
        ({"a": 1}, None),
    ],
)
def test_whether_a_text_is_free_is_read(said, walled):
    assert read(FERRY | {"isAccessibleForFree": said}).is_behind_wall is walled


@pytest.mark.parametrize(
    ("said", "words"), [(812, 812), ("812", 812), ("many", None), (True, None), (10**30, None)]
)
def test_the_words_that_a_page_says_it_has_are_read(said, words):
    assert read(FERRY | {"wordCount": said}).stated_words == words


TITLES = [
    ("Ferry stays for the winter - Harbour Post", "", "Ferry stays for the winter"),
    ("Ferry stays for the winter | The Harbour Post", "", "Ferry stays for the winter"),
    ("Ferry stays for the winter | HarbourPost.example", "", "Ferry stays for the winter"),
    ("Ferry stays for the winter | News | Harbour Post", "", "Ferry stays for the winter"),
    ("Harbour Post: Ferry stays", "", "Harbour Post: Ferry stays"),
    ("Harbour Post | Ferry stays for the winter", "", "Ferry stays for the winter"),
    ("Ferry stays - for now", "", "Ferry stays - for now"),
    ("Well-known ferry stays", "", "Well-known ferry stays"),
    ("Ferry stays &amp;amp; runs", "", "Ferry stays & runs"),
    ("Ferry stays for the winter", "<h1>Harbour Post</h1>", "Ferry stays for the winter"),
    ("Ferry stays for the winter - Port news of today", "<h1>Ferry stays for the winter</h1><h1>Comments</h1>", "Ferry stays for the winter"),
    ("Ferry stays. Comments", "<h1>Ferry will stay, council says</h1><h1>Comments</h1>", "Ferry stays. Comments"),
    ("Ferry", "<h1>Ferry stays for the winter, council says</h1>", "Ferry stays for the winter, council says"),
]  # fmt: skip


@pytest.mark.parametrize(("title", "body", "expected"), TITLES)
def test_a_title_loses_the_name_of_its_site(title, body, expected):
    assert read(head=f"<title>{title}</title>", body=f"{body}<p>text</p>").title == expected


def test_a_title_that_is_only_the_name_of_the_site_is_passed_over():
    head = '<meta property="og:site_name" content="Harbour Post"><meta property="og:title" content="Harbour Post">'
    assert read(head=head, body="<h1>Ferry stays for the winter</h1>").title == "Ferry stays for the winter"


def test_a_canonical_address_that_is_only_the_root_is_a_mistake():
    head = '<link rel="canonical" href="https://harbourpost.example/"><meta property="og:url" content="/news/ferry">'
    assert read(head=head).canonical_url == "https://www.harbourpost.example/news/ferry"
    assert read(head=head, url=None).canonical_url == "https://harbourpost.example/"


def test_markup_in_a_field_is_undone():
    head = '<meta name="description" content="&lt;p&gt;The &lt;b&gt;boat&lt;/b&gt; &amp;amp; its crew&lt;/p&gt;">'
    assert read(head=head).summary == "The boat & its crew"
