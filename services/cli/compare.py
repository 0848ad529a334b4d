"""`copydesk doctor --compare`: holds ledger, index and fingerprints against each other, and mends on request.

The ledger is the truth: what the others lack is written again from it. What differs is looked at twice,
since live work changes all three while they are read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from services.cli.broker import pings
from services.cli.doctor import Finding, with_advice
from services.cli.ground import has_ledger
from services.cli.running import Wakes, as_it_runs, opened_ledger
from services.cli.served import chunks, read_served
from services.cli.walk import count_of, progress
from shared.clock import now_ms
from shared.errors import CopydeskError, IndexMissing
from shared.fingerprints.port import WINDOW_SECONDS, Fingerprints, TextClaim
from shared.fingerprints.redis import RedisFingerprints
from shared.index.document import digest
from shared.index.open import open_index
from shared.index.port import ArticleIndex
from shared.ledger.keeping import Served
from shared.ledger.port import Ledger
from shared.messages import TERMINAL
from shared.nearness.window import moment_of, within_window
from shared.queue import make_redis
from shared.settings import Settings

SETTLE_SECONDS = 10.0  # that what is under way gets to arrive
LOOK_SECONDS = 0.2
IDS_TOLD = 3
QUEUED = "written to the index again"
REBUILT = "`copydesk reindex` builds the index anew"
DECIDED = "`copydesk replay --from-stage dedupe --reset` decides anew"
# How a document may differ, in words; and what mends it.
KINDS = {
    "missing": ("not in the index", QUEUED),
    "behind": ("older in the index than in the ledger", QUEUED),
    "ahead": ("newer in the index than in the ledger, which may be an old copy", REBUILT),
    "altered": ("other in the index than in the ledger, at the same change", REBUILT),
}


@dataclass(frozen=True, slots=True)
class Desk:
    """What one comparison works with; ``sample`` is how many articles, None for all of them."""

    settings: Settings
    ledger: Ledger
    sample: int | None
    mend: bool

    def pages(self) -> Iterator[list[Served]]:
        """The articles to be compared."""
        return read_served(self.ledger, self.sample)


def compare_all(settings: Settings, sample: int | None, *, mend: bool) -> Iterator[Finding]:
    """Every finding, as each is made."""
    if not has_ledger(settings):
        yield Finding("ledger", good=False, told="not made yet; `copydesk up` or `copydesk migrate` makes it")
        return
    with opened_ledger(settings) as ledger:
        desk = Desk(settings, ledger, sample, mend)
        for what, check in (
            ("ledger", lambda: check_counts(ledger)),
            ("copies", lambda: check_copies(desk)),
            ("index", lambda: _check_open_index(desk)),
            ("fingerprints", lambda: _check_open_fingerprints(desk)),
        ):
            yield from _in_words(what, check)


def _in_words(what: str, check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except IndexMissing as error:
        yield Finding(what, good=False, told=with_advice(error))
    except CopydeskError as error:
        yield Finding(what, good=False, told=str(error))


# The ledger with itself


def check_counts(ledger: Ledger) -> Iterator[Finding]:
    """Whether the totals that were kept agree with the rows that are there, and every row is somewhere."""
    troubles = _miscounted(ledger)
    if troubles:  # rows and totals are read one after the other, and live work may have come between
        time.sleep(LOOK_SECONDS)
        again = _miscounted(ledger)
        troubles = [trouble for trouble in troubles if trouble in again]
    for trouble in troubles:
        yield Finding("ledger", good=False, told=trouble)
    if not troubles:
        yield Finding("ledger", good=True, told="its totals agree with its rows")


def _miscounted(ledger: Ledger) -> list[str]:
    totals, rows, backlog = ledger.tallies(), ledger.counts(), ledger.backlog(now_ms())
    accepted, pruned = totals.get("accepted", 0), totals.get("pruned", 0)
    ended = {word: totals.get(word, 0) for word in sorted(TERMINAL)}
    pending = sum(count for word, count in rows.items() if word not in TERMINAL)
    queued = sum(entry.waiting + entry.held + entry.put_off for entry in backlog)
    troubles = []
    if pending > queued:  # re-indexings of the ledger's own are queued too, and not counted as rows
        troubles.append(f"{count_of(pending - queued, 'submission')} at no stage, and not ended")
    if accepted != (told := sum(ended.values())) + pending:
        troubles.append(f"{accepted} accepted in all, but {told} ended and {pending} pending")
    for word, total in ended.items():
        count = rows.get(word, 0)
        if total < count or (not pruned and total != count):
            troubles.append(f"{total} {word} in its totals, {count} in its rows")
    gone = sum(total - rows.get(word, 0) for word, total in ended.items())
    if pruned and gone != pruned:
        troubles.append(f"{gone} ended submissions are gone, {pruned} were pruned")
    return troubles


def check_copies(desk: Desk) -> Iterator[Finding]:
    """Whether the lead of every copy is there and leads."""
    seen, orphans = 0, []
    for page in desk.pages():
        copies = [one for one in page if one.lead != one.id and not one.withdrawn]
        leads = _leading(desk.ledger, {one.lead for one in copies})
        seen += len(copies)
        orphans += [one for one in copies if one.lead not in leads]
    if orphans:  # a lead may have handed over, or come only now
        _let_settle(desk.ledger)
        fresh = [one for one in _again(desk.ledger, orphans) if one.lead != one.id]
        leads = _leading(desk.ledger, {one.lead for one in fresh})
        orphans = [one for one in fresh if one.lead not in leads and not _is_coming(desk.ledger, one.lead)]
    if orphans:
        told = f"of {count_of(len(orphans), 'copy', 'copies')} the lead is gone ({_some(orphans)}); {DECIDED}"
        yield Finding("copies", good=False, told=told)
    else:
        yield Finding("copies", good=True, told=f"{count_of(seen, 'copy', 'copies')}, each with a lead")


def _leading(ledger: Ledger, ids: set[str]) -> set[str]:
    found = (article for part in chunks(sorted(ids)) for article in ledger.articles(part))
    return {article.id for article in found if article.is_lead and not article.withdrawn}


def _again(ledger: Ledger, found: Sequence[Served]) -> list[Served]:
    """The same rows, read anew; those that moved on are left out."""
    rows = (row for one in found for row in ledger.served(one.sequence - 1, 1) if row.id == one.id)
    return list(rows)


# The index


def _check_open_index(desk: Desk) -> Iterator[Finding]:
    with closing(open_index(desk.settings)) as index:
        yield from check_index(desk, index)


def check_index(desk: Desk, index: ArticleIndex) -> Iterator[Finding]:
    """Whether the index has of each article what the ledger has, and nothing beside."""
    documents = index.count()
    with progress("articles compared", documents if desk.sample is None else desk.sample) as advance:
        seen, known, suspects = 0, 0, []
        for page in desk.pages():
            changes = index.changes([one.id for one in page])
            suspects += _suspects(desk.ledger, index, page, changes)
            seen, known = seen + len(page), known + len(changes)
            advance(len(page))
    if suspects or (desk.sample is None and documents > known):
        _let_settle(desk.ledger)
    differing = _differing(desk.ledger, index, suspects)
    yield Finding("index", good=not any(differing.values()), told=f"{count_of(seen, 'article')} compared")
    for kind, ids in differing.items():
        yield from _tell(desk, kind, ids)
    if desk.sample is None:
        yield from _check_unknown(desk, index, documents - known)


def _suspects(
    ledger: Ledger, index: ArticleIndex, page: Sequence[Served], changes: dict[str, int]
) -> list[Served]:
    other = [one for one in page if _is_other(one, changes.get(one.id))]
    same = [one for one in page if changes.get(one.id) == one.change]
    altered = _altered(ledger, index, [one.id for one in same])
    return other + [one for one in same if one.id in altered]


def _is_other(one: Served, change: int | None) -> bool:
    # A tombstone leaves the index after a day, and what is not there is not found either.
    return change != one.change and not (one.withdrawn and change is None)


def _altered(ledger: Ledger, index: ArticleIndex, ids: Sequence[str]) -> set[str]:
    """Articles that both have at the same change, and not with the same content."""
    there = index.digests(ids)
    found = [article for article in ledger.articles(ids) if article.id in there]
    changes = index.changes([article.id for article in found])
    return {
        article.id
        for article in found
        if changes.get(article.id) == article.change and digest(article) != there[article.id]
    }


def _differing(ledger: Ledger, index: ArticleIndex, suspects: Sequence[Served]) -> dict[str, list[str]]:
    """What still differs at the second look, by kind; what moved on in between is under way."""
    differing: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for part in chunks(suspects):
        ids = [one.id for one in part]
        changes, now = index.changes(ids), {article.id: article for article in ledger.articles(ids)}
        altered = _altered(ledger, index, ids)
        for one in part:
            article = now.get(one.id)
            if article is None or article.change != one.change:
                continue
            if one.indexed_change < one.change and _is_coming(ledger, one.id):
                continue
            kind = "altered" if one.id in altered else _kind(one, changes.get(one.id))
            if kind is not None:
                differing[kind].append(one.id)
    return differing


def _kind(one: Served, change: int | None) -> str | None:
    if not _is_other(one, change):
        return None
    if change is None:
        return "missing"
    return "behind" if change < one.change else "ahead"


def _is_coming(ledger: Ledger, article_id: str) -> bool:
    """Whether a push of the article is on its way to the index, which then has all reason to be behind."""
    found = ledger.status(article_id)
    return found is not None and found.stage is not None


def _tell(desk: Desk, kind: str, ids: Sequence[str]) -> Iterator[Finding]:
    if not ids:
        return
    words, advice = KINDS[kind]
    told = f"{count_of(len(ids), 'article')} {words} ({_some(ids)})"
    if advice != QUEUED:
        yield Finding("index", good=False, told=f"{told}; {advice}")
    elif not desk.mend:
        yield Finding("index", good=False, told=f"{told}; --mend has them {QUEUED}")
    else:
        with Wakes(desk.settings) as wakes:
            for part in chunks(ids):
                desk.ledger.refresh(0, len(part), now_ms(), part)
            wakes.wake(("index", "replay"))
        yield Finding("index", good=False, told=f"{told}; they are being {QUEUED}")


def _check_unknown(desk: Desk, index: ArticleIndex, unknown: int) -> Iterator[Finding]:
    """Whether there are documents that the ledger does not know; ``unknown`` is what a first count says."""
    if unknown > 0:  # an article may have been indexed, and not yet committed, when they were counted
        documents = index.count()
        unknown = documents - sum(len(index.changes([one.id for one in page])) for page in desk.pages())
    if unknown > 0:
        told = f"{count_of(unknown, 'document')} that the ledger does not know; {REBUILT}"
        yield Finding("index", good=False, told=told)
    else:
        yield Finding("index", good=True, told="no document that the ledger does not know")


def _let_settle(ledger: Ledger) -> None:
    """Wait until nothing is under way, or for as long as a person likes to wait."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while ledger.backlog(now_ms()) and time.monotonic() < deadline:
        time.sleep(LOOK_SECONDS)


