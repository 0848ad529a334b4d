"""`copydesk migrate`: makes or upgrades what is stored; safe to run at every start."""

from __future__ import annotations

import click

from services.cli.ground import make_data_dir
from shared.index.open import open_index
from shared.ledger.open import migrate_ledger
from shared.settings import read_settings


@click.command()
def migrate() -> None:
    """Make or upgrade the ledger and the index."""
    settings = read_settings()
    make_data_dir(settings)
    migrate_ledger(settings)
    index = open_index(settings, writing=True)
    try:
        index.create()
    finally:
        index.close()
    click.echo("ledger and index are up to date")
