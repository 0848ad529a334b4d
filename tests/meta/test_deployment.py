"""The docker-compose deployment is safe as it comes: who is reached, as whom it runs, what it may do."""

from __future__ import annotations

import re
from dataclasses import fields
from importlib.metadata import requires
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from services.cli import passwords
from services.cli.system import FLOWER_CONFIG, HOSTILE, flower_child
from shared.index.elasticsearch_client import CONNECT_SECONDS
from shared.settings import NOT_SETTINGS, PREFIX, Settings
from shared.tracing import ENDPOINTS, VARIABLE

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
ONCE = {"secrets", "migrate", "metrics-key"}  # they run to their end
WATCH = {"metrics-key", "prometheus", "grafana"}  # only with the profile of that name
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8")
each_service = pytest.mark.parametrize("name", sorted(SERVICES))
SECRET_WORDS = re.compile(r"PASSWORD|SECRET|TOKEN|_KEY\b|CREDENTIAL")


@each_service
def test_a_service_may_write_nothing_but_its_volumes_and_has_no_rights_that_it_could_give_up(
    name: str,
) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["tmpfs"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["init"] is True
    assert not service.keys() & {"privileged", "devices", "pid", "ipc", "network_mode", "cap_add"} - (
        {"cap_add"} if name == "secrets" else set()
    )


@each_service
def test_a_service_has_limits_of_memory_processes_and_logs(name: str) -> None:
    service = SERVICES[name]
    assert re.fullmatch(r"(\$\{\w+:-)?\d+[mg]\}?", service["mem_limit"])
    assert 0 < service["pids_limit"] <= 4096
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}


@each_service
def test_a_service_that_lasts_tells_of_its_health_and_comes_back(name: str) -> None:
    service = SERVICES[name]
    assert ("healthcheck" in service) == (name not in ONCE)
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")


@each_service
def test_an_image_is_named_by_a_version_and_not_by_what_is_newest(name: str) -> None:
    image = SERVICES[name]["image"]
    assert image == "copydesk:local" or re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+(-[a-z]+)?", image)


def test_the_python_of_the_image_is_named_by_a_version() -> None:
    assert re.search(r"^ARG PYTHON_VERSION=\d+\.\d+\.\d+-slim-\w+$", DOCKERFILE, re.MULTILINE)


def test_only_who_makes_the_passwords_is_root_alone_on_its_network_and_only_to_give_files_away() -> None:
    users = {name: service["user"] for name, service in SERVICES.items()}
    assert {name for name, user in users.items() if user.split(":")[0] == "0"} == {"secrets"}
    maker = SERVICES["secrets"]
    assert maker["cap_add"] == ["CHOWN"]
    assert not maker.keys() & {"ports", "depends_on"}
    assert [name for name, service in SERVICES.items() if "nowhere" in service["networks"]] == ["secrets"]
    assert COMPOSE["networks"]["nowhere"] == {"internal": True}


def test_each_service_is_the_user_whom_its_secrets_belong_to() -> None:
    def user(name: str) -> tuple[int, ...]:
        return tuple(int(number) for number in SERVICES[name]["user"].split(":"))

    assert user("redis") == passwords.REDIS
    assert user("elasticsearch") == passwords.ELASTICSEARCH
    assert user("grafana") == passwords.GRAFANA
    for name in SERVICES.keys() - {"redis", "elasticsearch", "secrets", *WATCH}:
        assert user(name) == passwords.COPYDESK, name
    assert "--uid 10001 --gid copydesk" in DOCKERFILE
    assert "groupadd --system --gid 10001 copydesk" in DOCKERFILE


