"""`copydesk stage`: a line for a line, in order, whatever the lines hold."""

import io
import json

import pytest
from click.testing import CliRunner

from services.cli.stage import answer_line, read_lines, stage

BRIDGE = (
    "The council of the town voted for a new bridge on Monday after a long debate about money. "
    "Construction will begin in the spring of next year, the mayor said, and end before the winter of 2029. "
    "Until then a ferry takes people across."
)


def run(name, *lines):
    given = b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    done = CliRunner().invoke(stage, [name], input=given)
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_clean_answers_with_the_fields_of_its_contract():
    (answer,) = run("clean", {"id": "1", "title": "A bridge", "text": BRIDGE, "unknown": [1]})
    assert list(answer) == [
        "id",
        "title",
        "body",
        "language",
        "published_at",
        "authors",
        "removed",
        "rejected",
    ]
    assert (answer["id"], answer["language"], answer["rejected"]) == ("1", "en", None)
    assert "voted for a new bridge" in answer["body"]


def test_clean_answers_a_rejected_page_with_its_reason():
    (answer,) = run("clean", {"id": "1"})
    assert answer["id"] == "1"
    assert isinstance(answer["rejected"], str)


def test_tag_answers_with_the_fields_of_its_contract():
    body = "The central bank of Orlanda cut its key interest rate to 3.25 percent. Inflation fell again."
    (answer,) = run("tag", {"id": "1", "title": "Central bank cuts rates", "body": body})
    assert list(answer) == ["id", "topics", "entities", "keywords", "amounts"]
    assert set(answer["topics"][0]) == {"code", "name", "score", "evidence", "broader"}
    assert answer["amounts"] == [{"text": "3.25 percent", "value": 3.25, "unit": "percent"}]


def test_dedupe_answers_in_order_of_arrival_with_lead_and_story():
    lead, copy = (
        {"id": "a", "title": "A bridge", "body": BRIDGE},
        {"id": "b", "title": "Again", "body": BRIDGE.upper()},
    )
    first, second, other, again = run(
        "dedupe", lead, copy, {"id": "c", "title": "A dam", "body": "x " * 30}, copy
    )
    assert first == {"id": "a", "verdict": "new", "of": None, "similarity": 0.0, "story_id": "a"}
    assert (
        second == again == {"id": "b", "verdict": "duplicate", "of": "a", "similarity": 1.0, "story_id": "a"}
    )
    assert (other["verdict"], other["of"]) == ("new", None)


@pytest.mark.parametrize("name", ["clean", "dedupe", "tag"])
def test_bad_lines_answer_an_error_and_the_rest_goes_on_in_order(name):
    lines = [
        {"id": "first", "title": "A bridge", "body": BRIDGE},
        b"nonsense",
        b"",
        b"\xff\xfe",
        b"[" * 100_000,
        {"title": "no id"},
        {"id": "half", "body": "\ud800"},
        [1, 2],
        {"id": "last", "title": "A bridge", "body": BRIDGE},
    ]
    answers = run(name, *lines)
    assert len(answers) == len(lines)
    assert [answer["id"] for answer in answers if "error" not in answer][:1] == ["first"]
    assert answers[-1]["id"] == "last"
    assert all(set(answer) == {"id", "error"} for answer in (*answers[1:6], answers[7]))


def test_a_stage_that_fails_on_one_article_answers_an_error_for_it():
    def fail(raw):
        raise ZeroDivisionError("by nothing")

    answer = answer_line(b'{"id": "1", "body": "x"}', fail)
    assert answer == {"id": "1", "error": "ZeroDivisionError: by nothing"}


def test_a_line_over_the_limit_is_cut_and_the_next_one_is_whole(monkeypatch):
    monkeypatch.setattr("services.cli.stage.LONGEST_LINE", 10)
    lines = list(read_lines(io.BytesIO(b"x" * 35 + b"\nshort\n" + b"y" * 9 + b"\nend")))
    assert lines == [b"x" * 10, b"short\n", b"y" * 9 + b"\n", b"end"]


def test_the_same_line_gives_the_same_answer():
    line = {"id": "1", "title": "A bridge", "text": BRIDGE}
    assert run("clean", line) == run("clean", line)
