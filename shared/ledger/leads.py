"""Leads and their copies: who leads now, and which documents must be written again for it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa

from shared.article import Verdict
from shared.ledger.likeness import LONGEST_CHAIN, Text, judge, liken, read_kept, read_text, read_texts
from shared.ledger.retagging import is_tagged_again
from shared.ledger.rows import ARRIVAL, verdict_of
from shared.ledger.schema import articles, submissions
from shared.messages import Lane
from shared.nearness.compare import SAME_TEXT
from shared.nearness.window import WINDOW_MS, within_window

FIRST = (
    articles.c.rank,
    articles.c.ingested_at,
    ARRIVAL,
    articles.c.id,
)  # the order in which articles may lead
NOTICED = 0.05  # a change of similarity that is worth writing a document again
PARTED = "-"  # no article's id: of copies on their way from one lead to another, inside a transaction
_COMING = sa.exists().where(
    submissions.c.article_id == articles.c.id,
    submissions.c.stage.is_not(None),
    submissions.c.kind == "push",
)
HAVE_DOCUMENTS = (articles.c.withdrawn.is_(False), sa.or_(articles.c.indexed_change > 0, _COMING))


def resolve_verdict(
    connection: sa.Connection, text: Text, verdict: Verdict, body: str | None = None, *, held: bool = False
) -> Verdict:
    """Point a verdict at the present lead; the article leads itself when there is none that it is like.

    The lead that dedupe was told of may have become a copy since, have been withdrawn or held, or have died
    on its way here, and a copy of a lead that nobody can see would be lost to search. Who leads in its place
    is compared with the text again.
    """
    said = verdict.duplicate_of
    if said is None:
        return verdict
    lead = _root(connection, said)
    if lead == said and is_still(connection, text, verdict):
        return verdict
    for other in (lead, _leader_of(connection, text)):
        if other is not None and other != text.id:
            found = beside(connection, text, other, body)
            if found is not None:
                return replace(found, story_id=verdict.story_id)
    if held and lead is None:  # both wait, and when they may be seen it is decided again
        return verdict
    if lead is None or lead == text.id:
        _note_heir(connection, said, text.id)
    return Verdict("new", story_id=verdict.story_id)


def is_still(connection: sa.Connection, text: Text, verdict: Verdict) -> bool:
    """Whether a text is to its lead's present text what dedupe has said that it is.

    A lead that is on its way for the first time will come with the text that dedupe saw.
    """
    lead = verdict.duplicate_of or ""
    present = read_kept(connection, [lead]).get(lead)
    if present is None:
        return True
    if verdict.rule == SAME_TEXT:
        near_by = not present.moment or within_window(text.moment, present.moment)
        said = liken(text, present) if near_by else None
        return said is not None and said.rule == SAME_TEXT
    found = beside(connection, text, lead)
    return found is not None and (found.word, found.rule) == (verdict.word, verdict.rule)


def beside(connection: sa.Connection, text: Text, lead: str, body: str | None = None) -> Verdict | None:
    """What a text is to an article of the ledger; None when it is no copy of it, or not of these days."""
    other = read_text(connection, lead)
    if other is None or not within_window(text.moment, other.moment):
        return None
    return liken(text, other, body)


def keep_place(
    connection: sa.Connection, found: dict[str, Any], text: Text, verdict: Verdict, body: str | None = None
) -> Verdict:
    """Let a copy stay one, as long as it is like its lead, and one that led follow its heir.

    An heir leads in the place of a lead that could not be seen for a while. What dedupe says of a known text
    is not the last word: it was written down as a lead once, and was outranked or held since.
    """
    if verdict.duplicate_of is not None:
        return verdict
    if found["duplicate_of"] is None:
        return behind_heir(connection, found.get("heir"), text, body) or verdict
    if found["text_hash"] != text.text_hash:
        return beside_root(connection, found["duplicate_of"], text, body) or verdict
    before = verdict_of(found)
    return resolve_verdict(connection, text, before, body)


def behind_heir(connection: sa.Connection, heir: str | None, text: Text, body: str | None) -> Verdict | None:
    """What a text is to who leads since its article could not be seen; None when nobody does."""
    return None if heir is None else beside_root(connection, heir, text, body)


def beside_root(connection: sa.Connection, lead: str, text: Text, body: str | None) -> Verdict | None:
    """What a text is to the one that leads in the place of an article by now; None: no copy."""
    lead_now = _root(connection, lead)
    if lead_now is None or lead_now == text.id:
        return None
    return beside(connection, text, lead_now, body)


def _root(connection: sa.Connection, lead: str) -> str | None:
    """Who leads in the place of an article: the lead it is a copy of, or the heir of one that nobody sees."""
    columns = (articles.c.duplicate_of, articles.c.heir)
    for _ in range(LONGEST_CHAIN):
        row = connection.execute(sa.select(*columns).where(articles.c.id == lead)).first()
        if row is None:
            return lead if on_its_way(connection, lead) else None
        if row.duplicate_of is None and _usable(connection, [lead]):
            return lead
        onward = row.duplicate_of or row.heir
        if onward is None or onward == lead:
            return None
        lead = onward
    return None


def _note_heir(connection: sa.Connection, gone: str, heir: str) -> None:
    """Remember who leads since another cannot: fingerprints still name that one until the window ends."""
    nobody = sa.and_(articles.c.id == gone, articles.c.id != heir, articles.c.duplicate_of.is_(None))
    connection.execute(sa.update(articles).where(nobody).values(heir=heir))


def _leader_of(connection: sa.Connection, text: Text) -> str | None:
    """Who took a dead lead's place: fingerprints still name the dead one until the window ends."""
    query = sa.select(articles.c.id).where(
        articles.c.text_hash == text.text_hash, articles.c.duplicate_of.is_(None), articles.c.id != text.id,
        articles.c.moment.between(text.moment - WINDOW_MS, text.moment + WINDOW_MS),
    )  # fmt: skip
    found = list(connection.scalars(query.order_by(*FIRST).limit(20)))
    usable = _usable(connection, found) if found else set()
    return next((one for one in found if one in usable), None)


