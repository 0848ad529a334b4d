"""What a tree of processes has used, out of Linux's /proc: CPU time and memory, part by part.

Counted are the root and all its descendants, with what their dead and waited-for children used.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
# Fields of /proc/PID/stat after the command's name, from 0: proc(5) counts them from 3.
_PARENT, _CPU, _RSS = 1, slice(11, 15), 21

# The first whose words all stand in a command line names the part.
_PARTS = {
    "valkey": ("-server",),
    "ingest": ("services.ingest.app",),
    "search": ("services.search.app",),
    "sweeper": ("--hostname sweeper@",),
    "index-worker": ("--hostname index-worker@",),
    "worker": ("--hostname worker@",),
    "flower": (" flower ",),
    "warden": ("warden.py",),
}
SUPERVISOR = "supervisor"


@dataclass(frozen=True, slots=True)
class Process:
    """One process at one moment; ``cpu_ms`` includes its waited-for dead children."""

    pid: int
    parent: int
    part: str
    cpu_ms: float
    rss_bytes: int


def read_tree(root: int) -> list[Process]:
    """The root and every descendant alive now, parents first."""
    children: dict[int, list[int]] = {}
    stats = {pid: stat for pid in _pids() if (stat := _stat(pid)) is not None}
    for pid, stat in stats.items():
        children.setdefault(int(stat[_PARENT]), []).append(pid)
    found: list[Process] = []
    waiting = [(root, SUPERVISOR)] if root in stats else []
    while waiting:
        pid, inherited = waiting.pop(0)
        part = inherited if inherited != SUPERVISOR or pid == root else _part(pid)
        found.append(_process(pid, part, stats[pid]))
        waiting += [(child, part) for child in children.get(pid, ())]
    return found


def cpu_by_part(tree: list[Process]) -> dict[str, float]:
    """CPU milliseconds used so far, added up per part."""
    used: dict[str, float] = {}
    for process in tree:
        used[process.part] = used.get(process.part, 0.0) + process.cpu_ms
    return used


def used_since(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """The difference between two readings, per part."""
    return {part: used - before.get(part, 0.0) for part, used in after.items()}


def _pids() -> Iterator[int]:
    return (int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit())


def _stat(pid: int) -> list[str] | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:  # it has just ended
        return None
    return text[text.rindex(")") + 2 :].split()


def _process(pid: int, part: str, stat: list[str]) -> Process:
    cpu_ms = sum(int(ticks) for ticks in stat[_CPU]) * _TICK_MS
    return Process(pid, int(stat[_PARENT]), part, cpu_ms, int(stat[_RSS]) * _PAGE)


def _part(pid: int) -> str:
    try:
        line = (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return "other"
    return next((part for part, words in _PARTS.items() if all(word in line for word in words)), "other")
