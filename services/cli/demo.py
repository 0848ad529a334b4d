"""`copydesk demo`: the samples go in, one search comes out; harmless when repeated."""

from __future__ import annotations

import time
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console

from services.cli.client import Desk, Json
from services.cli.delivery import Sent, deliver, follow
from services.cli.show import addresses, hits_table, progress_bar
from shared.errors import InvalidRequest
from shared.settings import Settings, read_settings

SAMPLES = Path(__file__).parents[2] / "samples"
PAGES = "pages.toml"  # says under which address or source each page goes in
QUERY = "harbour OR bitcoin"
VISIBLE_SECONDS = 10.0  # an indexed article is searchable within about one


@click.command()
@click.option(
    "--samples",
    "folder",
    default=SAMPLES,
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder in the manner of samples/.",
)
def demo(folder: Path) -> None:
    """Load the samples into a running system and show a search."""
    load_and_show(read_settings(), Console(soft_wrap=True), folder)


def load_and_show(settings: Settings, console: Console, folder: Path = SAMPLES) -> None:
    """Push every sample, wait for all, then print one search with its hits and the addresses."""
    with Desk(settings) as desk:
        sent = _load_all(desk, folder)
        refused = [f"{one.label}: {one.error}" for one in sent if one.id is None]
        if refused:
            raise InvalidRequest("samples", "; ".join(refused))
        with progress_bar(console) as bar:
            task = bar.add_task("samples", total=len({one.id for one in sent}))
            ended = follow(desk, sent, lambda: bar.advance(task))
        answer = search_until_found(desk, QUERY)
    console.print(_summary(len(sent), [status["status"] for status in ended.values()]))
    console.print(hits_table(answer))
    console.print(addresses(settings))


def _load_all(desk: Desk, folder: Path) -> list[Sent]:
    try:
        sent = list(load(desk, folder))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise InvalidRequest("samples", f"{folder} cannot be read ({error})") from error
    if not sent:
        raise InvalidRequest("samples", f"there are none in {folder}")
    return sent


def load(desk: Desk, folder: Path) -> Iterator[Sent]:
    """Push the samples in order of their names, pages under their own address or source."""
    listing = folder / PAGES
    pages = tomllib.loads(listing.read_text(encoding="utf-8")) if listing.exists() else {}
    for path in sorted(folder.iterdir()):
        if path.name in pages:
            yield from deliver(desk, path, pages[path.name].get("source"), pages[path.name].get("url"))
        elif path.suffix in (".json", ".ndjson"):
            yield from deliver(desk, path)


def _summary(samples: int, words: list[str]) -> str:
    """How many there were and what became of them; articles are fewer where one sample revises another."""
    revised = samples - len(words)
    those = f", {len(words)} articles ({revised} revised by a later sample)" if revised else ""
    ends = ", ".join(f"{words.count(word)} {word}" for word in sorted(set(words)))
    return f"{samples} samples{those}: {ends}"


def search_until_found(desk: Desk, query: str) -> Json:
    """Ask until there are hits, or until waiting has become pointless."""
    deadline = time.monotonic() + VISIBLE_SECONDS
    while True:
        answer = desk.search({"q": query, "highlight": "true", "size": "10"})
        if answer["hits"] or time.monotonic() > deadline:
            return answer
        time.sleep(0.2)
