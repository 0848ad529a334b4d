"""The compose stack as those on call see it: Prometheus reads all of it, and Flower tells the truth.

The worker's clean stage is one that some titles hurt, mounted into the container; all else is as it is
deployed. Grafana has no image that a test could rely on: its part is checked as it is rendered.
"""

from __future__ import annotations

import json
import os
import subprocess
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.messages import STAGES, task_name
from tests.compose.stack import (
    COMPOSE,
    ONCE,
    ROOT,
    Stack,
    article,
    brought_up,
    status_of,
    wait_until,
)
from tests.compose.watched import ask, healths, values
from tests.servers import free_port

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1200)]
POISON = ROOT / "tests" / "compose" / "poison.py"
WATCHING = ("metrics-key", "prometheus", "grafana")
PROMETHEUS = 9090
LONG = 300  # seconds: a machine that runs more than this has much to do


def poisoned() -> dict[str, Any]:
    """The worker as it is deployed, but for the application that it runs."""
    told = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    command = [
        POISON.stem if word == "services.workers.app" else word
        for word in told["services"]["worker"]["command"]
    ]
    return {
        "command": command, "environment": {"PYTHONPATH": "/faults"},
        "volumes": [f"{POISON}:/faults/{POISON.name}:ro"],
    }  # fmt: skip


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    override = tmp_path_factory.mktemp("compose") / "poison.json"
    override.write_text(json.dumps({"services": {"worker": poisoned()}}))
    environ = {**os.environ, "ES_JAVA_OPTS": "-Xms512m -Xmx512m"}
    environ["COPYDESK_PROMETHEUS_PORT"] = str(free_port())
    made = Stack(COMPOSE["v2"], "copydesk-watch-test", environ, ("docker-compose.yml", str(override)))
    try:
        with brought_up(made, build=True, seconds=LONG):
            # By name, since Grafana is in the profile as well.
            made.compose("up", "-d", "--no-recreate", "prometheus")
            watched = replace(made, lasting=made.lasting | {"prometheus"}, once=made.once | {"metrics-key"})
            wait_until(watched.is_up, watched.states, LONG)
            yield watched
    finally:  # what was started by name does not end with the rest
        made.compose("--profile", "watch", "down", "--volumes", "--timeout", "0")


def tasks(stack: Stack, **wanted: str) -> list[dict[str, Any]]:
    query = urllib.parse.urlencode({"limit": 5_000, **wanted})
    return list(stack.flower(f"/api/tasks?{query}").values())


def reasons(stack: Stack, **wanted: str) -> set[str]:
    return {str(task["exception"]) for task in tasks(stack, **wanted)}


def test_prometheus_reads_every_service_with_a_key_that_it_was_given_at_the_first_start(stack: Stack) -> None:
    stack.compose("up", "-d", "--no-recreate", "--scale", "worker=2")
    expected = {"copydesk-ingest": ["up"], "copydesk-search": ["up"], "copydesk-workers": ["up"] * 3}
    wait_until(lambda: healths(stack) == expected, lambda: ask(stack, "targets")["activeTargets"], LONG)
    listed = stack.compose("exec", "-T", "ingest", "copydesk", "keys", "list")
    [row] = [line for line in listed.splitlines() if "prometheus" in line]
    assert "search" in row
    assert "admin" not in row
    assert status_of(f"{stack.url('INGEST')}/metrics") == 401  # nobody else reads them


def test_the_key_is_kept_at_a_second_start_and_made_anew_once_it_is_revoked(stack: Stack) -> None:
    def start() -> str:
        return stack.compose("run", "--rm", "--no-deps", "-T", "metrics-key").strip()

    def key() -> str:
        return stack.compose("exec", "-T", "prometheus", "cat", "/etc/prometheus/secret/metrics-key")

    before = key()
    assert start() == "the key of Prometheus is still good"
    assert key() == before
    stack.compose("exec", "-T", "ingest", "copydesk", "keys", "revoke", before.split("_")[1])
    wait_until(lambda: healths(stack)["copydesk-search"] == ["down"], lambda: healths(stack), LONG)
    assert start() == "a key for Prometheus is made"
    assert key() != before
    wait_until(lambda: healths(stack)["copydesk-search"] == ["up"], lambda: healths(stack), LONG)


def test_the_rules_are_loaded_and_none_of_them_is_broken(stack: Stack) -> None:
    written = yaml.safe_load((ROOT / "deploy" / "prometheus" / "alerts.yml").read_text())

    def rules() -> list[dict[str, Any]]:
        return [rule for group in ask(stack, "rules")["groups"] for rule in group["rules"]]

    names = [rule["alert"] for group in written["groups"] for rule in group["rules"]]
    assert [rule["name"] for rule in rules()] == names
    wait_until(lambda: {rule["health"] for rule in rules()} == {"ok"}, rules, LONG)


