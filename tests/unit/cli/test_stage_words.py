"""What `copydesk stage` says of a line that it cannot use: which line, which field, and what is wrong."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from services.cli.stage import stage

BODY = "The council of the town voted for a new bridge on Monday after a long debate about money."


def run(name: str, *lines: object) -> list[dict[str, object]]:
    done = CliRunner().invoke(stage, [name], input="\n".join(map(json.dumps, lines)))
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("name", ["dedupe", "tag"])
def test_a_date_that_is_none_is_an_error_that_names_line_and_field(name: str) -> None:
    good = {"id": "a", "body": BODY, "published_at": "2026-01-31T09:30:00Z"}
    first, second, third = run(name, good, {**good, "id": "b", "published_at": "foo"}, {**good, "id": "c"})
    assert "error" not in first
    assert second == {
        "id": "b",
        "error": "line 2: published_at: must be an RFC 3339 date and time, such as 2026-01-31T09:30:00Z",
    }
    assert third["id"] == "c"
    assert "error" not in third


def test_clean_looks_for_a_date_itself_and_goes_on_without_one() -> None:
    (answer,) = run("clean", {"id": "a", "text": f"{BODY} " * 3, "published_at": "yesterday"})
    assert (answer["published_at"], answer.get("error")) == (None, None)


def test_every_error_says_which_line_it_was() -> None:
    answers = run("clean", {"id": "a", "text": BODY}, {"no": "id"}, [])
    assert [str(answer.get("error", "")).partition(":")[0] for answer in answers] == ["", "line 2", "line 3"]
