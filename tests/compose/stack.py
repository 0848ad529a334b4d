"""What the tests of a docker-compose deployment share: the stack itself, and questions to it from outside."""

from __future__ import annotations

import fcntl
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.servers import free_port

ROOT = Path(__file__).parents[2]
COMPOSE = {"v2": ["docker", "compose"], "v1": ["docker-compose"]}
LASTING = {"redis", "elasticsearch", "ingest", "worker", "sweeper", "search", "flower"}
ONCE = {"secrets", "migrate"}
QUICK_JAVA = "-XX:TieredStopAtLevel=1"  # for a node that lives for minutes: it takes much less to start
BUILDING = Path(tempfile.gettempdir()) / "copydesk-compose-test.lock"
BUILT: list[str] = []  # by which stack
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

places = itertools.product(*map(json.loads, sys.argv[1:]))
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
    files: tuple[str, ...] = ("docker-compose.yml",)
    lasting: frozenset[str] = frozenset(LASTING)
    once: frozenset[str] = frozenset(ONCE)
    many: Mapping[str, int] = field(default_factory=dict)  # containers of a service, where they are not one

    @property
    def argv(self) -> list[str]:
        """How every command to compose begins."""
        return [*self.command, *(word for file in self.files for word in ("-f", file)), "-p", self.project]

    def compose(self, *words: str) -> str:
        argv = [*self.argv, *words]
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

    def is_up(self, **more: int) -> bool:
        """Whether all that lasts is healthy, and the rest has ended well; ``more`` goes before ``many``."""
        states, many = self.states(), {**self.many, **more}
        healthy = [service for service, state in states if "(healthy)" in state]
        ended = {service for service, state in states if state.startswith("Exited (0)")}
        return ended == self.once and sorted(healthy) == sorted(
            name for name in self.lasting for _ in range(many.get(name, 1))
        )

    def containers(self) -> list[tuple[str, Any]]:
        """Each container's service and what the engine knows of it."""
        listed = self._list("{{.ID}}")
        known = json.loads(docker("inspect", *(found for _, found in listed)))
        return [(found["Config"]["Labels"]["com.docker.compose.service"], found) for found in known]

    def secret(self, name: str) -> str:
        """A password or an address, read as a service of Copydesk reads it."""
        return self.compose("exec", "-T", "flower", "cat", f"/run/copydesk/{name}")

    def addresses(self) -> dict[str, str]:
        """The service behind each address of a container, on whichever network."""
        return {
            network["IPAddress"]: name
            for name, found in self.containers()
            for network in found["NetworkSettings"]["Networks"].values()
            if network["IPAddress"]
        }

    def knock(self, network: str, ports: Iterable[int], names: Iterable[str] = ()) -> set[tuple[str, int]]:
        """Which service answers at which port, seen by a stranger on one of the networks.

        Asked are all addresses of all containers and the ``names``, at every one of the ``ports``.
        """
        addresses = self.addresses()
        asked = (json.dumps([*addresses, *names]), json.dumps(list(ports)))
        name = f"{self.project}_{network}"
        told = docker("run", "--rm", "--network", name, "copydesk:local", "python3", "-c", KNOCK, *asked)
        return {(addresses.get(host, host), port) for host, port in json.loads(told)}

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


def build_image(stack: Stack) -> None:
    """Build the image that all services run, once in a process; two processes do it one after the other."""
    if BUILT:
        return
    with BUILDING.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stack.compose("build", "migrate")
    BUILT.append(stack.project)


@contextmanager
def brought_up(stack: Stack, build: bool, seconds: float = 300) -> Iterator[Stack]:
    """The stack, up and with a key for the tests; its logs are shown and it is taken down afterwards.

    ``stack.environ`` gets ports of its own and the key, so it must not be shared.
    """
    command = stack.command
    if not shutil.which(command[0]) or subprocess.run([*command, "version"], capture_output=True).returncode:
        pytest.fail(f"`{' '.join(command)}` is not there; install it to run this test", pytrace=False)
    stack.environ.update(
        {f"COPYDESK_{name}_PORT": str(free_port()) for name in ("INGEST", "SEARCH", "FLOWER")}
    )
    stack.environ["NO_PROXY"] = "127.0.0.1"
    stack.environ["ES_JAVA_OPTS"] = f"{stack.environ.get('ES_JAVA_OPTS', '')} {QUICK_JAVA}"
    if build:
        build_image(stack)
    try:
        stack.compose("up", "-d")
        wait_until(stack.is_up, stack.states, seconds)
        scopes = ("--scope", "ingest", "--scope", "search", "--scope", "admin")
        told = stack.compose("exec", "-T", "worker", "copydesk", "keys", "create", "tests", *scopes)
        stack.environ["COPYDESK_API_KEY"] = told.strip()
        yield stack
    finally:
        logs = subprocess.run([*stack.argv, "logs", "--no-color"], cwd=ROOT, env=stack.environ,
                              capture_output=True, text=True)  # fmt: skip
        print("\n".join(line[:300] for line in logs.stdout.splitlines()[-150:]))  # noqa: T201 - shown where a test failed
        stack.compose("down", "--volumes", "--timeout", "0")  # a stop has a test of its own


def assert_hardened(stack: Stack, secrets: Collection[str]) -> None:
    """Each container may do no more than it needs, and whoever may look at one sees no password."""
    for name, found in stack.containers():
        host = found["HostConfig"]
        assert host["ReadonlyRootfs"], name
        assert host["CapDrop"] == ["ALL"], name
        assert (host["CapAdd"] or []) == (["CHOWN"] if name == "secrets" else []), name
        assert host["SecurityOpt"] == ["no-new-privileges:true"], name
        assert host["Memory"] > 0, name
        assert host["PidsLimit"] > 0, name
        assert (found["Config"]["User"].split(":")[0] == "0") == (name == "secrets"), name
        assert not [secret for secret in secrets if secret in json.dumps(found)], name
