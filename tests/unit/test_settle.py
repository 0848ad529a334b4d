"""Python's garbage collector passes over what a service has when it begins to answer."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared import http
from shared.http import YOUNG_OBJECTS, make_app, settle
from shared.settings import Settings


@pytest.fixture
def _unsettled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """As in a process that has just started; afterwards as it was."""
    frozen, threshold = gc.get_freeze_count(), gc.get_threshold()
    gc.unfreeze()
    gc.set_threshold(700, 10, 10)
    monkeypatch.setattr(http, "_settled", False)
    yield
    gc.set_threshold(*threshold)
    gc.unfreeze()
    if frozen:
        gc.freeze()


@pytest.mark.usefixtures("_unsettled")
def test_the_first_request_takes_all_that_is_there_out_of_later_collections():
    app = make_app("services.trial", Settings(data_dir=Path("nowhere")), {})
    assert gc.get_freeze_count() == 0
    assert app.test_client().get("/healthz").status_code == 200
    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold() == (YOUNG_OBJECTS, 10, 10)


@pytest.mark.usefixtures("_unsettled")
def test_what_later_requests_make_stays_with_the_collector():
    settle()
    gc.unfreeze()
    settle()
    assert gc.get_freeze_count() == 0
