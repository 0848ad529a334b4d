"""Alerts and dashboard name what the services really expose, and Prometheus can make use of all of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from services.cli.system import ingest_url, search_url
from shared.metrics_serving import PORTS
from shared.settings import Settings
from tests.faults.checker import UNCOMPARED, expect_metrics, read_metrics
from tests.integration.service import run_search
from tests.integration.town import open_town, story
from tests.integration.workers.conftest import wait_until
from tests.servers import free_port, require

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
DASHBOARD = ROOT / "deploy" / "grafana" / "copydesk.json"
WORKERS = 2  # of a newsroom with an embedded index: one writes it and sweeps
HEADING = "When an alert fires"
TEXTS = re.compile(r'"(?:[^"\\]|\\.)*"')
CALL = re.compile(r"(\w+)\s*(?:by\s*(\([^)]*\))\s*)?$")
SELECTOR = re.compile(r"\b(copydesk_\w+|up)\b\s*(\{[^}]*\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
OF_PROMETHEUS = {"job", "instance"}  # labels that it adds itself

Series = tuple[str, dict[str, str]]


# What is named


def alerts() -> dict[str, dict[str, Any]]:
    told = yaml.safe_load((FOLDER / "alerts.yml").read_text())
    return {rule["alert"]: rule for group in told["groups"] for rule in group["rules"]}


def dashboard() -> dict[str, Any]:
    return json.loads(DASHBOARD.read_text())


def dashboard_queries() -> list[str]:
    """What its panels ask, as Prometheus gets it."""
    found = [target["expr"] for panel in dashboard()["panels"] for target in panel.get("targets", ())]
    return [query.replace("$__rate_interval", "5m") for query in found]


def queries() -> list[str]:
    return [*(rule["expr"] for rule in alerts().values()), *dashboard_queries()]


def selectors(query: str) -> list[tuple[str, list[tuple[str, str, str]]]]:
    """The metrics of a query, each with what its labels must be."""
    return [
        (found[1], MATCHER.findall(found[2] or ""))
        for found in SELECTOR.finditer(query)
        if not any(text.start() < found.start() < text.end() for text in TEXTS.finditer(query))
    ]


def matches(series: Series, name: str, wanted: list[tuple[str, str, str]]) -> bool:
    if series[0] != name:
        return False
    for label, how, value in wanted:
        if label in OF_PROMETHEUS:
            continue
        if label not in series[1]:
            return False
        found = re.fullmatch(value, series[1][label]) if "~" in how else series[1][label] == value
        if bool(found) == how.startswith("!"):
            return False
    return True


def enclosing(query: str) -> list[tuple[str, list[str]]]:
    """The metrics of a query, each with what is called around it, from the outside: ``max``, ``sum(le)``."""
    texts = [(text.start(), text.end()) for text in TEXTS.finditer(query)]
    found, calls = [], list[str]()
    for at, letter in enumerate(query):
        if any(start <= at < end for start, end in texts):
            continue
        if letter == "(":
            call = CALL.search(query, 0, at)
            calls.append(call[1] + (call[2] or "") if call else "")
        elif letter == ")":
            calls.pop()
        elif named := SELECTOR.match(query, at):
            found.append((named[1], [call for call in calls if call]))
    return found


def test_the_tokeniser_finds_each_metric_with_its_labels():
    query = 'rate(copydesk_a_total{x="copydesk_b",y=~"c|d"}[5m]) / on (x) copydesk_e > 3 or up{job!="f"} == 0'
    assert selectors(query) == [
        ("copydesk_a_total", [("x", "=", "copydesk_b"), ("y", "=~", "c|d")]), ("copydesk_e", []),
        ("up", [("job", "!=", "f")]),
    ]  # fmt: skip
    assert matches(("copydesk_a", {"x": "1"}), "copydesk_a", [("x", "=~", "1|2"), ("job", "=", "j")])
    assert enclosing('max(rate(copydesk_a{x="("}[5m])) / (sum by (x, y) (up) > 0)') == [
        ("copydesk_a", ["max", "rate"]), ("up", ["sum(x, y)"]),
    ]  # fmt: skip
    for wrong in ([("x", "!~", "1|2")], [("x", "=", "2")], [("y", "=", "1")], [("x", "!=", "1")]):
        assert not matches(("copydesk_a", {"x": "1"}), "copydesk_a", wrong)


# The files by themselves


def test_every_alert_says_how_bad_it_is_and_names_its_line_of_the_table():
    for name, rule in alerts().items():
        assert rule["labels"]["severity"] in ("page", "ticket"), name
        assert rule["annotations"]["summary"], name
        assert rule["annotations"]["runbook"] == f"README.md, {HEADING}: {name}"


def test_the_table_has_one_line_for_each_alert_and_no_other():
    documents = [path.read_text("utf-8") for path in (ROOT / "README.md", FOLDER / "README.md")]
    tables = [text.split(f"## {HEADING}\n", 1)[1].split("\n## ")[0] for text in documents if HEADING in text]
    rows = [
        row
        for table in tables
        for row in re.findall(r"^\| `?(\w+)`? \| (.+?) \| (.+?) \|$", table, re.MULTILINE)
    ]
    assert [row[0] for row in rows if row[0] != "alert"] == list(alerts())
    assert all(len(meaning) > 20 and len(doing) > 20 for name, meaning, doing in rows if name != "alert")


def test_each_alert_is_tested_firing_and_not_firing():
    told = yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
    cases = [case for test in told for case in test["alert_rule_test"]]
    assert {case["alertname"] for case in cases if case["exp_alerts"]} == set(alerts())
    assert {case["alertname"] for case in cases if not case["exp_alerts"]} == set(alerts())


def test_the_dashboard_has_unique_panels_and_asks_the_datasource_that_is_chosen():
    told = dashboard()
    ids = [panel["id"] for panel in told["panels"]]
    assert len(ids) == len(set(ids)) > 20
    (variable,) = told["templating"]["list"]
    assert (variable["name"], variable["type"], variable["query"]) == (
        "datasource", "datasource", "prometheus",
    )  # fmt: skip
    for panel in told["panels"]:
        if panel["type"] == "row":
            continue
        assert panel["targets"], panel["title"]
        for one in (panel, *panel["targets"]):
            assert one["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


def test_no_panel_lies_over_another():
    taken: set[tuple[int, int]] = set()
    for panel in dashboard()["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_grafana_finds_the_dashboard_and_its_datasource():
    folder = DASHBOARD.parent / "provisioning"
    (source,) = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text())["datasources"]
    (provider,) = yaml.safe_load((folder / "dashboards" / "copydesk.yml").read_text())["providers"]
    assert (source["type"], source["url"]) == ("prometheus", "http://prometheus:9090")
    assert provider["options"]["path"] == "/var/lib/grafana/dashboards"


# Promtool


@pytest.fixture
def promtool() -> str:
    return find("promtool")


def find(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        require(f"no {program} was found (Debian: apt install prometheus)")
    return found


def run(*words: object) -> str:
    done = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Prometheus' files with the key that a deployment puts beside them."""
    shutil.copytree(FOLDER, tmp_path / "prometheus", ignore=shutil.ignore_patterns("secret"))
    (tmp_path / "prometheus" / "secret").mkdir()
    (tmp_path / "prometheus" / "secret" / "metrics-key").write_text("a-key\n")
    return tmp_path / "prometheus"


