"""The wire format between services: task names, queue names, and what a wake-up carries.

A message is only a wake-up call: ``[lane, a few submission ids]``. The ids are there for people who
look at Flower; a task claims whatever waits in the ledger at its stage. A task has its queue's name.
"""

from __future__ import annotations

from typing import Literal

Stage = Literal["clean", "dedupe", "tag", "index"]
Lane = Literal["live", "replay"]

STAGES: tuple[Stage, ...] = ("clean", "dedupe", "tag", "index")
LANES: tuple[Lane, ...] = ("live", "replay")
SWEEP = "copydesk.sweep"
TIDY = "copydesk.tidy"  # goes to the queue of the index stage, whose process may write the embedded index
MESSAGE_VERSION = 1
IDS_SHOWN = 3


def task_name(stage: Stage) -> str:
    """The name of a stage's task, and of its queue."""
    return f"copydesk.{stage}"


Status = Literal[
    "accepted", "cleaned", "deduped", "tagged",
    "indexed", "unchanged", "superseded", "rejected", "quarantined", "withdrawn",
]  # fmt: skip
Held = Literal["withheld", "embargo", "expired"]  # why an article is kept, and not shown now
TERMINAL: frozenset[Status] = frozenset(
    ("indexed", "unchanged", "superseded", "rejected", "quarantined", "withdrawn")
)
