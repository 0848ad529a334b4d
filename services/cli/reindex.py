"""`copydesk reindex`: builds a new index beside the one in use from the ledger, and puts it in its place.

Everything goes on meanwhile: the index workers write to both, and this command only queues what the new one
lacks. ``rebuilding.py`` holds the work; here it is told.
"""

from __future__ import annotations

from contextlib import closing

import click

from services.cli.rebuilding import Differs, Rebuilding
from services.cli.running import Wakes, opened_ledger
from services.cli.walk import count_of
from shared.clock import now_ms
from shared.errors import CopydeskError
from shared.index.open import open_index
from shared.settings import read_settings


@click.command()
@click.option("--abandon", is_flag=True, help="Drop a new index that was begun, and do nothing else.")
@click.option(
    "--sample",
    type=click.IntRange(min=0),
    default=1_000,
    show_default=True,
    help="How many articles are compared word by word before the switch.",
)
def reindex(*, abandon: bool, sample: int) -> None:
    """Build a new index beside the old one from the ledger, and switch to it.

    Search, pushes and workers go on meanwhile. Stopped half-way, it is started again and goes on. When the
    new index does not agree with the ledger, the old one stays in use and the exit code is 1. The old index
    is kept for a day.
    """
    settings = read_settings()
    with closing(open_index(settings)) as index:
        if abandon:
            name = index.building()
            index.abandon_build()
            click.echo(f"{name} dropped" if name else "no index is being built")
            return
        with opened_ledger(settings) as ledger, Wakes(settings) as wakes:
            rebuilding = Rebuilding(ledger, index, wakes, settings)
            click.echo(f"{'going on with' if rebuilding.resumed else 'building'} {rebuilding.name}")
            try:
                seen = rebuilding.fill()
                compared = rebuilding.compare(sample)
            except Differs as error:
                raise CopydeskError(
                    f"{error}; the old index stays in use. `copydesk reindex` tries to mend "
                    f"{rebuilding.name}, `copydesk reindex --abandon` drops it"
                ) from error
            old = rebuilding.switch(now_ms())
    click.echo(f"{count_of(seen, 'article')} agree with the ledger, {compared} of them word by word")
    click.echo(f"switched from {old or 'nothing'} to {rebuilding.name}; the old one is kept for a day")
