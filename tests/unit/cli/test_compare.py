"""`copydesk doctor --compare`: what differs between ledger, index and fingerprints is found, and mended."""

from __future__ import annotations

from dataclasses import replace

import pytest
import sqlalchemy as sa

from services.cli import compare, served
from services.cli.compare import Desk, check_fingerprints, check_index
from services.cli.served import last_sequence, read_served
from shared.clock import from_ms, now_ms
from shared.fingerprints.memory import MemoryFingerprints
from shared.ledger.schema import articles, submissions

from .conftest import raw

HOUR = 3_600_000


@pytest.fixture(autouse=True)
def _no_patience(monkeypatch):
    monkeypatch.setattr(compare, "SETTLE_SECONDS", 0.0)


def compared(desk, *words):
    told = desk.run("doctor", "--compare", "--all", *words)
    return told.code, told.out


def of(desk, **more):
    return Desk(desk.settings, desk.ledger, more.pop("sample", None), more.pop("mend", False))


def bad(findings):
    return [finding.told for finding in findings if not finding.good]


def test_what_agrees_is_well(desk):
    body = raw(1).body
    desk.push(raw(1), raw(2, body=body), raw(3))
    desk.quarantine(raw(4))
    desk.run("withdraw", raw(3).id, "--yes")
    desk.work()
    code, told = compared(desk)
    assert code == 0, told
    for words in ("its totals agree with its rows", "1 copy, each with a lead", "3 articles compared",
                  "no document that the ledger does not know", "not compared: no Redis"):  # fmt: skip
        assert words in told


def test_a_tombstone_may_leave_the_index(desk):
    desk.push(raw(1), raw(2))
    desk.run("withdraw", raw(1).id, "--yes")
    desk.work()
    assert desk.index.remove_tombstones(now_ms() + HOUR, 10) == 1
    assert desk.index.count() == 1
    assert bad(check_index(of(desk), desk.index)) == []


def test_an_article_that_the_index_has_lost_is_found_and_written_again(desk):
    desk.push(raw(1), raw(2))
    desk.index.close()
    (desk.settings.index_dir).rename(desk.settings.data_dir / "lost")
    desk.index.create()
    code, told = compared(desk)
    assert code == 1
    assert f"2 articles not in the index ({raw(1).id}, {raw(2).id}); --mend has them written" in told
    assert desk.waiting() == {}
    code, told = compared(desk, "--mend")
    assert code == 1
    assert "they are being written to the index again" in told
    assert desk.waiting() == {("index", "replay"): 2}
    desk.work()
    assert compared(desk)[0] == 0


def test_an_older_document_is_found_and_written_again(desk):
    desk.push(raw(1))
    desk.alter(sa.update(articles).values(change=7, indexed_change=7))
    code, told = compared(desk, "--mend")
    assert code == 1
    assert f"1 article older in the index than in the ledger ({raw(1).id})" in told
    desk.work()
    assert compared(desk)[0] == 0
    assert desk.index.changes([raw(1).id]) == {raw(1).id: 7}


def test_a_document_newer_than_the_ledger_is_found_and_told_what_helps(desk):
    desk.push(raw(1))
    newer = replace(desk.ledger.article(raw(1).id), change=9)
    desk.index.write([newer])
    code, told = compared(desk, "--mend")
    assert code == 1
    assert "1 article newer in the index than in the ledger" in told
    assert "`copydesk reindex`" in told


def test_another_content_at_the_same_change_is_found(desk):
    desk.push(raw(1))
    found = desk.ledger.article(raw(1).id)
    desk.alter(sa.update(articles).values(change=found.change + 1, indexed_change=found.change + 1))
    desk.index.write([replace(found, change=found.change + 1, title="Another title")])
    code, told = compared(desk)
    assert code == 1
    assert "1 article other in the index than in the ledger, at the same change" in told


def test_documents_that_the_ledger_does_not_know_are_counted(desk):
    desk.push(raw(1))
    known = desk.ledger.article(raw(1).id)
    desk.index.write([replace(known, id="e" * 32), replace(known, id="f" * 32)])
    code, told = compared(desk)
    assert code == 1
    assert "2 documents that the ledger does not know" in told


def test_an_article_under_way_is_no_difference(desk):
    desk.push(raw(1))
    desk.accept(raw(1, title="A new title"))
    for stage in ("clean", "dedupe"):
        desk._stage(stage, "live")
    assert desk.waiting() == {("tag", "live"): 1}
    [[one]] = read_served(desk.ledger, None)
    assert desk.index.changes([one.id])[one.id] < one.change
    assert bad(check_index(of(desk), desk.index)) == []


@pytest.mark.parametrize("moves", ["index", "ledger"])
def test_what_moves_between_two_looks_is_no_difference(desk, monkeypatch, moves):
    desk.push(raw(1))
    mine = sa.update(articles).where(articles.c.id == raw(1).id)
    desk.alter(mine.values(change=9, indexed_change=9))

    def move(ledger):
        if moves == "index":
            desk.index.write(ledger.articles([raw(1).id]))
        else:
            desk.alter(mine.values(change=10))

    monkeypatch.setattr(compare, "_let_settle", move)
    assert bad(check_index(of(desk), desk.index)) == []
    monkeypatch.setattr(compare, "_let_settle", lambda ledger: None)
    assert (bad(check_index(of(desk), desk.index)) == []) == (moves == "index")


