"""Query strings and paths of ingest, checked."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class PageQuery(BaseModel):
    """Where a page came from: its ``url``, its ``source``, or both; ``uri`` is the source's own id of it."""

    model_config = ConfigDict(extra="forbid")

    url: str | None = Field(None, description="address of the page; its host is the source by default")
    source: str | None = Field(None, description="id of the source; needed when there is no url")
    uri: str | None = Field(None, description="the source's own id; default without url: the body's hash")


class ArticlePath(BaseModel):
    """The id of an article in a path."""

    article_id: str = Field(description="32 hex digits")
