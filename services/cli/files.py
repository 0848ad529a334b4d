"""Files as push items: what a file's name and content make of it; sends nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from shared.errors import InvalidRequest

PAGE_TYPES = {".html": "text/html", ".htm": "text/html", ".xhtml": "text/html", ".txt": "text/plain"}
LINE_TYPES = (".ndjson", ".jsonl")


@dataclass(frozen=True, slots=True)
class Page:
    """A file that is pushed as it is, under the address it came from."""

    content: bytes
    content_type: str
    url: str


def read_file(path: Path, source: str | None, url: str | None) -> Page | Iterator[Any]:
    """A page, or the items in a file; a line of NDJSON that is no JSON comes out as the text it is.

    A page without a URL becomes an item whose uri is ``file:<name>``. Raises ``InvalidRequest``.
    """
    suffix = path.suffix.lower()
    if suffix in LINE_TYPES:
        return _read_lines(path, source)
    if suffix == ".json":
        return _read_json(path, source)
    if suffix not in PAGE_TYPES:
        known = ", ".join((*PAGE_TYPES, ".json", *LINE_TYPES))
        raise InvalidRequest(str(path), f"cannot tell what it is; known endings are {known}")
    if url:
        return Page(path.read_bytes(), PAGE_TYPES[suffix], url)
    if not source:
        raise InvalidRequest(str(path), "a page needs --source or --url to say where it came from")
    field = "html" if PAGE_TYPES[suffix] == "text/html" else "text"
    return iter([{"source": source, "uri": f"file:{path.name}", field: decode(path.read_bytes())}])


def decode(data: bytes) -> str:
    """A page's bytes as text: UTF-8, or else the encoding that old Western pages are in."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("windows-1252", errors="replace")


def _read_lines(path: Path, source: str | None) -> Iterator[Any]:
    with path.open("rb") as lines:
        for line in lines:
            if line.strip():
                yield _with_source(_parse(line), source)


def _parse(line: bytes) -> object:
    try:
        return json.loads(line)
    except ValueError:
        return decode(line.strip())  # ingest says what is wrong with it, as with every other line


def _read_json(path: Path, source: str | None) -> Iterator[Any]:
    try:
        value = json.loads(path.read_bytes())
    except ValueError as error:
        raise InvalidRequest(str(path), f"is no JSON: {error}") from error
    for item in value if isinstance(value, list) else [value]:
        yield _with_source(item, source)


def _with_source(item: object, source: str | None) -> object:
    return {"source": source, **item} if source and isinstance(item, dict) else item
