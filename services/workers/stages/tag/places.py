"""The towns of ``places.txt`` with their populations; which of them a text means is decided in ``entities``.

The list was made from GeoNames (geonames.org, CC BY 4.0) by ``make_places``.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("places.txt")


@cache
def shipped_places() -> Mapping[str, int]:
    """Name -> inhabitants, in thousands; read once per process, and shared by those forked from it."""
    towns: dict[str, int] = {}
    for line in FILE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            name, _, thousands = line.rpartition("\t")
            towns[name] = int(thousands)
    return towns
