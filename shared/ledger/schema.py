"""The ledger's tables, the same on SQLite and PostgreSQL. Times are milliseconds since the epoch."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    text,
)

metadata = MetaData()

# SQLite gives a rowid only to INTEGER keys; PostgreSQL needs the wider type.
Sequence = BigInteger().with_variant(Integer, "sqlite")

submissions = Table(
    "submissions",
    metadata,
    Column("sequence", Sequence, primary_key=True, autoincrement=True),
    Column("id", String(32), nullable=False, unique=True),
    Column("article_id", String(32), nullable=False),
    Column("source_id", String(255), nullable=False),
    Column("kind", String(8), nullable=False),  # push, or refresh: the ledger's own re-indexing
    Column("lane", String(8), nullable=False),
    Column("stage", String(8)),  # where it waits or is worked on; NULL once it has ended
    Column("status", String(12), nullable=False),
    Column("reason", Text),
    Column("traceback", Text),
    Column("failed_stage", String(8)),
    Column("attempts", Integer, nullable=False),  # counted at this stage, in claims of one
    Column("alone", Boolean, nullable=False),  # a batch with it died: claim it by itself
    Column("claimed", Integer, nullable=False),  # size of the claim that holds or last held it
    Column("token", String(32)),
    Column("lease_until", BigInteger),
    Column("not_before", BigInteger, nullable=False),
    Column("waiting_since", BigInteger, nullable=False),
    Column("accepted_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("draft", LargeBinary),  # packed Article between clean and dedupe
    Index("ix_submissions_article", "article_id", "sequence"),
    Index("ix_submissions_pending", "article_id", "sequence", sqlite_where=text("stage IS NOT NULL"),
          postgresql_where=text("stage IS NOT NULL")),
    Index("ix_submissions_token", "token", sqlite_where=text("token IS NOT NULL"),
          postgresql_where=text("token IS NOT NULL")),
    Index("ix_submissions_waiting", "stage", "lane", "sequence", sqlite_where=text("stage IS NOT NULL"),
          postgresql_where=text("stage IS NOT NULL")),
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
    Column("id", String(32), primary_key=True),
    Column("source_id", String(255), nullable=False),
    Column("url", Text),
    Column("sequence", BigInteger, nullable=False),  # of the submission that made this revision
    Column("revision", Integer, nullable=False),
    Column("change", BigInteger, nullable=False),
    Column("indexed_change", BigInteger, nullable=False),
    Column("indexed_at", BigInteger),
    Column("version", BigInteger),
    Column("modified_at", BigInteger),
    Column("content_hash", String(32), nullable=False),
    Column("text_hash", String(32), nullable=False),
    Column("verdict", String(12), nullable=False),
    Column("duplicate_of", String(32)),
    Column("similarity", Float, nullable=False),
    Column("story_id", String(32), nullable=False),
    Column("sort_key", BigInteger, nullable=False),
    Column("ingested_at", BigInteger, nullable=False),
    Column("withdrawn", Boolean, nullable=False),
    Column("article", LargeBinary, nullable=False),  # packed Article
    Column("standing", LargeBinary),  # the packed Article that is served, while this revision is on its way
    Column("standing_facts", LargeBinary),  # and its other columns, as JSON
    Index("ix_articles_duplicate_of", "duplicate_of", sqlite_where=text("duplicate_of IS NOT NULL"),
          postgresql_where=text("duplicate_of IS NOT NULL")),
    Index("ix_articles_sequence", "sequence"),
    Index("ix_articles_text", "text_hash"),
)  # fmt: skip

journey = Table(
    "journey",
    metadata,
    Column("id", Sequence, primary_key=True, autoincrement=True),
    Column("article_id", String(32), nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("stage", String(8), nullable=False),
    Column("word", String(12), nullable=False),
    Column("worker", String(64), nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("detail", Text),
    Index("ix_journey_article", "article_id"),
)