def named_leads(connection: sa.Connection, ids: Iterable[str]) -> set[str]:
    """Those of some articles that others name as their lead."""
    query = sa.select(articles.c.duplicate_of).where(articles.c.duplicate_of.in_(sorted(ids)))
    return {lead for lead in connection.scalars(query.distinct()) if lead is not None}


def leaders_of(connection: sa.Connection, texts: Iterable[str], since: int) -> dict[str, list[str]]:
    """The usable leads of some texts among articles that came in since (ms), the oldest first.

    Fingerprints know them too, unless they were lost between a comparison and its commit.
    """
    query = sa.select(articles.c.text_hash, articles.c.id).where(
        articles.c.text_hash.in_(sorted(texts)), articles.c.duplicate_of.is_(None),
        articles.c.ingested_at >= since,
    )  # fmt: skip
    found: dict[str, list[str]] = {}
    for text, article_id in connection.execute(query.order_by(*FIRST)):
        found.setdefault(text, []).append(article_id)
    usable = _usable(connection, [one for ids in found.values() for one in ids]) if found else set()
    return {text: [one for one in ids if one in usable] for text, ids in found.items()}


def _usable(connection: sa.Connection, ids: Iterable[str]) -> set[str]:
    """Those articles that may lead: readers see them, or may still do by a push of their own."""
    query = sa.select(articles.c.id).where(
        articles.c.id.in_(sorted(ids)), articles.c.held.is_(None), *HAVE_DOCUMENTS
    )
    return set(connection.scalars(query))


def _with_documents(connection: sa.Connection, ids: Iterable[str]) -> set[str]:
    """Those that are in the index, or may still come there by a push of their own; held ones as well."""
    query = sa.select(articles.c.id).where(articles.c.id.in_(sorted(ids)), *HAVE_DOCUMENTS)
    return set(connection.scalars(query))


def on_its_way(connection: sa.Connection, article_id: str) -> bool:
    """Whether a push of an article has not ended yet."""
    query = sa.select(submissions.c.sequence).where(
        submissions.c.article_id == article_id,
        submissions.c.stage.is_not(None),
        submissions.c.kind == "push",  # a refresh of its own proves nothing
    )
    return connection.execute(query.limit(1)).first() is not None