def test_a_lost_fingerprint_is_found_and_put_back(desk):
    desk.push(raw(1), raw(2, body=raw(1).body), raw(3))
    desk.push(raw(4), at=now_ms() - 80 * HOUR)  # older than the window
    lost = MemoryFingerprints()
    [told] = bad(check_fingerprints(of(desk), lost))
    assert told.startswith(f"2 texts of the last three days lost ({raw(1).id}, {raw(3).id}); --mend")
    [told] = bad(check_fingerprints(of(desk, mend=True), lost))
    assert told.endswith("; put back")
    assert bad(check_fingerprints(of(desk), lost)) == []
    assert bad(check_fingerprints(of(desk), desk.fingerprints)) == []


def test_a_store_that_is_being_put_back_is_said_to_be(desk):
    class Lost(MemoryFingerprints):
        def is_ready(self):
            return False

    [told] = bad(check_fingerprints(of(desk), Lost()))
    assert "the sweeper puts them back" in told


def test_two_leads_of_one_text_are_found_and_a_dead_lead_in_the_store_is_not_one(desk):
    desk.push(raw(1), raw(2))
    hashes = {one.id: one.text_hash for page in read_served(desk.ledger, None) for one in page}
    other = MemoryFingerprints()
    other.load(
        [compare.TextClaim(raw(2).id, hashes[raw(1).id]), compare.TextClaim(raw(2).id, hashes[raw(2).id])]
    )
    [told] = bad(check_fingerprints(of(desk), other))
    assert "1 text led by two articles" in told
    dead = MemoryFingerprints()
    dead.load([compare.TextClaim("d" * 32, one) for one in hashes.values()])
    assert bad(check_fingerprints(of(desk), dead)) == []


def test_the_same_words_weeks_later_have_a_lead_of_their_own(desk):
    body = raw(1).body
    for number, days in ((1, 20), (2, 10), (3, 9)):
        desk.push(raw(number, body=body, published_at=from_ms(now_ms() - days * 24 * HOUR)))
    assert [desk.ledger.article(raw(number).id).duplicate_of for number in (1, 2, 3)] == [
        None,
        None,
        raw(2).id,
    ]
    assert bad(check_fingerprints(of(desk), desk.fingerprints)) == []


def test_a_copy_whose_lead_is_gone_is_found(desk):
    desk.push(raw(1), raw(2, body=raw(1).body))
    desk.alter(sa.update(articles).where(articles.c.id == raw(2).id).values(duplicate_of="d" * 32))
    code, told = compared(desk)
    assert code == 1
    assert f"of 1 copy the lead is gone ({raw(2).id})" in told


def test_a_row_at_no_stage_that_has_not_ended_is_found(desk):
    desk.accept(raw(1), raw(2))
    assert compared(desk)[0] == 0
    desk.alter(sa.update(submissions).where(submissions.c.article_id == raw(1).id).values(stage=None))
    code, told = compared(desk)
    assert code == 1
    assert "1 submission at no stage, and not ended" in told


def test_totals_that_do_not_agree_with_the_rows_are_found(desk):
    desk.push(raw(1), raw(2))
    desk.ledger.tally("indexed", 3)
    code, told = compared(desk)
    assert code == 1
    assert "5 indexed in its totals, 2 in its rows" in told
    assert "2 accepted in all, but 5 ended and 0 pending" in told


def test_without_a_ledger_or_an_index_it_says_what_to_do(desk, tmp_path):
    desk.push(raw(1))
    desk.index.close()
    desk.settings.index_dir.rename(tmp_path / "elsewhere")
    code, told = compared(desk)
    assert code == 1
    assert "`copydesk migrate` makes an index" in told
    (tmp_path / "ledger.sqlite").rename(tmp_path / "gone.sqlite")
    assert "not made yet" in compared(desk)[1]


@pytest.mark.parametrize(
    "words", [("--all",), ("--mend",), ("--sample", "5"), ("--compare", "--all", "--sample", "5")]
)
def test_options_that_say_nothing_together_are_refused(desk, words):
    assert desk.run("doctor", *words).code == 2


def test_a_sample_looks_at_about_so_many_spread_over_the_ledger(desk, monkeypatch):
    monkeypatch.setattr(served, "BLOCK", 2)
    desk.push(*(raw(number) for number in range(1, 41)))
    pages = list(read_served(desk.ledger, 10))
    found = [one.sequence for page in pages for one in page]
    assert len(found) == len(set(found)) == 10
    assert [len(page) for page in pages] == [2] * 5
    assert [page[0].sequence // 8 for page in pages] == pytest.approx([0, 1, 2, 3, 4], abs=1)
    assert len([one for page in read_served(desk.ledger, 40) for one in page]) == 40
    assert last_sequence(desk.ledger) == 40
    told = desk.run("doctor", "--compare", "--sample", "10").out
    assert "10 articles compared" in told


def test_a_sample_of_a_ledger_with_gaps_looks_at_nothing_twice(desk, monkeypatch):
    monkeypatch.setattr(served, "BLOCK", 2)
    desk.push(*(raw(number) for number in range(1, 41)))
    desk.alter(sa.delete(articles).where(articles.c.sequence < 36))
    found = [one.sequence for page in read_served(desk.ledger, 10) for one in page]
    assert found == [36, 37, 38, 39, 40]
