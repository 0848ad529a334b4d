"""The worker application as it is deployed, with a clean stage that some titles hurt; for test_watch only."""

from __future__ import annotations

import os
import signal

from services.workers import steps
from services.workers.app import app as app  # the only one of its process: each app tells numbers of its own
from services.workers.stages.outcomes import Cleaned
from shared.article import RawArticle
from shared.profiles.port import SourceProfile

healthy = steps.clean_article


def clean_article(raw: RawArticle, profile: SourceProfile) -> Cleaned:
    """Do what the title says, else what the real stage does."""
    title = raw.title or ""
    if title.startswith("raise"):
        raise ValueError("a broken article")
    if title.startswith("kill"):
        os.kill(os.getpid(), signal.SIGKILL)
    return healthy(raw, profile)


steps.clean_article = clean_article  # type: ignore[attr-defined]
