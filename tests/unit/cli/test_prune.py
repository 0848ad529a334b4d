"""`copydesk prune`: which rules a command line or the settings make, and that they are followed."""

from dataclasses import replace

import pytest
import sqlalchemy as sa

from services.cli.prune import DAY_MS, describe, given_rules, kept_rules
from shared.clock import now_ms
from shared.ledger.engine import Database
from shared.ledger.keeping import PruneRule
from shared.ledger.schema import originals
from shared.settings import Settings

from .conftest import raw

NOW = 1_790_000_000_000


def before(days):
    return NOW - int(days * DAY_MS)


def by_name(rules):
    return sorted(rules, key=repr)


def test_the_settings_make_the_rules_source_by_source(tmp_path):
    settings = Settings(
        data_dir=tmp_path, keep_originals_days=30, keep_ended_days=7, keep_articles_days=365,
        keep_sources="Blog.example=30, wire.example=0.5",
    )  # fmt: skip
    common = [PruneRule("originals", before(30)), PruneRule("ended", before(7))]
    assert by_name(kept_rules(settings, None, NOW)) == by_name([
        *common,
        PruneRule("articles", before(30), "blog.example"),
        PruneRule("articles", before(0.5), "wire.example"),
        PruneRule("articles", before(365), None, ("blog.example", "wire.example")),
    ])  # fmt: skip
    of_one = [replace(rule, source="wire.example") for rule in common]
    assert by_name(kept_rules(settings, "wire.example", NOW)) == by_name(
        [*of_one, PruneRule("articles", before(0.5), "wire.example")]
    )
    of_other = [replace(rule, source="other.example") for rule in common]
    assert by_name(kept_rules(settings, "other.example", NOW)) == by_name(
        [*of_other, PruneRule("articles", before(365), "other.example")]
    )
    assert list(kept_rules(Settings(data_dir=tmp_path), None, NOW)) == []


def test_the_command_line_makes_the_rules_it_names_and_no_others():
    days = {"originals": None, "ended": 2.0, "articles": 0.25}
    assert list(given_rules(days, "wire.example", NOW)) == [
        PruneRule("ended", before(2), "wire.example"), PruneRule("articles", before(0.25), "wire.example"),
    ]  # fmt: skip


def test_a_rule_is_told_in_words():
    rule = PruneRule("articles", NOW, None, ("a.example", "b.example"))
    assert describe(rule) == "articles, but of a.example, b.example, accepted before 2026-09-21 14:13:20 UTC"


def test_settings_that_keep_everything_are_said_to(desk):
    told = desk.run("prune", "--yes")
    assert (told.code, "the settings keep everything" in told.out) == (0, True)


def originals_left(desk):
    database = Database(desk.settings.ledger_url)
    with database.read() as connection:
        found = connection.execute(sa.select(originals.c.sequence)).all()
    database.close()
    return len(found)


@pytest.mark.parametrize("words", [("--dry-run",), ()], ids=["dry", "unanswered"])
def test_nothing_is_removed_by_a_dry_run_or_without_an_answer(desk, words):
    desk.push(raw(1), at=now_ms() - 3 * DAY_MS)
    told = desk.run("prune", "--originals", "1", *words, answer="n\n")
    assert told.code == (0 if words else 1)
    assert "originals of submissions, accepted before" in told.out
    assert originals_left(desk) == 1


def test_originals_go_by_age(desk):
    desk.push(raw(1), raw(2), at=now_ms() - 3 * DAY_MS)
    desk.push(raw(3))
    told = desk.run("prune", "--originals", "1", answer="y\n")
    assert (told.code, told.out.splitlines()[-1]) == (0, "originals: 2")
    assert originals_left(desk) == 1
    assert desk.words() == {"indexed": 3}


def test_what_has_ended_goes_by_age_and_the_totals_still_agree(desk):
    desk.quarantine(raw(1), at=now_ms() - 3 * DAY_MS)
    desk.push(raw(2), at=now_ms() - 3 * DAY_MS)
    told = desk.run("prune", "--ended", "1", "--yes")
    assert (told.code, told.out.splitlines()[-1]) == (0, "ended: 1")
    assert desk.words() == {"indexed": 1}
    assert desk.ledger.tallies()["pruned"] == 1
    compared = desk.run("doctor", "--compare", "--all")
    assert compared.code == 0, compared.out


def test_articles_of_one_source_leave_search_and_the_others_stay(desk):
    desk.push(raw(1), raw(2), at=now_ms() - 3 * DAY_MS)
    desk.push(raw(3))
    told = desk.run("prune", "--articles", "1", "--source", "paper1.example", "--yes")
    assert (told.code, told.out.splitlines()[1]) == (0, "articles: 1")
    assert desk.waiting()[("index", "replay")] == 1
    desk.work()
    gone = [number for number in (1, 2, 3) if desk.ledger.article(raw(number).id).withdrawn]
    assert gone == [1]
