"""Which articles were tagged by other rules than the present ones, for `status`, `doctor` and `replay`."""

from __future__ import annotations

from dataclasses import dataclass

from services.cli.walk import count_of
from shared.ledger.port import Ledger
from shared.settings import Settings

RETAG = "`copydesk replay --from-stage tag` re-tags them"


@dataclass(frozen=True, slots=True)
class Tagged:
    """How many articles search may show, and how many of them other rules than the present ones tagged."""

    total: int
    stale: int

    def __str__(self) -> str:
        """One sentence, with what to do."""
        if not self.stale:
            return f"all {count_of(self.total, 'article')} are tagged with the present vocabulary"
        were = "was" if self.stale == 1 else "were"
        return f"{self.stale} of {count_of(self.total, 'article')} {were} tagged with an older vocabulary"


def present_version(settings: Settings) -> str:
    """The version of the rules that the settings name; raises ``BadSettings`` for a mistake in them."""
    from services.workers.stages.tag import tagger_of  # half a second, to read and compile them

    return tagger_of(settings.vocabulary_dir, settings.topic_model, settings.entity_model).version


def count_tagged(settings: Settings, ledger: Ledger) -> Tagged:
    """Count them; raises ``BadSettings`` for a mistake in the rules, which an empty ledger needs not."""
    versions = ledger.vocabularies()
    total = sum(versions.values())
    return Tagged(total, total - versions.get(present_version(settings), 0) if total else 0)
