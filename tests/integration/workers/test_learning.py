"""What real workers learn of a source, and how they go by rules that a newsroom has changed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.workers.stages.tag import load_tagger
from shared.article import RawArticle, Source
from shared.clock import from_ms, now_ms
from shared.profiles.open import open_profiles

from .conftest import ROOT, wait_until

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


RULE = """medtop:20000291:
  name: shipping service
  phrases:
    en:
      5: [the old piers, members of the council]
"""


def replay_tags(newsroom: Any) -> str:
    environ = {**os.environ, **newsroom.settings.environment(), "PYTHONPATH": str(ROOT)}
    argv = [sys.executable, "-m", "services.cli.main", "replay", "--from-stage", "tag", "--yes"]
    done = subprocess.run(argv, env=environ, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_changed_rules_are_noticed_and_the_past_is_tagged_by_them(newsroom: Any, tmp_path: Path) -> None:
    first = newsroom.start_small()
    pages = [page(number, topic) for number, topic in enumerate(TOPICS[:3])]
    newsroom.accept(*pages)
    newsroom.wait_for_all()
    assert newsroom.stop(first) == 0
    shipped = load_tagger().version
    assert {newsroom.ledger.article(one.id).vocabulary for one in pages} == {shipped}
    folder = tmp_path / "rules"
    (folder / "topics").mkdir(parents=True)
    (folder / "topics" / "ours.yaml").write_text(RULE)
    newsroom.settings = replace(newsroom.settings, vocabulary_dir=str(folder))
    newsroom.start_small()
    newsroom.accept(page(8, TOPICS[8]))
    newsroom.wait_for_all()
    assert "3 of 4 articles" in replay_tags(newsroom)
    newsroom.wait_for_all()
    present = load_tagger(folder).version
    assert present != shipped
    for one in pages:
        article = newsroom.ledger.article(one.id)
        assert article.vocabulary == present
        assert "medtop:20000291" in {tag.code for tag in article.topics}
    assert "all 4 articles" in replay_tags(newsroom)


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        (RULE.replace("20000291", "99999999"), "ours.yaml:1: "),
        (RULE.replace("      5:", "      50:"), "ours.yaml:5: "),
    ],
)
def test_a_mistake_in_the_rules_ends_the_start_of_a_worker(
    newsroom: Any, tmp_path: Path, rule: str, told: str
) -> None:
    folder = tmp_path / "rules"
    (folder / "topics").mkdir(parents=True)
    (folder / "topics" / "ours.yaml").write_text(rule)
    newsroom.settings = replace(newsroom.settings, vocabulary_dir=str(folder))
    number = newsroom.start_worker("tag", more=("-c", "1"))
    assert newsroom.workers[number].wait(timeout=30) not in (0, None)
    assert told in newsroom.logs()


def test_a_worker_that_neither_cleans_nor_tags_needs_no_rules(newsroom: Any, tmp_path: Path) -> None:
    newsroom.settings = replace(newsroom.settings, vocabulary_dir=str(tmp_path / "nowhere"))
    newsroom.start_worker("index", more=("-c", "1"))
    wait_until(lambda: " ready." in newsroom.logs(), f"a worker: {newsroom.logs()}")
    number = newsroom.start_worker("tag", more=("-c", "1"))
    assert newsroom.workers[number].wait(timeout=30) not in (0, None)
    assert "nowhere" in newsroom.logs()
