"""Who uses a SQLite ledger, so that another is not put in its place meanwhile.

Whoever uses it holds a shared lock (flock) on a file beside it, and has written its name there. SQLite's own
locks lie on the ledger itself, and go with it when it is moved away. A lock reaches across the containers of
one host that share the folder, ends with its process however that ends, and is inherited by forks.
"""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from shared.errors import BadSettings, Unavailable
from shared.settings import Settings

START_SECONDS: Final = 2.0  # others that start hold it alone for a moment; a restore does so for longer
_RETRY_SECONDS: Final = 0.02


class Hold:
    """A place among the users of a ledger, until it is given back or the process ends."""

    def __init__(self, descriptor: int | None) -> None:
        self._descriptor = descriptor

    def close(self) -> None:
        """Give the place back; the second time does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def hold_ledger(settings: Settings, name: str) -> Hold:
    """Be one of those who use the ledger, under a name such as ``ingest``; kept until the process ends.

    Raises ``Unavailable`` while a backup is put in its place. A ledger on a server needs no hold, and a
    folder that allows none is used without.
    """
    path = _users_file(settings)
    descriptor = None if path is None else _open(path)
    if descriptor is None:
        return Hold(None)
    try:
        _share(descriptor)
        _sign(descriptor, name)
    except BlockingIOError as error:
        os.close(descriptor)
        raise Unavailable("ledger: a backup is put in its place right now; start again after that") from error
    except OSError:  # a file system without locks
        os.close(descriptor)
        return Hold(None)
    return Hold(descriptor)


@contextmanager
def ledger_alone(settings: Settings) -> Iterator[None]:
    """Keep everybody from the ledger meanwhile; raises ``BadSettings`` naming who uses it."""
    path = _users_file(settings)
    descriptor = None if path is None or not path.parent.is_dir() else _open(path)
    if descriptor is None:  # a folder that is still to be made has no users
        yield
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BadSettings(_in_use(settings, descriptor)) from error
        yield
    finally:
        os.close(descriptor)


def _users_file(settings: Settings) -> Path | None:
    url = sa.make_url(settings.ledger_url)
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return None
    return Path(url.database).with_suffix(".users")


def _open(path: Path) -> int | None:
    """The file, to be written or at least to be locked; None where it cannot be."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        try:
            return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None


def _share(descriptor: int) -> None:
    """Take a share of the lock; where nobody else has one, what was written of the last users goes."""
    deadline = time.monotonic() + START_SECONDS
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(descriptor, 0)
    except OSError:  # somebody has one, or it cannot be written
        pass
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


def _sign(descriptor: int, name: str) -> None:
    try:
        os.write(descriptor, f"{name} {os.getpid()} {socket.gethostname()}\n".encode())
    except OSError:  # it may only be read, or its disk is full: the lock holds all the same
        return


def _in_use(settings: Settings, descriptor: int) -> str:
    names = ", ".join(_users(descriptor)) or "another process"
    words = "stop what runs first: Ctrl-C in `copydesk up`, or `docker compose stop`"
    return f"the ledger in {settings.data_dir} is in use by {names}; {words}"


def _users(descriptor: int) -> list[str]:
    """Those who signed and may live: of processes of other containers nothing more can be known."""
    here = socket.gethostname()
    found: dict[str, None] = {}
    os.lseek(descriptor, 0, os.SEEK_SET)
    for line in os.read(descriptor, 65_536).decode("utf-8", "replace").splitlines():
        name, _, rest = line.partition(" ")
        pid, _, host = rest.partition(" ")
        if host == here and not _is_alive(pid):
            continue
        told = f"{name} (process {pid})" if host == here else f"{name} (on {host})"
        found[told] = None
    return list(found)


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True
    except (ProcessLookupError, ValueError, OverflowError):
        return False
    return True
