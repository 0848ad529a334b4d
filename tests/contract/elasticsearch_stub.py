"""A server that speaks just enough Elasticsearch, for what no node can be made to answer at will."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from shared.index.mapping import index_name


@dataclass
class Stub:
    """Answers every request with what the test says, and remembers what it was asked.

    But for looks at the aliases, which find ``aliases`` and are not remembered, unless ``aliases`` is None.
    """

    url: str = ""
    status: int = 200
    body: Any = None
    answer: Callable[[bytes], tuple[int, Any]] | None = None
    kind: str = "application/json"
    product: bool = True
    seen: list[tuple[str, Message]] = field(default_factory=list)
    waits: threading.Event | None = None
    aliases: dict[str, Any] | None = field(
        default_factory=lambda: {index_name("news"): {"aliases": {"news": {}}}}
    )

    def looks(self, path: str) -> bool:
        return self.aliases is not None and self.waits is None and path.startswith("/_alias/")


def serve(stub: Stub) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            if stub.looks(self.path):
                status, told = 200, stub.aliases
            else:
                stub.seen.append((self.path, self.headers))
                if stub.waits is not None:
                    stub.waits.wait(10)
                status, told = stub.answer(body) if stub.answer else (stub.status, stub.body)
            data = told if isinstance(told, bytes) else json.dumps(told).encode()
            self.send_response(status)
            if stub.product:
                self.send_header("X-Elastic-Product", "Elasticsearch")
            self.send_header("Content-Type", stub.kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_HEAD = do_GET = do_PUT = do_POST  # noqa: N815 - the library's names

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    stub.url = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server
