"""What ``bench.search`` asks: a dozen different queries of each class, with common words and rare ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from bench.search_articles import Articles

CURSOR: Final = "cursor page of 500"
BEGIN: Final = "cursor, first page"
# The classes that have a bar; the others are shown as information.
BARRED: Final = ("term", "phrase", "boolean", "range", "facets", "highlights", "folded", CURSOR)
WALK_SIZE: Final = 500

_TERMS: Final = ("hospital", "inflation", "airport", "vaccine", "museum", "strike", "regierung", "economía")
_PHRASES: Final = (
    "interest rates", "waiting lists", "the film festival", "coalition agreement", "forest fires",
    "railway timetable", "machine learning", "planning committee", "hospital beds", "late penalty",
)  # fmt: skip
_BOOLEANS: Final = (
    "storm OR drought OR heatwave", "trains -strike", "(goalkeeper OR striker) AND semi-final",
    "parliament NOT sanctions", "(hospital OR clinic) AND (vaccine OR antibiotics) -insomnia",
    "budget deficit", "researchers prototype software", "title:residents OR title:commuters",
    "police AND (fraud OR bribery) AND court", '"box office" OR "book prize"', "министр OR забастовка",
)  # fmt: skip
_NEARS: Final = (
    "hospital near/5 patients", "bank near/3 lending", "minister near/10 election",
    "storm near/5 coast", "police near/8 court", "prices near/4 wages",
)  # fmt: skip
_PREFIXES: Final = ("econom*", "hosp*", "transp*", "invest* -bank*", "регион* OR правит*", "micro*")
_FACETS: Final = (
    "source", "language", "topic", "domain", "source,language,topic", "source,topic", "topic,domain",
    "source,language",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Query:
    """One question to an address below ``/v1``."""

    kind: str
    path: str
    text: str


def make_queries(articles: Articles) -> list[Query]:
    """All questions but the walks, class by class."""
    names = articles.names.values
    rare = [names[place].lower() for place in (20, 400, 4_000, 20_000)]
    sources = [articles.sources.values[place] for place in (0, 3, 40, 300)]
    search: dict[str, list[dict[str, str]]] = {
        "term": [{"q": word} for word in (*_TERMS, *rare)],
        "phrase": [{"q": f'"{words}"'} for words in (*_PHRASES, "the health ministry", "выборы бюджет")],
        "boolean": [{"q": words} for words in (*_BOOLEANS, f"{rare[0]} OR {rare[1]}")],
        "range": _ranges(sources),
        "facets": [
            *({"q": word, "facets": names} for word, names in zip(_TERMS, _FACETS, strict=True)),
            *({"facets": names, "source": sources[1]} for names in _FACETS[:2]),
            *({"q": "minister", "facets": names, "topic": "medtop:11000000"} for names in _FACETS[4:6]),
        ],
        "facets of names": [{"q": word, "facets": "entity,author"} for word in _TERMS[:6]],
        "highlights": [
            *({"q": word, "highlight": "true"} for word in (*_TERMS[:5], *rare[:2])),
            *({"q": f'"{words}"', "highlight": "true"} for words in _PHRASES[:3]),
            *({"q": words, "highlight": "true"} for words in _BOOLEANS[:2]),
        ],
        "folded": [
            *({"q": word, "stories": "fold"} for word in (*_TERMS[:6], *rare[:2])),
            *({"q": f'"{words}"', "stories": "fold"} for words in _PHRASES[:2]),
            *({"q": word, "stories": "fold", "sort": "newest"} for word in _TERMS[:2]),
        ],
        "near": [{"q": words} for words in _NEARS],
        "prefix": [{"q": words} for words in _PREFIXES],
    }
    queries = [Query(kind, "search", urlencode(one)) for kind, every in search.items() for one in every]
    queries += [Query("timeline", "timeline", urlencode({"q": word})) for word in _TERMS[:6]]
    queries += [
        Query("suggest", "suggest", urlencode({"q": begun})) for begun in ("pap", "val", "eco", "mor")
    ]
    return queries


def make_walks() -> list[str]:
    """The searches that are walked through, as query strings without a cursor: by score and by date."""
    walks: list[dict[str, str]] = [{"q": word} for word in _TERMS[:5]]
    walks += [{"q": word, "sort": "newest"} for word in _TERMS[:3]]
    walks += [{"q": _BOOLEANS[0]}, {"q": f'"{_PHRASES[0]}"'}, {"sort": "newest"}, {"sort": "oldest"}]
    return [urlencode(one | {"size": str(WALK_SIZE)}) for one in walks]


def _ranges(sources: list[str]) -> list[dict[str, str]]:
    return [
        {"from": "now-7d/d"},
        {"from": "now-60d/d", "to": "now-30d/d"},
        {"q": "hospital", "from": "now-7d/d"},
        {"q": "minister", "from": "now-90d/d", "to": "now-60d/d"},
        {"q": "inflation", "from": "now-200d/d"},
        {"q": "published:[now-30d TO now] AND storm"},
        {"q": "bank", "min_words": "400"},
        {"min_words": "100", "max_words": "200", "sort": "newest"},
        {"q": "court", "from": "now-100d/d", "source": sources[0]},
        {"from": "now-3d/d", "language": "de,fr"},
        {"q": "election", "indexed_since": "now-14d/d"},
        {"q": "museum", "to": "now-250d/d", "sort": "oldest"},
    ]
