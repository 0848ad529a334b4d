"""`copydesk withdraw`: asks, tells what it did, and has the tombstone written."""

from datetime import UTC, datetime

from .conftest import raw


def test_it_asks_with_the_title_and_takes_the_article_out_of_search(desk):
    desk.push(raw(1))
    told = desk.run("withdraw", raw(1).id, answer="n\n")
    assert told.code == 1
    assert "Withdraw 'Title 1' of paper1.example, for good?" in told.err
    assert desk.words() == {"indexed": 1}
    told = desk.run("withdraw", raw(1).id, answer="y\n")
    assert told.code == 0
    assert f"{raw(1).id} is withdrawn, with 1 submission" in told.out
    desk.work()
    assert desk.index.get([raw(1).id], datetime.now(UTC)) == []
    assert desk.words() == {"withdrawn": 1}
    assert desk.ledger.accept([raw(1)], 1)[0].withdrawn


def test_a_purge_erases_the_text_and_names_the_copies_that_are_left(desk):
    desk.push(raw(1))
    told = desk.run("withdraw", raw(1).id, "--purge", "--yes")
    assert told.code == 0
    assert "copies of the ledger that were made before still hold it" in told.out
    assert desk.ledger.article(raw(1).id).body == ""
    assert {claim.article_id for claim in desk.ledger.erasures(10)} == {raw(1).id}


def test_an_unknown_id_is_one_sentence(desk):
    told = desk.run("withdraw", "f" * 32, "--yes")
    assert (told.code, told.err) == (1, f"id: no article has the id '{'f' * 32}'")


def test_repeating_it_is_harmless_and_status_shows_it(desk):
    desk.push(raw(1))
    for _ in range(2):
        assert desk.run("withdraw", raw(1).id, "--yes").code == 0
    told = desk.run("status", raw(1).id)
    assert told.code == 0
    assert f"{raw(1).id}  withdrawn, revision 1" in told.out
    assert "nobody finds it any more" in told.out
