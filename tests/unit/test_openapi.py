"""Schemathesis over both services: nothing that their OpenAPI documents allow, or forbid, breaks them.

No answer is a fault of ours, and each has a status, a media type and a shape that the document tells. What a
schema cannot say (the query language, dates, ids) may be refused though the schema allows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.core.failures import FailureGroup

from services.ingest.app import create_app as create_ingest
from services.ingest.described import BULK
from services.search.described import DESCRIBED
from services.search.export import EXPORT_PARAMETERS
from services.search.feed_routes import FEED_PARAMETERS
from services.search.params import PARAMETERS
from services.search.similar import SIMILAR_PARAMETERS
from services.search.suggest import SUGGEST_PARAMETERS
from services.search.timeline import TIMELINE_PARAMETERS
from services.search.trends import TRENDS_PARAMETERS
from shared.ledger.open import migrate_ledger, open_ledger
from shared.settings import Settings
from tests.unit.ingest.conftest import Notes
from tests.unit.search.conftest import _fill, open_newsroom

load_all_checks()
EXAMPLES = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
NOT_ASKED = [schemathesis.checks.CHECKS.get_one("positive_data_acceptance")]
# Any text is a page; and of a stream each line is refused by itself.
TEXTS = (BULK, "/v1/pages")
TAKEN = [schemathesis.checks.CHECKS.get_one("negative_data_rejection")]


@schemathesis.serializer("application/x-ndjson", "text/html")
def _as_it_is(_context: Any, value: Any) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@pytest.fixture(scope="module")
def search_schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with open_newsroom(tmp_path_factory.mktemp("search")) as newsroom:
        _fill(newsroom)
        yield schemathesis.openapi.from_wsgi("/openapi.json", newsroom.client().application)


@pytest.fixture(scope="module")
def ingest_schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    made = Settings(data_dir=tmp_path_factory.mktemp("ingest"), min_free_bytes=1)
    migrate_ledger(made)
    ledger = open_ledger(made)
    yield schemathesis.openapi.from_wsgi("/openapi.json", create_ingest(made, ledger, Notes()))
    ledger.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("service", ["search", "ingest"])
def test_every_answer_is_as_the_document_says(service: str, request: pytest.FixtureRequest) -> None:
    schema, failures = request.getfixturevalue(f"{service}_schema"), []
    operations = [found.ok() for found in schema.get_all_operations()]
    for operation in operations:
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:
            try:
                _try(operation, mode)
            except FailureGroup as error:
                failures.append(f"{operation.label}: {error.args[0]}")
            except Unsatisfiable:  # without parameters there is nothing to get wrong
                assert mode is GenerationMode.NEGATIVE, operation.label
    assert len(operations) > 10
    assert not failures, "\n".join(failures)


def _try(operation: Any, mode: GenerationMode) -> None:
    left_out = NOT_ASKED + (TAKEN if operation.path in TEXTS else [])

    @EXAMPLES
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        case.call_and_validate(excluded_checks=left_out)

    check()


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/v1/search", (*PARAMETERS, "cursor", "format")),
        ("/v1/search/export", EXPORT_PARAMETERS),
        ("/v1/search.rss", FEED_PARAMETERS),
        ("/v1/search.atom", FEED_PARAMETERS),
        ("/v1/search.json", FEED_PARAMETERS),
        ("/v1/timeline", TIMELINE_PARAMETERS),
        ("/v1/suggest", SUGGEST_PARAMETERS),
        ("/v1/trends", TRENDS_PARAMETERS),
        ("/v1/articles/{article_id}/similar", SIMILAR_PARAMETERS),
    ],
)
def test_each_parameter_is_in_the_document(path: str, names: tuple[str, ...], search_schema: Any) -> None:
    told = search_schema.raw_schema["paths"][path]["get"]["parameters"]
    assert sorted(one["name"] for one in told if one["in"] == "query") == sorted(names)
    assert all(one["description"] for one in told)
    assert set(names) <= set(DESCRIBED)
