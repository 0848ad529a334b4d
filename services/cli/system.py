"""What Copydesk consists of when it runs on one machine: each service as a child with its command and probe.

The embedded default and docker-compose start the same programs; only the addresses differ.
"""

from __future__ import annotations

import os
import re
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from services.cli.broker import find_server, free_port, pings, server_command
from services.cli.child import ChildSpec
from services.workers import pulse
from shared.messages import STAGES, SWEEP, task_name
from shared.settings import Settings

PROBE_SECONDS = 3.0
HEARTBEAT_FRESH = 5.0  # seconds; workers touch their file every two, the sweeper at each sweep
# What strangers may do to granian: HTTP/2 is nobody's here, and has ways of its own to be slow.
HOSTILE = {
    "--http": "1",
    "--http1-header-read-timeout": "10000",  # ms, for a head, and for a connection that says nothing
    "--http1-buffer-size": "131072",  # bytes of a head; an address of 64 kB is refused by us, with words
}
FLOWER_TASKS = 10_000  # kept in its memory
FLOWER_CONFIG = Path(pulse.__file__).with_name("flower_config.py")
CELERY = (sys.executable, "-m", "celery", "--quiet", "-A", "services.workers.app")
# Valkey forks only to shorten its log, and what it holds here is small.
OVERCOMMIT = re.compile(r"WARNING Memory overcommit must be enabled!")
# No worker has answered Flower yet, as at every start; a worker that hangs is told of by the supervisor.
NOT_INSPECTED = re.compile(r"Inspect method \w+ failed$")
# Celery warns root of pickled tasks, which are not accepted here: nine lines in every container.
ROOT_WARNING = "ignore:You're running the worker with superuser privileges"


