"""Where the embedded index lies: a pointer file names the directory in use, so another can replace it.

It makes, finds and opens directories; reading and writing articles is ``embedded.py``'s.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import tantivy

from shared.errors import IndexMissing
from shared.index.document import FIELDS, INDEX_VERSION

POINTER = "current"
_NAME = re.compile(r"articles-(v[\d.]+)-(\d{6})")
_TOKENIZER = "terms"

Stamp = tuple[int, int]  # changes whenever a file is replaced


def stamp(path: Path) -> Stamp:
    """What tells one version of a file from the next: inode and time; ``IndexMissing`` where it is gone."""
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise IndexMissing(f"There is no {path}; `copydesk migrate` makes an index.") from error
    return found.st_ino, found.st_mtime_ns


def read_pointer(directory: Path) -> Path:
    """The directory the pointer names; raises ``IndexMissing`` where it is of another version, or spoilt."""
    name = (directory / POINTER).read_text("utf-8").strip()
    match = _NAME.fullmatch(name)
    if match is None or match[1] != INDEX_VERSION:
        raise IndexMissing(
            f"The index {name!r} is not of version {INDEX_VERSION}; rebuild it from the ledger."
        )
    return directory / name


def create_index(directory: Path) -> None:
    """Make an empty index and point at it, unless there is a pointer; safe between processes."""
    directory.mkdir(parents=True, exist_ok=True)
    with _locked(directory):
        if (directory / POINTER).exists():
            return
        taken = [int(match[2]) for path in directory.iterdir() if (match := _NAME.fullmatch(path.name))]
        name = f"articles-{INDEX_VERSION}-{max(taken, default=0) + 1:06}"
        (directory / name).mkdir()
        tantivy.Index(build_schema(), path=str(directory / name))
        fresh = directory / f"{POINTER}.new"
        fresh.write_text(name + "\n", "utf-8")
        fresh.replace(directory / POINTER)


def open_files(path: Path) -> tantivy.Index:
    """Open an index directory for reading; a writer is opened from the result."""
    if not tantivy.Index.exists(str(path)):
        raise IndexMissing(f"The index directory {path} is gone; rebuild it from the ledger.")
    index = tantivy.Index.open(str(path))
    # Analysers are not kept in the directory: without this, phrases and writes fail.
    splitter = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()
    index.register_tokenizer(_TOKENIZER, splitter)
    index.config_reader(reload_policy="Manual", num_warmers=0)
    return index


def build_schema() -> tantivy.Schema:
    """The fields of ``document.FIELDS`` in the engine's words."""
    builder = tantivy.SchemaBuilder()
    for name, kind in FIELDS.items():
        if kind == "keyword":
            builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
        elif kind == "terms":
            builder.add_text_field(name, tokenizer_name=_TOKENIZER, index_option="position")
        elif kind == "long":
            builder.add_integer_field(name, fast=True)
        else:
            builder.add_bytes_field(name, stored=True)
    return builder.build()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    handle = os.open(directory / "create.lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
