"""Outlets that bring near copies of the same stories at once: one of each story leads, whoever dies."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
import redis

from shared.fingerprints.redis import RedisFingerprints

RACERS = 8
STORIES = 3_000
UNDISTURBED = 600  # of which the kills are left out: they change nothing else
ROOT = Path(__file__).parents[2]
SECONDS = 900.0

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(SECONDS + 60)]


class Race:
    def __init__(self, url: str, folder: Path, stories: int) -> None:
        self._url = url
        self._stories = stories
        self._files = [folder / f"racer-{number}" for number in range(RACERS)]
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self.killed = 0

    def start(self, number: int) -> None:
        command = [sys.executable, "-m", "tests.faults.near_racer", self._url, str(number)]
        self._running[number] = subprocess.Popen(
            [*command, str(self._files[number]), str(self._stories)], cwd=ROOT, start_new_session=True
        )

    def kill_one(self, chance: random.Random) -> None:
        """End a racer in mid-work, wherever it is, and start it again."""
        alive = [number for number, process in self._running.items() if process.poll() is None]
        if not alive:
            return
        number = chance.choice(alive)
        os.kill(self._running[number].pid, signal.SIGKILL)
        self._running[number].wait()
        self.killed += 1
        self.start(number)

    def is_over(self) -> bool:
        codes = [process.poll() for process in self._running.values()]
        assert all(code in {None, 0} for code in codes), codes
        return all(code == 0 for code in codes)

    def stop(self) -> None:
        for process in self._running.values():
            process.kill()
            process.wait()

    def results(self) -> list[tuple[int, str, str, int]]:
        lines = [line.split() for file in self._files for line in file.read_text("utf-8").splitlines()]
        return [(int(story), one, lead, int(candidates)) for story, one, lead, candidates in lines]


@pytest.mark.parametrize(
    ("stories", "kills"), [(UNDISTURBED, False), (STORIES, True)], ids=["undisturbed", "killed"]
)
def test_of_near_copies_that_race_one_leads_and_the_others_name_it(
    redis_url: str, tmp_path: Path, stories: int, *, kills: bool
) -> None:
    race, chance = Race(redis_url, tmp_path, stories), random.Random(6)
    with redis.Redis.from_url(redis_url) as client:
        RedisFingerprints(client).mark_ready()
    deadline = time.monotonic() + SECONDS
    try:
        for number in range(RACERS):
            race.start(number)
        while not race.is_over():
            assert time.monotonic() < deadline, "the race did not end"
            time.sleep(0.5)
            if kills and chance.random() < 0.4:
                race.kill_one(chance)
    finally:
        race.stop()
    found = race.results()
    assert len(found) == RACERS * stories
    leads: dict[int, list[str]] = defaultdict(list)
    for story, one, lead, _ in found:
        if lead == "-":
            leads[story].append(one)
    assert {story: led for story, led in leads.items() if len(led) != 1} == {}
    assert len(leads) == stories
    assert [one for story, one, lead, _ in found if lead not in {"-", leads[story][0]}] == []
    # What stands below all stories of an outlet makes candidates, which had to be rejected on the way.
    assert sum(candidates for *_, candidates in found) > 2 * RACERS * stories
    assert not kills or race.killed > 5
