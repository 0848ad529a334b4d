"""The ledger's tables, the same on SQLite and PostgreSQL. Times are milliseconds since the epoch."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Dialect,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    text,
)

metadata = MetaData()


class Words(TypeDecorator[str]):
    """Short text as any database can store it; ``cut`` what is longer than the length.

    PostgreSQL refuses NUL, and nobody can encode half a surrogate pair; both come in with broken articles,
    in the very errors that tell of them, and in ids that people ask for.
    """

    impl = String
    cache_ok = True

    def __init__(self, length: int, *, cut: bool = False) -> None:
        super().__init__(length)
        self.length = length
        self.cut = cut

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Replace what cannot be stored."""
        storable = _storable(value)
        return storable[: self.length] if self.cut and storable is not None else storable


class Prose(TypeDecorator[str]):
    """Text of any length as any database can store it."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, _dialect: Dialect) -> str | None:
        """Replace what cannot be stored."""
        return _storable(value)


def _storable(value: str | None) -> str | None:
    if value is None:
        return None
    if not value.isascii():
        value = value.encode("utf-8", "backslashreplace").decode()
    return value.replace("\0", "\ufffd")


# SQLite gives a rowid only to INTEGER keys; PostgreSQL needs the wider type.
Sequence = BigInteger().with_variant(Integer, "sqlite")

submissions = Table(
    "submissions",
    metadata,
    Column("sequence", Sequence, primary_key=True, autoincrement=True),
    Column("id", Words(32), nullable=False, unique=True),
    Column("article_id", Words(32), nullable=False),
    Column("source_id", Words(255), nullable=False),
    Column("kind", Words(8), nullable=False),  # push, or refresh: the ledger's own re-indexing
    Column("lane", Words(8), nullable=False),
    Column("stage", Words(8)),  # where it waits or is worked on; NULL once it has ended
    Column("status", Words(12), nullable=False),
    Column("reason", Prose),
    Column("traceback", Prose),
    Column("failed_stage", Words(8)),
    Column("attempts", Integer, nullable=False),  # counted at this stage, in claims of one
    Column("alone", Boolean, nullable=False),  # a batch with it died: claim it with none but such
    Column("claimed", Integer, nullable=False),  # size of the claim that holds or last held it
    Column("token", Words(32)),
    Column("lease_until", BigInteger),
    Column("not_before", BigInteger, nullable=False),
    Column("waiting_since", BigInteger, nullable=False),
    Column("accepted_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("draft", LargeBinary),  # packed Article between clean and dedupe
    Column("replay", Words(5)),  # NULL: decide as ever; keep: verdict and story stand; reset: decide anew
    Column("request", Words(64)),  # id of the request that brought it; NULL: the ledger's own, or from before
    Column("traceparent", Words(55)),  # where that request stands in a trace, when it was traced
    Index("ix_submissions_article", "article_id", "sequence"),
    # The stage between: without it SQLite walks through all that waits at a stage to find a few articles.
    Index("ix_submissions_pending", "article_id", "stage", "sequence", sqlite_where=text("stage IS NOT NULL"),
          postgresql_where=text("stage IS NOT NULL")),
    Index("ix_submissions_token", "token", sqlite_where=text("token IS NOT NULL"),
          postgresql_where=text("token IS NOT NULL")),
    Index("ix_submissions_waiting", "stage", "lane", "sequence", sqlite_where=text("stage IS NOT NULL"),
          postgresql_where=text("stage IS NOT NULL")),
    Index("ix_submissions_quarantined", "sequence", sqlite_where=text("status = 'quarantined'"),
          postgresql_where=text("status = 'quarantined'")),
    sqlite_autoincrement=True,  # a sequence is never given twice, also after rows were pruned
)  # fmt: skip

originals = Table(
    "originals",
    metadata,
    Column("sequence", Sequence, primary_key=True, autoincrement=False),
    Column("content", LargeBinary, nullable=False),  # packed RawArticle, as accepted
)

articles = Table(
    "articles",
    metadata,
    Column("id", Words(32), primary_key=True),
    Column("source_id", Words(255), nullable=False),
    Column("url", Prose),
    Column("sequence", BigInteger, nullable=False),  # of the submission that made this revision
    Column("revision", Integer, nullable=False),
    Column("change", BigInteger, nullable=False),
    Column("indexed_change", BigInteger, nullable=False),
    Column("indexed_at", BigInteger),
    Column("version", BigInteger),
    Column("modified_at", BigInteger),
    Column("content_hash", Words(32), nullable=False),
    Column("text_hash", Words(32), nullable=False),
    Column("verdict", Words(12), nullable=False),
    Column("duplicate_of", Words(32)),
    Column("similarity", Float, nullable=False),
    Column("story_id", Words(32), nullable=False),
    Column("sort_key", BigInteger, nullable=False),
    Column("ingested_at", BigInteger, nullable=False),
    Column("withdrawn", Boolean, nullable=False),  # a tombstone: nobody may see it any more
    Column("gone", Words(9)),  # why: withdrawn or purged (its item may not come back), or pruned (it may)
    Column("gone_at", BigInteger),
    Column("article", LargeBinary, nullable=False),  # packed Article
    Column("standing", LargeBinary),  # the packed Article that is served, while this revision is on its way
    Column("standing_facts", LargeBinary),  # and its other columns, as JSON
    # The version of the rules that the present tags were made with, or are known to be the same with. Empty:
    # they are from before there were versions. NULL: the revision is not tagged yet, or is gone.
    Column("vocabulary", Words(16)),
    Column("rule", Words(32)),  # what the verdict was given by
    Column("passage", Prose),  # of this article's own text, that its lead has as well
    Column("moment", BigInteger),  # ms, by which the window is counted: published, else ingested
    Column("rank", Integer, nullable=False, default=0),  # of its source: the lowest leads
    Column("held", Words(8)),  # why it is not shown now: withheld, embargo, expired; NULL: it is
    Column("due_at", BigInteger),  # ms, when that changes by itself
    Column("heir", Words(32)),  # who leads its copies since it cannot
    Index("ix_articles_due", "due_at", sqlite_where=text("due_at IS NOT NULL"),
          postgresql_where=text("due_at IS NOT NULL")),
    Index("ix_articles_story", "story_id"),
    Index("ix_articles_duplicate_of", "duplicate_of", sqlite_where=text("duplicate_of IS NOT NULL"),
          postgresql_where=text("duplicate_of IS NOT NULL")),
    Index("ix_articles_sequence", "sequence"),
    Index("ix_articles_text", "text_hash"),
    Index("ix_articles_gone", "gone_at", sqlite_where=text("gone IS NOT NULL"),
          postgresql_where=text("gone IS NOT NULL")),
    Index("ix_articles_vocabulary", "vocabulary", sqlite_where=text("vocabulary IS NOT NULL"),
          postgresql_where=text("vocabulary IS NOT NULL")),
)  # fmt: skip

journey = Table(
    "journey",
    metadata,
    Column("id", Sequence, primary_key=True, autoincrement=True),
    Column("article_id", Words(32), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("stage", Words(8), nullable=False),
    Column("word", Words(12), nullable=False),
    Column("worker", Words(64, cut=True), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("detail", Prose),
    Index("ix_journey_article", "article_id"),
)

tallies = Table(
    "tallies",  # totals since the beginning, kept as it happens: counting rows would be slow, and wrong
    metadata,  # once some were pruned
    # accepted, a terminal Status, woken, pruned; rejected:... for each reason of those rejected
    Column("name", Words(48), primary_key=True),
    Column("shard", Integer, primary_key=True),  # so that processes do not wait for each other's row
    Column("value", BigInteger, nullable=False),
)

once = Table(
    "once",  # Idempotency-Key: what was asked under a key, and what was answered
    metadata,
    Column("key", Words(255), primary_key=True),
    Column("fingerprint", Words(64), nullable=False),  # of method, path and body
    Column("answer", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ix_once_created", "created_at"),
)

erasures = Table(
    "erasures",  # texts that articles had before, and when one is purged: what Redis has still to forget
    metadata,
    Column("article_id", Words(32), primary_key=True),
    Column("text_hash", Words(32), primary_key=True),
    Column("due", Boolean, nullable=False),  # to be forgotten
    Column("sketch", LargeBinary),  # of that text, as in ``sketches``: its bands are made from them
    Column("story", LargeBinary),
    Column("moment", BigInteger),
    Index(
        "ix_erasures_due", "article_id", "text_hash", sqlite_where=text("due"), postgresql_where=text("due")
    ),
)

sketches = Table(
    "sketches",  # what articles are compared by; of older ones it is made from the article when it is missing
    metadata,
    Column("article_id", Words(32), primary_key=True),
    Column("near", LargeBinary),  # packed shared.nearness.sketch.Sketch
    Column("story", LargeBinary),  # packed shared.stories.features.StorySketch
)

revisions = Table(
    "revisions",  # what articles were before; the present revision is in ``articles``
    metadata,
    Column("article_id", Words(32), primary_key=True),
    Column("revision", Integer, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("made_at", BigInteger, nullable=False),  # when it was compared and became one
    Column("article", LargeBinary, nullable=False),  # packed Article
)

events = Table(
    "events",  # what befell articles, for those who follow; written under the turn, so ids are in order
    metadata,
    Column("id", Sequence, primary_key=True, autoincrement=True),
    Column("at", BigInteger, nullable=False),
    Column("kind", Words(12), nullable=False),  # shared.ledger.telling.EventKind
    Column("article_id", Words(32), nullable=False),
    Column("source_id", Words(255), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("change", BigInteger, nullable=False),
    Column("detail", Prose),  # JSON, without any text of the article
    Index("ix_events_article", "article_id"),
    Index("ix_events_at", "at"),
    sqlite_autoincrement=True,  # who follows remembers the last id, also after rows were pruned
)

story_merges = Table(
    "story_merges",
    metadata,
    Column("story_id", Words(32), primary_key=True),
    Column("into_id", Words(32), nullable=False),  # a story that lives: later merges are followed here
    Column("at", BigInteger, nullable=False),
    Index("ix_story_merges_into", "into_id"),
)

barred_texts = Table(
    "barred_texts",  # texts of withdrawn articles, which nobody may push again (a setting)
    metadata,
    Column("text_hash", Words(32), primary_key=True),
    Column("article_id", Words(32), nullable=False),  # whose it was
    Column("at", BigInteger, nullable=False),
)

api_keys = Table(
    "api_keys",  # of callers; shared/keys reads and writes it
    metadata,
    Column("id", Words(12), primary_key=True),
    Column("name", Words(100), nullable=False),
    Column("scopes", Words(64), nullable=False),  # with commas
    Column("digest", LargeBinary, nullable=False),  # SHA-256 of the key, which itself is nowhere
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger),
    Column("revoked_at", BigInteger),
    Column("last_used_at", BigInteger),
)
