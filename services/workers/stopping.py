"""How a worker ends when it is asked to: within its grace, with what still runs given back without blame.

Celery's warm shutdown stops the intake and waits for the tasks that run, without limit. This module is the
limit: some seconds before the grace is over the children are killed, their claims released and their attempts
refunded. Tasks that wait in a child's pipe meanwhile claim nothing (``Ending``). A worker whose parent hangs
is killed from outside (supervisor, container), and its lone article then keeps its attempt.
"""

from __future__ import annotations

import mmap
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from billiard import active_children

# Of the grace, in which what still runs is given back. The work is short; the rest is for a machine so busy
# that nothing happens when it is due: with two seconds, 8.8 of 8 were seen at a load of ten on two cores.
LAST_SECONDS = 4.0
HALF = 0.5  # of a grace shorter than twice the last seconds
# Shares of the last seconds: so long may a ledger or broker take, or hang; then the kernel ends the worker.
# With a cut at four seconds 8.4 of 8 were seen at a load of twenty: while Python ends, no thread of it runs.
GIVE_BACK, CERTAIN_END = 0.6, 0.8


class Ending:
    """Whether a worker was asked to end, for its children too; to be made before they are forked.

    One byte of memory that they share: no locks, so that a signal handler may set it.
    """

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 1)

    def begin(self) -> None:
        """The worker was asked to end."""
        self._memory[0] = 1

    def __bool__(self) -> bool:
        return self._memory[0] == 1


class Stop:
    """The end of one worker: ``ask`` is called by its signal handler, the rest happens in a thread.

    ``running`` names the tasks that run or wait in this worker, ``give_back`` releases what they hold.
    """

    def __init__(
        self, grace: float, running: Callable[[], Iterable[str]], give_back: Callable[[list[str]], None]
    ) -> None:
        self._grace = grace
        self._running = running
        self._give_back = give_back
        self._ear, self._mouth = -1, -1
        self.asked = False

    def watch(self) -> None:
        """Begin to wait for the signal; to be called once, in the worker's parent."""
        self._ear, self._mouth = os.pipe()
        # The thread waits in a read and holds no lock, so that forks may come at any moment.
        threading.Thread(target=self._run, daemon=True, name="stop").start()

    def ask(self) -> None:
        """Say that the end was asked for. Safe in a signal handler: takes no lock, starts nothing."""
        if not self.asked and self._mouth >= 0:
            self.asked = True
            os.write(self._mouth, b"x")
            # Should this process hang, or Python's own end take long, no thread of it would run any more.
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, self._seconds_to(CERTAIN_END))

    def seconds_to_cut(self) -> float:
        """How long after the signal tasks may still run."""
        return max(self._grace * HALF, self._grace - LAST_SECONDS)

    def _seconds_to(self, share: float) -> float:
        cut = self.seconds_to_cut()
        return cut + (self._grace - cut) * share

    def _run(self) -> None:
        os.read(self._ear, 1)
        time.sleep(self.seconds_to_cut())
        left = list(self._running())
        kill_children()
        # Not a daemon: should Celery come to its own end now, the interpreter waits for this.
        helper = threading.Thread(target=self._give_back, args=(left,), name="give-back")
        helper.start()
        helper.join(self._seconds_to(GIVE_BACK) - self.seconds_to_cut())
        kill_children()  # those that replaced the first, should the pool have lived
        os._exit(0)


def kill_children() -> None:
    """Kill every child of this process at once."""
    for child in active_children():
        with suppress(OSError):
            os.kill(child.pid, signal.SIGKILL)
