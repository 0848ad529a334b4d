"""What has to be true before anything is started: a data folder of our own, and free ports."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from pathlib import Path

from shared.errors import BadSettings
from shared.settings import PREFIX, Settings

LOCK_NAME = "up.lock"
LAST_RUN_SECONDS = 12.0  # in which the children of a killed run are ended


def lock_data_dir(settings: Settings) -> int:
    """Take the data folder for this run; returns the file descriptor that holds it.

    Raises ``BadSettings`` when another run holds it. The last run's may be held a little longer than that
    run lived, until its children are gone, so a lock whose owner is dead is waited for.
    """
    path = settings.data_dir / LOCK_NAME
    make_data_dir(settings)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _bad_folder(settings.data_dir, error) from error
    deadline = time.monotonic() + LAST_RUN_SECONDS
    while not _try_lock(descriptor):
        owner = _owner(path)
        if _is_alive(owner) or time.monotonic() > deadline:
            os.close(descriptor)
            raise BadSettings(
                f"Copydesk runs already on {settings.data_dir} (process {owner}); stop that one first, "
                f"or choose another folder with {PREFIX}DATA_DIR"
            )
        time.sleep(0.1)
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
    return descriptor


def make_data_dir(settings: Settings) -> None:
    """Make the data folder where it is missing; raises ``BadSettings``."""
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _bad_folder(settings.data_dir, error) from error


def _bad_folder(folder: Path, error: OSError) -> BadSettings:
    return BadSettings(f"{PREFIX}DATA_DIR: {folder_problem(folder, error)}")


def folder_problem(folder: Path, error: OSError) -> str:
    """Why a folder cannot be used, in words that name it."""
    if folder.exists() and not folder.is_dir():
        return f"{folder} is no folder"
    return f"{folder} cannot be written ({error.strerror})"


def is_locked(settings: Settings) -> bool:
    """Whether a run holds the data folder now."""
    try:
        descriptor = os.open(settings.data_dir / LOCK_NAME, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _try_lock(descriptor)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(path: Path) -> int:
    text = path.read_text().strip()
    return int(text) if text.isdigit() else 0


def _is_alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def has_ledger(settings: Settings) -> bool:
    """Whether the ledger has been made; asking a missing SQLite file would make an empty one."""
    path = settings.ledger_url.removeprefix("sqlite:///")
    return path == settings.ledger_url or Path(path).exists()


def check_ports(settings: Settings) -> None:
    """Raise ``BadSettings`` naming the port and its setting when one is taken, or given twice."""
    wanted = [
        ("INGEST_PORT", settings.bind, settings.ingest_port),
        ("SEARCH_PORT", settings.bind, settings.search_port),
        ("FLOWER_PORT", "127.0.0.1", settings.flower_port),
    ]
    if settings.redis_port and not settings.redis_url:
        wanted.append(("REDIS_PORT", "127.0.0.1", settings.redis_port))
    names: dict[int, str] = {}
    for name, bind, port in wanted:
        if port in names:
            raise BadSettings(f"{PREFIX}{names[port]} and {PREFIX}{name} are both {port}; give each its own")
        names[port] = name
        problem = port_problem(name, bind, port)
        if problem:
            raise BadSettings(problem)


def port_problem(name: str, bind: str, port: int) -> str | None:
    """Why nothing can listen there, and which setting to change; None when it can.

    ``name`` is the port's setting, without its prefix.
    """
    where, another = f"port {port} on {bind}", f"choose another with {PREFIX}{name}"
    try:
        _listen(bind, port)
    except PermissionError:
        return f"{where} may not be used by this user; {another}"
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"{where} is already in use; stop what uses it, or {another}"
        return (
            f"{PREFIX}BIND: nothing can listen on {bind} ({error.strerror}); give an address of this "
            "machine, such as 127.0.0.1, or 0.0.0.0 for all of them"
        )
    return None


def _listen(bind: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: a connection of the last run that lingers is no hindrance.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except UnicodeError as error:  # no host name at all
            raise OSError(errno.EINVAL, "it is no address") from error
        probe.listen(1)
