"""Where the embedded index lies: a pointer file names the directory in use, so another can replace it.

It makes, finds and opens directories; reading and writing articles is ``embedded.py``'s, and building one
index beside another is ``embedded_builds.py``'s.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import tantivy
from tantivy import Searcher

from shared.errors import IndexMissing
from shared.index.document import FIELDS, INDEX_VERSION
from shared.index.keywords import COUNTED

POINTER = "current"
LAST = "last"  # the highest number a directory was ever given
BUILDING = "building"  # as ``current``, for an index that is being built beside it
NAME = re.compile(r"articles-(v[\d.]+)-(\d{6})")
_TOKENIZER = "terms"
_MISSING = {
    POINTER: "There is no {}; `copydesk migrate` makes an index.",
    BUILDING: "There is no {}: no index is being built.",
}

Stamp = tuple[int, int]  # changes whenever a file is replaced


def stamp(path: Path) -> Stamp:
    """What tells one version of a file from the next: inode and time; ``IndexMissing`` where it is gone."""
    try:
        found = path.stat()
    except FileNotFoundError as error:
        raise IndexMissing(_MISSING.get(path.name, _MISSING[POINTER]).format(path)) from error
    return found.st_ino, found.st_mtime_ns


def read_pointer(directory: Path, pointer: str = POINTER) -> Path:
    """The directory a pointer names; raises ``IndexMissing`` where it is of another version, or spoilt."""
    name = (directory / pointer).read_text("utf-8").strip()
    match = NAME.fullmatch(name)
    if match is None:
        raise IndexMissing(f"{directory / pointer} names no index but {name!r}; `copydesk reindex` helps.")
    if match[1] != INDEX_VERSION:
        raise IndexMissing(
            f"The index {name!r} is not of version {INDEX_VERSION}; `copydesk reindex` rebuilds it."
        )
    return directory / name


def write_pointer(directory: Path, pointer: str, name: str) -> None:
    """Let a pointer name a directory, in one step."""
    fresh = directory / f"{pointer}.new"
    fresh.write_text(name + "\n", "utf-8")
    fresh.replace(directory / pointer)


def create_index(directory: Path) -> None:
    """Make an empty index and point at it, unless there is a pointer; safe between processes."""
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory):
        if not (directory / POINTER).exists():
            write_pointer(directory, POINTER, make_files(directory))


def make_files(directory: Path) -> str:
    """Make the directory of a new, empty index, and return its name; the caller holds the lock."""
    taken = [int(match[2]) for path in directory.iterdir() if (match := NAME.fullmatch(path.name))]
    last = directory / LAST
    if last.exists():
        taken.append(int(last.read_text("utf-8")))
    number = max(taken, default=0) + 1
    # A name is never given twice: the writer of a dropped index would go on in the files of the next.
    write_pointer(directory, LAST, str(number))
    name = f"articles-{INDEX_VERSION}-{number:06}"
    (directory / name).mkdir()
    tantivy.Index(build_schema(), path=str(directory / name))
    return name


def open_files(path: Path) -> tantivy.Index:
    """Open an index directory for reading; a writer is opened from the result."""
    if not tantivy.Index.exists(str(path)):
        raise IndexMissing(f"The index directory {path} is gone; `copydesk reindex` rebuilds it.")
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
            counted = name in COUNTED
            builder.add_text_field(name, tokenizer_name="raw", index_option="basic", fast=counted)
        elif kind == "terms":
            builder.add_text_field(name, tokenizer_name=_TOKENIZER, index_option="position")
        elif kind == "long":
            builder.add_integer_field(name, fast=True)
        else:
            builder.add_bytes_field(name, stored=True)
    return builder.build()


@dataclass(slots=True)
class _Opened:
    """A directory, and which state of it the searcher sees."""

    index: tantivy.Index
    path: Path
    pointer: Stamp
    meta: Stamp


class Follower:
    """Keeps the directory open that a pointer names, and notices when either changes; thread-safe."""

    def __init__(self, directory: Path, pointer: str = POINTER) -> None:
        self._directory = directory
        self._pointer = pointer
        self._lock = Lock()
        self._opened: _Opened | None = None

    def look(self) -> tuple[Path, Searcher]:
        """The directory named now and a searcher of its newest commit; both looked at anew each time.

        A searcher that was given out goes on with its commit, whatever is put in the directory's place.
        """
        with self._lock:
            opened = self._opened
            if opened is None or stamp(self._directory / self._pointer) != opened.pointer:
                opened = self._opened = self._open()
            meta = stamp(opened.path / "meta.json")
            if meta != opened.meta:
                opened.index.reload()
                opened.meta = meta
            return opened.path, opened.index.searcher()

    def _open(self) -> _Opened:
        # Each is looked at before it is read: a change in between is then noticed by the next search.
        pointer = stamp(self._directory / self._pointer)
        path = read_pointer(self._directory, self._pointer)
        meta = stamp(path / "meta.json")
        return _Opened(open_files(path), path, pointer, meta)

    def close(self) -> None:
        """Let go of the files."""
        with self._lock:
            self._opened = None


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold the lock of whoever makes, switches or drops directories; other processes wait."""
    handle = os.open(directory / "create.lock", os.O_CREAT | os.O_RDWR, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
