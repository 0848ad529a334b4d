"""The ledger of a service for as long as it serves: opened, held, and its tables looked at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shared.ledger.open import open_ledger
from shared.ledger.port import Ledger
from shared.ledger.tables import Tables
from shared.ledger.users import hold_ledger
from shared.settings import Settings


@dataclass(frozen=True, slots=True)
class ServedLedger:
    """A ledger, and a check of its tables that raises ``Unavailable``."""

    ledger: Ledger
    check_tables: Callable[[], None]


def serve_ledger(settings: Settings, name: str, given: Ledger | None) -> ServedLedger:
    """The ledger of the service of that name: the one that is given as it is, else the settings'.

    Raises ``Unavailable`` while a backup is put in its place.
    """
    if given is not None:
        return ServedLedger(given, lambda: None)
    hold_ledger(settings, name)
    return ServedLedger(open_ledger(settings), Tables(settings).check)
