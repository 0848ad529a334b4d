"""The worker application with a clean stage that articles can hurt by their titles; for fault tests only.

Any stage waits where a file ``hold-<stage>`` lies in the data folder, so that a test finds it at work.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.workers import steps
from services.workers.app import create_worker_app
from shared.article import RawArticle
from shared.messages import STAGES
from shared.profiles.port import SourceProfile
from shared.settings import read_settings

SETTINGS = read_settings()
healthy = steps.clean_article


def clean_article(raw: RawArticle, profile: SourceProfile) -> Any:
    """Do what the title says, else what the real stage does."""
    title = raw.title or ""
    if title.startswith("raise"):
        raise ValueError("a broken article\x00 with a NUL")
    if title.startswith("hang"):
        time.sleep(3_600)
    if title.startswith("kill the process"):
        os.kill(os.getpid(), signal.SIGKILL)
    if title.startswith("kill the worker"):
        os.killpg(os.getpgrp(), signal.SIGKILL)
    if title.startswith("slow"):
        time.sleep(float(title.split()[1]))
    return healthy(raw, profile)


def hold(stage: str) -> None:
    """Wait while the test wants it."""
    path = Path(SETTINGS.data_dir) / f"hold-{stage}"
    while path.exists():
        time.sleep(0.02)


def held(stage: str, run: Callable[..., Any]) -> Callable[..., Any]:
    """A stage that can be held between claim and work."""

    def run_held(*given: Any, **named: Any) -> Any:
        hold(stage)
        return run(*given, **named)

    return run_held


for each in STAGES:
    setattr(steps, f"run_{each}", held(each, getattr(steps, f"run_{each}")))
steps.clean_article = clean_article  # type: ignore[attr-defined]
app = create_worker_app(SETTINGS)
