"""The ingest service with a point at which it dies once: when the file that FAULTS_DIE names lies there."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.ingest import app
from shared.ledger.open import open_ledger
from shared.log import configure_logging
from shared.queue import Waker
from shared.settings import read_settings

MARK = Path(os.environ["FAULTS_DIE"])
REPLY_SECONDS = 0.5  # for an answer to go out, where one is to be seen


def die_once(point: str, pause: float = 0.0) -> None:
    """Kill this process and its parent, if the mark names this point."""
    if MARK.exists() and MARK.read_text("utf-8") == point:
        MARK.unlink()
        time.sleep(pause)
        os.killpg(os.getpgrp(), signal.SIGKILL)


def dying_after(call: Callable[..., Any]) -> Callable[..., Any]:
    """The call, and then death between commit and reply."""

    def done(*given: Any, **named: Any) -> Any:
        found = call(*given, **named)
        die_once("before-reply")
        return found

    return done


class DyingWaker(Waker):
    """Dies in its thread, with the answer out and nothing published."""

    def _deliver(self, *call: Any) -> None:
        die_once("before-publish", REPLY_SECONDS)
        super()._deliver(*call)


def create_app() -> Any:
    """As the real one, on a ledger and a waker that die."""
    settings = read_settings()
    configure_logging(settings)
    ledger: Any = open_ledger(settings)
    ledger.accept = dying_after(ledger.accept)
    ledger.accept_once = dying_after(ledger.accept_once)
    return app.create_app(settings, ledger, DyingWaker(settings))
