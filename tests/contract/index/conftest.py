"""One index per test, of each kind, or one per module that no test may change: on all adapters."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from shared.index.elasticsearch import ElasticsearchIndex
from shared.index.embedded import EmbeddedIndex
from shared.index.port import ArticleIndex

KINDS = ["embedded", pytest.param("elasticsearch", marks=pytest.mark.servers)]
MakeIndex = Callable[[], ArticleIndex]


@contextmanager
def opening_index(url: str, folder: Path) -> Iterator[MakeIndex]:
    """Opens one index anew with each call, as another process would; it is not created yet."""
    opened: list[ArticleIndex] = []
    alias = f"contract-{uuid.uuid4().hex}"

    def opening() -> ArticleIndex:
        opened.append(
            ElasticsearchIndex(url, alias) if url else EmbeddedIndex(folder / "index", writing=True)
        )
        return opened[-1]

    yield opening
    for index in opened:
        index.close()
    if url:
        _drop(url, alias)


def url_of(request: pytest.FixtureRequest) -> str:
    """Where Elasticsearch answers, if the fixture is to be on it; empty for the embedded index."""
    return str(request.getfixturevalue("elasticsearch_url")) if request.param == "elasticsearch" else ""


@pytest.fixture(params=KINDS)
def make_index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[MakeIndex]:
    """Opens the test's index anew with each call."""
    with opening_index(url_of(request), tmp_path) as made:
        yield made


@pytest.fixture(params=KINDS, scope="module")
def shared_index(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ArticleIndex]:
    """One index for the tests of a module that only ask: to make and drop one takes longer than they do."""
    with opening_index(url_of(request), tmp_path_factory.mktemp("shared")) as opening:
        made = opening()
        made.create()
        yield made


@pytest.fixture
def index(make_index: MakeIndex) -> ArticleIndex:
    made = make_index()
    made.create()
    return made


def _drop(url: str, alias: str) -> None:
    for name in httpx.get(f"{url}/{alias}*").json():  # in use, being built or retired
        httpx.delete(f"{url}/{name}").raise_for_status()
