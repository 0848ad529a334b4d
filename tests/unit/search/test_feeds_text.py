"""Feeds as texts: what RSS, Atom and JSON Feed say of an article, whatever characters it is made of."""

from __future__ import annotations

import html
import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from xml.etree.ElementTree import fromstring

import feedparser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.search.feeds import EPOCH, Feed, atom, json_feed, last_change, opening, rss
from services.search.outward import web_uri
from shared.article import Article, Copy, Source, Tag

ROOT = "https://desk.example/"
FERRY = Article(
    id="0" * 31 + "1",
    source=Source("harbour.example", "The Harbour Post", "harbour.example"),
    title="Ferry & islands",
    summary="A ferry left <at dawn>.",
    body="The new ferry left the harbour at dawn.\nThe mayor spoke.",
    ingested_at=datetime(2026, 11, 20, 8, 31, tzinfo=UTC),
    indexed_at=datetime(2026, 11, 20, 8, 32, tzinfo=UTC),
    published_at=datetime(2026, 11, 20, 8, 30, tzinfo=UTC),
    modified_at=datetime(2026, 11, 20, 8, 30, 30, tzinfo=UTC),
    url="https://harbour.example/ferry?id=1",
    canonical_url="https://harbour.example/ferry",
    image_url="https://harbour.example/ferry.jpg",
    authors=("Desk reporter", "Second reporter"),
    language="en",
    revision=1,
    topics=(Tag("medtop:20000337", "transport", 0.82), Tag("desk:ferries", "ferries", 0.5)),
    story_id="a" * 32,
    copies=(Copy("b" * 32, "coast.example"), Copy("c" * 32, "bay.example", verdict="version")),
)
BARE = Article(
    id="0" * 31 + "2",
    source=Source("hostile.example"),
    title="",
    body="",
    url="javascript:alert(1)",
    ingested_at=datetime(2026, 11, 19, tzinfo=UTC),
)
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def feed(*articles, partial=False):
    return Feed(
        "Copydesk: ferry",
        "Articles, the newest first.",
        ROOT,
        f"{ROOT}?q=ferry",
        f"{ROOT}v1/search.rss?q=ferry&size=5",
        articles,
        partial,
    )


def parsed(written, kind):
    found = feedparser.parse(written, response_headers={"content-type": f"application/{kind}+xml"})
    assert not found.bozo, found.bozo_exception
    return found


def times(entry):
    return {name: getattr(entry, f"{name}_parsed")[:6] for name in ("published", "updated")}


def test_an_rss_feed_tells_all_of_an_article():
    written = rss(feed(FERRY))
    found = parsed(written, "rss")
    assert found.version == "rss20"
    assert fromstring(written).find("channel/item/guid").attrib == {"isPermaLink": "false"}
    assert (found.feed.title, found.feed.link) == ("Copydesk: ferry", f"{ROOT}?q=ferry")
    assert {"rel": "self", "type": "application/rss+xml", "href": f"{ROOT}v1/search.rss?q=ferry&size=5"} in (
        found.feed.links
    )
    assert found.feed.updated == "Fri, 20 Nov 2026 08:32:00 GMT"
    (entry,) = found.entries
    assert entry.id == f"urn:copydesk:article:{FERRY.id}"
    assert (entry.title, entry.link) == ("Ferry & islands", "https://harbour.example/ferry")
    assert entry.summary == "A ferry left &lt;at dawn&gt;."  # as HTML
    assert times(entry) == {"published": (2026, 11, 20, 8, 30, 0), "updated": (2026, 11, 20, 8, 30, 30)}
    assert [author.name for author in entry.authors] == ["Desk reporter", "Second reporter"]
    assert entry.publisher == "The Harbour Post"
    assert entry.language == "en"
    assert [(tag.term, tag.scheme) for tag in entry.tags] == [
        ("transport", "http://cv.iptc.org/newscodes/mediatopic/"),
        ("ferries", None),
    ]
    assert entry.media_content == [{"url": "https://harbour.example/ferry.jpg", "medium": "image"}]


def test_an_atom_feed_tells_all_of_an_article():
    found = parsed(atom(feed(FERRY)), "atom")
    assert found.version == "atom10"
    assert (found.feed.title, found.feed.link) == ("Copydesk: ferry", f"{ROOT}?q=ferry")
    assert found.feed.id == f"{ROOT}v1/search.rss?q=ferry&size=5"
    assert [link.href for link in found.feed.links if link.rel == "self"] == [found.feed.id]
    assert found.feed.updated == "2026-11-20T08:32:00Z"
    (entry,) = found.entries
    assert entry.id == f"urn:copydesk:article:{FERRY.id}"
    assert (entry.title, entry.link) == ("Ferry & islands", "https://harbour.example/ferry")
    assert (entry.summary, entry.summary_detail.type) == ("A ferry left <at dawn>.", "text/plain")
    assert times(entry) == {"published": (2026, 11, 20, 8, 30, 0), "updated": (2026, 11, 20, 8, 30, 30)}
    assert [author.name for author in entry.authors] == ["Desk reporter", "Second reporter"]
    assert entry.source.title == "The Harbour Post"
    assert entry.title_detail.language == "en"
    assert [(tag.term, tag.scheme, tag.label) for tag in entry.tags] == [
        ("20000337", "http://cv.iptc.org/newscodes/mediatopic/", "transport"),
        ("desk:ferries", None, "ferries"),
    ]
    assert [link.href for link in entry.links if link.rel == "enclosure"] == [
        "https://harbour.example/ferry.jpg"
    ]


