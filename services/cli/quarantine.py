"""`copydesk quarantine`: what was put aside and why, back to the start when it is mended, or out."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli.moments import moment
from services.cli.running import Wakes, opened_ledger, places
from services.cli.show import journey_table, plain, wide_console
from services.cli.walk import PAGE, ask, count_of, progress, walk
from shared.clock import now_ms
from shared.codec import to_plain
from shared.errors import InvalidRequest
from shared.ledger.keeping import Page, Quarantined, QuarantineFilter
from shared.ledger.port import Ledger
from shared.messages import STAGES
from shared.push import push_item
from shared.settings import read_settings

ROWS = 100  # of the table, unless asked for more
NO_ORIGINAL = "there is no original: it was pruned, cannot be read, or this is the ledger's own re-indexing"
# What JSON leaves as it is, and a terminal obeys.
CONTROLS = re.compile("[\x7f-\x9f]")

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Chosen:
    """The conditions of a command line."""

    reason: str | None = None
    stage: str | None = None
    source: str | None = None
    since: int | None = None
    until: int | None = None

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Chosen:
        """What options say; an empty text, as of a variable that was not set, is no condition."""
        return cls(**{name: None if value == "" else value for name, value in given.items()})

    def filter(self, submissions: Sequence[str] = ()) -> QuarantineFilter:
        """The conditions as the ledger takes them."""
        return QuarantineFilter(
            tuple(submissions), self.reason, _stage(self.stage), self.source, self.since, self.until
        )

    def __bool__(self) -> bool:
        """Whether there is a condition at all."""
        return self != Chosen()


def _stage(name: str | None) -> Any:  # noqa: ANN401 - click has checked that it is a Stage
    return name


def _conditions(command: Command) -> Command:
    """Add the options that say which submissions are meant."""
    for option in (
        click.option("--until", type=moment, help="Quarantined before this moment."),
        click.option("--since", type=moment, help="Quarantined since: RFC 3339, or an age such as 2h or 3d."),
        click.option("--source", help="Of this source."),
        click.option("--stage", type=click.Choice(STAGES), help="Failed at this stage."),
        click.option("--reason", help="With these words in the reason."),
    ):
        command = option(command)
    return command


@click.group()
def quarantine() -> None:
    """List, show, replay or drop what was quarantined."""


@quarantine.command(name="list")
@_conditions
@click.option("--limit", type=click.IntRange(1), default=ROWS, show_default=True, help="Rows of the table.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object on each line, and all of them.")
def list_(*, limit: int, as_json: bool, **given: Any) -> None:  # noqa: ANN401 - the conditions
    """List the quarantine, oldest acceptance first."""
    which = Chosen.of(given).filter()
    with opened_ledger(read_settings()) as ledger:
        if as_json:
            for one in _all(ledger, which):
                click.echo(dump(_summary(one)))
            return
        total = ledger.count_quarantined(which)
        shown = ledger.quarantined(which, 0, limit) if total else []
    if not shown:
        click.echo("nothing is quarantined" + (" that matches" if Chosen.of(given) else ""))
        return
    wide_console().print(_table(shown))
    if total > len(shown):
        click.echo(f"{len(shown)} of {total}; --limit shows more, --json all")


def _all(ledger: Ledger, which: QuarantineFilter) -> Iterator[Quarantined]:
    after = 0
    while page := ledger.quarantined(which, after, PAGE):
        yield from page
        after = page[-1].sequence


def _summary(one: Quarantined) -> dict[str, Any]:
    names = ("submission", "source", "stage", "reason", "attempts", "accepted_at", "quarantined_at")
    values = to_plain({name: getattr(one, name) for name in names})
    return {"submission": one.submission, "id": one.article_id, **values}


def _table(found: Sequence[Quarantined]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("submission", "article", "source", "stage", "attempts", "when (UTC)"):
        table.add_column(name, no_wrap=True, justify="right" if name == "attempts" else "left")
    table.add_column("reason", overflow="fold")
    for one in found:
        table.add_row(
            one.submission, one.article_id, Text(plain(one.source)), one.stage, str(one.attempts),
            f"{one.quarantined_at:%Y-%m-%d %H:%M:%S}", Text(plain(one.reason)),
        )  # fmt: skip
    return table


@quarantine.command()
@click.argument("submission")
@click.option("--original", is_flag=True, help="Print only the original, as JSON that can be pushed again.")
def show(submission: str, *, original: bool) -> None:
    """Show one submission: why, how often, its traceback, journey and original."""
    with opened_ledger(read_settings()) as ledger:
        one = ledger.quarantined_one(submission)
        if one is None:
            raise InvalidRequest("submission", f"{submission!r} is not in quarantine")
        steps = [step for step in ledger.journey(one.article_id) if step.submission == submission]
    pushed = None if one.original is None else dump(push_item(one.original), indent=2)
    if original:
        if pushed is None:
            raise InvalidRequest("submission", NO_ORIGINAL)
        click.echo(pushed)
        return
    console = Console()
    console.print(Text(f"{one.submission}  quarantined at {one.stage}: {plain(one.reason)}", style="bold"))
    for name, value in _facts(one):
        click.echo(f"{name:12} {plain(value)}")
    click.echo(f"\n{plain(one.traceback).rstrip() if one.traceback else 'no traceback was left'}\n")
    console.print(journey_table(steps))
    click.echo("original, as it can be pushed again:" if pushed else NO_ORIGINAL)
    if pushed:
        click.echo(pushed)


def _facts(one: Quarantined) -> tuple[tuple[str, str], ...]:
    return (
        ("article", one.article_id),
        ("source", one.source),
        ("attempts", str(one.attempts)),
        ("accepted", f"{one.accepted_at:%Y-%m-%d %H:%M:%S} UTC"),
        ("quarantined", f"{one.quarantined_at:%Y-%m-%d %H:%M:%S} UTC"),
    )


def dump(value: object, indent: int | None = None) -> str:
    """JSON for people, with nothing in it that a terminal would obey."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


