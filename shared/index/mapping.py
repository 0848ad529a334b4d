"""The Elasticsearch index that holds the documents of ``document.py``: its name, settings and mapping."""

from __future__ import annotations

from typing import Any

from shared.index.document import FIELDS, INDEX_VERSION, Kind

RETIRED = "retired_at"  # in ``_meta`` of an index that was put out of use: when, in ms

# No ignore_above: a value that is too long would be left out in silence, and the same query would find less
# here than in the embedded index. ``document`` refuses such a value for both.
_PROPERTIES: dict[Kind, dict[str, Any]] = {
    "keyword": {"type": "keyword"},
    "long": {"type": "long"},
    "terms": {"type": "text", "analyzer": "whitespace"},  # the analysis is ours, and is done
    "stored": {"type": "object", "enabled": False},
}


def index_name(alias: str, number: int = 1) -> str:
    """The name of an index behind the alias: it tells the version of documents and analysis."""
    return f"{alias}-{INDEX_VERSION}-{number:06}"


def build_alias(alias: str) -> str:
    """The alias of an index that is being built, to take the place of the one behind ``alias``."""
    return f"{alias}-building"


def is_current(name: str, alias: str) -> bool:
    """Whether an index behind the alias holds documents of this program's version."""
    return name.startswith(f"{alias}-{INDEX_VERSION}-")


def index_mapping() -> dict[str, Any]:
    """The strict mapping: a field that is not in ``FIELDS`` is refused."""
    return {
        "dynamic": "strict",
        "_meta": {"version": INDEX_VERSION},
        # Terms are made of the article, which is kept; kept twice they would double every hit and the disk.
        "_source": {"excludes": [name for name, kind in FIELDS.items() if kind == "terms"]},
        "properties": {name: _PROPERTIES[kind] for name, kind in FIELDS.items()},
    }


def index_settings(shards: int, replicas: int) -> dict[str, Any]:
    """Shards as told, and a refresh every second whether or not somebody searches."""
    # Left unset, an index that nobody searched for 30 s stops refreshing, and the next search waits for it.
    return {"number_of_shards": shards, "number_of_replicas": replicas, "refresh_interval": "1s"}