def test_promtool_takes_the_rules_and_the_configuration(promtool: str, files: Path) -> None:
    assert f"{len(alerts())} rules found" in run(promtool, "check", "rules", files / "alerts.yml")
    run(promtool, "check", "config", files / "prometheus.yml")


def test_the_alerts_fire_when_they_should_and_only_then(promtool: str, files: Path) -> None:
    run(promtool, "test", "rules", files / "alerts_test.yml")


def test_what_the_dashboard_asks_is_promql(promtool: str, tmp_path: Path) -> None:
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(dashboard_queries())]
    path = tmp_path / "panels.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    run(promtool, "check", "rules", path)


# A running newsroom


@dataclass
class Running:
    """A newsroom at work, and where its services tell their numbers."""

    settings: Settings
    workers: list[str]

    @property
    def targets(self) -> dict[str, list[str]]:
        """Addresses by the name of the job that reads them."""
        return {
            "copydesk-ingest": [ingest_url(self.settings).removeprefix("http://")],
            "copydesk-search": [search_url(self.settings).removeprefix("http://")],
            "copydesk-workers": self.workers,
        }

    def series(self, job: str) -> list[Series]:
        found: list[Series] = []
        for target in self.targets[job]:
            text = httpx.get(f"http://{target}/metrics", timeout=20).raise_for_status().text
            for family in text_string_to_metric_families(text):
                found += [(sample.name, dict(sample.labels)) for sample in family.samples]
        return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("watched")
    with open_town(folder, "", search_port=free_port(), metrics_port=free_port()) as town:
        settings = town.newsroom.settings
        with run_search(settings, folder / "search.log"):
            word, item = story()
            town.publish(item("paper"))
            town.push({"source": "paper.example", "uri": "nothing", "title": "Cookies", "body": "x"})
            httpx.get(f"{search_url(settings)}/v1/search", params={"q": word}).raise_for_status()
            yield Running(settings, worker_addresses(settings))


