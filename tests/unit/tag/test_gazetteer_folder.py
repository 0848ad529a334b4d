"""A newsroom's own gazetteer, laid over the shipped one."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.workers.stages.tag.audit import audit_rules
from services.workers.stages.tag.entities import find_entities
from services.workers.stages.tag.gazetteer import gazetteer, load_gazetteer
from services.workers.stages.tag.rulefile import BadRules


def _found(folder: Path, body: str) -> dict[str, str]:
    return {each.name: each.type for each in find_entities("", body, "en", load_gazetteer(folder))}


def _write(folder: Path, text: str) -> Path:
    (folder / "gazetteer.yaml").write_text(text, encoding="utf-8")
    return folder


def test_a_folder_without_a_gazetteer_changes_nothing(tmp_path: Path) -> None:
    assert load_gazetteer(tmp_path).names == gazetteer().names


def test_own_names_are_added_with_their_forms(tmp_path: Path) -> None:
    folder = _write(tmp_path, "organisations: [Kestrel Desk | the desk of Kestrel]\npersons: [ojala]\n")
    body = "It was ojala, said the desk of Kestrel. The IMF agreed."
    assert _found(folder, body) == {"Kestrel Desk": "organisation", "ojala": "person", "IMF": "organisation"}


def test_an_own_form_wins_over_the_shipped_one(tmp_path: Path) -> None:
    folder = _write(tmp_path, "organisations: [Monetary Fund | IMF]\nplaces: [Apple]\n")
    assert _found(folder, "The IMF met in Apple.") == {"Monetary Fund": "organisation", "Apple": "place"}


def test_own_words_are_added_to_the_shipped_ones(tmp_path: Path) -> None:
    body = "He works for Brightwater Kollektiv in town."
    assert _found(tmp_path, body) == {"Brightwater Kollektiv": "person"}
    folder = _write(tmp_path, "organisation_words: [Kollektiv]\n")
    assert _found(folder, body) == {"Brightwater Kollektiv": "organisation"}


def test_dropped_names_words_and_towns_are_left_out(tmp_path: Path) -> None:
    assert "Davos" in gazetteer().names
    assert "Kranj" in gazetteer().towns
    assert "Rabbi" in gazetteer().titles
    known = load_gazetteer(_write(tmp_path, "drop: [Davos, Kranj, Rabbi]\n"))
    assert "Davos" not in known.names
    assert "Kranj" not in known.towns
    assert "Rabbi" not in known.titles


def test_what_is_to_be_no_name_at_all_is_listed_as_such(tmp_path: Path) -> None:
    body = "They asked Skyborne about it, and Skyborne answered."
    assert _found(tmp_path, body) == {"Skyborne": "organisation"}
    assert _found(_write(tmp_path, "not_names: [Skyborne]\n"), body) == {}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("persons: [Ida]\nfoo: [Bar]\n", r"gazetteer\.yaml:2: unknown key 'foo'"),
        ("persons:\n  - Ida\n  - Ada | Ida\n", r"gazetteer\.yaml:3: 'Ida' is in the gazetteer already"),
        ("places: Oslo\n", r"gazetteer\.yaml:1: a list is wanted"),
        ("places: ['Oslo | ']\n", r"gazetteer\.yaml:1: an empty name"),
        ("\n\ndrop: [Of the Sea]\n", r"gazetteer\.yaml:3: 'Of the Sea' cannot be dropped"),
        ("places: [Oslo\n", r"gazetteer\.yaml:\d+: no valid YAML"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(BadRules, match=message):
        load_gazetteer(_write(tmp_path, text))


def test_every_mistake_is_gathered_and_the_rest_is_used(tmp_path: Path) -> None:
    text = "foo: [Bar]\npersons:\n  - Ida\n  - Ada | Ida\n  - Orla Zorb\nplaces: Oslo\n"
    text += "titles: [[]]\ndrop: [Of the Sea]\n"
    told = audit_rules(_write(tmp_path, text)).mistakes
    lines = [each.removeprefix(f"{tmp_path}/gazetteer.yaml:").split(":")[0] for each in told]
    assert sorted(lines) == ["1", "4", "6", "7", "8"]
    assert "Orla Zorb" in load_gazetteer(tmp_path, []).names
