"""Tells a version from a duplicate: the same item changed, or the same text elsewhere.

*Same item* (same article id): a submission with the same content is ``unchanged``; an older one, by the
source's version, else its modification time, else arrival, is ``superseded``; else it is the next revision.
*Same text* (another id): the first article to claim a text within the window leads it, later ones are its
duplicates. Only what a reader would notice counts: case, spacing and punctuation of a text do not. A few
sentences ("This is a developing story ...") stand under many headlines: of a short text the title must be the
same as well. An article that leads others keeps leading when its own text changes, so that its copies never
fold under a copy.
*Nearly the same text*: of those that lead their very text, as ``near.py`` finds and ``shared.nearness``
compares: duplicate, version (a rewrite) or excerpt of a lead, by a rule that the verdict names.
*Run again*: the very submission that its article was made of is neither unchanged nor older. Its verdict
stands (keep), or the ledger decides (reset), which knows who was first; fingerprints just learn its text.
What is reset is compared with near texts like an arrival as long as copies may still come, later with the
lead it had.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Literal

from services.workers.stages.near import (
    Near,
    NearText,
    compare_with,
    find_leads,
    known_sketches,
    write_down,
)
from services.workers.stages.repeats import body_before_profile
from shared.article import Article, Current, Verdict
from shared.errors import InvalidRequest
from shared.fingerprints.port import Fingerprints, TextClaim
from shared.identity import normalise_url
from shared.nearness.compare import SAME_TEXT, same_text
from shared.nearness.sketch import tokens

HASH_VERSION = b"1"  # a change of what is hashed must not look like a change of every article
# Below this a body may be a set phrase, and its title is added. Under another title it is compared with near
# texts, of which those of about this length (``shared.nearness.compare.SHORT``) must tell of both titles.
SHORT_WORDS = 40

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Arrival:
    """A cleaned article as it comes to be compared; ``current`` is what is known of the same item."""

    article: Article
    sequence: int  # order of acceptance
    current: Current | None = None
    replay: Literal["keep", "reset"] | None = None  # it belongs to the past
    is_recent: bool = True  # accepted so lately that its copies may still come

    @property
    def is_own(self) -> bool:
        """Whether the article is known by this very submission."""
        return self.current is not None and self.current.sequence == self.sequence

    @property
    def is_kept(self) -> bool:
        """Whether it is run again and its verdict stands."""
        return self.replay == "keep" and self.is_own


@dataclass(frozen=True, slots=True)
class Compared:
    """What dedupe decided; ``verdict`` is there when the article is a new revision."""

    word: Literal["deduped", "unchanged", "superseded"]
    content_hash: str
    text_hash: str
    verdict: Verdict | None = None
    reason: str | None = None
    sketch: bytes | None = None  # packed, of a revision that was compared with near texts
    moment: int | None = None  # ms, by which its window is counted


def dedupe_articles(
    arrivals: Sequence[Arrival], fingerprints: Fingerprints, near: Near | None = None
) -> list[Compared]:
    """Compare a batch, in order of arrival; asks the fingerprints once for all that are new revisions.

    Without ``near`` only the very same text makes a copy.
    """
    compared = [_compare_with_item(arrival) for arrival in arrivals]
    fresh = [index for index, found in enumerate(compared) if found.word == "deduped"]
    asking = [index for index in fresh if _claims_text(arrivals[index])]
    claims = [TextClaim(arrivals[index].article.id, compared[index].text_hash) for index in asking]
    leads = dict(zip(asking, fingerprints.claim(claims), strict=True))
    for index in fresh:
        compared[index] = _with_verdict(compared[index], arrivals[index], leads.get(index))
    return compared if near is None else _with_near(compared, arrivals, leads, near)


def _claims_text(arrival: Arrival) -> bool:
    """Whether later copies are to find this article: not under a text of long ago, nor under a known copy."""
    if arrival.replay is None:
        return True
    current = arrival.current
    is_copy = arrival.is_kept and current is not None and current.verdict.duplicate_of is not None
    return arrival.is_recent and not is_copy


def _compare_with_item(arrival: Arrival) -> Compared:
    content, text = content_hash(arrival.article), text_hash(arrival.article)
    current = arrival.current
    if arrival.is_own:
        return Compared("deduped", content, text)
    if current is not None and current.content_hash == content and not current.failed:
        return Compared("unchanged", content, text)
    if current is not None and not current.failed and _is_older(arrival, current):
        return Compared("superseded", content, text, reason=f"revision {current.revision} is newer")
    return Compared("deduped", content, text)


def _is_older(arrival: Arrival, current: Current) -> bool:
    article = arrival.article
    if article.version is not None and current.version is not None and article.version != current.version:
        return article.version < current.version
    if article.modified_at is not None and current.modified_at is not None:
        return (article.modified_at, arrival.sequence) < (current.modified_at, current.sequence)
    return arrival.sequence < current.sequence


def _with_verdict(found: Compared, arrival: Arrival, lead: str | None) -> Compared:
    article, current = arrival.article, arrival.current
    if arrival.is_kept and current is not None:
        verdict = current.verdict
    elif lead is None or arrival.replay is not None:
        verdict = Verdict("new", story_id=article.id)  # until the ledger has looked for an earlier one
    elif lead == article.id or (current is not None and current.has_copies):
        story = current.verdict.story_id if current is not None else article.id
        verdict = Verdict("new", story_id=story)
    else:
        verdict = Verdict("duplicate", lead, 1.0, lead, SAME_TEXT)
    return replace(found, verdict=verdict)


def _with_near(
    compared: Sequence[Compared], arrivals: Sequence[Arrival], leads: Mapping[int, str], near: Near
) -> list[Compared]:
    """The same with sketches, and with copies that are not word for word the same."""
    texts = {at: NearText(arrivals[at].article) for at, one in enumerate(compared) if one.word == "deduped"}
    verdicts = {at: compared[at].verdict for at in texts}
    own = [at for at, lead in leads.items() if lead == arrivals[at].article.id]
    write_down([texts[at] for at in own if _stays_lead(arrivals[at])], near)
    asking = [at for at in own if not _stays_lead(arrivals[at])]
    found = dict(zip(asking, find_leads([texts[at] for at in asking], near), strict=True))
    same = {at: texts[at] for at in texts.keys() & leads.keys() if at not in own}
    found |= _under_other_titles(same, verdicts, near)
    for at in texts.keys() - leads.keys():
        before = _former_lead(arrivals[at])
        found[at] = compare_with(texts[at], before, near) if before is not None else None
    return [
        replace(one, verdict=found.get(at) or verdicts[at], sketch=texts[at].packed, moment=texts[at].moment)
        if at in texts
        else one
        for at, one in enumerate(compared)
    ]


def _under_other_titles(
    same: Mapping[int, NearText], verdicts: Mapping[int, Verdict | None], near: Near
) -> dict[int, Verdict]:
    """Those among texts that are word for word their lead's which are versions, since the titles disagree."""
    copies = {at: verdict for at in same if (verdict := verdicts[at]) and verdict.rule == SAME_TEXT}
    known = known_sketches(
        [verdict.duplicate_of for verdict in copies.values() if verdict.duplicate_of], near
    )
    found = {}
    for at, verdict in copies.items():
        likenesses = [same_text(same[at].sketch, lead) for lead in known.get(verdict.duplicate_of or "", ())]
        if likenesses and all(likeness.word == "version" for likeness in likenesses):
            found[at] = replace(verdict, word="version", rule=likenesses[0].rule)
    return found


