"""The whole embedded system as a person starts it: `copydesk up` on free ports, over HTTP and the CLI."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.e2e.running import LIMIT, ROOT, System, article, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="looks for processes in /proc"),
]
STAGES = {"copydesk.clean", "copydesk.dedupe", "copydesk.tag", "copydesk.index"}


@pytest.fixture(scope="module")
def system(tmp_path_factory):
    running = System(tmp_path_factory.mktemp("embedded"), "--samples")
    try:
        running.await_line("Search desk")
        yield running
    finally:
        running.close()


def test_up_with_samples_shows_a_search_and_the_addresses(system):
    text = "\n".join(system.lines)
    assert "16 samples, 15 articles (1 revised by a later sample): 15 indexed" in text
    assert "4 articles and 1 copy for harbour OR bitcoin" in text
    for service in ("search", "ingest", "flower"):
        assert system.url(service, "") in text


@pytest.mark.parametrize(
    ("query", "source", "language"),
    [
        ('"interest rate" Ferreiro', "northernwire.example", "en"),
        ("aceituna sequía", "vallenoticias.example", "es"),
        ("Batteriezellen Neuhagen", "flussbote.example", "de"),
        ("enseignants référendum", "courrierdeslacs.example", "fr"),
        ("لتحلية المياه", "sahilakhbar.example", "ar"),
        ("无人驾驶", "xinhedaily.example", "zh"),
        ("oysters tanker", "coastalledger.example", "en"),
        ("bitcoin Marenga", "coinlantern.example", "en"),
    ],
)
def test_a_sample_is_found_by_its_words(system, query, source, language):
    hits = system.find(query)
    assert [(hit["source"]["id"], hit["language"]) for hit in hits] == [(source, language)]


def test_a_copy_is_folded_under_the_one_that_came_first(system):
    answer = system.search('"tram tunnel under its old harbour"')
    assert answer["total"] == {"articles": 2, "groups": 1}
    (hit,) = answer["hits"]
    assert hit["source"]["id"] == "northernwire.example"
    assert [copy["source"] for copy in hit["copies"]] == ["harbourpost.example"]
    kept = system.search('"tram tunnel under its old harbour"', duplicates="keep")
    assert {hit["source"]["id"] for hit in kept["hits"]} == {"northernwire.example", "harbourpost.example"}


def test_a_revised_version_takes_the_place_of_the_first(system):
    (hit,) = system.find("Taverra earthquake")
    assert hit["title"] == "Earthquake in Taverra valley: 47 injured, last villages reached"
    assert system.search('"injuring at least 12"')["total"]["articles"] == 0
    # The second version may overtake the first, which is then superseded and makes no revision.
    assert hit["revision"] in (1, 2)


def test_pages_come_out_without_their_furniture(system):
    (page,) = system.find("Lantern Bay oysters")
    (text,) = system.find("bitcoin Marenga")
    assert page["title"] == "Oyster farmers return to Lantern Bay ten years after the spill"
    for words in ("cookies", "Subscribe", "tidewatcher", "Read more"):
        assert words not in page["body"]
    for words in ("Ad Blocker", "Google News", "not liable", "Zebra Vault", "p7QwX2mLk9"):
        assert words not in text["body"]
    assert "Finance minister Joaquim Tesfaye" in text["body"]


def test_articles_carry_topics_with_their_evidence(system):
    (hit,) = system.find('"interest rate" Ferreiro')
    assert "medtop:04000000" in [topic["code"] for topic in hit["topics"]]
    assert all(topic["evidence"] for topic in hit["topics"])
    assert "Tomas Ferreiro" in [entity["name"] for entity in hit["entities"]]


def test_the_journey_of_an_article_can_be_looked_up(system):
    (hit,) = system.find("aceituna")
    trace = system.http.get(system.url("search", f"/v1/articles/{hit['id']}/trace"))
    assert trace.status_code == 200
    text = trace.text
    assert all(f'"{stage}"' in text for stage in ("accept", "clean", "dedupe", "tag", "index"))
    shown = system.cli("status", hit["id"])
    assert shown.returncode == 0, shown.stderr
    assert all(stage in shown.stdout for stage in ("accept", "clean", "dedupe", "tag", "index"))


def test_flower_shows_the_tasks_of_every_stage_as_succeeded(system):
    # Pushed here, since Flower may have been started again by another test and forgotten what was before.
    system.await_status(system.push(**article("for-flower", "flower market")), "indexed")

    def tasks():
        answer = system.http.get(system.url("flower", "/api/tasks"), params={"limit": 1000})
        assert answer.status_code == 200, answer.text
        done = [task for task in answer.json().values() if task["state"] == "SUCCESS"]
        return done if {task["name"] for task in done} >= STAGES else []

    results = [task["result"] for task in until(tasks, "tasks of every stage") if task["name"] in STAGES]
    assert any("indexed" in result for result in results)


def test_flower_can_look_into_the_workers(system):
    def workers():
        answer = system.http.get(system.url("flower", "/api/workers"), params={"refresh": "1"})
        return {name.partition("@")[0] for name, told in answer.json().items() if told.get("stats")}

    until(lambda: workers() == {"worker", "index-worker", "sweeper"}, "statistics of all workers")


def test_a_file_goes_in_by_the_command_line_and_a_second_time_changes_nothing(system, tmp_path):
    page = tmp_path / "lighthouse.txt"
    page.write_text(
        "Lighthouse keepers of Cape Ansel end their watch\n\nThe last two keepers of the lighthouse at Cape "
        "Ansel went home on Tuesday after 41 years. From now on a computer lights the lamp.\n\nThe building "
        "becomes a museum, the coast guard said, and the stairs will be open to visitors from May.\n"
    )
    first = system.cli("ingest", page, "--source", "ansel.example")
    assert (first.returncode, first.stderr) == (0, "")
    article_id, word, _ = first.stdout.split(maxsplit=2)
    assert word == "indexed"
    again = system.cli("ingest", page, "--source", "ansel.example")
    assert again.stdout.split()[:2] == [article_id, "unchanged"]
    (hit,) = system.find('"Cape Ansel" lighthouse')
    assert hit["uri"] == "file:lighthouse.txt"
    shown = system.cli("search", "lighthouse", "--json")
    assert [hit["id"] for hit in json.loads(shown.stdout)["hits"]] == [article_id]


def test_bad_items_are_told_one_by_one_and_the_good_ones_go_in(system, tmp_path):
    lines = tmp_path / "mixed.ndjson"
    good = article("mixed", "drawbridge")
    lines.write_text("\n".join([json.dumps(good), "nonsense", json.dumps({"uri": "x", "colour": "red"})]))
    done = system.cli("ingest", lines)
    assert done.returncode == 1
    words = [line.split()[1] for line in done.stdout.splitlines()]
    assert words == ["indexed", "refused", "refused"]
    assert "colour" in done.stdout


def test_the_samples_can_be_loaded_again_without_change(system):
    before = system.search("")["total"]
    done = system.cli("demo")
    assert done.returncode == 0, done.stderr
    assert "unchanged" in done.stdout
    assert system.search('source:"northernwire.example"')["total"]["articles"] >= 4
    assert system.search("")["total"]["articles"] >= before["articles"]


def test_everything_is_ready_and_says_so(system):
    done = system.cli("status")
    assert done.returncode == 0, done.stdout + done.stderr
    checked = system.cli("doctor")
    assert checked.returncode == 0, checked.stdout


def test_a_second_up_on_the_same_data_is_refused(system):
    done = system.cli("up")
    assert done.returncode == 2
    assert f"runs already on {system.folder}" in done.stderr


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("worker", "--hostname worker@"),
        ("index-worker", "--hostname index-worker@"),
        ("valkey", "-server 127.0.0.1:"),
        ("ingest", "services.ingest.app"),
        ("flower", "flower --address"),
    ],
)
def test_a_killed_child_is_started_again_and_work_goes_on(system, name, words):
    victim = system.child(words)
    lives = sum(f"{name} is ready" in line for line in system.lines)
    os.kill(victim, signal.SIGKILL)
    system.await_line(f"{name} is ready", count=lives + 1)
    article_id = until(
        lambda: try_push(system, article(f"after-{name}", f"{name} repair works")), "an answer of ingest"
    )
    system.await_status(article_id, "indexed")


def test_a_worker_that_hangs_is_killed_and_started_again(system):
    hung = system.child("--hostname index-worker@")
    os.kill(hung, signal.SIGSTOP)
    article_id = system.push(**article("after-hang", "clock tower"))
    system.await_line("index-worker has not answered for 20 s; killing it")
    system.await_status(article_id, "indexed")
    assert system.child("--hostname index-worker@") != hung


def try_push(system, item):
    try:
        return system.push(**item)
    except httpx.TransportError:
        return None


def test_articles_pushed_while_all_workers_are_killed_still_arrive(system):
    ids = [system.push(**article(f"storm-{number}", "storm damage")) for number in range(20)]
    for words in ("--hostname worker@", "--hostname index-worker@", "--hostname sweeper@"):
        os.kill(system.child(words), signal.SIGKILL)
    ids += [system.push(**article(f"flood-{number}", "flood damage")) for number in range(20)]
    for article_id in ids:
        system.await_status(article_id, "indexed")


def test_a_stop_is_quick_and_complete_and_a_second_start_finds_the_data(system):
    article_id = system.push(**article(1, "old windmill"))
    system.await_status(article_id, "indexed")
    assert len(system.processes()) > 7
    code, seconds = system.stop(signal.SIGINT)
    assert (code, seconds < 10.0) == (0, True), "\n".join(system.lines[-30:])
    assert system.processes() == {}
    assert not [line for line in system.lines if "did not stop in time" in line]
    system.reader.join(timeout=LIMIT)
    system.process.stdout.close()
    system.start()
    assert [hit["id"] for hit in system.find('"old windmill"', duplicates="keep")] == [article_id]
    assert system.status(article_id)["status"] == "indexed"


def test_no_process_survives_a_supervisor_that_was_killed_and_the_next_start_works(system):
    article_id = system.push(**article(2, "new windmill"))
    system.process.kill()
    system.process.wait()
    system.reader.join(timeout=LIMIT)
    system.process.stdout.close()
    system.start()  # it waits until the children of the killed one are gone
    system.await_status(article_id, "indexed")
    assert [hit["id"] for hit in system.find('"new windmill"', duplicates="keep")] == [article_id]


def readme_examples():
    """Each ``$ curl`` line of the README with the answer that stands below it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    return [block.split("\n", 1) for block in re.findall(r"```console\n\$ (.*?)\n```", text, re.DOTALL)]


def test_the_readmes_requests_give_the_answers_that_it_shows(system):
    examples = readme_examples()
    assert len(examples) == 6
    for command, expected in examples:
        asked = command.replace(":8001/", f":{system.ports['ingest']}/").replace(
            ":8000/", f":{system.ports['search']}/"
        )
        pattern = re.escape(expected).replace("…", '[^",]+')

        def told(asked=asked, pattern=pattern):
            done = subprocess.run(
                asked, shell=True, cwd=ROOT, env=system.environ, capture_output=True, text=True
            )
            assert done.returncode == 0, f"{asked}\n{done.stderr}"
            return re.fullmatch(pattern, done.stdout.strip())

        until(told, f"the README's answer to {command}", 20)
