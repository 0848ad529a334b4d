"""Verdicts decided anew: who was first with a text, in the order in which items were accepted.

For equal texts the ledger decides alone, since fingerprints know when a text was claimed, which for a replay
is now; a near copy is found by its bands, and the ledger says who of the two was first. Whatever the order in
which articles are run again, the result is the same: whoever finds an earlier lead joins it, whoever finds
none leads, and takes over later leads with their copies. A source that is ranked higher counts as earlier.
The caller has the turn (``take_turn``): two that do not see each other would make two leads.
"""

from __future__ import annotations

import sqlalchemy as sa

from shared.article import Verdict
from shared.ledger.leads import HAVE_DOCUMENTS, take_over
from shared.ledger.likeness import Text, liken, read_kept
from shared.ledger.rows import ARRIVAL
from shared.ledger.schema import articles
from shared.nearness.window import WINDOW_MS

MOST = 1_000  # leads of one text within the window that are looked at
Place = tuple[int, int, int]  # rank of the source, when an item first came in (ms), and its first sequence


def rivals_of(connection: sa.Connection, text: Text) -> dict[str, Place]:
    """Other leads of a text that can be seen or are coming, within the window, first come first."""
    query = (
        sa.select(articles.c.id, articles.c.rank, articles.c.ingested_at, ARRIVAL)
        .where(
            articles.c.text_hash == text.text_hash, articles.c.duplicate_of.is_(None),
            articles.c.id != text.id, articles.c.held.is_(None),
            articles.c.moment.between(text.moment - WINDOW_MS, text.moment + WINDOW_MS),
            *HAVE_DOCUMENTS,
        )
        .order_by(articles.c.rank, articles.c.ingested_at, ARRIVAL)
        .limit(MOST)
    )  # fmt: skip
    return {found: (rank, at, arrival) for found, rank, at, arrival in connection.execute(query)}


def place_of(connection: sa.Connection, article_id: str) -> Place | None:
    """The place of an article in the order of leads; None when it is unknown."""
    query = sa.select(articles.c.rank, articles.c.ingested_at, ARRIVAL).where(articles.c.id == article_id)
    row = connection.execute(query).first()
    return None if row is None else (row[0], row[1], row[2])


def decide_anew(
    connection: sa.Connection, text: Text, place: Place, near: Verdict
) -> tuple[Verdict, list[str]]:
    """The verdict on an article, and the later leads that it has to take over once it is stored.

    ``near`` is what dedupe found, with a present lead.
    """
    rivals = rivals_of(connection, text)
    first = next((found for found, where in rivals.items() if where < place), None)
    same = liken(text, read_kept(connection, [first])[first]) if first is not None else None
    if same is not None:
        return same, []
    later = list(rivals)
    if near.duplicate_of is not None and near.duplicate_of not in rivals:
        other = place_of(connection, near.duplicate_of)
        if other is None or other < place or near.word == "excerpt":
            return near, []
        later.append(near.duplicate_of)
    return Verdict("new"), later


def take_over_all(connection: sa.Connection, article_id: str, later: list[str]) -> set[str]:
    """Let an article lead in the place of later ones; returns the ids whose documents change."""
    return set().union(*(take_over(connection, article_id, lead) for lead in later))
