"""The doctor's look at a system that runs: who works, what waits, what is full, and whose clock is off.

Each finding says what was seen, why it matters, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, suppress

from services.cli.broker import pings
from services.cli.doctor import Finding, advise
from services.cli.ground import has_ledger
from services.cli.running import as_it_runs
from services.cli.system import answers, flower_url
from shared.clock import now_ms, to_ms
from shared.errors import Unavailable
from shared.fingerprints.open import open_fingerprints
from shared.keys.open import open_keys
from shared.keys.port import SCOPES, ApiKey
from shared.ledger.keeping import Load, QuarantineFilter
from shared.ledger.open import open_ledger
from shared.ledger.port import Backlog, Ledger
from shared.messages import STAGES, SWEEP, task_name
from shared.queue import RedisState, listeners, probe_redis
from shared.settings import PREFIX, Settings, is_loopback

STUCK_SECONDS = 120.0  # far more than a batch, a retry and the sweeper's turn take together
SKEW_SECONDS = 3.0  # a fifth of a lease
NEARLY_FULL = 0.9
NEARLY_NONE = 2  # times what has to be free
MIB = 1024**2


def check_running(settings: Settings, *, running: bool) -> Iterator[Finding]:
    """Every finding about a system that runs, or is to run with these settings."""
    found = as_it_runs(settings)
    yield from check_open_door(settings)
    yield from check_keys(settings)
    if found.redis_url and pings(found.redis_url):
        yield from _check_redis(found)
        if found.broker_url and pings(found.broker_url):
            yield from _check_workers(found)
    if running:
        yield from check_flower(settings)
    if has_ledger(settings):
        with closing(open_ledger(settings)) as ledger:
            try:
                yield from check_flow(settings, ledger, now_ms())
            except Unavailable:
                return  # told already, with the ledger


def check_open_door(settings: Settings) -> Iterator[Finding]:
    """Whether an address that others reach lets everybody in."""
    if settings.keys_on or is_loopback(settings.bind):
        return
    told = f"off on {settings.bind}: whoever reaches it may push, withdraw and read; set {PREFIX}KEYS=on"
    yield Finding("keys", good=False, told=f"{told} and make keys with `copydesk keys create`")


def check_keys(settings: Settings) -> Iterator[Finding]:
    """Whether anybody can come in where keys are asked for; a ledger that is away is told of elsewhere."""
    if not settings.keys_on or not has_ledger(settings):
        return
    with suppress(Unavailable), closing(open_keys(settings)) as store:
        yield judge_keys(store.all(), now_ms())


def judge_keys(keys: Sequence[ApiKey], now: int) -> Finding:
    """Whether there is a key that is live, and for what there is none."""
    live = [key for key in keys if key.is_live(now)]
    if not live:
        why = f"on, and none {'is live' if keys else 'was made'}: every caller gets 401"
        advice = "`copydesk keys create NAME --scope ingest` makes one"
        return Finding("keys", good=False, told=f"{why}; {advice}")
    missing = [scope for scope in SCOPES[:2] if not any(key.allows(scope) for key in live)]
    told = f"; none is for {' or '.join(missing)}" if missing else ""
    return Finding("keys", good=True, told=f"{len(live)} live{told}")


def _check_fingerprints(settings: Settings) -> Iterator[Finding]:
    """Whether the window of texts is there, where there are articles that could be in it."""
    with suppress(Unavailable), closing(open_ledger(settings)) as ledger:
        if not ledger.counts():
            return
        if open_fingerprints(settings).is_ready():
            yield Finding("fingerprints", good=True, told="there")
            return
        why = "lost: articles wait at dedupe until the sweeper has put them back from the ledger"
        told = f"{why}; start it, or run `copydesk fingerprints rebuild`"
        yield Finding("fingerprints", good=False, told=told)


def _check_redis(settings: Settings) -> Iterator[Finding]:
    try:
        state = probe_redis(settings)
    except Unavailable as error:
        yield Finding("redis", good=False, told=_why_not_written(str(error)))
        return
    yield judge_redis(state)
    yield judge_clock(state.now - now_ms())
    if has_ledger(settings):
        yield from _check_fingerprints(settings)


def _why_not_written(words: str) -> str:
    if "maxmemory" in words:
        return (
            "it is full: stages are not woken, and copies not found; give it more memory "
            "(maxmemory), or a server of its own"
        )
    if "AUTH" in words or "WRONGPASS" in words or "password" in words or "No permissions" in words:
        return (
            f"it refuses us, so no stage is woken; correct user and password in {PREFIX}REDIS_URL ({words})"
        )
    return f"nothing can be written to it, so no stage is woken; see its own log ({words})"


def judge_redis(state: RedisState) -> Finding:
    """Whether a Redis keeps what it is given, and has room."""
    used = f"{state.used / MIB:.0f} MiB used"
    if not state.policy.startswith("noeviction") and state.limit:
        why = f"it forgets messages and fingerprints when it is full ({state.policy})"
        return Finding("redis", good=False, told=f"{why}; set maxmemory-policy noeviction")
    if state.limit and state.used > NEARLY_FULL * state.limit:
        why = f"{used} of {state.limit / MIB:.0f}: once it is full, stages are not woken and copies not found"
        return Finding("redis", good=False, told=f"{why}; raise maxmemory")
    return Finding("redis", good=True, told=f"can be written; {used}")


def judge_clock(ahead_ms: int) -> Finding:
    """Whether Redis's clock (milliseconds ahead of ours) agrees with that of this machine."""
    seconds = ahead_ms / 1000
    if abs(seconds) <= SKEW_SECONDS:
        return Finding("clock", good=True, told="agrees with that of Redis")
    way = "ahead of" if seconds > 0 else "behind"
    why = "claims lapse too early or too late, and articles are shown at wrong times"
    told = f"Redis's is {abs(seconds):.0f} s {way} this machine's: {why}; set both by NTP"
    return Finding("clock", good=False, told=told)


