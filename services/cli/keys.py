"""`copydesk keys`: makes, lists and revokes the keys that callers need where COPYDESK_KEYS=on."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import click
from rich.table import Table
from rich.text import Text

from services.cli.ground import has_ledger
from services.cli.moments import DAY_MS, show_ms
from services.cli.show import plain, wide_console
from shared.clock import now_ms
from shared.errors import InvalidRequest, Unavailable
from shared.keys.keeper import KNOWN_SECONDS
from shared.keys.open import open_keys
from shared.keys.port import SCOPES, ApiKey, KeyStore
from shared.keys.secret import make_key
from shared.settings import Settings, read_settings

MAX_DAYS = 36_500
Days = click.FloatRange(0, MAX_DAYS, min_open=True)


@click.group()
def keys() -> None:
    """Make, list and revoke the keys that callers of the services need.

    They are asked for where COPYDESK_KEYS=on. To change one over: rotate it, hand the new one out, revoke the
    old one.
    """


@keys.command()
@click.argument("name")
@click.option(
    "--scope", "scopes", multiple=True, required=True, type=click.Choice(SCOPES),
    help="What it is good for; may be given several times. admin may do everything.",
)  # fmt: skip
@click.option("--days", type=Days, metavar="DAYS", help="It ends by itself after so many; else never.")
def create(name: str, scopes: tuple[str, ...], days: float | None) -> None:
    """Make a key and print it, this once: only a hash of it is kept."""
    text, key = make_key(name, scopes, now_ms(), days)
    with _opened(read_settings()) as store:
        store.add(key)
    _print_once(text, key)


@keys.command(name="list")
def list_keys() -> None:
    """List every key, ended ones too; the keys themselves are not kept anywhere."""
    with _opened(read_settings()) as store:
        found = store.all()
    if not found:
        click.echo("there are no keys; `copydesk keys create NAME --scope search` makes one")
        return
    wide_console().print(_table(found, now_ms()))


@keys.command()
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """End a key for good; services that know it let it in for a few seconds more."""
    with _opened(read_settings()) as store:
        done = store.revoke(key_id, now_ms())
    if done is None:
        raise _unknown(key_id)
    told = f"{key_id} ({plain(done.name)}) is revoked"
    click.echo(f"{told}; no service lets it in any more in {KNOWN_SECONDS:.0f} seconds")


@keys.command()
@click.argument("key_id", metavar="ID")
@click.option("--days", type=Days, metavar="DAYS", help="The new one ends after so many; else as the old.")
def rotate(key_id: str, days: float | None) -> None:
    """Make a new key of the same name and scopes; revoke the old one once its holder has changed over."""
    with _opened(read_settings()) as store:
        old = next((key for key in store.all() if key.id == key_id), None)
        if old is None:
            raise _unknown(key_id)
        text, key = make_key(old.name, old.scopes, now_ms(), days or _days_of(old))
        store.add(key)
    _print_once(text, key)
    click.echo(f"the old one goes on until `copydesk keys revoke {key_id}`", err=True)


@contextmanager
def _opened(settings: Settings) -> Iterator[KeyStore]:
    if not has_ledger(settings):
        raise Unavailable(f"there is no ledger in {settings.data_dir} yet; `copydesk migrate` makes it")
    store = open_keys(settings)
    try:
        yield store
    finally:
        store.close()


def _print_once(text: str, key: ApiKey) -> None:
    """The key alone on stdout, for a file or a variable; all that people read on stderr."""
    until = "until it is revoked" if key.expires_at is None else f"until {show_ms(key.expires_at)}"
    told = f"key {key.id} for {', '.join(key.scopes)}, good {until}; it is shown this once, so keep it now:"
    click.echo(told, err=True)
    click.echo(text)
    sys.stdout.flush()


def _days_of(key: ApiKey) -> float | None:
    return None if key.expires_at is None else (key.expires_at - key.created_at) / DAY_MS


def _unknown(key_id: str) -> InvalidRequest:
    return InvalidRequest("id", f"no key has the id {plain(key_id)!r}; `copydesk keys list` shows them")


def _table(found: Sequence[ApiKey], now: int) -> Table:
    table = Table("id", "name", "scopes", "state", "made", "ends", "last used")
    for key in found:
        times = (key.created_at, key.expires_at, key.last_used_at)
        shown = [show_ms(at) if at is not None else "–" for at in times]
        table.add_row(key.id, Text(plain(key.name)), ", ".join(key.scopes), _state(key, now), *shown)
    return table


def _state(key: ApiKey, now: int) -> str:
    if key.revoked_at is not None:
        return f"revoked {show_ms(key.revoked_at)}"
    return "live" if key.is_live(now) else "expired"
