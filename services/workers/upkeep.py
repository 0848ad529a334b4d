"""What keeps the index tidy, run now and then in the process that may write it."""

from __future__ import annotations

from shared.index.port import ArticleIndex

DAY_MS = 24 * 3600 * 1000
BATCH = 500


def tidy_index(index: ArticleIndex, now: int) -> str:
    """Remove tombstones and retired indices older than a day; answers with a line that Flower shows."""
    before, removed = now - DAY_MS, 0
    while done := index.remove_tombstones(before, BATCH):
        removed += done
    dropped = index.drop_retired(before)
    return f"{removed} tombstones and {len(dropped)} retired indices removed"
