"""Callers who mean harm, against both services as the system starts them: heads and bodies that never end.

Nothing of it holds up anybody else, gets past the keys, or stays behind.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from shared.clock import now_ms
from shared.index.open import open_index
from shared.keys.open import open_keys
from shared.keys.secret import make_key
from shared.ledger.open import migrate_ledger
from shared.settings import Settings
from tests.integration.service import run_ingest, run_search
from tests.servers import free_port

pytestmark = pytest.mark.slow

HEAD_SECONDS = 10.0  # that the options give a head
DESK = "https://desk.example"
MANY = 150  # connections at once; there are 16 threads
BAD_HEADS = [
    b"X-Request-Id: a\0b\r\n", b"X-Request-Id: a\rX-Evil: 1\r\n", b"X-Request-Id: a\r\n X-Evil: 1\r\n",
    b"X Evil: 1\r\n", b": 1\r\n", b"X-Request-Id\r\n", b"Content-Length: 1\r\nContent-Length: 2\r\n",
    b"Content-Length: -1\r\n", b"Content-Length: 1e3\r\n", b"Transfer-Encoding: gzip, nothing\r\n",
]  # fmt: skip


@dataclass(frozen=True)
class Service:
    """One service that runs, a key that it knows, and where it writes what it has to say."""

    name: str
    pid: int
    port: int
    key: str
    log: Path

    def client(self) -> httpx.Client:
        headers = {"X-Api-Key": self.key}
        return httpx.Client(base_url=f"http://127.0.0.1:{self.port}", trust_env=False, headers=headers)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 5)

    def say(self, said: bytes, seconds: float = 5.0) -> bytes:
        """All that comes back until the server closes; fails where it does not within ``seconds``."""
        heard = b""
        with closing(self.connect()) as connection:
            connection.settimeout(seconds)
            with suppress(ConnectionError):  # closed on us while more was to be said
                connection.sendall(said)
            with suppress(ConnectionError):
                while piece := connection.recv(65_536):
                    heard += piece
        return heard

    def open_files(self) -> int:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        [worker] = [pid for pid in children if Path(f"/proc/{pid}/fd").exists()][-1:]
        return len(list(Path(f"/proc/{worker}/fd").iterdir()))


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Service]]:
    folder = tmp_path_factory.mktemp("hostile")
    settings = Settings(
        data_dir=folder / "data", broker_url=f"redis://127.0.0.1:{free_port()}/0", keys="on",
        cors_origins=DESK, ingest_port=free_port(), search_port=free_port(),
    )  # fmt: skip
    migrate_ledger(settings)
    index = open_index(settings, writing=True)
    index.create()
    index.close()
    text, key = make_key("tests", ("ingest", "search"), now_ms())
    store = open_keys(settings)
    store.add(key)
    store.close()
    logs = folder / "ingest.log", folder / "search.log"
    with run_ingest(settings, logs[0]) as ingest, run_search(settings, logs[1]) as search:
        yield {
            "ingest": Service("ingest", ingest.pid, settings.ingest_port, text, logs[0]),
            "search": Service("search", search.pid, settings.search_port, text, logs[1]),
        }


@pytest.fixture(params=["ingest", "search"])
def service(request: pytest.FixtureRequest, running: dict[str, Service]) -> Iterator[Service]:
    """A service that, after the test, has nothing open and has said nothing that it should not."""
    found = running[request.param]
    serves(found)
    before = found.open_files()
    yield found
    serves(found)
    deadline = time.monotonic() + 15
    while found.open_files() > before + 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert found.open_files() <= before + 3
    said = found.log.read_text()
    assert "Traceback" not in said
    assert found.key not in said


def serves(service: Service, seconds: float = 2.0) -> None:
    """Somebody else is served: without a body, with a key, and with a body."""
    with service.client() as client:
        for ask in _asked(service, client):
            begun = time.monotonic()
            answer = ask()
            assert answer.status_code in (200, 202), (answer.url, answer.text, service.log.read_text())
            assert time.monotonic() - begun < seconds


def _asked(service: Service, client: httpx.Client) -> list[Callable[[], httpx.Response]]:
    health = lambda: client.get("/healthz")  # noqa: E731
    if service.name == "search":
        return [health, lambda: client.get("/v1/search"), lambda: client.get("/v2/sources")]
    push = {"url": f"https://a.example/{time.time_ns()}", "body": "Text of an article."}
    return [health, lambda: client.get("/"), lambda: client.post("/v1/articles", json=push)]


@contextmanager
def held(service: Service, said: list[bytes]) -> Iterator[list[socket.socket]]:
    """A connection for each beginning that was said."""
    opened: list[socket.socket] = []
    try:
        for words in said:
            opened.append(service.connect())
            opened[-1].sendall(words)
        yield opened
    finally:
        for connection in opened:
            connection.close()


def drip(connections: list[socket.socket]) -> None:
    """A byte more on each connection that still takes one."""
    for connection in connections:
        connection.settimeout(1)
        with suppress(OSError):
            connection.sendall(b"a")


def is_closed(connection: socket.socket) -> bool:
    connection.settimeout(0)
    try:
        while connection.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def head(path: str, more: bytes = b"", method: str = "GET") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n".encode() + more


@pytest.mark.parametrize("bad", BAD_HEADS)
def test_a_head_that_is_none_is_refused_and_opens_no_second_answer(service: Service, bad: bytes) -> None:
    heard = service.say(head("/healthz", bad) + b"\r\nGET /metrics HTTP/1.1\r\nHost: a\r\n\r\n")
    assert heard.startswith(b"HTTP/1.1 400 ")
    assert heard.count(b"HTTP/1.1 ") == 1
    assert b"evil" not in heard.lower()


@pytest.mark.parametrize(
    "path",
    ["/%0d%0aX-Evil:%201", "/v1//search%0d%0aX-Evil:%201", "/v1/search?q=%0d%0aX-Evil:%201&size=x",
     "/v2/everything?q=%0d%0aX-Evil:%201", "/v1/articles/%0d%0aX-Evil:%201", "/articles/%00%0aX-Evil:%201",
     "/v1/articles/%0d%0aX-Evil:%201/status", "/v1/search/?cursor=%0aX-Evil:1"],
)  # fmt: skip
def test_no_value_of_an_address_becomes_a_header(service: Service, path: str) -> None:
    for key in (b"", b"X-Api-Key: " + service.key.encode() + b"\r\n"):
        heard = service.say(head(path, key) + b"\r\n")
        told = heard.partition(b"\r\n\r\n")[0].lower()
        assert b"\nx-evil" not in told
        assert heard[9:10] in b"234"


@pytest.mark.parametrize(
    "value",
    [b"https://evil.example", b"\xff\xfe", b"https://desk.example\tx", b"a" * 60_000, b"${jndi:ldap://a}"],
)
def test_no_value_of_a_header_comes_back_that_was_not_allowed(service: Service, value: bytes) -> None:
    for name in (
        b"Origin",
        b"X-Request-Id",
        b"traceparent",
        b"X-Forwarded-Host",
        b"Idempotency-Key",
        b"Referer",
    ):
        heard = service.say(head("/healthz", name + b": " + value + b"\r\n") + b"\r\n")
        assert heard.startswith(b"HTTP/1.1 200 ")
        assert value not in heard
        assert b"access-control-allow-origin" not in heard.lower()


@pytest.mark.parametrize("port_like", [b"a:b", b"evil.example/..", b"[::1", b"a b", b"\xff"])
def test_a_host_that_is_none_is_no_fault(service: Service, port_like: bytes) -> None:
    for path in (b"/healthz", b"/v1//search", b"/"):
        heard = service.say(
            b"GET " + path + b" HTTP/1.1\r\nConnection: close\r\nHost: " + port_like + b"\r\n\r\n"
        )
        assert heard[9:10] in b"234"


@pytest.mark.parametrize(
    ("more", "statuses"),
    [
        (b"".join(b"X-%d: a\r\n" % number for number in range(1_000)), (b"431",)),
        (b"X-A: " + b"a" * 2_000_000 + b"\r\n", (b"431",)),
        (b"".join(b"X-%d: %s\r\n" % (number, b"a" * 10_000) for number in range(50)), (b"431",)),
        (b"Cookie: " + b"a=b; " * 20_000 + b"\r\n", (b"401", b"431")),
        (b"Authorization: Bearer " + b"k" * 100_000 + b"\r\n", (b"401", b"431")),
    ],
)
def test_a_head_that_is_too_large_is_refused_at_once(
    service: Service, more: bytes, statuses: tuple[bytes, ...]
) -> None:
    begun = time.monotonic()
    heard = service.say(head("/", more) + b"\r\n")
    assert heard[9:12] in statuses
    assert time.monotonic() - begun < 2


def test_an_address_that_is_too_long_is_refused_at_once(service: Service) -> None:
    for length in (70_000, 200_000, 2_000_000):
        assert service.say(head(f"/{'a' * length}") + b"\r\n")[9:12] in (b"401", b"414", b"431")


def test_heads_that_come_byte_by_byte_are_cut_off_and_hold_nobody_up(service: Service) -> None:
    beginnings = [b"", b"G", head("/healthz"), head("/healthz", b"X-A: "), b"POST /v1/articles HTTP/1.1\r\n",
                  b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"]  # fmt: skip
    with held(service, beginnings * (MANY // len(beginnings))) as connections:
        begun = time.monotonic()
        while time.monotonic() - begun < HEAD_SECONDS - 2:
            serves(service)
            drip(connections[:: len(beginnings)] + connections[3 :: len(beginnings)])
            time.sleep(0.5)
        deadline = begun + HEAD_SECONDS + 5
        while not all(map(is_closed, connections)) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert [number for number, one in enumerate(connections) if not is_closed(one)] == []


def test_a_connection_that_has_had_its_answer_is_not_kept_for_ever(service: Service) -> None:
    kept = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
    with held(service, [kept] * 50) as connections:
        deadline = time.monotonic() + HEAD_SECONDS + 5
        while not all(map(is_closed, connections)) and time.monotonic() < deadline:
            time.sleep(0.2)
        assert all(map(is_closed, connections))


@pytest.mark.parametrize("who", ["a stranger", "somebody with a key"])
def test_bodies_that_come_byte_by_byte_hold_nobody_up(service: Service, who: str) -> None:
    """Sent to what takes a body, to what takes none, and to what is open to all; long, chunked and short."""
    known = b"" if who == "a stranger" else b"X-Api-Key: " + service.key.encode() + b"\r\n"
    lengths = (b"Content-Length: 100000\r\n", b"Content-Length: 300\r\n", b"Transfer-Encoding: chunked\r\n")
    kinds = {
        "ingest": [("POST", "/v1/articles"), ("POST", "/v1/articles:bulk"), ("POST", "/v1/pages?url=https://a.example/1"),
                   ("POST", "/v1/quarantine/replay"), ("GET", "/healthz"), ("PUT", "/no/such")],
        "search": [("POST", "/v1/similar"), ("POST", "/sign-in"), ("GET", "/v1/search"), ("GET", "/healthz"),
                   ("POST", "/v2/everything"), ("PUT", "/no/such")],
    }[service.name]  # fmt: skip
    media = b"Content-Type: application/json\r\n"
    said = [
        head(path, known + media + length, method) + b"\r\n" for method, path in kinds for length in lengths
    ]
    with held(service, said * 3) as connections:
        begun = time.monotonic()
        while time.monotonic() - begun < 4:
            drip(connections)
            with service.client() as client:
                asked = time.monotonic()
                assert client.get("/healthz").status_code == 200
                assert time.monotonic() - asked < 2
                assert client.get("/v1/search" if service.name == "search" else "/").status_code == 200
            time.sleep(0.3)


@contextmanager
def coming_back(service: Service, said: list[bytes]) -> Iterator[None]:
    """Senders who say their beginning, then next to nothing, and come again as soon as they are refused."""
    over = threading.Event()

    def go_on() -> None:
        with held(service, said) as connections:
            while not over.wait(0.3):
                drip([one for one in connections if not is_closed(one)])
                for place, one in enumerate(connections):
                    if is_closed(one):
                        one.close()
                        connections[place] = service.connect()
                        connections[place].sendall(said[place])

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("who", ["a stranger", "somebody with a key"])
def test_slow_bodies_that_come_again_at_once_hold_nobody_up(service: Service, who: str) -> None:
    known = b"" if who == "a stranger" else b"X-Api-Key: " + service.key.encode() + b"\r\n"
    path = "/v1/articles" if service.name == "ingest" else "/v1/similar"
    length = b"Content-Length: 300\r\n" if who == "a stranger" else b"Content-Length: 100000\r\n"
    beginning = head(path, known + b"Content-Type: application/json\r\n" + length, "POST") + b"\r\n"
    waits: list[float] = []
    with coming_back(service, [beginning] * MANY), service.client() as client:
        begun = time.monotonic()
        while time.monotonic() - begun < 6:
            for ask in _asked(service, client):
                asked = time.monotonic()
                try:
                    status = ask().status_code
                except httpx.RemoteProtocolError:  # closed after a body that was refused, and not read
                    assert who != "a stranger"
                    continue
                waits.append(time.monotonic() - asked)
                # With a key they hold the places for bodies; who is refused one hears so at once.
                assert status in (200, 202) or (who != "a stranger" and status == 503)
    assert sorted(waits)[len(waits) // 2] < 0.5
    assert max(waits) < 3


def test_the_log_of_all_this_has_no_word_of_ours_that_a_caller_could_write(
    running: dict[str, Service],
) -> None:
    for service in running.values():
        service.say(
            head("/v1/search?q=%0a%7B%22event%22:%22forged%22%7D", b"X-Request-Id: forged\r\n") + b"\r\n"
        )
        assert "\nforged" not in service.log.read_text()
