"""Facets before any engine: how names and hosts are brought into shape, and in which order counts come."""

from __future__ import annotations

import pytest

from shared.article import Article, Source
from shared.index.document import FIELDS
from shared.index.facets import largest
from shared.index.keywords import COUNTED, domains_of, fold_name, is_shared, with_parents
from shared.index.port import FacetCount
from tests.unit.index.test_document import ARTICLE


@pytest.mark.parametrize(
    ("written", "folded"),
    [
        ("Zoë Smith", "zoe smith"),
        ("  ZOE \u00a0 Smith ", "zoe smith"),
        ("Zoe\u0308", "zoe"),  # the accent as a character of its own
        ("O’Neill", "o'neill"),
        ("AT&T", "at&t"),
        ("U.S.", "u.s."),
        ("Jean‑Luc", "jean-luc"),  # a hyphen that does not break
        ("Łódź", "lodz"),
        ("Weiß", "weiss"),
        ("İstanbul", "istanbul"),
        ("ΑΘΗΝΑΣ", "αθηνασ"),
        ("Путин", "путин"),
        ("Йошкар", "йошкар"),  # a letter of its own, no accent
        ("東京", "東京"),
        ("ＮＨＫ", "nhk"),  # in full width
        ("!!!", "!!!"),
        ("→", "→"),
        ("", ""),
    ],
)
def test_a_name_loses_case_accents_and_doubled_spaces_alone(written, folded):
    assert fold_name(written) == folded
    assert fold_name(folded) == folded


@pytest.mark.parametrize(
    ("host", "domains"),
    [
        ("example.com", ["example.com"]),
        ("a.news.example.com", ["a.news.example.com", "news.example.com", "example.com"]),
        ("news.bbc.co.uk", ["news.bbc.co.uk", "bbc.co.uk"]),
        ("folha.com.br", ["folha.com.br"]),
        ("com.example.org", ["com.example.org", "example.org"]),
        ("127.0.0.1", ["127.0.0.1"]),
        ("2001:db8::1", ["2001:db8::1"]),
        ("localhost", ["localhost"]),
    ],
)
def test_a_host_lies_in_the_domains_above_it_down_to_those_of_one_site(host, domains):
    assert with_parents([host, None, host]) == domains


@pytest.mark.parametrize(
    ("domain", "shared"),
    [("com", True), ("uk", True), ("co.uk", True), ("com.br", True), ("bbc.co.uk", False), ("co.com", False)],
)
def test_a_domain_of_everybody_is_told_from_that_of_a_site(domain, shared):
    assert is_shared(domain) is shared


@pytest.mark.parametrize(
    ("url", "source", "domains"),
    [
        ("https://WWW.News.Example.com:8443/a", Source("wire"), ["news.example.com", "example.com"]),
        ("https://a.com/x", Source("b.com", domain="b.com"), ["a.com", "b.com"]),
        (None, Source("b.com"), ["b.com"]),
        (None, Source("the evening post"), []),
        ("javascript:alert(1)", Source("b.com"), ["b.com"]),
        ("https://müller.de/x", Source("wire"), ["xn--mller-kva.de"]),
        (None, Source("a b.com"), []),
    ],
)
def test_an_article_lies_in_the_domains_of_its_url_and_of_its_source(url, source, domains):
    one = Article("a" * 32, source, "", "", ARTICLE.ingested_at, url=url)
    assert domains_of(one) == domains


def test_of_one_count_the_first_value_comes_first():
    counts = [("b", 1), ("c", 2), ("a", 1)]
    assert largest(counts, 2) == (FacetCount("c", 2), FacetCount("a", 1))


def test_what_is_counted_by_value_is_a_keyword_of_the_document():
    assert {FIELDS[name] for name in COUNTED} == {"keyword"}
