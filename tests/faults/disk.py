"""A disk of a few megabytes for what must be seen to fill up."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.servers import require


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """A file system of this size in ``folder``; where none may be mounted the test is skipped, or fails.

    It fails where servers are required, as with those. Who is not root needs a sudo without password.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={megabytes}m,uid={os.getuid()},gid={os.getgid()},mode=700"
    as_root = [] if os.getuid() == 0 else ["sudo", "-n"]
    command = [*as_root, "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except FileNotFoundError as error:
        require(f"no file system can be mounted here: {error}")
    if done.returncode != 0:
        require(f"no file system can be mounted here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run([*as_root, "umount", "-l", str(folder)], capture_output=True)


def fill(folder: Path, leave: int) -> Path:
    """A file that takes all but ``leave`` bytes."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as file:  # a buffer would try its rest again as the file is closed
        try:
            while True:
                file.write(b"\0" * 65_536)
        except OSError:
            pass
    with path.open("r+b") as file:
        file.truncate(max(0, path.stat().st_size - leave))
    return path
