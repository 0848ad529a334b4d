"""`copydesk prune`: removes at once what the sweeper would remove bit by bit, or what is named here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import click

from services.cli.moments import DAY_MS, show_ms
from services.cli.running import Wakes, opened_ledger
from services.cli.walk import PAGE, Advance, ask, progress, walk
from services.workers.retention import prune_rules
from shared.clock import now_ms
from shared.ledger.keeping import Page, PruneRule
from shared.ledger.port import Ledger
from shared.settings import Settings, read_settings

Days = click.FloatRange(0, min_open=True)
WHAT = {
    "originals": "originals of submissions",
    "ended": "submissions that are no article's present revision",
    "articles": "articles",
}


@click.command()
@click.option("--originals", type=Days, metavar="DAYS", help="Originals of what was accepted before.")
@click.option("--ended", type=Days, metavar="DAYS", help="Submissions that are no present revision.")
@click.option("--articles", type=Days, metavar="DAYS", help="Articles; they leave search, then the ledger.")
@click.option("--source", metavar="SOURCE", help="Of this source alone.")
@click.option("--dry-run", is_flag=True, help="Say what would be removed, and remove nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def prune(
    *, originals: float | None, ended: float | None, articles: float | None, source: str | None,
    dry_run: bool, yes: bool,
) -> None:  # fmt: skip
    """Remove what is older than it has to be kept.

    Without --originals, --ended or --articles it goes by the settings COPYDESK_KEEP_..., as the sweeper does.
    """
    settings = read_settings()
    now = now_ms()
    given = {"originals": originals, "ended": ended, "articles": articles}
    rules = list(
        given_rules(given, source, now) if any(given.values()) else kept_rules(settings, source, now)
    )
    for rule in rules:
        click.echo(describe(rule))
    if not rules:
        click.echo(
            "the settings keep everything; say --originals, --ended or --articles with a number of days"
        )
    if dry_run or not rules:
        return
    ask("Remove these, for good?", yes=yes)
    with opened_ledger(settings) as ledger, Wakes(settings) as wakes:
        for rule in rules:
            with progress(rule.what, None) as advance:
                changed = _apply(ledger, rule, now, advance)
            click.echo(f"{rule.what}: {changed}")
            if changed and rule.what == "articles":
                wakes.wake(("index", "replay"))
        _bury(ledger, now)


def given_rules(days: dict[str, float | None], source: str | None, now: int) -> Iterator[PruneRule]:
    """The rules of a command line."""
    if days["originals"]:
        yield PruneRule("originals", _before(days["originals"], now), source)
    if days["ended"]:
        yield PruneRule("ended", _before(days["ended"], now), source)
    if days["articles"]:
        yield PruneRule("articles", _before(days["articles"], now), source)


def kept_rules(settings: Settings, source: str | None, now: int) -> Iterator[PruneRule]:
    """The rules of the settings, all of them or what they say of one source."""
    for rule in prune_rules(settings, now):
        if rule.what == "refreshes":  # which nobody has to decide about; the sweeper sees to them
            continue
        if source is None:
            yield rule
        elif source not in rule.except_sources and rule.source in (None, source):
            yield replace(rule, source=source, except_sources=())


def _before(days: float, now: int) -> int:
    return now - int(days * DAY_MS)


def describe(rule: PruneRule) -> str:
    """A rule in words."""
    of = f" of {rule.source}" if rule.source else ""
    but = f", but of {', '.join(rule.except_sources)}" if rule.except_sources else ""
    return f"{WHAT[rule.what]}{of}{but}, accepted before {show_ms(rule.before)}"


def _apply(ledger: Ledger, rule: PruneRule, now: int, advance: Advance) -> int:
    def turn(after: int) -> Page:
        return ledger.prune(rule, after, PAGE, now)

    return walk(turn, advance)


def _bury(ledger: Ledger, now: int) -> None:
    """Let rows go whose tombstone was indexed a day ago."""
    buried = 0
    while done := ledger.bury(now, PAGE):
        buried += done
    if buried:
        click.echo(f"rows of articles that left search a day ago or more: {buried}")
