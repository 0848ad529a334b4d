"""One index per test, of each kind: every test in this folder runs on all adapters."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from shared.index.elasticsearch import ElasticsearchIndex
from shared.index.embedded import EmbeddedIndex
from shared.index.port import ArticleIndex

KINDS = ["embedded", pytest.param("elasticsearch", marks=pytest.mark.servers)]
MakeIndex = Callable[[], ArticleIndex]


@pytest.fixture(params=KINDS)
def make_index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeIndex]:
    """Opens the test's index anew with each call, as another process would; it is not created yet."""
    opened: list[ArticleIndex] = []
    url = request.getfixturevalue("elasticsearch_url") if request.param == "elasticsearch" else ""
    alias = f"contract-{uuid.uuid4().hex}"

    def opening() -> ArticleIndex:
        opened.append(
            ElasticsearchIndex(url, alias) if url else EmbeddedIndex(tmp_path / "index", writing=True)
        )
        return opened[-1]

    yield opening
    for index in opened:
        index.close()
    if url:
        _drop(url, alias)


@pytest.fixture
def index(make_index: MakeIndex) -> ArticleIndex:
    made = make_index()
    made.create()
    return made


def _drop(url: str, alias: str) -> None:
    for name in httpx.get(f"{url}/{alias}*").json():  # in use, being built or retired
        httpx.delete(f"{url}/{name}").raise_for_status()
