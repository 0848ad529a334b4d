"""`copydesk withdraw`: takes an article out of search for good, and on request erases it."""

from __future__ import annotations

import click

from services.cli.running import Wakes, opened_ledger
from services.cli.show import plain
from services.cli.walk import ask, count_of
from shared.clock import now_ms
from shared.errors import InvalidRequest
from shared.ledger.port import Ledger
from shared.settings import read_settings


@click.command()
@click.argument("article_id", metavar="ID")
@click.option("--purge", is_flag=True, help="Also erase its texts, revisions and fingerprints for good.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def withdraw(article_id: str, *, purge: bool, yes: bool) -> None:
    """Take an article out of search for good, and refuse its item.

    There is no way back: a push of the same item is answered with 409.
    """
    settings = read_settings()
    with opened_ledger(settings) as ledger, Wakes(settings) as wakes:
        name = _describe(ledger, article_id)
        ask(f"Withdraw {name}{' and erase it' if purge else ''}, for good?", yes=yes)
        done = ledger.withdraw(article_id, now_ms(), purge=purge)
        if done is None:
            raise _unknown(article_id)
        wakes.wake(*done.wake)
    click.echo(f"{article_id} is withdrawn, with {count_of(done.submissions, 'submission')}")
    if purge:
        click.echo(
            "its text is erased here; copies of the ledger that were made before still hold it, and so do "
            "the index's files, where nobody finds it, until `copydesk reindex`, and a day more"
        )


def _describe(ledger: Ledger, article_id: str) -> str:
    article = ledger.article(article_id)
    if article is not None and article.title:
        return f"{plain(article.title)!r} of {plain(article.source.id)}"
    if article is None and ledger.status(article_id) is None:
        raise _unknown(article_id)
    return article_id


def _unknown(article_id: str) -> InvalidRequest:
    return InvalidRequest("id", f"no article has the id {article_id!r}")
