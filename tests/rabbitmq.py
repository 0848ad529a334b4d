"""Real RabbitMQ for tests: starts a node of the installed server, and stops what it started.

A pytest plugin. A node lives in one directory, on ports of its own, with a port mapper (epmd) of its own and
without plugins, so that it meets no other node of the machine. ``start_rabbitmq`` is for tests that kill it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from kombu import Connection
from kombu.exceptions import OperationalError

from shared.messages import STAGES, SWEEP, task_name
from tests.servers import NoServer, free_port, require

# Debian's /usr/sbin/rabbitmq-server changes the user; the script that it calls runs as whoever starts it.
PLACES = ("/usr/lib/rabbitmq/bin", "/usr/local/lib/rabbitmq/bin", "/opt/rabbitmq/sbin")
START_SECONDS = 150.0  # three on a quiet machine; 32 were seen at a load of twenty on two cores
STOP_SECONDS = 20.0
QUEUES = (*(task_name(stage) for stage in STAGES), SWEEP)
TROUBLE = (OperationalError, OSError)


@dataclass(frozen=True, slots=True)
class RabbitPlace:
    """Where a node lives: a second start in the same place finds what the first was given."""

    directory: Path
    port: int
    dist_port: int
    epmd_port: int


@dataclass(frozen=True, slots=True)
class RunningRabbit:
    """A started node and its port mapper; a test may kill it and start another in the same place."""

    process: subprocess.Popen[bytes]
    mapper: subprocess.Popen[bytes]
    place: RabbitPlace

    @property
    def url(self) -> str:
        """The address for COPYDESK_BROKER_URL."""
        return f"amqp://guest:guest@127.0.0.1:{self.place.port}//"

    def kill(self) -> None:
        """End it at once, as a crash would."""
        _end(self.process, signal.SIGKILL)
        _end(self.mapper, signal.SIGKILL)

    def stop(self) -> None:
        """Ask it to shut down; end it when it does not."""
        self.process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(STOP_SECONDS)
        self.kill()

    def freeze(self) -> None:
        """Let it answer no more, with all its connections open."""
        os.killpg(self.process.pid, signal.SIGSTOP)  # the process itself is only the script that waits

    def thaw(self) -> None:
        """Let it go on, if it is there."""
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGCONT)

    def again(self) -> RunningRabbit:
        """Start another in the same place, once this one has ended."""
        return start_rabbitmq(self.place.directory, place=self.place)


def find_rabbitmq() -> Path:
    """The script that starts a node as the present user; raises ``NoServer``."""
    if shutil.which("erl") is None or shutil.which("epmd") is None:
        raise NoServer("no Erlang (erl, epmd) on PATH, which RabbitMQ runs on")
    for place in PLACES:
        script = Path(place) / "rabbitmq-server"
        if script.exists():
            return script
    raise NoServer(f"no rabbitmq-server in {', '.join(PLACES)} (Debian: apt install rabbitmq-server)")


def start_rabbitmq(directory: Path, *, place: RabbitPlace | None = None) -> RunningRabbit:
    """Start a node in ``directory`` (its data and logs), and wait until it answers.

    Raises ``NoServer`` where there is no program.
    """
    script = find_rabbitmq()
    directory.mkdir(parents=True, exist_ok=True)
    place = place or RabbitPlace(directory, free_port(), free_port(), free_port())
    environ = _environment(place)
    with (directory / "rabbitmq.out").open("ab") as out:
        mapper = _spawn(["epmd", "-port", str(place.epmd_port), "-address", "127.0.0.1"], environ, out)
        node = _spawn([str(script)], environ, out)
    running = RunningRabbit(node, mapper, place)
    atexit.register(running.kill)  # for a test that forgets; killing an ended process does nothing
    _await(running)
    return running


def _environment(place: RabbitPlace) -> dict[str, str]:
    folder = place.directory
    config = folder / "rabbitmq.conf"
    config.write_text(f"listeners.tcp.1 = 127.0.0.1:{place.port}\ndisk_free_limit.absolute = 10MB\n")
    for name in ("plugins", "rabbitmq-env.conf"):
        (folder / name).write_text("[]." if name == "plugins" else "")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RABBITMQ_")}
    return inherited | {
        "HOME": str(folder),  # of the cookie
        "ERL_EPMD_PORT": str(place.epmd_port),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_CONF_ENV_FILE": str(folder / "rabbitmq-env.conf"),  # none of the machine's own
        "RABBITMQ_CONFIG_FILE": str(config),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "none.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_NODENAME": f"copydesk-{place.port}@localhost",
        "RABBITMQ_NODE_PORT": str(place.port),
        "RABBITMQ_DIST_PORT": str(place.dist_port),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        # Without it every scheduler thread turns idly for a while each time it has nothing to do.
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
    }


def _spawn(argv: list[str], environ: dict[str, str], out: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=out,  # type: ignore[call-overload]
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C goes to the tests, which then stop it in order
    )


def _end(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)  # the node's helper processes too
    process.wait()


def _await(running: RunningRabbit) -> None:
    end = time.monotonic() + START_SECONDS
    while running.process.poll() is None and time.monotonic() < end:
        try:
            with Connection(running.url, connect_timeout=2) as connection:
                connection.connect()
        except TROUBLE:
            time.sleep(0.1)
        else:
            return
    running.kill()
    said = (running.place.directory / "rabbitmq.out").read_text("utf-8", "replace")[-3000:]
    raise RuntimeError(f"the RabbitMQ node did not start:\n{said}")


def empty_queues(url: str) -> None:
    """Remove what lies in Copydesk's queues; those that are not there stay so.

    They are not deleted: kombu keeps connections for the whole process, and with each the queues that it
    declared, so that the next test's messages would go nowhere, without a word.
    """
    for name in QUEUES:
        with Connection(url) as connection, suppress(connection.channel_errors):
            connection.default_channel.queue_purge(name)


def queue_length(url: str, name: str) -> int:
    """How many messages are ready in a queue; 0 where it was never declared."""
    with Connection(url) as connection, suppress(connection.channel_errors):
        return int(connection.default_channel.queue_declare(name, passive=True).message_count)
    return 0


@pytest.fixture(scope="session")
def rabbitmq_server() -> Iterator[RunningRabbit]:
    """The session's own RabbitMQ; tests that use it share it, so none may stop it."""
    with tempfile.TemporaryDirectory(prefix="copydesk-rabbitmq-", ignore_cleanup_errors=True) as directory:
        try:
            server = start_rabbitmq(Path(directory))
        except NoServer as error:
            require(str(error))
        yield server
        server.stop()


@pytest.fixture
def rabbitmq_url(rabbitmq_server: RunningRabbit) -> str:
    """The URL of a RabbitMQ in which nothing lies in Copydesk's queues."""
    empty_queues(rabbitmq_server.url)
    return rabbitmq_server.url
