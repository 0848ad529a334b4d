"""What Flower tells on a running newsroom whose Redis has compose's users, and whom it tells."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from services.cli import system
from services.cli.passwords import plan_files
from services.workers.flower_login import PASSWORD, USER
from services.workers.stages.clean import clean_article
from shared.index.open import open_index
from shared.ledger.open import migrate_ledger, open_ledger
from shared.messages import STAGES, task_name
from shared.profiles.port import EMPTY
from shared.queue import Waker
from shared.settings import Settings
from tests.servers import RunningServer, free_port, start_redis

from .conftest import ROOT, Newsroom, make_raw, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]
POISON = "tests.integration.workers.poison_app"
SECRET = "flower-s3cret-word"
REDIS_SECRET = "redis-s3cret-word"
LONGEST_SHOWN = 200  # characters of a task's arguments: a lane and three ids
Flower = Callable[[], httpx.Client]


def guard(server: RunningServer) -> str:
    """Give a server the users that compose's Redis has; returns the address of Copydesk's own."""
    [acl] = [each.text for each in plan_files(REDIS_SECRET, "", "") if each.name == "redis.acl"]
    with redis.Redis.from_url(server.url) as client:
        # The default user last: it is who is asking.
        for line in reversed(acl.splitlines()):
            _, name, *rules = line.split()
            client.execute_command("ACL SETUSER", name, *rules)
    return server.url.replace("redis://", f"redis://copydesk:{REDIS_SECRET}@")


@pytest.fixture
def newsroom(tmp_path: Path) -> Iterator[Newsroom]:
    """A newsroom on a Redis that asks for a password."""
    server = start_redis(tmp_path, free_port())
    settings = Settings(
        data_dir=tmp_path / "data", broker_url=guard(server), flower_port=free_port(),
        lease_seconds=3, task_time_limit=6, sweep_seconds=1, stuck_seconds=2,
    )  # fmt: skip
    migrate_ledger(settings)
    index = open_index(settings, writing=True)
    index.create()
    index.close()
    made = Newsroom(settings, open_ledger(settings), Waker(settings), server)
    yield made
    made.close()
    server.stop()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunningServer, str]]:
    """A Redis that asks for a password, and the address of Copydesk's own user; no test may change it."""
    server = start_redis(tmp_path_factory.mktemp("guarded"), free_port())
    yield server, guard(server)
    server.stop()


@pytest.fixture
def flower(newsroom: Newsroom) -> Iterator[Flower]:
    """Starts Flower as compose does, with a password and a memory; a second start ends the first."""
    running: list[subprocess.Popen[bytes]] = []
    clients: list[httpx.Client] = []
    environ = {**os.environ, **newsroom.settings.environment(), PASSWORD: SECRET, "PYTHONPATH": str(ROOT)}
    spec = system.flower_child(newsroom.settings, environ)
    memory = (
        "--persistent=True",
        f"--db={newsroom.settings.data_dir / 'flower'}",
        "--state_save_interval=1000",
    )

    def start() -> httpx.Client:
        stop()
        with (newsroom.settings.data_dir / "flower.log").open("ab") as log:
            running.append(
                subprocess.Popen(
                    [*spec.argv, *memory], cwd=ROOT, env=dict(spec.environ), stdout=log, stderr=log
                )
            )
        wait_until(spec.probe, "Flower")
        address = system.flower_url(newsroom.settings)
        clients.append(httpx.Client(base_url=address, auth=(USER, SECRET), trust_env=False, timeout=20))
        return clients[-1]

    def stop() -> None:
        for process in running:
            process.terminate()
            process.wait(timeout=20)
        running.clear()

    yield start
    stop()
    for client in clients:
        client.close()


def workers(client: httpx.Client) -> list[str]:
    """The names of those that answer Flower now."""
    answer = client.get("/api/workers", params={"refresh": "1"})
    assert answer.status_code == 200, answer.text
    return list(answer.json())


