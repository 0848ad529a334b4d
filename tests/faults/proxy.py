"""A way to a real Elasticsearch that misbehaves on demand, as no node can be made to at the right moment."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import urlsplit

Mode = Literal["pass", "refuse", "429", "503", "some 429", "cut"]


class Proxy:
    """Passes requests on to a node, each treated as ``mode`` says; counts the bulk requests of every mode.

    - refuse: hangs up without an answer, and the node hears nothing.
    - 429, 503: answers so for it.
    - some 429: tells every second item of a bulk that the node's queue is full.
    - cut: lets the node do it, and hangs up instead of answering.

    A document whose title says ``breach`` gets a field that the mapping does not know, so that the node
    refuses this one.
    """

    def __init__(self, target: str) -> None:
        self._target = urlsplit(target).netloc
        self.mode: Mode = "pass"
        self.bulks: Counter[str] = Counter()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        serve = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        serve.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def forward(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        node = http.client.HTTPConnection(self._target, timeout=60)
        try:
            node.request(method, path, body or None, headers)
            answer = node.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()
        finally:
            node.close()


def _handler(proxy: Proxy) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            mode, is_bulk = proxy.mode, "_bulk" in self.path
            if is_bulk:
                proxy.bulks[mode] += 1
                body = _breach(body)
            if mode == "refuse" or (is_bulk and mode in ("429", "503")):
                self._refuse(mode)
                return
            kept = {name: value for name, value in self.headers.items() if name.lower() in KEPT}
            try:
                status, headers, told = proxy.forward(self.command, self.path, body, kept)
            except OSError:
                self.close_connection = True
                return
            if is_bulk and mode == "cut":
                self.close_connection = True
                return
            if is_bulk and mode == "some 429":
                told = _some_429(told)
            self._answer(status, headers, told)

        do_GET = do_HEAD = do_PUT = do_DELETE = do_POST  # noqa: N815 - the library's names

        def _refuse(self, mode: Mode) -> None:
            if mode == "refuse":
                self.close_connection = True
                return
            why = {"429": "es_rejected_execution_exception", "503": "unavailable_shards_exception"}[mode]
            told = json.dumps({"error": {"type": why, "reason": "told so"}, "status": int(mode)}).encode()
            self._answer(
                int(mode), {"content-type": "application/json", "x-elastic-product": "Elasticsearch"}, told
            )

        def _answer(self, status: int, headers: dict[str, str], told: bytes) -> None:
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() in ("content-type", "x-elastic-product"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(told)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(told)

        def log_message(self, *_: Any) -> None:
            pass

    return Handler


KEPT = ("content-type", "accept")


def _breach(body: bytes) -> bytes:
    if b"breach" not in body:
        return body
    lines = body.split(b"\n")
    return b"\n".join(_with_unknown_field(line) if b"breach" in line else line for line in lines)


def _with_unknown_field(line: bytes) -> bytes:
    told = json.loads(line)
    return json.dumps(told | {"no_such_field": 1}).encode() if "article" in told else line


def _some_429(told: bytes) -> bytes:
    answer = json.loads(told)
    for item in answer.get("items", [])[::2]:
        (result,) = item.values()
        result["status"] = 429
        result["error"] = {"type": "es_rejected_execution_exception", "reason": "told so"}
    return json.dumps(answer).encode()
