"""The HTTP side of the CLI: pushes to ingest, asks search, waits politely, speaks in plain errors."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from services.cli.system import ingest_url, search_url
from shared.errors import InvalidRequest, Unavailable
from shared.messages import TERMINAL
from shared.settings import Settings

TIMEOUT = 30.0  # seconds for one answer
PATIENCE = 60.0  # seconds of "try again later" before giving up
KEY_VARIABLE = "COPYDESK_API_KEY"  # of the environment; an option would be seen in lists of processes
LOOK_EVERY = 0.1  # seconds between two looks at articles that are under way
LOOK_AT = 50  # articles asked about in one round; the oldest first

Json = dict[str, Any]


class Desk:
    """A connection to the two services, for as long as one command lasts."""

    def __init__(self, settings: Settings) -> None:
        self._ingest = ingest_url(settings)
        self._search = search_url(settings)
        # The services are near: proxies of the environment are not for them.
        key = os.environ.get(KEY_VARIABLE, "").strip()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(timeout=TIMEOUT, trust_env=False, headers=headers)

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        self._http.close()

    def push(self, items: Sequence[object]) -> list[Json]:
        """Push items in the native format; one outcome each: ``{"index","status","id","error"}``."""
        lines = b"".join(json.dumps(item).encode() + b"\n" for item in items)
        answer = self._send(
            "POST", f"{self._ingest}/v1/articles:bulk", content=lines, content_type="application/x-ndjson"
        )
        return [json.loads(line) for line in answer.text.splitlines() if line.strip()]

    def push_page(self, page: bytes, content_type: str, url: str, source: str | None) -> Json:
        """Push one page as it came, under its address; returns its receipt."""
        query = {"url": url} | ({"source": source} if source else {})
        target = f"{self._ingest}/v1/pages?{httpx.QueryParams(query)}"
        return _object(self._send("POST", target, content=page, content_type=content_type))

    def status(self, article_id: str) -> Json:
        """Where the newest submission of an article stands."""
        return _object(self._send("GET", f"{self._ingest}/v1/articles/{quote(article_id, safe='')}/status"))

    def search(self, parameters: Mapping[str, str]) -> Json:
        """One search; ``parameters`` are those of the API."""
        return _object(self._send("GET", f"{self._search}/v1/search?{httpx.QueryParams(parameters)}"))

    def readiness(self) -> Iterator[tuple[str, Json | None]]:
        """What each service's ``/readyz`` says; None where nothing answers."""
        for name, base in (("ingest", self._ingest), ("search", self._search)):
            try:
                yield name, _object(self._http.get(f"{base}/readyz"))
            except httpx.HTTPError:
                yield name, None

    def wait(self, ids: Iterable[str]) -> Iterator[Json]:
        """The status of each article once its way has ended, roughly in order of arrival."""
        pending = list(dict.fromkeys(ids))
        while pending:
            ended = {}
            for article_id in pending[:LOOK_AT]:
                status = self._status_or_withdrawn(article_id)
                if status["status"] in TERMINAL:
                    ended[article_id] = status
            yield from ended.values()
            pending = [article_id for article_id in pending if article_id not in ended]
            if pending and not ended:
                time.sleep(LOOK_EVERY)

    def _status_or_withdrawn(self, article_id: str) -> Json:
        try:
            return self.status(article_id)
        except InvalidRequest as error:
            if error.field != "410":
                raise
            return {"id": article_id, "status": "withdrawn", "stage": None, "reason": error.message}

    def _send(self, method: str, url: str, *, content: bytes = b"", content_type: str = "") -> httpx.Response:
        headers = {"Content-Type": content_type} if content_type else {}
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                answer = self._http.request(method, url, content=content, headers=headers)
            except httpx.HTTPError as error:
                raise Unavailable(
                    f"nothing answers at {url.partition('?')[0]} ({error}); is `copydesk up` running?"
                ) from error
            wait = _wait_asked_for(answer)
            if wait is None or time.monotonic() + wait > deadline:
                return _checked(answer)
            time.sleep(wait)


def _object(answer: httpx.Response) -> Json:
    try:
        value = answer.json()
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise Unavailable(f"{answer.request.url} answered something that is no JSON object; is it Copydesk?")
    return value


def _wait_asked_for(answer: httpx.Response) -> float | None:
    if answer.status_code not in (429, 503):
        return None
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else 1.0


def _checked(answer: httpx.Response) -> httpx.Response:
    """Pass a good answer on; raise what a problem+json says otherwise."""
    if answer.status_code < 400:
        return answer
    text = _problem_text(answer)
    if answer.status_code in (401, 403):
        text += f" (the commands take theirs from {KEY_VARIABLE}; `copydesk keys create` makes one)"
    if answer.status_code < 500 and answer.status_code != 429:
        raise InvalidRequest(f"{answer.status_code}", text)
    raise Unavailable(f"{answer.request.url.path} answered {answer.status_code}: {text}")


def _problem_text(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return answer.reason_phrase
    if not isinstance(problem, dict):
        return answer.reason_phrase
    told = [f"{error.get('field')}: {error.get('message')}" for error in problem.get("errors") or []]
    return "; ".join(told) or str(problem.get("detail") or problem.get("title") or answer.reason_phrase)
