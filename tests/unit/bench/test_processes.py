"""The bench's process accounting, on real processes of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from bench.processes import cpu_by_part, read_tree, used_since

BURN = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"
# A parent whose first child burns and is waited for, and whose second one stays.
FAMILY = f"""
import subprocess, sys
subprocess.run([sys.executable, "-c", {BURN!r}])
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
sys.stdin.read()
child.kill()
child.wait()
"""


@pytest.fixture
def family() -> Iterator[tuple[int, int]]:
    parent = subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    yield parent.pid, child
    parent.communicate(timeout=10)


def test_the_tree_holds_the_root_first_and_its_children(family: tuple[int, int]) -> None:
    parent, child = family
    tree = read_tree(parent)
    assert [process.pid for process in tree] == [parent, child]
    assert tree[1].parent == parent
    assert all(process.rss_bytes > 1_000_000 for process in tree)


def test_the_time_of_a_dead_child_counts_for_the_parent_that_waited_for_it(family: tuple[int, int]) -> None:
    assert sum(cpu_by_part(read_tree(family[0])).values()) >= 300


def test_a_process_that_is_not_there_has_no_tree() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert read_tree(ended.pid) == []


def test_our_own_work_shows_up_between_two_readings() -> None:
    before = cpu_by_part(read_tree(os.getpid()))
    end = time.process_time() + 0.2
    while time.process_time() < end:
        pass
    used = used_since(before, cpu_by_part(read_tree(os.getpid())))
    assert 150 <= sum(used.values()) <= 5_000
