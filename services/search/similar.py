"""Articles like another one, or like a posted text: what is asked for, and the answer."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictStr, ValidationError, field_validator

from services.search.answers import hit_json
from services.search.params import PARAMETERS, Wanted, check_names, read_pairs, read_search
from shared.article import Article
from shared.fields import InvalidFields, field_errors
from shared.index.port import ArticleIndex
from shared.index.similar import (
    MAX_SIMILAR,
    MAX_TEXT_CHARS,
    Earned,
    Similar,
    SimilarRequest,
    copies_of,
    family_of,
)
from shared.push import read_json
from shared.stories.background import UNKNOWN

MAX_TITLE_CHARS: Final = 1_000
MAX_BODY_BYTES: Final = 2 * 1024 * 1024  # the longest text, however its signs are written
_OF_SEARCHES = ("q", "stories", "sort", "offset", "highlight", "facets", "facet_size")
SIMILAR_PARAMETERS = tuple(name for name in PARAMETERS if name not in _OF_SEARCHES)
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


class SimilarText(BaseModel):
    """A text to find articles like: its words weigh more where they stand in the title, or early."""

    model_config = ConfigDict(extra="forbid")

    text: StrictStr = Field(min_length=1, max_length=MAX_TEXT_CHARS)
    title: StrictStr = Field("", max_length=MAX_TITLE_CHARS)
    language: StrictStr = Field(UNKNOWN, description="code such as en; its words count in any without it")

    @field_validator("language")
    @classmethod
    def _is_a_code(cls, value: str) -> str:
        if not _LANGUAGE.fullmatch(value):
            raise ValueError(f'"{value[:50]}" is not a language code such as en or pt-BR')
        return value


@dataclass(frozen=True, slots=True)
class FoundSimilar:
    """The articles like a text, with what was asked for; ``started`` is the clock as it came in."""

    wanted: Wanted
    similar: Similar
    started: float

    def to_json(self) -> dict[str, Any]:
        """A whole answer; ``by`` of a hit are those words of the answer's that it has."""
        page = self.similar.page
        return {
            "total": {"articles": page.articles, "groups": page.groups},
            "hits": [
                hit_json(hit, self.wanted.fields, None) | {"by": _earned(by)}
                for hit, by in zip(page.hits, self.similar.by, strict=True)
            ],
            "by": _earned(self.similar.terms),
            "partial": page.partial,
            "took_ms": round((time.perf_counter() - self.started) * 1000, 2),
        }


def read_similar(query: bytes, now: datetime) -> Wanted:
    """Read the query string: filters and size; raises ``InvalidRequest`` naming the parameter at fault."""
    check_names(read_pairs(query), SIMILAR_PARAMETERS)
    return read_search(query, now, MAX_SIMILAR)


def read_text(data: bytes) -> SimilarText:
    """Read a posted text; raises ``InvalidRequest`` naming each field that is wrong."""
    try:
        return SimilarText.model_validate(read_json(data))
    except ValidationError as error:
        raise InvalidFields(field_errors(error)) from error


def like_text(text: SimilarText, wanted: Wanted) -> SimilarRequest:
    """What to ask of the index for a posted text."""
    asked = wanted.request
    return SimilarRequest(
        asked.now, text.title, text.text, text.language, asked.filters, asked.duplicates, asked.size
    )


def like_article(article: Article, wanted: Wanted, index: ArticleIndex) -> SimilarRequest:
    """What to ask of the index for an article: no copy of it is wanted, and not its lead."""
    asked = wanted.request
    leads = index.get([article.duplicate_of], asked.now) if article.duplicate_of else []
    family = family_of(article, leads[0] if leads else None)
    return SimilarRequest(
        asked.now, article.title, article.body, article.language, asked.filters, asked.duplicates, asked.size,
        family, copies_of(article, leads[0] if leads else None),
    )  # fmt: skip


def _earned(terms: Sequence[Earned]) -> list[dict[str, Any]]:
    return [{"term": one.term, "weight": one.weight} for one in terms]
