"""The list of towns: what is in it, and how it was made from the data of GeoNames."""

from __future__ import annotations

from services.workers.stages.tag.entities import find_entities
from services.workers.stages.tag.gazetteer import gazetteer
from services.workers.stages.tag.make_places import largest_of_each_name
from services.workers.stages.tag.places import FILE, shipped_places


def _city(name: str, population: int) -> dict[str, object]:
    return {"name": name, "population": population}


def test_the_largest_town_of_a_name_counts() -> None:
    cities = [_city("Springford", 20_000), _city("Springford", 90_000), _city("Springford", 30_000)]
    assert largest_of_each_name(cities) == {"Springford": 90_000}


def test_small_towns_and_parts_of_towns_are_left_out() -> None:
    cities = [_city("Hamlet", 14_999), _city("Zürich (Kreis 11)", 80_000), _city("la Nucia", 20_000)]
    assert largest_of_each_name(cities) == {}


def test_a_name_is_known_with_and_without_its_accents() -> None:
    assert largest_of_each_name([_city("Mérida", 80_000)]) == {"Mérida": 80_000, "Merida": 80_000}


def test_the_shipped_list_is_large_and_says_where_it_is_from() -> None:
    assert len(shipped_places()) > 30_000
    assert shipped_places()["Wuppertal"] > 300
    head = FILE.read_text(encoding="utf-8")[:300]
    assert "GeoNames" in head
    assert "CC BY 4.0" in head


def test_every_town_that_is_no_place_alone_is_a_town() -> None:
    assert gazetteer().not_places <= shipped_places().keys()


def test_a_town_that_is_a_surname_or_a_word_needs_a_sign() -> None:
    known = gazetteer()
    words = sorted(known.not_places - known.first_names - known.names.keys() - known.demonyms)
    assert len(words) > 50
    taken = [
        word
        for word in words
        if any(each.type == "place" for each in find_entities("", f"The men saw {word} there, and left."))
    ]
    assert taken == []
    assert [each.type for each in find_entities("", "The men met in Mobile, and left.")] == ["place"]
    assert [each.type for each in find_entities("", "The men saw Wuppertal there, and left.")] == ["place"]
