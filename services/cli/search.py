"""`copydesk search`: a search as a table, or as the API's JSON."""

from __future__ import annotations

import json

import click
from rich.console import Console

from services.cli.client import Desk
from services.cli.show import hits_table
from shared.settings import read_settings


@click.command()
@click.argument("query", default="")
@click.option("--source", help="Sources, with commas between them.")
@click.option("--language", help="Languages, with commas between them, such as en,de.")
@click.option("--topic", help="Topics, with commas between them, such as medtop:04000000.")
@click.option("--from", "start", help="The earliest day or moment of publication.")
@click.option("--to", "end", help="The latest day or moment of publication.")
@click.option("--sort", type=click.Choice(("relevance", "newest", "oldest")), help="The order of the hits.")
@click.option("--duplicates", type=click.Choice(("fold", "keep", "only")), help="What to do with copies.")
@click.option("--stories", type=click.Choice(("keep", "fold")), help="Whether each story is one hit.")
@click.option("--story", help="Stories by their story_id, with commas between them.")
@click.option("--size", type=click.IntRange(0, 100), default=10, show_default=True, help="How many hits.")
@click.option("--json", "as_json", is_flag=True, help="Print the API's answer.")
def search(query: str, *, as_json: bool, size: int, **chosen: str | None) -> None:
    """Search, and print the hits as a table.

    QUERY may hold words, "phrases", AND OR NOT, brackets and field:value; without it, everything is found.
    """
    names = {"start": "from", "end": "to"}
    parameters = {names.get(name, name): value for name, value in chosen.items() if value}
    parameters |= {"size": str(size), "highlight": "true"} | ({"q": query} if query else {})
    with Desk(read_settings()) as desk:
        answer = desk.search(parameters)
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        Console().print(hits_table(answer))
