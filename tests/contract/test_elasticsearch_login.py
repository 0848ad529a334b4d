"""The index behind a password, on a server that asks for one and speaks enough Elasticsearch for `check`."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from services.cli.passwords import plan_files
from shared.errors import Unavailable
from shared.index.elasticsearch import ElasticsearchIndex
from shared.index.mapping import index_name
from shared.settings import read_settings

ALIAS = "news"
PASSWORD = "p@ss:w/rd?#%[]!{}"
REFUSED = {
    "error": {
        "type": "security_exception",
        "reason": "unable to authenticate user [elastic] for REST request [/]",
    },
    "status": 401,
}
FOUND = {
    "took": 1,
    "timed_out": False,
    "_shards": {"total": 1, "successful": 1, "failed": 0},
    "hits": {"hits": []},
}
Login = Callable[[str], ElasticsearchIndex]


class Guarded(BaseHTTPRequestHandler):
    """Answers what a node with X-Pack's security answers, to those with the password and to the others."""

    protocol_version = "HTTP/1.1"
    expected = "Basic " + b64encode(f"elastic:{PASSWORD}".encode()).decode()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.headers.get("Authorization") != self.expected:
            self.tell(401, REFUSED)
        elif self.path.startswith("/_alias/"):
            self.tell(200, {index_name(ALIAS): {"aliases": {ALIAS: {}}}})
        else:
            self.tell(200, FOUND)

    do_GET = do_HEAD = do_POST  # noqa: N815 - the library's names

    def tell(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/json")
        if status == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="security", charset="UTF-8"')
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def place() -> Iterator[str]:
    """Host and port of a guarded server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Guarded)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def login(place: str) -> Iterator[Login]:
    """Opens the index with the credentials of a URL, which are closed after the test."""
    opened: list[ElasticsearchIndex] = []

    def open_with(credentials: str) -> ElasticsearchIndex:
        opened.append(ElasticsearchIndex(f"http://{credentials}{place}", ALIAS))
        return opened[-1]

    yield open_with
    for index in opened:
        index.close()


def test_the_address_that_compose_makes_opens_the_index_from_its_file(place: str, tmp_path: Path) -> None:
    [secret] = [each for each in plan_files("r" * 12, PASSWORD, "f" * 12) if each.name == "index-url"]
    path = tmp_path / "index-url"
    path.write_text(secret.text.replace("elasticsearch:9200", place))
    settings = read_settings({"COPYDESK_INDEX_URL_FILE": str(path)})
    index = ElasticsearchIndex(settings.index_url, ALIAS)
    index.check()
    index.close()


@pytest.mark.parametrize("credentials", ["", "elastic:another-password@", "elastic@", "someone:p%40ss@"])
def test_without_the_password_the_index_is_away_and_says_why(login: Login, credentials: str) -> None:
    with pytest.raises(Unavailable, match="unable to authenticate"):
        login(credentials).check()


def test_what_is_told_of_a_refusal_does_not_hold_the_password(login: Login) -> None:
    with pytest.raises(Unavailable) as caught:
        login("elastic:another-password@").check()
    told: BaseException | None = caught.value
    while told is not None:
        assert "another-password" not in f"{told!s}{told!r}"
        told = told.__cause__ or told.__context__
