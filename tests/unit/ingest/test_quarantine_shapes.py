"""Replay and drop say in one shape which submissions they mean; what replay took before goes on working."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from shared.ledger.port import Ledger
from tests.unit.ingest.kept import quarantine

JSON = dict[str, Any]
CONDITIONS: list[JSON] = [
    {"all": True},
    {"source": "news.example"},
    {"stage": "clean", "reason": "ValueError"},
    {"since": "2020-01-01T00:00:00Z"},
]


@pytest.fixture
def two(client: FlaskClient, ledger: Ledger) -> Ledger:
    """A ledger with two submissions in quarantine."""
    for name in "ab":
        item = {"url": f"https://news.example/{name}", "title": name, "body": f"Text of {name}."}
        assert client.post("/v1/articles", json=item).status_code == 202
    quarantine(ledger, "clean", "ValueError: broken")
    return ledger


@pytest.mark.parametrize("conditions", CONDITIONS)
def test_both_take_the_same_conditions_under_which(
    client: FlaskClient, two: Ledger, conditions: JSON
) -> None:
    answer = client.post("/v1/quarantine/replay", json={"which": conditions})
    assert (answer.status_code, answer.json) == (200, {"replayed": 2})
    assert two.counts() == {"accepted": 2}
    quarantine(two, "clean", "ValueError: broken", "replay")
    answer = client.post("/v1/quarantine/drop", json={"reason": "spam", "which": conditions})
    assert (answer.status_code, answer.json) == (200, {"dropped": 2})


@pytest.mark.parametrize("conditions", CONDITIONS)
def test_replay_takes_them_beside_each_other_as_it_always_did(
    client: FlaskClient, two: Ledger, conditions: JSON
) -> None:
    answer = client.post("/v1/quarantine/replay", json=conditions)
    assert (answer.status_code, answer.json) == (200, {"replayed": 2})


@pytest.mark.parametrize(
    ("path", "body", "field", "words"),
    [
        ("replay", {"which": {}}, "which.all", "must be true, unless a condition is given"),
        ("replay", {"which": {"all": True, "stage": "tag"}}, "which.all", "cannot be given beside stage"),
        ("replay", {"which": {"stage": 5}}, "which.stage", "must be one of"),
        ("replay", {"which": {"which": {"all": True}}}, "which.which", "is no known field"),
        ("replay", {"which": {"all": True}, "source": "a.example"}, "source", "put it under which"),
        ("replay", {"which": {"source": "a.example"}, "all": True}, "all", "put it under which"),
        ("replay", {"which": None}, "all", "must be true"),
        ("drop", {"reason": "spam", "source": "news.example"}, "source", "belongs under which"),
        ("drop", {"reason": "spam", "all": True}, "all", "belongs under which"),
        ("drop", {"reason": "x", "which": {"all": True}, "until": "x"}, "until", "belongs under which"),
    ],
    ids=str,
)
def test_what_is_said_twice_or_in_the_wrong_place_is_400_and_changes_nothing(
    client: FlaskClient, two: Ledger, path: str, body: JSON, field: str, words: str
) -> None:
    answer = client.post(f"/v1/quarantine/{path}", json=body)
    assert answer.status_code == 400, answer.text
    told = {error["field"]: error["message"] for error in (answer.json or {})["errors"]}
    assert words in told[field]
    assert two.counts() == {"quarantined": 2}


def test_the_description_has_one_shape_for_both_and_calls_the_other_deprecated(client: FlaskClient) -> None:
    described = client.get("/openapi.json").json or {}
    shapes = described["components"]["schemas"]
    for name in ("ReplayMany", "DropMany"):
        assert "#/components/schemas/Which" in str(shapes[name]["properties"]["which"])
    flat = {name for name, what in shapes["ReplayMany"]["properties"].items() if what.get("deprecated")}
    assert flat == {"all", "reason", "since", "source", "stage", "until"}
    body = described["paths"]["/v1/quarantine/replay"]["post"]["requestBody"]["content"]
    assert body["application/json"]["schema"] == {"$ref": "#/components/schemas/ReplayMany"}
