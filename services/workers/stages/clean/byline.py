"""Names out of by-lines, as they stand in a text."""

from __future__ import annotations

import re
from collections.abc import Iterable

from services.workers.stages.clean.metadata import names

LABEL = re.compile(
    r"^\W*(?:(?:written|posted|published|reported|edited|story|text|words|article) )?"
    r"(?:by|writer|author|reporter|editor|correspondent|journalist|contributor|columnist|autor(?:in|a)?"
    r"|redakteur(?:in)?|redactor(?:a)?|periodista|auteur|journaliste|autore|penulis|texte?|автор|yazar|von"
    r"|por|par|di|door|av|af|oleh)\b\s*[:@]?\s*@?",
    re.IGNORECASE,
)
REST = re.compile(
    r"\s*(?:\||•|·| - |–|—|\d|\bon\b|\bfor\b|\bpublished\b|\bupdated\b|\bposted\b).*$", re.IGNORECASE
)


def authors_in(lines: Iterable[str]) -> tuple[str, ...]:
    """Return the names in by-lines such as ``Writer @Ellena`` or ``By A. Smith and B. Jones | 3 May``."""
    return names(REST.sub("", LABEL.sub("", line)).lstrip("@") for line in lines)
