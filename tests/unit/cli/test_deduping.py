"""What `copydesk stage dedupe` remembers from line to line: items, leads, copies and stories."""

from __future__ import annotations

import json

from click.testing import CliRunner

from services.cli.stage import stage
from tests.unit.nearness.texts import BANK, BANK_TITLE, FERRY, FERRY_TITLE, FLOOD, FLOOD_TITLE, STORIES, lines

HALF = "\n".join(lines(FERRY)[:4])
MOST = "\n".join(lines(FERRY)[:6])
LEAD = {"id": "lead", "title": FERRY_TITLE, "body": FERRY, "published_at": "2026-03-02T08:00:00Z"}


def told(*given: dict[str, object]) -> list[tuple[str, str | None, str]]:
    text = "\n".join(json.dumps(each) for each in given)
    done = CliRunner().invoke(stage, ["dedupe"], input=text)
    assert done.exit_code == 0, done.output
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == [each["id"] for each in given]
    return [(answer["verdict"], answer["of"], answer["story_id"]) for answer in answers]


def test_a_near_copy_has_its_leads_story_and_comes_again_as_the_same() -> None:
    copy = {"id": "copy", "title": "Boats are back", "body": HALF, "published_at": "2026-03-03T08:00:00Z"}
    better = {**copy, "id": "better", "body": MOST}
    other = {"id": "other", "title": BANK_TITLE, "body": BANK}
    assert told(LEAD, copy, other, better, copy, LEAD) == [
        ("new", None, "lead"),
        ("duplicate", "lead", "lead"),
        ("new", None, "other"),
        ("duplicate", "lead", "lead"),
        ("duplicate", "lead", "lead"),
        ("new", None, "lead"),
    ]


def test_the_same_text_as_a_copy_is_a_copy_of_the_lead() -> None:
    copy = {"id": "copy", "title": "Boats are back", "body": HALF}
    assert told({**LEAD, "published_at": None}, copy, {**copy, "id": "again"})[2] == (
        "duplicate",
        "lead",
        "lead",
    )


def test_a_text_without_a_date_comes_when_the_last_one_did() -> None:
    late = {"id": "late", "title": FLOOD_TITLE, "body": FLOOD, "published_at": "2026-03-09T08:00:00Z"}
    copy = {"id": "copy", "title": "Boats are back", "body": HALF}
    assert told(LEAD, copy)[1][0] == "duplicate"
    assert told(LEAD, late, copy)[2][0] == "new"


def test_a_lead_with_copies_that_changes_goes_on_leading() -> None:
    copy = {**LEAD, "id": "copy", "body": HALF}
    bank = {"id": "bank", "title": BANK_TITLE, "body": BANK, "published_at": "2026-03-02T08:00:00Z"}
    changed = {**LEAD, "title": BANK_TITLE, "body": BANK + "Amended."}
    assert told(bank, LEAD, copy, changed)[3] == ("new", None, "lead")


def test_articles_about_one_event_are_one_story() -> None:
    second = {
        "id": "second",
        "title": "Norrholm ferry: cars can cross from Karlsvik again",
        "body": STORIES["SECOND_REPORT"],
    }
    assert told(LEAD, second)[1] == ("new", None, "lead")
