"""Which URLs are one article, and which ids they get."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.errors import InvalidRequest
from shared.identity import (
    article_id,
    body_uri,
    check_source,
    check_url,
    file_uri,
    normalise_url,
    source_from_url,
    strip_tracking,
)

# A busy machine must not fail a test of what is read.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

TWINS = [
    ("http and https", "http://news.example/a", "https://news.example/a"),
    ("www", "https://www.news.example/a", "https://news.example/a"),
    ("case of the host", "https://News.EXAMPLE/a", "https://news.example/a"),
    ("default port", "https://news.example:443/a", "http://news.example:80/a"),
    ("trailing slash", "https://news.example/a/", "https://news.example/a"),
    ("root", "https://news.example/", "https://news.example"),
    ("fragment", "https://news.example/a#comments", "https://news.example/a"),
    ("utm", "https://news.example/a?utm_source=x&utm_medium=mail", "https://news.example/a"),
    ("click ids", "https://news.example/a?fbclid=1&gclid=2&mc_cid=3", "https://news.example/a"),
    ("tracking in capitals", "https://news.example/a?UTM_Source=x", "https://news.example/a"),
    ("tracking among others", "https://news.example/a?id=7&fbclid=1", "https://news.example/a?id=7"),
    ("order of parameters", "https://news.example/a?b=2&a=1", "https://news.example/a?a=1&b=2"),
    ("empty parameters", "https://news.example/a?&id=7&", "https://news.example/a?id=7"),
    ("international host", "https://bücher.example/a", "https://xn--bcher-kva.example/a"),
    ("case of an international host", "https://BÜCHER.example/a", "https://bücher.example/a"),
    ("sharp s, as browsers read it", "https://straße.example/", "https://xn--strae-oqa.example/"),
    ("escapes of plain letters", "https://news.example/%7Ejo/%61", "https://news.example/~jo/a"),
    ("case of escapes", "https://news.example/%c3%a4", "https://news.example/%C3%A4"),
    ("unescaped letters", "https://news.example/ä?q=ö", "https://news.example/%C3%A4?q=%C3%B6"),
    ("dot segments", "https://news.example/x/../a", "https://news.example/a"),
    ("final dot of the host", "https://news.example./a", "https://news.example/a"),
    ("outer spaces", "  https://news.example/a\n", "https://news.example/a"),
]
STRANGERS = [
    ("path", "https://news.example/a", "https://news.example/b"),
    ("case of the path", "https://news.example/A", "https://news.example/a"),
    ("parameter", "https://news.example/a?id=7", "https://news.example/a?id=8"),
    ("order of one parameter", "https://news.example/a?t=1&t=2", "https://news.example/a?t=2&t=1"),
    ("port", "https://news.example:8443/a", "https://news.example/a"),
    ("subdomain", "https://sport.news.example/a", "https://news.example/a"),
    ("escaped slash", "https://news.example/a%2Fb", "https://news.example/a/b"),
    ("escaped ampersand", "https://news.example/a?x=1%26y=2", "https://news.example/a?x=1&y=2"),
    ("a parameter that only looks like tracking", "https://news.example/a?at_id=1", "https://news.example/a"),
]
BAD_URLS = [
    ("relative", "/a/b", "absolute"),
    ("no scheme", "news.example/a", "absolute"),
    ("empty", "", "absolute"),
    ("scheme-relative", "//news.example/a", "absolute"),
    ("file", "file:///etc/passwd", "absolute"),
    ("gopher", "gopher://news.example/", "absolute"),
    ("javascript", "javascript:alert(1)", "absolute"),
    ("data", "data:text/html,x", "absolute"),
    ("no host", "https:///a", "host"),
    ("only www and a dot", "https://./a", "host"),
    ("name and password", "https://jo:pw@news.example/", "user name"),
    ("name only", "https://jo@news.example/", "user name"),
    ("space", "https://news.example/a b", "spaces"),
    ("line break", "https://news.example/a\r\nX-Evil: 1", "control"),
    ("NUL", "https://news.example/\0", "control"),
    ("lone surrogate", "https://news.example/\ud800", "control"),
    ("64 kB", "https://news.example/" + "a" * 65_536, "2048"),
    ("port out of range", "https://news.example:99999/", "Port"),
    ("port of letters", "https://news.example:http/", "Port"),
    ("broken IPv6", "https://[::1/", "IPv6"),
    ("bidi override in the host", "https://news\u202eexample/", "host"),
    ("symbol that no host may have", "https://☃.example/", "host"),
    ("markup in the host", "https://<b>.example/", "host"),
]


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in TWINS], ids=[row[0] for row in TWINS])
def test_urls_that_mean_the_same_page_give_one_id(one: str, other: str) -> None:
    assert normalise_url(one) == normalise_url(other)
    assert article_id("news.example", None, one) == article_id("news.example", None, other)


@pytest.mark.parametrize(("one", "other"), [row[1:] for row in STRANGERS], ids=[row[0] for row in STRANGERS])
def test_urls_that_may_mean_different_pages_stay_apart(one: str, other: str) -> None:
    assert article_id("news.example", None, one) != article_id("news.example", None, other)


@pytest.mark.parametrize(("url", "why"), [row[1:] for row in BAD_URLS], ids=[row[0] for row in BAD_URLS])
def test_a_url_that_is_no_web_address_is_refused_with_the_reason(url: str, why: str) -> None:
    with pytest.raises(InvalidRequest, match=why) as caught:
        check_url(url)
    assert caught.value.field == "url"


@pytest.mark.parametrize(
    ("url", "source"),
    [
        ("https://www.News.example/a", "news.example"),
        ("https://news.example:8443/a", "news.example"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("http://localhost:8001/a", "localhost"),
        ("http://[2001:DB8::1]/a", "2001:db8::1"),
        ("https://www.example/", "www.example"),  # the name itself, not a prefix
    ],
)
def test_the_source_is_the_host_without_www(url: str, source: str) -> None:
    assert source_from_url(url) == source


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ("Reuters", "reuters"),
        ("WWW.News.example", "news.example"),
        (" The  Evening Post ", "the evening post"),
    ],
)
def test_a_given_source_is_kept_in_lower_case(given: str, source: str) -> None:
    assert check_source(given) == source


@pytest.mark.parametrize("given", ["", "  ", "a,b", 'a"b', "a\r\nSet-Cookie: x", "a\0", "x" * 300])
def test_a_source_that_would_break_filters_or_headers_is_refused(given: str) -> None:
    with pytest.raises(InvalidRequest):
        check_source(given)


def test_the_ids_of_uri_url_and_source_are_kept_apart() -> None:
    ids = {
        article_id("a", "news.example/x", None),
        article_id("a", None, "https://news.example/x"),
        article_id("b", None, "https://news.example/x"),
        article_id("a", file_uri("x.txt"), None),
        article_id("a", body_uri(b"x"), None),
    }
    assert len(ids) == 5


def test_a_uri_wins_over_the_url_so_that_a_moved_article_keeps_its_id() -> None:
    assert article_id("a", "42", "https://a.example/old") == article_id("a", "42", "https://a.example/new")


def test_an_article_without_uri_and_url_has_no_id() -> None:
    with pytest.raises(InvalidRequest, match="uri"):
        article_id("a", None, None)


def test_an_id_never_changes_from_one_release_or_process_to_the_next() -> None:
    # Written down once: another value here means that every article in every ledger gets another id.
    code = (
        "from shared.identity import article_id as i;"
        "print(i('news.example', None, 'https://news.example/a?id=7'), i('wire', 'urn:42', None))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["6b9da086fdc26fab0f7521be48a7d448", "ce568d4e15bfcbca00620937e50787c2"]


@pytest.mark.parametrize(
    ("url", "stripped"),
    [
        ("https://www.news.example/a/?utm_source=x&b=2&a=1#top", "https://www.news.example/a/?b=2&a=1"),
        ("http://news.example/a?fbclid=1", "http://news.example/a"),
        ("https://news.example/a?q=caf%c3%a9", "https://news.example/a?q=caf%c3%a9"),
        ("not a url", "not a url"),
    ],
)
def test_stripping_takes_tracking_and_fragment_and_leaves_the_rest(url: str, stripped: str) -> None:
    assert strip_tracking(url) == stripped


@UNHURRIED
@given(st.text(max_size=60))
def test_any_text_is_a_usable_url_or_an_invalid_request(text: str) -> None:
    for url in (text, f"https://{text}", f"https://news.example/{text}"):
        try:
            checked = check_url(url)
        except InvalidRequest:
            continue
        assert normalise_url(checked) == normalise_url(url)
        assert len(article_id(source_from_url(url), None, url)) == 32


@UNHURRIED
@given(st.text(alphabet="ab/%2fF?&=;+~é.", max_size=30))
def test_normalising_twice_changes_nothing(tail: str) -> None:
    once = normalise_url(f"https://news.example/{tail}")
    assert normalise_url(f"https://{once}") == once
