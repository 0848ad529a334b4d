"""The file of phrases: everything in it can be used, and a mistake is named."""

import re

import pytest
import yaml

from services.workers.stages.clean import phrases
from services.workers.stages.clean.phrases import FILE, phrase, words
from shared.errors import BadSettings


def entries() -> dict[str, object]:
    return yaml.safe_load((phrases.files(phrases.__package__) / FILE).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [name for name, entry in entries().items() if isinstance(entry, dict)])
def test_every_entry_is_used_by_the_code_and_compiles(name):
    folder = phrases.files(phrases.__package__)
    code = "".join(path.read_text(encoding="utf-8") for path in folder.iterdir() if path.name.endswith(".py"))
    assert re.search(rf'"{name}"', code)
    assert phrase(name)("a plain sentence about a ferry, in which no site speaks of itself") is None


@pytest.mark.parametrize(
    "name", ["function_words", "date_words", "beside_dates", "name_joiners", "site_words"]
)
def test_lists_of_words_are_in_lower_case(name):
    assert words(name)
    assert all(word == word.lower() for word in words(name))


def test_an_entry_that_is_missing_is_named():
    with pytest.raises(BadSettings, match="no_such_entry"):
        phrase("no_such_entry")
