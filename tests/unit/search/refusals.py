"""The addresses that search, and what their answers to bad input say, each read in its own shape."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient
from lxml import html
from werkzeug.test import TestResponse


@dataclass(frozen=True)
class Address:
    """One address, and the parameters that it must be asked with for any other to be looked at."""

    path: str
    needs: str = ""

    def asked(self, query: str) -> str:
        return f"{self.path}?{'&'.join(part for part in (self.needs, query) if part)}"


SEARCH, TIMELINE, SUGGEST = Address("/v1/search"), Address("/v1/timeline"), Address("/v1/suggest")
NDJSON, CSV = (Address("/v1/search/export", f"format={kind}") for kind in ("ndjson", "csv"))
RSS, ATOM, FEED = (Address(f"/v1/search.{suffix}") for suffix in ("rss", "atom", "json"))
DESK = Address("/")
EVERY, HEAD = Address("/v2/everything"), Address("/v2/top-headlines")
LISTED, LISTED_TOO = Address("/v2/sources"), Address("/v2/top-headlines/sources")
OURS = (SEARCH, TIMELINE, NDJSON, CSV, RSS, ATOM, FEED, DESK)  # the addresses that speak our query language
PAGED = (SEARCH, RSS, ATOM, FEED, DESK)
THEIRS = (EVERY, HEAD)
ALL = (*OURS, SUGGEST, *THEIRS, LISTED, LISTED_TOO)


def name_of(value: object) -> str | None:
    return f"{value.path} {value.needs}".strip() if isinstance(value, Address) else None


def each(addresses: tuple[Address, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("address", addresses, ids=name_of)


@dataclass(frozen=True)
class Refusal:
    """What an answer says was wrong: the field, the words, and the place in a query where there is one."""

    field: str
    words: str
    position: int | None


def refusal(client: FlaskClient, address: Address, query: str) -> Refusal:
    """The 400 of a request, read in the shape that its address has for errors."""
    answer = client.get(address.asked(query), buffered=True)
    assert answer.status_code == 400, (answer.status_code, answer.text[:500])
    assert "Traceback" not in answer.text
    assert 'File "' not in answer.text
    if address is DESK:
        return of_page(answer)
    return of_newsapi(answer) if address.path.startswith("/v2/") else of_problem(answer)


def of_problem(answer: TestResponse) -> Refusal:
    assert answer.content_type == "application/problem+json"
    told = answer.json
    assert (told["status"], told["title"]) == (400, "Invalid request")
    error = told["errors"][0]
    return Refusal(error["field"], error["message"], told.get("position"))


def of_newsapi(answer: TestResponse) -> Refusal:
    assert answer.content_type == "application/json; charset=utf-8"
    told = answer.json
    assert (told["status"], told["code"]) == ("error", "parameterInvalid")
    field, _, words = told["message"].partition(": ")
    place = re.search(r" \(at character (\d+)\)$", words)
    return Refusal(field, words, int(place[1]) if place else None)


def of_page(answer: TestResponse) -> Refusal:
    assert answer.content_type == "text/html; charset=utf-8"
    shown = html.fromstring(answer.data)
    assert shown.xpath("//*[@role='alert']")
    told = shown.get_element_by_id("error")
    named = told.xpath("./strong")
    place = re.search(r"The mark stands at character (\d+)\.", shown.text_content())
    words = told.text_content().partition(": ")[2] if named else told.text_content()
    return Refusal(named[0].text if named else "q", words, int(place[1]) - 1 if place else None)


def is_right(client: FlaskClient, address: Address, query: str) -> TestResponse:
    answer = client.get(address.asked(query), buffered=True)
    assert answer.status_code == 200, answer.text[:500]
    return answer
