"""What NewsAPI calls languages, countries and categories, and what they are here."""

from __future__ import annotations

from typing import Final

from shared.countries import CODES
from shared.index.query import And, Keyword, Node, Not, Or

LANGUAGES: Final = ("ar", "de", "en", "es", "fr", "he", "it", "nl", "no", "pt", "ru", "sv", "ur", "zh")
# Old spellings, and what its clients let through.
_LANGUAGE_ALIASES: Final = {"ud": "ur", "cn": "zh", "se": "sv", "en-us": "en"}
_COUNTRY_ALIASES: Final = {"zh": "cn"}
# Both written forms of Norwegian, and what a source may call them together.
_SPOKEN: Final = {"no": ("no", "nb", "nn"), "he": ("he", "iw")}
_TECHNOLOGY: Final = "medtop:20000756"
_SCIENCE: Final = "medtop:13000000"
_BY_TOPIC: Final = {
    "business": "medtop:04000000",
    "entertainment": "medtop:01000000",
    "health": "medtop:07000000",
    "sports": "medtop:15000000",
    "technology": _TECHNOLOGY,
}
CATEGORIES: Final = ("business", "entertainment", "general", "health", "science", "sports", "technology")
_TOPS: Final = tuple(f"medtop:{number:02}000000" for number in range(1, 18))
_GENERAL: Final = tuple(top for top in _TOPS if top not in (*_BY_TOPIC.values(), _SCIENCE))


def read_language(value: str) -> str | None:
    """The language of one of NewsAPI's codes; None for a code that it does not have."""
    code = _LANGUAGE_ALIASES.get(value.lower(), value.lower())
    return code if code in LANGUAGES else None


def read_country(value: str) -> str | None:
    """The ISO 3166-1 code of a country, lower case; None for what is no such code."""
    code = _COUNTRY_ALIASES.get(value.lower(), value.lower())
    return code if code in CODES else None


def spoken(language: str) -> tuple[str, ...]:
    """The tags that articles in one of NewsAPI's languages may have."""
    return _SPOKEN.get(language, (language,))


def category_node(category: str) -> Node:
    """What articles of a category have in common.

    ``general`` is whatever has a topic that is none of the other categories', or no topic at all.
    """
    if category == "general":
        return Or((*map(_topic, _GENERAL), Not(Or(tuple(map(_topic, _TOPS))))))
    if category == "science":
        return And((_topic(_SCIENCE), Not(_topic(_TECHNOLOGY))))
    return _topic(_BY_TOPIC[category])


def _topic(code: str) -> Node:
    return Keyword("topic", code)