def reachable(bind: str) -> str:
    """The address to reach a server at that binds to ``bind``."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - compared, not bound
    return f"[{host}]" if ":" in host else host


def ingest_url(settings: Settings) -> str:
    """Where the ingest service answers."""
    return f"http://{reachable(settings.bind)}:{settings.ingest_port}"


def search_url(settings: Settings) -> str:
    """Where the search service answers, the web desk included."""
    return f"http://{reachable(settings.bind)}:{settings.search_port}"


def flower_url(settings: Settings) -> str:
    """Where Flower answers; it is never bound to anything but the loopback address."""
    return f"http://127.0.0.1:{settings.flower_port}"


def needs_broker(settings: Settings) -> bool:
    """Whether a server of our own has to be started: no broker, or a broker that is no Redis and no Redis."""
    return not settings.redis_url


def with_broker(settings: Settings) -> Settings:
    """The settings with the address of the server that will be started filled in."""
    url = f"redis://127.0.0.1:{settings.redis_port or free_port()}/0"
    return replace(settings, broker_url=settings.broker_url or url, redis_url=url)


def plan(settings: Settings, *, own_broker: bool, environ: Mapping[str, str]) -> list[list[ChildSpec]]:
    """The children in waves, each wave to be ready before the next one starts."""
    base = {**environ, **settings.environment(), "PYTHONUNBUFFERED": "1"}
    first = [[broker_child(settings, base)]] if own_broker else []
    services = [*web_children(settings, base), *worker_children(settings, base), flower_child(settings, base)]
    return [*first, [migrate_child(base)], services]


def broker_child(settings: Settings, environ: Mapping[str, str]) -> ChildSpec:
    """The embedded Valkey or Redis server."""
    folder = settings.data_dir / "valkey"
    folder.mkdir(parents=True, exist_ok=True)
    url = settings.redis_url
    argv = server_command(find_server(), urlsplit(url).port or 6379, folder)
    return ChildSpec("valkey", argv, environ, lambda: pings(url), stops_last=True, hushed=OVERCOMMIT)


def migrate_child(environ: Mapping[str, str]) -> ChildSpec:
    """The one-off that makes or upgrades ledger and index."""
    return ChildSpec("migrate", (sys.executable, "-m", "services.cli.main", "migrate"), environ, once=True)


def web_children(settings: Settings, environ: Mapping[str, str]) -> list[ChildSpec]:
    """Ingest and search, each one granian process with threads."""
    return [
        _web_child("ingest", settings.ingest_port, ingest_url(settings), settings, environ),
        _web_child("search", settings.search_port, search_url(settings), settings, environ),
    ]


def _web_child(name: str, port: int, url: str, settings: Settings, environ: Mapping[str, str]) -> ChildSpec:
    options = {
        "--interface": "wsgi",
        "--host": settings.bind,
        "--port": str(port),
        "--workers": "1",
        "--blocking-threads": str(settings.web_threads),
        **HOSTILE,
        # Without it granian waits without limit for a client that keeps its stream open.
        "--workers-kill-timeout": str(max(1, int(settings.grace_seconds) - 3)),
        "--log-level": "error",  # a warning at every start doubts the number of threads
    }
    argv = (sys.executable, "-m", "granian", *_words(options), "--factory", f"services.{name}.app:create_app")
    return ChildSpec(name, argv, environ, answers(f"{url}/healthz"))


def worker_children(settings: Settings, environ: Mapping[str, str]) -> list[ChildSpec]:
    """The prefork worker, the sweeper, and for the embedded index the one process that may write it."""
    embedded = not settings.index_url
    queues = [task_name(stage) for stage in STAGES if stage != "index" or not embedded]
    schedule = str(settings.data_dir / "run" / "sweeper-schedule")
    found = [
        _worker_child("worker", queues, settings.worker_processes, (), settings, environ),
        _worker_child("sweeper", [SWEEP], 1, ("-B", "-s", schedule), settings, environ),
    ]
    if embedded:
        found.insert(1, _worker_child("index-worker", [task_name("index")], 1, (), settings, environ))
    return found


def _worker_child(
    name: str,
    queues: list[str],
    processes: int,
    more: tuple[str, ...],
    settings: Settings,
    environ: Mapping[str, str],
) -> ChildSpec:
    heartbeat = settings.data_dir / "run" / f"{name}.heartbeat"
    options = {
        "--hostname": f"{name}@%h",
        "--queues": ",".join(queues),
        "--concurrency": str(processes),
        "--pool": "prefork",
        "--loglevel": settings.log_level,
    }
    argv = (*CELERY, "worker", *_words(options))
    return ChildSpec(
        name,
        (*argv, "-E", "--without-gossip", "--without-mingle", *more),
        {**environ, pulse.VARIABLE: str(heartbeat), "PYTHONWARNINGS": ROOT_WARNING},
        beats(heartbeat),
        before=lambda: _clear(heartbeat),
        silence=pulse.silent_limit(settings, sweeps=SWEEP in queues),
    )


def flower_child(settings: Settings, environ: Mapping[str, str]) -> ChildSpec:
    """Flower for the people on call: on the loopback address, read-only.

    It asks for a password where ``COPYDESK_FLOWER_PASSWORD`` is one; else its API is open on that address.
    """
    options = (
        "--address=127.0.0.1",
        f"--port={settings.flower_port}",
        f"--conf={FLOWER_CONFIG}",
        "--read_only=True",
        f"--max_tasks={FLOWER_TASKS}",
        "--purge_offline_workers=60",
    )
    argv = (*CELERY, "flower", *options)
    # Without this its API answers 401; on the loopback address, read-only, there is nothing to guard.
    opened = {**environ, "FLOWER_UNAUTHENTICATED_API": "true"}
    return ChildSpec(
        "flower", argv, opened, answers(f"{flower_url(settings)}/healthcheck"), hushed=NOT_INSPECTED
    )


def _words(options: Mapping[str, str]) -> list[str]:
    return [word for pair in options.items() for word in pair]


def _clear(heartbeat: Path) -> None:
    heartbeat.parent.mkdir(parents=True, exist_ok=True)
    heartbeat.unlink(missing_ok=True)


def answers(url: str) -> Callable[[], bool]:
    """A probe that asks an address and wants any 2xx within three seconds."""
    # Proxies of the environment are for the world outside; a probe of this machine goes straight.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask() -> bool:
        try:
            with opener.open(url, timeout=PROBE_SECONDS) as answer:
                return bool(200 <= answer.status < 300)
        except OSError:
            return False

    return ask


def beats(heartbeat: Path) -> Callable[[], bool]:
    """A probe that wants a file to have been touched a few seconds ago."""

    def look() -> bool:
        try:
            return time.time() - heartbeat.stat().st_mtime < HEARTBEAT_FRESH
        except OSError:
            return False

    return look


def terminal_log(settings: Settings, *, on_terminal: bool) -> Settings:
    """Children write to a pipe; when people read along, let them log for people."""
    wanted = settings.log_format == "auto" and on_terminal
    return replace(settings, log_format="console") if wanted else settings


def current_environment() -> dict[str, str]:
    """This process's environment, which the children inherit."""
    return dict(os.environ)
