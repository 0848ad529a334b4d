"""The worker application on a clock that a file sets wrong: ``clock`` in the data folder holds milliseconds.

FAULTS_CLOCK names another file, for a process that goes wrong by itself.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from shared import clock
from shared.settings import read_settings

SETTINGS = read_settings()
FILE = Path(os.environ.get("FAULTS_CLOCK") or SETTINGS.data_dir / "clock")


def now_ms() -> int:
    """The time, as wrong as the file says."""
    try:
        wrong = int(FILE.read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        wrong = 0
    return time.time_ns() // 1_000_000 + wrong


clock.now_ms = now_ms  # before anything else takes it from there

from tests.faults.poison_app import app  # noqa: E402, F401 - built on the clock above
