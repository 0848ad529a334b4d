"""A plain keep-alive HTTP client: the standard library's, since a heavier one would be measured with it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from bench.system import BenchFailed

TIMEOUT = 120.0
OK, ACCEPTED = 200, 202


class Connection:
    """One connection to a service on this machine, kept alive; used by one thread at a time."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)

    def __enter__(self) -> Self:
        """Use as a context manager."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connection."""
        self._http.close()

    def push(self, line: bytes) -> str:
        """Push one article and return its id; anything but a 202 ends the bench."""
        answer = self._send("POST", "/v1/articles", ACCEPTED, line, "application/json")
        return str(json.loads(answer)["id"])

    def push_bulk(self, lines: list[bytes]) -> int:
        """Push many articles in one stream; returns how many were accepted, which must be all."""
        answer = self._send("POST", "/v1/articles:bulk", OK, b"\n".join(lines), "application/x-ndjson")
        outcomes = [json.loads(line) for line in answer.splitlines()]
        refused = [outcome for outcome in outcomes if outcome["status"] != "accepted"]
        if refused or len(outcomes) != len(lines):
            raise BenchFailed(f"{len(lines)} lines sent, {len(outcomes)} answered; refused: {refused[:1]}")
        return len(outcomes)

    def get(self, target: str) -> bytes:
        """The body of a good answer."""
        return self._send("GET", target, OK)

    def get_json(self, target: str) -> Any:
        """The JSON of a good answer."""
        return json.loads(self.get(target))

    def get_timed(self, target: str, clock: Callable[[], float]) -> tuple[bytes, float]:
        """The body of a good answer and the milliseconds until its last byte."""
        started = clock()
        body = self.get(target)
        return body, (clock() - started) * 1000

    def _send(
        self, method: str, target: str, expected: int, body: bytes | None = None, content_type: str = ""
    ) -> bytes:
        headers = {"Content-Type": content_type} if content_type else {}
        try:
            self._http.request(method, target, body, headers)
            answer = self._http.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise BenchFailed(f"{method} {target[:80]}: {type(error).__name__} {error}") from error
        if answer.status != expected:
            raise BenchFailed(f"{method} {target[:80]} answered {answer.status}: {data[:300]!r}")
        return data
