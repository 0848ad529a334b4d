"""The page that shows a service's OpenAPI document."""

from __future__ import annotations

import re
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest
from flask.testing import FlaskClient
from pydantic import BaseModel, Field

from services.ingest.app import create_app as create_ingest
from services.search.app import create_app as create_search
from shared.docs import docs_page
from shared.http import make_app
from shared.ledger.open import migrate_ledger, open_ledger
from shared.settings import Settings
from tests.unit.ingest.conftest import Notes


class Asked(BaseModel):
    """What a test route takes."""

    size: int = Field(5, ge=1, le=9, description="<b>how many</b>")


def document() -> dict:
    app = make_app("services.search", Settings(data_dir=Path("nowhere")), {})

    @app.get("/v1/things/<string:name>", summary="A <thing>")
    def thing(query: Asked) -> dict:
        return {}

    return app.api_doc


def test_it_shows_every_address_with_parameters_and_answers():
    page = docs_page(document())
    assert "<b>GET</b>/v1/things/{name}" in page
    assert "<td>integer, from 1, to 9, by default 5</td>" in page
    assert "<td>400</td><td>application/problem+json Problem</td>" in page
    assert '<h2 id="shape-Problem">' in page
    assert "<td>list of ProblemField</td>" in page


def test_whatever_is_described_is_text_and_no_markup():
    page = docs_page(document())
    assert "A &lt;thing&gt;" in page
    assert "&lt;b&gt;how many&lt;/b&gt;" in page
    assert "<script" not in page


@pytest.fixture(params=["search", "ingest"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> FlaskClient:
    settings = Settings(data_dir=tmp_path)
    migrate_ledger(settings)
    if request.param == "search":
        return create_search(settings).test_client()
    return create_ingest(settings, open_ledger(settings), Notes()).test_client()


def test_each_service_has_the_page_and_needs_nothing_from_elsewhere(client: FlaskClient):
    answer = client.get("/docs")
    assert (answer.status_code, answer.content_type) == (200, "text/html; charset=utf-8")
    assert not re.search(r'(src|href)="(?!#|openapi\.json")', answer.text)
    for path, told in client.get("/openapi.json").json["paths"].items():
        for method in told:
            assert f"<b>{method.upper()}</b>{path}" in answer.text


def test_a_browser_may_take_the_style_of_the_page_and_nothing_else(client: FlaskClient):
    answer = client.get("/docs")
    [style] = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    policy = answer.headers["Content-Security-Policy"]
    assert f"style-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
