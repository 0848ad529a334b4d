"""One frozen Settings per process, read from the environment once and checked at the start."""

from __future__ import annotations

import ipaddress
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from shared.countries import CODES
from shared.errors import BadSettings, InvalidRequest
from shared.identity import check_source

PREFIX = "COPYDESK_"
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(:[0-9]{1,5})?")


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting with its default; the variable is the field's name in capitals after ``COPYDESK_``.

    Times are seconds, sizes bytes. ``None`` URLs mean the embedded default under ``data_dir``.
    """

    data_dir: Path = Path("data")
    ledger_url: str = ""  # SQLAlchemy URL; default sqlite in data_dir
    broker_url: str = ""  # redis://, rediss:// or amqp://; `copydesk up` starts a server when it is empty
    redis_url: str = ""  # flags, fingerprints; default: broker_url when that is Redis
    index_url: str = ""  # http(s)://[user:password@]host:9200[,host2:9200]; default tantivy in data_dir
    index_alias: str = "copydesk-articles"
    index_shards: int = 1
    index_replicas: int = 0
    vocabulary_dir: str = ""  # a newsroom's own rules, laid over the shipped ones
    topic_model: str = ""  # a file that `copydesk train-topics` made
    entity_model: str = ""  # a spaCy pipeline, such as en_core_web_sm
    bind: str = "127.0.0.1"
    ingest_port: int = 8001
    search_port: int = 8000
    flower_port: int = 5555
    metrics_port: int = 0  # of the workers' numbers, the first free one of ten; 0: they tell none
    redis_port: int = 0  # of the embedded server; 0 takes a free one
    worker_processes: int = 2
    web_threads: int = 16
    cursor_secret: str = ""  # signs search cursors; default a key kept in data_dir
    log_level: str = "info"
    log_format: str = "auto"  # console, json, or auto: console on a terminal
    max_request_bytes: int = 16 * 1024 * 1024
    max_title_chars: int = 1_000
    max_array_items: int = 1_000
    max_body_chars: int = (
        300_000  # of clean text, about 50,000 words; a few larger ones would stall every search
    )
    source_ranks: str = ""  # sources whose articles lead copies, the first first: wire.example,paper.example
    source_countries: str = ""  # else by what a source ends in: coindesk.com=us,bbc.com=gb
    bar_copies: bool = False  # whether exact copies of a withdrawn article are turned away, too
    batch_size: int = 400  # most articles one claim takes; it takes about two seconds of work
    index_batch_size: int = 500
    lease_seconds: float = 15.0
    task_time_limit: float = 30.0
    max_attempts: int = 5
    sweep_seconds: float = 5.0
    stuck_seconds: float = 10.0  # the sweeper wakes a stage whose oldest row waits longer
    grace_seconds: float = 8.0  # how long a process may take to stop
    max_backlog: int = 1_000_000  # submissions that have not ended; beyond, pushes get 429
    max_ledger_bytes: int = 20 * 1024**3  # beyond, pushes get 503
    min_free_bytes: int = 256 * 1024**2  # on the ledger's disk; below, pushes get 503
    idempotency_hours: float = 24.0  # how long an Idempotency-Key is remembered
    keys: str = "auto"  # on, off, or auto: off, and no start on an address that others reach
    search_per_minute: int = 0  # requests of one key, or of one address without keys; 0: any number
    ingest_per_minute: int = 0
    wrong_keys_per_minute: int = 60  # from one address, which gets 429 then; good ones go on; 0: any number
    trusted_proxies: int = 0  # in front, whose X-Forwarded-For, -Proto and -Host are believed
    cors_origins: str = ""  # of pages that may ask: https://desk.example,https://app.example; or *
    keep_originals_days: float = 0.0  # 0: for ever, as in the next two
    keep_ended_days: float = 0.0  # submissions that are no article's present revision, and their journey
    keep_articles_days: float = 0.0  # then they leave the index and the ledger
    keep_events_days: float = 0.0
    keep_sources: str = ""  # articles of some sources, in days: blog.example=30,wire.example=7

    def __post_init__(self) -> None:
        """Fill in what follows from other settings, and refuse what cannot work."""
        put = object.__setattr__
        put(self, "data_dir", self.data_dir.expanduser().absolute())
        if not self.ledger_url:
            put(self, "ledger_url", f"sqlite:///{self.data_dir / 'ledger.sqlite'}")
        if not self.redis_url and urlsplit(self.broker_url).scheme in ("redis", "rediss"):
            put(self, "redis_url", self.broker_url)
        _check(self)

    @property
    def index_dir(self) -> Path:
        """Where the embedded index lives."""
        return self.data_dir / "index"

    @property
    def keys_on(self) -> bool:
        """Whether callers need a key."""
        return self.keys == "on"

    def origins(self) -> tuple[str, ...]:
        """``cors_origins`` one by one; raises ``BadSettings`` naming what is no origin."""
        found = tuple(filter(None, (part.strip().lower() for part in self.cors_origins.split(","))))
        for origin in found:
            if origin != "*" and not _ORIGIN.fullmatch(origin):
                raise BadSettings(
                    f"{PREFIX}CORS_ORIGINS: {origin!r} is no origin, such as https://desk.example"
                )
        return found

    def source_days(self) -> dict[str, float]:
        """``keep_sources`` by source; raises ``BadSettings`` naming what cannot be read."""
        found: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in self.keep_sources.split(","))):
            source, _, days = part.partition("=")
            try:
                found[source.strip().lower()] = float(days)
            except ValueError as error:
                raise BadSettings(f"{PREFIX}KEEP_SOURCES: {part!r} is not source=days") from error
            if not 0 < found[source.strip().lower()] < math.inf:
                raise BadSettings(f"{PREFIX}KEEP_SOURCES: {part!r} must be a positive number of days")
        return found

    def countries(self) -> dict[str, str]:
        """``source_countries`` by source, as ISO 3166-1 codes; raises ``BadSettings`` naming what is none."""
        told = f"{PREFIX}SOURCE_COUNTRIES: {{!r}} is not source=country, such as bbc.com=gb"
        found: dict[str, str] = {}
        for part in filter(None, (part.strip().lower() for part in self.source_countries.split(","))):
            source, _, code = (piece.strip() for piece in part.partition("="))
            if code not in CODES:
                raise BadSettings(f"{told.format(part)}: {code!r} is no country's code of two letters")
            try:
                found[check_source(source)] = code
            except InvalidRequest as error:
                raise BadSettings(told.format(part)) from error
        return found

    def rank_of(self) -> dict[str, int]:
        """``source_ranks`` as numbers by source: below 0, the first the lowest; one not named has 0."""
        named = filter(None, (part.strip().lower() for part in self.source_ranks.split(",")))
        return {source: place - MOST_RANKS for place, source in enumerate(dict.fromkeys(named))}

    def environment(self) -> dict[str, str]:
        """The settings as environment variables, for a child process."""
        return {PREFIX + item.name.upper(): str(getattr(self, item.name)) for item in fields(self)}


SHORTEST_SECRET = 16  # characters; a shorter one could be guessed from a cursor
MOST_RANKS = 1_000_000  # far more than there are sources
MAY_BE_ZERO = frozenset(
    (
        "redis_port",
        "metrics_port",
        "search_per_minute",
        "ingest_per_minute",
        "wrong_keys_per_minute",
        "trusted_proxies",
        "index_replicas",
        "keep_originals_days",
        "keep_ended_days",
        "keep_articles_days",
        "keep_events_days",
    )
)


def _check(settings: Settings) -> None:
    for name, schemes in (
        ("ledger_url", ("sqlite", "postgresql", "postgresql+psycopg")),
        ("broker_url", ("redis", "rediss", "amqp", "amqps")),
        ("redis_url", ("redis", "rediss")),
        ("index_url", ("http", "https")),
    ):
        given = getattr(settings, name)
        if given and urlsplit(given).scheme not in schemes:
            allowed = ", ".join(f"{scheme}://" for scheme in schemes)
            raise BadSettings(f"{PREFIX}{name.upper()} must start with one of {allowed}")
    for item in fields(settings):
        value = getattr(settings, item.name)
        lowest = 0 if item.name in MAY_BE_ZERO else 1e-9
        if isinstance(value, int | float) and not isinstance(value, bool) and not lowest <= value < math.inf:
            least = "at least 0" if lowest == 0 else "positive"
            raise BadSettings(f"{PREFIX}{item.name.upper()} must be {least} and finite, not {value}")
    for name in ("ingest_port", "search_port", "flower_port", "redis_port", "metrics_port"):
        if getattr(settings, name) > 65535:
            raise BadSettings(f"{PREFIX}{name.upper()} must be at most 65535")
    settings.source_days()
    settings.countries()
    settings.origins()
    if settings.keys not in ("auto", "on", "off"):
        raise BadSettings(f"{PREFIX}KEYS must be on, off or auto")
    if 0 < len(settings.cursor_secret) < SHORTEST_SECRET:
        raise BadSettings(f"{PREFIX}CURSOR_SECRET must have at least {SHORTEST_SECRET} characters")
    if settings.log_level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
        raise BadSettings(f"{PREFIX}LOG_LEVEL must be debug, info, warning or error")
    if settings.log_format not in ("auto", "console", "json"):
        raise BadSettings(f"{PREFIX}LOG_FORMAT must be auto, console or json")


def _read_bool(text: str) -> bool:
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    return words[text.strip().lower()]


_KINDS = {"int": "a whole number", "float": "a number", "bool": "true or false"}  # what can be mistaken
_READERS: dict[str, Any] = {"int": int, "float": float, "str": str, "Path": Path, "bool": _read_bool}


def read_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read ``COPYDESK_*``; raises ``BadSettings`` naming a variable that is unknown or cannot be used."""
    given = {
        name[len(PREFIX) :].lower(): value
        for name, value in (os.environ if environ is None else environ).items()
        if name.startswith(PREFIX) and name not in NOT_SETTINGS
    }
    known = {item.name: item for item in fields(Settings)}
    values: dict[str, Any] = {}
    for name, text in _with_files(given, frozenset(known)).items():
        if name not in known:
            raise BadSettings(f"{PREFIX}{name.upper()} is no setting of Copydesk; see the table in README.md")
        if text == "" and known[name].default != "":
            continue
        kind = str(known[name].type)
        try:
            values[name] = _READERS[kind](text)
        except (ValueError, KeyError) as error:
            raise BadSettings(f"{PREFIX}{name.upper()} must be {_KINDS[kind]}, not {text!r}") from error
    made = Settings(**values)
    if made.keys == "auto" and not is_loopback(made.bind):
        raise BadSettings(
            f"{PREFIX}BIND={made.bind} lets others reach the services: set {PREFIX}KEYS=on and make keys "
            f"with `copydesk keys create`, or {PREFIX}KEYS=off if something in front of them asks who it is"
        )
    return made


