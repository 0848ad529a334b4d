"""`copydesk up`: the whole system on one machine, watched, until Ctrl-C."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable

import click
from rich.console import Console

from services.cli.broker import broker_name, pings
from services.cli.ground import check_ports, lock_data_dir
from services.cli.show import LineWriter, Terminal, addresses
from services.cli.supervisor import Patience, Supervisor
from services.cli.system import current_environment, needs_broker, plan, terminal_log, with_broker
from services.cli.warden import Warden
from shared.errors import CopydeskError
from shared.settings import Settings, read_settings


@click.command()
@click.option("--samples/--no-samples", default=False, help="Load the samples and show a search when ready.")
def up(*, samples: bool) -> None:
    """Start everything on this machine and keep it running.

    Starts a Valkey or Redis server (unless COPYDESK_BROKER_URL names one), ingest, search, the workers, the
    sweeper and Flower; restarts what crashes or falls silent. Ctrl-C stops all; a second one at once.
    """
    sys.exit(run(read_settings(), samples=samples))


def run(settings: Settings, *, samples: bool) -> int:
    """Check the ground, then supervise until the end; returns the exit code."""
    console = Terminal(soft_wrap=True, highlight=False)
    settings = terminal_log(settings, on_terminal=console.is_terminal)
    lock = lock_data_dir(settings)
    try:
        _check_rules(settings)
        check_ports(settings)
        own_broker = needs_broker(settings)
        if own_broker:
            settings = with_broker(settings)
            from services.cli.running import note_broker  # it knows the queue, whose client loads slowly

            note_broker(settings)
        return _supervise(settings, console, lock, own_broker=own_broker, samples=samples)
    finally:
        os.close(lock)


def _check_rules(settings: Settings) -> None:
    """Read rules of a newsroom's own, so that a mistake ends the start and not worker after worker."""
    own = (settings.vocabulary_dir, settings.topic_model, settings.entity_model)
    if any(own):
        from services.workers.stages.tag import tagger_of  # it loads slowly, and only here

        tagger_of(*own)


def _supervise(settings: Settings, console: Console, lock: int, *, own_broker: bool, samples: bool) -> int:
    writer = LineWriter(console)

    def say(text: str) -> None:
        writer("copydesk", text)

    try:
        patience = Patience(grace=settings.grace_seconds)
        supervisor = Supervisor(say, writer, patience, Warden(keep_open=(lock,)))
        supervisor.install_signals()
        waves = plan(settings, own_broker=own_broker, environ=current_environment())
        say(
            f"starting {', '.join(spec.name for wave in waves for spec in wave)}; data in {settings.data_dir}"
        )
        _tell_who_is_away(settings, say, own_broker=own_broker)
        return supervisor.run(waves, _when_ready(settings, console, say, samples=samples))
    finally:
        writer.close()


def _tell_who_is_away(settings: Settings, say: Callable[[str], None], *, own_broker: bool) -> None:
    given = {settings.broker_url, settings.redis_url} - {settings.redis_url if own_broker else ""}
    for url in sorted(given):
        if not pings(url):
            name = broker_name(url)
            say(
                f"the given {name} does not answer yet; articles are accepted meanwhile, and the workers wait"
            )


def _when_ready(
    settings: Settings, console: Console, say: Callable[[str], None], *, samples: bool
) -> Callable[[], None]:
    def greet() -> None:
        say("everything is up; Ctrl-C stops it")
        if samples:
            # Beside the supervisor's loop, which goes on watching meanwhile.
            threading.Thread(target=show_samples, daemon=True, name="demo").start()
        else:
            console.print(addresses(settings))

    def show_samples() -> None:
        from services.cli.demo import load_and_show

        try:
            load_and_show(settings, console)
        except CopydeskError as error:
            say(f"the samples could not be shown: {error}")

    return greet
