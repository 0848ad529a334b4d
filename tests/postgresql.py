"""Real PostgreSQL for tests: finds or starts a server, and stops what it started.

A pytest plugin. The session shares one server, with an empty database for each test; a test may also start a
server of its own, to kill or freeze it. Where there is none, the test is skipped with the reason,
or fails when COPYDESK_REQUIRE_SERVERS is 1.
"""

from __future__ import annotations

import atexit
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from shared.ledger.open import migrate_ledger
from shared.settings import Settings
from tests.processes import is_gone
from tests.servers import NoServer, free_port, require

START_SECONDS = 60.0
STOP_SECONDS = 30.0
ROLE = "copydesk"
MIGRATED = "migrated"  # the template of every test's database
# Durable as in production; small, since several servers may stand beside each other.
OPTIONS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "on",
    "shared_buffers": "32MB",
    "max_connections": "100",
    "deadlock_timeout": "200ms",
}
# The session's server is never killed, and its databases are many: nothing of it need outlive a power cut.
PASSING = {"fsync": "off", "full_page_writes": "off"}
# initdb and the server refuse to run as root; the packages make a user for them.
UNPRIVILEGED = ("postgres", "nobody")


@dataclass(slots=True)
class RunningPostgresql:
    """A started server; a test may kill or freeze it, and start it again in the same place."""

    process: subprocess.Popen[bytes]
    directory: Path
    port: int

    def url(self, database: str = "postgres") -> str:
        """The URL of one of its databases."""
        return f"postgresql://{ROLE}@127.0.0.1:{self.port}/{database}"

    def execute(self, statement: str) -> list[tuple[object, ...]]:
        """Run one statement outside of any transaction; returns its rows."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def kill(self) -> None:
        """End the server and its children at once, as a power cut would."""
        children = self._children()
        self.process.kill()
        self.process.wait()
        for child in children:
            _signal(child, signal.SIGKILL)
        end = time.monotonic() + STOP_SECONDS
        while not all(map(is_gone, children)) and time.monotonic() < end:
            time.sleep(0.01)

    def stop(self) -> None:
        """Ask it to shut down without waiting for its clients; end it when it does not."""
        self.thaw()
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def freeze(self) -> None:
        """Stop every process of it, the postmaster first: it answers nothing, and drops nobody."""
        self.process.send_signal(signal.SIGSTOP)
        for child in self._children():
            _signal(child, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen server go on."""
        for child in self._children():
            _signal(child, signal.SIGCONT)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)

    def start_again(self) -> None:
        """Start the server that was killed or stopped, with what it has on disk."""
        self.process = _launch(self.directory, self.port)
        _await(self)

    def _children(self) -> list[int]:
        told = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True)
        pairs = [line.split() for line in told.stdout.splitlines()]
        return [int(pid) for pid, parent in pairs if int(parent) == self.process.pid]


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def find_postgresql() -> Path:
    """The folder of the server's programs; raises ``NoServer``."""
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name))[::-1]
    for folder in found:
        if (folder / "postgres").exists() and (folder / "initdb").exists():
            return folder
    raise NoServer("no PostgreSQL server was found (initdb on PATH, or /usr/lib/postgresql/*/bin)")


