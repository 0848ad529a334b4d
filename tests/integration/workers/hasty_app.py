"""The worker application with little patience for its own silence; for tests of hung workers only."""

from __future__ import annotations

from services.workers import pulse

pulse.SILENCE_SECONDS = 2.0
pulse.ACCEPT_SECONDS = 1.0

from services.workers.app import app  # noqa: E402, F401 - built with what was set above
