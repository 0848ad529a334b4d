"""The docker-compose deployment for real: built, brought up, used over HTTP, and taken down again.

Run by `make compose-test`; needs a Docker engine that has, or can pull, the base images.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.servers import free_port

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]
ROOT = Path(__file__).parents[2]
COMPOSE = {"v2": ["docker", "compose"], "v1": ["docker-compose"]}
LASTING = {"redis", "elasticsearch", "ingest", "worker", "sweeper", "search", "flower"}
ONCE = {"secrets", "migrate"}
PORTS = {"ingest": 8001, "search": 8000, "flower": 5555, "redis": 6379, "elasticsearch": 9200}
# What answers at which addresses, asked from inside a container.
KNOCK = """
import itertools, json, socket, sys
from concurrent.futures import ThreadPoolExecutor

def knock(place):
    try:
        socket.create_connection(place, 2).close()
    except OSError:
        return None
    return place

places = itertools.product(json.loads(sys.argv[1]), (80, 443, 5555, 6379, 8000, 8001, 9200, 9300))
with ThreadPoolExecutor(40) as pool:
    print(json.dumps([place for place in pool.map(knock, places) if place]))
"""
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def get(url: str, headers: dict[str, str] | None = None) -> Any:
    with OPENER.open(urllib.request.Request(url, headers=headers or {}), timeout=10) as answer:
        return json.load(answer)


def status_of(url: str, headers: dict[str, str] | None = None, body: bytes | None = None) -> int:
    try:
        with OPENER.open(urllib.request.Request(url, body, headers or {}), timeout=10) as answer:
            return int(answer.status)
    except HTTPError as error:
        error.close()
        return error.code


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout


def answers(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), 2).close()
    except OSError:
        return False
    return True


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

    def _list(self, form: str) -> list[list[str]]:
        mine = f"label=com.docker.compose.project={self.project}"
        line = '{{.Label "com.docker.compose.service"}}\t' + form
        return [
            row.split("\t") for row in docker("ps", "-a", "--filter", mine, "--format", line).splitlines()
        ]

    def states(self) -> list[tuple[str, str]]:
        """Each container's service and state in words, such as `Up 5 seconds (healthy)`."""
        return [(service, state) for service, state in self._list("{{.Status}}")]

    def is_up(self, **many: int) -> bool:
        states = self.states()
        healthy = [service for service, state in states if "(healthy)" in state]
        ended = {service for service, state in states if state.startswith("Exited (0)")}
        return ended == ONCE and sorted(healthy) == sorted(
            name for name in LASTING for _ in range(many.get(name, 1))
        )

    def containers(self) -> list[tuple[str, Any]]:
        """Each container's service and what the engine knows of it."""
        listed = self._list("{{.ID}}")
        known = json.loads(docker("inspect", *(found for _, found in listed)))
        return [(found["Config"]["Labels"]["com.docker.compose.service"], found) for found in known]

    def secret(self, name: str) -> str:
        """A password or an address, read as a service of Copydesk reads it."""
        return self.compose("exec", "-T", "flower", "cat", f"/run/copydesk/{name}")

    def flower(self, path: str) -> Any:
        login = b64encode(f"copydesk:{self.secret('flower-password')}".encode()).decode()
        return get(f"{self.url('FLOWER')}{path}", {"Authorization": f"Basic {login}"})

    @property
    def key(self) -> dict[str, str]:
        """The header that opens the two services."""
        return {"Authorization": f"Bearer {self.environ['COPYDESK_API_KEY']}"}

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.environ[f'COPYDESK_{name}_PORT']}"

    def copydesk(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "-m", "services.cli.main", *words]
        # What compose alone reads is no setting of Copydesk, and would be refused as one.
        environ = {name: value for name, value in self.environ.items() if name != "COPYDESK_PUBLISH"}
        return subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=180)

    def search(self, **params: str) -> Any:
        return get(f"{self.url('SEARCH')}/v1/search?{urllib.parse.urlencode(params)}", self.key)

    def find_all(self, source: str, count: int, seconds: float) -> None:
        """Wait until search finds so many articles of a source, and never more."""

        def look() -> int:
            try:
                # Without folding: a lead of another source counts for those of its copies, too.
                found = self.search(q='"old harbour"', source=source, duplicates="keep")
                return int(found["total"]["articles"])
            except HTTPError as error:
                error.close()
                if error.code != 503:  # a busy engine: one is to ask again
                    raise
                return -1

        wait_until(lambda: look() == count, look, seconds)
        assert look() in (count, -1)

    def push(self, *items: dict[str, Any]) -> None:
        lines = "\n".join(json.dumps(item) for item in items).encode()
        headers = {"Content-Type": "application/x-ndjson", **self.key}
        request = urllib.request.Request(f"{self.url('INGEST')}/v1/articles:bulk", lines, headers)
        with OPENER.open(request, timeout=60) as answer:
            outcomes = [json.loads(line) for line in answer]
        assert len(outcomes) == len(items)
        assert not [outcome for outcome in outcomes if outcome.get("error")]


