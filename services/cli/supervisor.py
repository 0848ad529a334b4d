"""Keeps a set of child processes running: start in order, watch, restart, stop in reverse order.

It knows nothing of Copydesk; ``system.py`` says what the children are.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from services.cli.child import Child, ChildSpec
from services.cli.warden import Warden

TICK = 0.2  # seconds between two looks at the children
HURRY_SECONDS = (
    0.5  # one Ctrl-C or `kill` can arrive twice: from the terminal, and passed on by make or a shell
)
LAST_SECONDS = 1.5  # for what stops last; with the grace of eight, a stop stays under ten


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a child may take or stay silent, and how often it may crash; seconds."""

    start: float = 90.0  # to the first answer; a cold import on a busy machine takes long
    silence: float = 20.0  # since the last answer
    steady: float = 30.0  # after this much running, earlier crashes are forgotten
    crashes: int = 10  # in a row, before giving up
    backoff: float = 0.5  # before the first restart; doubles
    longest_backoff: float = 15.0
    grace: float = 8.0  # for all children together to stop
    hiccup: float = 5.0  # a longer gap between two looks: this process itself was stopped (Ctrl-Z)


class Supervisor:
    """Runs children until a signal, or until one of them cannot be kept running.

    Every child is told to the warden, which ends them should this process die by itself. Use it from the
    main thread, which signals reach.
    """

    def __init__(
        self, say: Callable[[str], None], pump: Callable[[str, str], None], patience: Patience, warden: Warden
    ) -> None:
        self._say = say
        self._pump = pump
        self._patience = patience
        self._warden = warden
        self._children: list[Child] = []
        self._expected = 0  # children in all
        self._is_up = False  # every wave has been ready
        self._asked_at: float | None = None  # when the first signal came
        self._hurry = False
        self._wake = threading.Event()
        self._last_look = time.monotonic()

    def install_signals(self) -> None:
        """Take SIGINT, SIGTERM and SIGHUP: the first stops in order, a second kills at once."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del frame
        now = time.monotonic()
        if self._asked_at is None:
            self._asked_at = now
        elif number != signal.SIGHUP and now - self._asked_at > HURRY_SECONDS:
            self._hurry = True
        self._wake.set()

    @property
    def stopping(self) -> bool:
        """Whether a signal has asked for the end."""
        return self._asked_at is not None

    def run(self, waves: Sequence[Sequence[ChildSpec]], on_ready: Callable[[], None] = lambda: None) -> int:
        """Start wave after wave, each when the one before is ready; returns the exit code."""
        self._expected = sum(map(len, waves))
        try:
            if not all(self._start_wave(wave) for wave in waves):
                return 0 if self.stopping else 1
            self._is_up = True
            on_ready()
            return self._watch()
        finally:
            self._stop_all()
            self._warden.close()

    def _start_wave(self, wave: Sequence[ChildSpec]) -> bool:
        started = [Child(spec, self._pump) for spec in wave]
        self._children.extend(started)
        for child in started:
            self._spawn(child)
        while not self.stopping and not all(child.greeted or child.has_succeeded for child in started):
            if not self._look():
                return False
            self._wake.wait(TICK / 4)
        return not self.stopping

    def _spawn(self, child: Child) -> None:
        child.spawn()
        self._warden.watch([other.pid for other in self._children if other.is_running])

    def _watch(self) -> int:
        while not self.stopping:
            if not self._look():
                return 1
            self._wake.wait(TICK)
        return 0

    def _look(self) -> bool:
        """Look at every child once; False when one of them cannot be kept running."""
        now = time.monotonic()
        if now - self._last_look > self._patience.hiccup:
            for child in self._children:
                child.forgive()
        self._last_look = now
        self._warden.ensure()
        return all(self._tend(child, now) for child in self._children)

    def _tend(self, child: Child, now: float) -> bool:
        if child.has_succeeded:
            return True
        if child.is_running:
            self._greet(child)
            self._check_silence(child)
            return True
        if child.spec.once:
            self._say(f"{child.spec.name} failed with exit code {child.exit_code}; see its lines above")
            return False
        if child.restart_at is None:
            return self._plan_restart(child, now)
        if now >= child.restart_at:
            self._spawn(child)
        return True

    def _greet(self, child: Child) -> None:
        if not child.is_ready or child.greeted:
            return
        child.greeted = True
        if self._is_up:
            self._say(f"{child.spec.name} is ready again after {child.age:.1f} s")
            return
        ready = sum(other.greeted or other.has_succeeded for other in self._children)
        self._say(f"{child.spec.name} is ready after {child.age:.1f} s ({ready} of {self._expected})")

    def _check_silence(self, child: Child) -> None:
        silence = child.spec.silence or self._patience.silence
        limit = silence if child.is_ready else self._patience.start
        if child.silence > limit and not child.spec.once:
            self._say(f"{child.spec.name} has not answered for {limit:g} s; killing it")
            child.kill()

    def _plan_restart(self, child: Child, now: float) -> bool:
        child.clear_remains()
        steady = child.age > self._patience.steady
        child.crashes = 1 if steady else child.crashes + 1
        if child.crashes > self._patience.crashes:
            self._say(
                f"{child.spec.name} crashed {self._patience.crashes} times in a row, so Copydesk gives up; "
                "its last lines above say why, and `copydesk doctor` checks the ground it stands on"
            )
            return False
        delay = min(self._patience.longest_backoff, self._patience.backoff * 2 ** (child.crashes - 1))
        child.restart_at = now + delay
        self._say(f"{child.spec.name} {child.describe_end()}; starting it again in {delay:.1f} s")
        return True

    def _stop_all(self) -> None:
        """Stop in reverse order; what has not gone when the grace is over is killed, group and all."""
        running = [child for child in reversed(self._children) if child.is_running]
        deadline = time.monotonic() + self._patience.grace
        if running:
            self._say("stopping; press Ctrl-C again to kill everything at once")
        self._stop([child for child in running if not child.spec.stops_last], deadline)
        self._stop([child for child in running if child.spec.stops_last], time.monotonic() + LAST_SECONDS)
        for child in self._children:
            child.clear_remains()

    def _stop(self, children: Sequence[Child], deadline: float) -> None:
        for child in children:
            child.terminate()
        while not self._hurry and time.monotonic() < deadline and any(c.is_running for c in children):
            self._wake.clear()
            self._wake.wait(TICK / 4)
        for child in children:
            if child.is_running:
                self._say(f"{child.spec.name} did not stop in time; killing it")
            child.kill()
