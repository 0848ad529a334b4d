"""Which children Copydesk is made of, for the embedded default and for servers that are given."""

import os
import sys
import time

import pytest

from services.cli.system import (
    beats,
    flower_url,
    ingest_url,
    needs_broker,
    plan,
    search_url,
    terminal_log,
    with_broker,
)
from shared.settings import Settings


def settings(tmp_path, **more):
    return Settings(data_dir=tmp_path, broker_url="redis://127.0.0.1:7777/0", **more)


def names(waves):
    return [[spec.name for spec in wave] for wave in waves]


def children(waves):
    return {spec.name: spec for wave in waves for spec in wave}


def option(spec, name):
    return spec.argv[spec.argv.index(name) + 1]


def test_the_embedded_default_starts_broker_then_migration_then_all_services(tmp_path):
    waves = plan(settings(tmp_path), own_broker=True, environ={})
    services = ["ingest", "search", "worker", "index-worker", "sweeper", "flower"]
    assert names(waves) == [["valkey"], ["migrate"], services]
    assert [spec.name for spec in children(waves).values() if spec.stops_last] == ["valkey"]
    assert [spec.name for spec in children(waves).values() if spec.once] == ["migrate"]


def test_a_given_broker_is_not_started(tmp_path):
    waves = plan(settings(tmp_path), own_broker=False, environ={})
    assert "valkey" not in children(waves)


def test_elasticsearch_needs_no_index_worker_since_any_worker_may_write_it(tmp_path):
    waves = plan(settings(tmp_path, index_url="http://127.0.0.1:9200"), own_broker=False, environ={})
    assert "index-worker" not in children(waves)
    assert option(children(waves)["worker"], "--queues").endswith("copydesk.tag,copydesk.index")


def test_only_one_process_writes_the_embedded_index(tmp_path):
    found = children(plan(settings(tmp_path, worker_processes=7), own_broker=False, environ={}))
    assert option(found["worker"], "--queues") == "copydesk.clean,copydesk.dedupe,copydesk.tag"
    assert option(found["worker"], "--concurrency") == "7"
    assert option(found["index-worker"], "--queues") == "copydesk.index"
    assert option(found["index-worker"], "--concurrency") == "1"
    assert "-B" in found["sweeper"].argv
    assert "-B" not in found["worker"].argv


def test_every_child_gets_the_settings_and_the_environment(tmp_path):
    environ = {"PATH": "/bin", "COPYDESK_LOG_LEVEL": "ignored, since the settings say"}
    waves = plan(settings(tmp_path, log_level="error"), own_broker=False, environ=environ)
    for spec in children(waves).values():
        assert spec.environ["PATH"] == "/bin"
        assert spec.environ["COPYDESK_LOG_LEVEL"] == "error"
        assert spec.environ["COPYDESK_BROKER_URL"] == "redis://127.0.0.1:7777/0"


def test_no_password_of_a_broker_or_ledger_stands_in_a_command_line(tmp_path):
    secret = Settings(
        data_dir=tmp_path, broker_url="redis://:s3cret@127.0.0.1:1/0", ledger_url="postgresql://u:s3cret@h/d"
    )
    for spec in children(plan(secret, own_broker=False, environ={})).values():
        assert "s3cret" not in " ".join(spec.argv)


def test_flower_stays_on_the_loopback_address_and_read_only_whatever_the_rest_binds_to(tmp_path):
    flower = children(plan(settings(tmp_path, bind="0.0.0.0"), own_broker=False, environ={}))["flower"]
    assert "--address=127.0.0.1" in flower.argv
    assert "--read_only=True" in flower.argv
    assert flower.environ["FLOWER_UNAUTHENTICATED_API"] == "true"


@pytest.mark.parametrize(
    ("bind", "host"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "[::1]"), ("::1", "[::1]")],
)
def test_services_are_reached_where_they_can_be_reached(tmp_path, bind, host):
    given = settings(tmp_path, bind=bind, ingest_port=1, search_port=2, flower_port=3)
    assert ingest_url(given) == f"http://{host}:1"
    assert search_url(given) == f"http://{host}:2"
    assert flower_url(given) == "http://127.0.0.1:3"


@pytest.mark.parametrize(
    ("broker", "redis", "needed"),
    [
        ("", "", True),
        ("redis://h:1/0", "", False),
        ("amqp://h", "", True),
        ("amqp://h", "redis://h:1/0", False),
    ],
)
def test_a_server_of_our_own_is_needed_where_no_redis_is_given(tmp_path, broker, redis, needed):
    assert needs_broker(Settings(data_dir=tmp_path, broker_url=broker, redis_url=redis)) is needed


def test_the_address_of_our_own_server_is_filled_in_beside_what_is_given(tmp_path):
    own = with_broker(Settings(data_dir=tmp_path, redis_port=7001))
    assert own.broker_url == own.redis_url == "redis://127.0.0.1:7001/0"
    beside = with_broker(Settings(data_dir=tmp_path, redis_port=7001, broker_url="amqp://h"))
    assert (beside.broker_url, beside.redis_url) == ("amqp://h", "redis://127.0.0.1:7001/0")


def test_a_heartbeat_counts_while_it_is_fresh(tmp_path):
    beat = tmp_path / "worker.heartbeat"
    looks_alive = beats(beat)
    assert not looks_alive()
    beat.touch()
    assert looks_alive()
    old = time.time() - 60
    os.utime(beat, (old, old))
    assert not looks_alive()


def test_a_heartbeat_of_the_last_life_is_cleared_before_the_next(tmp_path):
    worker = children(plan(settings(tmp_path), own_broker=False, environ={}))["worker"]
    worker.before()
    assert not worker.probe()
    beat = tmp_path / "run" / "worker.heartbeat"
    beat.touch()
    assert worker.probe()
    worker.before()
    assert not worker.probe()


def test_the_sweeper_may_be_silent_for_as_long_as_its_sweeps_are_apart(tmp_path):
    given = settings(tmp_path, sweep_seconds=30.0)
    found = children(plan(given, own_broker=False, environ={}))
    assert found["sweeper"].silence == 120
    assert found["worker"].silence == found["index-worker"].silence == 20


@pytest.mark.parametrize(
    ("name", "line", "hushed"),
    [
        ("valkey", "7:M # WARNING Memory overcommit must be enabled! Without it, a background save", True),
        ("valkey", "7:M # WARNING: The TCP backlog setting of 511 cannot be enforced", False),
        ("flower", "[W 261124 08:41:30 inspector:98] Inspect method active_queues failed\n", True),
        (
            "flower",
            "[W 261124 08:41:30 inspector:93] Inspect method stats failed: Connection refused\n",
            False,
        ),
    ],
)
def test_only_lines_that_are_known_to_be_harmless_are_hushed(tmp_path, name, line, hushed):
    given = Settings(data_dir=tmp_path, redis_url="redis://127.0.0.1:7777/0")
    spec = children(plan(given, own_broker=True, environ={}))[name]
    assert bool(spec.hushed.search(line)) is hushed


def test_children_log_for_people_only_where_people_read_along(tmp_path):
    given = settings(tmp_path)
    assert terminal_log(given, on_terminal=True).log_format == "console"
    assert terminal_log(given, on_terminal=False).log_format == "auto"
    assert terminal_log(settings(tmp_path, log_format="json"), on_terminal=True).log_format == "json"


def test_children_run_in_the_python_that_runs_the_command(tmp_path):
    for spec in children(plan(settings(tmp_path), own_broker=False, environ={})).values():
        assert spec.argv[0] == sys.executable
