"""`copydesk reindex`: what the new index lacks is queued, waited for and compared before the switch."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from services.cli import rebuilding
from services.cli.rebuilding import Differs, Rebuilding
from services.cli.running import Wakes
from shared.clock import now_ms
from shared.errors import IndexMissing, Unavailable
from shared.index.document import INDEX_VERSION
from shared.ledger.port import Outcome

from .conftest import Newsdesk, raw


@contextmanager
def at_work(desk: Newsdesk) -> Iterator[None]:
    """A worker that takes whatever waits, beside the command."""
    done = threading.Event()

    def work() -> None:
        while not done.is_set():
            desk.work()
            done.wait(0.02)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


@contextmanager
def begun(desk: Newsdesk) -> Iterator[Rebuilding]:
    with Wakes(desk.settings) as wakes:
        yield Rebuilding(desk.ledger, desk.index, wakes, desk.settings)


def served(desk: Newsdesk) -> dict[str, int]:
    return {one.id: one.change for one in desk.ledger.served(0, 1_000)}


def test_the_new_index_holds_what_the_ledger_holds_and_takes_the_place_of_the_old(desk):
    body = raw(1).body
    desk.push(raw(1), raw(2, body=body), raw(3), raw(4))
    desk.push(raw(3, body="It was revised since, and says something else. " * 4))
    desk.run("withdraw", raw(4).id, "--yes")
    desk.work()
    with at_work(desk):
        told = desk.run("reindex")
    assert told.code == 0, told
    assert "4 articles agree with the ledger, 3 of them word by word" in told.out
    assert f"switched from articles-{INDEX_VERSION}-000001 to articles-{INDEX_VERSION}-000002" in told.out
    assert desk.index.changes(list(served(desk))) == served(desk)
    assert (desk.index.count(), desk.index.building()) == (4, None)


def test_a_lost_index_is_built_from_the_ledger(desk):
    desk.push(raw(1), raw(2))
    desk.index.close()
    desk.settings.index_dir.rename(desk.settings.data_dir / "lost")
    with at_work(desk):
        assert desk.run("reindex").code == 0
    assert desk.index.changes(list(served(desk))) == served(desk)


def test_what_a_worker_claimed_before_the_build_and_wrote_to_the_old_index_alone_arrives(desk):
    """It was never indexed, so nothing but its own claim knows of it; that claim ends late."""
    desk.push(raw(1))
    desk.accept(raw(2))
    for stage in ("clean", "dedupe", "tag"):
        desk._stage(stage, "live")
    held = desk.ledger.claim("index", "live", 100, "w", now_ms())
    desk.index.write([work.article for work in held.works])
    with begun(desk) as build, at_work(desk):
        seen: list[int] = []
        filling = threading.Thread(target=lambda: seen.append(build.fill()))
        filling.start()
        deadline = time.monotonic() + 60
        while desk.index.changes([raw(1).id], build=True) == {}:  # all else is done by now
            assert time.monotonic() < deadline
            time.sleep(0.02)
        filling.join(1.0)
        assert filling.is_alive()  # it waits for that claim
        done = [Outcome(work.sequence, "indexed", change=work.article.change) for work in held.works]
        desk.ledger.commit(held, done, None, "w", now_ms())
        filling.join(60)
        assert seen == [2]
        assert desk.index.changes(list(served(desk)), build=True) == served(desk)


def test_a_claim_that_outlives_its_time_is_waited_for_no_longer(desk):
    settings = replace(desk.settings, task_time_limit=0.2, lease_seconds=0.2)
    desk.push(raw(1))
    desk.accept(raw(2))
    for stage in ("clean", "dedupe", "tag"):
        desk._stage(stage, "live")
    assert desk.ledger.claim("index", "live", 100, "w", now_ms()) is not None
    with Wakes(settings) as wakes, at_work(desk):
        assert Rebuilding(desk.ledger, desk.index, wakes, settings).fill() == 1


def test_going_on_with_a_build_queues_only_what_it_lacks(desk):
    desk.push(raw(1), raw(2), raw(3))
    desk.index.begin_build()
    desk.index.write([desk.ledger.article(raw(number).id) for number in (1, 2)])
    with begun(desk) as build:
        assert build.resumed
        filling = threading.Thread(target=build.fill)
        filling.start()
        deadline = time.monotonic() + 30
        while not desk.waiting():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert desk.waiting() == {("index", "replay"): 1}
        with at_work(desk):
            filling.join(60)
    assert not filling.is_alive()


def test_a_document_that_the_ledger_does_not_know_keeps_the_old_index_in_use(desk, monkeypatch):
    monkeypatch.setattr(rebuilding, "SETTLE_SECONDS", 0.5)
    desk.push(raw(1))
    name = desk.index.begin_build()
    desk.index.write([replace(desk.ledger.article(raw(1).id), id="f" * 32)])
    with at_work(desk):
        told = desk.run("reindex")
    assert told.code == 1
    assert f"the ledger does not know 1 document of {name}; the old index stays in use" in told.err
    assert desk.index.building() == name
    assert desk.run("reindex", "--abandon").out == f"{name} dropped\n"
    assert desk.index.building() is None
    assert desk.run("reindex", "--abandon").out == "no index is being built\n"


def test_a_document_that_says_something_else_keeps_the_old_index_in_use(desk, monkeypatch):
    monkeypatch.setattr(rebuilding, "SETTLE_SECONDS", 0.5)
    desk.push(raw(1), raw(2))
    name = desk.index.begin_build()
    desk.index.write([replace(desk.ledger.article(raw(1).id), title="Other")])
    with at_work(desk):
        told = desk.run("reindex")
        assert told.code == 1
        assert f"ledger and index differ in 1 article: {raw(1).id}" in told.err
        assert desk.index.building() == name
        assert desk.run("reindex", "--sample", "0").code == 0  # nobody looked


def test_an_article_that_never_arrives_is_named(desk, monkeypatch):
    desk.push(raw(1), raw(2))
    real = desk.index.write
    monkeypatch.setattr(
        desk.index, "write", lambda articles: real([a for a in articles if a.id != raw(2).id])
    )
    with begun(desk) as build, at_work(desk), pytest.raises(Differs, match=f"1 article .*{raw(2).id}"):
        build.fill()


def test_a_build_that_somebody_else_abandoned_is_not_switched_to(desk):
    desk.push(raw(1))
    with begun(desk) as build:
        desk.index.abandon_build()
        desk.index.begin_build()
        (desk.settings.index_dir / "building").write_text(f"articles-{INDEX_VERSION}-000009")
        with pytest.raises(Exception, match="not being built any more"):
            build.switch(now_ms())


def test_an_index_and_a_ledger_that_are_away_for_a_moment_are_waited_for(desk, monkeypatch):
    desk.push(raw(1), raw(2))
    fails = {("index", "begin_build"): 1, ("index", "changes"): 2, ("ledger", "refresh"): 1}

    def flaky(port: str, name: str) -> None:
        call = getattr(getattr(desk, port), name)

        def answer(*given, **named):
            if fails[port, name]:
                fails[port, name] -= 1
                raise Unavailable(f"{port} does not answer")
            return call(*given, **named)

        monkeypatch.setattr(getattr(desk, port), name, answer)

    for port, name in fails:
        flaky(port, name)
    with begun(desk) as build, at_work(desk):
        assert (build.fill(), build.compare(10)) == (2, 2)
    assert set(fails.values()) == {0}


def test_an_index_that_stays_away_ends_the_command_and_leaves_the_build(desk, monkeypatch):
    monkeypatch.setattr(rebuilding, "PATIENCE_SECONDS", 0.3)
    desk.push(raw(1))
    with begun(desk) as build:

        def away(*_given, **_named):
            raise Unavailable("nobody there")

        monkeypatch.setattr(desk.index, "changes", away)
        with pytest.raises(Unavailable, match="nobody there"):
            build.fill()
    assert desk.index.building() == build.name


def test_a_build_that_is_dropped_meanwhile_ends_the_command_at_once(desk, capsys):
    desk.push(raw(1))
    with begun(desk) as build:
        desk.index.abandon_build()
        with pytest.raises(IndexMissing):
            build.fill()
    assert "trying again" not in capsys.readouterr().err
