"""An upgrade of the compose stack as README.md tells it: stopped under load, started with the next version.

The version before is the project as it was before the newest migration, with the compose file of that time
and its code on today's libraries. Where git has no such past (a shallow clone), it is today's with an older
ledger.
"""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError

import pytest
import yaml

from tests.compose.stack import (
    COMPOSE,
    QUICK_JAVA,
    ROOT,
    Stack,
    article,
    build_image,
    docker,
    wait_until,
)
from tests.servers import free_port

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1200)]
PROJECT, BEFORE = "copydesk-upgrade-test", "copydesk:before"
MIGRATIONS = "shared/ledger/migrations/versions"
OLDER_LEDGER = ROOT / "tests" / "compose" / "older_ledger.py"
# Today's image with the code of then: what it was built from then may not be there to be had.
DOCKERFILE = """
FROM copydesk:local
USER root
RUN rm -rf services shared build *.egg-info
COPY pyproject.toml README.md LICENSE ./
COPY shared ./shared
COPY services ./services
RUN pip install --quiet --no-deps --no-build-isolation --force-reinstall .
USER copydesk
"""
COUNT = """
from shared.ledger.open import open_ledger
from shared.settings import read_settings
import json
print(json.dumps(dict(open_ledger(read_settings()).counts())))
"""
LOOK = "import sqlite3; print(*sqlite3.connect('/data/ledger.sqlite').execute('{}').fetchone())"
BATCH, ARTICLES = 20, 1_000
PACE = 0.1  # seconds between batches, so that there is something left to push when the next version is up


@dataclass
class Pusher:
    """A client that pushes everything once, and again whatever it got no 202 for."""

    stack: Stack
    accepted: int = 0
    limit: int = 200  # pushed so far at most; the rest later
    refused: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        batches = [range(at, at + BATCH) for at in range(0, ARTICLES, BATCH)]
        while batches and not self.over.wait(PACE):
            if self.accepted >= self.limit:
                continue
            try:
                self.stack.push(*(article(number) for number in batches[0]))
            except (HTTPError, URLError, OSError, ValueError) as error:  # cut off, or not yet let in
                self.refused.append(str(error))
                self.over.wait(0.5)
                continue
            self.accepted += len(batches.pop(0))


def git(*words: str) -> bytes | None:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True)
    return done.stdout if done.returncode == 0 else None


