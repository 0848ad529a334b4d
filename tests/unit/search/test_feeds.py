"""Every search as a feed, over HTTP: what it holds, conditional requests, errors, the desk's links."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import feedparser
import pytest
from flask import Flask, Response
from lxml import html
from werkzeug.http import parse_date

from services.search.app import create_app
from services.search.feed_routes import _conditional
from shared.clock import now_ms
from shared.errors import Unavailable
from shared.index.embedded import EmbeddedIndex
from shared.index.port import SearchPage, SearchRequest
from tests.unit.search.conftest import FERRY

TYPES = {"rss": "application/rss+xml", "atom": "application/atom+xml", "json": "application/feed+json"}
SUFFIXES = pytest.mark.parametrize("suffix", TYPES)
PORT = "El puerto abre una nueva línea"
OPENS = "Ferry line to the islands opens"
HOSTILE = "<script>alert('x')</script> & harbour news"
DUES = "Harbour dues rise"


def fetch(client, suffix, query="", status=200, **headers):
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = client.get(f"/v1/search.{suffix}{'?' if query else ''}{query}", headers=names)
    assert answer.status_code == status, answer.text
    return answer


def entries(answer):
    """Title and id of each entry of a feed, whatever its format."""
    if answer.mimetype == TYPES["json"]:
        return [(item.get("title"), item["id"]) for item in answer.json["items"]]
    found = feedparser.parse(answer.data, response_headers={"content-type": answer.content_type})
    assert not found.bozo, found.bozo_exception
    return [(entry.title, entry.id) for entry in found.entries]


def titles(client, suffix, query=""):
    plain = {"&lt;script&gt;alert('x')&lt;/script&gt; &amp; harbour news": HOSTILE}  # as RSS has it
    return [plain.get(title, title) for title, _ in entries(fetch(client, suffix, query))]


@SUFFIXES
def test_a_search_is_a_feed_with_the_newest_first(client, suffix):
    answer = fetch(client, suffix)
    assert answer.content_type == f"{TYPES[suffix]}; charset=utf-8"
    assert titles(client, suffix) == [PORT, OPENS, HOSTILE, DUES]
    assert titles(client, suffix, "q=harbour") == [OPENS, HOSTILE, DUES]
    found = client.get("/v1/search?q=harbour&sort=newest").json["hits"]
    ids = [f"urn:copydesk:article:{hit['id']}" for hit in found]
    assert [name for _, name in entries(fetch(client, suffix, "q=harbour"))] == ids


@SUFFIXES
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=harbour&sort=oldest", [DUES, HOSTILE, OPENS]),
        ("q=title:dues", [DUES]),
        ("source=puerto.example", [PORT]),
        ("-language=en", [PORT]),
        ("topic=medtop:04000000", [OPENS]),
        ("duplicates=keep&q=ferry", [OPENS, OPENS]),
        ("stories=fold&from=2026-11-20&to=2026-11-21", [PORT, OPENS]),
        ("size=1&offset=1", [OPENS]),
        ("size=0", []),
        ("q=nothinglikethis", []),
    ],
)
def test_a_feed_takes_what_a_search_takes(client, suffix, query, found):
    assert titles(client, suffix, query) == found


def test_the_order_of_a_search_by_relevance_is_kept_when_it_is_asked_for(client):
    best = [hit["title"] for hit in client.get("/v1/search?q=dues+OR+harbour&sort=relevance").json["hits"]]
    assert titles(client, "json", "q=dues+OR+harbour&sort=relevance") == best
    assert best != titles(client, "json", "q=dues+OR+harbour")


def test_the_title_tells_the_query_as_it_was_understood_and_the_filters(client):
    query = "q=ferry+-(dues+OR+title:rates)&language=en,es&-source=wire.example&size=3"
    parsed = client.get(f"/v1/search?{query}").json["query"]["parsed"]
    told = f"Copydesk: {parsed}, language en,es, -source wire.example"
    assert fetch(client, "json", query).json["title"] == told
    for suffix in ("rss", "atom"):
        assert feedparser.parse(fetch(client, suffix, query).data).feed.title == told
    assert fetch(client, "json").json["title"] == "Copydesk: all copy"
    # As it was written: with the moment that it means now, no two answers would be the same.
    assert fetch(client, "json", "q=published:%3Enow-9d").json["title"] == "Copydesk: published:>now-9d"


def test_a_feed_names_its_own_address_and_that_of_its_page(client):
    said = fetch(client, "json", "q=%22new+ferry%22&source=harbour.example").json
    assert said["feed_url"] == "http://localhost/v1/search.json?q=%22new+ferry%22&source=harbour.example"
    assert said["home_page_url"] == "http://localhost/?q=%22new+ferry%22&source=harbour.example"
    assert client.get(said["feed_url"]).json == said
    assert client.get(said["home_page_url"]).status_code == 200
    for suffix in ("rss", "atom"):
        found = feedparser.parse(fetch(client, suffix, "q=ferry").data).feed
        assert f"http://localhost/v1/search.{suffix}?q=ferry" in [
            link.href for link in found.links if link.rel == "self"
        ]
        assert found.link == "http://localhost/?q=ferry"


def test_an_article_without_a_web_address_is_linked_to_where_it_is_served(client):
    (item,) = fetch(client, "json", "source=hostile.example").json["items"]
    assert item["url"] == f"http://localhost/v1/articles/{item['_copydesk']['id']}"
    assert client.get(item["url"]).json["title"] == HOSTILE


def test_links_begin_with_the_host_that_was_asked_and_never_with_a_broken_one(newsroom):
    settings = replace(newsroom.settings, keys="off")  # what is in front asks who it is
    client = create_app(settings, newsroom.index, newsroom.ledger).test_client()
    said = fetch(client, "json", Host="desk.example:8443").json
    assert said["home_page_url"] == "http://desk.example:8443/"
    answer = fetch(client, "json", status=400, Host='desk.example"><script>')
    assert answer.json["errors"][0]["field"] == "Host"


@SUFFIXES
def test_a_feed_that_has_not_changed_is_not_sent_again(client, suffix):
    first = fetch(client, suffix, "q=title:dues")
    tag = first.headers["ETag"]
    assert not tag.startswith("W/")
    assert first.headers["Last-Modified"] == "Thu, 20 Nov 2025 07:00:00 GMT"
    assert first.headers["Cache-Control"] == "public, no-cache"
    again = fetch(client, suffix, "q=title:dues", 304, If_None_Match=f'"other", {tag}')
    assert again.data == b""
    assert (again.headers["ETag"], again.headers["Cache-Control"]) == (tag, "public, no-cache")
    fetch(client, suffix, "q=title:dues", 200, If_None_Match='"other"')


@SUFFIXES
def test_by_time_alone_nobody_is_told_that_nothing_changed(client, suffix):
    """What is withdrawn leaves the feed, and the newest of those that stay is no newer than it was."""
    fetch(client, suffix, "q=title:dues", 200, If_Modified_Since="Thu, 20 Nov 2025 07:00:00 GMT")
    fetch(client, suffix, "q=title:dues", 200, If_Modified_Since="yesterday")
    fetch(client, suffix, "q=title:dues", 200, If_Unmodified_Since="Thu, 20 Nov 2024 07:00:00 GMT")


@SUFFIXES
def test_what_was_withdrawn_leaves_the_feed_of_who_asks_for_changes(empty_newsroom, suffix):
    newest, older = (
        empty_newsroom.publish(title, f"{title} was read in the harbour.",
                               published_at=datetime(2026, 11, day, tzinfo=UTC))
        for title, day in (("Newest", 20), ("Older", 19))
    )  # fmt: skip
    client = empty_newsroom.client()
    first = fetch(client, suffix)
    [gone] = empty_newsroom.index.get([older], datetime.now(UTC))
    empty_newsroom.index.write([replace(gone, withdrawn=True, change=gone.change + 1)])
    since = {"If_Modified_Since": first.headers["Last-Modified"]}
    for asked in (
        {"If_None_Match": first.headers["ETag"]},
        since,
        {"If_None_Match": first.headers["ETag"], **since},
    ):
        assert [one for _, one in entries(fetch(client, suffix, "", 200, **asked))] == [
            f"urn:copydesk:article:{newest}"
        ]


@SUFFIXES
def test_a_tag_wins_over_a_time(client, suffix):
    first = fetch(client, suffix)
    since = first.headers["Last-Modified"]
    fetch(client, suffix, "", 200, If_None_Match='"other"', If_Modified_Since=since)
    long_ago = "Thu, 01 Jan 2026 00:00:00 GMT"
    fetch(client, suffix, "", 304, If_None_Match=first.headers["ETag"], If_Modified_Since=long_ago)


@SUFFIXES
def test_a_head_request_is_answered_as_a_get_without_its_body(client, suffix):
    full = fetch(client, suffix, "q=ferry")
    head = client.head(f"/v1/search.{suffix}?q=ferry")
    assert (head.status_code, head.data) == (200, b"")
    for name in ("ETag", "Last-Modified", "Content-Type", "Content-Length", "Cache-Control"):
        assert head.headers[name] == full.headers[name]
    tag = {"If-None-Match": full.headers["ETag"]}
    assert client.head(f"/v1/search.{suffix}?q=ferry", headers=tag).status_code == 304


def test_a_precondition_that_fails_is_a_problem_like_any_other(client):
    answer = fetch(client, "rss", "", 412, If_Match='"other"')
    assert answer.content_type == "application/problem+json"
    assert answer.json["status"] == 412


@SUFFIXES
def test_feeds_of_other_hits_have_other_tags(client, suffix):
    queries = ("", "q=ferry", "q=harbour", "q=harbour&sort=oldest", "size=1")
    assert len({fetch(client, suffix, query).headers["ETag"] for query in queries}) == len(queries)


@SUFFIXES
def test_an_empty_feed_has_a_tag_and_no_time(client, suffix):
    answer = fetch(client, suffix, "q=nothinglikethis")
    assert "Last-Modified" not in answer.headers
    fetch(client, suffix, "q=nothinglikethis", 304, If_None_Match=answer.headers["ETag"])
    fetch(client, suffix, "q=nothinglikethis", 200, If_Modified_Since="Fri, 20 Nov 2026 08:30:00 GMT")


def test_a_new_article_changes_tag_and_time_and_keeps_the_ids_of_the_others(empty_newsroom):
    empty_newsroom.publish("Ferry", FERRY)
    client = empty_newsroom.client()
    before = {suffix: fetch(client, suffix) for suffix in TYPES}
    empty_newsroom.publish("Second ferry", FERRY, modified_at=datetime(2026, 11, 20, 9, tzinfo=UTC))
    for suffix, old in before.items():
        since = {"If_Modified_Since": old.headers["Last-Modified"]}
        new = fetch(client, suffix, "", 200, If_None_Match=old.headers["ETag"], **since)
        assert entries(new)[1:] == entries(old)
        fetch(client, suffix, "", 200, **since)
        assert new.headers["Last-Modified"] == "Fri, 20 Nov 2026 09:00:00 GMT"


def at(now, changed, since=None):
    """The answer at a moment to who asks by time, of a feed that changed last at another."""
    with Flask(__name__).test_request_context(headers={"If-Modified-Since": since} if since else {}):
        return _conditional(Response("a feed"), changed, now)


def test_what_came_in_within_one_second_is_told_to_who_asks_by_time():
    noon = datetime(2026, 11, 20, 12, tzinfo=UTC)
    first, second = noon + timedelta(milliseconds=100), noon + timedelta(milliseconds=900)
    since = at(noon + timedelta(milliseconds=500), first).headers["Last-Modified"]
    assert since == "Fri, 20 Nov 2026 11:59:55 GMT"  # not yet noon: more may come that is as old
    later = noon + timedelta(seconds=30)
    answer = at(later, second, since)
    assert (answer.status_code, answer.data) == (200, b"a feed")
    assert answer.headers["Last-Modified"] == "Fri, 20 Nov 2026 12:00:00 GMT"


def test_a_feed_is_as_new_as_its_newest_article_was_indexed(empty_newsroom):
    (article,) = empty_newsroom.index.get([empty_newsroom.publish("Ferry", FERRY)], datetime.now(UTC))
    came = datetime(2026, 11, 21, 9, tzinfo=UTC)
    empty_newsroom.index.write([replace(article, change=article.change + 1, indexed_at=came)])
    empty_newsroom.index.refresh()
    answer = fetch(empty_newsroom.client(), "rss")
    assert answer.headers["Last-Modified"] == "Sat, 21 Nov 2026 09:00:00 GMT"
    assert feedparser.parse(answer.data).feed.updated == "Sat, 21 Nov 2026 09:00:00 GMT"


def test_a_time_to_come_is_never_given_as_the_last_change(empty_newsroom):
    empty_newsroom.publish("Ferry", FERRY, published_at=datetime.now(UTC) + timedelta(hours=5))
    answer = fetch(empty_newsroom.client(), "atom")
    assert parse_date(answer.headers["Last-Modified"]) < datetime.now(UTC)


def test_a_feed_is_as_new_as_the_end_of_an_embargo(empty_newsroom):
    empty_newsroom.publish("Ferry", FERRY, embargo_until=datetime(2026, 11, 22, 8, tzinfo=UTC))
    answer = fetch(empty_newsroom.client(), "rss")
    assert answer.headers["Last-Modified"] == "Sun, 22 Nov 2026 08:00:00 GMT"


@SUFFIXES
def test_a_withdrawn_article_leaves_its_feeds(empty_newsroom, suffix):
    gone = empty_newsroom.publish("Ferry", FERRY)
    kept = empty_newsroom.publish("Second ferry", FERRY + " It came back at night.")
    client = empty_newsroom.client()
    before = fetch(client, suffix)
    assert len(entries(before)) == 2
    empty_newsroom.ledger.withdraw(gone, now_ms())
    empty_newsroom.write_index()
    after = fetch(client, suffix, "", 200, If_None_Match=before.headers["ETag"])
    assert [name for _, name in entries(after)] == [f"urn:copydesk:article:{kept}"]


@SUFFIXES
@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("highlight=true", "highlight"),
        ("fields=title", "fields"),
        ("facets=source", "facets"),
        ("facet_size=3", "facet_size"),
        ("cursor=*", "cursor"),
        ("format=ninjs", "format"),
        ("page=2", "page"),
        ("size=101", "size"),
        ("sort=hottest", "sort"),
        ("from=soon", "from"),
        ("q=ferry+AND+(bridge", "q"),
    ],
)
def test_what_a_feed_cannot_take_is_refused_as_by_a_search(client, suffix, query, field):
    answer = fetch(client, suffix, query, 400)
    assert answer.content_type == "application/problem+json"
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert answer.headers["Cache-Control"] == "no-store"
    if field in ("size", "sort", "from", "q"):
        assert answer.json == client.get(f"/v1/search?{query}").json


def test_a_misspelt_parameter_of_a_feed_gets_a_hint(client):
    answer = fetch(client, "rss", "sorce=x", 400)
    assert 'did you mean "source"?' in answer.json["detail"]
    assert "position" in fetch(client, "rss", "q=(", 400).json


class OtherIndex(EmbeddedIndex):
    """An index that is away for searches, or runs out of time."""

    page: SearchPage | None = None

    def search(self, request: SearchRequest) -> SearchPage:
        if self.page is None:
            raise Unavailable("the index does not answer")
        return self.page


@SUFFIXES
def test_a_feed_of_an_index_that_is_away_is_a_503_to_come_back_after(tmp_path, newsroom, suffix):
    client = create_app(newsroom.settings, OtherIndex(tmp_path), newsroom.ledger).test_client()
    answer = fetch(client, suffix, "q=ferry", 503, If_None_Match="*")
    assert answer.content_type == "application/problem+json"
    assert int(answer.headers["Retry-After"]) > 0


@SUFFIXES
def test_a_feed_that_may_lack_articles_is_not_to_be_kept(tmp_path, newsroom, suffix):
    whole = newsroom.index.search(SearchRequest(now=datetime.now(UTC), sort="newest"))
    index = OtherIndex(tmp_path)
    index.page = replace(whole, partial=True)
    client = create_app(newsroom.settings, index, newsroom.ledger).test_client()
    answer = fetch(client, suffix, "", 200, If_None_Match="*")
    assert answer.headers["Cache-Control"] == "no-store"
    assert not {"ETag", "Last-Modified"} & set(answer.headers.keys())
    assert len(entries(answer)) == 4


def test_feeds_stand_in_the_description_of_the_api(client):
    paths = client.get("/openapi.json").json["paths"]
    for suffix, kind in TYPES.items():
        assert kind in paths[f"/v1/search.{suffix}"]["get"]["responses"]["200"]["content"]


def desk_links(client, query):
    page = html.fromstring(client.get(f"/?{query}").data)
    links = page.xpath("//head/link[@rel='alternate']")
    return page, {link.get("type"): link.get("href") for link in links}


def test_the_desk_links_to_the_feeds_of_its_search(client):
    page, links = desk_links(client, "q=harbour&source=harbour.example&sort=&size=1&offset=1")
    assert links == {
        kind: f"/v1/search.{suffix}?q=harbour&source=harbour.example&size=1" for suffix, kind in TYPES.items()
    }
    assert [title for title, _ in entries(client.get(links[TYPES["json"]]))] == [OPENS]
    (visible,) = [link for link in page.xpath("//body//a") if link.text == "Feed"]
    assert visible.get("href") == links[TYPES["rss"]]


def test_the_desk_links_to_no_feed_of_a_search_that_cannot_be_read(client):
    page, links = desk_links(client, "q=(")
    assert links == {}
    assert "Feed" not in [link.text for link in page.xpath("//body//a")]
