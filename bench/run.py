"""`make bench`: reads the options, runs the bench in a folder of its own, shows and saves the figures."""

from __future__ import annotations

import json
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.measure import Bench, Options, tens
from bench.report import Results, show
from bench.system import BenchFailed

SEED = 20261124
QUICK = 1_000


@click.command()
@click.option("--articles", default=10_000, show_default=True, help="Articles pushed in bulk, end to end.")
@click.option("--quick", is_flag=True, help=f"{QUICK:,} articles.")
@click.option("--seed", default=SEED, show_default=True, help="Another seed gives other articles.")
@click.option("--html", default=0, show_default=True, help="Percent of them pushed as HTML pages.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Write all figures to this file.")
@click.option("--keep", type=click.Path(path_type=Path), help="A new folder to keep the data in.")
@click.option("--elasticsearch", default="", metavar="URL", help="Use this Elasticsearch as the index.")
def main(
    *, articles: int, quick: bool, seed: int, html: int, json_file: Path | None, keep: Path | None,
    elasticsearch: str,
) -> None:  # fmt: skip
    """Measure Copydesk on this machine: acceptance, the pipeline and its cost, freshness, search, memory.

    Starts a system of its own on free ports, and stops it again. Fails when what comes out is not what went
    in; a missed goal is shown, and is no failure.
    """
    for number in (signal.SIGINT, signal.SIGTERM):  # however it is ended, it stops its system first
        signal.signal(number, signal.default_int_handler)
    command = " ".join(["python -m bench.run", *sys.argv[1:]])
    options = Options(tens(QUICK if quick else articles), seed, html, elasticsearch, command)
    console = Console()
    try:
        with _folder(keep) as folder:
            results = _run(options, folder, console)
    except BenchFailed as error:
        raise click.ClickException(str(error)) from error
    show(results, console)
    if json_file is not None:
        text = json.dumps(results.to_json(), indent=2, ensure_ascii=False)
        json_file.write_text(text + "\n", "utf-8")


def _run(options: Options, folder: Path, console: Console) -> Results:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        return Bench(options, folder, progress).run()


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    """A new folder, removed afterwards unless its place was named."""
    if keep is not None:
        if keep.exists() and any(keep.iterdir()):
            raise BenchFailed(f"{keep} is not empty; name a new folder to keep the data in")
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.absolute()
        return
    made = Path(tempfile.mkdtemp(prefix="copydesk-bench-"))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


if __name__ == "__main__":
    main()
