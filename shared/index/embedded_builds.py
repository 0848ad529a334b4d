"""Building one embedded index beside another: a second pointer names it until it takes the first's place."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import tantivy

from shared.errors import IndexMissing
from shared.index.embedded_files import (
    BUILDING,
    NAME,
    POINTER,
    locked,
    make_files,
    read_pointer,
    write_pointer,
)

RETIRED = "retired"  # in a directory that was put out of use: the moment, in ms
DROPPED = "dropped-"  # before the name of a directory that is being removed


def begin_build(directory: Path) -> str:
    """Make an empty index and name it as being built, or go on with the one there is; returns its name."""
    directory.mkdir(parents=True, exist_ok=True)
    with locked(directory):
        name = find_build(directory)
        if name is None:
            _forget_build(directory)  # of another version, or without its files
            name = make_files(directory)
            write_pointer(directory, BUILDING, name)
        return name


def find_build(directory: Path) -> str | None:
    """The name of the index being built; None for one of another version, or without its files.

    Such a one must not hold up the writes of all processes; ``begin_build`` replaces it.
    """
    try:
        path = read_pointer(directory, BUILDING)
    except (FileNotFoundError, IndexMissing):
        return None
    return path.name if path.is_dir() and tantivy.Index.exists(str(path)) else None


def switch_build(directory: Path, now: int) -> str:
    """Put the built index in use by one rename, which also ends its being built; returns the old name.

    The old one is marked as retired first: a crash in between leaves a mark on what is in use, which
    ``drop_retired`` does not mind.
    """
    with locked(directory):
        if find_build(directory) is None:
            raise IndexMissing(f"No index is being built in {directory}.")
        old = _named(directory, POINTER)
        if old and (directory / old).is_dir():
            _retire(directory / old, now)
        (directory / BUILDING).replace(directory / POINTER)
        return old


def abandon_build(directory: Path) -> None:
    """Drop the index being built, if there is one; a writer in it notices with its next batch."""
    if directory.exists():
        with locked(directory):
            _forget_build(directory)


def drop_retired(directory: Path, before: int) -> list[str]:
    """Remove the directories that were retired before a moment and are not named by a pointer."""
    with locked(directory):
        named = {_named(directory, POINTER), _named(directory, BUILDING)}
        dropped = [
            path.name
            for path in sorted(directory.iterdir())
            if NAME.fullmatch(path.name) and path.name not in named and _retired_at(path, before) < before
        ]
        for name in dropped:
            _remove(directory / name)
        for left in directory.glob(f"{DROPPED}*"):  # by a crash
            shutil.rmtree(left)
    return dropped


def _forget_build(directory: Path) -> None:
    name = _named(directory, BUILDING)
    path = directory / name
    (directory / BUILDING).unlink(missing_ok=True)
    if NAME.fullmatch(name) and path.is_dir() and name != _named(directory, POINTER):
        _remove(path)


def _remove(path: Path) -> None:
    """Remove a directory, first renamed: a writer still at work in it then makes no new files there."""
    aside = path.with_name(DROPPED + path.name)
    path.rename(aside)
    shutil.rmtree(aside)


def _named(directory: Path, pointer: str) -> str:
    with suppress(FileNotFoundError):
        return (directory / pointer).read_text("utf-8").strip()
    return ""


def _retire(path: Path, now: int) -> None:
    (path / RETIRED).write_text(f"{now}\n", "utf-8")


def _retired_at(path: Path, never: int) -> int:
    try:
        return int((path / RETIRED).read_text("utf-8"))
    except (FileNotFoundError, ValueError):
        return never