def _stays_lead(arrival: Arrival) -> bool:
    """Whether an article that leads its text does so whatever else is like it."""
    return arrival.is_kept or (arrival.current is not None and arrival.current.has_copies)


def _former_lead(arrival: Arrival) -> str | None:
    """The lead that an article of long ago is compared with again: nobody finds it by its bands any more."""
    if arrival.replay != "reset" or arrival.current is None or arrival.current.verdict.rule == SAME_TEXT:
        return None
    return arrival.current.verdict.duplicate_of if arrival.is_own else None


def text_hash(article: Article) -> str:
    """32 hex digits of the words of the body; of title and body when the body has fewer than 40 words."""
    words = _words(article.body)
    if _is_short(article.body):
        words = [*_words(article.title), "", *words]
    return _digest(" ".join(words))


def _is_short(body: str) -> bool:
    """Whether a body has fewer words than ``SHORT_WORDS``, as near texts count them.

    Those are pieces of two signs in Chinese and Japanese and of four letters in Thai: to a pattern for words
    a sentence there is one. A long text is not read to its end.
    """
    count = 0
    for line in body.split("\n"):
        count += len(tokens(line))
        if count >= SHORT_WORDS:
            return False
    return True


def content_hash(article: Article) -> str:
    """32 hex digits of everything whose change makes a new revision of an item.

    ``modified_at`` and ``version`` only order submissions; many sources touch them without a change. Lines
    that are cut only since their source is known to repeat them are still part of the content. Of addresses
    only what tells pages apart counts, without tracking, ``www.`` and the like.
    """
    parts = (
        article.title, article.summary, body_before_profile(article), article.language,
        _comparable(article.canonical_url), _comparable(article.image_url), article.pub_status,
        article.published_at, article.embargo_until, article.expires_at, *article.authors, "",
        *article.source_keywords,
    )  # fmt: skip
    return _digest("\x1f".join(" ".join(str(part or "").casefold().split()) for part in parts))


def _comparable(address: str | None) -> str | None:
    try:
        return normalise_url(address) if address else address
    except InvalidRequest:  # a page may name anything for its address
        return address


def _words(text: str) -> list[str]:
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def _digest(text: str) -> str:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16, person=HASH_VERSION).hexdigest()
