"""Blocks that are no part of an article, told by name, role or heading; and parts of one put together."""

from __future__ import annotations

import pytest
from lxml.html import HtmlElement, document_fromstring

from services.workers.stages.clean.blocks import cut_blocks
from services.workers.stages.clean.parts import join_parts
from shared.article import Removed

TEXT = "The town council voted nine to four on Wednesday to keep the night ferry running until March."
STORY = f"<p>{TEXT}</p>" * 5
LINKS = "".join(
    f'<li><a href="/{n}">Another story of the day from the northern shore</a></li>' for n in range(4)
)


def cut(inside: str) -> tuple[HtmlElement, list[Removed]]:
    tree = document_fromstring(
        f"<html><body><article><h1>Ferry stays</h1>{STORY}{inside}</article></body></html>"
    )
    return tree, cut_blocks(tree)


NAMED = [
    ('<div class="related-articles">', "related"),
    ('<section id="mostRead">', "related"),
    ('<div class="c-most-popular">', "related"),
    ('<div class="taboola-below">', "related"),
    ('<aside class="recirc">', "related"),
    ('<div class="noticias-relacionadas">', "related"),
    ('<div class="lo-mas-leido">', "related"),
    ('<div class="lire-aussi">', "related"),
    ('<div class="meistgelesen">', "related"),
    ('<div class="leggi-anche">', "related"),
    ('<div class="leia-mais">', "related"),
    ('<div class="lees-ook">', "related"),
    ('<div class="baca-juga">', "related"),
    ('<div aria-label="Recommended stories">', "related"),
    ('<div data-module="promo-list">', "related"),
    ('<div class="newsletter-signup">', "newsletter"),
    ('<form class="NewsletterForm">', "newsletter"),
    ('<div id="mc_embed_signup">', "newsletter"),
    ('<div class="cookie-banner">', "cookie-notice"),
    ('<div id="onetrust-consent-sdk">', "cookie-notice"),
    ('<div class="gdpr">', "cookie-notice"),
    ('<ul class="share-buttons">', "share"),
    ('<div class="sharedaddy sd-sharing-enabled">', "share"),
    ('<div class="social-links">', "share"),
    ('<div class="article-tools">', "share"),
    ('<div class="ad-slot">', "advert"),
    ('<div class="advertisement">', "advert"),
    ('<div class="author-bio">', "author-bio"),
    ('<div id="comments">', "comments"),
    ('<div id="disqus_thread">', "comments"),
    ('<div class="article-tags">', "site-note"),
    ('<div role="navigation">', "site-note"),
    ('<div role="dialog">', "site-note"),
]


@pytest.mark.parametrize(("tag", "reason"), NAMED, ids=[tag for tag, _ in NAMED])
def test_a_block_is_cut_for_what_it_is_called(tag, reason):
    name = tag[1:].split()[0]
    tree, removed = cut(f"{tag}<p>Something else that is short</p></{name}><p>{TEXT} It ends here.</p>")
    assert removed == [Removed("Something else that is short", reason)]
    assert "Something else" not in tree.text_content()
    assert "It ends here." in tree.text_content()


@pytest.mark.parametrize(
    "tag",
    [
        '<div class="has-related">',
        '<div class="no-ads">',
        '<div class="grid-layout--adrail">',
        '<div class="market-share">',
        '<div class="tone-comment">',
        '<div class="shareholder">',
        '<div class="advice">',
        '<div class="download">',
        '<div class="header-image">',
        '<span class="related">',
    ],
)
def test_other_names_are_no_reason(tag):
    tree, removed = cut(f"{tag}<p>The figures of the year</p></{tag[1:].split()[0]}>")
    assert removed == []
    assert "The figures of the year" in tree.text_content()


def test_a_block_that_holds_the_story_stays_whatever_it_is_called():
    tree = document_fromstring(
        f'<html><body><div class="related newsletter"><p>{TEXT}</p>{STORY}</div></body></html>'
    )
    assert cut_blocks(tree) == []
    tree = document_fromstring(
        f'<html><body><div class="promo"><h1>Ferry stays</h1></div>{STORY}</body></html>'
    )
    assert cut_blocks(tree) == []


TOLD = (
    '<section class="biography"><p>{}</p></section>', '<section id="survey-results"><p>{}</p></section>',
    '<section class="share-prices"><p>{}</p></section>', '<blockquote class="comment"><p>{}</p></blockquote>',
    '<div class="comment"><p>{}</p></div>',
)  # fmt: skip


