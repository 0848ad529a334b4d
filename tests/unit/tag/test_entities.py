"""Persons, organisations and places: known names, names read from context, and what is no name."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.workers.stages.tag.entities import find_entities
from services.workers.stages.tag.gazetteer import gazetteer, read_gazetteer
from services.workers.stages.tag.rulefile import BadRules


def _found(body: str, title: str = "") -> dict[str, tuple[str, int]]:
    return {entity.name: (entity.type, entity.count) for entity in find_entities(title, body)}


@pytest.mark.parametrize(
    ("text", "name", "kind"),
    [
        ("The talks were held in Reykjavik on Friday.", "Reykjavik", "place"),
        ("A ship from El Salvador arrived.", "El Salvador", "place"),
        ("Officials of the IMF arrived.", "IMF", "organisation"),
        ("Officials of the International Monetary Fund arrived.", "IMF", "organisation"),
        ("Shares of Coca-Cola fell.", "Coca-Cola", "organisation"),
        ("He bought it on eBay last week.", "eBay", "organisation"),
        ("The speech by Nelson Mandela was long.", "Nelson Mandela", "person"),
        ("It was opened by President Orla Fennimore yesterday.", "Orla Fennimore", "person"),
        ("It was seen by Margaret Quillfeather of the museum.", "Margaret Quillfeather", "person"),
        ("The plan of Chief Executive Tam Ostrander is new.", "Tam Ostrander", "person"),
        ("She heads the Fenland Dairy Association now.", "Fenland Dairy Association", "organisation"),
        ("A report by the Ministry of Fisheries said so.", "Ministry of Fisheries", "organisation"),
        (
            "He studied at the London School of Economics for a year.",
            "London School of Economics",
            "organisation",
        ),
        ("She works at the University of Bergen today.", "University of Bergen", "organisation"),
        ("They walked along the Ostling River all day.", "Ostling River", "place"),
        ("The cabin near Lake Quannet burned down.", "Lake Quannet", "place"),
        ("The firm DataHarbour makes maps.", "DataHarbour", "organisation"),
        ("They heard Ludwig van Beethoven there.", "Ludwig van Beethoven", "person"),
        ("He met Secretary of State Orla Fennimore.", "Orla Fennimore", "person"),
        ("Carpenter Margaret Quillfeather won.", "Margaret Quillfeather", "person"),
        ("It went to the Court of Arbitration for Sport.", "Court of Arbitration for Sport", "organisation"),
        ("The US Securities and Exchange Commission agreed.", "SEC", "organisation"),
    ],
)
def test_a_name_is_found_with_its_type(text: str, name: str, kind: str) -> None:
    assert _found(text)[name][0] == kind


def test_a_later_surname_counts_towards_the_full_name() -> None:
    found = _found("Minister Odile Varnham spoke first. Then Varnham left. Nobody followed Varnham.")
    assert found == {"Odile Varnham": ("person", 3)}


def test_a_short_form_in_brackets_counts_towards_the_long_one() -> None:
    found = _found("The Harbour Pilots Association (HPA) met. Later the HPA voted, and the HPA rested.")
    assert found == {"Harbour Pilots Association": ("organisation", 4)}


def test_both_forms_of_a_known_name_are_one_entity() -> None:
    found = _found("The International Monetary Fund (IMF) lent money. The IMF was paid back.")
    assert found == {"IMF": ("organisation", 3)}


def test_a_known_name_is_not_found_inside_a_longer_one() -> None:
    assert "London" not in _found("He studied at the London School of Economics for a year.")
    assert "Bergen" not in _found("She works at the University of Bergen today.")
    assert "Niger" not in _found("It happened in Nigeria.")
    assert "US" not in _found("USEFUL things were sold.")


def test_the_possessive_is_no_part_of_a_name() -> None:
    assert set(_found("Norway’s fleet and Chile's farms are old.")) == {"Norway", "Chile"}


def test_a_title_parts_a_place_from_a_person() -> None:
    assert _found("He met El Salvador President Nayib Bukele there.") == {
        "El Salvador": ("place", 1),
        "Nayib Bukele": ("person", 1),
    }


@pytest.mark.parametrize(
    "text",
    [
        "Why Rural Bakers Are Exploring Older Grains",
        "• Longer Opening Hours: the bakery opens at dawn.",
        "- Cheaper Flour Imports: prices fell at once.",
        "While bread is cheap, cake is not. However, pies sell well. Bread sells too.",
        "She won the Harbour Cup and spoke of the Fisheries Act.",
        "Italians and Ethiopians met, and I'm told they’re friends; we’ll see. I'm glad.",
        "On Monday, in March, the Letter of Intent was signed; its letter was short and its intent plain.",
    ],
)
def test_headings_bullets_and_sentence_starts_are_no_names(text: str) -> None:
    assert _found(text + "\nThe rest is prose without any names at all.") == {}


def test_a_known_name_in_a_heading_counts() -> None:
    found = _found("Bakers here are glad.", title="Why Bakers From Norway Love Rye")
    assert found == {"Norway": ("place", 1)}


def test_german_nouns_are_no_names_but_german_names_are() -> None:
    body = "In Berlin sprach Präsident Odo Varnhagen über Arbeit und Brot. Die Arbeit in Fabriken nimmt ab."
    assert {entity.name: entity.type for entity in find_entities("", body, "de")} == {
        "Berlin": "place",
        "Odo Varnhagen": "person",
    }


def test_a_demonym_is_no_place() -> None:
    assert _found("The Pakistani farmers met South Asian buyers.") == {}


@pytest.mark.parametrize(
    "text", ["", "\n\n", "A", "A.", "ÀÉ Ö (X)", "’s ’s", "M. " * 200, "Aa " * 2000, "中文没有空格", "🙂🙂"]
)
def test_odd_text_is_read_without_complaint(text: str) -> None:
    assert all(entity.count > 0 for entity in find_entities(text, text))


def test_the_shipped_gazetteer_has_all_three_types() -> None:
    assert {name.type for name in gazetteer().names.values()} == {"person", "organisation", "place"}


def test_a_name_written_twice_stops_the_start_with_file_and_line(tmp_path: Path) -> None:
    path = tmp_path / "gazetteer.yaml"
    marks = (
        "titles first_names organisation_words organisation_heads "
        "place_words place_heads demonyms not_names other_words"
    )
    rest = "".join(f"{mark}: []\n" for mark in marks.split())
    path.write_text(f"persons: []\norganisations: [Acme]\nplaces:\n  - Oslo\n  - Christiania | Oslo\n{rest}")
    with pytest.raises(BadRules, match=r"gazetteer\.yaml:5: 'Oslo' is in the gazetteer already, as Oslo"):
        read_gazetteer(path)


def test_a_gazetteer_without_a_part_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gazetteer.yaml"
    path.write_text("persons: []\norganisations: []\n")
    with pytest.raises(BadRules, match="places, titles"):
        read_gazetteer(path)
