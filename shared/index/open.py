"""Chooses the index of a process from its settings: the one place that knows both adapters."""

from __future__ import annotations

from shared.index.port import ArticleIndex
from shared.settings import Settings


def open_index(settings: Settings, *, writing: bool = False) -> ArticleIndex:
    """Build the index the settings ask for; nothing is connected, made or locked yet.

    Call it after a fork. ``writing`` lets the embedded index take its directory's only writer.
    """
    # Imported here, so that a process loads only the engine it uses.
    if not settings.index_url:
        from shared.index.embedded import EmbeddedIndex

        return EmbeddedIndex(settings.index_dir, writing=writing)
    from shared.index.elasticsearch import ElasticsearchIndex

    return ElasticsearchIndex(
        settings.index_url, settings.index_alias, settings.index_shards, settings.index_replicas
    )
