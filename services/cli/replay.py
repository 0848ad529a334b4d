"""`copydesk replay`: runs a part of the past again, beside the live news and behind it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import cast

import click

from services.cli.moments import moment, show_ms
from services.cli.running import Wakes, opened_ledger
from services.cli.vocabularies import Tagged, count_tagged, present_version
from services.cli.waiting import Waiting
from services.cli.walk import PAGE, ask, count_of, progress, walk
from shared.clock import now_ms
from shared.ledger.keeping import Page, ReplaySpec
from shared.ledger.port import Backlog, Ledger
from shared.messages import STAGES, Stage
from shared.settings import Settings, read_settings

MOST_WAITING = 20_000  # in the replay lane of the stage; so few that every claim and count stays quick
LOOK_SECONDS = 0.5


@click.command()
@click.option(
    "--from-stage",
    type=click.Choice(STAGES),
    required=True,
    help="Where they begin again; index only writes them to the index again.",
)
@click.option("--since", type=moment, help="Accepted since: RFC 3339, or an age such as 2h or 3d.")
@click.option("--until", type=moment, help="Accepted before this moment.")
@click.option("--source", help="Of this source alone.")
@click.option("--reset", is_flag=True, help="Decide copies and stories anew, from clean or dedupe.")
@click.option("--all", "everything", is_flag=True, help="From tag: also what the present rules tagged.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def replay(
    from_stage: str,
    since: int | None,
    until: int | None,
    source: str | None,
    *,
    reset: bool,
    everything: bool,
    yes: bool,
) -> None:
    """Run articles of the past through the stages again.

    Takes the newest revision of each article, and from clean also what was rejected; live news goes first.
    Verdicts and stories stand unless --reset is given. From tag it takes only what was tagged with other
    rules than the present ones, unless --all is given. Stopped half-way, it can be started again.
    """
    stage = cast("Stage", from_stage)
    if reset and stage not in ("clean", "dedupe"):
        raise click.UsageError("--reset decides anew at dedupe; it needs --from-stage clean or dedupe")
    if everything and stage != "tag":
        raise click.UsageError("--all goes with --from-stage tag; other stages take everything anyway")
    now = now_ms()
    spec = ReplaySpec(stage, since, now if until is None else min(until, now), source, reset)
    settings = read_settings()
    with opened_ledger(settings) as ledger, Wakes(settings) as wakes:
        if stage == "tag" and not everything:
            tagged = _tagged(settings, ledger, spec, whole=(since, until, source) == (None,) * 3)
            click.echo(str(tagged) if tagged.total else "nothing matches")
            if not tagged.stale:
                return
            spec = replace(spec, stale=present_version(settings))
        total = ledger.count_replay(spec)
        if not total:
            click.echo("nothing matches")
            return
        ask(f"Run {count_of(total, 'submission')} {_which(spec)} again from {stage}?", yes=yes)

        def turn(after: int) -> Page:
            wait_for_room(ledger, wakes, stage)
            page = ledger.replay(spec, after, PAGE, now)
            if page.changed:
                wakes.wake((stage, "replay"))
            return page

        with progress("replay", total) as advance:
            changed = walk(turn, advance)
    click.echo(f"{count_of(changed, 'submission')} put back to {stage}; follow with `copydesk status`")


def _tagged(settings: Settings, ledger: Ledger, spec: ReplaySpec, *, whole: bool) -> Tagged:
    """How many of those meant are stale; of the ``whole`` ledger that is known without looking at each."""
    if whole:
        return count_tagged(settings, ledger)
    stale = replace(spec, stale=present_version(settings))
    return Tagged(ledger.count_replay(spec), ledger.count_replay(stale))


def _which(spec: ReplaySpec) -> str:
    until = show_ms(spec.until) if spec.until is not None else "now"
    since = f"since {show_ms(spec.since)}, before" if spec.since is not None else "before"
    return f"{f'of {spec.source} ' if spec.source else ''}accepted {since} {until}"


def wait_for_room(ledger: Ledger, wakes: Wakes, stage: Stage, most: int | None = None) -> None:
    """Return once the replay lane of a stage has room for another page."""
    limit = (MOST_WAITING if most is None else most) - PAGE
    told, wait = False, Waiting(wakes)
    while (left := _count(lane := _in_lane(ledger, stage))) > limit:
        if not told:
            told = True
            click.echo(f"{left} wait in the replay lane of {stage}; going on as they are done", err=True)
        wait.look(lane)
        time.sleep(LOOK_SECONDS)


def _in_lane(ledger: Ledger, stage: Stage) -> list[Backlog]:
    return [entry for entry in ledger.backlog(now_ms()) if (entry.stage, entry.lane) == (stage, "replay")]


def _count(lane: list[Backlog]) -> int:
    return sum(entry.waiting + entry.held + entry.put_off for entry in lane)
