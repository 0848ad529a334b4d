"""Names read by a spaCy pipeline: an extra that says what to install, and what it adds where it is there."""

from __future__ import annotations

import importlib.util
from functools import cache

import pytest

from services.workers.stages.tag import load_tagger, tagger
from services.workers.stages.tag.entities import find_entities
from services.workers.stages.tag.spacy_names import NameModel, load_name_model
from shared.errors import BadSettings
from tests.servers import require


@cache
def _model() -> NameModel:
    return load_name_model("en_core_web_sm")


@pytest.fixture
def model() -> NameModel:
    try:
        return _model()
    except BadSettings as error:
        require(str(error))


def test_a_pipeline_that_is_not_installed_is_named_with_what_to_install() -> None:
    with pytest.raises(BadSettings, match=r"'no_such_pipeline'.*pip install \"copydesk\[spacy\]\""):
        load_name_model("no_such_pipeline")


@pytest.mark.skipif(importlib.util.find_spec("spacy") is None, reason="spaCy is not installed")
@pytest.mark.parametrize("name", ["../etc", "a b", "", "en_core_web_sm/../x", "json"])
def test_a_name_that_is_no_pipeline_is_refused(name: str) -> None:
    with pytest.raises(BadSettings, match="COPYDESK_ENTITY_MODEL"):
        load_name_model(name)


def test_names_are_found_in_their_places(model: NameModel) -> None:
    line = "It rained. Last week Angela Merkel flew to Lisbon with Siemens managers, she said."
    spans = next(iter(model.find([line])))
    assert {line[start:end]: kind for start, end, kind in spans} == {
        "Angela Merkel": "person",
        "Lisbon": "place",
        "Siemens": "organisation",
    }


def test_each_line_has_its_own_names(model: NameModel) -> None:
    lines = ["no capitals here", "He met Angela Merkel.", "", "They flew to Lisbon."]
    assert [len(spans) for spans in model.find(lines)] == [0, 1, 0, 1]


def test_the_gazetteer_wins_over_the_model(model: NameModel) -> None:
    body = "The International Monetary Fund lent money. The IMF was paid by Angela Merkel, and Merkel left."
    found = {each.name: (each.type, each.count) for each in find_entities("", body, "en", model=model)}
    assert found == {"IMF": ("organisation", 2), "Angela Merkel": ("person", 2)}


def test_the_model_tells_the_kind_of_a_name_that_the_words_do_not_tell(model: NameModel) -> None:
    body = "They read Zycie Warszawy daily, and Amina of Oslo does too."
    without = {each.name: each.type for each in find_entities("", body, "en")}
    found = {each.name: each.type for each in find_entities("", body, "en", model=model)}
    assert found == {"Zycie Warszawy": "organisation", "Amina": "person", "Oslo": "place"}
    assert without == found | {"Zycie Warszawy": "person"}


def test_a_language_the_pipeline_was_not_made_for_is_read_without_it(model: NameModel) -> None:
    assert model.reads("en-GB")
    assert not model.reads("de")
    assert not model.reads("und")
    body = "In Kassel sprach Anwältin Petra Lindhorst über Brot."
    assert find_entities("", body, "de", model=model) == find_entities("", body, "de")


def test_odd_text_is_read_without_complaint(model: NameModel) -> None:
    for text in ("", "\n\n", "A", "Aa Bb " * 4000, "中文", "🙂 🙂", "The. The. U.S.. (X", "A" * 20_000):
        assert all(each.count > 0 for each in find_entities(text, text, "en", model=model))


def test_the_version_of_the_tagger_covers_that_of_the_pipeline(
    model: NameModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert model.version
    before = load_tagger(entity_model="en_core_web_sm").version
    monkeypatch.setattr(tagger, "load_name_model", lambda _: model)  # the same, as if it were a newer one
    assert load_tagger(entity_model="en_core_web_sm").version == before
    monkeypatch.setattr(model, "version", "99.0")
    assert load_tagger(entity_model="en_core_web_sm").version != before