@pytest.mark.parametrize("block", TOLD)
def test_what_an_article_tells_stays_whatever_it_is_called(block):
    tree = document_fromstring(
        f"<html><body><article><h1>Ferry stays</h1>{STORY}{block.format(TEXT)}</article></body></html>"
    )
    assert cut_blocks(tree) == []
    form = block.format(f"{TEXT}<form><input></form>").replace("biography", "author-biography")
    tree = document_fromstring(
        f"<html><body><article><h1>Ferry stays</h1>{STORY}{form}</article></body></html>"
    )
    if "comment" in block:
        assert [item.reason for item in cut_blocks(tree)] == ["comments"]


def test_the_box_around_a_form_that_asks_for_an_address_goes_whole():
    form = '<form><input type="email"></form>'
    box = f'<div class="x1"><h3>Get our newsletter</h3><p>The best of the shore.</p>{form}</div>'
    tree, removed = cut(f"<div>{box}</div>")
    assert "newsletter" not in tree.text_content()
    assert {item.reason for item in removed} == {"newsletter"}
    assert cut(box.replace("newsletter", "say on the ferry"))[1] == []


def test_a_name_that_also_says_article_needs_a_smaller_block():
    one = f'<div class="article-body related"><p>{TEXT}</p></div>'
    assert cut(one)[1] == []
    assert cut(one.replace("article-body ", ""))[1] != []


@pytest.mark.parametrize(
    "heading",
    [
        "Related articles",
        "Most read",
        "More from Harbour Post",
        "Das könnte Sie auch interessieren",
        "Lo más leído",
    ],
)
def test_a_list_of_links_goes_with_the_heading_above_it(heading):
    tree, removed = cut(f"<h3>{heading}</h3><ul>{LINKS}</ul><p>The council meets again in May.</p>")
    assert "Another story" not in tree.text_content()
    assert heading not in tree.text_content()
    assert "The council meets again in May." in tree.text_content()
    assert {item.reason for item in removed} == {"related"}


def test_a_heading_over_running_text_stays():
    tree, removed = cut(f"<h3>Related articles</h3><p>{TEXT}</p>")
    assert removed == []
    assert "Related articles" in tree.text_content()


def test_what_no_reader_saw_is_cut_and_not_listed():
    tree, removed = cut('<div style="display: none">Thank you for signing up</div><p hidden>Thanks again</p>')
    assert removed == []
    assert "Thank" not in tree.text_content()


def test_only_the_beginning_of_what_was_cut_is_listed():
    _, removed = cut(f'<div class="related">{"<p>One more line</p>" * 500}</div>')
    assert 0 < len(removed) <= 60
    assert all(len(item.text) <= 200 for item in removed)


def parts(*blocks: str) -> HtmlElement:
    tree = document_fromstring(f"<html><body><h1>Ferry stays</h1>{''.join(blocks)}</body></html>")
    join_parts(tree)
    return tree


def test_the_parts_of_an_article_are_put_together():
    tree = parts(
        *(f'<div class="row"><div class="body__text">{STORY}</div></div><div class="x"></div>' for _ in "abc")
    )
    assert [len(list(block)) for block in tree.iter("div") if block.get("class") == "body__text"] == [
        15,
        0,
        0,
    ]


@pytest.mark.parametrize(
    "block",
    [
        f'<div class="row"><div class="comment-text">{STORY}</div></div>',
        f'<div class="row"><div class="body"><h1>Another story</h1>{STORY}</div></div>',
        f'<article><div class="body">{STORY}</div></article>',
        f'<div class="teaser"><div class="body">{STORY}</div></div>',
        f'<div class="row"><div class="body"><p>{TEXT}</p></div></div>',
    ],
    ids=["comments", "headlines", "articles", "teasers", "single paragraphs"],
)
def test_what_is_several_texts_is_left_alone(block):
    tree = parts(block, block, block)
    assert (
        len({len(list(item)) for item in tree.iter("div") if "body" in (item.get("class") or "")} - {0}) <= 1
    )
    counts = [
        len(list(item)) for item in tree.iter("div") if (item.get("class") or "") in ("body", "comment-text")
    ]
    assert len(counts) == 3
    assert len(set(counts)) == 1