def article(number: int, **fields: str) -> dict[str, Any]:
    """An article that is like no other number's, so that none is a copy."""
    return {
        "source": "harbour.example", "uri": f"compose-{number}", "title": f"Pier {number} is repaired",
        "body": f"Workers finished pier number {number} of the old harbour on Tuesday. The council of "
                f"district {number % 13} had set aside money for it, and trade is to start within weeks.",
        **fields,
    }  # fmt: skip


@pytest.fixture(params=["v2", "v1"], scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    command = COMPOSE[request.param]
    if not shutil.which(command[0]) or subprocess.run([*command, "version"], capture_output=True).returncode:
        pytest.fail(f"`{' '.join(command)}` is not there; install it to run this test", pytrace=False)
    ports = {f"COPYDESK_{name}_PORT": str(free_port()) for name in ("INGEST", "SEARCH", "FLOWER")}
    environ = {**os.environ, **ports, "ES_JAVA_OPTS": "-Xms512m -Xmx512m", "NO_PROXY": "127.0.0.1"}
    if request.param == "v1":
        environ["COPYDESK_PUBLISH"] = "0.0.0.0"
    made = Stack(command, f"copydesk-test-{request.param}", environ)
    try:
        # v1 takes the image that v2 has built: its old builder shares no layers, and would take minutes.
        made.compose("up", "-d", *(["--build"] if request.param == "v2" else []))
        wait_until(made.is_up, made.states, 180)
        scopes = ("--scope", "ingest", "--scope", "search", "--scope", "admin")
        told = made.compose("exec", "-T", "ingest", "copydesk", "keys", "create", "tests", *scopes)
        environ["COPYDESK_API_KEY"] = told.strip()
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
    tasks = stack.flower("/api/tasks?limit=500").values()
    assert {task["worker"].split("@")[0] for task in tasks} == {"worker", "sweeper"}
    seen = {(task["name"], task["state"]) for task in tasks}
    assert {(f"copydesk.{stage}", "SUCCESS") for stage in ("clean", "dedupe", "tag", "index")} <= seen
    before = {task["uuid"] for task in tasks if task["state"] == "SUCCESS"}
    stack.compose("restart", "-t", "20", "flower")
    wait_until(stack.is_up, stack.states, 60)
    assert before <= stack.flower("/api/tasks?limit=5000").keys()


def test_nobody_gets_in_without_a_password_or_a_key(stack: Stack) -> None:
    wrong = {"Authorization": "Basic " + b64encode(b"copydesk:another-password").decode()}
    for path in ("/", "/tasks", "/api/tasks", "/api/workers", "/metrics"):
        assert status_of(f"{stack.url('FLOWER')}{path}") == 401, path
        assert status_of(f"{stack.url('FLOWER')}{path}", wrong) == 401, path
    assert status_of(f"{stack.url('SEARCH')}/v1/search?q=harbour") == 401
    assert status_of(f"{stack.url('INGEST')}/v1/articles", {"Content-Type": "application/json"}, b"{}") == 401
    assert status_of(f"{stack.url('SEARCH')}/v1/search?q=harbour", stack.key) == 200
    assert "NOAUTH" in stack.compose("exec", "-T", "redis", "redis-cli", "dbsize")
    url = stack.secret("broker-url").strip()
    for command in ("flushall", "config get *", "keys *"):
        refused = stack.compose("exec", "-T", "redis", "redis-cli", "-u", url, *command.split())
        assert "NOPERM" in refused, refused


def test_what_runs_is_as_hardened_as_the_file_says(stack: Stack) -> None:
    secrets = {stack.secret("flower-password")}
    for name in ("broker-url", "index-url"):
        secrets.add(urllib.parse.unquote(urllib.parse.urlsplit(stack.secret(name)).password or ""))
    assert len(secrets) == 3
    assert all(len(secret) >= 40 for secret in secrets)
    for name, found in stack.containers():
        host = found["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert (host["CapAdd"] or []) == (["CHOWN"] if name == "secrets" else []), name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert host["Memory"] > 0, name
        assert host["PidsLimit"] > 0, name
        assert (found["Config"]["User"].split(":")[0] == "0") == (name == "secrets"), name
        # Whoever may look at a container sees no password.
        assert not [secret for secret in secrets if secret in json.dumps(found)], name
    rights = stack.compose("exec", "-T", "worker", "cat", "/proc/1/status")
    assert "CapEff:\t0000000000000000" in rights
    assert "NoNewPrivs:\t1" in rights


def test_each_user_reads_its_own_secrets_and_no_other(stack: Stack) -> None:
    mine = {"redis": {"redis.acl"}, "elasticsearch": {"elastic-password"},
            "worker": {"broker-url", "index-url", "flower-password"}}  # fmt: skip
    names = sorted(set().union(*mine.values(), {"kept/redis", "kept/elastic"}))
    for service, expected in mine.items():
        script = (
            f"cd /run/copydesk; for f in {' '.join(names)}; do cat $f >/dev/null 2>&1 && echo $f; done; true"
        )
        assert set(stack.compose("exec", "-T", service, "sh", "-c", script).split()) == expected, service


def test_from_the_outside_network_only_the_two_services_answer(stack: Stack) -> None:
    addresses: dict[str, str] = {}
    for name, found in stack.containers():
        networks = found["NetworkSettings"]["Networks"].values()
        addresses |= {network["IPAddress"]: name for network in networks if network["IPAddress"]}
    assert {"redis", "elasticsearch", "flower", "worker", "ingest", "search"} <= set(addresses.values())

    def knock(network: str) -> set[tuple[str, int]]:
        asked = json.dumps([*addresses, *PORTS])
        argv = (
            "run",
            "--rm",
            "--network",
            f"{stack.project}_{network}",
            "copydesk:local",
            "python3",
            "-c",
            KNOCK,
            asked,
        )
        return {(addresses.get(host, host), port) for host, port in json.loads(docker(*argv))}

    assert knock("edge") == {("ingest", 8001), ("search", 8000)}
    assert set(PORTS.items()) <= knock("inside")  # the same knock finds what is there


def test_on_this_machines_other_addresses_only_what_was_published_answers(stack: Stack) -> None:
    [gateway] = {
        network["IPAM"]["Config"][0]["Gateway"]
        for network in json.loads(docker("network", "inspect", f"{stack.project}_edge"))
    }
    public = stack.environ.get("COPYDESK_PUBLISH") == "0.0.0.0"
    for name in ("INGEST", "SEARCH", "FLOWER"):
        port = int(stack.environ[f"COPYDESK_{name}_PORT"])
        assert answers("127.0.0.1", port), name
        assert answers(gateway, port) == (public and name != "FLOWER"), name


def test_a_killed_worker_container_loses_nothing(stack: Stack) -> None:
    stack.push(*(article(number) for number in range(400)))
    stack.compose("kill", "-s", "KILL", "worker")
    stack.compose("up", "-d", "worker")
    stack.find_all("harbour.example", 400, 120)


def test_three_workers_share_the_work(stack: Stack) -> None:
    stack.compose("up", "-d", "--no-recreate", "--scale", "worker=3")
    wait_until(lambda: stack.is_up(worker=3), stack.states, 90)

    def busy() -> set[str]:
        tasks = stack.flower("/api/tasks?limit=5000&state=SUCCESS").values()
        return {task["worker"] for task in tasks if task["name"] == "copydesk.clean"}

    for start in range(1_000, 1_400, 50):  # in several batches, so that there is something to share
        stack.push(*(article(number, source="three.example") for number in range(start, start + 50)))
    stack.find_all("three.example", 400, 180)
    assert len(busy()) >= 2
    stack.compose("up", "-d", "--no-recreate", "--scale", "worker=1")
