"""`copydesk migrate`: makes or upgrades what is stored; safe to run at every start."""

from __future__ import annotations

import time
from contextlib import closing

import click

from services.cli.ground import make_data_dir
from shared.errors import Unavailable
from shared.index.open import open_index
from shared.ledger.open import migrate_ledger
from shared.ledger.users import hold_ledger
from shared.settings import Settings, read_settings

PAUSE_SECONDS = 2.0


@click.command()
@click.option(
    "--wait",
    type=click.FloatRange(min=0),
    default=0.0,
    help="Seconds for which a server that does not answer is tried again.",
)
def migrate(*, wait: float) -> None:
    """Make or upgrade the ledger and the index."""
    settings = read_settings()
    make_data_dir(settings)
    deadline = time.monotonic() + wait
    while True:
        try:
            _migrate(settings)
        except Unavailable as error:
            if time.monotonic() + PAUSE_SECONDS > deadline:
                raise
            click.echo(f"{error}; trying again", err=True)
            time.sleep(PAUSE_SECONDS)
        else:
            break
    click.echo("ledger and index are up to date")


def _migrate(settings: Settings) -> None:
    """What was done stays done, so it may be tried again."""
    with closing(hold_ledger(settings, "migrate")):
        migrate_ledger(settings)
    with closing(open_index(settings, writing=True)) as index:
        index.create()