# The fingerprints


def _check_open_fingerprints(desk: Desk) -> Iterator[Finding]:
    settings = as_it_runs(desk.settings)
    if not settings.redis_url or not pings(settings.redis_url):
        yield Finding("fingerprints", good=True, told="not compared: no Redis answers from here")
        return
    with closing(make_redis(settings)) as client:
        yield from check_fingerprints(desk, RedisFingerprints(client))


def check_fingerprints(desk: Desk, fingerprints: Fingerprints) -> Iterator[Finding]:
    """Whether each lead of the last three days is known by its text."""
    if not fingerprints.is_ready():
        yield Finding("fingerprints", good=False, told="lost as a whole; the sweeper puts them back")
        return
    since = now_ms() - int(WINDOW_SECONDS * 1000)
    seen, suspects = 0, []
    for page in desk.pages():
        # A copy is known by its lead's text, for as long as the lead is.
        leads = [one for one in page if _claims(one, since)]
        seen += len(leads)
        suspects += _misled(fingerprints, leads)
    if suspects:
        _let_settle(desk.ledger)
        suspects = _misled(
            fingerprints, [one for one in _again(desk.ledger, suspects) if _claims(one, since)]
        )
    yield from _tell_fingerprints(desk, fingerprints, seen, suspects)


def _claims(one: Served, since: int) -> bool:
    return one.lead == one.id and one.accepted_at >= since and not one.withdrawn


