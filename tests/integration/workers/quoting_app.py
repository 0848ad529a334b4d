"""The worker application with errors that quote what they choked on; for tests of logs only."""

from __future__ import annotations

from services.workers import steps
from services.workers.app import create_worker_app
from services.workers.stages.outcomes import Cleaned
from shared.article import RawArticle
from shared.profiles.port import SourceProfile
from shared.settings import read_settings

healthy = steps.clean_article
known = steps.sources_of


def clean_article(raw: RawArticle, profile: SourceProfile) -> Cleaned:
    """Do what the real stage does, but for some titles."""
    if (raw.title or "").startswith("raise"):
        raise ValueError(f"cannot read {raw.body!r}")
    return healthy(raw, profile)


def sources_of(works: list[steps.Work]) -> list[str]:  # type: ignore[name-defined]
    """Break the whole batch for some titles, as a fault of the program would."""
    for work in works:
        if work.raw is not None and (work.raw.title or "").startswith("break"):
            raise KeyError(work.raw.body)
    return known(works)


steps.clean_article = clean_article  # type: ignore[attr-defined]
steps.sources_of = sources_of  # type: ignore[assignment]
app = create_worker_app(read_settings())
