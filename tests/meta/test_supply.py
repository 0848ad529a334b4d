"""The supply chain: what is installed is written down, and an audit that learned nothing is not clean."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
AUDIT = ROOT / "deploy" / "audit.py"
LOCK = f"flask==3.1.2 \\\n    --hash=sha256:{'a' * 64}\nclick==8.3.0 \\\n    --hash=sha256:{'b' * 64}\n"
CLEAN, VULNERABLE, UNKNOWN = 0, 1, 3


def load_audit():
    spec = importlib.util.spec_from_file_location("audit", AUDIT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["audit"] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def lock(tmp_path):
    path = tmp_path / "requirements.lock"
    path.write_text(LOCK)
    return path


def run(lock, *options, **environ):
    command = [sys.executable, str(AUDIT), str(lock), "--cache-dir", str(lock.parent / "cache"), *options]
    environ = os.environ | environ
    return subprocess.run(command, capture_output=True, text=True, env=environ, timeout=100)


class Service(ThreadingHTTPServer):
    """An OSV service; ``broken`` are the packages that it has something to say of."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.broken: set[str] = set()
        self.status = 200
        self.url = f"http://127.0.0.1:{self.server_port}/"
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Answer(BaseHTTPRequestHandler):
    """One question."""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = asked["package"]["name"]
        vulns = [vulnerability(name)] if name in self.server.broken else []
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(json.dumps({"vulns": vulns} if vulns else {}).encode())

    def log_message(self, *_: object) -> None:
        pass


def vulnerability(name):
    ranges = [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.0"}]}]
    package = {"ecosystem": "PyPI", "name": name}
    return {
        "id": "PYSEC-2026-1", "summary": "bad", "details": "bad", "modified": "2026-01-01T00:00:00Z",
        "published": "2026-01-01T00:00:00Z", "affected": [{"package": package, "ranges": ranges}],
    }  # fmt: skip


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.shutdown()
    made.server_close()


def options_of(service):
    return ("--vulnerability-service", "osv", "--osv-url", service.url)


def test_a_lock_without_known_vulnerabilities_is_clean(lock, service):
    done = run(lock, *options_of(service))
    assert (done.returncode, done.stderr) == (CLEAN, "")
    assert "2 packages audited, no known vulnerability" in done.stdout


def test_a_known_vulnerability_is_told_with_what_mends_it(lock, service):
    service.broken = {"flask"}
    done = run(lock, *options_of(service))
    assert done.returncode == VULNERABLE
    assert "flask 3.1.2: PYSEC-2026-1, mended in 99.0" in done.stderr


def test_a_service_that_is_not_there_is_not_clean(lock):
    done = run(lock, "--vulnerability-service", "osv", "--osv-url", "http://127.0.0.1:1/")
    assert (done.returncode, done.stdout) == (UNKNOWN, "")
    assert "NOT AUDITED" in done.stderr


def test_a_service_that_fails_is_not_clean(lock, service):
    service.status = 500
    done = run(lock, *options_of(service))
    assert (done.returncode, done.stdout) == (UNKNOWN, "")
    assert "NOT AUDITED" in done.stderr


def test_an_index_that_cannot_be_reached_is_not_clean(lock):
    away = "http://127.0.0.1:1"
    done = run(lock, HTTPS_PROXY=away, https_proxy=away, HTTP_PROXY=away, http_proxy=away, NO_PROXY="")
    assert (done.returncode, done.stdout) == (UNKNOWN, "")
    assert "NOT AUDITED" in done.stderr


def test_packages_that_an_index_does_not_know_were_not_audited():
    # As pip-audit reports behind a mirror without JSON: it ends with 0, "No known vulnerabilities found".
    audit = load_audit()
    skipped = [{"name": "flask", "skip_reason": "Dependency not found on PyPI"}]
    good = [{"name": "Click", "version": "8.3.0", "vulns": []}]
    wanted = frozenset(("flask", "click"))
    verdict = audit.judge(Path("lock"), skipped + good, wanted)
    assert verdict.code == UNKNOWN
    assert "1 of 2 packages were not audited (flask): Dependency not found on PyPI" in verdict.lines[0]
    assert audit.judge(Path("lock"), good, wanted).code == UNKNOWN  # left out of the report altogether
    assert audit.judge(Path("lock"), [], frozenset()).code == UNKNOWN  # a lock that could not be read
    bad = [{"name": "flask", "version": "1", "vulns": [{"id": "X", "fix_versions": []}]}]
    assert audit.judge(Path("lock"), bad, wanted).code == VULNERABLE  # and not hidden by what is unknown


@pytest.mark.parametrize("name", ["requirements.lock", "requirements-dev.lock"])
def test_every_package_of_the_locks_is_asked_about(name):
    lines = (ROOT / name).read_text().splitlines()
    pinned = {line.partition("==")[0].lower() for line in lines if "==" in line}
    assert len(pinned) > 50
    assert load_audit().names_in(ROOT / name) == pinned


def test_the_sbom_names_everything_that_is_locked_with_its_hashes(tmp_path):
    out = tmp_path / "build" / "sbom.json"
    recipe = (ROOT / "Makefile").read_text().split("\nsbom:")[1].split("\n.PHONY")[0].splitlines()[1:]
    script = "\n".join(line.lstrip("\t").removeprefix("@") for line in recipe)
    script = script.replace("$(LOCK)", "requirements.lock").replace("build/sbom.json", str(out))
    script = script.replace("mkdir -p build", f"mkdir -p {out.parent}")
    script = script.replace(".venv/bin/python", sys.executable)
    done = subprocess.run(["sh", "-ec", script], cwd=ROOT, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr
    told = json.loads(out.read_text())
    assert (told["bomFormat"], told["specVersion"]) == ("CycloneDX", "1.6")
    assert told["metadata"]["component"]["name"] == "copydesk"
    text = (ROOT / "requirements.lock").read_text()
    locked = {line.partition(" ")[0] for line in text.splitlines() if "==" in line}
    named = {f"{one['name']}=={one['version']}" for one in told["components"]}
    assert named == {one.partition(";")[0].strip() for one in locked}
    files = [file for one in told["components"] for file in one["externalReferences"]]
    hashes = {each["content"] for file in files for each in file["hashes"]}
    assert hashes == set(re.findall(r"sha256:([0-9a-f]{64})", text))
