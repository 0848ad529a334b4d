"""The names of whole articles, against ``names_gold.txt``: what is found, what is missed, and its type."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

from services.workers.stages.tag.entities import find_entities
from services.workers.stages.tag.spacy_names import NameModel, load_name_model
from shared.article import EntityType
from shared.errors import BadSettings
from tests.servers import require

MARK = re.compile(r"\[([pol]) ([^\]=]+)(?:=([^\]]+))?\]")
TYPES: dict[str, EntityType] = {"p": "person", "o": "organisation", "l": "place"}


class Marked(NamedTuple):
    """An article and its names, case-folded, with their types."""

    language: str
    title: str
    body: str
    names: dict[str, EntityType]


def _folded(name: str) -> str:
    return name.casefold().replace("’", "'").rstrip(".").removeprefix("the ")


@cache
def articles() -> tuple[Marked, ...]:
    """Every article of the file."""
    text = Path(__file__).with_name("names_gold.txt").read_text(encoding="utf-8")
    parts = re.split(r"^== (\w+)\n", text, flags=re.MULTILINE)[1:]
    return tuple(_marked(language, marked) for language, marked in zip(parts[::2], parts[1::2], strict=True))


def _marked(language: str, text: str) -> Marked:
    """A short form counts as the full form: one marked so, or a person's full name in the same article."""
    names: dict[str, EntityType] = {}
    for kind, written, full in MARK.findall(text):
        names[_folded(full or written)] = TYPES[kind]
    longer = {
        short: full
        for short, kind in names.items()
        for full in names
        if kind == "person" and short != full and f" {short} " in f" {full} "
    }
    title, _, body = MARK.sub(lambda match: match[2], text).strip().partition("\n")
    return Marked(language, title, body, {name: kind for name, kind in names.items() if name not in longer})


class Score(NamedTuple):
    """Precision, recall and F1 over the sets of names of all articles, and F1 with the type counted."""

    precision: float
    recall: float
    f1: float
    typed: float


def _score(marked: tuple[Marked, ...], model: NameModel | None = None) -> Score:
    counts: Counter[str] = Counter()
    for article in marked:
        found = {
            _folded(each.name): each.type
            for each in find_entities(article.title, article.body, article.language, model=model)
        }
        both = found.keys() & article.names.keys()
        counts.update(right=len(both), found=len(found), wanted=len(article.names))
        counts["typed"] += sum(found[name] == article.names[name] for name in both)
    total = counts["found"] + counts["wanted"]
    return Score(
        counts["right"] / counts["found"],
        counts["right"] / counts["wanted"],
        2 * counts["right"] / total,
        2 * counts["typed"] / total,
    )


def test_the_file_holds_forty_articles_in_four_languages() -> None:
    languages = Counter(article.language for article in articles())
    assert languages.total() >= 40
    assert all(languages[language] >= 4 for language in ("en", "es", "fr", "de"))


def test_the_names_of_articles_are_found_without_a_model() -> None:
    score = _score(articles())
    assert score.f1 >= 0.95, score
    assert score.precision >= 0.95, score
    assert score.typed >= 0.88, score


@pytest.mark.parametrize(("language", "least"), [("en", 0.95), ("es", 0.95), ("fr", 0.9), ("de", 0.9)])
def test_names_are_found_in_each_language(language: str, least: float) -> None:
    score = _score(tuple(article for article in articles() if article.language == language))
    assert score.f1 >= least, score


def test_the_names_of_articles_are_found_with_a_model() -> None:
    try:
        model = load_name_model("en_core_web_sm")
    except BadSettings as error:
        require(str(error))
    score = _score(tuple(article for article in articles() if article.language == "en"), model)
    assert score.f1 >= 0.94, score
