"""Texts as the ledger compares them: who is still a copy of whom when a lead changes, goes or comes.

Dedupe compares what arrives; this looks again where facts have moved since, and gives the same answers, by
the same rules of ``shared.nearness``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from shared.article import Article, Verdict
from shared.codec import unpack
from shared.ledger.port import KnownText
from shared.ledger.schema import articles, sketches, submissions
from shared.nearness.compare import compare, same_text
from shared.nearness.passage import shared_passage
from shared.nearness.sketch import Sketch, make_sketch, pack_sketch, unpack_sketch
from shared.nearness.window import moment_of

NONE = Sketch(0, frozenset())
MAX_SEQUENCE = (1 << 63) - 1
LONGEST_CHAIN = 50  # steps from one that leads no more to the one that does; there are seldom two

# Read for every article that has candidates, and so put together once.
_IDS: sa.BindParameter[Any] = sa.bindparam("ids", expanding=True)
_TEXTS = (
    sa.select(
        articles.c.id, articles.c.text_hash, articles.c.moment, sketches.c.near, articles.c.duplicate_of,
        articles.c.heir, articles.c.withdrawn, articles.c.held,
    )
    .outerjoin(sketches, sketches.c.article_id == articles.c.id)
    .where(articles.c.id.in_(_IDS))
)  # fmt: skip
_DRAFTS = (
    sa.select(submissions.c.article_id, submissions.c.draft)
    .where(
        submissions.c.article_id.in_(_IDS),
        submissions.c.stage == "dedupe",
        submissions.c.draft.is_not(None),
        submissions.c.sequence < sa.bindparam("before"),
    )
    .order_by(submissions.c.sequence)
)


def _keep(dialect: Any) -> Any:  # noqa: ANN401 - of one of two dialects
    insert = dialect.insert(sketches)
    newer = {"near": insert.excluded.near, "story": insert.excluded.story}
    return insert.on_conflict_do_update(index_elements=[sketches.c.article_id], set_=newer)


_KEEP = {"sqlite": _keep(sqlite), "postgresql": _keep(postgresql)}


@dataclass(frozen=True, slots=True)
class Text:
    """The text of one article; ``sketch`` is packed, and made from the article where none was kept."""

    id: str
    text_hash: str
    moment: int
    sketch: bytes


def read_texts(connection: sa.Connection, ids: Iterable[str]) -> dict[str, Text]:
    """The present texts of some articles by id."""
    return _texts_of(connection, _read_rows(connection, ids).values())


def read_kept(connection: sa.Connection, ids: Iterable[str]) -> dict[str, Text]:
    """The same as they are kept, for who looks for equal words: articles need not be readable for that.

    Without a sketch where none was kept, and with moment 0 where that was not.
    """
    rows = _read_rows(connection, ids).values()
    return {row.id: Text(row.id, row.text_hash, row.moment or 0, row.near or b"") for row in rows}


def _read_rows(connection: sa.Connection, ids: Iterable[str]) -> dict[str, Any]:
    """Some articles as ``_TEXTS`` reads them, by id: what they are compared by, and who stands for them."""
    wanted = sorted(set(ids))
    return {row.id: row for row in connection.execute(_TEXTS, {"ids": wanted})} if wanted else {}


def _texts_of(connection: sa.Connection, rows: Iterable[Any]) -> dict[str, Text]:
    found, bare = {}, {}
    for row in rows:
        found[row.id] = Text(row.id, row.text_hash, row.moment or 0, row.near or b"")
        if row.near is None or row.moment is None:  # from before there were sketches
            bare[row.id] = row.text_hash
    return found | _make_texts(connection, bare)


def _make_texts(connection: sa.Connection, hashes: Mapping[str, str]) -> dict[str, Text]:
    if not hashes:
        return {}
    query = sa.select(articles.c.id, articles.c.article).where(articles.c.id.in_(sorted(hashes)))
    return {
        row.id: text_of(row.id, hashes[row.id], unpack(row.article, Article))
        for row in connection.execute(query)
    }


def read_text(connection: sa.Connection, article_id: str) -> Text | None:
    """The present text of an article, else the one with which it is on its way for the first time.

    Copies may join a lead whose worker died: dedupe knows its draft, and so must whoever asks later.
    """
    found = read_texts(connection, [article_id]).get(article_id)
    if found is not None:
        return found
    coming = read_drafts(connection, [article_id]).get(article_id)
    return Text(article_id, "", coming[-1].moment, coming[-1].sketch) if coming else None


def text_of(article_id: str, text_hash: str, article: Article) -> Text:
    """The text of an article at hand."""
    sketch = pack_sketch(make_sketch(article.title, article.body))
    return Text(article_id, text_hash, moment_of(article), sketch)


def liken(text: Text, lead: Text, body: str | None = None) -> Verdict | None:
    """What a text is to a lead; None: no copy of any kind. ``body`` gives the passage that they share."""
    mine, other = _sketch(text), _sketch(lead)
    is_same = text.text_hash != "" and text.text_hash == lead.text_hash
    found = same_text(mine, other) if is_same else compare(mine, other)
    if found is None:
        return None
    passage = None if body is None or is_same else shared_passage(body, other)
    return Verdict(found.word, lead.id, found.similarity, rule=found.rule, passage=passage)


def _sketch(text: Text) -> Sketch:
    try:
        return unpack_sketch(text.sketch) if text.sketch else NONE
    except ValueError:  # of another build's format: it is like nothing that this one can tell
        return NONE


def judge(connection: sa.Connection, ids: Iterable[str], lead: str) -> dict[str, Verdict]:
    """Those among some articles that are copies of a lead, with what they are to it.

    The lead may be on its way: what names it is one of its copies already, and its own copies go with it.
    """
    wanted = sorted(set(ids) - {lead})
    other = read_text(connection, lead) if wanted else None
    if other is None:
        return {}
    kept = read_kept(connection, wanted) if other.text_hash else {}
    same = {one: text for one, text in kept.items() if text.text_hash == other.text_hash}
    texts = read_texts(connection, [one for one in wanted if one not in same])
    bodies = _read_bodies(connection, texts)
    verdicts = {one: liken(text, other, bodies.get(one)) for one, text in (same | texts).items()}
    return {one: verdict for one, verdict in verdicts.items() if verdict is not None}


def _read_bodies(connection: sa.Connection, ids: Iterable[str]) -> dict[str, str]:
    wanted = sorted(ids)
    if not wanted:
        return {}
    query = sa.select(articles.c.id, articles.c.article).where(articles.c.id.in_(wanted))
    return {row.id: unpack(row.article, Article).body for row in connection.execute(query)}


def keep_sketches(connection: sa.Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write sketches (columns of the table by name) in the place of those that were there."""
    given = list(rows)
    if given:
        connection.execute(_KEEP[connection.dialect.name], given)