def hand_over(connection: sa.Connection, article_id: str) -> set[str]:
    """Give the copies of an article that will not be seen leads from among themselves.

    Returns the ids whose documents change. Does nothing when the article has been indexed before, since
    its older revision then still stands and leads, or when another submission of it is on its way.
    """
    if on_its_way(connection, article_id):
        return set()
    row = connection.execute(
        sa.select(articles.c.indexed_change, articles.c.withdrawn).where(articles.c.id == article_id)
    ).first()
    if row is not None and row.indexed_change and not row.withdrawn:
        return set()
    changed = free_copies(connection, article_id)
    heir = connection.scalar(sa.select(articles.c.heir).where(articles.c.id == article_id))
    if changed and heir is not None:
        set_verdicts(connection, judge(connection, [article_id], heir))
    return changed


def free_copies(connection: sa.Connection, article_id: str, text_hash: str | None = None) -> set[str]:
    """Give the copies of an article, or those of one text, leads from among themselves.

    The highest ranked, then the earliest that readers may see leads those that are like it, unless another
    article leads its text already; what is left is led by the next in the same way. Returns the ids whose
    documents change.
    """
    mine = articles.c.duplicate_of == article_id
    if text_hash is not None:
        mine = sa.and_(mine, articles.c.text_hash == text_hash)
    copies = list(connection.scalars(sa.select(articles.c.id).where(mine).order_by(*FIRST)))
    usable = _usable(connection, copies) if copies else set()
    changed: set[str] = set()
    first: str | None = None
    while (heir := next((copy for copy in copies if copy in usable), None)) is not None:
        rival = _other_lead(connection, heir, article_id)
        if rival is None or outranks(connection, heir, rival):
            lead = heir
            _crown(connection, heir)
            changed |= take_over(connection, heir, rival) if rival is not None else set()
        else:
            lead = rival
            touch(connection, [rival])
        followers = judge(connection, copies, lead)
        set_verdicts(connection, followers)
        changed |= {lead, *followers}
        copies = [copy for copy in copies if copy != heir and copy not in followers]
        first = first or lead
    if first is not None:  # else nobody can lead, and the next copy that comes leads itself
        _note_heir(connection, article_id, first)
    return _with_documents(connection, changed) if changed else changed


def _other_lead(connection: sa.Connection, heir: str, gone: str) -> str | None:
    """Who leads the very text of a copy that is free: it was none of its lead's, and has a lead already."""
    text = read_texts(connection, [heir]).get(heir)
    found = None if text is None or not text.text_hash else _leader_of(connection, text)
    return None if found == gone else found


def outranks(connection: sa.Connection, one: str, other: str) -> bool:
    """Whether the source of an article is ranked higher than that of another; both are stored."""
    places = sa.select(articles.c.id, articles.c.rank).where(articles.c.id.in_([one, other]))
    ranks = {row.id: row.rank for row in connection.execute(places)}
    return other in ranks and bool(ranks[one] < ranks[other])


def take_over(connection: sa.Connection, article_id: str, lead: str) -> set[str]:
    """Let an article lead in the place of another, which follows it with its copies; both are stored.

    Copies that are not like the new lead get one from among themselves. Returns the ids whose documents
    change, none when the old lead is not like the new one.
    """
    copies = connection.scalars(sa.select(articles.c.id).where(articles.c.duplicate_of == lead))
    followers = judge(connection, [lead, *copies], article_id)
    if lead not in followers or followers[lead].word == "excerpt":
        return set()
    set_verdicts(connection, followers)
    return _with_documents(connection, followers) | free_copies(connection, lead)


def follow_on(connection: sa.Connection, article_id: str, lead: str) -> set[str]:
    """Let the copies of an article that is a copy itself follow its lead; others lead themselves."""
    copies = list(connection.scalars(sa.select(articles.c.id).where(articles.c.duplicate_of == article_id)))
    if not copies:
        return set()
    followers = judge(connection, copies, lead)
    set_verdicts(connection, followers)
    changed = _with_documents(connection, followers) if followers else set()
    return changed | free_copies(connection, article_id)


def review_copies(connection: sa.Connection, article_id: str) -> set[str]:
    """Look again at the copies of a lead whose text has changed; those it has outgrown lead themselves."""
    mine = articles.c.duplicate_of == article_id
    columns = (articles.c.id, articles.c.verdict, articles.c.similarity)
    copies = {row.id: row for row in connection.execute(sa.select(*columns).where(mine))}
    alike = judge(connection, copies, article_id)
    moved = {
        one: verdict for one, verdict in alike.items()
        if verdict.word != copies[one].verdict or abs(verdict.similarity - copies[one].similarity) >= NOTICED
    }  # fmt: skip
    set_verdicts(connection, moved)
    changed = _with_documents(connection, moved) if moved else set()
    left = [one for one in copies if one not in alike]
    if left:
        changed |= _free_some(connection, left)
    return changed


