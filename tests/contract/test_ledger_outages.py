"""A database that goes away, comes back, is frozen or was never made: ``Unavailable``, then as before."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from shared.errors import Unavailable
from shared.ledger.engine import Database
from shared.ledger.open import migrate_ledger
from shared.ledger.port import Ledger
from shared.ledger.postgresql import CONNECT_SECONDS, WAIT_SECONDS
from shared.ledger.sql import SqlLedger
from shared.settings import Settings
from tests.contract.ledger_cases import NOW, claim, make_raw
from tests.postgresql import RunningPostgresql

SLACK = 20.0  # of a busy machine


@pytest.fixture
def own_ledger(own_postgresql: RunningPostgresql, tmp_path: Path) -> Iterator[SqlLedger]:
    settings = Settings(data_dir=tmp_path, ledger_url=own_postgresql.url("ledger"))
    migrate_ledger(settings)
    opened = SqlLedger(settings.ledger_url)
    yield opened
    opened.close()


def test_a_killed_postgresql_keeps_what_was_accepted_and_the_same_ledger_goes_on(
    own_postgresql: RunningPostgresql, own_ledger: SqlLedger
) -> None:
    [receipt] = own_ledger.accept([make_raw(1)], NOW)
    own_postgresql.kill()
    for _ in range(3):
        with pytest.raises(Unavailable, match="ledger"):
            own_ledger.accept([make_raw(2)], NOW)
    with pytest.raises(Unavailable):
        own_ledger.check()
    own_postgresql.start_again()
    own_ledger.check()
    assert [work.submission for work in claim(own_ledger, "clean").works] == [receipt.submission]
    assert own_ledger.tallies() == {"accepted": 1}


def test_a_postgresql_that_restarts_between_two_calls_is_not_even_noticed(
    own_postgresql: RunningPostgresql, own_ledger: SqlLedger
) -> None:
    own_ledger.accept([make_raw(1)], NOW)
    own_postgresql.stop()
    own_postgresql.start_again()
    own_ledger.accept([make_raw(2)], NOW)
    assert own_ledger.tallies() == {"accepted": 2}


def test_no_call_waits_longer_for_a_frozen_postgresql_than_is_stated(
    own_postgresql: RunningPostgresql, own_ledger: SqlLedger
) -> None:
    own_ledger.accept([make_raw(1)], NOW)
    own_postgresql.freeze()
    began = time.monotonic()
    with pytest.raises(Unavailable):
        own_ledger.accept([make_raw(2)], NOW)
    took = time.monotonic() - began
    began = time.monotonic()
    with pytest.raises(Unavailable):  # which has to connect anew
        own_ledger.accept([make_raw(2)], NOW)
    assert time.monotonic() - began < CONNECT_SECONDS + SLACK
    assert took < WAIT_SECONDS + CONNECT_SECONDS + SLACK
    own_postgresql.thaw()
    own_ledger.accept([make_raw(3)], NOW)
    assert own_ledger.tallies() == {"accepted": 2}


# What passes, and what is a fault of the program or of the data


@pytest.mark.parametrize(
    ("state", "passes"),
    [
        ("08006", True), ("40001", True), ("40P01", True), ("53100", True), ("53200", True), ("53300", True),
        ("55P03", True), ("57014", True), ("57P01", True), ("58030", True), ("25006", True),
        ("22001", False), ("22P02", False), ("23505", False), ("25P02", False), ("42601", False),
        ("54000", False), ("55000", False), ("XX000", False),
    ],
)  # fmt: skip
def test_only_what_passes_is_told_as_an_outage(postgresql_url: str, state: str, passes: bool) -> None:
    database = Database(postgresql_url)
    fail = f"DO $$ BEGIN RAISE EXCEPTION 'it failed' USING ERRCODE = '{state}'; END $$"
    with (
        pytest.raises(Unavailable if passes else DBAPIError, match="it failed"),
        database.write() as connection,
    ):
        connection.exec_driver_sql(fail)
    with database.write() as connection:
        assert connection.scalar(sa.select(1)) == 1
    database.close()


@pytest.mark.parametrize("statement", ["SELECT nonsense FROM", "INSERT INTO once (key) VALUES (NULL)"])
def test_a_wrong_statement_is_no_outage(settings: Settings, statement: str) -> None:
    database = Database(settings.ledger_url)
    with pytest.raises(DBAPIError), database.write() as connection:
        connection.exec_driver_sql(statement)
    database.close()


def test_every_call_on_a_ledger_without_tables_says_what_to_run(unmade: Settings) -> None:
    ledger: Ledger = SqlLedger(unmade.ledger_url)
    for call in (ledger.check, ledger.counts, lambda: ledger.claim("clean", "live", 1, "w", NOW)):
        with pytest.raises(Unavailable, match="copydesk migrate"):
            call()
    ledger.close()


def test_a_database_that_was_never_made_is_unavailable(postgresql_url: str) -> None:
    ledger = SqlLedger(postgresql_url + "_nowhere")
    with pytest.raises(Unavailable, match="does not exist"):
        ledger.check()
    ledger.close()


def test_a_standby_that_only_answers_is_no_ledger_to_write_to(postgresql_url: str) -> None:
    reader = Database(postgresql_url)
    with reader.write() as connection:
        connection.exec_driver_sql("ALTER DATABASE " + postgresql_url.rpartition("/")[2]
                                   + " SET default_transaction_read_only = on")  # fmt: skip
    reader.close()
    ledger = SqlLedger(postgresql_url)
    assert ledger.counts() == {}
    with pytest.raises(Unavailable, match="read-only"):
        ledger.check()
    ledger.close()


@pytest.mark.parametrize("settings", ["sqlite"], indirect=True)
def test_a_sqlite_file_that_is_broken_is_unavailable(settings: Settings) -> None:
    Path(settings.data_dir / "ledger.sqlite").write_bytes(b"no database" * 1_000)
    ledger = SqlLedger(settings.ledger_url)
    with pytest.raises(Unavailable, match="not a database"):
        ledger.accept([make_raw(1)], NOW)
    ledger.close()