def drop_sketches(connection: sa.Connection, ids: Iterable[str]) -> None:
    """Remove what some articles are compared by."""
    connection.execute(sa.delete(sketches).where(sketches.c.article_id.in_(sorted(ids))))


def read_known(connection: sa.Connection, ids: Iterable[str]) -> dict[str, tuple[KnownText, ...]]:
    """What candidates are compared by: their texts, those of who leads in their place, those under way.

    A candidate may have become a copy or have gone since it was written down: who leads now is what counts.
    """
    wanted = sorted(set(ids))
    rows = _read_rows(connection, wanted)
    roots = _present_leads(connection, rows)
    texts = _texts_of(connection, rows.values())
    drafts = read_drafts(connection, wanted)
    found: dict[str, tuple[KnownText, ...]] = {}
    for one in wanted:
        mine = dict.fromkeys(name for name in (one, roots.get(one)) if name in texts)
        known = [_known(texts[name]) for name in mine if name is not None]
        found[one] = (*known, *drafts.get(one, ()))
    return {one: known for one, known in found.items() if known}


def _known(text: Text) -> KnownText:
    return KnownText(text.id, text.sketch, text.moment, text.text_hash)


def _present_leads(connection: sa.Connection, rows: dict[str, Any]) -> dict[str, str | None]:
    """Who stands for each candidate: itself, the lead it is a copy of by now, or the heir of one that went.

    Most are leads themselves, as their ``rows`` tell; those of others are added to them.
    """
    roots: dict[str, str | None] = {one: one for one in rows}
    for _ in range(LONGEST_CHAIN):
        asked = {lead for lead in roots.values() if lead is not None}
        rows |= _read_rows(connection, asked - rows.keys())
        onward = {one: _onward(rows.get(one)) for one in asked}
        if all(onward[one] == one for one in asked):
            return roots
        roots = {one: onward.get(lead) if lead is not None else None for one, lead in roots.items()}
    return roots


def _onward(row: Any) -> str | None:  # noqa: ANN401 - a row of that query, or None
    if row is None:
        return None
    return row.duplicate_of or (row.heir if row.withdrawn or row.held else None) or str(row.id)


def read_drafts(
    connection: sa.Connection, ids: Iterable[str], before: int | None = None
) -> dict[str, list[KnownText]]:
    """The texts of candidates that are being compared themselves just now, in some other batch.

    With ``before`` only of submissions that were accepted earlier than that sequence.
    """
    asked = {"ids": sorted(ids), "before": MAX_SEQUENCE if before is None else before}
    found: dict[str, list[KnownText]] = {}
    for row in connection.execute(_DRAFTS, asked):
        article = unpack(row.draft, Article)
        text = text_of(row.article_id, "", article)
        found.setdefault(row.article_id, []).append(KnownText(text.id, text.sketch, text.moment))
    return found
