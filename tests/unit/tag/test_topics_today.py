"""News of the present day, in five languages: each item is given its top topic, nearly always as the best."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from services.workers.stages.tag.topics import find_topics

HERE = Path(__file__).parent
# The share of items whose best topic is the one wanted; some of the short ones are about two matters alike.
BEST = {"today_en.yaml": 0.98, "today_short_en.yaml": 0.92, "today_others.yaml": 0.98}

Item = tuple[str, str, str, str]  # language, top topic, title, text


def _read(name: str) -> Iterator[Item]:
    content = yaml.safe_load((HERE / name).read_text(encoding="utf-8"))
    by_language = content if "01" not in content else {"en": content}
    for language, by_topic in by_language.items():
        for top, items in by_topic.items():
            for title, text in items:
                yield language, f"medtop:{top}000000", title, text


FILES = {name: list(_read(name)) for name in BEST}


def _tops(item: Item) -> list[str]:
    language, _, title, text = item
    return [(tag.code, *tag.broader)[-1] for tag in find_topics(title, text, language)]


@pytest.mark.parametrize("name", FILES)
def test_every_item_has_its_top_topic(name: str) -> None:
    assert [item for item in FILES[name] if item[1] not in _tops(item)] == []


@pytest.mark.parametrize("name", FILES)
def test_its_top_topic_is_nearly_always_the_best(name: str) -> None:
    missed = [item for item in FILES[name] if _tops(item)[:1] != [item[1]]]
    assert len(missed) <= (1 - BEST[name]) * len(FILES[name]), missed


@pytest.mark.parametrize("language", ["es", "fr", "de", "ar"])
def test_items_of_each_language_are_read_right(language: str) -> None:
    items = [item for item in FILES["today_others.yaml"] if item[0] == language]
    assert len(items) >= 15
    assert [item for item in items if _tops(item)[:1] != [item[1]]] == []
