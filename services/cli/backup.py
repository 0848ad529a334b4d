"""`copydesk backup` and `copydesk restore`: the ledger into a file while everything runs, and back.

The ledger is all that has to be kept: index and fingerprints are made from it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from services.cli.ground import has_ledger, is_locked
from services.cli.walk import count_of, progress
from shared.errors import BadSettings, Unavailable
from shared.ledger.backup import Held, copy_ledger, is_on_server, ledger_file, put_back
from shared.ledger.moving import count_rows, load_backup
from shared.ledger.users import ledger_alone
from shared.settings import PREFIX, read_settings

GIB = 1024**3


@click.command()
@click.argument("target", type=click.Path(path_type=Path))
def backup(target: Path) -> None:
    """Copy the ledger to a file while everything runs.

    TARGET is a new file, or a folder, in which the file is named by the time. Live work does not wait for it.
    A ledger in PostgreSQL has pg_dump for that.
    """
    settings = read_settings()
    source = ledger_file(settings)
    if not has_ledger(settings):
        raise Unavailable(f"there is no ledger at {source} yet; nothing was backed up")
    if target.is_dir():
        target /= f"copydesk-ledger-{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.sqlite"
    elif target.exists():
        raise BadSettings(f"{target} is there already; give another name, or a folder")
    if not target.parent.is_dir():
        raise BadSettings(f"{target.parent} is no folder; make it first")
    held = copy_ledger(source, target)
    click.echo(f"{target}: {describe(held)}")
    click.echo("keep it on another disk; `copydesk restore` puts it back")


@click.command()
@click.argument("source", type=click.Path(path_type=Path, exists=True, dir_okay=False))
def restore(source: Path) -> None:
    """Put a backup of the ledger into an empty data folder, or into an empty PostgreSQL database.

    The second is how a newsroom moves from one host to several: it is the database that the settings name.
    What was accepted after the backup is not in it, and has to be pushed again. What pg_dump
    wrote is put back by pg_restore.
    """
    settings = read_settings()
    if is_locked(settings):
        raise BadSettings(f"Copydesk runs on {settings.data_dir}; stop it first")
    if is_on_server(settings):
        with progress("rows", count_rows(source)) as advance:
            held = load_backup(source, settings, advance)
        where = "PostgreSQL"
    else:
        where = str(ledger_file(settings))
        with ledger_alone(settings):
            held = put_back(source, ledger_file(settings))
    click.echo(f"{where}: {describe(held)}")
    click.echo(_gone(held))
    click.echo(
        "next: `copydesk migrate`, start Copydesk, `copydesk reindex` (an index of before would keep what is "
        f"newer than the backup), and, where {PREFIX}REDIS_URL names a Redis of before, "
        "`copydesk fingerprints rebuild`"
    )


def describe(held: Held) -> str:
    """What a backup holds, in words."""
    upto = "" if held.newest is None else f", the newest accepted at {held.newest:%Y-%m-%d %H:%M:%S} UTC"
    return f"{count_of(held.submissions, 'submission')}{upto}; {held.size / GIB:.2f} GiB, checked"


def _gone(held: Held) -> str:
    when = "" if held.newest is None else f" after {held.newest:%Y-%m-%d %H:%M:%S} UTC"
    return (
        f"what was accepted, withdrawn or erased{when} is not in it, and has to be done again; keys revoked "
        "since are good again: see `copydesk keys list`"
    )
