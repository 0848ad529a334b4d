"""The deployment that grows, for real: nodes, workers, services and the broker are killed under load."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import replace
from http.client import HTTPConnection, HTTPResponse
from itertools import count
from pathlib import Path
from select import select
from subprocess import PIPE, STDOUT
from tempfile import TemporaryDirectory

import pytest

from shared.index.elasticsearch import ANSWER_SECONDS
from tests.compose.newsroom import SOURCE, Newsroom, walk
from tests.compose.proxied import (
    answer_of,
    bulk_url,
    exhaust,
    first_of,
    ingest_place,
    ndjson,
    streamed,
    until_streams_are_taken,
)
from tests.compose.stack import (
    COMPOSE,
    Stack,
    answers,
    article,
    assert_hardened,
    brought_up,
    docker,
    get,
    status_of,
    wait_until,
)
from tests.compose.watched import ask, firing, healths, impatient, values
from tests.servers import free_port

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1500)]
FILE = "deploy/docker-compose.scale.yml"
ELASTICSEARCH = ("elasticsearch-1", "elasticsearch-2", "elasticsearch-3")
RABBITMQ = ("rabbitmq-1", "rabbitmq-2", "rabbitmq-3")
MANY = {"ingest": 2, "search": 2, "worker": 2}
WATCHED = {"copydesk-ingest": ["up"] * 2, "copydesk-search": ["up"] * 2, "copydesk-workers": ["up"] * 3}
STREAMS = 4 * MANY["ingest"]  # places for them
LASTING = frozenset({"redis", "postgres", "sweeper", "nginx", "flower", *MANY, *ELASTICSEARCH, *RABBITMQ})
# The official images have these users, and the stand-ins for them have others.
USERS = {"RABBITMQ": ("rabbitmq", "rabbitmq-1"), "POSTGRES": ("postgres", "postgres")}
UP_SECONDS = 420  # some twenty containers on two cores
FAULT_SECONDS = 120
SILENCE_SECONDS = 10  # 2.7 were seen, and 21 on a machine with fifteen times the load that it can bear
MOST_LATE = 0.02  # none of 156 was late (2026-11-27)
MOST_PARTIAL = 0.05  # while a node dies, some shards do not answer
EVERYTHING = urllib.parse.urlencode({"q": "harbour", "source": SOURCE, "duplicates": "keep", "size": 1})
PORTS = {"nginx": 8000, "ingest": 8001, "search": 8000, "flower": 5555, "redis": 6379, "postgres": 5432,
         "prometheus": 9090}  # fmt: skip


@pytest.fixture(scope="module")
def override() -> Iterator[Path]:
    with TemporaryDirectory() as folder:  # pytest's own has gone before the stack where one ends it by hand
        yield impatient(Path(folder))


@pytest.fixture(scope="module")
def stack(override: Path) -> Iterator[Stack]:
    environ = {**os.environ, "ES_JAVA_OPTS": "-Xms384m -Xmx384m", "COPYDESK_POSTGRES_BUFFERS": "64MB"}
    environ["COPYDESK_PROMETHEUS_PORT"] = str(free_port())
    made = Stack(
        COMPOSE["v2"],
        "copydesk-test-scale",
        environ,
        (FILE, str(override)),
        LASTING,
        frozenset({"secrets", "migrate"}),
        MANY,
    )
    images = json.loads(made.compose("config", "--format", "json"))["services"]
    for variable, (user, service) in USERS.items():
        asked = f"id -u {user}; id -g {user}"
        told = docker("run", "--rm", "--entrypoint", "sh", images[service]["image"], "-c", asked).split()
        environ |= {f"COPYDESK_{variable}_UID": told[0], f"COPYDESK_{variable}_GID": told[1]}
    try:
        with brought_up(made, build=True, seconds=UP_SECONDS):
            # By name, since Grafana is in the profile as well, and has no image that a test could rely on.
            made.compose("up", "-d", "--no-recreate", "prometheus")
            watched = replace(made, lasting=LASTING | {"prometheus"}, once=made.once | {"metrics-key"})
            wait_until(watched.is_up, watched.states, UP_SECONDS)
            yield watched
    finally:  # what was started by name does not end with the rest
        made.compose("--profile", "watch", "down", "--volumes", "--timeout", "0")


def named(stack: Stack, service: str) -> list[str]:
    """The containers of a service, running or not."""
    return sorted(found["Name"].lstrip("/") for name, found in stack.containers() if name == service)


def ask_elasticsearch(stack: Stack, path: str) -> str:
    """What the engine answers, asked in one of its containers that runs."""
    script = (
        'printf \'user = "elastic:%s"\' "$(cat /run/copydesk/elastic-password)" | '
        f"curl -fs -K - 'http://127.0.0.1:9200/{path}'"
    )
    running = [name for name, state in stack.states() if name in ELASTICSEARCH and state.startswith("Up")]
    return docker("exec", named(stack, running[0])[0], "sh", "-c", script).strip()


def shards(stack: Stack) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(
        ask_elasticsearch(stack, "_cat/shards/copydesk-articles?format=json")
    )
    return found


def go_on(newsroom: Newsroom, articles: int = 100) -> None:
    """Wait until so many more articles have their 202."""
    before = len(newsroom.accepted)
    wait_until(lambda: len(newsroom.accepted) >= before + articles, newsroom.told, FAULT_SECONDS)


def kill_and_start(stack: Stack, newsroom: Newsroom, *containers: str) -> None:
    """Kill containers at once, let the load go on without them, and start them again."""
    docker("kill", *containers)
    newsroom.faults.append(" and ".join(containers))
    go_on(newsroom)
    docker("start", *containers)
    wait_until(stack.is_up, stack.states, UP_SECONDS)


def is_green(stack: Stack) -> bool:
    return '"status":"green"' in ask_elasticsearch(stack, "_cluster/health")


def until_found(stack: Stack, wanted: int) -> None:
    """Wait until search finds so many articles of the newsroom, for as long as it finds more and more."""
    found, moved = 0, time.monotonic()
    while found != wanted:
        assert found < wanted
        assert time.monotonic() < moved + FAULT_SECONDS, f"{found} of {wanted} are found, and no more"
        time.sleep(1)
        code, _, told = answer_of(f"{stack.url('SEARCH')}/v1/search?{EVERYTHING}", stack.key)
        if code == 200 and told["total"]["articles"] > found:
            found, moved = told["total"]["articles"], time.monotonic()


def status(stack: Stack, article_id: str) -> str:
    return str(get(f"{stack.url('INGEST')}/v1/articles/{article_id}/status", stack.key)["status"])


def test_prometheus_reads_each_of_several_services_and_workers(stack: Stack) -> None:
    missing = {"CopydeskServiceDown", "CopydeskFewerInstances", "CopydeskWorkersSilent"}
    # They fire while nothing was read as yet.
    wait_until(lambda: healths(stack) == WATCHED and not missing & {name for name, _ in firing(stack)},
               lambda: ask(stack, "targets"), FAULT_SECONDS)  # fmt: skip


def test_what_is_killed_under_load_loses_nothing_and_search_answers_throughout(
    stack: Stack, capsys: pytest.CaptureFixture[str]
) -> None:
    newsroom = Newsroom(stack)
    newsroom.start()
    try:
        go_on(newsroom)
        master = ask_elasticsearch(stack, "_cat/master?h=node")
        kill_and_start(stack, newsroom, *named(stack, master))
        wait_until(lambda: is_green(stack), lambda: shards(stack), FAULT_SECONDS)
        kill_and_start(stack, newsroom, named(stack, "worker")[0])
        kill_and_start(stack, newsroom, *named(stack, "rabbitmq-1"))
        kill_and_start(stack, newsroom, *(name for node in RABBITMQ for name in named(stack, node)))
        kill_and_start(stack, newsroom, named(stack, "search")[0], named(stack, "ingest")[0])
        go_on(newsroom)
    finally:
        newsroom.stop()
    with capsys.disabled():
        # To where it is shown of a process beside others, too; the counts are what the test is for.
        print(f"\n{newsroom.told()}", file=sys.stderr)  # noqa: T201
    until_found(stack, len(newsroom.accepted))
    with ThreadPoolExecutor(4) as pool:
        ends = Counter(pool.map(lambda article_id: status(stack, article_id), newsroom.accepted))
    found = walk(stack, q="harbour", source=SOURCE, duplicates="keep", size="200")
    assert ends == {"indexed": len(newsroom.accepted)}, newsroom.told()
    assert sorted(found) == sorted(newsroom.accepted), newsroom.told()
    partial = sum(answer.partial for answer in newsroom.answers)
    assert partial <= len(newsroom.answers) * MOST_PARTIAL, newsroom.told()
    # Who dies is asked no more within the same search. What may be left is an engine that takes too long,
    # where twenty containers have too little of a machine: one is told so, and to come back.
    wrong = newsroom.wrong()
    late = [answer for answer in wrong if answer.status == 503 and answer.seconds >= ANSWER_SECONDS]
    assert wrong == late, newsroom.told()
    assert len(late) <= len(newsroom.answers) * MOST_LATE, newsroom.told()
    assert newsroom.longest_silence() < SILENCE_SECONDS, newsroom.told()


def test_a_walk_that_one_search_service_began_goes_on_at_the_other(stack: Stack) -> None:
    stack.push(*(article(number, source="walk.example") for number in range(60)))
    stack.find_all("walk.example", 60, 120)
    found = walk(stack, q="harbour", source="walk.example", duplicates="keep", size="2")
    assert len(found) == len(set(found)) == 60
    lines = [
        json.loads(line) for line in docker("logs", *named(stack, "nginx")).splitlines() if line[:1] == "{"
    ]
    pages = [line["to"] for line in lines if line["path"] == "/v1/search"][-30:]
    assert {address.split(":")[0] for address in pages} == {
        address for address, name in stack.addresses().items() if name == "search"
    }


def test_shards_and_copies_are_as_many_as_is_set_and_on_different_nodes(stack: Stack) -> None:
    wait_until(lambda: is_green(stack), lambda: shards(stack), FAULT_SECONDS)
    places: dict[str, set[str]] = {}
    for shard in shards(stack):
        places.setdefault(shard["shard"], set()).add(shard["node"])
    assert len(places) == 3
    assert all(len(nodes) == 2 for nodes in places.values())


def test_each_queue_is_kept_by_all_nodes_of_the_broker(stack: Stack) -> None:
    asked = "rabbitmqctl -q --formatter json list_queues name type members"
    told = docker("exec", *named(stack, "rabbitmq-2"), *asked.split())
    queues = {queue["name"]: queue for queue in json.loads(told)}
    for name in ("clean", "dedupe", "tag", "index", "sweep"):
        queue = queues[f"copydesk.{name}"]
        assert queue["type"] == "quorum"
        assert sorted(queue["members"]) == [f"rabbit@{node}" for node in RABBITMQ]


def test_many_slow_senders_without_a_good_key_hold_nobody_up(stack: Stack) -> None:
    head = (
        "POST /v1/articles HTTP/1.1\r\nHost: copydesk\r\nContent-Type: application/json\r\n"
        "Authorization: Bearer wrong\r\nContent-Length: 1000\r\n\r\n[{"
    )
    with ExitStack() as held:
        for _ in range(80):  # the two services have 32 threads
            slow = held.enter_context(socket.create_connection(ingest_place(stack), 10))
            slow.sendall(head.encode())
        began = time.monotonic()
        for number in range(20):
            stack.push(article(number, source="slow.example"))
        assert time.monotonic() - began < 20


def test_one_address_has_at_most_a_hundred_requests_under_way(stack: Stack) -> None:
    with ExitStack() as held:
        told = Counter(first_of(held, stack) for _ in range(120))
        # Some have the places of streams; all others are told that there is none, and read nothing.
        assert told.keys() <= {"", "503", "429"}
        assert told["429"] >= 20, told
        code, headers, problem = answer_of(bulk_url(stack), ndjson(stack), b"x" * 10_000_000)
        assert (code, problem["status"], headers["Retry-After"]) == (429, 429, "1")
        assert headers["content-type"] == "application/problem+json"
    until_streams_are_taken(stack)


def test_a_long_stream_gets_all_its_outcomes_after_its_end(stack: Stack) -> None:
    text = "The harbour of a town was said to be old. " * 95
    lines = [json.dumps(streamed(number, text)).encode() + b"\n" for number in range(5_000)]
    assert sum(map(len, lines)) > 20_000_000
    with closing(HTTPConnection(*ingest_place(stack), timeout=120)) as stream:
        stream.putrequest("POST", "/v1/articles:bulk")
        for name, value in {**ndjson(stack), "Transfer-Encoding": "chunked"}.items():
            stream.putheader(name, value)
        stream.endheaders()
        for first in range(0, 5_000, 100):
            data = b"".join(lines[first : first + 100])
            stream.send(b"%x\r\n%s\r\n" % (len(data), data))
        assert not select([stream.sock], [], [], 2)[0]  # the body has not ended
        stream.send(b"0\r\n\r\n")
        answer = stream.getresponse()
        outcomes = [json.loads(line) for line in answer.read().splitlines()]
    assert answer.status == 200
    assert [outcome["index"] for outcome in outcomes] == list(range(5_000))
    ends = Counter((outcome["index"] % 50 == 0, outcome["status"]) for outcome in outcomes)
    assert ends == {(True, "accepted"): 100, (False, "invalid"): 4_900}


@pytest.mark.parametrize(
    ("key", "size", "codes"),
    # Too many wrong keys of an address within a minute are 429, and as early.
    [("wrong", 10_000_000, {401, 429}), ("good", 16 * 1024 * 1024 + 1, {413})],
)
def test_who_is_refused_before_a_long_body_has_ended_is_told_why(
    stack: Stack, key: str, size: int, codes: set[int]
) -> None:
    headers = {"Content-Type": "application/json", "Authorization": "Bearer wrong"}
    if key == "good":
        headers |= stack.key
    for _ in range(10):
        code, told, problem = answer_of(f"{stack.url('INGEST')}/v1/articles", headers, b"x" * size)
        assert code in codes, problem
        assert told["content-type"] == "application/problem+json"


def test_a_long_stream_that_finds_no_place_is_told_to_come_back(stack: Stack) -> None:
    with ExitStack() as held:
        told = Counter[str]()
        while told[""] < STREAMS:  # which service is asked is chance
            told[first_of(held, stack)] += 1
        code, told, problem = answer_of(bulk_url(stack), ndjson(stack), b"x" * 10_000_000)
        assert (code, problem["status"]) == (503, 503)
        assert told["Retry-After"]
    until_streams_are_taken(stack)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET /" + "a" * 200_000 + " HTTP/1.1\r\nHost: copydesk\r\n\r\n", 414),
        ("GET / HTTP/1.1\r\nHost: copydesk\r\nX-Long: " + "a" * 200_000 + "\r\n\r\n", 431),
        ("GET / HTTP/1.1\r\nHost: copydesk\r\nHost: other\r\n\r\n", 400),
        ("TRACE / HTTP/1.1\r\nHost: copydesk\r\n\r\n", 405),
    ],
    ids=["long address", "long header", "two hosts", "trace"],
)
def test_nginx_refuses_bad_requests_in_the_services_own_shape(stack: Stack, head: str, status: int) -> None:
    with socket.create_connection(ingest_place(stack), 30) as asked:
        asked.sendall(head.encode())
        answer = HTTPResponse(asked)
        answer.begin()
        problem = json.loads(answer.read())
    assert (answer.status, problem["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("name", ["too-long", "too-many", "failed", "away"])
def test_nobody_can_ask_for_the_answers_of_nginx_by_their_names(stack: Stack, name: str) -> None:
    assert status_of(f"{stack.url('INGEST')}/.{name}") == 404


def test_nginx_refuses_what_is_too_large_in_the_services_own_shape(stack: Stack) -> None:
    headers = {"Content-Type": "application/json", **stack.key}
    own = answer_of(f"{stack.url('INGEST')}/v1/articles", headers, b"x" * (16 * 1024 * 1024 + 1))
    nginx = answer_of(f"{stack.url('INGEST')}/v1/articles", headers, b"x" * (18 * 1024 * 1024))
    for code, told, problem in (own, nginx):
        assert code == 413
        assert told["content-type"] == "application/problem+json"
        assert told["x-request-id"]
        assert problem["errors"][0]["field"] == "request"
    assert "server" in nginx[1]
    assert "nginx/" not in nginx[1]["server"]


def test_a_very_long_query_reaches_the_service(stack: Stack) -> None:
    code, _, problem = answer_of(f"{stack.url('SEARCH')}/v1/search?cursor={'x' * 60_000}", stack.key)
    assert code == 400
    assert problem["errors"][0]["field"] == "cursor"


def test_a_request_keeps_its_id_and_each_services_numbers_stay_inside(stack: Stack) -> None:
    _, told, _ = answer_of(
        f"{stack.url('SEARCH')}/v1/search?q=harbour", {"X-Request-Id": "mine-1", **stack.key}
    )
    assert told["x-request-id"] == "mine-1"
    for name in ("SEARCH", "INGEST"):
        assert status_of(f"{stack.url(name)}/metrics", stack.key) == 404
        assert status_of(f"{stack.url(name)}/readyz") == 200


def test_the_log_of_nginx_shows_no_query_and_no_key(stack: Stack) -> None:
    query = urllib.parse.urlencode({"q": "harbour", "apiKey": stack.environ["COPYDESK_API_KEY"]})
    assert status_of(f"{stack.url('SEARCH')}/v2/everything?{query}") == 200
    told = docker("logs", *named(stack, "nginx"))
    assert '"path":"/v2/everything"' in told
    assert "harbour" not in told
    assert stack.environ["COPYDESK_API_KEY"] not in told


def test_nginx_without_a_connection_left_logs_no_query_and_no_key(stack: Stack) -> None:
    [nginx] = named(stack, "nginx")
    few = (
        "sed 's/connections 4096/connections 14/; s/processes auto/processes 1/; s/listen 800/listen 1800/;"
        " s/:8080/:18080/; s/nginx.pid/few.pid/' /etc/copydesk/nginx.conf >/tmp/few.conf"
        " && exec nginx -e stderr -c /tmp/few.conf"
    )
    place = next(address for address, name in stack.addresses().items() if name == "nginx"), 18000
    with subprocess.Popen(["docker", "exec", nginx, "sh", "-c", few], stdout=PIPE, stderr=STDOUT) as started:
        wait_until(lambda: answers(*place), lambda: place, 30)
        told = b"".join(exhaust(place, number) for number in range(1, 14))
        docker("exec", nginx, "sh", "-c", "kill $(cat /tmp/few.pid)")
        logged, _ = started.communicate(timeout=30)
    assert b"HTTP/1.1 500" in told  # there was none left to ask search
    assert b'"path":"/v2/everything"' in logged
    assert b"cdk_LEAKED" not in logged


def test_from_the_outside_network_only_nginx_answers(stack: Stack) -> None:
    ports = (80, 443, 3000, 4369, 5432, 5555, 5672, 6379, 8000, 8001, 8080, 9090, 9100, 9200, 9300,
             15672, 15692, 25672)  # fmt: skip
    assert stack.knock("edge", ports, PORTS) == {("nginx", 8000), ("nginx", 8001)}
    inside = stack.knock("inside", ports, PORTS)  # the same knock finds what is there
    engines = {*((name, 9200) for name in ELASTICSEARCH), *((name, 5672) for name in RABBITMQ)}
    assert {*PORTS.items(), *engines} <= inside


def test_what_runs_is_as_hardened_as_the_file_says(stack: Stack) -> None:
    names = ("broker-url", "redis-url", "ledger-url", "cursor-secret", "flower-password")
    texts = [stack.secret(name).strip() for name in names]
    for service, name in (("elasticsearch-1", "elastic-password"), ("rabbitmq-1", "erlang-cookie")):
        texts.append(stack.compose("exec", "-T", service, "cat", f"/run/copydesk/{name}").strip())
    words = {urllib.parse.urlsplit(text.split(";")[0]).password or text for text in texts}
    assert len(words) == len(texts)
    assert all(len(word) >= 40 for word in words)
    assert_hardened(stack, words)


def test_each_user_reads_its_own_secrets_and_no_other(stack: Stack) -> None:
    copydesk = {"ledger-url", "broker-url", "redis-url", "index-url", "cursor-secret", "flower-password"}
    mine = {
        "redis": {"redis.acl"}, "postgres": {"postgres-password"}, "elasticsearch-2": {"elastic-password"},
        "rabbitmq-3": {"rabbitmq.conf", "erlang-cookie"}, "worker": copydesk, "nginx": set(),
    }  # fmt: skip
    names = sorted(set().union(*mine.values(), {"kept/redis", "kept/postgres", "kept/cookie"}))
    for service, expected in mine.items():
        look = f"for f in {' '.join(names)}; do cat /run/copydesk/$f >/dev/null 2>&1 && echo $f; done; true"
        assert set(stack.compose("exec", "-T", service, "sh", "-c", look).split()) == expected, service


def test_the_certificates_of_the_nodes_are_where_elasticsearch_reads_them_and_one_vouches_for_the_other(
    stack: Stack,
) -> None:
    folder = "/usr/share/elasticsearch/config/certificates"
    check = (
        f"cd {folder} && openssl verify -purpose sslserver -CAfile ca.crt node.crt && test -r node.key && ls"
    )
    for node in ELASTICSEARCH:
        told = stack.compose("exec", "-T", node, "sh", "-c", check).split()
        assert told == ["node.crt:", "OK", "ca.crt", "node.crt", "node.key"]


def test_flower_tells_of_tasks_of_both_workers(stack: Stack) -> None:
    def busy() -> set[str]:
        tasks = stack.flower("/api/tasks?limit=5000&state=SUCCESS").values()
        return {task["worker"] for task in tasks if task["name"] == "copydesk.clean"}

    def pushed() -> bool:
        stack.push(article(next(numbers), source="flower.example"))
        return len(busy()) >= 2

    numbers = count(1)
    wait_until(pushed, busy, FAULT_SECONDS)


def test_prometheus_tells_of_one_that_is_gone_of_several(stack: Stack) -> None:
    both = 'max_over_time(sum(up{job="copydesk-ingest"})[1h:15s])'  # as the alert looks back
    wait_until(lambda: healths(stack) == WATCHED and values(stack, both) == [2], lambda: healths(stack),
               FAULT_SECONDS)  # fmt: skip
    gone = named(stack, "ingest")[0]
    docker("kill", gone)
    fewer = ("CopydeskFewerInstances", "copydesk-ingest")
    wait_until(lambda: fewer in firing(stack), lambda: ask(stack, "alerts"), FAULT_SECONDS)
    assert healths(stack)["copydesk-ingest"].count("up") == 1
    docker("start", gone)
    wait_until(lambda: healths(stack) == WATCHED and fewer not in firing(stack),
               lambda: ask(stack, "alerts"), FAULT_SECONDS)  # fmt: skip


def test_with_no_service_left_nginx_says_to_come_back_and_prometheus_that_none_is_there(
    stack: Stack,
) -> None:
    docker("kill", *named(stack, "search"))
    code, told, problem = answer_of(f"{stack.url('SEARCH')}/v1/search?q=harbour", stack.key)
    assert (code, problem["status"], told["Retry-After"]) == (503, 503, "5")
    assert told["content-type"] == "application/problem+json"
    down = ("CopydeskServiceDown", "copydesk-search")
    wait_until(lambda: down in firing(stack), lambda: ask(stack, "alerts"), FAULT_SECONDS)
    docker("start", *named(stack, "search"))
    url = f"{stack.url('SEARCH')}/v1/search?q=harbour"
    wait_until(lambda: status_of(url, stack.key) == 200, stack.states, FAULT_SECONDS)
