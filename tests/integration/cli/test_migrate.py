"""`copydesk migrate --wait`: servers that start beside it may come later than it does."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from shared.settings import Settings
from tests.integration.workers.conftest import ROOT
from tests.postgresql import RunningPostgresql

pytestmark = pytest.mark.servers


def begin(settings: Settings, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "services.cli.main", "migrate", *words],
        cwd=ROOT, env={**os.environ, **settings.environment()}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def test_a_server_that_comes_late_is_waited_for(own_postgresql: RunningPostgresql, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", ledger_url=own_postgresql.url("ledger"))
    own_postgresql.kill()
    with begin(settings, "--wait", "100") as process:
        assert process.stderr is not None
        assert process.stderr.readline().endswith("; trying again\n")  # it has been there, in vain
        own_postgresql.start_again()
        told, _ = process.communicate(timeout=90)
    assert process.returncode == 0
    assert told == "ledger and index are up to date\n"


def test_a_server_that_does_not_come_is_told_of(own_postgresql: RunningPostgresql, tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "data", ledger_url=own_postgresql.url("ledger"))
    own_postgresql.kill()
    for words, again in (((), False), (("--wait", "15"), True)):
        with begin(settings, *words) as process:
            _, complaint = process.communicate(timeout=90)
        assert process.returncode == 1
        assert ("; trying again" in complaint) is again
        assert complaint.splitlines()[-1].startswith("copydesk: ledger: ")
