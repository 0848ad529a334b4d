"""The supervisor with real processes: restarts, silence, the order of a stop, and no orphans."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from services.cli.child import kill_group
from tests.processes import is_gone

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks at processes in /proc")
DRIVER = Path(__file__).with_name("driver.py")
LIMIT = 15.0  # seconds a poll may last on a busy machine
QUICK = {"silence": 1.0, "backoff": 0.05, "grace": 5.0}

STEADY = "import time\nprint('pid', __import__('os').getpid())\nwhile True: time.sleep(0.05)"
DEAF = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + STEADY
WITH_CHILD = (
    "import subprocess, sys\n"
    "code = 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)'\n"
    "print('pid', subprocess.Popen([sys.executable, '-c', code]).pid)\n"
)


class Run:
    """A driver with its children, and what they printed."""

    def __init__(self, waves, **patience):
        given = json.dumps({"waves": waves, "patience": {**QUICK, **patience}})
        self.process = subprocess.Popen(
            [sys.executable, "-u", DRIVER, given], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        self.lines = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self):
        self.lines.extend(line.rstrip("\n") for line in self.process.stdout)

    def await_line(self, words, count=1):
        until(lambda: sum(words in line for line in self.lines) >= count, f"{words!r} in {self.lines}")

    def pids(self, name):
        return [int(line.split()[-1]) for line in self.lines if line.startswith(f"{name}: pid ")]

    def end(self):
        return self.process.wait(timeout=LIMIT)


def until(condition, what):
    deadline = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.02)


@pytest.fixture
def start():
    runs = []

    def begin(*waves, **patience):
        runs.append(Run(list(waves), **patience))
        return runs[-1]

    yield begin
    for run in runs:
        run.process.terminate()
        try:
            run.process.wait(timeout=LIMIT)
        finally:
            for name in {line.partition(":")[0] for line in run.lines}:
                for pid in run.pids(name):
                    kill_group(pid)
            run.process.kill()
            run.process.wait()
            run.reader.join(timeout=LIMIT)
            run.process.stdout.close()


def child(name, code=STEADY, **more):
    return {"name": name, "code": code, **more}


def test_a_child_that_was_killed_is_started_again(start):
    run = start([child("worker")])
    run.await_line("worker: pid")
    os.kill(run.pids("worker")[0], signal.SIGKILL)
    run.await_line("worker: pid", count=2)
    run.await_line("worker ended by SIGKILL; starting it again in 0.1 s")


def test_what_a_killed_child_leaves_behind_is_killed_before_the_next_life(start):
    run = start([child("worker", WITH_CHILD + STEADY)])
    run.await_line("worker: pid", count=2)
    grandchild, parent = run.pids("worker")
    os.kill(parent, signal.SIGKILL)
    run.await_line("worker: pid", count=4)
    assert is_gone(grandchild)


def test_a_child_that_falls_silent_is_killed_and_started_again(start, tmp_path):
    beat = tmp_path / "beat"
    code = f"from pathlib import Path\nPath({str(beat)!r}).touch()\n{DEAF}"
    run = start([child("worker", code, beat=str(beat))], grace=0.5)
    run.await_line("worker has not answered for 1 s; killing it")
    run.await_line("worker: pid", count=2)
    assert is_gone(run.pids("worker")[0])


def test_a_child_may_be_silent_for_longer_than_the_others_where_that_is_its_way(start, tmp_path):
    beat = tmp_path / "beat"
    code = f"from pathlib import Path\nPath({str(beat)!r}).touch()\n{DEAF}"
    run = start([child("sweeper", code, beat=str(beat), silence=2.5)], grace=0.5)
    begin = time.monotonic()
    run.await_line("sweeper has not answered for 2.5 s; killing it")
    assert time.monotonic() - begin > 2.5


def test_a_ready_child_is_counted_once_and_later_lives_are_told_without_a_number(start):
    run = start([child("worker"), child("other")])
    run.await_line("driver: ready")
    run.await_line("worker: pid")  # carried by a thread of its own, perhaps later
    os.kill(run.pids("worker")[0], signal.SIGKILL)
    run.await_line("worker is ready again after")
    counts = [line.rpartition("(")[2] for line in run.lines if " of 2)" in line]
    assert counts == ["1 of 2)", "2 of 2)"]


def test_lines_that_are_known_to_be_harmless_are_not_carried(start):
    code = "print('WARNING of nothing')\nprint('WARNING of fire')\n" + STEADY
    run = start([child("worker", code, hushed="of nothing$")])
    run.await_line("worker: pid")
    assert [line for line in run.lines if "WARNING" in line] == ["worker: WARNING of fire"]


def test_a_child_that_never_answers_is_killed_when_the_time_to_start_is_over(start, tmp_path):
    run = start([child("worker", beat=str(tmp_path / "never"))], start=0.5)
    run.await_line("worker has not answered for 0.5 s; killing it")
    run.await_line("worker: pid", count=2)
    assert "driver: ready" not in run.lines


def test_a_child_that_crashes_again_and_again_ends_the_run_with_a_sentence(start):
    run = start([child("broker")], [child("worker", "raise SystemExit(3)")], crashes=2)
    assert run.end() == 1
    run.await_line("worker ended with exit code 3; starting it again", count=2)
    run.await_line("worker crashed 2 times in a row, so Copydesk gives up")
    assert is_gone(run.pids("broker")[0])


def test_a_wave_starts_only_when_the_one_before_is_ready(start, tmp_path):
    beat = tmp_path / "beat"
    code = f"import time, pathlib\ntime.sleep(0.5)\nprint('beats')\npathlib.Path({str(beat)!r}).touch()\n"
    run = start([child("first", code + STEADY, beat=str(beat))], [child("second")])
    run.await_line("second: pid")
    assert run.lines.index("first: beats") < next(
        number for number, line in enumerate(run.lines) if line.startswith("second: pid")
    )


def test_a_task_that_has_to_succeed_ends_the_run_when_it_fails(start):
    run = start([child("migrate", "print('no room'); raise SystemExit(1)", once=True)], [child("worker")])
    assert run.end() == 1
    run.await_line("migrate: no room")
    run.await_line("migrate failed with exit code 1")
    assert not run.pids("worker")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_all_in_reverse_order_with_exit_code_0(start, number):
    code = (
        "import signal, sys\n"
        "def end(*_):\n    print('stopped', flush=True)\n    raise SystemExit\n"
        "signal.signal(signal.SIGTERM, end)\n" + STEADY
    )
    run = start([child("broker", code, last=True)], [child("worker", code)])
    for name in ("broker", "worker"):
        run.await_line(f"{name}: pid")
    run.await_line("driver: ready")
    run.process.send_signal(number)
    assert run.end() == 0
    run.await_line(": stopped", count=2)
    assert [line for line in run.lines if line.endswith("stopped")] == ["worker: stopped", "broker: stopped"]


def test_a_child_that_will_not_stop_is_killed_with_its_children_when_the_grace_is_over(start):
    run = start([child("worker", WITH_CHILD + DEAF)], grace=0.5)
    run.await_line("worker: pid", count=2)
    run.await_line("driver: ready")
    begin = time.monotonic()
    run.process.terminate()
    assert run.end() == 0
    assert time.monotonic() - begin < 5
    run.await_line("worker did not stop in time; killing it")
    for pid in run.pids("worker"):
        until(lambda pid=pid: is_gone(pid), "the end of the worker's processes")


def test_a_second_signal_kills_everything_at_once(start):
    run = start([child("worker", DEAF)], grace=60.0)
    run.await_line("worker: pid")
    run.process.send_signal(signal.SIGINT)
    run.await_line("stopping; press Ctrl-C again")
    time.sleep(0.6)  # sooner, it would be taken for the same signal arriving twice
    run.process.send_signal(signal.SIGINT)
    assert run.end() == 0
    assert is_gone(run.pids("worker")[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_one_signal_that_arrives_twice_still_stops_in_order(start, number):
    code = (
        "import signal, time\n"
        "def end(*_):\n    time.sleep(0.3)\n    print('saved')\n    raise SystemExit\n"
        "signal.signal(signal.SIGTERM, end)\n" + STEADY
    )
    run = start([child("worker", code)])
    run.await_line("worker: pid")
    run.await_line("driver: ready")
    run.process.send_signal(number)
    run.await_line("stopping; press Ctrl-C again")
    run.process.send_signal(number)
    assert run.end() == 0
    run.await_line("worker: saved")


def test_no_orphan_is_left_when_the_supervisor_is_killed(start):
    run = start([child("worker", WITH_CHILD + STEADY), child("deaf", DEAF)])
    run.await_line("worker: pid", count=2)
    run.await_line("deaf: pid")
    run.process.kill()
    for pid in (*run.pids("worker"), *run.pids("deaf")):
        until(lambda pid=pid: is_gone(pid), f"the end of process {pid}")


def test_a_warden_that_was_killed_is_replaced_and_still_ends_the_orphans(start):
    run = start([child("worker")])
    run.await_line("worker: pid")
    first = wardens_of(run.process.pid)
    assert len(first) == 1
    os.kill(first[0], signal.SIGKILL)
    until(lambda: wardens_of(run.process.pid) not in ([], first), "another warden")
    run.process.kill()
    until(lambda: is_gone(run.pids("worker")[0]), "the end of the worker")


def wardens_of(parent):
    """The process ids of the living children of ``parent`` that are wardens."""
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    return [
        int(pid)
        for pid in children
        if not is_gone(pid) and b"warden.py" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


def test_children_are_not_blamed_for_the_time_in_which_the_supervisor_itself_was_stopped(start, tmp_path):
    beat = tmp_path / "beat"
    code = f"import time\nfrom pathlib import Path\nwhile True: Path({str(beat)!r}).touch(); time.sleep(0.1)"
    run = start([child("worker", code, beat=str(beat))], hiccup=0.6)
    run.await_line("driver: ready")
    run.process.send_signal(signal.SIGSTOP)
    time.sleep(1.5)  # longer than the silence that is allowed
    run.process.send_signal(signal.SIGCONT)
    time.sleep(0.5)  # long enough for a wrong verdict
    assert not [line for line in run.lines if "has not answered" in line]
