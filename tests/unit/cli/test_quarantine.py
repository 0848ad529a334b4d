"""`copydesk quarantine` on a real ledger: who is listed, who goes back, who goes out, and who is asked."""

import json
import re

import pytest
import sqlalchemy as sa

from services.cli import quarantine
from shared.article import Source
from shared.clock import from_ms, now_ms
from shared.ledger.schema import originals
from shared.push import read_push

from .conftest import raw

HOUR = 3_600_000


def test_the_list_shows_ids_source_stage_attempts_and_reason(desk):
    [submission] = desk.quarantine(
        raw(1, source=Source("wire.example")), reason="ValueError: no [red]good[/red]"
    )
    told = desk.run("quarantine", "list")
    assert told.code == 0
    line = next(line for line in told.out.splitlines() if submission in line)
    assert re.split(r" {2,}", line.strip())[:5] == [submission, raw(1).id, "wire.example", "clean", "5"]
    assert "ValueError: no [red]good[/red]" in line


def test_what_an_article_says_cannot_take_the_terminal_over(desk):
    [submission] = desk.quarantine(
        raw(1, title="T \x9b2J", source=Source("w")), reason="bad \x1b[2J\x07 thing"
    )
    for words in (("list",), ("show", submission)):
        told = desk.run("quarantine", *words)
        assert told.code == 0
        assert not re.search(r"[\x1b\x07\x9b]", told.out)
    assert json.loads(desk.run("quarantine", "show", submission, "--original").out)["title"] == "T \x9b2J"


def test_an_empty_quarantine_says_so(desk):
    assert desk.run("quarantine", "list").out == "nothing is quarantined\n"
    assert desk.run("quarantine", "list", "--stage", "tag").out == "nothing is quarantined that matches\n"
    assert desk.run("quarantine", "list", "--json").out == ""


def test_conditions_narrow_the_list_and_json_has_a_line_for_each(desk, monkeypatch):
    monkeypatch.setattr(quarantine, "PAGE", 2)  # the list is read in pages
    old = desk.quarantine(raw(1), raw(2), reason="ValueError: one", at=now_ms() - 5 * HOUR)
    new = desk.quarantine(raw(3), raw(4), raw(5), reason="KeyError: two", at=now_ms() - HOUR)

    def listed(*words):
        lines = desk.run("quarantine", "list", "--json", *words).out.splitlines()
        return [json.loads(line)["submission"] for line in lines]

    assert listed() == [*old, *new]
    assert listed("--reason", "keyerror") == new
    assert listed("--since", "3h") == new
    assert listed("--until", "3h") == old
    assert listed("--source", "paper0.example") == [old[1], new[1]]
    assert listed("--stage", "tag") == []
    assert "3 of 5; --limit shows more" in desk.run("quarantine", "list", "--limit", "3").out
    first = json.loads(desk.run("quarantine", "list", "--json").out.splitlines()[0])
    assert set(first) == {
        "submission", "id", "source", "stage", "reason", "attempts", "accepted_at", "quarantined_at",
    }  # fmt: skip


def test_show_tells_all_and_the_original_can_be_pushed_again(desk):
    given = raw(1, keywords=("a", "b"), published_at=from_ms(1_769_851_800_000), language="en")
    [submission] = desk.quarantine(given)
    told = desk.run("quarantine", "show", submission)
    for words in ("quarantined at clean: ValueError: broken", given.id, "attempts     5", "boom", "accepted",
                  '"title": "Title 1"'):  # fmt: skip
        assert words in told.out
    original = json.loads(desk.run("quarantine", "show", submission, "--original").out)
    again = read_push(original, desk.settings, from_ms(now_ms()))
    assert (again.source.id, again.uri, again.body, again.keywords, again.published_at) == (
        given.source.id, given.uri, given.body.strip(), given.keywords, given.published_at,
    )  # fmt: skip


def test_what_is_not_in_quarantine_is_told_and_nothing_is_done(desk):
    [submission] = desk.quarantine(raw(1))
    [other] = desk.push(raw(2))
    for words in (
        ("show", other),
        ("replay", other, submission, "--yes"),
        ("drop", other, "--because", "x", "--yes"),
    ):
        told = desk.run("quarantine", *words)
        assert told.code == 1
        assert f"submission: {other!r}" in told.err
        assert "not in quarantine" in told.err
    assert desk.words() == {"quarantined": 1, "indexed": 1}


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--reason", ""),
        ("--source", ""),
        ("one", "--all"),
        ("--all", "--stage", "clean"),
        ("one", "--since", "2h"),
    ],
    ids=str,
)
@pytest.mark.parametrize("command", [("replay",), ("drop", "--because", "x")], ids=str)
def test_what_is_meant_must_be_said_in_one_way(desk, command, words):
    told = desk.run("quarantine", *command, *words)
    assert told.code == 2
    assert "exactly one of the three" in told.err