def test_poison_is_a_failure_with_its_reason_and_throughput_shows(stack: Stack) -> None:
    before = sum(values(stack, 'copydesk_stage_articles_total{stage="index",word="indexed"}'))
    stack.push(*(article(number) for number in range(60)))
    stack.push(article(100, title="raise an error"), article(101, title="kill the process"))
    stack.find_all("harbour.example", 60, LONG)
    clean = {"taskname": task_name("clean"), "state": "FAILURE"}
    wait_until(lambda: any("ValueError: a broken" in each for each in reasons(stack, **clean)),
               lambda: reasons(stack, **clean), LONG)  # fmt: skip
    wait_until(lambda: any("WorkerLostError" in each for each in reasons(stack, **clean)),
               lambda: reasons(stack, **clean), LONG)  # fmt: skip
    # Each is tried again, and ends in quarantine: then nothing of the two can be found.
    wait_until(lambda: values(stack, "copydesk_quarantined") == [2], lambda: ask(stack, "alerts"), LONG)
    stack.find_all("harbour.example", 60, 10)
    assert {task["name"] for task in tasks(stack, state="FAILURE")} == {task_name("clean")}

    done = tasks(stack, state="SUCCESS")
    assert {task_name(stage) for stage in STAGES} <= {task["name"] for task in done}
    words = [str(task["result"]).strip("'").split() for task in done if task["name"] == task_name("index")]
    assert sum(int(said[0]) for said in words if said[1:] == ["indexed"]) >= 60
    counted = [each for each in stack.flower("/workers?json=1")["data"] if "worker@" in each["hostname"]]
    assert sum(each.get("task-succeeded", 0) for each in counted) > 0
    assert sum(each.get("task-failed", 0) for each in counted) >= 2
    query = 'copydesk_stage_articles_total{stage="index",word="indexed"}'
    wait_until(lambda: sum(values(stack, query)) >= before + 60, lambda: values(stack, query), LONG)
    deaths = 'increase(copydesk_child_deaths_total{kind="killed"}[10m])'
    wait_until(lambda: sum(values(stack, deaths)) > 0, lambda: values(stack, deaths), LONG)


def test_an_outage_of_the_index_shows_with_its_reason_and_blames_no_article(stack: Stack) -> None:
    index = {"taskname": task_name("index")}
    stack.compose("kill", "-s", "KILL", "elasticsearch")
    stack.push(*(article(number, source="outage.example") for number in range(200, 220)))
    wait_until(lambda: len(tasks(stack, **index, state="RETRY")) >= 2,
               lambda: tasks(stack, **index), LONG)  # fmt: skip
    told = reasons(stack, **index, state="RETRY")
    assert all("StageWaits" in each and "Elasticsearch" in each for each in told), told
    wait_until(lambda: values(stack, "copydesk_index_up") == [0],
               lambda: values(stack, "copydesk_index_up"), LONG)  # fmt: skip
    outages = 'copydesk_stage_outages_total{stage="index"}'
    wait_until(lambda: sum(values(stack, outages)) > 0, lambda: values(stack, outages), LONG)
    wait_until(lambda: "CopydeskIndexAway" in {each["labels"]["alertname"] for each in
               ask(stack, "alerts")["alerts"]}, lambda: ask(stack, "alerts"), LONG)  # fmt: skip
    stack.compose("up", "-d", "--no-recreate", "elasticsearch")
    stack.find_all("outage.example", 20, LONG)
    assert tasks(stack, **index, state="FAILURE") == []


def test_who_watches_is_reached_from_this_machine_and_the_inside_and_not_from_the_edge(stack: Stack) -> None:
    ports = (8000, 8001, 9090, 9100, 3000, 5555)
    assert stack.knock("edge", ports) == {("ingest", 8001), ("search", 8000)}
    assert ("prometheus", PROMETHEUS) in stack.knock("inside", ports)
    assert status_of(f"{stack.url('PROMETHEUS')}/-/quit", body=b"") in (403, 404, 405)
    [prometheus] = [found for name, found in stack.containers() if name == "prometheus"]
    assert prometheus["HostConfig"]["ReadonlyRootfs"]
    assert prometheus["HostConfig"]["CapDrop"] == ["ALL"]
    bindings = prometheus["HostConfig"]["PortBindings"].values()
    assert {one["HostIp"] for each in bindings for one in each} == {"127.0.0.1"}
    written = stack.compose("exec", "-T", "prometheus", "sh", "-c", "touch /etc/prometheus/x 2>&1; true")
    assert "Read-only" in written


# As it is rendered: what Grafana would be given


FILES = {"one host": "docker-compose.yml", "many": "deploy/docker-compose.scale.yml"}


@pytest.fixture(params=["v2", "v1"])
def compose(request: pytest.FixtureRequest) -> list[str]:
    return COMPOSE[request.param]


@pytest.fixture(params=FILES)
def file(request: pytest.FixtureRequest) -> str:
    return FILES[request.param]


def rendered(compose: list[str], file: str, *profile: str) -> dict[str, Any]:
    done = subprocess.run(
        [*compose, "-f", file, *profile, "config"], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return dict(yaml.safe_load(done.stdout)["services"])


def test_without_the_profile_nothing_of_it_is_asked_for(compose: list[str], file: str) -> None:
    services = rendered(compose, file)
    assert services.keys() > ONCE
    for name in WATCHING:  # v2 leaves out what v1 shows with the condition on it
        assert services.get(name, {"profiles": ["watch"]})["profiles"] == ["watch"]


def test_with_the_profile_grafana_gets_its_files_its_password_and_a_port_of_this_machine(
    compose: list[str], file: str
) -> None:
    services = rendered(compose, file, "--profile", "watch")
    assert set(WATCHING) <= services.keys()
    grafana = services["grafana"]
    assert grafana["environment"]["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/copydesk/grafana-password"
    [port] = grafana["ports"]
    host = port["host_ip"] if isinstance(port, dict) else str(port).split(":")[0]
    assert host == "127.0.0.1"
    mounted = [
        (each["source"], each["target"]) if isinstance(each, dict) else tuple(str(each).split(":")[:2])
        for each in grafana["volumes"]
    ]
    given = {str(target): Path(source) for source, target in mounted if str(source).startswith("/")}
    assert given.keys() == {"/etc/grafana/provisioning", "/var/lib/grafana/dashboards/copydesk.json"}
    assert json.loads(given["/var/lib/grafana/dashboards/copydesk.json"].read_text())["panels"]
    assert sorted(path.name for path in given["/etc/grafana/provisioning"].rglob("*.yml")) == [
        "copydesk.yml", "prometheus.yml",
    ]  # fmt: skip
