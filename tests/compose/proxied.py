"""Questions to nginx in front of the services that are no plain requests: held open, or too many."""

from __future__ import annotations

import json
import socket
import urllib.request
from contextlib import ExitStack, suppress
from email.message import Message
from select import select
from typing import Any
from urllib.error import HTTPError

from tests.compose.stack import OPENER, Stack, article, status_of, wait_until


def streamed(number: int, text: str) -> dict[str, Any]:
    """One line in fifty is good: what is tried is the way, and not how fast workers are."""
    item = article(number, source="stream.example", body=f"{number} {text}")
    return item if number % 50 == 0 else {**item, "unknown": 1}


def ingest_place(stack: Stack) -> tuple[str, int]:
    """Where nginx listens for ingest."""
    return "127.0.0.1", int(stack.environ["COPYDESK_INGEST_PORT"])


def bulk_url(stack: Stack) -> str:
    """Where streams are pushed."""
    return f"{stack.url('INGEST')}/v1/articles:bulk"


def ndjson(stack: Stack) -> dict[str, str]:
    """The headers of a stream, with a good key."""
    return {"Content-Type": "application/x-ndjson", **stack.key}


def first_of(held: ExitStack, stack: Stack) -> str:
    """The status that a stream gets which sends nothing; empty where it is waited for."""
    asked = held.enter_context(socket.create_connection(ingest_place(stack), 10))
    headers = {"Host": "copydesk", **ndjson(stack), "Transfer-Encoding": "chunked"}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    asked.sendall(f"POST /v1/articles:bulk HTTP/1.1\r\n{head}\r\n".encode())
    return asked.recv(100)[9:12].decode() if select([asked], [], [], 0.5)[0] else ""


def until_streams_are_taken(stack: Stack) -> None:
    """Wait until the places of streams that were broken off are free again."""
    line = json.dumps(article(1, source="stream.example")).encode()
    wait_until(lambda: status_of(bulk_url(stack), ndjson(stack), line) == 200, lambda: "no place", 60)


def answer_of(url: str, headers: dict[str, str], body: bytes | None = None) -> tuple[int, Message, Any]:
    """An answer, whether or not it is an error: its status, headers and JSON."""
    request = urllib.request.Request(url, body, headers)
    try:
        answer = OPENER.open(request, timeout=30)
    except HTTPError as error:
        answer = error
    with answer:
        return answer.status, answer.headers, json.load(answer)


def exhaust(place: tuple[str, int], number: int) -> bytes:
    """What a request is answered while so many others hold a connection."""
    with ExitStack() as held:
        for _ in range(number):  # with a line of a request each: idle connections would be closed for others
            held.enter_context(socket.create_connection(place, 10)).sendall(b"GET / HTTP/1.1\r\n")
        asked = held.enter_context(socket.create_connection(place, 10))
        with suppress(OSError):
            asked.sendall(b"GET /v2/everything?apiKey=cdk_LEAKED HTTP/1.1\r\nHost: copydesk\r\n\r\n")
            return asked.recv(4096) if select([asked], [], [], 5)[0] else b""
    return b""
