"""Every address of both services, and who may ask there: none is open unless it is said here.

A route that this table does not name fails the first test; what the table says is tried on the real apps.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.ingest.app import NEEDS as INGEST_NEEDS
from services.ingest.app import create_app as create_ingest
from services.search.app import NEEDS as SEARCH_NEEDS
from services.search.app import create_app as create_search
from shared.clock import now_ms
from shared.keys.memory import MemoryKeys
from shared.keys.secret import make_key
from shared.keys.web import need_of
from shared.readiness import Readiness
from shared.settings import Settings
from tests.unit.ingest.conftest import Notes
from tests.unit.search.conftest import open_newsroom

HEALTH: Final = {(path, "GET"): "open" for path in ("/healthz", "/readyz", "/openapi.json", "/docs")}
WANTED: Final[Mapping[str, Mapping[tuple[str, str], str]]] = {
    "ingest": HEALTH
    | {
        ("/", "GET"): "any",
        ("/metrics", "GET"): "any",
        ("/v1/articles", "POST"): "ingest",
        ("/v1/articles:bulk", "POST"): "ingest",
        ("/v1/pages", "POST"): "ingest",
        ("/v1/articles/<article_id>/status", "GET"): "ingest",
        ("/v1/articles/<article_id>", "DELETE"): "admin",
        ("/v1/quarantine", "GET"): "admin",
        ("/v1/quarantine/<submission>", "GET"): "admin",
        ("/v1/quarantine/<submission>/replay", "POST"): "admin",
        ("/v1/quarantine/replay", "POST"): "admin",
        ("/v1/quarantine/<submission>/drop", "POST"): "admin",
        ("/v1/quarantine/drop", "POST"): "admin",
        ("/v1/events", "GET"): "search",
    },
    "search": HEALTH
    | {
        ("/metrics", "GET"): "any",
        ("/static/<path:filename>", "GET"): "open",
        ("/sign-in", "POST"): "open",
        ("/sign-out", "POST"): "open",
    }
    | {
        (path, "GET"): "search"
        for path in (
            "/", "/articles/<string:article_id>", "/articles/<string:article_id>/versions",
            "/articles/<string:article_id>/diff", "/stories/<string:story_id>",
            "/v1/search", "/v1/search/export", "/v1/search.rss", "/v1/search.atom", "/v1/search.json",
            "/v1/articles/<string:article_id>", "/v1/articles/<string:article_id>/trace",
            "/v1/articles/<string:article_id>/versions", "/v1/articles/<string:article_id>/diff",
            "/v1/articles/<string:article_id>/versions/<string:revision>",
            "/v1/articles/<string:article_id>/similar", "/v1/stories/<string:story_id>", "/v1/timeline",
            "/v1/suggest", "/v1/trends", "/v2/everything", "/v2/top-headlines", "/v2/top-headlines/sources",
            "/v2/sources",
        )
    }
    | {("/v1/similar", "POST"): "search"},
}  # fmt: skip
PLACES: Final = [(name, *place) for name, table in WANTED.items() for place in table]
CLOSED: Final = [place for place in PLACES if WANTED[place[0]][place[1:]] != "open"]
VALUES: Final = {"article_id": "0" * 32, "submission": "0" * 32, "story_id": "0" * 32, "revision": "1",
                 "filename": "desk.css"}  # fmt: skip
# Good for everything but what is wanted; where any key will do, none is wrong.
WRONG: Final = {"ingest": "search", "search": "ingest", "admin": "ingest-and-search"}
STRANGERS: Final = ("no key", "unknown", "no shape", "revoked", "expired")


class Doors:
    """Both services with keys on, over real ledgers, and a key of each kind."""

    def __init__(self, folder: Path, newsroom: Any) -> None:
        self.store = MemoryKeys()
        # So many wrong keys as are tried here would be too many; the last test tries how many are.
        settings = Settings(data_dir=newsroom.settings.data_dir, keys="on", wrong_keys_per_minute=0)
        self.apps = self._open(settings, newsroom)
        self.guarded = self._open(replace(settings, wrong_keys_per_minute=3), newsroom)
        now = now_ms()
        everything = ("ingest", "search", "admin")
        self.texts = {"unknown": f"cdk_{'0' * 12}_{'0' * 40}", "no shape": "hunter2", "no key": ""}
        for name, scopes, made_at in (
            ("ingest", ("ingest",), now), ("search", ("search",), now), ("admin", ("admin",), now),
            ("ingest-and-search", ("ingest", "search"), now), ("revoked", everything, now),
            ("expired", everything, now - 2 * 24 * 3_600_000),
        ):  # fmt: skip
            text, key = make_key(name, scopes, made_at, 1 if name == "expired" else None)
            self.store.add(key)
            self.texts[name] = text
            if name == "revoked":
                self.store.revoke(key.id, now)

    def _open(self, settings: Settings, newsroom: Any) -> dict[str, Flask]:
        return {
            "ingest": create_ingest(settings, newsroom.ledger, Notes(), keys=self.store),  # type: ignore[arg-type]
            "search": create_search(settings, newsroom.index, newsroom.ledger, keys=self.store),
        }

    def client(self, service: str) -> FlaskClient:
        return self.apps[service].test_client()

    def ask(self, service: str, rule: str, method: str, who: str) -> TestResponse:
        text = self.texts[who]
        headers = {"Authorization": f"Bearer {text}"} if text else {}
        return self.client(service).open(address(rule), method=method, headers=headers)


def address(rule: str) -> str:
    for name, value in VALUES.items():
        for kind in ("", "string:", "path:"):
            rule = rule.replace(f"<{kind}{name}>", value)
    return rule


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    with open_newsroom(tmp_path_factory.mktemp("doors")) as newsroom:
        yield Doors(tmp_path_factory.mktemp("other"), newsroom)
        for thread in threading.enumerate():
            if thread.name in ("capacity", "key use"):
                thread.join()


@pytest.mark.parametrize("service", list(WANTED))
def test_every_route_is_told_of_here_and_wants_what_is_told(doors: Doors, service: str) -> None:
    app = doors.apps[service]
    found = {
        (rule.rule, method): need_of(app, rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }
    assert found == WANTED[service]


@pytest.mark.parametrize(("service", "needs"), [("ingest", INGEST_NEEDS), ("search", SEARCH_NEEDS)])
def test_a_service_names_each_of_its_routes_and_no_others(
    doors: Doors, service: str, needs: Mapping[str, str]
) -> None:
    app = doors.apps[service]
    assert set(needs) == set(app.view_functions) - {"healthz", "readyz", "openapi_json", "docs"}


def test_a_route_that_nobody_thought_of_wants_the_highest_key(doors: Doors) -> None:
    assert need_of(doors.apps["search"], "search.just_added") == "admin"


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize(("service", "rule", "method"), CLOSED)
def test_a_stranger_is_refused(doors: Doors, service: str, rule: str, method: str, who: str) -> None:
    answer = doors.ask(service, rule, method, who)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="copydesk"'
    assert answer.headers["Cache-Control"] == "no-store"
    if rule.startswith("/v2"):
        ended, missing = ("revoked", "expired"), ("no key",)
        wanted = "apiKeyDisabled" if who in ended else "apiKeyMissing" if who in missing else "apiKeyInvalid"
        assert (answer.json["status"], answer.json["code"]) == ("error", wanted)
    elif answer.mimetype != "text/html":
        assert answer.mimetype == "application/problem+json"


@pytest.mark.parametrize(
    ("service", "rule", "method"), [place for place in CLOSED if not place[1].startswith("/v2")]
)
def test_what_once_was_a_key_is_refused_as_what_never_was(
    doors: Doors, service: str, rule: str, method: str
) -> None:
    def told(who: str) -> tuple[int, bytes, list[tuple[str, str]]]:
        answer = doors.ask(service, rule, method, who)
        kept = [(name, value) for name, value in answer.headers if name != "X-Request-Id"]
        return answer.status_code, answer.data, kept

    first, *others = (told(who) for who in STRANGERS if who != "no key")
    assert all(other == first for other in others)


@pytest.mark.parametrize(("service", "rule", "method"), CLOSED)
def test_a_key_for_something_else_is_forbidden_and_the_right_ones_go_in(
    doors: Doors, service: str, rule: str, method: str
) -> None:
    need = WANTED[service][rule, method]
    if need in WRONG:
        answer = doors.ask(service, rule, method, WRONG[need])
        assert answer.status_code == 403
        assert answer.headers["WWW-Authenticate"] == 'Bearer realm="copydesk", error="insufficient_scope"'
    for who in {"admin", *([need] if need != "any" else ["ingest", "search"])}:
        assert doors.ask(service, rule, method, who).status_code not in (401, 403, 500)


@pytest.mark.parametrize("service", list(WANTED))
@pytest.mark.parametrize("path", ["/no/such/place", "/v1/searches", "/v2", "/v2/nothing", "/v1//articles"])
def test_addresses_that_are_none_are_told_of_to_nobody_without_a_key(
    doors: Doors, service: str, path: str
) -> None:
    for method in ("GET", "POST", "PATCH", "TRACE"):
        assert doors.client(service).open(path, method=method).status_code == 401
    headers = {"X-Api-Key": doors.texts["search"]}
    assert doors.client(service).get(path, headers=headers).status_code in (404, 405, 308)


@pytest.mark.parametrize(("service", "rule", "method"), PLACES)
def test_the_same_holds_for_methods_that_a_route_has_unasked(
    doors: Doors, service: str, rule: str, method: str
) -> None:
    closed = WANTED[service][rule, method] != "open"
    if method == "GET":
        with doors.client(service).head(address(rule)) as answer:
            assert answer.status_code == (401 if closed else 200)
    asked = doors.client(service).options(address(rule))
    assert (asked.status_code, asked.data) == (200, b"")


@pytest.mark.parametrize("service", list(WANTED))
def test_whoever_has_no_key_learns_that_a_part_is_away_and_not_where_it_is(
    doors: Doors, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise OSError("/data/ledger.sqlite on host redis.internal")

    app = doors.apps[service]
    held = [cell.cell_contents for cell in app.view_functions["readyz"].__closure__ or ()]
    readiness = next(value for value in held if isinstance(value, Readiness))
    monkeypatch.setitem(readiness._checks, "ledger", away)
    deadline = time.monotonic() + 5
    while (plain := doors.client(service).get("/readyz")).status_code == 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert plain.status_code == 503
    assert plain.json["checks"]["ledger"] == {"status": "failed"}
    told = doors.client(service).get("/readyz", headers={"X-Api-Key": doors.texts["search"]})
    assert told.json["checks"]["ledger"] == {"status": "failed", "error": "OSError"}
    stranger = doors.client(service).get("/readyz", headers={"X-Api-Key": doors.texts["revoked"]})
    assert stranger.json["checks"]["ledger"] == {"status": "failed"}


@pytest.mark.parametrize("service", list(WANTED))
def test_the_openapi_document_says_which_keys_a_route_takes(doors: Doors, service: str) -> None:
    told = doors.client(service).get("/openapi.json").json
    assert told["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    seen = 0
    for (rule, method), need in WANTED[service].items():
        operation = told["paths"].get(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule), {}).get(method.lower())
        if operation is None:  # pages, and what machines of the house ask
            continue
        seen += 1
        ways = ["bearer", "header", *(["query"] if rule.startswith("/v2/") else [])]
        assert [name for way in operation["security"] for name in way] == ways
        assert "401" in operation["responses"]
        assert operation["responses"]["403"]["description"].endswith(f"the key is not one for {need}")
        assert "too many wrong keys" in operation["responses"]["429"]["description"]
    assert seen > 10


@pytest.mark.parametrize(("number", "place"), list(enumerate(CLOSED)))
def test_on_no_route_can_keys_be_tried_without_end(
    doors: Doors, number: int, place: tuple[str, str, str]
) -> None:
    service, rule, method = place
    client = doors.guarded[service].test_client()

    def ask(who: str, network: str = "192.0.2") -> TestResponse:
        text, where = doors.texts[who], {"REMOTE_ADDR": f"{network}.{number}"}
        return client.open(address(rule), method=method, headers={"X-Api-Key": text}, environ_base=where)

    for who in ("unknown", "no shape", "revoked"):
        assert ask(who).status_code == 401
    for who in ("unknown", "no shape", "revoked", "expired"):
        refused = ask(who)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["Retry-After"]) <= 60
        assert refused.headers["X-RateLimit-Limit"] == "3"
        assert refused.headers["RateLimit-Policy"] == '"wrong-keys";q=3;w=60'
        assert refused.headers["RateLimit"].startswith('"wrong-keys";r=0;t=')
        assert refused.headers["Cache-Control"] == "no-store"
    assert ask("no key").status_code == 401
    assert ask("admin").status_code not in (401, 403, 429, 500)
    assert ask("unknown", "198.51.100").status_code == 401
