"""Questions to the Prometheus of a stack."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.compose.stack import ROOT, Stack, get

FOLDER = ROOT / "deploy" / "prometheus"
QUICK = "5s"  # a loaded machine has taken two seconds over an answer


def ask(stack: Stack, path: str, **params: str) -> Any:
    """What its API says of a path below `/api/v1`."""
    answer = get(f"{stack.url('PROMETHEUS')}/api/v1/{path}?{urllib.parse.urlencode(params)}")
    assert answer["status"] == "success"
    return answer["data"]


def values(stack: Stack, query: str) -> list[float]:
    """The numbers that a query gives now, in no order."""
    return [float(found["value"][1]) for found in ask(stack, "query", query=query)["result"]]


def healths(stack: Stack) -> dict[str, list[str]]:
    """How well the targets of each job can be read."""
    found: dict[str, list[str]] = {}
    for target in ask(stack, "targets", state="active")["activeTargets"]:
        found.setdefault(target["labels"]["job"], []).append(target["health"])
    return found


def firing(stack: Stack) -> set[tuple[str, str]]:
    """The alerts that fire, each with the job that it is about, if it is about one."""
    alerts = [each for each in ask(stack, "alerts")["alerts"] if each["state"] == "firing"]
    return {(each["labels"]["alertname"], each["labels"].get("job", "")) for each in alerts}


def impatient(folder: Path) -> Path:
    """An override of compose, with which Prometheus looks every five seconds and its alerts wait for nothing.

    The files are those of the deployment but for these times; they are written into ``folder``.
    """
    told = yaml.safe_load((FOLDER / "prometheus.yml").read_text(encoding="utf-8"))
    told["global"] = dict.fromkeys(("scrape_interval", "scrape_timeout", "evaluation_interval"), QUICK)
    for job in told["scrape_configs"]:
        for config in job["dns_sd_configs"]:
            config["refresh_interval"] = QUICK
    alerts = yaml.safe_load((FOLDER / "alerts.yml").read_text(encoding="utf-8"))
    for group in alerts["groups"]:
        for rule in group["rules"]:
            rule.pop("for", None)
    volumes = [_mounted(folder, name, text) for name, text in (("prometheus", told), ("alerts", alerts))]
    override = folder / "impatient.json"
    override.write_text(json.dumps({"services": {"prometheus": {"volumes": volumes}}}), encoding="utf-8")
    return override


def _mounted(folder: Path, name: str, told: Mapping[str, Any]) -> str:
    path = folder / f"{name}.yml"
    path.write_text(yaml.safe_dump(told), encoding="utf-8")
    path.chmod(0o644)  # it is read by another user
    return f"{path}:/etc/prometheus/{name}.yml:ro"
