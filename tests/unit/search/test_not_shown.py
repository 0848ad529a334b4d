"""Why an article is not shown, in the words of the answer: held, withdrawn, barred, or on its way."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

NOW = datetime.now(UTC)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"embargo_until": NOW + timedelta(days=1)}, "it is under embargo"),
        ({"pub_status": "withheld"}, "its source withholds it until it sends another version"),
        ({"expires_at": NOW - timedelta(days=1)}, "its source let it expire"),
    ],
)
def test_what_is_held_is_said_to_be_and_by_what(empty_newsroom, facts, words):
    article_id = empty_newsroom.publish("Merger", "A secret merger.", **facts)
    answer = empty_newsroom.client().get(f"/v1/articles/{article_id}")
    assert (answer.status_code, answer.json["detail"]) == (
        404, f"the article {article_id} is not to be found now: {words}",
    )  # fmt: skip


def test_what_ended_as_withdrawn_says_why(empty_newsroom):
    article_id = empty_newsroom.end("Merger", "withdrawn", "the same text as the withdrawn article 1")
    answer = empty_newsroom.client().get(f"/v1/articles/{article_id}")
    assert answer.status_code == 410
    assert answer.json["detail"] == (
        f"the article {article_id} is withdrawn: the same text as the withdrawn article 1"
    )


def test_what_was_rejected_is_not_to_be_found(empty_newsroom):
    article_id = empty_newsroom.end("Merger", "rejected", "front-page")
    answer = empty_newsroom.client().get(f"/v1/articles/{article_id}")
    assert answer.status_code == 404
    assert answer.json["detail"].endswith("its status is rejected")
