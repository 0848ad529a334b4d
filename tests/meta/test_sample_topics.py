"""The samples' topics: what a first run shows must be right, with nothing absurd beside it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from services.workers.stages.clean import clean_article
from services.workers.stages.tag import tag_article
from shared.article import Article, RawArticle, Source
from shared.clock import from_ms
from shared.push import read_push
from shared.settings import Settings

SAMPLES = Path(__file__).parents[2] / "samples"
LATER = from_ms(1_800_000_000_000)  # after every sample's publication
TOP = {
    "arts": "01",
    "crime": "02",
    "disaster": "03",
    "economy": "04",
    "education": "05",
    "environment": "06",
    "health": "07",
    "human interest": "08",
    "labor": "09",
    "lifestyle": "10",
    "politics": "11",
    "religion": "12",
    "science": "13",
    "society": "14",
    "sport": "15",
    "conflict": "16",
    "weather": "17",
}
# By the article's title: the top topics it must have, in no order, and those that it may have besides.
EXPECTED = {
    "Port Calder approves $1.4 billion tram tunnel under its harbour": ("politics, economy", ""),
    "Council says yes to the harbour tram tunnel": ("politics, economy", ""),
    "Earthquake of magnitude 6.1 shakes Taverra valley, 12 injured": ("disaster", ""),
    "Earthquake in Taverra valley: 47 injured, last villages reached": ("disaster", ""),
    "Orlanda central bank cuts key rate to 3.25 percent as inflation cools": ("economy", ""),
    "Lake-bed sediments show that the last warm age came within a lifetime": ("science, environment", ""),
    "Ten-man Gulls beat Rovers to go top of the league": ("sport", ""),
    "Nurses at harbour hospital end strike after nine days": ("health, labor", ""),
    "La sequía reduce a la mitad la cosecha de aceituna en Valdeluna": (
        "economy",
        "weather, disaster, environment",
    ),
    "Una película sobre faros gana el festival de cine de Puerto Sereno": ("arts", ""),
    "Batteriewerk in Neuhagen: 1.800 Arbeitsplätze und viele offene Fragen": (
        "economy",
        "labor, environment, politics",
    ),
    "Le parlement adopte la réforme de l'école après douze heures de débat": ("politics, education", ""),
    "افتتاح محطة لتحلية المياه تعمل بالطاقة الشمسية في مدينة السهل": (
        "environment",
        "politics, economy, disaster",
    ),
    "新河市首批无人驾驶渡轮投入运营": ("", ""),  # no rules for Chinese: nothing rather than a guess
    "Oyster farmers return to Lantern Bay ten years after the spill": ("environment, economy", ""),
    "Island Republic of Marenga Weighs Bitcoin Reserve After Talks With Veldoria": ("economy, politics", ""),
}
# Narrower topics that must be there, by the article's title.
NARROWER = {
    "Ten-man Gulls beat Rovers to go top of the league": "soccer",
    "Earthquake of magnitude 6.1 shakes Taverra valley, 12 injured": "earthquake",
    "Orlanda central bank cuts key rate to 3.25 percent as inflation cools": "inflation",
    "Island Republic of Marenga Weighs Bitcoin Reserve After Talks With Veldoria": "cryptocurrency",
    "La sequía reduce a la mitad la cosecha de aceituna en Valdeluna": "agriculture",
    "Council says yes to the harbour tram tunnel": "transport",
}


def _raw() -> Iterator[RawArticle]:
    for path in sorted(SAMPLES.iterdir()):
        text = path.read_text("utf-8")
        if path.suffix == ".html":
            yield RawArticle(path.name, Source("samples.example"), html=text)
        elif path.suffix == ".txt":
            yield RawArticle(path.name, Source("samples.example"), text=text)
        elif path.suffix in (".json", ".ndjson"):
            for part in text.splitlines() if path.suffix == ".ndjson" else [text]:
                pushed = json.loads(part)
                for item in pushed if isinstance(pushed, list) else [pushed]:
                    yield read_push(item, Settings(), LATER)


@cache
def _tagged() -> dict[str, Article]:
    cleaned = [clean_article(raw).article for raw in _raw()]
    return {article.title: tag_article(article) for article in cleaned}


def _codes(names: str) -> set[str]:
    return {f"medtop:{TOP[name]}000000" for name in names.split(", ") if name}


def test_every_sample_is_looked_at() -> None:
    assert set(_tagged()) == set(EXPECTED)


@pytest.mark.parametrize("title", EXPECTED)
def test_a_sample_has_its_top_topics_and_none_that_is_absurd(title: str) -> None:
    wanted, allowed = (_codes(names) for names in EXPECTED[title])
    found = {tag.code for tag in _tagged()[title].topics if not tag.broader}
    assert wanted <= found <= wanted | allowed


@pytest.mark.parametrize("title", NARROWER)
def test_a_sample_has_its_narrower_topic(title: str) -> None:
    assert NARROWER[title] in [tag.name for tag in _tagged()[title].topics]
