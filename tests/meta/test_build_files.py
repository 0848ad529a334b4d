"""Build files, documents and samples say the same as the code."""

import json
import os
import re
import subprocess
import tomllib
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from services.cli.demo import PAGES
from services.cli.files import Page, read_file
from services.cli.main import COMMANDS
from services.workers.stopping import LAST_SECONDS
from shared.push import read_push
from shared.settings import PREFIX, Settings, read_settings

ROOT = Path(__file__).parents[2]
TARGETS = {"help", "run", "test", "test-all", "lint", "fmt", "bench", "compose-test", "clean"}
PINNED = re.compile(r"^([a-zA-Z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)


def text(name):
    return (ROOT / name).read_text(encoding="utf-8")


def targets():
    return set(re.findall(r"^([a-z-]+):.*## ", text("Makefile"), re.MULTILINE))


def test_the_makefile_has_every_target_that_the_design_names():
    assert targets() >= TARGETS


def test_help_is_the_default_and_lists_every_target():
    done = subprocess.run(["make", "-s", "-C", ROOT], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0
    listed = {line.split()[1] for line in done.stdout.splitlines()}
    assert listed == targets()


def test_every_make_target_that_a_document_names_exists():
    named = set()
    for document in ("README.md", "CHANGELOG.md", "samples/README.md", ".ci/run"):
        named |= set(re.findall(r"\bmake ([a-z]+(?:-[a-z]+)*)\b(?=[`\s]|$)", code_of(text(document))))
    assert named
    assert named <= targets()


def code_of(document):
    """What stands in back quotes, in indented or fenced blocks, or in a script: commands, not prose."""
    if document.startswith("#!"):
        return document
    quoted = re.findall(r"```.*?```|`[^`\n]+`", document, re.DOTALL)
    return "\n".join(quoted)


def test_every_setting_stands_in_the_readmes_table_with_its_default():
    rows = dict(re.findall(rf"^\| *`{PREFIX}([A-Z_]+)` *\|([^|]*)\|", text("README.md"), re.MULTILINE))
    assert set(rows) == {item.name.upper() for item in fields(Settings)}
    for item in fields(Settings):
        if item.default not in ("", 0):
            told = rows[item.name.upper()].strip().strip("`")
            kind = type(item.default)
            assert kind(told.replace(",", "")) == item.default, f"{item.name}: the table says {told!r}"


def test_every_command_stands_in_the_readme():
    assert {name for name in COMMANDS if f"copydesk {name}" not in text("README.md")} == set()


def project():
    return tomllib.loads(text("pyproject.toml"))["project"]


def locked(name):
    return {canonicalize_name(found): Version(version) for found, version in PINNED.findall(text(name))}


@pytest.mark.parametrize(
    ("lock", "extras"), [("requirements.lock", ["build"]), ("requirements-dev.lock", ["build", "dev"])]
)
def test_the_locks_hold_every_dependency_in_a_version_that_fits(lock, extras):
    wanted = list(project()["dependencies"])
    for extra in extras:
        wanted += project()["optional-dependencies"][extra]
    held = locked(lock)
    for requirement in map(Requirement, wanted):
        version = held.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is missing in {lock}"
        assert requirement.specifier.contains(version, prereleases=True), (
            f"{requirement} but {version} in {lock}"
        )


def test_what_is_tested_is_what_is_run():
    run, dev = locked("requirements.lock"), locked("requirements-dev.lock")
    assert run.items() <= dev.items()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_everything_locked_carries_a_hash(lock):
    entries = re.split(r"\n(?=[a-zA-Z0-9])", text(lock))
    pinned = [entry for entry in entries if PINNED.match(entry)]
    # A package may stand there twice, in the versions of different Pythons.
    assert {canonicalize_name(PINNED.match(entry)[1]) for entry in pinned} == set(locked(lock))
    assert [entry.split()[0] for entry in pinned if "--hash=sha256:" not in entry] == []


def test_the_hooks_run_what_make_lint_runs():
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", text("Makefile"), re.MULTILINE)[1]
    tools = {line.split("/")[-1].split()[0] for line in recipe.splitlines()}
    hooks = set(re.findall(r"entry: \.venv/bin/(\S+)", text(".pre-commit-config.yaml")))
    assert hooks == tools == {"ruff", "mypy", "lint-imports"}


def test_ci_fails_on_missing_servers_and_calls_the_targets():
    script = text(".ci/run")
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert "export COPYDESK_REQUIRE_SERVERS=1" in script
    steps = re.findall(r"^step \S+ make (\S+)$", script, re.MULTILINE)
    assert steps[-3:] == ["lint", "test", "compose-test"]
    assert subprocess.run(["bash", "-n", ROOT / ".ci" / "run"], timeout=30).returncode == 0


def compose_services():
    """The services of the compose file that are Copydesk's own, with their merged settings."""
    services = yaml.safe_load(text("docker-compose.yml"))["services"]
    return {name: service for name, service in services.items() if service["image"] == "copydesk:local"}


def settings_of(service):
    plain = {
        name: re.sub(r"\$\{[^:}]+:-([^}]*)\}", r"\1", str(value))
        for name, value in service["environment"].items()
        if name.startswith(PREFIX) and not name.endswith("_FILE")  # those lie in a container
    }
    return read_settings(plain)


def seconds(duration):
    number, unit = re.fullmatch(r"(\d+)(m?s|m)", duration).groups()
    return int(number) * {"ms": 0.001, "s": 1, "m": 60}[unit]


def test_compose_stops_nothing_before_its_own_grace_is_over_and_no_task_before_its_limit():
    services = compose_services()
    assert {"ingest", "worker", "sweeper", "search", "flower", "migrate"} <= set(services)
    for name, service in services.items():
        if name == "secrets":  # it ends by itself, before anything else starts
            continue
        settings = settings_of(service)
        assert seconds(service["stop_grace_period"]) >= settings.grace_seconds + 2, name
        assert settings.grace_seconds - LAST_SECONDS >= settings.task_time_limit, name


def test_compose_ends_its_web_services_within_the_grace():
    timed = {}
    for name, service in compose_services().items():
        command = service["command"]
        if command[0] == "granian":
            timed[name] = int(command[command.index("--workers-kill-timeout") + 1])
            assert timed[name] <= settings_of(service).grace_seconds - 2
    assert set(timed) == {"ingest", "search"}


def samples():
    """Every sample item in the push format, pages included."""
    folder = ROOT / "samples"
    pages = tomllib.loads((folder / PAGES).read_text(encoding="utf-8"))
    items = []
    for path in sorted(folder.iterdir()):
        if path.name in pages:
            content = read_file(path, pages[path.name].get("source"), pages[path.name].get("url"))
            field = "html" if path.suffix == ".html" else "text"
            single = isinstance(content, Page)
            items += [{"url": content.url, field: content.content.decode()}] if single else content
        elif path.suffix in (".json", ".ndjson"):
            items += read_file(path, None, None)
    return items


def test_every_sample_is_in_the_push_format():
    moment = datetime(2026, 11, 24, 12, tzinfo=UTC)
    raws = [read_push(item, Settings(), moment) for item in samples()]
    assert len(raws) >= 14
    assert all(raw.source.id.endswith(".example") for raw in raws)
    assert all(raw.published_at <= moment for raw in raws if raw.published_at)


def test_the_samples_show_what_they_are_there_to_show():
    moment = datetime(2026, 11, 24, 12, tzinfo=UTC)
    raws = [read_push(item, Settings(), moment) for item in samples()]
    assert {raw.language for raw in raws if raw.language} >= {"en", "es", "de", "fr", "ar", "zh"}
    assert len({raw.source.id for raw in raws}) >= 6
    bodies = [raw.body for raw in raws if raw.body]
    assert len(bodies) - len(set(bodies)) == 1  # one copy
    ids = [raw.id for raw in raws]
    revised = [raw for raw in raws if ids.count(raw.id) > 1]
    assert [raw.version for raw in revised] == [1, 2]
    assert sum(raw.html is not None for raw in raws) == 1
    assert sum(raw.text is not None for raw in raws) == 1


def test_the_samples_that_are_json_are_written_for_readers():
    for path in (ROOT / "samples").glob("*.json"):
        assert "\\u" not in json.dumps(json.loads(path.read_text(encoding="utf-8")), ensure_ascii=False)
        assert "\\u" not in path.read_text(encoding="utf-8")