def test_the_key_of_prometheus_is_written_by_copydesk_and_read_by_prometheus_alone() -> None:
    writer, reader = (SERVICES[name] for name in ("metrics-key", "prometheus"))
    group = reader["user"].split(":")[1]
    assert writer["user"] == f"{passwords.COPYDESK[0]}:{group}"
    assert f"install -d -o copydesk -g {group} -m 750 /metrics-key" in DOCKERFILE
    assert writer["command"][-1].startswith("/metrics-key/")
    named = writer["command"][-1].rpartition("/")[2]
    assert "metrics-key:/metrics-key" in writer["volumes"]
    assert "metrics-key:/etc/prometheus/secret:ro" in reader["volumes"]
    told = yaml.safe_load((ROOT / "deploy" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    asked = [job["authorization"] for job in told["scrape_configs"] if "authorization" in job]
    assert asked == [{"credentials_file": f"secret/{named}"}] * 2
    mounted = [name for name, service in SERVICES.items() if "metrics-key:" in str(service["volumes"])]
    assert set(mounted) == {"metrics-key", "prometheus"}


def test_who_watches_is_started_only_on_demand_and_comes_with_the_projects_own_files() -> None:
    assert {name for name, service in SERVICES.items() if "profiles" in service} == WATCH
    assert all(SERVICES[name]["profiles"] == ["watch"] for name in WATCH)
    assert not [
        name for name in SERVICES.keys() - WATCH if SERVICES[name].get("depends_on", {}).keys() & WATCH
    ]
    for name, folder in (("prometheus", "deploy/prometheus"), ("grafana", "deploy/grafana")):
        own = [each for each in SERVICES[name]["volumes"] if each.startswith("./")]
        assert len(own) == 2
        for each in own:
            path, _, how = each.split(":")
            assert path.startswith(f"./{folder}/")
            assert (ROOT / path).exists()
            assert how == "ro"


def test_grafana_asks_for_a_password_from_a_file_and_nothing_of_the_internet() -> None:
    told = SERVICES["grafana"]["environment"]
    assert told["GF_SECURITY_ADMIN_PASSWORD__FILE"] == "/run/copydesk/grafana-password"
    assert not [name for name in told if "ANONYMOUS" in name]
    assert told["GF_PLUGINS_PREINSTALL_DISABLED"] == "true"
    assert {value for name, value in told.items() if name.startswith(("GF_ANALYTICS_", "GF_NEWS_"))} == {
        "false"
    }
    home = told["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert f"./deploy/grafana/copydesk.json:{home}:ro" in SERVICES["grafana"]["volumes"]


def test_only_the_two_services_are_published_where_one_says_and_who_watches_on_this_machine_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "ingest": ["${COPYDESK_PUBLISH:-127.0.0.1}:${COPYDESK_INGEST_PORT:-8001}:8001"],
        "search": ["${COPYDESK_PUBLISH:-127.0.0.1}:${COPYDESK_SEARCH_PORT:-8000}:8000"],
        "flower": ["127.0.0.1:${COPYDESK_FLOWER_PORT:-5555}:5555"],
        "prometheus": ["127.0.0.1:${COPYDESK_PROMETHEUS_PORT:-9090}:9090"],
        "grafana": ["127.0.0.1:${COPYDESK_GRAFANA_PORT:-3000}:3000"],
    }


def test_from_outside_only_the_two_services_are_reached() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    on = {
        network: {name for name, service in SERVICES.items() if network in service["networks"]}
        for network in COMPOSE["networks"]
    }
    assert on["edge"] == {"ingest", "search"}
    assert on["watch"] == {"flower", "prometheus", "grafana"}
    assert on["inside"] == SERVICES.keys() - {"secrets", "grafana"}


def test_no_password_stands_in_the_file_or_in_an_environment() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if variable == "OTEL_EXPORTER_OTLP_HEADERS":
                assert value is None  # a collector's own key, if it asks for one: what is set, and no default
            elif variable.endswith("_FILE"):
                assert value.startswith("/run/copydesk/"), (name, variable)
            elif SECRET_WORDS.search(variable):
                # Only what was given by hand: without a default, so that nothing is used silently.
                assert value == f"${{{variable}:-}}", (name, variable)
            assert "@" not in str(value), (name, variable)
    assert set(passwords.GIVEN.values()) == SERVICES["secrets"]["environment"].keys()


def test_every_secret_that_a_service_names_is_made_and_mounted_so_that_it_cannot_be_changed() -> None:
    made = {f"/run/copydesk/{secret.name}" for secret in passwords.plan_files("r", "e", "f")}
    named = set()
    for name, service in SERVICES.items():
        found = set(re.findall(r"/run/copydesk/[\w.-]+", yaml.safe_dump(service)))
        if found:
            assert "secrets:/run/copydesk:ro" in service["volumes"], name
        named |= found
    assert named == made
    assert "secrets:/run/copydesk" in SERVICES["secrets"]["volumes"]


def test_keys_are_asked_for_and_the_engines_ask_for_passwords() -> None:
    for name in ("ingest", "search"):
        assert SERVICES[name]["environment"]["COPYDESK_KEYS"] == "${COPYDESK_KEYS:-on}"
    assert SERVICES["elasticsearch"]["environment"]["xpack.security.enabled"] == "true"
    assert "--aclfile" in SERVICES["redis"]["command"]


def test_what_a_compose_file_reads_stops_no_command_where_it_is_exported() -> None:
    files = [ROOT / "docker-compose.yml", *(ROOT / "deploy").glob("docker-compose.*.yml")]
    assert len(files) == 3
    asked = {name for file in files for name in re.findall(rf"\$\{{({PREFIX}\w+)", file.read_text())}
    known = {f"{PREFIX}{item.name.upper()}" for item in fields(Settings)}
    assert asked - known <= NOT_SETTINGS


def test_flower_runs_as_on_one_machine_but_with_a_password_and_a_memory() -> None:
    command = SERVICES["flower"]["command"]
    alone = {word for word in flower_child(Settings(), {}).argv if word.startswith("--")}
    shared = {word for word in alone if not word.startswith(("--quiet", "--address", "--port", "--conf"))}
    assert shared <= set(command)
    assert "--read_only=True" in shared
    assert f"--conf=/app/{FLOWER_CONFIG.relative_to(ROOT)}" in command
    assert {"--persistent=True", "--db=/flower/state"} <= set(command)
    assert any(word.startswith("--state_save_interval=") for word in command)
    assert "flower:/flower" in SERVICES["flower"]["volumes"]
    environment = SERVICES["flower"]["environment"]
    assert f"{PREFIX}FLOWER_PASSWORD_FILE" in environment.keys() & NOT_SETTINGS
    assert "FLOWER_UNAUTHENTICATED_API" not in environment


@pytest.mark.parametrize("name", ["ingest", "search"])
def test_strangers_may_do_no_more_to_a_service_than_on_one_machine(name: str) -> None:
    command = SERVICES[name]["command"]
    for option, value in HOSTILE.items():
        assert command[command.index(option) + 1] == value


def test_a_name_that_nobody_knows_any_more_is_given_up_long_before_a_tasks_time_is_over() -> None:
    for name, service in SERVICES.items():
        if service["image"] == "copydesk:local":
            told = dict(option.split(":") for option in service["dns_opt"])
            assert int(told["timeout"]) * int(told["attempts"]) <= CONNECT_SECONDS, name


def test_workers_tell_flower_of_their_tasks() -> None:
    assert "-E" in SERVICES["worker"]["command"]
    assert "-E" in SERVICES["sweeper"]["command"]


def test_no_secret_is_baked_into_the_image_and_it_runs_as_nobody_special() -> None:
    for line in re.findall(r"^(?:ARG|ENV|COPY|ADD) .*$", DOCKERFILE, re.MULTILINE):
        assert not SECRET_WORDS.search(line.upper()), line
    assert re.findall(r"^USER (\S+)$", DOCKERFILE, re.MULTILINE) == ["copydesk"]
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert ignored[0] == "*"  # only what is named goes into the image
    assert {line[1:] for line in ignored if line.startswith("!")} == {
        "requirements.lock", "requirements-otel.lock", "pyproject.toml", "README.md", "LICENSE", "services",
        "shared",
    }  # fmt: skip


def locked(name: str) -> dict[str, str]:
    """What a lock holds: each name with its version and hashes."""
    entries = re.split(r"\n(?=[a-zA-Z0-9])", (ROOT / name).read_text(encoding="utf-8").strip())
    return {entry.partition("==")[0]: entry for entry in entries}


def test_what_sends_traces_is_locked_as_it_is_for_the_tests_and_complete() -> None:
    run, dev, otel = (locked(f"requirements{kind}.lock") for kind in ("", "-dev", "-otel"))
    assert otel.items() <= dev.items()  # the same versions, and every hash
    assert not otel.keys() & run.keys()
    wanted = [name for name in otel if name.startswith("opentelemetry-")]
    assert {"opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"} <= set(wanted)
    for name in wanted:
        for needed in map(Requirement, requires(name) or ()):
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                assert canonicalize_name(needed.name) in otel.keys() | run.keys(), (name, needed)


def test_every_service_is_given_what_names_a_collector_and_only_if_it_is_set() -> None:
    for name, service in SERVICES.items():
        if service["image"] == "copydesk:local" and name != "secrets":
            told = service["environment"]
            assert {*ENDPOINTS, VARIABLE, "OTEL_EXPORTER_OTLP_HEADERS"} <= told.keys(), name
            assert {told[each] for each in told if each.startswith("OTEL_")} == {None}, name
            assert "OTEL_SERVICE_NAME" not in told  # each part has a name of its own


def test_the_override_for_developers_takes_the_password_off_elasticsearch_on_this_machine_alone() -> None:
    text = (ROOT / "deploy" / "docker-compose.dev.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["services"] == {
        "elasticsearch": {
            "environment": {"xpack.security.enabled": "false"},
            "networks": ["inside", "dev"],
            "ports": ["127.0.0.1:${COPYDESK_ELASTICSEARCH_PORT:-9200}:9200"],
        }
    }
