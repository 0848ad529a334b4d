"""Query strings and paths of ingest, checked."""

from __future__ import annotations

import re
from collections import Counter
from typing import Literal
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field

from shared.fields import EMPTY_NAME, FieldError, InvalidFields

_ID = re.compile(r"[0-9a-f]{32}")


class PageQuery(BaseModel):
    """Where a page came from: its ``url``, its ``source``, or both; ``uri`` is the source's own id of it."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(None, description="address of the page; its host is the source by default")
    source: str | None = Field(None, description="id of the source; needed when there is no url")
    uri: str | None = Field(None, description="the source's own id; default without url: the body's hash")


class WithdrawQuery(BaseModel):
    """Whether a withdrawal also erases."""

    model_config = ConfigDict(extra="forbid")

    purge: Literal["true", "false"] = Field("false", description="true erases text, revisions and originals")


class ArticlePath(BaseModel):
    """The id of an article in a path."""

    article_id: str = Field(description="32 hex digits")


def is_id(text: str) -> bool:
    """Whether a text can be the id of an article or a submission."""
    return _ID.fullmatch(text) is not None


def check_none(query: bytes) -> None:
    """Refuse any parameter; raises ``InvalidFields`` naming them."""
    names = dict(parse_qsl(query.decode("utf-8", "replace"), keep_blank_values=True))
    if names:
        raise InvalidFields(FieldError(name or EMPTY_NAME, "is no known parameter") for name in names)


def check_once(query: bytes) -> None:
    """Refuse a parameter that is given twice, or is no UTF-8; raises ``InvalidFields`` naming it."""
    text = query.decode("utf-8", "surrogateescape")
    pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape")
    counts = Counter(name for name, _ in pairs)
    errors = [
        FieldError(name or EMPTY_NAME, f"is given {n} times; give it once")
        for name, n in counts.items()
        if n > 1
    ]
    errors += [
        FieldError(name or EMPTY_NAME, "is not valid UTF-8")
        for name, value in pairs
        if not _is_text(name + value)
    ]
    if errors:
        raise InvalidFields(errors)


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
