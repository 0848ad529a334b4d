"""The docker-compose deployment for real: built, brought up, used over HTTP, and taken down again.

Run by `make compose-test`; needs a Docker engine that has, or can pull, the base images.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.servers import free_port

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
COMPOSE = {"v2": ["docker", "compose"], "v1": ["docker-compose"]}
LASTING = {"redis", "elasticsearch", "ingest", "worker", "sweeper", "search", "flower"}
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url: str) -> Any:
    with OPENER.open(url, timeout=10) as answer:
        return json.load(answer)


def post(url: str, content_type: str, body: bytes) -> Any:
    request = urllib.request.Request(url, body, {"Content-Type": content_type})
    with OPENER.open(request, timeout=30) as answer:
        return json.load(answer)


def wait_until(met: Callable[[], bool], what: Callable[[], object], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain: {what()}"
        time.sleep(0.5)


@dataclass(frozen=True)
class Stack:
    command: list[str]
    project: str
    environ: dict[str, str]

    def compose(self, *words: str) -> str:
        argv = [*self.command, "-p", self.project, *words]
        done = subprocess.run(argv, cwd=ROOT, env=self.environ, capture_output=True, text=True)
        assert done.returncode == 0, (
            f"{' '.join(argv)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        )
        return done.stdout

    def states(self) -> dict[str, str]:
        """Each service's state in words, such as `Up 5 seconds (healthy)`."""
        form = '{{.Label "com.docker.compose.service"}}\t{{.Status}}'
        argv = [
            "docker",
            "ps",
            "-a",
            "--filter",
            f"label=com.docker.compose.project={self.project}",
            "--format",
            form,
        ]
        listed = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
        return dict(line.split("\t") for line in listed.splitlines())

    def is_up(self) -> bool:
        states = self.states()
        return all("(healthy)" in states.get(name, "") for name in LASTING) and states["migrate"].startswith(
            "Exited (0)"
        )

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.environ[f'COPYDESK_{name}_PORT']}"

    def copydesk(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "services.cli.main", *words]
        return subprocess.run(argv, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=180)

    def search(self, **params: str) -> Any:
        return get(f"{self.url('SEARCH')}/v1/search?{urllib.parse.urlencode(params)}")


@pytest.fixture(params=["v2", "v1"], scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    command = COMPOSE[request.param]
    if not shutil.which(command[0]) or subprocess.run([*command, "version"], capture_output=True).returncode:
        pytest.fail(f"`{' '.join(command)}` is not there; install it to run this test", pytrace=False)
    ports = {f"COPYDESK_{name}_PORT": str(free_port()) for name in ("INGEST", "SEARCH", "FLOWER")}
    environ = {**os.environ, **ports, "ES_JAVA_OPTS": "-Xms512m -Xmx512m", "NO_PROXY": "127.0.0.1"}
    made = Stack(command, f"copydesk-test-{request.param}", environ)
    try:
        # v1 takes the image that v2 has built: its old builder shares no layers, and would take minutes.
        made.compose("up", "-d", *(["--build"] if request.param == "v2" else []))
        wait_until(made.is_up, made.states, 180)
        yield made
    finally:
        logs = subprocess.run([*command, "-p", made.project, "logs", "--no-color"], cwd=ROOT, env=environ,
                              capture_output=True, text=True)  # fmt: skip
        print("\n".join(line[:300] for line in logs.stdout.splitlines()[-150:]))  # noqa: T201 - shown where a test failed
        made.compose("down", "--volumes", "--timeout", "20")


def test_the_samples_go_in_and_come_out_of_search(stack: Stack) -> None:
    demo = stack.copydesk("demo")
    assert demo.returncode == 0, demo.stdout + demo.stderr

    def find(words: str) -> list[Any]:
        hits: list[Any] = stack.search(q=words)["hits"]
        return hits

    # What is indexed can be found a second later: then the index looks at what was written.
    wait_until(lambda: len(find("harbour OR bitcoin")) >= 2, lambda: find("harbour OR bitcoin"), 20)
    assert all(hit["body"] for hit in find("harbour OR bitcoin"))
    # The sample copy is folded under its lead, whose document is then written again.
    wait_until(lambda: any(hit["copies"] for hit in find("tram tunnel")), lambda: find("tram tunnel"), 20)


def test_every_part_says_that_it_is_ready(stack: Stack) -> None:
    for name in ("INGEST", "SEARCH"):
        assert get(f"{stack.url(name)}/readyz")


def test_flower_tells_of_workers_and_of_tasks_that_succeeded(stack: Stack) -> None:
    assert stack.copydesk("demo").returncode == 0
    tasks = get(f"{stack.url('FLOWER')}/api/tasks?limit=500").values()
    assert {task["worker"].split("@")[0] for task in tasks} == {"worker", "sweeper"}
    seen = {(task["name"], task["state"]) for task in tasks}
    assert {(f"copydesk.{stage}", "SUCCESS") for stage in ("clean", "dedupe", "tag", "index")} <= seen


def test_a_killed_worker_container_loses_nothing(stack: Stack) -> None:
    lines = [
        json.dumps({
            "source": "harbour.example", "uri": f"compose-{number}", "title": f"Pier {number} is repaired",
            "body": f"Workers finished pier number {number} of the old harbour on Tuesday. The council of "
                    f"district {number % 13} had set aside money for it, and trade is to start within weeks.",
        })
        for number in range(400)
    ]  # fmt: skip
    url = f"{stack.url('INGEST')}/v1/articles:bulk"
    request = urllib.request.Request(url, "\n".join(lines).encode(), {"Content-Type": "application/x-ndjson"})
    with OPENER.open(request, timeout=60) as answer:
        outcomes = [json.loads(line) for line in answer]
    assert len(outcomes) == 400
    assert not [outcome for outcome in outcomes if outcome.get("error")]
    stack.compose("kill", "-s", "KILL", "worker")
    stack.compose("up", "-d", "worker")
    wait_until(
        lambda: stack.search(q='"old harbour"', source="harbour.example")["total"]["articles"] == 400,
        lambda: stack.search(q='"old harbour"', source="harbour.example")["total"],
        120,
    )
