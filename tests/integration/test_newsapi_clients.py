"""NewsAPI.org's clients, unmodified, against the search service: Python's from PyPI, Node's from npm."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests
from newsapi import NewsApiClient
from newsapi.newsapi_exception import NewsAPIException
from requests.adapters import HTTPAdapter

from shared.article import Tag
from tests.integration.service import run_search
from tests.servers import free_port, require
from tests.unit.search.conftest import open_newsroom

pytestmark = [pytest.mark.servers, pytest.mark.timeout(240)]
NODE_CLIENT = Path(__file__).parent / "newsapi_client"
NOW = datetime.now(UTC).replace(microsecond=0)
SPORT = (Tag("medtop:15000000", "sport", 0.9, ("match",), ()),)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a search service with seven articles of two sources."""
    folder = tmp_path_factory.mktemp("clients")
    with open_newsroom(folder) as room:
        for number in range(5):
            room.publish(f"The ferry line of pier {number}", f"The ferry line of pier {number} was opened.",
                         published_at=NOW - timedelta(hours=number), source="harbour.example")  # fmt: skip
        room.publish("A match", "They won the match.", topics=SPORT, source="match.example.de", language="de",
                     published_at=NOW - timedelta(hours=6))  # fmt: skip
        room.publish("No tongue", "Who can tell?", source="harbour.example", language="und",
                     published_at=NOW - timedelta(hours=7))  # fmt: skip
        settings = replace(room.settings, search_port=free_port())
        with run_search(settings, folder / "granian.log"):
            yield f"http://127.0.0.1:{settings.search_port}"


class Redirected(HTTPAdapter):
    """Sends to our server what is meant for the other one; the client knows nothing of it."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self._address = address

    def send(self, request: requests.PreparedRequest, *args: Any, **given: Any) -> requests.Response:
        assert request.url is not None
        request.url = request.url.replace("https://newsapi.org", self._address)
        return super().send(request, *args, **given)


@pytest.fixture
def client(address: str) -> Iterator[NewsApiClient]:
    with requests.Session() as session:
        session.trust_env = False
        session.mount("https://newsapi.org/", Redirected(address))
        yield NewsApiClient("a key", session=session)


def titles(answer: dict[str, Any]) -> list[str]:
    assert answer["status"] == "ok"
    return [article["title"] for article in answer["articles"]]


PIERS = [f"The ferry line of pier {number}" for number in range(5)]


def test_python_finds_everything_and_walks_through_it(client: NewsApiClient) -> None:
    assert titles(client.get_everything(q="ferry")) == PIERS
    assert titles(client.get_everything(qintitle="ferry")) == PIERS
    found = []
    for page in range(1, 4):
        answer = client.get_everything(q="ferry", page=page, page_size=2)
        assert answer["totalResults"] == 5
        found += titles(answer)
    assert found == PIERS


def test_python_sends_every_argument_at_once(client: NewsApiClient) -> None:
    answer = client.get_everything(
        q="ferry", qintitle="pier", sources="harbour.example", domains="harbour.example",
        exclude_domains="match.example.de", from_param=NOW.date() - timedelta(days=2),
        to=NOW.date() + timedelta(days=1), language="en", sort_by="relevancy", page=1, page_size=100,
    )  # fmt: skip
    assert sorted(titles(answer)) == PIERS


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp:DeprecationWarning")
@pytest.mark.parametrize("form", ["datetime", "date and time", "number"])
def test_python_writes_moments_in_four_ways(client: NewsApiClient, form: str) -> None:
    """A date is the fourth, see above."""
    start = NOW - timedelta(hours=2, minutes=30)
    given = {
        "datetime": start.replace(tzinfo=None),
        "date and time": start.strftime("%Y-%m-%dT%H:%M:%S"),
        "number": start.timestamp(),
    }[form]
    assert titles(client.get_everything(q="ferry", from_param=given)) == PIERS[:3]
    assert titles(client.get_everything(q="ferry", to=given)) == PIERS[3:]


def test_python_sees_headlines_and_sources(client: NewsApiClient) -> None:
    assert titles(client.get_top_headlines()) == [*PIERS, "No tongue"]
    assert titles(client.get_top_headlines(language=None, category="sports")) == ["A match"]
    assert titles(client.get_top_headlines(language=None, country="de")) == ["A match"]
    assert titles(client.get_top_headlines(sources="match.example.de,harbour.example", language=None)) == [
        *PIERS, "A match", "No tongue",
    ]  # fmt: skip
    for given, expected in (
        ({}, ["harbour.example", "match.example.de"]),
        ({"category": "sports"}, ["match.example.de"]),
        ({"language": "en"}, ["harbour.example"]),
        ({"country": "de"}, ["match.example.de"]),
    ):
        assert [one["id"] for one in client.get_sources(**given)["sources"]] == expected, given


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ({}, "parametersMissing"),
        ({"sources": ",".join(f"s{number}.example" for number in range(21))}, "sourcesTooMany"),
        ({"sources": "nobody.example"}, "sourceDoesNotExist"),
        ({"q": "ferry", "page": 5_000}, "maximumResultsReached"),
        ({"q": "ferry OR (pier"}, "parameterInvalid"),
    ],
)
def test_python_raises_the_codes_that_it_knows(
    client: NewsApiClient, given: dict[str, Any], code: str
) -> None:
    with pytest.raises(NewsAPIException) as caught:
        client.get_everything(**given)
    assert caught.value.get_code() == code
    assert caught.value.get_status() == "error"


@pytest.fixture(scope="module")
def node_answers(address: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``ask.js`` printed, with the client as npm gives it out."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        require("no Node with npm was found, which NewsAPI's JavaScript client needs")
    folder = tmp_path_factory.mktemp("node") / "client"
    shutil.copytree(NODE_CLIENT, folder)
    install = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(install, cwd=folder, capture_output=True, text=True)
    if done.returncode != 0:
        require(f"npm could not install NewsAPI's client: {done.stderr[-500:]}")
    asked = [node, "ask.js", f"{address}/"]
    said = subprocess.run(asked, cwd=folder, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(said.stdout)
    return found


def test_node_finds_what_python_finds(node_answers: dict[str, Any]) -> None:
    assert titles(node_answers["everything"]) == PIERS[:2]
    assert node_answers["everything"]["totalResults"] == 5
    assert titles(node_answers["headlines"]) == [*PIERS, "No tongue"]
    assert titles(node_answers["callback"]) == PIERS
    assert [one["id"] for one in node_answers["sources"]["sources"]] == [
        "harbour.example", "match.example.de",
    ]  # fmt: skip
    assert node_answers["headers"] == {"cached": "false", "total": 5}


def test_node_takes_errors_for_errors(node_answers: dict[str, Any]) -> None:
    assert {name: node_answers[name]["name"] for name in ("missing", "deep", "mixed")} == {
        "missing": "NewsAPIError: parametersMissing",
        "deep": "NewsAPIError: maximumResultsReached",
        "mixed": "NewsAPIError: parametersIncompatible",
    }
