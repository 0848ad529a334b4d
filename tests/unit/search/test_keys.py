"""Where a request may carry its key, what NewsAPI's clients are told, and the way into the desk."""

from __future__ import annotations

import io
import logging
import threading
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.search.app import create_app
from shared.clock import now_ms
from shared.errors import Unavailable
from shared.keys.memory import MemoryKeys
from shared.keys.port import ApiKey
from shared.keys.secret import make_key
from shared.log import configure_logging
from tests.unit.search.conftest import Newsroom


class Keys(MemoryKeys):
    """Keys by their names, which can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.away = False
        self.reader = self.make("reader", "search")
        self.pusher = self.make("pusher", "ingest")
        self.ended = self.make("ended", "search")
        self.revoke(self.ended.split("_")[1], now_ms())

    def make(self, name: str, *scopes: str) -> str:
        text, key = make_key(name, scopes, now_ms())
        self.add(key)
        return text

    def find(self, key_id: str) -> ApiKey | None:
        if self.away:
            raise Unavailable("ledger: disk I/O error")
        return super().find(key_id)


@pytest.fixture
def keys() -> Iterator[Keys]:
    yield Keys()
    for thread in threading.enumerate():
        if thread.name == "key use":
            thread.join()


@pytest.fixture
def client(newsroom: Newsroom, keys: Keys) -> FlaskClient:
    settings = replace(newsroom.settings, keys="on")
    return create_app(settings, newsroom.index, newsroom.ledger, keys=keys).test_client(use_cookies=False)


@pytest.fixture
def browser(client: FlaskClient) -> FlaskClient:
    return client.application.test_client()


def basic(key: str) -> str:
    return "Basic " + b64encode(f"anyone:{key}".encode()).decode()


def code_of(answer: TestResponse) -> tuple[int, str]:
    return answer.status_code, answer.json["code"]


def test_a_key_is_taken_from_where_people_put_it(client: FlaskClient, keys: Keys) -> None:
    key = keys.reader
    for headers in (
        {"Authorization": f"Bearer {key}"}, {"Authorization": f"bearer  {key} "}, {"X-Api-Key": key},
        {"Authorization": basic(key)}, {"Cookie": f"copydesk-key={key}"},
    ):  # fmt: skip
        assert client.get("/v1/search?q=ferry", headers=headers).status_code == 200
        assert client.get("/v1/search.rss?q=ferry", headers=headers).status_code == 200
    # As a user's name in a header, or in an address that logs and histories keep, it is none.
    assert client.get("/v1/search", headers={"Authorization": key}).status_code == 401
    assert client.get(f"/v1/search?apiKey={key}").status_code == 401


def test_what_a_browser_sends_unasked_changes_nothing(client: FlaskClient, keys: Keys) -> None:
    for headers in ({"Cookie": f"copydesk-key={keys.reader}"}, {"Authorization": basic(keys.reader)}):
        assert client.post("/v1/similar", json={"text": "ferry"}, headers=headers).status_code == 401
    told = {"Authorization": f"Bearer {keys.reader}"}
    assert client.post("/v1/similar", json={"text": "ferry harbour dawn"}, headers=told).status_code == 200


def test_the_first_place_that_has_a_key_decides(client: FlaskClient, keys: Keys) -> None:
    good, bad = keys.reader, keys.ended
    answer = client.get("/v2/everything?q=ferry&apiKey=" + good, headers={"X-Api-Key": bad})
    assert code_of(answer) == (401, "apiKeyDisabled")
    both = {"X-Api-Key": good, "Authorization": f"Bearer {bad}"}
    assert client.get(f"/v2/everything?q=ferry&apiKey={bad}", headers=both).status_code == 200
    answer = client.get(f"/v2/everything?q=ferry&apiKey={good}", headers={"Authorization": bad})
    assert code_of(answer) == (401, "apiKeyDisabled")


@pytest.mark.parametrize(
    "text",
    ["", " ", "Bearer", "Bearer ", "Basic", "Basic !!", "Basic Og==",
     "Basic " + b64encode(b"\xff:\xfe").decode(), "Digest x",
     "\x00", "Bearer \xff", "Bearer " + "k" * 60_000, ", ", "Bearer cdk_", "cdk_é"],
)  # fmt: skip
def test_whatever_stands_in_its_place_is_no_key_and_no_fault(client: FlaskClient, text: str) -> None:
    for path in ("/v1/search", "/v2/everything?q=a", "/", "/no/such"):
        for name in ("Authorization", "X-Api-Key", "Cookie"):
            assert client.get(path, headers={name: text}).status_code == 401


def test_newsapis_clients_are_told_in_newsapis_words(client: FlaskClient, keys: Keys) -> None:
    for path in ("/v2/everything?q=ferry", "/v2/top-headlines?q=ferry", "/v2/sources", "/v2/no-such", "/v2"):
        assert code_of(client.get(path)) == (401, "apiKeyMissing")
        for key, wanted in (
            ("k", (401, "apiKeyInvalid")), (keys.ended, (401, "apiKeyDisabled")),
            (keys.ended[:17] + "0" * 40, (401, "apiKeyInvalid")), (keys.pusher, (403, "apiKeyInvalid")),
        ):  # fmt: skip
            if (wanted[0] == 403 and "no-such" in path) or path == "/v2":
                continue
            assert code_of(client.get(path, headers={"Authorization": key})) == wanted
    assert "apiKey" in client.get("/v2/sources").json["message"]
    for query, headers in (
        (f"&apiKey={keys.reader}", {}), (f"&apikey={keys.reader}", {}), ("", {"X-Api-Key": keys.reader}),
        ("", {"Authorization": keys.reader}), ("", {"Authorization": f"Bearer {keys.reader}"}),
    ):  # fmt: skip
        assert client.get(f"/v2/everything?q=ferry{query}", headers=headers).json["totalResults"] > 0
    answer = client.get(f"/https://newsapi.org/v2/everything?q=ferry&apiKey={keys.reader}")
    assert answer.json["status"] == "ok"
    assert code_of(client.get("/https://newsapi.org/v2/everything?q=ferry")) == (401, "apiKeyMissing")


def test_while_the_ledger_is_away_known_keys_search_and_nobody_else_does(
    client: FlaskClient, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/v1/search?q=ferry", headers={"X-Api-Key": keys.reader}).status_code == 200
    monkeypatch.setattr("shared.keys.keeper.KNOWN_SECONDS", 0.0)
    keys.away = True
    assert client.get("/v1/search?q=ferry", headers={"X-Api-Key": keys.reader}).status_code == 200
    unseen = client.get("/v1/search?q=ferry", headers={"X-Api-Key": keys.pusher})
    assert (unseen.status_code, unseen.headers["Retry-After"]) == (503, "5")
    assert "I/O" not in unseen.text
    assert client.get("/v1/search?q=ferry").status_code == 401
    assert client.get("/", headers={"X-Api-Key": keys.pusher}).status_code == 503
    told = client.get("/v2/sources", headers={"X-Api-Key": keys.pusher})
    assert code_of(told) == (503, "unexpectedError")


def test_what_a_key_opened_is_kept_out_of_shared_caches(client: FlaskClient, keys: Keys) -> None:
    for path, wanted in (
        ("/v1/search.rss?q=ferry", {"private", "no-cache"}), ("/v1/search?q=ferry", {"private"}),
        ("/v1/search?q=(", {"no-store"}),
    ):  # fmt: skip
        answer = client.get(path, headers={"X-Api-Key": keys.reader})
        assert set(answer.headers["Cache-Control"].split(", ")) == wanted
        vary = {name.strip() for told in answer.headers.getlist("Vary") for name in told.split(",")}
        assert vary >= {"Authorization", "X-Api-Key", "Cookie"}


def test_without_keys_nothing_of_this_is_there(newsroom: Newsroom) -> None:
    client = newsroom.client()
    answer = client.get("/v1/search?q=ferry", headers={"X-Api-Key": "k"})
    assert answer.status_code == 200
    assert "Authorization" not in answer.headers["Vary"]
    assert "private" not in client.get("/v1/search.rss?q=ferry").headers["Cache-Control"]
    assert client.post("/sign-in", data={"key": "k"}).status_code == 404
    assert client.get("/readyz").json["status"] == "ready"


# The desk


def test_a_stranger_at_the_desk_gets_a_form_and_with_a_key_the_desk(browser: FlaskClient, keys: Keys) -> None:
    asked = browser.get("/")
    assert (asked.status_code, asked.mimetype) == (401, "text/html")
    assert 'action="/sign-in" method="post"' in asked.text
    assert "script-src" not in asked.headers["Content-Security-Policy"]
    assert "<script" not in asked.text
    assert 'role="alert"' not in asked.text
    signed = browser.post("/sign-in", data={"key": f" {keys.reader}\n"})
    assert (signed.status_code, signed.headers["Location"]) == (303, "/")
    cookie = signed.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
    assert "Expires" not in cookie
    assert "Secure" not in cookie
    assert signed.headers["Cache-Control"] == "no-store"
    shown = browser.get("/?q=ferry")
    assert shown.status_code == 200
    assert "Sign out" in shown.text
    assert keys.reader not in shown.text
    assert browser.get("/v1/search.rss?q=ferry").status_code == 200  # which the desk links to


def test_who_signs_in_gets_the_page_that_was_asked_for(browser: FlaskClient, keys: Keys) -> None:
    asked = browser.get("/?q=ferry&sort=newest")
    assert 'name="back" value="/?q=ferry&amp;sort=newest"' in asked.text
    form = {"key": "wrong", "back": "/?q=ferry&sort=newest"}
    assert 'name="back" value="/?q=ferry&amp;sort=newest"' in browser.post("/sign-in", data=form).text
    signed = browser.post("/sign-in", data=form | {"key": keys.reader})
    assert (signed.status_code, signed.headers["Location"]) == (303, "/?q=ferry&sort=newest")


@pytest.mark.parametrize(
    "page",
    ["//evil.example", "/\\evil.example", "https://evil.example", "", "/\t/evil.example",
     "/\r\nSet-Cookie: a=b", "/?q=" + "k" * 2_000],
)  # fmt: skip
def test_nobody_is_sent_from_the_form_to_another_site(browser: FlaskClient, keys: Keys, page: str) -> None:
    signed = browser.post("/sign-in", data={"key": keys.reader, "back": page})
    assert (signed.status_code, signed.headers["Location"]) == (303, "/")
    assert len(signed.headers.getlist("Set-Cookie")) == 1


def test_a_query_that_is_no_utf_8_is_asked_for_a_key_too(browser: FlaskClient) -> None:
    asked = browser.get("/", query_string="q=%ff\xff&a=<b>")
    assert asked.status_code == 401
    assert "<b>" not in asked.text
    assert browser.get("/", environ_overrides={"QUERY_STRING": "q=\xff"}).status_code == 401


def test_over_https_the_cookie_never_leaves_it(browser: FlaskClient, keys: Keys) -> None:
    signed = browser.post("/sign-in", data={"key": keys.reader}, base_url="https://desk.example")
    assert "; Secure" in signed.headers["Set-Cookie"]


@pytest.mark.parametrize("which", ["ended", "pusher", "nonsense", "empty"])
def test_a_key_that_is_not_for_the_desk_gets_no_cookie(browser: FlaskClient, keys: Keys, which: str) -> None:
    key = {"ended": keys.ended, "pusher": keys.pusher, "nonsense": "<b>k</b>", "empty": ""}[which]
    answer = browser.post("/sign-in", data={"key": key})
    assert answer.status_code == 401
    assert "Set-Cookie" not in answer.headers
    assert 'role="alert"' in answer.text
    assert "<b>k" not in answer.text
    assert browser.get("/").status_code == 401


def test_a_revoked_key_ends_at_the_desk_too(
    browser: FlaskClient, keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.keys.keeper.KNOWN_SECONDS", 0.0)
    browser.post("/sign-in", data={"key": keys.reader})
    assert browser.get("/").status_code == 200
    keys.revoke(keys.reader.split("_")[1], now_ms())
    asked = browser.get("/")
    assert asked.status_code == 401
    assert 'role="alert"' in asked.text


def test_who_signs_out_is_a_stranger_again(browser: FlaskClient, keys: Keys) -> None:
    browser.post("/sign-in", data={"key": keys.reader})
    assert browser.post("/sign-out").status_code == 303
    assert browser.get("/").status_code == 401


def test_pages_of_other_sites_can_neither_sign_in_nor_out(browser: FlaskClient, keys: Keys) -> None:
    for site in ("cross-site", "same-site"):
        for path in ("/sign-in", "/sign-out"):
            answer = browser.post(path, data={"key": keys.reader}, headers={"Sec-Fetch-Site": site})
            assert answer.status_code == 403
            assert "Set-Cookie" not in answer.headers


def test_a_form_that_is_no_form_is_no_fault(browser: FlaskClient) -> None:
    assert browser.post("/sign-in", data=b"\xff\xfe" * 10).status_code == 401
    assert browser.post("/sign-in", json={"key": "k"}).status_code == 401
    assert browser.post("/sign-in", data={"key": "k" * 10_000}).status_code == 413
    assert browser.post("/sign-in", data={"key": io.BytesIO(b"a file")}).status_code == 401


def test_a_key_is_in_no_log(
    client: FlaskClient, keys: Keys, newsroom: Newsroom, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    configure_logging(replace(newsroom.settings, log_format="json", log_level="debug"))
    try:
        keys.away = True
        for key in (keys.reader, keys.ended, "hunter2-no-key"):
            for name, value in (
                ("X-Api-Key", key), ("Authorization", basic(key)), ("Cookie", f"copydesk-key={key}")
            ):  # fmt: skip
                headers = {name: value}
                client.get("/v1/search?q=ferry", headers=headers)
            client.get(f"/v2/everything?q=ferry&apiKey={key}")
            client.post("/sign-in", data={"key": key})
    finally:
        root.handlers[:] = before
        root.setLevel(level)
    told = capsys.readouterr().err
    assert "part unavailable" in told
    for key in (keys.reader, keys.ended):
        assert key not in told
        assert key.rpartition("_")[2] not in told
    assert "hunter2" not in told
