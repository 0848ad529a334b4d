"""Ingest in a real granian process: chunked bodies, streams both ways, and connections that live on."""

from __future__ import annotations

import http.client
import json
import select
import socket
import subprocess
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from shared.identity import article_id, body_uri
from shared.ledger.open import migrate_ledger, open_ledger
from shared.ledger.port import Ledger
from shared.settings import Settings
from tests.integration.service import run_ingest
from tests.servers import free_port

NDJSON = {"Content-Type": "application/x-ndjson"}
NONE: Mapping[str, str] = {}
LIMIT = 1_000_000
MEMORY_KB = 1024


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    # Nothing listens at the broker's port: ingest must not mind.
    made = Settings(
        data_dir=tmp_path_factory.mktemp("ingest"),
        broker_url=f"redis://127.0.0.1:{free_port()}/0",
        ingest_port=free_port(),
        max_request_bytes=LIMIT,
    )
    migrate_ledger(made)
    return made


@pytest.fixture(scope="module")
def server(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[subprocess.Popen[bytes]]:
    with run_ingest(settings, tmp_path_factory.mktemp("log") / "granian.log") as process:
        yield process


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with closing(open_ledger(settings)) as opened:
        yield opened


@pytest.fixture
def client(server: subprocess.Popen[bytes], settings: Settings) -> Iterator[httpx.Client]:
    base = f"http://127.0.0.1:{settings.ingest_port}"
    with httpx.Client(base_url=base, timeout=30, trust_env=False) as opened:
        yield opened


@pytest.fixture
def connection(server: subprocess.Popen[bytes], settings: Settings) -> Iterator[http.client.HTTPConnection]:
    with closing(http.client.HTTPConnection("127.0.0.1", settings.ingest_port, timeout=15)) as opened:
        yield opened


def item(name: object, **more: object) -> dict[str, object]:
    return {"url": f"https://news.example/{name}", "body": f"Text of {name}."} | more


def line(name: object, **more: object) -> bytes:
    return json.dumps(item(name, **more)).encode() + b"\n"


def accepted(ledger: Ledger, names: Iterable[object]) -> int:
    """How many of these items the ledger holds; whatever other tests left is not counted."""
    ids = (article_id("news.example", None, f"https://news.example/{name}") for name in names)
    return sum(ledger.status(one) is not None for one in ids)


def test_a_push_is_202_while_the_broker_is_down(client: httpx.Client, ledger: Ledger) -> None:
    began = time.monotonic()
    answer = client.post("/v1/articles", json=item("broker-down"))
    assert answer.status_code == 202
    assert time.monotonic() - began < 1
    assert accepted(ledger, ["broker-down"]) == 1
    assert client.get(answer.json()["status_url"]).json()["status"] == "accepted"


def test_readiness_is_degraded_but_not_red_without_a_broker(client: httpx.Client) -> None:
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert ready.json()["status"] == "degraded"
    assert ready.json()["checks"]["broker"]["status"] == "failed"
    assert ready.json()["checks"]["ledger"] == {"status": "ok"}


def test_a_chunked_stream_of_5000_lines_gives_5000_outcomes(client: httpx.Client, ledger: Ledger) -> None:
    body = (line(f"chunked-{number}") for number in range(5_000))
    answer = client.post("/v1/articles:bulk", content=body, headers=NDJSON)
    outcomes = [json.loads(text) for text in answer.text.splitlines()]
    assert [outcome["index"] for outcome in outcomes] == list(range(5_000))
    assert {outcome["status"] for outcome in outcomes} == {"accepted"}
    assert len({outcome["id"] for outcome in outcomes}) == 5_000
    assert accepted(ledger, (f"chunked-{number}" for number in range(0, 5_000, 50))) == 100


def test_outcomes_come_back_while_the_stream_is_still_being_sent(
    connection: http.client.HTTPConnection, ledger: Ledger
) -> None:
    _begin_chunked(connection, "/v1/articles:bulk", "application/x-ndjson")
    _send_chunk(connection, b"".join(line(f"open-{number}") for number in range(1_000)))
    with connection.sock.makefile("rb") as answer:
        head = b"".join(iter(answer.readline, b"\r\n"))
        assert b"200" in head.splitlines()[0]
        first = answer.read(int(answer.readline(), 16)).splitlines()[0]
        assert json.loads(first)["status"] == "accepted"
        assert accepted(ledger, ["open-0"]) == 1  # although the request has not ended
        _send_chunk(connection, b"")
        rest = list(iter(answer.readline, b"0\r\n"))
    assert json.loads([text for text in rest if text.startswith(b"{")][-1])["index"] == 999
    assert accepted(ledger, (f"open-{number}" for number in range(0, 1_000, 10))) == 100


def test_nothing_comes_before_the_end_of_a_stream_whose_answer_is_to_come_after_it(
    connection: http.client.HTTPConnection, ledger: Ledger
) -> None:
    _begin_chunked(connection, "/v1/articles:bulk", "application/x-ndjson", {"X-Answer-After-Body": "1"})
    _send_chunk(connection, b"".join(line(f"after-{number}") for number in range(1_000)))
    deadline = time.monotonic() + 30
    while not accepted(ledger, ["after-500"]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not select.select([connection.sock], [], [], 0.5)[0]
    _send_chunk(connection, b"")
    answer = connection.getresponse()
    outcomes = [json.loads(text) for text in answer.read().splitlines()]
    assert answer.status == 200
    assert [outcome["index"] for outcome in outcomes] == list(range(1_000))
    assert {outcome["status"] for outcome in outcomes} == {"accepted"}


def test_a_client_that_sends_all_before_it_reads_does_not_stand_still(
    connection: http.client.HTTPConnection, ledger: Ledger
) -> None:
    # 10 MB of outcomes and more: the sockets between the two hold less.
    wrong = json.dumps({f"{'x' * 90}{number}": 1 for number in range(3)}).encode() + b"\n"
    _begin_chunked(connection, "/v1/articles:bulk", "application/x-ndjson")
    for _ in range(10):
        _send_chunk(connection, wrong * 1_000)
    _send_chunk(connection, b"")
    outcomes = connection.getresponse().read()
    assert len(outcomes) > 10_000_000
    assert [json.loads(text)["index"] for text in outcomes.splitlines()] == list(range(10_000))


def test_a_long_stream_takes_little_memory(
    client: httpx.Client, server: subprocess.Popen[bytes], ledger: Ledger
) -> None:
    client.post("/v1/articles:bulk", content=line("warm"), headers=NDJSON)
    before = _peak_memory_kb(server)
    text = "word " * 20_000  # 100 kB a line, 40 MB in all
    body = (line(f"long-{number}", body=text) for number in range(400))
    answer = client.post("/v1/articles:bulk", content=body, headers=NDJSON)
    assert answer.text.count('"accepted"') == 400
    assert _peak_memory_kb(server) - before < 40 * MEMORY_KB


def _peak_memory_kb(server: subprocess.Popen[bytes]) -> int:
    """The highest resident memory of the one worker process so far."""
    children = Path(f"/proc/{server.pid}/task/{server.pid}/children")
    if not children.exists():
        pytest.skip("reading the memory of a process needs /proc")
    status = Path(f"/proc/{children.read_text().split()[0]}/status").read_text()
    return int(next(text.split()[1] for text in status.splitlines() if text.startswith("VmHWM")))


def test_a_chunked_body_over_the_limit_is_413_and_the_next_request_is_answered(
    server: subprocess.Popen[bytes], settings: Settings, ledger: Ledger
) -> None:
    for path, kind in (("/v1/articles", "application/json"), ("/v1/pages?source=a", "text/plain")):
        with closing(_connect(settings)) as connection:
            _begin_chunked(connection, path, kind)
            for _ in range(2 * LIMIT // 10_000):
                try:
                    _send_chunk(connection, b"x" * 10_000)
                except OSError:
                    break  # the server answered and closed before it had read everything
            else:
                _send_chunk(connection, b"")
            answer = connection.getresponse()
            assert answer.status == 413
            assert answer.getheader("Content-Type") == "application/problem+json"
            assert json.loads(answer.read())["status"] == 413
        with closing(_connect(settings)) as connection:
            connection.request("GET", "/healthz")
            assert connection.getresponse().status == 200
    cut_off = (article_id("a", body_uri(b"x" * size), None) for size in (LIMIT, LIMIT + 1))
    assert [ledger.status(one) for one in cut_off] == [None, None]


def test_one_connection_lives_through_every_kind_of_error(
    connection: http.client.HTTPConnection, ledger: Ledger
) -> None:
    json_type = {"Content-Type": "application/json"}
    requests: list[tuple[str, str, bytes | None, dict[str, str], int]] = [
        ("POST", "/v1/articles", b"{", json_type, 400),
        ("POST", "/v1/articles", b"{}", {"Content-Type": "text/plain"}, 415),
        ("POST", "/v1/articles", b"\xff\xfe", json_type, 400),
        ("POST", "/v1/articles:bulk", b"", NDJSON, 400),
        ("GET", "/nowhere", None, {}, 404),
        ("PUT", "/v1/articles", b"{}", json_type, 405),
        ("GET", "/v1/articles/x/status", None, {}, 404),
        ("GET", "/v1/articles/%ff%00/status", None, {}, 404),
        ("POST", "/v1/pages", b"x", {"Content-Type": "text/plain"}, 400),
        ("POST", "/v1/articles", json.dumps(item("after-errors")).encode(), json_type, 202),
    ]
    socket_used = None
    for method, path, body, headers, status in requests:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        assert answer.status == status, (path, text)
        socket_used = socket_used or connection.sock
        assert connection.sock is socket_used


def test_a_length_over_the_limit_is_413_before_the_body_is_sent(
    connection: http.client.HTTPConnection,
) -> None:
    connection.putrequest("POST", "/v1/articles")
    connection.putheader("Content-Type", "application/json")
    connection.putheader("Content-Length", str(LIMIT + 1))
    connection.endheaders()
    assert connection.getresponse().status == 413


def test_a_client_that_hangs_up_in_a_stream_leaves_the_service_as_it_was(
    client: httpx.Client, settings: Settings, ledger: Ledger
) -> None:
    for cut in range(8):  # twice as many as there are places for streams
        with closing(_connect(settings)) as connection:
            _begin_chunked(connection, "/v1/articles:bulk", "application/x-ndjson")
            _send_chunk(
                connection, b"".join(line(f"cut-{cut}-{number}") for number in range(200)) + b'{"url": "ht'
            )
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        answer = client.post("/v1/articles:bulk", content=line("after-cuts"), headers=NDJSON)
        if answer.status_code != 503:  # until the lines before the cuts are committed
            break
        time.sleep(0.05)
    assert json.loads(answer.text)["status"] == "accepted"
    assert accepted(ledger, ["after-cuts"]) == 1


def test_bad_bytes_in_headers_and_paths_are_never_5xx(
    server: subprocess.Popen[bytes], settings: Settings
) -> None:
    for head in (
        b"GET /%ff%fe HTTP/1.1\r\nHost: localhost\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: \xff\xfe\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Request-Id: \xe9\xff\r\n",
        b"POST /v1/articles HTTP/1.1\r\nHost: localhost\r\nContent-Type: \xff\r\nContent-Length: 0\r\n",
        b"POST /v1/articles HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n",
        b"POST /v1/pages HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: " + b"a" * 1_000_000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n",
        b"NONSENSE\r\n",
    ):
        assert _status_of(settings, head) < 500, head[:60]


def _status_of(settings: Settings, head: bytes) -> int:
    """The status of the answer to raw bytes; 0 when the server only closed the connection."""
    with closing(_connect(settings)) as connection:
        connection.connect()
        try:
            connection.sock.sendall(head + b"Connection: close\r\n\r\n")
            first = connection.sock.makefile("rb").readline().split()
        except ConnectionError:
            return 0
    return int(first[1]) if len(first) > 1 else 0


def test_many_clients_at_once_lose_nothing(settings: Settings, client: httpx.Client, ledger: Ledger) -> None:
    statuses: list[int] = []

    def push(name: int) -> None:
        with closing(_connect(settings)) as connection:
            for number in range(25):
                body = json.dumps(item(f"many-{name}-{number}"))
                connection.request("POST", "/v1/articles", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
                statuses.append(answer.status)

    threads = [threading.Thread(target=push, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [202] * 200
    assert accepted(ledger, (f"many-{name}-{n}" for name in range(8) for n in range(25))) == 200


def test_slow_senders_leave_threads_for_the_others(
    server: subprocess.Popen[bytes], settings: Settings, client: httpx.Client
) -> None:
    bodies = [_begin_slow(settings, "/v1/articles", "application/json") for _ in range(12)]
    streams = [_begin_slow(settings, "/v1/articles:bulk", "application/x-ndjson") for _ in range(12)]
    slow = bodies + streams
    taken = 0
    try:
        deadline = time.monotonic() + 4
        while time.monotonic() < deadline:
            for connection in slow:
                with suppress(OSError):  # refused, and closed
                    connection.sendall(b" ")
            began = time.monotonic()
            assert client.get("/healthz").status_code == 200
            assert client.post("/v1/articles", json=item(f"beside-{began}")).status_code in (202, 503)
            assert time.monotonic() - began < 2
            taken += client.post("/v1/articles", json=item(f"beside-{began}-2")).status_code == 202
            time.sleep(0.2)
        assert taken > 5
        refused = [_status_so_far(connection) for connection in slow]
        assert refused.count(b"503") == len(slow) - 2 * (settings.web_threads // 4)
    finally:
        for connection in slow:
            connection.close()
    assert client.post("/v1/articles", json=item("after-the-slow")).status_code == 202


def test_each_line_of_a_slow_stream_is_answered_before_the_next(
    connection: http.client.HTTPConnection, ledger: Ledger
) -> None:
    _begin_chunked(connection, "/v1/articles:bulk", "application/x-ndjson")
    _send_chunk(connection, line("slow-0"))
    with connection.sock.makefile("rb") as answer:
        head = b"".join(iter(answer.readline, b"\r\n"))
        assert b"200" in head.splitlines()[0]
        for number in range(3):
            began = time.monotonic()
            outcome = json.loads(answer.read(int(answer.readline(), 16)))
            answer.readline()
            assert (outcome["index"], outcome["status"]) == (number, "accepted")
            assert time.monotonic() - began < 2
            time.sleep(0.2)
            _send_chunk(connection, line(f"slow-{number + 1}"))
        _send_chunk(connection, b"")
        assert any(b"accepted" in text for text in iter(answer.readline, b"0\r\n"))
    assert accepted(ledger, (f"slow-{number}" for number in range(4))) == 4


def _begin_slow(settings: Settings, path: str, content_type: str) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", settings.ingest_port))
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {content_type}\r\n"
    connection.sendall(head.encode() + b"Content-Length: 100000\r\n\r\n")
    return connection


def _status_so_far(connection: socket.socket) -> bytes:
    connection.settimeout(0)
    try:
        return connection.recv(1_000)[9:12]
    except OSError:
        return b""


def _connect(settings: Settings) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", settings.ingest_port, timeout=15)


def _begin_chunked(
    connection: http.client.HTTPConnection, path: str, content_type: str, more: Mapping[str, str] = NONE
) -> None:
    connection.putrequest("POST", path)
    connection.putheader("Content-Type", content_type)
    connection.putheader("Transfer-Encoding", "chunked")
    for name, value in more.items():
        connection.putheader(name, value)
    connection.endheaders()


def _send_chunk(connection: http.client.HTTPConnection, data: bytes) -> None:
    connection.send(b"%x\r\n%s\r\n" % (len(data), data))
