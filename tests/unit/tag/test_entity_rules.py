"""How names are cut, typed and brought together: short forms, joints, quotation marks, datelines, towns."""

from __future__ import annotations

import pytest

from services.workers.stages.tag.entities import find_entities


def _found(body: str, title: str = "", language: str = "en") -> dict[str, tuple[str, int]]:
    return {each.name: (each.type, each.count) for each in find_entities(title, body, language)}


@pytest.mark.parametrize(
    ("body", "name", "count"),
    [
        ("Odile Varnham sang. Then Varnham left, and Odile wept.", "Odile Varnham", 3),
        ("They met Joost van der Meer. Then Van der Meer left.", "Joost van der Meer", 2),
        ("The Harbour Pilots Association met. The HPA voted.", "Harbour Pilots Association", 2),
        ("The HPA voted. It is the Harbour Pilots Association.", "Harbour Pilots Association", 2),
        ("The African Loan Bank (AfLB) met. It said the AfLB lends.", "African Loan Bank", 3),
        ("Shares of Orbis Semiconductor fell. It said Orbis was late.", "Orbis Semiconductor", 2),
        ("He leads the Ostling Savings Bank. They said the Bank was safe.", "Ostling Savings Bank", 2),
    ],
)
def test_a_short_form_counts_towards_the_full_name(body: str, name: str, count: int) -> None:
    found = _found(body)
    assert found[name][1] == count
    assert len(found) == 1


def test_a_town_is_not_counted_towards_an_organisation_named_after_it() -> None:
    found = _found("She runs the Ambleford Cattle Auction. He lives in Ambleford.")
    assert found == {"Ambleford Cattle Auction": ("organisation", 1), "Ambleford": ("place", 1)}


@pytest.mark.parametrize(
    ("body", "name", "kind"),
    [
        ("It is run by the Maritime and Port Authority of Norland.", None, "organisation"),
        ("A letter from the Norland Journalists' Union came.", "Norland Journalists' Union", "organisation"),
        ("The Norland People's Defence Forces left.", "Norland People's Defence Forces", "organisation"),
        ("A note from Pratt, Hume & Lowe arrived.", "Pratt, Hume & Lowe", "organisation"),
        ("It went to the Department of Defense.", "Pentagon", "organisation"),
        ("It was made by the Kenya Railways board.", "Kenya Railways", "organisation"),
        ("A report of the US Geological Survey said so.", "US Geological Survey", "organisation"),
        ("Ranchers across the Texas Panhandle left.", "Texas Panhandle", "place"),
        ("They swam in the Colorado River then.", "Colorado River", "place"),
        ("The shares of First Chicago NBD Corp. fell.", "First Chicago NBD Corp", "organisation"),
        ("He is in the Kurdistan Democratic Party.", "Kurdistan Democratic Party", "organisation"),
        ("Sir Ganga Ram Hospital was full.", "Ganga Ram Hospital", "organisation"),
        ("He joined the Norland National Congress then.", "Norland National Congress", "organisation"),
        ("She met Fisheries Minister Orla Fennimore.", "Orla Fennimore", "person"),
        ("It is a day in Santiago de Cuba in spring.", "Santiago de Cuba", "place"),
        ("They asked Kengo wa Dondo, 61, then.", "Kengo wa Dondo", "person"),
        ("He met Hun Sen there.", "Hun Sen", "person"),
        ("A try by Walter Little came late.", "Walter Little", "person"),
        ("Trader Ngozi Eze lost it all.", "Ngozi Eze", "person"),
        ("They saw Paris Hilton dance.", "Paris Hilton", "person"),
        ("It was the Committee to Protect Journalists.", "Committee to Protect Journalists", "organisation"),
    ],
)
def test_a_name_is_cut_where_it_ends(body: str, name: str | None, kind: str) -> None:
    name = name or "Maritime and Port Authority of Norland"
    found = _found(body)
    assert {each.rstrip("."): found[each][0] for each in found} == {name: kind}


@pytest.mark.parametrize(
    "body",
    [
        "Dublin-born and Tripoli-based, they met British-ruled crowds.",
        'She read “The Water Wall” and "Gannets of Ambleford" at once.',
        "They went to Paris Fashion Week, said a South Asian buyer.",
        "Rain fell. Analysts say that Inflation has slowed. Bosses agreed.",
        "I read it on Monday, and in March; Reading is nice, as is a Bath.",
    ],
)
def test_adjectives_works_and_common_words_are_no_names(body: str) -> None:
    assert _found(body) == {}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        ("HELSINKI - The council met.", "Helsinki"),
        ("POSTOJNA, Slovenia (AP) - The council met.", "Postojna"),
        ("The fire began near Postojna at dawn.", "Postojna"),
        ("They drove from Troy, Tennessee, at dawn.", "Troy"),
        ("They moved to Reading, England, at dawn.", "Reading"),
        ("The village of Ambleford was quiet.", "Ambleford"),
    ],
)
def test_a_town_is_a_place_where_the_text_says_so(body: str, name: str) -> None:
    assert _found(body)[name] == ("place", 1)


def test_a_surname_that_is_a_town_too_counts_towards_the_person() -> None:
    assert _found("Carla Jackson spoke. They thanked Jackson, and Jackson left.") == {
        "Carla Jackson": ("person", 3)
    }


def test_a_writer_alone_on_a_line_is_a_person() -> None:
    assert _found("Vera Hallam\nThe film was long.") == {"Vera Hallam": ("person", 1)}


def test_a_headline_in_capitals_counts_what_the_text_names() -> None:
    found = _found("Paul Ambley was late. Norway won.", title="SOCCER - AMBLEY LATE AS NORWAY WIN")
    assert found == {"Paul Ambley": ("person", 2), "Norway": ("place", 2)}


@pytest.mark.parametrize(
    ("language", "body", "wanted"),
    [
        ("es", "El Banco del Litoral abrió en Arequipa.", {"Banco del Litoral", "Arequipa"}),
        ("fr", "Selon Alstom, la maire de Nantes viendra.", {"Alstom", "Nantes"}),
        ("de", "Die Deutsche Bahn fährt von Kassel ab.", {"Deutsche Bahn", "Kassel"}),
        ("de", "Die CDU traf Anwältin Petra Lindhorst in Kassel.", {"CDU", "Petra Lindhorst", "Kassel"}),
    ],
)
def test_other_languages_have_their_own_signs(language: str, body: str, wanted: set[str]) -> None:
    assert set(_found(body, language=language)) == wanted


def test_a_word_ends_where_a_script_without_spaces_begins() -> None:
    assert set(_found("新しいMicroStrategyの話。App Storeにない非公式アプリを使う。")) <= {
        "MicroStrategy",
        "App Store",
    }