@quarantine.command()
@click.argument("submissions", nargs=-1, metavar="[SUBMISSION]...")
@_conditions
@click.option("--all", "everything", is_flag=True, help="Everything that is quarantined now.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def replay(submissions: tuple[str, ...], *, everything: bool, yes: bool, **given: Any) -> None:  # noqa: ANN401
    """Send submissions back to the start, with fresh attempts.

    Name them, or give conditions, or --all. What is quarantined again meanwhile stays there.
    """
    now = now_ms()
    chosen = _choose(submissions, Chosen.of(given), now, everything=everything)
    settings = read_settings()
    with opened_ledger(settings) as ledger, Wakes(settings) as wakes:

        def turn(which: QuarantineFilter, after: int) -> Page:
            page = ledger.replay_quarantined(which, after, PAGE, now)
            if page.changed:
                wakes.wake(*places(("clean", "index")))
            return page

        total, changed = _change(ledger, chosen, turn, "Replay", yes=yes)
    if changed:
        click.echo(f"{count_of(changed, 'submission')} sent back to the start; follow with `copydesk status`")
    if changed < total:
        click.echo(f"{total - changed} not: there is no original any more, or somebody else was quicker")


@quarantine.command()
@click.argument("submissions", nargs=-1, metavar="[SUBMISSION]...")
@_conditions
@click.option("--all", "everything", is_flag=True, help="Everything that is quarantined now.")
@click.option("--because", required=True, help="Why; it is kept as the reason.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def drop(
    submissions: tuple[str, ...], *, everything: bool, because: str, yes: bool, **given: Any  # noqa: ANN401
) -> None:  # fmt: skip
    """End submissions as rejected; they leave the quarantine for good.

    Name them, or give conditions, or --all. Originals stay until they are pruned.
    """
    if not because.strip():
        raise click.UsageError("--because needs a reason")
    now = now_ms()
    chosen = _choose(submissions, Chosen.of(given), now, everything=everything)
    with opened_ledger(read_settings()) as ledger:

        def turn(which: QuarantineFilter, after: int) -> Page:
            return ledger.drop_quarantined(which, after, PAGE, now, because.strip())

        _, changed = _change(ledger, chosen, turn, "Drop", yes=yes)
    if changed:
        click.echo(f"{count_of(changed, 'submission')} dropped")


def _choose(
    submissions: Sequence[str], conditions: Chosen, now: int, *, everything: bool
) -> list[QuarantineFilter]:
    """Which submissions are meant, in parts that the ledger can take; bounded by the moment of asking."""
    if bool(submissions) + bool(conditions) + everything != 1:
        raise click.UsageError("name submissions, or give conditions, or --all; exactly one of the three")
    if submissions:
        named = list(dict.fromkeys(submissions))
        return [QuarantineFilter(tuple(named[start : start + PAGE])) for start in range(0, len(named), PAGE)]
    until = now + 1 if conditions.until is None else min(conditions.until, now + 1)
    return [replace(conditions, until=until).filter()]


def _change(
    ledger: Ledger,
    chosen: Sequence[QuarantineFilter],
    turn: Callable[[QuarantineFilter, int], Page],
    verb: str,
    *,
    yes: bool,
) -> tuple[int, int]:
    """Count, ask, and go through every part; returns how many there were, and how many were changed."""
    for which in chosen:
        _refuse_unknown(ledger, which)
    total = sum(ledger.count_quarantined(which) for which in chosen)
    if not total:
        click.echo("nothing is quarantined that matches")
        return 0, 0
    ask(f"{verb} {count_of(total, 'quarantined submission')}?", yes=yes)
    with progress(verb.lower(), total) as advance:
        return total, sum(walk(partial(turn, which), advance) for which in chosen)


def _refuse_unknown(ledger: Ledger, which: QuarantineFilter) -> None:
    if not which.submissions:
        return
    known = {one.submission for one in ledger.quarantined(which, 0, len(which.submissions))}
    unknown = [name for name in which.submissions if name not in known]
    if unknown:
        more = f" and {len(unknown) - 1} more" if len(unknown) > 1 else ""
        raise InvalidRequest("submission", f"{unknown[0]!r}{more} not in quarantine, so nothing was changed")
