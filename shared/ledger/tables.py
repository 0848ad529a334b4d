"""Whether the ledger's tables are those of this release, as `copydesk migrate` leaves them."""

from __future__ import annotations

from contextlib import closing
from typing import Final

import sqlalchemy as sa

from shared.errors import Unavailable
from shared.ledger.backup import known_versions
from shared.ledger.engine import Database
from shared.settings import Settings

_VERSION: Final[sa.Select[tuple[str]]] = sa.select(sa.column("version_num")).select_from(
    sa.table("alembic_version")
)


class Tables:
    """Looks at the version of the tables until it is the right one; in use they are never made older."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.ledger_url
        self._good = False

    def check(self) -> None:
        """Return when the tables are of this release, or a newer one; raises ``Unavailable`` with advice."""
        if self._good:
            return
        found, newest = self.version(), max(known_versions())
        if found < newest:
            words = f"ledger: its tables are of an older release ({found}, and not {newest})"
            raise Unavailable(f"{words}: stop, run `copydesk migrate`, start")
        self._good = True

    def version(self) -> str:
        """The version of the tables, such as ``0006``; raises ``Unavailable``."""
        with closing(Database(self._url)) as database, database.read() as connection:
            return str(connection.scalar(_VERSION) or "0000")
