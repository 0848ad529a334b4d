"""What real services and workers log at level debug: ids that lead from line to line, and nothing secret."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from shared.clock import now_ms
from shared.identity import article_id
from shared.keys.open import open_keys
from shared.keys.secret import make_key
from tests.integration.service import run_ingest, run_search

from .conftest import free_port, make_raw, wait_until

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]
QUOTING = "tests.integration.workers.quoting_app"
WORDS = "Zwölftausend Heringe quarrelsomely"  # stands in every body, title and query below
SECRETS = {
    "password": "marker-password-93ab", "cookie": "marker-cookie-7d20",
    "text": "Heringe", "query": "quarrelsomely",
}  # fmt: skip
WRONG = "cdk_000000000000_" + "7" * 40


def item(name: str, title: str = "Quay") -> dict[str, str]:
    body = f"{make_raw(sum(map(ord, name))).body} {WORDS}."
    return {"uri": name, "source": "paper.example", "title": f"{title} {WORDS}", "body": body}


def headers_with(key: str) -> dict[str, str]:
    """What a careless sender gives: its key everywhere, and a cookie of something else."""
    return {
        "Authorization": f"Bearer {key}", "X-Api-Key": key, "X-Request-Id": "desk-42",
        "Cookie": f"session={SECRETS['cookie']}",
    }  # fmt: skip


def push_everything(base: str, key: str) -> None:
    """Every way in, good and bad."""
    with httpx.Client(base_url=base, headers=headers_with(key), timeout=30) as http:
        assert http.post("/v1/articles", json=item("one")).status_code == 202
        assert http.post("/v1/articles", json=item("two", "raise")).status_code == 202
        assert http.post("/v1/articles", json=item("three", "break")).status_code == 202
        assert http.post("/v1/articles", json=item("four") | {"nonsense": WORDS}).status_code == 400
        assert http.post("/v1/articles", content=f"{{{WORDS}".encode()).status_code in (400, 415)
        line = json.dumps(item("five")) + "\n{" + WORDS
        ndjson = {"Content-Type": "application/x-ndjson"}
        assert http.post("/v1/articles:bulk", content=line.encode(), headers=ndjson).status_code == 200
        page = f"<html><body><p>{WORDS}</p></body></html>".encode()
        kind = {"Content-Type": "text/html; charset=utf-8", "Idempotency-Key": key}
        url = f"/v1/pages?url=https://paper.example/{key}"
        assert http.post(url, content=page, headers=kind).status_code == 202


def log_of(folder: Path) -> list[str]:
    paths = (*folder.glob("*.log"), *(folder / "data").glob("*.log"))
    return [line for path in sorted(paths) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize("form", ["json", "console"])
def test_no_body_key_query_or_password_is_in_any_log_line(newsroom: Any, tmp_path: Path, form: str) -> None:
    url = newsroom.settings.broker_url.replace("redis://", f"redis://default:{SECRETS['password']}@")
    settings = replace(
        newsroom.settings, broker_url=url, redis_url=url, log_level="debug", log_format=form,
        ingest_port=free_port(), search_port=free_port(), max_attempts=2, keys="on",
    )  # fmt: skip
    newsroom.settings = settings
    key, kept = make_key("desk", ("admin",), now_ms())
    store = open_keys(settings)
    store.add(kept)
    store.close()
    newsroom.start_small(app=QUOTING)
    with run_ingest(settings, tmp_path / "ingest.log"), run_search(settings, tmp_path / "search.log"):
        push_everything(f"http://127.0.0.1:{settings.ingest_port}", key)
        counts = newsroom.wait_for_all()
        base = f"http://127.0.0.1:{settings.search_port}"
        for query in (WORDS, f"({WORDS}"):
            httpx.get(f"{base}/v1/search", params={"q": query}, headers=headers_with(key))
            httpx.get(f"{base}/v1/search", params={"q": query}, headers=headers_with(WRONG))
    newsroom.kill_broker()  # what clients say of a broker that is away must not name its password
    with run_ingest(settings, tmp_path / "ingest-alone.log"):
        push_everything(f"http://127.0.0.1:{settings.ingest_port}", key)
        wait_until(lambda: "broker away" in (tmp_path / "ingest-alone.log").read_text(), "the trouble")
        httpx.get(f"http://127.0.0.1:{settings.ingest_port}/readyz")
    wait_until(lambda: "Cannot connect" in newsroom.logs(), "the worker's trouble")
    assert counts["quarantined"] == 2
    lines = log_of(tmp_path)
    assert len(lines) > 50
    for what, secret in (SECRETS | {"key": key, "wrong key": WRONG}).items():
        assert [line for line in lines if secret in line] == [], what
    check_told(newsroom, lines, form)


def check_told(newsroom: Any, lines: list[str], form: str) -> None:
    """What is to be read there instead: which article, of which request, failed of what."""
    failed = article_id("paper.example", "two", None)
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
    told = [line for line in plain if "article taken" in line and failed in line]
    assert told
    assert all("desk-42" in line and "failed" in line for line in told)
    whole = article_id("paper.example", "one", None)
    for word in ("cleaned", "deduped", "tagged", "indexed"):
        assert [line for line in plain if word in line and whole in line and "desk-42" in line], word
    batches = [line for line in plain if "batch done" in line]
    assert batches
    assert all("desk-42" in line for line in batches)  # also of who logs no more than at level info
    assert any("ValueError" in line or "StageFailed" in line for line in plain)
    assert any("KeyError" in line for line in plain)
    if form == "json":
        mine = [json.loads(line) for line in told]
        assert {(line["article"], line["request_id"], line["stage"]) for line in mine} == {
            (failed, "desk-42", "clean")
        }
