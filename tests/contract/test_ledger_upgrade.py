"""A ledger of the release before, with articles in every state: it is migrated, and everything goes on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config

from shared.article import Article
from shared.codec import from_json, pack, to_json, unpack
from shared.errors import Unavailable
from shared.ledger import open as opening
from shared.ledger.engine import Database
from shared.ledger.keeping import QuarantineFilter, ReplaySpec
from shared.ledger.open import migrate_ledger, open_ledger
from shared.ledger.schema import articles, metadata, tallies
from shared.settings import Settings
from tests.contract.keeping_cases import BRIDGE, PIER, Newsroom, piece, walk

BEFORE = "0002"
# Columns and tables that that release did not have; four migrations are taken at once.
NEW_OF_ARTICLES = {"vocabulary", "rule", "passage", "moment", "rank", "held", "due_at", "heir"}
NEW = NEW_OF_ARTICLES | {"sketch", "story", "request", "traceparent"}
NEW_TABLES = {"sketches", "revisions", "events", "story_merges", "barred_texts", "api_keys"}


@pytest.fixture
def old(unmade: Settings, tmp_path: Path, empty_sqlite: Path) -> Iterator[Newsroom]:
    """A newsroom on a ledger that the release before has filled; its tables are those of that release."""
    (tmp_path / "now").mkdir()
    (tmp_path / "now" / "ledger.sqlite").write_bytes(empty_sqlite.read_bytes())
    room = Newsroom(Settings(data_dir=tmp_path / "now"))
    fill(room)
    room.ledger.close()
    database = Database(unmade.ledger_url, patient=True)
    with database.write() as connection:
        config = Config(attributes={"connection": connection})
        migrations = Path(opening.__file__).parent / "migrations"
        config.set_main_option("script_location", str(migrations))
        command.upgrade(config, BEFORE)
    copy_rows(room, database)
    database.close()
    # As that release wrote them.
    room.documents = {one: replace(found, rule=None, passage=None) for one, found in room.documents.items()}
    room.settings = unmade
    room.ledger = open_ledger(unmade)
    yield room
    room.ledger.close()


def fill(room: Newsroom) -> None:
    """Items in every state that there is, and some that were rejected for several reasons."""
    room.push(piece(1), piece(2))  # a lead and its copy
    room.push(piece(3, BRIDGE, title="first"))
    room.push(piece(4, f"{PIER} 4"))
    room.ledger.withdraw(piece(4).id, room.now)
    room.push(piece(5, f"{PIER} 5"))
    room.ledger.withdraw(piece(5).id, room.now, purge=True)
    room.bad = {"tag": "bad"}
    room.push(piece(6, f"{PIER} 6", title="bad"))
    room.bad = {}
    for number, reason in ((7, "feed"), (8, "front-page"), (9, "feed"), (10, "No article.")):
        room.refused, room.reason = f"stub {number}", reason
        room.push(piece(number, f"{PIER} {number}", title=f"stub {number}"))
    room.bad = {"clean": "worse"}
    room.push(piece(11, f"{PIER} 11", title="worse"))
    dropped = QuarantineFilter(reason="bad at clean")
    room.ledger.drop_quarantined(dropped, 0, 10, room.now, "it was a test")
    room.bad = {}
    room.push(piece(12, f"{PIER} 12"))
    room.accept(piece(3, BRIDGE, title="second"))  # what is served is set aside
    room.accept(*(piece(number, f"{PIER} {number}") for number in (13, 14, 15)))
    room.settle("tag")
    room.accept(piece(16, f"{PIER} 16"))
    room.settle("dedupe")
    room.accept(piece(17, f"{PIER} 17"))
    room.settle("clean")
    room.accept(piece(18, f"{PIER} 18"))
    assert room.ledger.replay(ReplaySpec("tag"), 0, 1, room.now).changed == 1  # the first


def copy_rows(room: Newsroom, target: Database) -> None:
    """What is in a present ledger, as the release before would have it."""
    for table in metadata.sorted_tables:
        if table.name in NEW_TABLES:
            continue
        rows = [{name: row[name] for name in row if name not in NEW} for row in room.rows(sa.select(table))]
        if table is tallies:
            rows = [row for row in rows if ":" not in row["name"]]
        for row in rows:
            if row.get("standing_facts"):
                facts = from_json(row["standing_facts"], dict[str, object])
                row["standing_facts"] = to_json({name: facts[name] for name in facts if name not in NEW})
        with target.write() as connection:
            connection.execute(sa.delete(table))  # the migration makes a total of nothing
            for row in rows:
                # Without the defaults of columns that are not there.
                plain = sa.table(table.name, *(sa.column(name, table.c[name].type) for name in row))
                connection.execute(sa.insert(plain).values(row))
            key = next(iter(table.primary_key))
            numbered = rows and isinstance(rows[0][key.name], int)
            if numbered and target.engine.dialect.name == "postgresql":
                counter = sa.func.pg_get_serial_sequence(table.name, key.name)
                connection.execute(sa.select(sa.func.setval(counter, max(row[key.name] for row in rows))))


def columns(room: Newsroom) -> set[str]:
    database = Database(room.settings.ledger_url)
    with database.read() as connection:
        found = {column["name"] for column in sa.inspect(connection).get_columns("articles")}
    database.close()
    return found


def test_everything_goes_on_after_the_migration(old: Newsroom) -> None:
    assert not columns(old) & NEW
    migrate_ledger(old.settings)
    assert columns(old) >= NEW_OF_ARTICLES
    assert old.ledger.rejections() == {"dropped": 1, "feed": 2, "front-page": 1, "other": 1}
    assert old.ledger.vocabularies() == {"": 8}  # 1, 2, 3 and 12, and 13 to 16 on their way
    old.vocabulary = "v2"
    old.settle()
    assert old.shown() == {1, 2, 3, 12, 13, 14, 15, 16, 17, 18}
    assert old.documents[piece(3).id].title == "second"
    assert old.ledger.vocabularies() == {"": 6, "v2": 4}
    assert old.ledger.count_replay(ReplaySpec("tag", stale="v2")) == 6


def test_old_articles_are_tagged_again_and_rejected_ones_replayed(old: Newsroom) -> None:
    migrate_ledger(old.settings)
    old.settle()
    again = ReplaySpec("tag", stale="v1")
    assert walk(lambda after: old.ledger.replay(again, after, 2, old.now)) == 6
    written, old.documents = old.documents, {}
    old.settle()
    # The release before did not name the version in the document, and need not: the tags are the same.
    assert old.documents == {}
    old.documents = written
    assert old.ledger.vocabularies() == {"v1": 10}
    assert walk(lambda after: old.ledger.replay(ReplaySpec("clean"), after, 5, old.now)) == 14
    assert old.ledger.rejections() == {"dropped": 1, "feed": 0, "front-page": 0, "other": 0}
    old.refused = "not to be found"
    old.settle()
    assert old.ledger.rejections() == {"dropped": 1, "feed": 0, "front-page": 0, "other": 0}
    walk(lambda after: old.ledger.replay_quarantined(QuarantineFilter(), after, 10, old.now))
    old.settle()
    assert old.shown() == {1, 2, 3, 6, 7, 8, 9, 10, *range(12, 19)}
    assert old.ledger.vocabularies() == {"v1": 15}
    old.check()


def test_a_revision_that_fails_after_it_falls_back_to_what_was_set_aside_before(old: Newsroom) -> None:
    migrate_ledger(old.settings)
    old.bad, old.forgets = {"index": "second"}, True
    old.step("index")
    old.bad = {}
    old.settle()
    assert old.documents[piece(3).id].title == "first"
    [row] = old.rows(sa.select(articles.c.vocabulary).where(articles.c.id == piece(3).id))
    assert row["vocabulary"] == ""
    old.check()


def test_before_the_migration_it_says_what_to_run(old: Newsroom) -> None:
    with pytest.raises(Unavailable, match="copydesk migrate"):
        old.ledger.vocabularies()


def test_what_was_held_before_leads_nobody_after_it(old: Newsroom) -> None:
    database = Database(old.settings.ledger_url)
    mine = articles.c.id == piece(1).id
    with database.write() as connection:
        packed = connection.scalar(sa.select(articles.c.article).where(mine))
        held = replace(unpack(packed, Article), pub_status="withheld")
        connection.execute(sa.update(articles).where(mine).values(article=pack(held)))
    database.close()
    migrate_ledger(old.settings)
    assert old.ledger.due(old.now, 100).articles == 1
    old.settle()
    assert old.article(piece(1)).pub_status == "withheld"
    assert old.documents[piece(2).id].is_lead
    moments = old.rows(sa.select(articles.c.moment, articles.c.ingested_at))
    assert all(row["moment"] == row["ingested_at"] for row in moments)
