"""The deployment that grows is as safe as the one on one host, and differs from it only where it has to."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from services.cli import passwords, passwords_scale
from services.ingest.bulk import AFTER_BODY
from shared.settings import Settings, read_settings

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
ONE_HOST = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SCALE = yaml.safe_load((DEPLOY / "docker-compose.scale.yml").read_text(encoding="utf-8"))
SERVICES = SCALE["services"]
NGINX = (DEPLOY / "nginx" / "nginx.conf").read_text(encoding="utf-8")
CALLER = (DEPLOY / "nginx" / "caller.conf").read_text(encoding="utf-8")
PROBLEMS = (DEPLOY / "nginx" / "problems.conf").read_text(encoding="utf-8")
ONCE = {"secrets", "migrate", "metrics-key"}  # they run to their end
WATCH = {"metrics-key", "prometheus", "grafana"}  # only with the profile of that name
ELASTICSEARCH = {f"elasticsearch-{node}" for node in passwords_scale.NODES}
RABBITMQ = {f"rabbitmq-{node}" for node in passwords_scale.NODES}
OTHERWISE = {"COPYDESK_CURSOR_SECRET", "COPYDESK_TRUSTED_PROXIES"}  # settings that both have, but not alike
SAME = ("ingest", "search", "worker", "sweeper", "flower", "redis", *sorted(WATCH))
DIFFERS = {
    "volumes", "networks", "ports", "depends_on", "environment", "build", "tmpfs", "healthcheck", "scale",
    "dns_opt",
}  # fmt: skip
each_service = pytest.mark.parametrize("name", sorted(SERVICES))
SECRET_WORDS = re.compile(r"PASSWORD|SECRET|TOKEN|COOKIE|_KEY\b|CREDENTIAL")


@each_service
def test_a_service_may_write_nothing_but_its_volumes_and_has_no_rights_that_it_could_give_up(
    name: str,
) -> None:
    service = SERVICES[name]
    for key in ("init", "read_only", "cap_drop", "security_opt", "logging"):
        assert service[key] == ONE_HOST["services"]["redis"][key]
    assert service["tmpfs"]
    assert not service.keys() & {"privileged", "devices", "pid", "ipc", "network_mode", "cap_add"} - (
        {"cap_add"} if name == "secrets" else set()
    )


@each_service
def test_a_service_has_limits_and_a_pinned_image_and_lasts_or_ends(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"(\$\{\w+:-)?\d+[mg]\}?", service["mem_limit"])
    assert 0 < service["pids_limit"] <= 4096
    assert re.fullmatch(r"copydesk:local|[a-z/]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?", service["image"])
    assert ("healthcheck" in service) == (name not in ONCE)
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")


@pytest.mark.parametrize("name", SAME)
def test_what_runs_on_one_host_runs_the_same_here(name: str) -> None:
    here, there = SERVICES[name], ONE_HOST["services"][name]
    for key in (here.keys() | there.keys()) - DIFFERS:
        assert here.get(key) == there.get(key), key
    assert here.get("healthcheck", {}).get("test") == there.get("healthcheck", {}).get("test")


def test_who_watches_is_the_same_here_with_the_same_files_and_only_on_demand() -> None:
    assert {name for name, service in SERVICES.items() if "profiles" in service} == WATCH
    assert not [name for name in SERVICES if name not in WATCH and WATCH & _needed(name)]
    for name in WATCH:
        here, there = SERVICES[name], ONE_HOST["services"][name]
        assert here["profiles"] == ["watch"]
        for key in ("tmpfs", "networks", "ports", "depends_on", "healthcheck"):
            if key != "tmpfs" or name != "metrics-key":  # there is no ledger in a file
                assert here.get(key) == there.get(key), (name, key)
        mounted = [each.replace("./deploy/", "./") for each in there["volumes"] if "ledger:" not in each]
        assert here["volumes"] == mounted
    assert {name for name in SERVICES if "metrics-key:" in str(SERVICES[name]["volumes"])} == {
        "metrics-key", "prometheus",
    }  # fmt: skip
    assert SERVICES["grafana"]["environment"] == ONE_HOST["services"]["grafana"]["environment"]
    told = (DEPLOY / "grafana" / "provisioning" / "datasources" / "prometheus.yml").read_text("utf-8")
    assert "http://prometheus:9090" in told


def _needed(name: str) -> set[str]:
    """What a service waits for, by name or with a condition."""
    return set(SERVICES[name].get("depends_on", ()))


def test_copydesk_is_told_the_same_but_for_its_engines_and_its_proxy() -> None:
    here, there = SCALE["x-copydesk"]["environment"], ONE_HOST["x-copydesk"]["environment"]
    common = there.keys() - OTHERWISE
    assert {name: here[name] for name in common} == {name: there[name] for name in common}
    assert here.keys() - common - OTHERWISE == {
        "COPYDESK_LEDGER_URL_FILE", "COPYDESK_REDIS_URL_FILE", "COPYDESK_CURSOR_SECRET_FILE",
        "COPYDESK_INDEX_SHARDS", "COPYDESK_INDEX_REPLICAS",
    }  # fmt: skip


def test_copydesk_starts_with_what_it_is_told(tmp_path: Path) -> None:
    words = dict.fromkeys(passwords_scale.VARIABLES, "a-password-of-some-length")
    for secret in passwords_scale.plan_scaled(**words, ids=passwords_scale.read_ids({})):
        (tmp_path / secret.name).write_text(secret.text, encoding="utf-8")
    told = {name: _by_default(value) for name, value in SCALE["x-copydesk"]["environment"].items() if value}
    settings = read_settings(
        {name: text.replace("/run/copydesk", str(tmp_path)) for name, text in told.items()}
    )
    assert isinstance(settings, Settings)
    assert (settings.index_shards, settings.index_replicas, settings.trusted_proxies) == (3, 1, 1)
    assert settings.broker_url.startswith("amqp://")
    assert settings.redis_url.startswith("redis://")
    assert settings.cursor_secret == words["cursors"]


def _by_default(value: str) -> str:
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", value)


def test_there_are_two_of_what_asks_and_answers_and_three_of_what_keeps() -> None:
    assert {name: service["scale"] for name, service in SERVICES.items() if "scale" in service} == {
        "ingest": 2, "search": 2, "worker": 2,
    }  # fmt: skip
    assert SERVICES.keys() >= ELASTICSEARCH | RABBITMQ
    for name in ELASTICSEARCH | RABBITMQ:
        own = [volume.split(":")[0] for volume in SERVICES[name]["volumes"]]
        assert name in own
        others = (ELASTICSEARCH | RABBITMQ) - {name}
        assert not others & set(own)


def test_only_nginx_is_published_where_one_says_and_who_watches_on_this_machine_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "nginx": [*ONE_HOST["services"]["search"]["ports"], *ONE_HOST["services"]["ingest"]["ports"]],
        **{name: ONE_HOST["services"][name]["ports"] for name in ("flower", "prometheus", "grafana")},
    }
    assert all(published[name][0].startswith("127.0.0.1:") for name in published.keys() - {"nginx"})
    networks = SCALE["networks"]
    assert networks == {
        "inside": {"internal": True},
        "nowhere": {"internal": True},
        "edge": None,
        "watch": None,
    }
    on = {
        network: {name for name in SERVICES if network in SERVICES[name]["networks"]} for network in networks
    }
    assert on["edge"] == {"nginx"}
    assert on["watch"] == {"flower", "prometheus", "grafana"}
    assert on["nowhere"] == {"secrets"}
    assert on["inside"] == SERVICES.keys() - {"secrets", "grafana"}


def test_no_password_stands_in_the_file_or_in_an_environment() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if variable.endswith("_FILE"):
                assert value.startswith("/run/copydesk/"), (name, variable)
            elif SECRET_WORDS.search(variable):
                # Only what was given by hand: without a default, so that nothing is used silently.
                assert value == f"${{{variable}:-}}", (name, variable)
            assert "@" not in str(value), (name, variable)
    given = set(passwords_scale.VARIABLES.values())
    users = {f"COPYDESK_{name}_{kind}" for name in ("RABBITMQ", "POSTGRES") for kind in ("UID", "GID")}
    assert SERVICES["secrets"]["environment"].keys() == given | users


def test_every_secret_that_a_service_names_is_made_for_the_user_that_it_runs_as() -> None:
    words = dict.fromkeys(passwords_scale.VARIABLES, "a-password-of-some-length")
    made = {
        secret.name: secret.owner
        for secret in passwords_scale.plan_scaled(**words, ids=passwords_scale.read_ids({}))
    }
    named = set()
    for name, service in SERVICES.items():
        found = set(re.findall(r"/run/copydesk/([\w.-]+)", yaml.safe_dump(service)))
        if name not in ("secrets", "nginx", "prometheus"):
            assert "secrets:/run/copydesk:ro" in service["volumes"], name
        for secret in found:
            # The key's group is that of Prometheus; what Copydesk reads is its user's.
            ids = slice(1) if name == "metrics-key" else slice(None)
            assert _user(service)[ids] == made[secret][ids], (name, secret)
        named |= found
    assert named == made.keys()
    assert "secrets:/run/copydesk" in SERVICES["secrets"]["volumes"]
    assert not [volume for volume in SERVICES["nginx"]["volumes"] if not volume.startswith("./nginx:")]


def _user(service: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(int(number) for number in _by_default(service["user"]).split(":"))


def test_elasticsearchs_nodes_form_one_cluster_and_talk_over_tls_to_whom_the_authority_vouches_for() -> None:
    for name in ELASTICSEARCH:
        told = SERVICES[name]["environment"]
        assert told["node.name"] == name
        for setting in ("discovery.seed_hosts", "cluster.initial_master_nodes"):
            assert set(told[setting].split(",")) == ELASTICSEARCH
        assert "discovery.type" not in told
        assert told["xpack.security.enabled"] == "true"
        transport = {key.rpartition(".")[2]: value for key, value in told.items() if ".transport.ssl." in key}
        assert transport == {
            "enabled": "true", "verification_mode": "certificate", "client_authentication": "required",
            "certificate_authorities": "certificates/ca.crt", "certificate": "certificates/node.crt",
            "key": "certificates/node.key",
        }  # fmt: skip
        # Elasticsearch reads such files only in the folder of its settings.
        assert "certificates:/usr/share/elasticsearch/config/certificates:ro" in SERVICES[name]["volumes"]
        assert "bootstrap.memory_lock" not in told
        assert _user(SERVICES[name]) == passwords.ELASTICSEARCH
    assert "certificates:/certificates" in SERVICES["secrets"]["volumes"]
    assert {
        name for name in SERVICES if "certificates:" in str(SERVICES[name]["volumes"])
    } == ELASTICSEARCH | {"secrets"}


def test_rabbitmqs_nodes_find_each_other_by_the_names_that_they_have() -> None:
    told = (DEPLOY / "rabbitmq" / "cluster.conf").read_text(encoding="utf-8")
    assert set(re.findall(r"= rabbit@([\w-]+)$", told, re.MULTILINE)) == RABBITMQ
    assert "peer_discovery_backend = classic_config" in told
    for name in RABBITMQ:
        service = SERVICES[name]
        assert service["hostname"] == name
        assert "./rabbitmq/cluster.conf:/etc/rabbitmq/conf.d/50-cluster.conf:ro" in service["volumes"]
        # With one of them waiting for another, a broker that was stopped as a whole would not come up again.
        assert service["depends_on"].keys() == {"secrets"}


def test_nginx_asks_for_names_anew_and_sends_no_post_twice() -> None:
    assert "resolver 127.0.0.11 valid=2s" in NGINX
    assert not re.findall(r"^\s*upstream ", NGINX, re.MULTILINE)  # it would look names up once
    passed = re.findall(r"proxy_pass (\S+);", NGINX)
    assert passed == ["http://$search:8000", "http://$ingest:8001", "http://$ingest:8001"]
    assert dict(re.findall(r"set \$(\w+) (\w+);", NGINX)) == {"search": "search", "ingest": "ingest"}
    assert re.findall(r"proxy_next_upstream (.*);", NGINX) == ["error timeout"]  # without non_idempotent


def test_nginx_takes_a_little_more_than_a_service_so_that_the_service_says_what_is_too_much() -> None:
    sizes = [int(size) * 1024 * 1024 for size in re.findall(r"client_max_body_size (\d+)m;", NGINX)]
    assert sizes == [17 * 1024 * 1024]
    assert Settings().max_request_bytes < sizes[0]


def test_nginx_keeps_no_body_and_lets_a_stream_be_of_any_length() -> None:
    assert re.findall(r"^( *)proxy_request_buffering (\w+);", NGINX, re.MULTILINE) == [("    ", "off")]
    [bulk] = re.findall(r"location = /v1/articles:bulk \{(.*?)\}", NGINX, re.DOTALL)
    assert "client_max_body_size 0;" in bulk
    # A location with a header of its own inherits none of the others.
    assert f"proxy_set_header {AFTER_BODY} 1;" in bulk
    assert "include /etc/copydesk/caller.conf;" in bulk
    assert [words.split()[0] for words in re.findall(r"proxy_set_header (.*);", NGINX)] == [AFTER_BODY] * 2


def test_one_address_can_not_take_all_connections_of_nginx() -> None:
    assert "limit_conn_zone $binary_remote_addr zone=addresses:10m;" in NGINX
    assert re.findall(r"limit_conn addresses (\d+);", NGINX) == ["100"]
    assert "limit_conn_status 429;" in NGINX


def test_each_answer_of_nginx_itself_is_a_problem_of_its_own_status() -> None:
    told = {
        name: int(code)
        for name, code in re.findall(
            r"location = /\.(\S+) \{\s+internal;.*?return (\d+) ", PROBLEMS, re.DOTALL
        )
    }
    led = re.findall(r"^error_page ([\d ]+) = /\.(\S+);$", PROBLEMS, re.MULTILINE)
    assert {name for _, name in led} == told.keys()
    codes = {int(code): told[name] for given, name in led for code in given.split()}
    assert codes == {code: code for code in (400, 404, 405, 413, 414, 429, 500)} | {
        494: 431, 502: 503, 504: 503,
    }  # fmt: skip
    for code, text in re.findall(r"return (\d+) '(.*)';", PROBLEMS):
        assert json.loads(text)["status"] == int(code)
    assert PROBLEMS.count("include /etc/copydesk/problem.conf;") == len(told) + 1  # and the numbers


def test_nginx_passes_who_asked_and_logs_no_query() -> None:
    headers = dict(re.findall(r'proxy_set_header (\S+) ("?[^;]*"?);', CALLER))
    assert headers == {
        "Host": "$http_host", "X-Forwarded-For": "$proxy_add_x_forwarded_for", "X-Forwarded-Proto": "$proto",
        "X-Forwarded-Host": "$host_list", "X-Forwarded-Port": '""', "X-Forwarded-Prefix": '""',
        "Forwarded": '""', "X-Request-Id": "$id",
    }  # fmt: skip
    [form] = re.findall(r"log_format requests escape=json\s+([^;]*);", NGINX)
    assert not set(re.findall(r"\$(\w+)", form)) & {
        "request",
        "request_uri",
        "args",
        "query_string",
        "http_referer",
    }
    # Lines of all other levels, `alert` too, quote the whole address of the request that they are about.
    assert re.findall(r"error_log (.*);", NGINX) == ["stderr emerg"]
