"""When traces are made: only when asked for, and nothing of OpenTelemetry is even loaded before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from shared.errors import BadSettings
from shared.tracing import is_wanted, open_tracing

ROOT = Path(__file__).parents[2]
COLLECTOR = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}
EXPORTER = "opentelemetry.exporter.otlp.proto.http.trace_exporter"


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"COPYDESK_OTEL": "on"}, True),
        ({"COPYDESK_OTEL": "On "}, True),
        ({"COPYDESK_OTEL": ""}, False),
        (COLLECTOR, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": ""}, False),
        (COLLECTOR | {"COPYDESK_OTEL": "off"}, False),
        (COLLECTOR | {"OTEL_SDK_DISABLED": "true"}, False),
        ({"COPYDESK_OTEL": "on", "OTEL_SDK_DISABLED": "TRUE"}, False),
    ],
)
def test_traces_are_made_when_switched_on_or_when_a_collector_is_named(environ, wanted):
    assert is_wanted(environ) is wanted


def test_a_word_that_is_neither_on_nor_off_stops_the_start_and_names_the_variable():
    with pytest.raises(BadSettings, match="COPYDESK_OTEL must be on or off, not 'perhaps'"):
        open_tracing("ingest", {"COPYDESK_OTEL": "perhaps"})


def test_switched_on_without_the_extra_the_start_ends_with_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, EXPORTER, None)
    with pytest.raises(BadSettings, match=r"pip install copydesk\[otel\]"):
        open_tracing("ingest", {"COPYDESK_OTEL": "on"})


def test_a_collector_that_a_platform_names_unasked_does_not_stop_a_start_without_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, EXPORTER, None)
    with capture_logs() as events:
        assert open_tracing("ingest", COLLECTOR) is None
    assert "copydesk[otel]" in events[0]["advice"]


START = """
import sys
from pathlib import Path
{before}
from services.ingest.app import create_app
from services.search.app import create_app as create_search
from services.workers.parts import Parts
from shared.settings import Settings
settings = Settings(data_dir=Path({folder!r}), broker_url="redis://127.0.0.1:1")
create_app(settings), create_search(settings)
assert Parts(settings).tracing is None
ours = ("opentelemetry.sdk.trace", "opentelemetry.exporter")
print([name for name in sys.modules if name.startswith(ours)])
"""


@pytest.mark.parametrize("before", ["", "sys.modules['opentelemetry'] = None"], ids=["installed", "missing"])
def test_every_part_starts_without_the_extra_and_loads_nothing_of_it_unasked(tmp_path, before):
    # Elasticsearch's client looks for the API by itself, so that alone says nothing.
    program = START.format(before=before, folder=str(tmp_path))
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True, timeout=60)
    assert told.stdout.strip() == "[]", told.stderr
