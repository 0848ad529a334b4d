"""`copydesk status`: how the services and the backlog stand, or where one article is and has been."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from services.cli.client import Desk, Json
from services.cli.ground import has_ledger
from services.cli.show import plain
from shared.clock import now_ms
from shared.errors import InvalidRequest, Unavailable
from shared.ledger.open import open_ledger
from shared.ledger.port import Backlog, JourneyStep, Ledger
from shared.settings import Settings, read_settings


@click.command()
@click.argument("article_id", metavar="[ID]", default="")
def status(article_id: str) -> None:
    """Show the services and the backlog, or one article's journey.

    Without an ID it exits with 1 when a service does not answer or is not ready.
    """
    settings = read_settings()
    if not has_ledger(settings):
        raise Unavailable(f"there is no ledger in {settings.data_dir} yet; `copydesk up` makes it")
    console = Console()
    if not article_id:
        sys.exit(_show_system(settings, console))
    ledger = open_ledger(settings)
    try:
        _show_article(ledger, article_id, console)
    finally:
        ledger.close()


def _show_system(settings: Settings, console: Console) -> int:
    with Desk(settings) as desk:
        answers = dict(desk.readiness())
    console.print(_services_table(answers))
    ledger = open_ledger(settings)
    try:
        console.print(_backlog_table(ledger.backlog(now_ms())))
        console.print(_counts_table(ledger.counts()))
    finally:
        ledger.close()
    return 0 if all(answer and _is_ready(answer) for answer in answers.values()) else 1


def _is_ready(answer: Json) -> bool:
    return answer.get("status") in ("ready", "degraded")


def _services_table(answers: dict[str, Json | None]) -> RenderableType:
    table = Table("service", "ready", "on what it stands", title="Services", title_justify="left")
    for name, answer in answers.items():
        if answer is None:
            table.add_row(name, "no answer", "")
        else:
            checks = answer.get("checks") or {}
            told = ", ".join(f"{check}: {_word(result)}" for check, result in checks.items())
            table.add_row(name, str(answer.get("status", "")), told)
    return table


def _word(result: object) -> str:
    if isinstance(result, dict):
        return str(result.get("error") or result.get("status"))
    return str(result)


def _backlog_table(backlog: list[Backlog]) -> RenderableType:
    columns = ("stage", "lane", "waiting", "in work", "put off", "oldest accepted")
    table = Table(*columns, title="Backlog", title_justify="left")
    now = datetime.now(UTC)
    for entry in backlog:
        age = f"{(now - entry.oldest_accepted).total_seconds():.0f} s ago"
        table.add_row(entry.stage, entry.lane, str(entry.waiting), str(entry.held), str(entry.put_off), age)
    return table


def _counts_table(counts: dict[str, int]) -> RenderableType:
    table = Table("status", "submissions", title="Submissions", title_justify="left")
    for word, count in counts.items():
        table.add_row(word, str(count))
    return table


def _show_article(ledger: Ledger, article_id: str, console: Console) -> None:
    found = ledger.status(article_id)
    if found is None:
        raise InvalidRequest("id", f"no article has the id {article_id!r}")
    article = ledger.article(article_id)
    heading = f"{found.status}, revision {found.revision}" + (f": {found.reason}" if found.reason else "")
    console.print(Text(f"{article_id}  {heading}", style="bold"))
    if article:
        console.print(Text(plain(f"{article.title} ({article.source.id}, {article.language})")))
    console.print(_journey_table(ledger.journey(article_id)))


def _journey_table(steps: list[JourneyStep]) -> RenderableType:
    table = Table("at", "stage", "result", "worker", "attempt", "detail")
    for step in steps:
        row = (f"{step.at:%Y-%m-%d %H:%M:%S}", step.stage, step.word, step.worker, str(step.attempt))
        table.add_row(*row, Text(plain(step.detail or "")))
    return table
