"""The worker application with a clean stage that some articles can hurt; for tests of faults only."""

from __future__ import annotations

import os
import signal
import time

from services.workers import steps
from services.workers.app import create_worker_app
from services.workers.stages.outcomes import Cleaned
from shared.article import RawArticle
from shared.profiles.port import SourceProfile
from shared.settings import read_settings

healthy = steps.clean_article


def clean_article(raw: RawArticle, profile: SourceProfile) -> Cleaned:
    """Do what the title says, else what the real stage does."""
    title = raw.title or ""
    if title.startswith("raise"):
        raise ValueError("a broken article")
    if title.startswith("hang"):
        time.sleep(3_600)
    if title.startswith("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    if title.startswith("slow"):
        time.sleep(0.4)
    return healthy(raw, profile)


steps.clean_article = clean_article  # type: ignore[attr-defined]
app = create_worker_app(read_settings())