def worker_addresses(settings: Settings) -> list[str]:
    found: list[str] = []

    def look() -> bool:
        found[:] = [
            address
            for port in range(settings.metrics_port, settings.metrics_port + PORTS)
            if tells_of_a_worker(address := f"127.0.0.1:{port}")
        ]
        return len(found) == WORKERS

    wait_until(look, f"{WORKERS} workers that tell their numbers")
    return found


def tells_of_a_worker(address: str) -> bool:
    try:
        return "copydesk_worker_info{" in httpx.get(f"http://{address}/metrics", timeout=5).text
    except httpx.HTTPError:
        return False


@pytest.mark.servers
@pytest.mark.slow
def test_every_metric_that_is_named_is_exposed_with_these_labels(running: Running) -> None:
    exposed = [series for job in running.targets for series in running.series(job)]
    missing = {
        f"{name} {wanted}"
        for query in queries()
        for name, wanted in selectors(query)
        if name != "up" and not any(matches(series, name, wanted) for series in exposed)
    }
    assert not missing


@pytest.mark.servers
def test_the_labels_that_queries_group_by_are_there(running: Running) -> None:
    exposed: dict[str, set[str]] = {}
    for job in running.targets:
        for name, labels in running.series(job):
            exposed.setdefault(name, set()).update(labels)
    for query in queries():
        named = ",".join(re.findall(r"by \(([^)]*)\)", query))
        grouped = {label.strip() for label in named.split(",") if label}
        known = set().union(*(exposed.get(name, set()) for name, _ in selectors(query)))
        assert grouped <= known | OF_PROMETHEUS, query


def is_of_all(name: str) -> bool:
    """Whether every ingest tells the same by a name; what it has answered itself is its own, and adds up."""
    return name.startswith("copydesk_") and not name.startswith("copydesk_ingest_")


@pytest.mark.servers
def test_what_every_ingest_tells_alike_is_never_added_up_and_no_alert_fires_for_each_of_several(
    running: Running,
) -> None:
    alike = {name for name, _ in running.series("copydesk-ingest") if is_of_all(name)}
    asked = [each for query in queries() for each in enclosing(query)]
    assert alike & {name for name, _ in asked}
    for name, calls in asked:
        whole = [call for call in calls if not call.startswith("sum(instance,")]  # of each of them by itself
        if name in alike:
            assert {call.partition("(")[0] for call in whole} & {"max", "min", "count"}, (name, calls)
            assert not [call for call in whole if call.startswith("sum")], (name, calls)
    for name, rule in alerts().items():
        if name != "CopydeskServiceDown":  # there it has to be told which one
            assert all(calls for _, calls in enclosing(rule["expr"])), name