def tasks(client: httpx.Client, **wanted: str) -> list[dict[str, Any]]:
    answer = client.get("/api/tasks", params={"limit": 5_000, **wanted})
    assert answer.status_code == 200, answer.text
    return list(answer.json().values())


def test_poison_is_a_failure_with_its_reason_and_what_was_done_is_counted(
    newsroom: Newsroom, flower: Flower
) -> None:
    client = flower()
    newsroom.start_all(POISON)
    wait_until(lambda: len(workers(client)) == 2, "Flower to know the workers")
    fine = [make_raw(number) for number in range(40)]
    newsroom.accept(*fine, make_raw(100, title="raise an error"), make_raw(101, title="kill the process"))
    assert newsroom.wait_for_all(120) == {"indexed": 40, "quarantined": 2}, newsroom.logs()

    def told() -> set[str]:
        return {str(task["exception"]) for task in tasks(client, state="FAILURE")}

    wait_until(lambda: any("ValueError: a broken article" in words for words in told()), "the reason", 20)
    wait_until(lambda: any("WorkerLostError" in words for words in told()), "the death", 20)
    assert {words.split("(")[0] for words in told()} <= {"StageFailed", "WorkerLostError"}, told()
    assert {task["name"] for task in tasks(client, state="FAILURE")} == {task_name("clean")}
    done = tasks(client, state="SUCCESS")
    assert {task_name(stage) for stage in STAGES} <= {task["name"] for task in done}
    # What the tasks say of themselves adds up to what was done.
    words = [str(task["result"]).strip("'").split() for task in done if task["name"] == task_name("index")]
    assert sum(int(said[0]) for said in words if said[1:] == ["indexed"]) == 40
    assert all(len(task["args"] or "") <= LONGEST_SHOWN for task in tasks(client))
    assert "harbour" not in client.get("/api/tasks", params={"limit": 5_000}).text.lower()


def test_a_task_that_ran_out_of_time_says_so(newsroom: Newsroom, flower: Flower) -> None:
    client = flower()
    newsroom.start_small("clean", app=POISON)
    wait_until(lambda: bool(workers(client)), "Flower to know the worker")
    newsroom.accept(make_raw(1, title="hang for ever"))
    wait_until(lambda: bool(tasks(client, state="FAILURE")), "the time limit", 60)
    [told, *_] = {str(task["exception"]) for task in tasks(client, state="FAILURE")}
    assert "TimeLimitExceeded" in told
    assert "6.0" in told  # seconds


def test_an_outage_is_shown_with_its_reason_neither_in_green_nor_as_a_failure(
    newsroom: Newsroom, flower: Flower
) -> None:
    client = flower()
    # One process may write to an embedded index: to the workers it is away for as long as this one does.
    holder = open_index(newsroom.settings, writing=True)
    assert holder.write([clean_article(make_raw(99), EMPTY).article])[0].word == "written"
    newsroom.start_all()
    wait_until(lambda: len(workers(client)) == 2, "Flower to know the workers")
    newsroom.accept(*(make_raw(number) for number in range(20)))

    def put_off() -> list[dict[str, Any]]:
        return tasks(client, taskname=task_name("index"), state="RETRY")

    wait_until(lambda: len(put_off()) >= 3, "the stage to have tried several times", 60)
    told = {str(task["exception"]) for task in put_off()}
    assert all("StageWaits" in words and "Another process is writing" in words for words in told), told
    done = {str(task["result"]) for task in tasks(client, taskname=task_name("index"), state="SUCCESS")}
    assert done <= {"'nothing waits'"}
    holder.close()
    assert newsroom.wait_for_all(60) == {"indexed": 20}, newsroom.logs()
    assert tasks(client, state="FAILURE") == []
    wait_until(lambda: bool(tasks(client, taskname=task_name("index"), state="SUCCESS")), "green again", 20)