def _misled(fingerprints: Fingerprints, leads: Sequence[Served]) -> list[Served]:
    found = (fingerprints.look_up([one.text_hash for one in part]) for part in chunks(leads))
    named = [lead for part in found for lead in part]
    return [one for one, lead in zip(leads, named, strict=True) if lead != one.id]


def _tell_fingerprints(
    desk: Desk, fingerprints: Fingerprints, seen: int, suspects: Sequence[Served]
) -> Iterator[Finding]:
    named = fingerprints.look_up([one.text_hash for one in suspects])
    lost = [one for one, lead in zip(suspects, named, strict=True) if lead is None]
    # A lead that died keeps its text's fingerprint until the window ends; dedupe asks the ledger who leads.
    leading = _leading(desk.ledger, {lead for lead in named if lead is not None})
    rivals = _rivals(desk.ledger, suspects, named, leading)
    if lost:
        told = f"{count_of(len(lost), 'text')} of the last three days lost ({_some(lost)})"
        if desk.mend:
            fingerprints.load([TextClaim(one.id, one.text_hash) for one in lost])
        told += "; put back" if desk.mend else "; --mend puts them back"
        yield Finding("fingerprints", good=False, told=told)
    if rivals:
        told = f"{count_of(len(rivals), 'text')} led by two articles ({_some(rivals)}); {DECIDED}"
        yield Finding("fingerprints", good=False, told=told)
    if not lost and not rivals:
        yield Finding(
            "fingerprints", good=True, told=f"{count_of(seen, 'text')} of the last three days compared"
        )


def _rivals(
    ledger: Ledger, suspects: Sequence[Served], named: Sequence[str | None], leading: set[str]
) -> list[Served]:
    """Those whose text another article leads, close enough in time for one to be the other's copy."""
    pairs = [(one, lead) for one, lead in zip(suspects, named, strict=True) if lead in leading]
    wanted = {one.id for one, _ in pairs} | {lead for _, lead in pairs if lead is not None}
    found = (article for part in chunks(sorted(wanted)) for article in ledger.articles(part))
    moments = {article.id: moment_of(article) for article in found}
    return [
        one for one, lead in pairs
        if lead in moments and one.id in moments and within_window(moments[one.id], moments[lead])
    ]  # fmt: skip


def _some(found: Sequence[Served | str]) -> str:
    ids = [one if isinstance(one, str) else one.id for one in found[:IDS_TOLD]]
    return ", ".join(ids) + (" ..." if len(found) > IDS_TOLD else "")
