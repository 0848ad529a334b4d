"""The choice of servers for tests: a wrong one would test the wrong thing, or skip in silence."""

from __future__ import annotations

import os
from collections.abc import Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread

import elasticsearch
import pytest
import redis

from tests.elasticsearch_node.node import find_java, java_homes
from tests.servers import (
    ELASTICSEARCH_IMAGE,
    RunningServer,
    bundled_redis,
    elasticsearch_container,
    find_redis,
    require,
    start_redis,
)


def program(folder: Path, name: str, says: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n", "utf-8")
    path.chmod(0o755)
    return path


def jdk(folder: Path, version: str) -> Path:
    program(folder / "bin", "javac", f"javac {version}")
    return folder


def test_valkey_is_preferred_to_redis(tmp_path):
    program(tmp_path, "redis-server", "Redis server v=7.4.1 sha=00000000:0 malloc=libc bits=64")
    valkey = program(tmp_path, "valkey-server", "Valkey server v=8.0.1 sha=00000000:0 malloc=libc bits=64")
    assert find_redis({"PATH": str(tmp_path)}) == valkey


def test_a_redis_that_is_too_old_is_passed_over(tmp_path):
    program(tmp_path, "redis-server", "Redis server v=6.2.14 sha=00000000:0 malloc=libc bits=64")
    assert find_redis({"PATH": str(tmp_path)}) == bundled_redis()


def test_a_program_that_does_not_run_is_passed_over(tmp_path):
    program(tmp_path, "valkey-server", "no version here")
    redis_server = program(
        tmp_path, "redis-server", "Redis server v=7.0.15 sha=00000000:0 malloc=libc bits=64"
    )
    assert find_redis({"PATH": str(tmp_path)}) == redis_server


@pytest.mark.parametrize("version", ["21", "21.0.5", "25.0.1"])
def test_a_new_enough_java_home_is_taken(tmp_path, version):
    home = jdk(tmp_path / "jdk", version)
    assert find_java({"JAVA_HOME": str(home), "PATH": ""}) == home


@pytest.mark.parametrize("version", ["1.8.0_402", "17.0.15"])
def test_an_old_java_home_is_passed_over(tmp_path, version):
    home = jdk(tmp_path / "jdk", version)
    assert find_java({"JAVA_HOME": str(home), "PATH": ""}) != home


def test_the_compiler_on_the_path_is_the_last_place_for_java(tmp_path):
    home = jdk(tmp_path / "jdk", "21.0.5")
    assert list(java_homes({"PATH": str(home / "bin")}))[-1] == home


def test_a_missing_server_skips_with_its_reason(monkeypatch):
    monkeypatch.delenv("COPYDESK_REQUIRE_SERVERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no engine"):
        require("no engine")


def test_a_missing_server_fails_where_servers_are_required(monkeypatch):
    monkeypatch.setenv("COPYDESK_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match="no engine"):
        require("no engine")


@pytest.fixture
def web() -> Iterator[str]:
    """The address of a web server that answers anything."""
    server = HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def docker(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Path:
    """A docker program that does what the script says and writes down what it was asked."""
    asked = folder / "asked"
    path = program(folder, "docker", "")
    path.write_text(f'#!/bin/sh\necho "$@" >> {asked}\n{script}\n', "utf-8")
    monkeypatch.setenv("PATH", str(folder))
    return asked


def test_a_container_is_used_at_the_port_it_got_and_removed_after_the_run(tmp_path, monkeypatch, web):
    answers = f"case $1 in run) echo c0ffee;; port) echo {web};; esac"
    asked = docker(tmp_path, monkeypatch, answers)
    container = elasticsearch_container("no JDK")
    assert next(container) == f"http://{web}"
    container.close()
    first, start, *_, last = asked.read_text("utf-8").splitlines()
    assert (first, last) == ("version", "rm -f c0ffee")
    assert start.endswith(ELASTICSEARCH_IMAGE)


def test_an_image_that_cannot_be_run_is_a_reason(tmp_path, monkeypatch):
    monkeypatch.delenv("COPYDESK_REQUIRE_SERVERS", raising=False)
    docker(tmp_path, monkeypatch, "[ $1 = version ] || { echo no such image >&2; exit 125; }")
    with pytest.raises(pytest.skip.Exception, match=r"no JDK.*no such image"):
        next(elasticsearch_container("no JDK"))


def test_an_engine_that_does_not_answer_is_a_reason(tmp_path, monkeypatch):
    monkeypatch.delenv("COPYDESK_REQUIRE_SERVERS", raising=False)
    docker(tmp_path, monkeypatch, "exit 1")
    with pytest.raises(pytest.skip.Exception, match="ELASTICSEARCH_URL"):
        next(elasticsearch_container("no JDK"))


@pytest.mark.servers
def test_a_killed_redis_finds_its_data_again_in_the_same_place(tmp_path):
    server = start_redis(tmp_path, 0, "--appendfsync", "always")
    port = int(server.url.rsplit(":", 1)[1].split("/")[0])
    write(server)
    server.kill()
    again = start_redis(tmp_path, port)
    with redis.Redis.from_url(again.url) as client:
        assert client.get("kept") == b"yes"
    again.stop()
    assert again.process.poll() is not None


def write(server: RunningServer) -> None:
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", "yes")


@pytest.mark.servers
def test_the_shared_redis_is_emptied(redis_server, request):
    write(redis_server)
    with redis.Redis.from_url(request.getfixturevalue("redis_url")) as client:
        assert client.dbsize() == 0


@pytest.mark.servers
def test_the_elasticsearch_of_the_session_answers(elasticsearch_url):
    with elasticsearch.Elasticsearch(elasticsearch_url) as client:
        assert client.info()["version"]["number"].startswith("9.")
        assert os.environ.get("ELASTICSEARCH_URL") or client.cluster.health()["number_of_nodes"] == 1
