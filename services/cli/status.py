"""`copydesk status`: how the services and the backlog stand, or where one article is and has been."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime

import click
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from services.cli.client import Desk, Json
from services.cli.moments import show_age
from services.cli.running import opened_ledger
from services.cli.show import journey_table, plain
from services.cli.vocabularies import RETAG, count_tagged
from services.cli.walk import count_of
from shared.clock import now_ms
from shared.errors import BadSettings, InvalidRequest
from shared.ledger.keeping import QuarantineFilter
from shared.ledger.port import Backlog, Ledger
from shared.settings import Settings, read_settings

ENDS = ("indexed", "unchanged", "superseded", "rejected", "quarantined", "withdrawn")


@click.command()
@click.argument("article_id", metavar="[ID]", default="")
def status(article_id: str) -> None:
    """Show the services and the backlog, or one article's journey.

    Without an ID it exits with 1 when a service does not answer or is not ready.
    """
    settings = read_settings()
    console = Console()
    with opened_ledger(settings) as ledger:
        if article_id:
            _show_article(ledger, article_id, console)
        else:
            sys.exit(_show_system(settings, ledger, console))


def _show_system(settings: Settings, ledger: Ledger, console: Console) -> int:
    with Desk(settings) as desk:
        answers = dict(desk.readiness())
    console.print(_services_table(answers))
    console.print(_backlog_table(ledger.backlog(now_ms())))
    totals = ledger.tallies()
    console.print(_totals_table(totals))
    quarantined = ledger.count_quarantined(QuarantineFilter())
    for line in (*_hints(totals, ledger.rejections(), quarantined), *_stale(settings, ledger)):
        console.print(Text(line), soft_wrap=True)
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
    columns = ("stage", "lane", "waiting", "in work", "put off", "oldest wait", "oldest accepted")
    table = Table(*columns, title="Backlog", title_justify="left")
    now = datetime.now(UTC)
    for entry in backlog:
        wait = "" if entry.oldest_since is None else show_age((now - entry.oldest_since).total_seconds())
        age = f"{show_age((now - entry.oldest_accepted).total_seconds())} ago"
        counts = (str(count) for count in (entry.waiting, entry.held, entry.put_off))
        table.add_row(entry.stage, entry.lane, *counts, wait, age)
    return table


def _totals_table(totals: dict[str, int]) -> RenderableType:
    table = Table("since the beginning", "submissions", title="Totals", title_justify="left")
    for word in ("accepted", *ENDS):
        table.add_row(word, str(totals.get(word, 0)))
    if totals.get("pruned"):
        table.add_row("pruned since", str(totals["pruned"]))
    return table


def _hints(totals: dict[str, int], rejections: dict[str, int], quarantined: int) -> Iterator[str]:
    if told := reasons_told(rejections):
        yield f"rejected {sum(rejections.values())}: {told}"
    yield f"stages woken by the sweeper, since the beginning: {totals.get('woken', 0)}"
    if quarantined:
        yield f"{count_of(quarantined, 'submission')} in quarantine; see `copydesk quarantine list`"


def reasons_told(rejections: dict[str, int]) -> str:
    """How many were rejected for each reason, the most frequent first."""
    often = sorted(rejections.items(), key=lambda each: (-each[1], each[0]))
    return ", ".join(f"{count} {reason}" for reason, count in often if count)


def _stale(settings: Settings, ledger: Ledger) -> Iterator[str]:
    try:
        tagged = count_tagged(settings, ledger)
    except BadSettings as error:  # the workers do not start with it either; all else can still be told
        yield f"vocabulary: {error}"
        return
    if tagged.stale:
        yield f"{tagged}; {RETAG}"


def _show_article(ledger: Ledger, article_id: str, console: Console) -> None:
    found = ledger.status(article_id)
    if found is None:
        raise InvalidRequest("id", f"no article has the id {article_id!r}")
    article = ledger.article(article_id)
    heading = f"{found.status}, revision {found.revision}" + (f": {found.reason}" if found.reason else "")
    console.print(Text(f"{article_id}  {heading}", style="bold"))
    if article:
        console.print(Text(plain(f"{article.title} ({article.source.id}, {article.language})")))
        if article.withdrawn:
            console.print("withdrawn: nobody finds it any more")
    console.print(journey_table(ledger.journey(article_id)))
