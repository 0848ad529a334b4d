"""A short chaos run on the smallest Copydesk and on a larger one; `make chaos` runs for ten minutes."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.faults.processes import ROOT
from tests.servers import require

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(400)]
MIDDLE = ("--broker", "rabbitmq", "--ledger", "postgresql")


@pytest.mark.parametrize(("seconds", "words"), [(35, ()), (25, MIDDLE)], ids=["small", "middle"])
def test_a_short_time_of_chaos_loses_doubles_and_forgets_nothing(
    seconds: int, words: tuple[str, ...]
) -> None:
    command = [sys.executable, "-m", "tests.faults.chaos", "--seconds", str(seconds), "--rate", "10", *words]
    with subprocess.Popen(
        command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as chaos:
        try:
            said, _ = chaos.communicate()
        finally:
            chaos.terminate()  # so that it ends what it has started, should this test be cut short
    if chaos.returncode == 2:
        require(said.strip())
    assert chaos.returncode == 0, said[-6000:]
    assert "lost 0, doubled 0, stuck 0, wrong 0" in said
    assert _told(r" (\d+) faults: ", said) >= 5, "next to nothing was broken"
    assert _told(r"^(\d+) answered 202", said) >= 20, "next to nothing was promised"


def _told(words: str, said: str) -> int:
    found = re.search(words, said, re.MULTILINE)
    assert found, said[-2000:]
    return int(found[1])
