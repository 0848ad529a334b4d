"""What a source's articles have in common is learnt by real workers, cut from later ones, and explained."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from shared.article import RawArticle, Source
from shared.clock import from_ms, now_ms
from shared.profiles.open import open_profiles

from .conftest import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.timeout(180)]
SOURCE = Source("tides.example")
# No rule knows this line: only that every article of the source has it tells what it is.
LINE = "The pilot boats of the outer harbour carry these pages to every island before the morning tide."
TOPICS = (
    "ferry", "lighthouse", "herring", "dredger", "regatta", "breakwater", "pilotage", "salt marsh", "crane",
)  # fmt: skip


def page(number: int, topic: str) -> RawArticle:
    """A page as text, with the line between its paragraphs."""
    text = "\n".join((
        f"Council looks again at the {topic}",
        f"Members of the council spoke for two hours about the {topic} on day {number} of their session.",
        f"An engineer had told them in March that the {topic} would need {number + 3} months of work.",
        LINE,
        f"Nobody voted against the plan for the {topic}, and the mayor thanked all {number + 11} members.",
        f"Work on the {topic} begins in autumn, when number {number} of the old piers has been cleared.",
    ))  # fmt: skip
    return RawArticle(
        id=f"{number:032x}", source=SOURCE, uri=f"item-{number}", text=text, ingested_at=from_ms(now_ms())
    )


def test_a_line_of_every_page_is_learnt_and_cut_and_is_no_new_revision(newsroom: Any) -> None:
    first = newsroom.start_small()
    pages = [page(number, topic) for number, topic in enumerate(TOPICS)]
    newsroom.accept(*pages[:-1])
    assert newsroom.wait_for_all() == {"indexed": len(TOPICS) - 1}, newsroom.logs()
    assert LINE in newsroom.ledger.article(pages[0].id).body, "nothing is known of a source's first articles"
    profiles = open_profiles(newsroom.settings)
    # A worker counts what it has committed; and asks for profiles twice a minute, so a new one goes on.
    wait_until(lambda: profiles.read([SOURCE.id])[SOURCE.id].articles == len(TOPICS) - 1, "the counts")
    assert newsroom.stop(first) == 0
    newsroom.start_small()
    newsroom.accept(pages[-1], replace(pages[0]))
    wait_until(lambda: newsroom.status(pages[0]) == "unchanged", f"the resend: {newsroom.logs()}")
    wait_until(lambda: newsroom.status(pages[-1]) == "indexed", f"the last page: {newsroom.logs()}")
    learnt = newsroom.ledger.article(pages[-1].id)
    assert LINE not in learnt.body
    assert [(cut.text, cut.reason, cut.above) for cut in learnt.removed] == [(LINE, "repeated-in-source", 2)]
    wait_until(lambda: profiles.read([SOURCE.id])[SOURCE.id].articles == len(TOPICS), "the last count")