def _check_workers(settings: Settings) -> Iterator[Finding]:
    try:
        found = listeners(settings)
    except Unavailable as error:
        yield Finding("workers", good=False, told=advise("workers", str(error)))
        return
    yield from judge_workers(found)


def judge_workers(found: dict[str, int]) -> Iterator[Finding]:
    """Whether somebody takes from every queue; ``found``: workers by queue."""
    idle = [stage for stage in STAGES if not found.get(task_name(stage))]
    if len(idle) == len(STAGES):
        told = "none answers: what is accepted waits; start one (`copydesk up`, `docker compose up worker`)"
        yield Finding("workers", good=False, told=f"{told}, or look why it hangs in its log")
    elif idle:
        told = f"none takes {', '.join(idle)}: articles wait there; start a worker with those queues"
        yield Finding("workers", good=False, told=told)
    else:
        told = ", ".join(f"{stage} {found[task_name(stage)]}" for stage in STAGES)
        yield Finding("workers", good=True, told=f"answer; by stage: {told}")
    if not found.get(SWEEP):
        why = "none answers: after a lost message or a dead worker articles wait for ever"
        told = f"{why}, and embargoes do not end; start it (`copydesk up`, `docker compose up sweeper`)"
        yield Finding("sweeper", good=False, told=told)
    else:
        yield Finding("sweeper", good=True, told="answers")


def check_flower(settings: Settings) -> Iterator[Finding]:
    """Whether Flower answers where `copydesk up` runs."""
    url = flower_url(settings)
    if answers(f"{url}/healthcheck")():
        yield Finding("flower", good=True, told=f"answers at {url}")
    else:
        why = "does not answer: nobody sees tasks fail; news goes on"
        yield Finding("flower", good=False, told=f"{why}; look at its lines in those of `copydesk up`")


def check_flow(settings: Settings, ledger: Ledger, now: int) -> Iterator[Finding]:
    """Whether articles get on, and there is room for more; raises ``Unavailable``."""
    backlog = ledger.backlog(now)
    yield judge_backlog(backlog, now)
    yield judge_room(settings, ledger.load(now, settings.max_backlog))
    last = ledger.last_indexed()
    if last is not None and to_ms(last) - now > SKEW_SECONDS * 1000:
        ahead = (to_ms(last) - now) / 1000
        why = f"the ledger was written {ahead:.0f} s ahead of this machine's clock: one is wrong"
        yield Finding("clock", good=False, told=f"{why}; set all of them by NTP")
    kept = ledger.count_quarantined(QuarantineFilter())
    if kept:
        told = f"{kept} articles are not in search; `copydesk quarantine list` says why, `replay` tries again"
        yield Finding("quarantine", good=True, told=told)


def judge_backlog(backlog: list[Backlog], now: int) -> Finding:
    """Whether anything waits that nobody takes; what is held back or put off does not count."""
    waits = [(now - to_ms(one.oldest_since), one) for one in backlog if one.oldest_since is not None]
    longest, place = max(waits, key=lambda found: found[0], default=(0, None))
    total = sum(one.waiting + one.held + one.put_off for one in backlog)
    if place is None or longest <= STUCK_SECONDS * 1000:
        return Finding("backlog", good=True, told=f"{total} under way")
    why = f"{place.waiting} wait at {place.stage}, the oldest for {longest / 1000:.0f} s, and are not found"
    told = f"{why}; look for a worker of {place.stage} that answers, and at its log (`stage waits`)"
    return Finding("backlog", good=False, told=told)


def judge_room(settings: Settings, load: Load) -> Finding:
    """Whether the ledger takes more."""
    if load.free_bytes is not None and load.free_bytes < settings.min_free_bytes:
        why = f"{load.free_bytes / MIB:.0f} MiB are free on its disk: pushes get 503"
        return Finding("room", good=False, told=f"{why}; make room, or `copydesk prune`")
    if load.ledger_bytes >= settings.max_ledger_bytes:
        why = f"the ledger has {load.ledger_bytes / MIB:.0f} MiB, its limit: pushes get 503"
        return Finding("room", good=False, told=f"{why}; `copydesk prune`, or raise {PREFIX}MAX_LEDGER_BYTES")
    if load.pending >= settings.max_backlog:
        why = f"{load.pending} articles are under way, the limit: pushes get 429"
        return Finding("room", good=False, told=f"{why}; add workers, or raise {PREFIX}MAX_BACKLOG")
    return _judge_what_is_left(settings, load)


def _judge_what_is_left(settings: Settings, load: Load) -> Finding:
    """Whether the ledger takes more for a while yet."""
    has = f"the ledger has {load.ledger_bytes / MIB:.0f} MiB"
    if load.free_bytes is not None and load.free_bytes < NEARLY_NONE * settings.min_free_bytes:
        limit = settings.min_free_bytes / MIB
        why = f"{load.free_bytes / MIB:.0f} MiB are free on its disk; below {limit:.0f} pushes get 503"
        return Finding("room", good=False, told=f"{why}; make room, or `copydesk prune`")
    if load.ledger_bytes > NEARLY_FULL * settings.max_ledger_bytes:
        why = f"{has} of {settings.max_ledger_bytes / MIB:.0f}; once it is full, pushes get 503"
        return Finding("room", good=False, told=f"{why}; `copydesk prune`, or raise {PREFIX}MAX_LEDGER_BYTES")
    return Finding("room", good=True, told=f"{has}, and takes more")
