"""A trace says which request brought each submission of an article."""

from __future__ import annotations

from shared.article import RawArticle, Source
from shared.clock import now_ms
from shared.identity import article_id
from shared.ledger.port import Origin


def test_each_step_of_a_trace_names_the_request_that_brought_its_submission(empty_newsroom):
    raw = RawArticle(article_id("a.example", "one", None), Source("a.example"), uri="one", body="Ships.")
    empty_newsroom.ledger.accept([raw], now_ms(), origins=[Origin("desk-7")])
    empty_newsroom.ledger.accept([raw], now_ms(), origins=[Origin("desk-8")])
    trace = empty_newsroom.client().get(f"/v1/articles/{raw.id}/trace").json
    assert [step["request"] for step in trace["journey"]] == ["desk-7", "desk-8"]
    assert trace["status"]["request"] == "desk-8"