def _free_some(connection: sa.Connection, left: list[str]) -> set[str]:
    """Free some of the copies of an article that goes on leading the others."""
    away = sa.update(articles).where(articles.c.id.in_(left))
    connection.execute(away.values(duplicate_of=PARTED))
    changed = free_copies(connection, PARTED)
    still = sa.select(articles.c.id).where(articles.c.duplicate_of == PARTED)
    for one in list(connection.scalars(still)):  # nobody can see them, and when somebody can, they lead
        _crown(connection, one)
        changed.add(one)
    return changed


def _crown(connection: sa.Connection, article_id: str) -> None:
    values = {"verdict": "new", "duplicate_of": None, "similarity": 0.0, "rule": None, "passage": None}
    mine = sa.update(articles).where(articles.c.id == article_id)
    connection.execute(mine.values(change=articles.c.change + 1, heir=None, **values))


def set_verdicts(connection: sa.Connection, verdicts: Mapping[str, Verdict]) -> None:
    """Store what some articles are to their leads; they are of their leads' stories."""
    alike: dict[Verdict, list[str]] = {}
    for article_id, verdict in verdicts.items():
        alike.setdefault(verdict, []).append(article_id)
    for verdict, ids in alike.items():
        lead = articles.alias("lead")
        story = sa.select(lead.c.story_id).where(lead.c.id == verdict.duplicate_of).scalar_subquery()
        connection.execute(
            sa.update(articles)
            .where(articles.c.id.in_(ids))
            .values(
                verdict=verdict.word,
                duplicate_of=verdict.duplicate_of,
                similarity=verdict.similarity,
                rule=verdict.rule,
                passage=verdict.passage,
                change=articles.c.change + 1,
                story_id=sa.func.coalesce(story, articles.c.story_id),
            )
        )


def touch(connection: sa.Connection, ids: Iterable[str]) -> None:
    """Count a change of articles whose document alters because a copy joined or left."""
    connection.execute(
        sa.update(articles).where(articles.c.id.in_(sorted(ids))).values(change=articles.c.change + 1)
    )


def queue_refresh(connection: sa.Connection, ids: Iterable[str], lane: Lane, now: int) -> int:
    """Add a re-indexing of the ledger's own for articles that nothing else is about to index."""
    wanted = set(ids)
    if not wanted:
        return 0
    # A row that a worker holds at stage index may have been read before this change: it does not count. Nor
    # does one that is tagged again, since it ends at that stage if its tags come out the same.
    coming = (
        sa.select(submissions.c.article_id)
        .join(articles, articles.c.id == submissions.c.article_id)
        .where(
            submissions.c.article_id.in_(wanted),
            sa.or_(submissions.c.kind == "refresh", submissions.c.sequence == articles.c.sequence),
            sa.or_(
                sa.and_(submissions.c.stage == "tag", ~is_tagged_again()),
                sa.and_(submissions.c.stage == "index", submissions.c.token.is_(None)),
            ),
        )
    )
    known = sa.select(articles.c.id, articles.c.source_id).where(articles.c.id.in_(wanted))
    rows = [
        _refresh(row.id, row.source_id, lane, now)
        for row in connection.execute(known.where(articles.c.id.not_in(coming)))
    ]
    if rows:
        connection.execute(sa.insert(submissions), rows)
    return len(rows)


def _refresh(article_id: str, source_id: str, lane: Lane, now: int) -> dict[str, Any]:
    return new_submission(article_id, source_id, lane, now) | {
        "kind": "refresh", "stage": "index", "status": "tagged",
    }  # fmt: skip


def new_submission(article_id: str, source_id: str, lane: Lane, now: int) -> dict[str, Any]:
    """The columns of a submission as it is accepted."""
    return {
        "id": secrets.token_hex(16), "article_id": article_id, "source_id": source_id, "kind": "push",
        "lane": lane, "stage": "clean", "status": "accepted", "attempts": 0, "alone": False, "claimed": 0,
        "not_before": 0, "waiting_since": now, "accepted_at": now, "updated_at": now,
    }  # fmt: skip
