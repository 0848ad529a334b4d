"""`copydesk ingest`: files in, one line per article out."""

from __future__ import annotations

import sys
from pathlib import Path

import click
from rich.console import Console

from services.cli.client import Desk, Json
from services.cli.delivery import Sent, deliver, follow
from services.cli.show import progress_bar
from shared.errors import InvalidRequest
from shared.settings import read_settings

BAD_ENDS = ("rejected", "quarantined")


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@click.option(
    "--source", help="Where the files came from, such as example.org; fills in what items leave out."
)
@click.option("--url", help="The address of a page; for a single HTML or text file.")
@click.option("--wait/--no-wait", default=True, help="Follow each article to the end of its way (default).")
def ingest(files: tuple[Path, ...], source: str | None, url: str | None, *, wait: bool) -> None:
    """Push files into a running system.

    .html and .txt are pages; .json holds one article or an array in the push format; .ndjson one on each
    line. Prints one line per item: its id, where its way ended, and why. Exits with 1 when an item was
    refused, rejected or quarantined.
    """
    if url and len(files) > 1:
        raise click.UsageError("--url is the address of one page; give one file with it")
    with Desk(read_settings()) as desk:
        sent = [one for path in files for one in _deliver(desk, path, source, url)]
        ended = _follow(desk, sent) if wait else {}
    bad = [_print_line(one, ended) for one in sent].count(False)
    sys.exit(1 if bad else 0)


def _deliver(desk: Desk, path: Path, source: str | None, url: str | None) -> list[Sent]:
    try:
        return list(deliver(desk, path, source, url))
    except InvalidRequest as error:
        return [Sent(path.name, None, str(error))]


def _follow(desk: Desk, sent: list[Sent]) -> dict[str, Json]:
    with progress_bar(Console(stderr=True)) as bar:
        task = bar.add_task("articles", total=len({one.id for one in sent if one.id}))
        return follow(desk, sent, lambda: bar.advance(task))


def _print_line(one: Sent, ended: dict[str, Json]) -> bool:
    """Print what became of an item; returns whether that is good."""
    if one.id is None:
        click.echo(f"{'-':32}  refused      {one.label}  {one.error}")
        return False
    status = ended.get(one.id, {})
    word = status.get("status", "accepted")
    reason = f"  {status['reason']}" if status.get("reason") else ""
    click.echo(f"{one.id}  {word:11}  {one.label}{reason}")
    return word not in BAD_ENDS