def _user() -> pwd.struct_passwd | None:
    """Whom to run the server as; None: as ourselves."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoServer("PostgreSQL does not run as root, and there is no user to run it as")


def start_postgresql(
    directory: Path, port: int = 0, options: Mapping[str, str] | None = None
) -> RunningPostgresql:
    """Start a server with a new, empty cluster; raises ``NoServer`` where there is no program.

    ``options`` are settings of the server in the place of ``OPTIONS``, until it is started again.

    Its data lies in ``directory``, or, where another user has to run it, in a folder that this user can
    reach, named by a link in ``directory``; that one is removed at the end of the process.
    """
    programs, user = find_postgresql(), _user()
    directory.mkdir(parents=True, exist_ok=True)
    data = directory / "data"
    if user is not None:
        reachable = Path(tempfile.mkdtemp(prefix="copydesk-postgresql-"))
        atexit.register(shutil.rmtree, reachable, ignore_errors=True)
        data.symlink_to(reachable)
        data = reachable
        os.chown(reachable, user.pw_uid, user.pw_gid)
    command = [
        programs / "initdb",
        "-D",
        data,
        "-U",
        ROLE,
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-locale",
        "--no-sync",
    ]
    made = subprocess.run(command, capture_output=True, text=True, cwd="/", **_identity(user))
    if made.returncode != 0:
        raise RuntimeError(f"initdb failed:\n{made.stderr[-2000:]}")
    port = port or free_port()
    server = RunningPostgresql(_launch(directory, port, options), directory, port)
    _await(server)
    return server


def _identity(user: pwd.struct_passwd | None) -> dict[str, object]:
    if user is None:
        return {}
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _launch(directory: Path, port: int, given: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    settings = OPTIONS | dict(given or {})
    options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
    data = (directory / "data").resolve()
    with (directory / "postgresql.out").open("ab") as out:
        process = subprocess.Popen(
            [find_postgresql() / "postgres", "-D", data, "-p", str(port), *options],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd="/",
            start_new_session=True,  # Ctrl-C goes to the tests, which then stop it in order
            **_identity(_user()),
        )
    atexit.register(process.kill)  # for a test that forgets; killing an ended process does nothing
    return process


def _await(server: RunningPostgresql) -> None:
    end = time.monotonic() + START_SECONDS
    while server.process.poll() is None and time.monotonic() < end:
        try:
            psycopg.connect(server.url(), connect_timeout=5).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    server.process.kill()
    server.process.wait()
    said = (server.directory / "postgresql.out").read_text("utf-8", "replace")[-2000:]
    raise RuntimeError(f"the PostgreSQL server did not start:\n{said}")


@pytest.fixture
def own_postgresql(tmp_path: Path) -> Iterator[RunningPostgresql]:
    """A server of the test's own, which it may kill and freeze; its database ``ledger`` is empty."""
    try:
        server = start_postgresql(tmp_path / "postgresql")
    except NoServer as error:
        require(str(error))
    server.execute("CREATE DATABASE ledger")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator[RunningPostgresql]:
    """The session's own server, with a migrated template; tests that use it share it."""
    with tempfile.TemporaryDirectory(prefix="copydesk-postgresql-log-") as directory:
        try:
            server = start_postgresql(Path(directory), options=PASSING)
        except NoServer as error:
            require(str(error))
        try:
            server.execute(f"CREATE DATABASE {MIGRATED}")
            migrate_ledger(Settings(data_dir=Path(directory), ledger_url=server.url(MIGRATED)))
            yield server
        finally:
            server.stop()


_numbers = itertools.count(1)


def _make_database(server: RunningPostgresql, template: str) -> str:
    name = f"test_{next(_numbers)}"
    server.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return name


class _Emptied:
    """Databases that tests use one after the other: to empty one takes a hundredth of making it."""

    def __init__(self, server: RunningPostgresql) -> None:
        self._server = server
        self._spare: list[str] = []
        with psycopg.connect(server.url(MIGRATED)) as connection:
            tables = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
            ).fetchall()
            sequences = connection.execute("SELECT sequencename FROM pg_sequences").fetchall()
            names = [str(name) for (name,) in tables if name != "alembic_version"]
            self._statements = [f"DELETE FROM {name}" for name in names]
            self._statements += [f"ALTER SEQUENCE {name} RESTART" for (name,) in sequences]
            self._first = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in names}

    def take(self) -> str:
        """The name of a database with a ledger's tables, and in them what migrations leave there."""
        return self._spare.pop() if self._spare else _make_database(self._server, MIGRATED)

    def give(self, name: str) -> None:
        """Empty a database for the next test; one whose tables a test has changed is dropped."""
        self._server.execute(f"ALTER DATABASE {name} RESET ALL")
        self._server.execute(
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        )
        try:
            self._empty(name)
        except psycopg.Error:
            self._server.execute(f"DROP DATABASE {name} WITH (FORCE)")
        else:
            self._spare.append(name)

    def _empty(self, name: str) -> None:
        with psycopg.connect(self._server.url(name)) as connection:
            for statement in self._statements:
                connection.execute(statement.encode())
            for table, rows in self._first.items():
                for row in rows:
                    values = ", ".join(["%s"] * len(row))
                    connection.execute(f"INSERT INTO {table} VALUES ({values})".encode(), row)


@pytest.fixture(scope="session")
def _emptied(postgresql_server: RunningPostgresql) -> _Emptied:
    return _Emptied(postgresql_server)


@pytest.fixture
def postgresql_url(postgresql_server: RunningPostgresql, _emptied: _Emptied) -> Iterator[str]:
    """The URL of a database with a ledger's tables and nothing in them."""
    name = _emptied.take()
    yield postgresql_server.url(name)
    _emptied.give(name)


@pytest.fixture
def empty_postgresql_url(postgresql_server: RunningPostgresql) -> Iterator[str]:
    """The URL of a database without tables."""
    name = _make_database(postgresql_server, "template0")
    yield postgresql_server.url(name)
    postgresql_server.execute(f"DROP DATABASE {name} WITH (FORCE)")
