"""The way of an article through the stages, said once; no stage knows its place."""

from __future__ import annotations

from shared.messages import STAGES, Stage

NEXT: dict[Stage, Stage | None] = dict(zip(STAGES, (*STAGES[1:], None), strict=True))