def _with_files(given: Mapping[str, str], known: frozenset[str]) -> dict[str, str]:
    """What is given, and what lies in files: ``<name>_file`` names one, for what no environment should show.

    Where the setting itself is given, it is taken. Raises ``BadSettings`` for a file that cannot be read.
    """
    named = {
        name.removesuffix("_file"): name
        for name in given
        if name not in known and name.endswith("_file") and name.removesuffix("_file") in known
    }
    found = {name: text for name, text in given.items() if name not in named.values()}
    for name, variable in named.items():
        if not found.get(name):
            found[name] = read_secret(PREFIX + variable.upper(), given[variable])
    return found


def read_secret(variable: str, path: str) -> str:
    """The one line of a file that a variable names; raises ``BadSettings``, which does not quote it."""
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise BadSettings(f"{variable}: {path} cannot be read: {_why(error)}") from error
    if not text:
        raise BadSettings(f"{variable}: {path} is empty")
    return text


def _why(error: OSError | ValueError) -> str:
    return error.strerror or type(error).__name__ if isinstance(error, OSError) else "it is no UTF-8"


def is_loopback(bind: str) -> bool:
    """Whether only this machine reaches what binds there."""
    try:
        return bind == "localhost" or ipaddress.ip_address(bind).is_loopback
    except ValueError:  # a name: it may be anybody's address
        return False


