"""Takes the bench's own indices out of a foreign Elasticsearch again."""

from __future__ import annotations

from contextlib import suppress

from elasticsearch import Elasticsearch, NotFoundError

from shared.index.elasticsearch import read_hosts
from shared.settings import Settings


def drop_alias(settings: Settings) -> None:
    """Delete the indices behind the settings' alias; nothing to do for the embedded index."""
    if not settings.index_url:
        return
    hosts, credentials = read_hosts(settings.index_url)
    with Elasticsearch(hosts, basic_auth=credentials) as client, suppress(NotFoundError):
        for name in client.indices.get_alias(name=settings.index_alias):
            client.indices.delete(index=name)
