"""A backup counts submissions as everything else does: the ledger's own refreshes are none."""

from __future__ import annotations

from pathlib import Path

from services.cli.doctor import _check_ledger
from shared.clock import now_ms
from shared.ledger.backup import look_into

from .conftest import Newsdesk, raw


def test_backup_restore_and_doctor_say_the_same_number(desk: Newsdesk, tmp_path: Path) -> None:
    desk.push(raw(1), raw(2), raw(3))
    assert desk.ledger.refresh(0, 2, now_ms(), [raw(1).id, raw(2).id]).changed == 2
    desk.work()
    target = tmp_path / "saved.sqlite"
    told = desk.run("backup", str(target))
    assert told.code == 0, told.err
    assert "3 submissions, the newest accepted at 20" in told.out
    assert look_into(target).submissions == 3
    assert "can be written; 3 submissions" in _check_ledger(desk.settings)
