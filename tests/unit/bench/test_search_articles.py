"""The articles of ``bench.search``, varied and the same for a seed; its queries; and its bar."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest

from bench.numbers import spread
from bench.search import Row, limit_of
from bench.search_articles import DAYS, LANGUAGES, Articles
from bench.search_queries import BARRED, CURSOR, make_queries, make_walks
from services.search.params import MAX_SIZE, read_search
from shared.index.document import document
from shared.index.walking import MAX_STEP

UNTIL = datetime(2026, 11, 27, tzinfo=UTC)


@pytest.fixture(scope="module")
def articles() -> Articles:
    return Articles(7, UNTIL)


@pytest.fixture(scope="module")
def thousand(articles):
    return articles.thousand(3_000)


def test_a_seed_always_makes_the_same_articles_whatever_was_made_before(thousand):
    assert Articles(7, UNTIL).thousand(3_000) == thousand


def test_ids_and_sort_keys_are_unique(articles, thousand):
    made = [*articles.thousand(0), *thousand]
    assert len({one.id for one in made}) == len({one.sort_key for one in made}) == 2_000


def test_a_tenth_are_copies_that_their_leads_know_of(thousand):
    by_id = {one.id: one for one in thousand}
    copies = [one for one in thousand if not one.is_lead]
    assert 95 <= len(copies) <= 100
    for copy in copies:
        lead = by_id[copy.duplicate_of]
        assert lead.is_lead
        assert (lead.title, lead.body, lead.story_id) == (copy.title, copy.body, copy.story_id)
        assert copy.id in {one.id for one in lead.copies}
    assert sum(len(one.copies) for one in thousand if one.is_lead) == len(copies)


def test_they_are_of_several_languages_sources_topics_stories_and_months(thousand):
    assert {one.language for one in thousand} == set(LANGUAGES)
    assert len({one.source.id for one in thousand}) > 100
    assert len({tag.code for one in thousand for tag in one.topics}) == 9
    assert len({entity.name for one in thousand for entity in one.entities}) > 1_000
    assert max(Counter(one.story_id for one in thousand if one.is_lead).values()) > 1
    months = Counter(one.published_at.month for one in thousand)
    assert len(months) >= 10
    assert all(UNTIL - timedelta(days=DAYS) <= one.published_at <= UNTIL for one in thousand)
    assert {one.pub_status for one in thousand} == {"usable", "withheld"}


def test_every_one_can_be_indexed(thousand):
    assert all(document(one)["body_terms"] for one in thousand)


def test_each_class_with_a_bar_asks_a_dozen_different_queries_that_the_service_understands(articles):
    queries = make_queries(articles)
    for kind in set(BARRED) - {CURSOR}:
        texts = [query.text for query in queries if query.kind == kind]
        assert len(set(texts)) == len(texts) == 12, kind
    for query in queries:
        if query.path == "search":
            read_search(query.text.encode(), UNTIL, MAX_SIZE)


def test_walks_go_by_score_and_by_date_in_steps_of_500():
    walks = make_walks()
    assert len(set(walks)) == 12
    assert {dict(parse_qsl(walk)).get("sort") for walk in walks} == {None, "newest", "oldest"}
    assert {read_search(walk.encode(), UNTIL, MAX_STEP).request.size for walk in walks} == {500}


def test_the_bar_is_held_against_the_client_where_there_is_one():
    quick, slow = spread([1.0]), spread([10.0])
    assert limit_of(10.0) == pytest.approx(16.0)
    assert Row("term", spread([16.0]), quick, slow, barred=True).met
    assert not Row("term", spread([16.0]), slow, quick, barred=True).met
    assert Row("term", spread([16.0]), slow, None, barred=True).met
    assert not Row("term", spread([16.1]), slow, None, barred=True).met