def check_out(folder: Path) -> bool:
    """Lay out the project as it was before its newest migration; whether that could be had."""
    newest = git("log", "-1", "--format=%H", "--", MIGRATIONS)
    packed = git("archive", f"{newest.decode().strip()}^") if newest and newest.strip() else None
    if packed is None:
        return False
    with tarfile.open(fileobj=BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    return True


def compose_file_of_then(folder: Path) -> Path:
    """Its compose file, with the image made here, and with engines that are to be had today."""
    today = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
    told = yaml.safe_load((folder / "docker-compose.yml").read_text(encoding="utf-8"))
    for name, service in told["services"].items():
        if service.pop("build", None):
            service["image"] = BEFORE
        else:  # the official images run as these users by themselves
            service |= {"image": today[name]["image"], "user": today[name]["user"]}
    path = folder / "compose-before.json"
    path.write_text(json.dumps(told))
    return path


@dataclass(frozen=True)
class Upgrade:
    """The two versions of one stack, which share project, ports and volumes."""

    before: Stack
    after: Stack

    def go_back(self) -> None:
        """Where both are today's: give what is stopped the ledger of the version before."""
        if self.before == self.after:
            options = ["-v", f"{PROJECT}_ledger:/data", "-v", f"{OLDER_LEDGER}:/older_ledger.py:ro"]
            options += ["-e", "COPYDESK_KEYS=on"]  # without, nothing of it starts: it is to listen everywhere
            docker("run", "--rm", *options, "copydesk:local", "python3", "/older_ledger.py")

    def look(self, query: str) -> str:
        """One row of the ledger, whether anything runs or not."""
        argv = ("-v", f"{PROJECT}_ledger:/data", "copydesk:local", "python3", "-c", LOOK.format(query))
        return docker("run", "--rm", *argv).strip()


@pytest.fixture
def upgrade(tmp_path: Path) -> Iterator[Upgrade]:
    environ = {**os.environ, "ES_JAVA_OPTS": f"-Xms512m -Xmx512m {QUICK_JAVA}", "NO_PROXY": "127.0.0.1"}
    environ |= {f"COPYDESK_{name}_PORT": str(free_port()) for name in ("INGEST", "SEARCH", "FLOWER")}
    environ["COPYDESK_API_KEY"] = "none-yet"
    before = after = Stack(COMPOSE["v2"], PROJECT, environ)
    try:
        build_image(after)
        if check_out(tmp_path):
            (tmp_path / "Dockerfile.before").write_text(DOCKERFILE)
            docker("build", "-q", "-f", str(tmp_path / "Dockerfile.before"), "-t", BEFORE, str(tmp_path))
            path = compose_file_of_then(tmp_path)
            once = after.once & yaml.safe_load(path.read_text())["services"].keys()
            before = replace(after, files=(str(path),), once=once)
        yield Upgrade(before, after)
    finally:
        logs = subprocess.run([*after.argv, "logs", "--no-color"], cwd=ROOT, env=environ,
                              capture_output=True, text=True)  # fmt: skip
        print("\n".join(line[:300] for line in logs.stdout.splitlines()[-150:]))  # noqa: T201 - shown where a test failed
        after.compose("down", "--volumes", "--timeout", "0", "--remove-orphans")


def let_in(stack: Stack) -> None:
    """Make a key for the tests; a version that knows no keys lets everybody in."""
    scopes = ("--scope", "ingest", "--scope", "search")
    argv = [*stack.argv, "exec", "-T", "worker", "copydesk", "keys", "create", "tests", *scopes]
    done = subprocess.run(argv, cwd=ROOT, env=stack.environ, capture_output=True, text=True)
    if done.returncode == 0:
        stack.environ["COPYDESK_API_KEY"] = done.stdout.strip()


def counts(stack: Stack) -> dict[str, Any]:
    return dict(json.loads(stack.compose("exec", "-T", "worker", "python3", "-c", COUNT)))


def test_what_is_under_way_at_a_stop_is_done_by_the_next_version_and_nothing_is_lost(
    upgrade: Upgrade,
) -> None:
    before, after = upgrade.before, upgrade.after
    before.compose("up", "-d")
    wait_until(before.is_up, before.states, 300)
    let_in(before)
    pusher = Pusher(before)
    pusher.start()
    try:
        wait_until(lambda: pusher.accepted == pusher.limit, lambda: pusher, 300)
        before.compose("stop", "worker")  # in the middle of whatever it has
        pusher.limit = 400
        wait_until(lambda: pusher.accepted == pusher.limit, lambda: pusher, 300)
        pusher.limit = ARTICLES
        before.compose("stop")
        upgrade.go_back()
        version = upgrade.look("SELECT version_num FROM alembic_version")
        waiting = int(upgrade.look("SELECT count(*) FROM submissions WHERE stage IS NOT NULL"))
        assert waiting >= 200
        wait_until(lambda: bool(pusher.refused), lambda: pusher, 60)

        after.compose("up", "-d", "--remove-orphans")
        wait_until(after.is_up, after.states, 300)
        assert upgrade.look("SELECT version_num FROM alembic_version") > version
        let_in(after)
        wait_until(lambda: pusher.accepted == ARTICLES, lambda: pusher, 300)
    finally:
        pusher.over.set()
    after.find_all("harbour.example", ARTICLES, 400)
    assert counts(after) == {"indexed": ARTICLES}
