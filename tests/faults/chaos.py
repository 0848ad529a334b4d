"""Random faults under load, drawn from a seed; then everything that was promised is looked for.

``python -m tests.faults.chaos --seconds 600 --seed 7`` runs on the smallest Copydesk; ``--broker rabbitmq``,
``--ledger postgresql`` and ``--index elasticsearch`` make it larger. It ends with exit code 1 when anything
was lost, doubled or stuck, or a number is untrue. A seed fixes which faults come in which order; when they
strike depends on the machine.
"""

from __future__ import annotations

import argparse
import os
import random
import secrets
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import redis

from shared.clock import now_ms
from shared.errors import Unavailable
from tests.faults.checker import check
from tests.faults.ground import Ground, Kind
from tests.faults.newsroom import APP, Newsroom
from tests.servers import NoServer

PAUSE = (0.2, 1.6)  # seconds between faults
FREEZE = (0.3, 5.0)  # longer than a lease, now and then
DOWN = (0.1, 2.0)
PROGRESS_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Later:
    """What undoes a fault, and when."""

    due: float
    target: str
    undo: Callable[[], None]


class Chaos:
    """Draws faults and carries them out; one at a time per target, several at once in all."""

    def __init__(self, newsroom: Newsroom, seed: int) -> None:
        self.faults: Counter[str] = Counter()
        self._newsroom = newsroom
        self._ground = newsroom.ground
        self._chance = random.Random(seed)
        self._later: list[Later] = []

    def strike(self) -> None:
        """One fault, on whatever is not suffering one yet."""
        self.undo_due()
        busy = {later.target for later in self._later}
        processes = [(name, kind) for name in self._newsroom.processes for kind in PROCESS_FAULTS]
        servers = [(name, kind) for name in self._ground.names for kind in SERVER_FAULTS[name]]
        # Servers come less often: while one is away, little else can go wrong.
        drawn = processes if self._chance.random() < 0.8 else servers
        target, kind = self._chance.choice(drawn)
        if target in busy or (target in self._newsroom.processes and not self._newsroom[target].alive):
            return
        getattr(self, f"_{kind}")(target)
        self.faults[f"{kind} {target.rstrip('0123456789-')}"] += 1

    def pause(self) -> float:
        return self._chance.uniform(*PAUSE)

    def undo_due(self, *, everything: bool = False) -> None:
        now = time.monotonic()
        for later in [later for later in self._later if everything or later.due <= now]:
            self._later.remove(later)
            later.undo()

    def _after(self, target: str, span: tuple[float, float], undo: Callable[[], None]) -> None:
        self._later.append(Later(time.monotonic() + self._chance.uniform(*span), target, undo))

    # Processes; the keeper starts again what ended

    def _kill(self, name: str) -> None:
        self._newsroom[name].signal_all(signal.SIGKILL)

    def _term(self, name: str) -> None:
        self._newsroom[name].signal(signal.SIGTERM)

    def _freeze(self, name: str) -> None:
        process = self._newsroom[name]
        process.signal_all(signal.SIGSTOP)
        self._after(name, FREEZE, lambda: process.signal_all(signal.SIGCONT))

    def _kill_child(self, name: str) -> None:
        children = self._newsroom[name].children()
        if children:
            with suppress(ProcessLookupError):
                os.kill(self._chance.choice(children), signal.SIGKILL)

    # Servers

    def _restart(self, name: str) -> None:
        self._ground.kill(name)
        self._after(name, DOWN, lambda: self._ground.start(name))

    def _restart_empty(self, name: str) -> None:
        self._ground.kill(name, empty=True)
        self._after(name, DOWN, lambda: self._ground.start(name))

    def _freeze_server(self, name: str) -> None:
        self._ground.freeze(name)
        self._after(name, FREEZE, lambda: self._ground.thaw(name))

    def _forget(self, _: str) -> None:
        url = self._newsroom.settings.redis_url
        with suppress(redis.RedisError), redis.Redis.from_url(url, socket_timeout=2) as client:
            client.flushall()


PROCESS_FAULTS = ("kill", "kill", "term", "freeze", "kill_child")
SERVER_FAULTS = {
    "redis": ("restart", "restart_empty", "freeze_server", "forget"),
    "rabbitmq": ("restart", "restart_empty", "freeze_server"),
    "postgresql": ("restart", "freeze_server"),
    "elasticsearch": ("restart", "freeze_server"),
}


def run(newsroom: Newsroom, folder: Path, seconds: float, seed: int, rate: float) -> int:
    witness = folder / "witness"
    newsroom.start()
    chaos = Chaos(newsroom, seed)
    began = time.monotonic()
    told = began
    load = newsroom.load(witness, rate=rate, seed=seed, first=1)
    with newsroom.kept_up():
        while (now := time.monotonic()) - began < seconds:
            chaos.strike()
            if now - told >= PROGRESS_SECONDS:
                told = now
                tell(newsroom, chaos, witness, now - began)
            time.sleep(chaos.pause())
        chaos.undo_due(everything=True)
        load.stop()
        for process in newsroom.processes.values():
            process.wait_restarted()
        report = check(newsroom.settings, [witness])
    faults = ", ".join(f"{count} {kind}" for kind, count in sorted(chaos.faults.items()))
    say(f"seed {seed}, {newsroom.ground.kind}, {seconds:g} s: {chaos.faults.total()} faults: {faults}")
    say(f"woken by the sweeper: {newsroom.ledger.tallies().get('woken', 0)}")
    say(str(report))
    if not report.sound:
        say(f"logs are kept in {keep_logs(newsroom, folder, seed)}")
    return 0 if report.sound else 1


def tell(newsroom: Newsroom, chaos: Chaos, witness: Path, elapsed: float) -> None:
    """One line of progress."""
    promised = sum(line.count('"ack"') for line in witness.open(encoding="utf-8"))
    try:
        pending = sum(
            entry.waiting + entry.held + entry.put_off for entry in newsroom.ledger.backlog(now_ms())
        )
    except Unavailable:
        pending = -1
    struck = chaos.faults.total()
    say(f"{elapsed:5.0f} s {struck:5} faults {promised:6} pushes answered 202 {pending:6} under way")


def keep_logs(newsroom: Newsroom, folder: Path, seed: int) -> Path:
    kept = Path(tempfile.mkdtemp(prefix=f"copydesk-chaos-{seed}-"))
    for process in newsroom.processes.values():
        (kept / process.log.name).write_text(process.said(), "utf-8")
    for path in [folder / "witness", *newsroom.settings.data_dir.glob("ledger.sqlite*")]:
        if path.exists():
            (kept / path.name).write_bytes(path.read_bytes())
    return kept


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(
        description="Random faults under load; exit code 1 when a promise broke."
    )
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--rate", type=float, default=40, help="articles a second")
    parser.add_argument("--broker", choices=("redis", "rabbitmq"), default="redis")
    parser.add_argument("--ledger", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--index", choices=("tantivy", "elasticsearch"), default="tantivy")
    given = parser.parse_args()
    kind = Kind(given.broker, given.ledger, given.index)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that everything started is ended
    say(f"seed {given.seed}, {kind}")
    with tempfile.TemporaryDirectory(prefix="copydesk-chaos-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        try:
            ground = Ground(folder / "ground", kind)
        except NoServer as error:
            say(str(error))
            return 2
        try:
            newsroom = Newsroom(folder / "newsroom", ground, workers=2, app=APP)
            try:
                return run(newsroom, folder, given.seconds, given.seed, given.rate)
            finally:
                newsroom.close()
        finally:
            ground.close()


if __name__ == "__main__":
    sys.exit(main())
