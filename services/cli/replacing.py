"""A file replaced as a whole: a reader finds the old one or the new one, whatever happens meanwhile."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile

READABLE = 0o644  # as files usually are; a temporary one is its owner's alone


def check_writable(path: Path) -> None:
    """Raise the ``OSError`` that ``replace_file`` would, as far as can be told without the data."""
    with suppress(FileNotFoundError):
        path.lstat()  # a name that is too long
    with NamedTemporaryFile(dir=path.parent, suffix=".new"):
        pass


def replace_file(path: Path, data: bytes) -> None:
    """Write a file beside it, flush it to the disk, and put it in its place; raises ``OSError``."""
    with NamedTemporaryFile(dir=path.parent, suffix=".new", delete=False) as written:
        try:
            written.write(data)
            written.flush()
            os.fsync(written.fileno())
            Path(written.name).chmod(READABLE)
            Path(written.name).replace(path)
        except BaseException:
            with suppress(OSError):
                Path(written.name).unlink()
            raise
