"""Why submissions were rejected, as totals kept beside the others: `rejected:` and the reason's word.

A submission's reason is its row's; this keeps the counts of rows, also of those that were pruned since. The
words are those of whoever rejects, so how many there may be is bounded. What is no word, or one too many, has
no total of its own: it is the rest of all that was rejected, which is told as ``other``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import sqlalchemy as sa

from shared.ledger.schema import tallies

PREFIX = "rejected:"
DROPPED = "dropped"  # by a person, who gave a reason in words of their own
OTHER = "other"
MOST = 50  # words with a total: each is a series on /metrics
WORD = re.compile(r"[a-z][a-z0-9-]{0,31}")


def reason_word(reason: str | None) -> str:
    """The word that a reason is counted under, which for a sentence is ``other``."""
    if reason is not None and reason.startswith(f"{DROPPED}:"):
        return DROPPED
    return reason if reason is not None and WORD.fullmatch(reason) else OTHER


def count_reasons(rows: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """How many of some submissions are rejected pushes, by the word of their reason."""
    return Counter(
        reason_word(row["reason"]) for row in rows if row["status"] == "rejected" and row["kind"] == "push"
    )


def totals_of(connection: sa.Connection, changes: Mapping[str, int]) -> dict[str, int]:
    """How totals change, by name, as so many more (or fewer) are rejected for each word.

    Whoever calls it has the turn (``take_turn``): two that each add a word must see each other.
    """
    changes = {word: count for word, count in changes.items() if count and word != OTHER}
    if not changes:
        return {}
    known = set(_read_words(connection))
    found: dict[str, int] = {}
    for word in sorted(changes):
        if word in known or (changes[word] > 0 and (word == DROPPED or len(known) < MOST)):
            known.add(word)
            found[PREFIX + word] = changes[word]
    return found


def totals_without(connection: sa.Connection, rows: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """How totals change, by name, as some rows (as they were) are rejected no more, or lose their reason."""
    return totals_of(connection, {word: -count for word, count in count_reasons(rows).items()})


def read_rejections(connection: sa.Connection) -> dict[str, int]:
    """Submissions rejected since the beginning by word: every word that ever occurred, and ``other``."""
    named = _read_words(connection)
    total = sa.select(sa.func.sum(tallies.c.value)).where(tallies.c.name == "rejected")
    rest = int(connection.scalar(total) or 0) - sum(named.values())
    return named | {OTHER: max(0, rest)}


def is_reason(name: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether a total is one of these."""
    return name.startswith(PREFIX, autoescape=True)


def _read_words(connection: sa.Connection) -> dict[str, int]:
    query = sa.select(tallies.c.name, sa.func.sum(tallies.c.value)).where(is_reason(tallies.c.name))
    return {
        name.removeprefix(PREFIX): int(total)
        for name, total in connection.execute(query.group_by(tallies.c.name))
    }
