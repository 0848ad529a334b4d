"""The command's front door: help without imports, summaries that agree, errors as one sentence."""

import subprocess
import sys

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
    assert done.stderr == "copydesk: COPYDESK_SEARCH_PORT must be of type int, not 'eighty'\n"


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