# Read by the test suite, the child processes and the commands that ask a service; not part of Settings.
NOT_SETTINGS = frozenset({
    "COPYDESK_REQUIRE_SERVERS", "COPYDESK_HEARTBEAT", "COPYDESK_API_KEY", "COPYDESK_OTEL",
    "COPYDESK_FLOWER_PASSWORD", "COPYDESK_FLOWER_PASSWORD_FILE",
    # Of docker-compose's files, for those who export them.
    "COPYDESK_PUBLISH", "COPYDESK_EXTRAS", "COPYDESK_PROMETHEUS_PORT", "COPYDESK_PROMETHEUS_DAYS",
    "COPYDESK_GRAFANA_PORT", "COPYDESK_GRAFANA_PASSWORD", "COPYDESK_REDIS_PASSWORD", "COPYDESK_REDIS_MEMORY",
    "COPYDESK_REDIS_LIMIT", "COPYDESK_WORKER_LIMIT", "COPYDESK_ELASTICSEARCH_PORT",
    "COPYDESK_ELASTICSEARCH_LIMIT", "COPYDESK_RABBITMQ_PASSWORD", "COPYDESK_ERLANG_COOKIE",
    "COPYDESK_RABBITMQ_UID", "COPYDESK_RABBITMQ_GID", "COPYDESK_RABBITMQ_LIMIT", "COPYDESK_POSTGRES_PASSWORD",
    "COPYDESK_POSTGRES_UID", "COPYDESK_POSTGRES_GID", "COPYDESK_POSTGRES_BUFFERS", "COPYDESK_POSTGRES_LIMIT",
})  # fmt: skip