def test_a_json_feed_tells_all_of_an_article():
    assert json.loads(json_feed(feed(FERRY))) == {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "Copydesk: ferry",
        "description": "Articles, the newest first.",
        "home_page_url": f"{ROOT}?q=ferry",
        "feed_url": f"{ROOT}v1/search.rss?q=ferry&size=5",
        "items": [
            {
                "id": f"urn:copydesk:article:{FERRY.id}",
                "url": "https://harbour.example/ferry",
                "title": "Ferry & islands",
                "content_text": FERRY.body,
                "summary": "A ferry left <at dawn>.",
                "image": "https://harbour.example/ferry.jpg",
                "date_published": "2026-11-20T08:30:00Z",
                "date_modified": "2026-11-20T08:30:30Z",
                "authors": [{"name": "Desk reporter"}, {"name": "Second reporter"}],
                "tags": ["transport", "ferries"],
                "language": "en",
                "_copydesk": {
                    "id": FERRY.id,
                    "source": {"id": "harbour.example", "name": "The Harbour Post"},
                    "story_id": "a" * 32,
                    "verdict": "new",
                    "duplicate_of": None,
                    "duplicates": 1,
                },
            }
        ],
    }


def test_an_article_of_nothing_but_a_hostile_address_has_a_link_to_this_service():
    here = f"{ROOT}v1/articles/{BARE.id}"
    for written, kind in ((rss(feed(BARE)), "rss"), (atom(feed(BARE)), "atom")):
        (entry,) = parsed(written, kind).entries
        assert (entry.title, entry.link) == ("(no title)", here)
        assert "javascript" not in written.decode()
    assert parsed(atom(feed(BARE)), "atom").entries[0].author == "hostile.example"
    (item,) = json.loads(json_feed(feed(BARE)))["items"]
    assert set(item) == {"id", "url", "content_text", "date_modified", "authors", "_copydesk"}
    assert (item["url"], item["content_text"]) == (here, "")
    assert item["authors"] == [{"name": "hostile.example"}]


def test_a_feed_without_articles_is_valid_and_as_old_as_can_be():
    assert "updated" not in parsed(rss(feed()), "rss").feed
    assert parsed(atom(feed()), "atom").feed.updated == "1970-01-01T00:00:00Z"
    assert last_change([]) is None
    assert datetime(1970, 1, 1, tzinfo=UTC) == EPOCH
    assert json.loads(json_feed(feed()))["items"] == []


def test_only_a_partial_feed_says_so():
    assert json.loads(json_feed(feed(BARE, partial=True)))["_copydesk"] == {"partial": True}
    assert "_copydesk" not in json.loads(json_feed(feed(BARE)))


@pytest.mark.parametrize("field", ["indexed_at", "modified_at", "published_at", "embargo_until"])
def test_a_feed_is_as_new_as_the_newest_moment_of_its_articles(field):
    newest = datetime(2026, 11, 21, tzinfo=UTC)
    assert last_change([BARE, FERRY]) == FERRY.indexed_at
    assert last_change([FERRY, replace(BARE, **{field: newest})]) == newest


def test_a_revision_without_a_time_of_its_own_was_made_as_it_came_in():
    again = replace(FERRY, revision=2, modified_at=None)
    assert times(parsed(rss(feed(again)), "rss").entries[0])["updated"] == (2026, 11, 20, 8, 31, 0)
    first = replace(FERRY, modified_at=None)
    assert times(parsed(rss(feed(first)), "rss").entries[0])["updated"] == (2026, 11, 20, 8, 30, 0)


@pytest.mark.parametrize(
    ("summary", "body", "shown"),
    [
        ("Said so.", "A body.", "Said so."),
        (None, "First paragraph.\nSecond.", "First paragraph."),
        (None, "word " * 100, "word " * 55 + "word …"),
        (None, "字" * 300, "字" * 280 + " …"),
        (None, "x" * 280, "x" * 280),
        (None, "", ""),
    ],
)
def test_the_opening_is_the_summary_or_the_first_paragraph_cut_at_a_word(summary, body, shown):
    assert opening(replace(FERRY, summary=summary, body=body)) == shown