def test_a_replay_asks_first_and_sends_back_what_was_named(desk):
    first, second = desk.quarantine(raw(1), raw(2))
    told = desk.run("quarantine", "replay", first, answer="n\n")
    assert (told.code, "Replay 1 quarantined submission?" in told.err) == (1, True)
    assert "nothing was changed" in told.err
    assert desk.words() == {"quarantined": 2}
    told = desk.run("quarantine", "replay", first, answer="y\n")
    assert told.code == 0
    assert "1 submission sent back to the start" in told.out
    assert "the sweeper wakes the stages" in told.out
    assert desk.waiting() == {("clean", "replay"): 1}
    desk.work()
    assert desk.words() == {"quarantined": 1, "indexed": 1}
    assert desk.ledger.quarantined_one(second) is not None


def test_without_anybody_to_ask_nothing_is_done(desk):
    [submission] = desk.quarantine(raw(1))
    told = desk.run("quarantine", "replay", submission, answer="")
    assert told.code == 1
    assert "give --yes" in told.err
    assert desk.words() == {"quarantined": 1}


def test_all_goes_back_in_pages(desk, monkeypatch):
    monkeypatch.setattr(quarantine, "PAGE", 2)
    desk.quarantine(*(raw(number) for number in range(1, 6)))
    told = desk.run("quarantine", "replay", "--all", "--yes")
    assert (told.code, told.out.splitlines()[-1]) == (
        0, "5 submissions sent back to the start; follow with `copydesk status`",
    )  # fmt: skip
    assert desk.waiting() == {("clean", "replay"): 5}


def test_what_has_lost_its_original_stays_and_is_told(desk):
    old, _ = desk.quarantine(raw(1), raw(2))
    first = sa.select(sa.func.min(originals.c.sequence)).scalar_subquery()
    desk.alter(sa.delete(originals).where(originals.c.sequence == first))
    assert "there is no original: it was pruned" in desk.run("quarantine", "show", old).out
    told = desk.run("quarantine", "show", old, "--original")
    assert (told.code, "submission: there is no original: it was pruned" in told.err) == (1, True)
    told = desk.run("quarantine", "replay", "--all", "--yes")
    assert "1 submission sent back" in told.out
    assert "1 not: there is no original any more" in told.out
    assert desk.words() == {"quarantined": 1, "accepted": 1}


def test_a_condition_is_bounded_by_the_moment_of_asking(desk):
    early = quarantine._choose((), quarantine.Chosen(reason="broken"), 5_000, everything=False)
    assert [which.until for which in early] == [5_001]
    asked = quarantine._choose((), quarantine.Chosen(until=4_000), 5_000, everything=False)
    assert [which.until for which in asked] == [4_000]


def test_a_condition_chooses_who_goes_back(desk):
    desk.quarantine(raw(1), reason="ValueError: one")
    [kept] = desk.quarantine(raw(2), reason="KeyError: two")
    assert desk.run("quarantine", "replay", "--reason", "valueerror", "--yes").code == 0
    assert desk.words() == {"accepted": 1, "quarantined": 1}
    assert desk.ledger.quarantined_one(kept) is not None
    assert desk.run("quarantine", "replay", "--reason", "none such", "--yes").out == (
        "nothing is quarantined that matches\n"
    )


def test_a_drop_ends_with_its_reason_and_needs_one(desk):
    [submission] = desk.quarantine(raw(1))
    assert desk.run("quarantine", "drop", submission, "--yes").code == 2
    assert desk.run("quarantine", "drop", submission, "--because", " ", "--yes").code == 2
    assert desk.words() == {"quarantined": 1}
    assert desk.run("quarantine", "drop", submission, "--because", "an advert", "--yes").out == (
        "1 submission dropped\n"
    )
    assert desk.words() == {"rejected": 1}
    assert desk.ledger.status(raw(1).id).reason == "dropped: an advert"
