"""The docker-compose deployment for real: built, brought up, used over HTTP, and taken down again.

Run by `make compose-test`; needs a Docker engine that has, or can pull, the base images.
"""

from __future__ import annotations

import json
import os
import urllib.parse
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import pytest

from tests.compose.stack import (
    COMPOSE,
    Stack,
    answers,
    article,
    assert_hardened,
    brought_up,
    docker,
    get,
    status_of,
    wait_until,
)

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]
PORTS = {"ingest": 8001, "search": 8000, "flower": 5555, "redis": 6379, "elasticsearch": 9200}


@pytest.fixture(params=["v2", "v1"], scope="module")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    environ = {**os.environ, "ES_JAVA_OPTS": "-Xms512m -Xmx512m"}
    if request.param == "v1":
        environ["COPYDESK_PUBLISH"] = "0.0.0.0"
    made = Stack(COMPOSE[request.param], f"copydesk-test-{request.param}", environ)
    # v1 takes the image that v2 has built: its old builder shares no layers, and would take minutes.
    with brought_up(made, build=request.param == "v2"):
        yield made


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
    wait_until(stack.is_up, stack.states, 180)
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
    assert_hardened(stack, secrets)
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
    assert {"redis", "elasticsearch", "flower", "worker", "ingest", "search"} <= set(
        stack.addresses().values()
    )
    ports = (80, 443, 5555, 6379, 8000, 8001, 9200, 9300)
    assert stack.knock("edge", ports, PORTS) == {("ingest", 8001), ("search", 8000)}
    assert set(PORTS.items()) <= stack.knock("inside", ports, PORTS)  # the same knock finds what is there


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
    stack.push(*(article(number) for number in range(200)))
    stack.compose("kill", "-s", "KILL", "worker")
    stack.compose("up", "-d", "worker")
    stack.find_all("harbour.example", 200, 120)


def test_three_workers_share_the_work(stack: Stack) -> None:
    stack.compose("up", "-d", "--no-recreate", "--scale", "worker=3")
    wait_until(lambda: stack.is_up(worker=3), stack.states, 90)

    def busy() -> set[str]:
        tasks = stack.flower("/api/tasks?limit=5000&state=SUCCESS").values()
        return {task["worker"] for task in tasks if task["name"] == "copydesk.clean"}

    for start in range(1_000, 1_200, 25):  # in several batches, so that there is something to share
        stack.push(*(article(number, source="three.example") for number in range(start, start + 25)))
    stack.find_all("three.example", 200, 180)
    assert len(busy()) >= 2
    stack.compose("up", "-d", "--no-recreate", "--scale", "worker=1")