@pytest.mark.parametrize(
    ("title", "shown"),
    [
        ("AT&T < all", "AT&T < all"),
        ("<script>alert('x')</script> & co", "&lt;script&gt;alert('x')&lt;/script&gt; &amp; co"),
        ("a <b>bold</b> claim", "a &lt;b&gt;bold&lt;/b&gt; claim"),
        ("]]> <!-- x --> <?php", "]]&gt; &lt;!-- x --&gt; &lt;?php"),
    ],
)
def test_a_title_that_reads_as_markup_reaches_readers_of_rss_as_text(title, shown):
    written = rss(feed(replace(FERRY, title=title)))
    assert parsed(written, "rss").entries[0].title == shown
    assert parsed(atom(feed(replace(FERRY, title=title))), "atom").entries[0].title == title


TRICKY = (
    "\x00", "\x0b", "\x1b", "\x85", "\ufffe", "\uffff", "\ud800", "\u2028", "\u202e", "\ufdd0", "\r\n",
    "]]>", "&", "<", '"', "'", "</title>", "<![CDATA[", "&amp;", "&#0;", "<?xml", "📰", "👩\u200d👧", "שלום",
    "مرحبا", "汉字",
)  # fmt: skip


def texts(tricky):
    return st.lists(st.one_of(st.sampled_from(tricky), st.text(max_size=8)), max_size=8).map("".join)


def articles(text):
    """Articles with any text in every field that a sender fills in."""
    return st.builds(
        replace,
        st.just(FERRY),
        title=text,
        summary=st.none() | text,
        body=text,
        authors=st.lists(text, max_size=2).map(tuple),
        source=st.builds(Source, st.just("harbour.example"), text),
        url=text | text.map("https://harbour.example/".__add__),
        canonical_url=st.none() | text.map("https://harbour.example/?".__add__),
        image_url=st.none() | text.map("https://harbour.example/".__add__),
        language=st.sampled_from(["und", "ar", "zh-Hans"]),
        topics=text.map(lambda name: (Tag("medtop:04000000", name, 0.5),)),
        published_at=st.none() | st.datetimes(timezones=st.just(UTC)),
    )


@settings(deadline=None)
@given(articles(texts(TRICKY)), texts(TRICKY))
def test_feeds_of_any_text_are_valid_and_say_it_all_but_what_xml_forbids(article, words):
    made = replace(feed(article), title=words)
    for written, kind in ((rss(made), "rss"), (atom(made), "atom")):
        found = parsed(written, kind)
        assert found.entries[0].id == f"urn:copydesk:article:{article.id}"
        assert len(found.entries) == 1
    # How feedparser trims and sanitises is its own; what stands in the elements is told by a plain parser.
    root = fromstring(atom(made))
    space = "{http://www.w3.org/2005/Atom}"
    assert text_of(root, f"{space}title") == without_forbidden(words)
    assert text_of(root, f"{space}entry/{space}title") == without_forbidden(article.title or "(no title)")
    assert text_of(root, f"{space}entry/{space}summary") == without_forbidden(opening(article))
    root = fromstring(rss(made))
    description = text_of(root, "channel/item/description")
    assert html.unescape(description) == without_forbidden(opening(article))


def text_of(root, path):
    return root.findtext(path) or ""


def without_forbidden(text):
    """As XML parsers give it back: without what XML forbids, and with line feeds for carriage returns."""
    return re.sub("\r\n?", "\n", FORBIDDEN.sub("", text))


@settings(deadline=None)
@given(articles(texts([text for text in TRICKY if text != "\ud800"])))
def test_a_json_feed_of_any_text_keeps_it_as_it_is(article):
    (item,) = json.loads(json_feed(feed(article)))["items"]
    assert item.get("title", "") == article.title
    assert item["content_text"] == (article.body or article.summary or article.title)
    assert item["tags"] == [tag.name for tag in article.topics]


@pytest.mark.parametrize(
    ("address", "uri"),
    [
        ("https://example.org/a?b=c#d", "https://example.org/a?b=c#d"),
        ("https://example.org/a b", None),
        ("https://example.org/ä/{x}|[y]\"<>^`\\", "https://example.org/%C3%A4/%7Bx%7D%7C%5By%5D%22%3C%3E%5E%60%5C"),
        ("https://example.org/100%/%zz/%C3%A4", "https://example.org/100%25/%25zz/%C3%A4"),
        ("https://bücher.example:8443/", "https://xn--bcher-kva.example:8443/"),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ("https://example.org/?q=a[0]&r=/?", "https://example.org/?q=a%5B0%5D&r=/?"),
        ("javascript:alert(1)", None),
        ("https://user:secret@example.org/", None),
        ("//example.org/x", None),
        ("", None),
        (None, None),
    ],
)  # fmt: skip
def test_a_web_address_becomes_a_plain_uri_or_nothing(address, uri):
    assert web_uri(address) == uri
