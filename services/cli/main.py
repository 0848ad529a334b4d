"""The command `copydesk`: finds the subcommand, reads the settings, turns errors into one sentence.

A subcommand's module is imported only when it is called, so that `copydesk --help` is quick.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
from types import FrameType

import click

from shared.errors import BadSettings, CopydeskError

# name: (module, attribute, summary); in the order of the help page.
COMMANDS = {
    "up": ("up", "up", "Start everything on this machine and keep it running."),
    "migrate": ("migrate", "migrate", "Make or upgrade the ledger and the index."),
    "demo": ("demo", "demo", "Load the samples into a running system and show a search."),
    "ingest": ("ingest", "ingest", "Push files into a running system."),
    "search": ("search", "search", "Search, and print the hits as a table."),
    "status": ("status", "status", "Show the services and the backlog, or one article's journey."),
    "quarantine": ("quarantine", "quarantine", "List, show, replay or drop what was quarantined."),
    "replay": ("replay", "replay", "Run articles of the past through the stages again."),
    "reindex": (
        "reindex",
        "reindex",
        "Build a new index beside the old one from the ledger, and switch to it.",
    ),
    "fingerprints": ("fingerprints", "fingerprints", "Put back what Redis knows of texts."),
    "withdraw": ("withdraw", "withdraw", "Take an article out of search for good, and refuse its item."),
    "prune": ("prune", "prune", "Remove what is older than it has to be kept."),
    "backup": ("backup", "backup", "Copy the ledger to a file while everything runs."),
    "restore": (
        "backup",
        "restore",
        "Put a backup of the ledger into an empty data folder, or into an empty PostgreSQL database.",
    ),
    "vocabulary": ("vocabulary", "vocabulary", "Check, try out and renew the rules that tags are given by."),
    "train-topics": ("train_topics", "train_topics", "Fit a topic model to labelled articles, and score it."),
    "keys": ("keys", "keys", "Make, list and revoke the keys that callers of the services need."),
    "stage": ("stage", "stage", "Run one stage on NDJSON from standard input, without any service."),
    "doctor": ("doctor", "doctor", "Check what Copydesk stands on, and say what to do."),
}
INTERRUPTED = 130  # as shells have it


class LazyGroup(click.Group):
    """A group whose help page is known without importing its commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order of ``COMMANDS``."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return a command; None for an unknown name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute, _ = COMMANDS[cmd_name]
        command = getattr(importlib.import_module(f"services.cli.{module}"), attribute)
        assert isinstance(command, click.Command)  # noqa: S101 - narrows the type
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the summaries without importing anything."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, _, summary) in COMMANDS.items()])


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="copydesk", message="copydesk %(version)s")
def cli() -> None:
    """Run and operate Copydesk: the copy desk of a newsroom as small services on a message queue."""


def _stop(number: int, frame: FrameType | None) -> None:
    """End the command where it stands; `up` takes over as soon as there is something to stop in order."""
    del number, frame
    os.write(2, b"copydesk: stopped\n")
    sys.exit(0 if sys.argv[1:2] == ["up"] else INTERRUPTED)


def main() -> None:
    """Run the command; an error raised on purpose ends it with one sentence, and so does Ctrl-C."""
    signal.signal(signal.SIGINT, _stop)
    try:
        cli()
    except BadSettings as error:
        click.echo(f"copydesk: {error}", err=True)
        sys.exit(2)
    except CopydeskError as error:
        click.echo(f"copydesk: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
