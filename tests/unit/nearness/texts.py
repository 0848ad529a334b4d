"""Stories of our own that the tests edit as newsrooms do; ``stories.txt`` has them, a paragraph a line."""

from __future__ import annotations

from pathlib import Path

_FILE = Path(__file__).with_name("stories.txt").read_text(encoding="utf-8")
STORIES = dict(part.split("\n", 1) for part in _FILE.removeprefix("== ").split("\n== "))

FERRY_TITLE = "Ferry to Norrholm sails again after 11 weeks of repairs"
BANK_TITLE = "Central bank of Orlanda cuts rates to 3.25 percent"
FLOOD_TITLE = "Hundreds leave homes as river Asel floods two valleys"
FERRY, BANK, FLOOD = (STORIES[name] + "\n" for name in ("FERRY", "BANK", "FLOOD"))
DISCLAIMER = STORIES["DISCLAIMER"] + "\n"
CHINESE, CHINESE_OTHER, THAI = STORIES["CHINESE"], STORIES["CHINESE_OTHER"], STORIES["THAI"]


def lines(text: str) -> list[str]:
    """The paragraphs of a text."""
    return text.strip().split("\n")


def table(town: str, river: str, level: int, tomorrow: int, gauge: str) -> tuple[str, str]:
    """A template of 90 words, as an office sends it out for one place after another."""
    body = STORIES["TABLE"].format(town=town, river=river, level=level, tomorrow=tomorrow, gauge=gauge)
    return f"Water level at {town}: {level} cm", body
