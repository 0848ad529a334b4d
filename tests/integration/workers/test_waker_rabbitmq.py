"""The waker on RabbitMQ: quorum queues, confirmed messages that expire, and a frozen or absent broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection

from shared.errors import Unavailable
from shared.queue import Waker
from shared.settings import Settings
from tests.rabbitmq import RunningRabbit, queue_length, start_rabbitmq
from tests.servers import NoServer, free_port, require

from .conftest import wait_until

pytestmark = [pytest.mark.servers, pytest.mark.timeout(300)]
CLEAN = "copydesk.clean"


@pytest.fixture
def waker(rabbitmq_url: str, redis_url: str) -> Iterator[Waker]:
    made = Waker(Settings(broker_url=rabbitmq_url, redis_url=redis_url))
    yield made
    made.close()


@pytest.fixture
def own_rabbit(tmp_path: Path) -> Iterator[RunningRabbit]:
    try:
        server = start_rabbitmq(tmp_path / "rabbitmq")
    except NoServer as error:
        require(str(error))
    yield server
    server.thaw()
    server.kill()


def test_many_wake_ups_make_one_message_in_a_quorum_queue_that_expires(
    waker: Waker, rabbitmq_url: str
) -> None:
    for number in range(200):
        waker.wake("clean", ids=[f"id-{number}"])
    wait_until(lambda: queue_length(rabbitmq_url, CLEAN) == 1, "the message")
    time.sleep(0.3)
    with Connection(rabbitmq_url) as connection:
        channel = connection.default_channel
        # Declaring it with the arguments that it has succeeds, and with others does not.
        found = channel.queue_declare(
            CLEAN, durable=True, auto_delete=False, arguments={"x-queue-type": "quorum"}
        )
        assert found.message_count == 1
        message = channel.basic_get(CLEAN, no_ack=True)
        assert message.properties["expiration"] == "60000"
        assert message.properties["delivery_mode"] == 2
        with pytest.raises(connection.channel_errors, match="PRECONDITION_FAILED"):
            channel.queue_declare(CLEAN, durable=True, auto_delete=False)


def test_the_sweeper_and_the_index_worker_get_their_calls(waker: Waker, rabbitmq_url: str) -> None:
    waker.sweep()
    waker.tidy()
    waker.wake("index", "replay")
    wait_until(lambda: queue_length(rabbitmq_url, "copydesk.sweep") == 1, "the sweep")
    wait_until(lambda: queue_length(rabbitmq_url, "copydesk.index") == 2, "tidying and indexing")


def test_the_check_tells_which_of_the_two_servers_is_away(rabbitmq_url: str, redis_url: str) -> None:
    waker = Waker(Settings(broker_url=rabbitmq_url, redis_url=redis_url))
    waker.check()
    waker.close()
    away = free_port()
    for url, redis, who in (
        (f"amqp://127.0.0.1:{away}//", redis_url, "broker"),
        (rabbitmq_url, f"redis://127.0.0.1:{away}/0", "redis"),
        (rabbitmq_url.replace("guest:guest", "guest:wrong"), redis_url, "broker"),
    ):
        waker = Waker(Settings(broker_url=url, redis_url=redis))
        with pytest.raises(Unavailable, match=who):
            waker.check()
        waker.close()


def test_a_frozen_rabbitmq_holds_nobody_and_gets_its_call_later(
    own_rabbit: RunningRabbit, redis_url: str
) -> None:
    waker = Waker(Settings(broker_url=own_rabbit.url, redis_url=redis_url))
    waker.wake("tag")
    wait_until(lambda: queue_length(own_rabbit.url, "copydesk.tag") == 1, "the first")
    own_rabbit.freeze()
    began = time.monotonic()
    for _ in range(100):
        waker.wake("clean")
    assert time.monotonic() - began < 1  # every time-out is longer
    with pytest.raises(Unavailable, match="broker"):
        waker.check()
    assert time.monotonic() - began < 15
    own_rabbit.thaw()
    wait_until(lambda: queue_length(own_rabbit.url, CLEAN) >= 1, "the call")
    waker.close()


def test_what_could_not_be_sent_is_sent_when_rabbitmq_is_back(
    own_rabbit: RunningRabbit, redis_url: str
) -> None:
    waker = Waker(Settings(broker_url=own_rabbit.url, redis_url=redis_url))
    waker.wake("tag")
    wait_until(lambda: queue_length(own_rabbit.url, "copydesk.tag") == 1, "the first")
    own_rabbit.kill()
    waker.wake("clean")
    again = own_rabbit.again()
    wait_until(lambda: queue_length(again.url, CLEAN) >= 1, "the call")
    waker.close()
    again.kill()
