"""The command's front door: help without imports, summaries that agree, errors as one sentence."""

import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from services.cli.main import COMMANDS, cli

HEAVY = ("httpx", "rich", "sqlalchemy", "tantivy", "celery", "redis", "pydantic")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_on_the_help_page_is_the_commands_own(name):
    command = cli.get_command(click.Context(cli), name)
    assert command.get_short_help_str(limit=200) == COMMANDS[name][2]
    assert command.name == name


def test_help_imports_nothing_heavy():
    code = (
        "import sys\nfrom services.cli.main import cli\n"
        "cli(['--help'], standalone_mode=False)\n"
        f"sys.exit(', '.join(name for name in {HEAVY} if name in sys.modules) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(name in done.stdout for name in COMMANDS)


def run(*words, **environ):
    command = [sys.executable, "-m", "services.cli.main", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, env=environ)


def test_a_setting_that_cannot_be_used_is_one_sentence_and_exit_code_2(tmp_path):
    done = run("up", COPYDESK_SEARCH_PORT="eighty", COPYDESK_DATA_DIR=str(tmp_path))
    assert done.returncode == 2
    assert done.stderr == "copydesk: COPYDESK_SEARCH_PORT must be a whole number, not 'eighty'\n"


def test_rules_of_ones_own_are_read_before_anything_is_started(tmp_path):
    rules = tmp_path / "rules"
    (rules / "topics").mkdir(parents=True)
    (rules / "topics" / "ours.yaml").write_text("medtop:99999999:\n  name: nothing of IPTC's\n")
    done = run("up", COPYDESK_VOCABULARY_DIR=str(rules), COPYDESK_DATA_DIR=str(tmp_path / "data"))
    assert done.returncode == 2, done.stderr
    assert "ours.yaml:1: " in done.stderr
    assert "starting" not in done.stdout


def test_a_service_that_does_not_answer_is_one_sentence_and_exit_code_1(tmp_path):
    done = run("search", "bridge", COPYDESK_SEARCH_PORT="1", COPYDESK_DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith("copydesk: nothing answers at http://127.0.0.1:1/v1/search")
    assert len(done.stderr.splitlines()) == 1


def test_the_status_of_what_was_never_started_is_one_sentence_and_makes_nothing(tmp_path):
    done = run("status", COPYDESK_DATA_DIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr == f"copydesk: there is no ledger in {tmp_path} yet; `copydesk up` makes it\n"
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_command_is_named():
    done = run("fly")
    assert done.returncode == 2
    assert "No such command 'fly'" in done.stderr


@pytest.mark.parametrize("command", ["up", "migrate", "doctor"])
def test_a_file_in_the_place_of_the_data_folder_is_told_as_such(tmp_path, command):
    (tmp_path / "file").write_text("in the way")
    done = run(command, COPYDESK_DATA_DIR=str(tmp_path / "file"), PATH=os.environ["PATH"])
    assert done.returncode == (1 if command == "doctor" else 2)
    assert f"{tmp_path / 'file'} is no folder" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def opened_by(pid: int) -> set[Path]:
    files = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since it was listed
            files.add(link.readlink())
    return files


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at processes in /proc")
def test_ctrl_c_before_anything_was_started_is_a_normal_stop(tmp_path):
    lock = tmp_path / "up.lock"
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # of a dead owner, which is waited for
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli.main", "up"],
            env=os.environ | {"COPYDESK_DATA_DIR": str(tmp_path)}, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            deadline = time.monotonic() + 10
            while lock not in opened_by(process.pid):
                assert time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            told = process.communicate(timeout=10)[1]
        finally:  # else it would start everything as soon as the lock is free
            process.kill()
            process.communicate()
    assert (process.returncode, told) == (0, "copydesk: stopped\n")


def test_ctrl_c_ends_any_other_command_with_a_sentence_and_exit_code_130():
    process = subprocess.Popen(
        [sys.executable, "-m", "services.cli.main", "stage", "clean"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    process.stdin.write("no JSON\n")
    process.stdin.flush()
    assert "error" in process.stdout.readline()
    process.send_signal(signal.SIGINT)
    told = process.communicate(timeout=10)[1]
    assert (process.returncode, told) == (130, "copydesk: stopped\n")
