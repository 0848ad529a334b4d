"""The docker-compose deployment is safe as it comes: who is reached, as whom it runs, what it may do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from services.cli import passwords
from services.cli.system import FLOWER_CONFIG, HOSTILE, flower_child
from shared.settings import NOT_SETTINGS, PREFIX, Settings

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES = COMPOSE["services"]
ONCE = {"secrets", "migrate"}  # they run to their end
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
    assert image == "copydesk:local" or re.fullmatch(r"[a-z]+:\d+\.\d+\.\d+(-[a-z]+)?", image)


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
    for name in SERVICES.keys() - {"redis", "elasticsearch", "secrets"}:
        assert user(name) == passwords.COPYDESK, name
    assert "--uid 10001 --gid copydesk" in DOCKERFILE
    assert "groupadd --system --gid 10001 copydesk" in DOCKERFILE


def test_only_the_two_services_are_published_where_one_says_and_flower_on_this_machine_alone() -> None:
    published = {name: service["ports"] for name, service in SERVICES.items() if "ports" in service}
    assert published == {
        "ingest": ["${COPYDESK_PUBLISH:-127.0.0.1}:${COPYDESK_INGEST_PORT:-8001}:8001"],
        "search": ["${COPYDESK_PUBLISH:-127.0.0.1}:${COPYDESK_SEARCH_PORT:-8000}:8000"],
        "flower": ["127.0.0.1:${COPYDESK_FLOWER_PORT:-5555}:5555"],
    }


def test_from_outside_only_the_two_services_are_reached() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    on = {
        network: {name for name, service in SERVICES.items() if network in service["networks"]}
        for network in COMPOSE["networks"]
    }
    assert on["edge"] == {"ingest", "search"}
    assert on["watch"] == {"flower"}
    assert on["inside"] == SERVICES.keys() - {"secrets"}


def test_no_password_stands_in_the_file_or_in_an_environment() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if variable.endswith("_FILE"):
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
        "requirements.lock", "pyproject.toml", "README.md", "LICENSE", "services", "shared",
    }  # fmt: skip


def test_the_override_for_developers_takes_the_password_off_elasticsearch_on_this_machine_alone() -> None:
    text = (ROOT / "deploy" / "docker-compose.dev.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(text)["services"] == {
        "elasticsearch": {
            "environment": {"xpack.security.enabled": "false"},
            "networks": ["inside", "dev"],
            "ports": ["127.0.0.1:${COPYDESK_ELASTICSEARCH_PORT:-9200}:9200"],
        }
    }