def test_only_the_password_opens_flower_and_nobody_can_change_anything(
    newsroom: Newsroom, flower: Flower
) -> None:
    client = flower()
    newsroom.start_small()
    wait_until(lambda: bool(workers(client)), "Flower to know the worker")
    [worker] = workers(client)
    for path in ("/", "/tasks", "/broker", "/api/tasks", "/api/workers", "/metrics", f"/worker/{worker}"):
        assert client.get(path).status_code == 200, path
        for auth in (None, (USER, "another-word"), ("admin", SECRET), (USER, "")):
            refused = httpx.get(f"{client.base_url}{path}", auth=auth, trust_env=False)
            assert refused.status_code == 401, (path, auth)
            assert "flower_" not in refused.text
            assert "Access-Control-Allow-Origin" not in refused.headers
    for change in (
        f"worker/shutdown/{worker}", f"worker/pool/grow/{worker}", "task/revoke/1",
        "task/send-task/copydesk.clean", "task/async-apply/copydesk.sweep",
    ):  # fmt: skip
        assert client.post(f"/api/{change}", json={"args": []}).status_code == 403, change
        refused = httpx.post(f"{client.base_url}/api/{change}", json={"args": []}, trust_env=False)
        assert refused.status_code == 401, change
    assert newsroom.workers[0].poll() is None


def test_flower_knows_after_a_restart_what_it_knew_before(newsroom: Newsroom, flower: Flower) -> None:
    client = flower()
    newsroom.start_small()
    wait_until(lambda: bool(workers(client)), "Flower to know the worker")
    newsroom.accept(make_raw(1))
    newsroom.wait_for_all()
    wait_until(lambda: bool(tasks(client, taskname=task_name("index"), state="SUCCESS")), "the last stage")
    before = {task["uuid"] for task in tasks(client, state="SUCCESS")}
    assert before <= {task["uuid"] for task in tasks(flower())}


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ({PASSWORD: ""}, "is needed, since Flower is to listen on 0.0.0.0"),
        ({PASSWORD: "short"}, "must have at least 12 characters"),
        ({PASSWORD: "", f"{PASSWORD}_FILE": "/nowhere/to/be/found"}, "/nowhere/to/be/found cannot be read"),
    ],
)
def test_flower_does_not_start_where_others_could_reach_it_without_a_password(
    newsroom: Newsroom, words: dict[str, str], told: str
) -> None:
    environ = {**os.environ, **newsroom.settings.environment(), "PYTHONPATH": str(ROOT), **words}
    argv = [*system.flower_child(newsroom.settings, environ).argv, "--address=0.0.0.0"]
    done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert told in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("FLUSHALL",), ("FLUSHDB",), ("KEYS", "*"), ("CONFIG", "GET", "*"), ("SHUTDOWN", "NOSAVE"),
        ("ACL", "LIST"), ("MONITOR",), ("REPLICAOF", "NO", "ONE"), ("SAVE",), ("CLIENT", "KILL", "ID", "1"),
        ("MODULE", "LIST"), ("SWAPDB", "0", "1"), ("EVAL", "return redis.call('FLUSHALL')", "0"),
    ],
)  # fmt: skip
def test_redis_lets_copydesk_do_nothing_dangerous(
    guarded: tuple[RunningServer, str], command: tuple[str, ...]
) -> None:
    with (
        redis.Redis.from_url(guarded[1]) as client,
        pytest.raises(redis.exceptions.ResponseError, match=r"(?i)no permissions|can't run this command"),
    ):
        client.execute_command(*command)


def test_redis_answers_nobody_else(guarded: tuple[RunningServer, str]) -> None:
    with (
        redis.Redis.from_url(guarded[0].url) as nobody,
        pytest.raises(redis.exceptions.AuthenticationError),
    ):
        nobody.ping()
    with redis.Redis.from_url(guarded[0].url.replace("//", "//health:any@")) as health:
        assert health.ping()
        with pytest.raises(redis.exceptions.NoPermissionError):
            health.info()