def test_the_jobs_are_those_that_queries_name_and_read_services_of_compose() -> None:
    told = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    jobs = {job["job_name"] for job in told["scrape_configs"]}
    named = [found for query in queries() for _, wanted in selectors(query) for found in wanted]
    patterns = [value for label, _, value in named if label == "job"]
    assert patterns
    assert all(any(re.fullmatch(pattern, job) for job in jobs) for pattern in patterns)
    read: dict[str, int] = {}
    for job in told["scrape_configs"]:
        assert not job.keys() & {"static_configs"}  # it would show one of several, at random
        for config in job["dns_sd_configs"]:
            assert config["type"] == "A"
            read |= dict.fromkeys(config["names"], config["port"])
    assert read == {"ingest": 8001, "search": 8000, "worker": 9100, "sweeper": 9100}
    for file in ("docker-compose.yml", "deploy/docker-compose.scale.yml"):
        services = yaml.safe_load((ROOT / file).read_text())["services"]
        assert read.keys() <= services.keys()
        for name, port in read.items():
            given = services[name]["environment"]["COPYDESK_METRICS_PORT"]
            assert str(port) in (*services[name]["command"], given), (file, name)
            assert "inside" in services[name]["networks"]
        assert "inside" in services["prometheus"]["networks"]


@pytest.mark.servers
@pytest.mark.slow
def test_the_checker_of_faults_compares_each_number_of_ingest_or_excepts_it(running: Running) -> None:
    told = read_metrics(running.settings)
    assert told is not None
    assert set(told) - set(expect_metrics(running.settings)) == UNCOMPARED


@pytest.mark.servers
@pytest.mark.slow
def test_prometheus_reads_a_running_newsroom_and_can_answer_every_question(
    running: Running, files: Path, tmp_path: Path
) -> None:
    program, port = find("prometheus"), free_port()
    (files / "prometheus.yml").write_text(yaml.safe_dump(aimed_at(running)))
    argv = [program, f"--config.file={files / 'prometheus.yml'}", f"--storage.tsdb.path={tmp_path / 'data'}",
            f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]  # fmt: skip
    with (tmp_path / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=20) as ask:
            question(ask, running)
    finally:
        process.terminate()
        process.wait(20)


def question(ask: httpx.Client, running: Running) -> None:
    wanted = sum(map(len, running.targets.values()))
    wait_until(lambda: len(results(ask, "up == 1")) == wanted, f"{wanted} targets", 40)
    assert results(ask, "max(copydesk_accepted_total)")[0]["value"][1] == "2"
    assert {one["metric"]["queues"] for one in results(ask, "copydesk_worker_info")} == {
        "copydesk.clean,copydesk.dedupe,copydesk.tag", "copydesk.index,copydesk.sweep",
    }  # fmt: skip
    for query in queries():
        results(ask, query)
    wait_until(lambda: healths(ask) == {"ok"}, "every rule to be evaluated", 40)
    firing = [one for one in ask.get("/alerts").json()["data"]["alerts"] if one["state"] == "firing"]
    assert not firing


def aimed_at(running: Running) -> dict[str, Any]:
    """The configuration with the addresses of the running services, read every second."""
    told = yaml.safe_load((FOLDER / "prometheus.yml").read_text())
    told["global"] = {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
    for job in told["scrape_configs"]:
        job.pop("dns_sd_configs", None)
        job["static_configs"] = [{"targets": running.targets[job["job_name"]]}]
    return dict(told)


def results(ask: httpx.Client, query: str) -> list[Any]:
    for _ in range(200):
        try:
            answer = ask.get("/query", params={"query": query})
        except httpx.HTTPError:  # it is still starting
            time.sleep(0.1)
            continue
        if answer.status_code == 503:
            time.sleep(0.1)
            continue
        assert answer.status_code == 200, f"{query}: {answer.text}"
        return list(answer.json()["data"]["result"])
    raise AssertionError("Prometheus does not answer")


def healths(ask: httpx.Client) -> set[str]:
    groups = ask.get("/rules").json()["data"]["groups"]
    return {rule["health"] for group in groups for rule in group["rules"]}
