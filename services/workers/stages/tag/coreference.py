"""Short forms inside one article: a surname, a first name, an acronym or "the Bank" for the full name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from services.workers.stages.tag.gazetteer import Gazetteer
from shared.article import EntityType

_SMALL = frozenset(
    ("of", "the", "and", "for", "de", "la", "del", "des", "du", "to", "&", "y", "et", "und", "für")
)
# Alone behind "the" these stand for the one organisation that has them in its name.
HEADS = frozenset(
    ("Bank", "Commission", "Council", "Committee", "Ministry", "Department", "Institute", "University",
     "Trust", "Court", "Authority", "Agency", "Union", "Fund", "Foundation", "Party", "Association",
     "Federation", "Board")
)  # fmt: skip


class ShortForms:
    """Short form -> full name, by the full names of an article; the most frequent wins."""

    def __init__(self, counts: Mapping[str, int], types: Mapping[str, EntityType], known: Gazetteer) -> None:
        self._known = known
        self.surnames: dict[str, str] = {}
        self._first_names: dict[str, str | None] = {}
        self.organisations: dict[str, str | None] = {}
        self.acronyms: dict[str, str] = {}
        self.heads: dict[str, str | None] = {}
        for name in sorted(counts, key=lambda each: (counts[each], each)):
            words = name.split()
            if types[name] == "person" and len(words) > 1:
                self._add_person(name, words)
            elif types[name] == "organisation" and len(words) > 1:
                self._add_organisation(name, words)

    def full(self, name: str) -> str | None:
        """The one name of the article that a name of one or more words is short for."""
        folded = name.casefold()
        return (
            self.surnames.get(folded)
            or self.acronyms.get(name)
            or self.organisations.get(name)
            or self._first_names.get(folded)
        )

    def items(self) -> Iterable[tuple[str, str]]:
        """Short forms that may be looked for in a headline: surnames and acronyms."""
        for short, full in self.surnames.items():  # folding changes letters, but no spaces
            yield " ".join(full.split()[-1 - short.count(" ") :]), full
        yield from self.acronyms.items()

    def _add_person(self, name: str, words: list[str]) -> None:
        for start in range(1, len(words)):
            self.surnames[" ".join(words[start:]).casefold()] = name
        first = words[0].casefold()
        taken = self._first_names.get(first)
        self._first_names[first] = name if taken in (None, name) and first not in self._first_names else None

    def _add_organisation(self, name: str, words: list[str]) -> None:
        initials = "".join(word[0] for word in words if word.lower() not in _SMALL and word[0].isalpha())
        if len(initials) > 2:
            self.acronyms[initials.upper()] = name
        for head in HEADS.intersection(words):
            self.heads[head] = name if self.heads.get(head, name) == name else None
        for length in range(1, len(words)):
            short = " ".join(words[:length])
            if words[length - 1].lower() in _SMALL or not self._is_telling(words[:length]):
                continue
            self.organisations[short] = name if self.organisations.get(short, name) == name else None

    def _is_telling(self, words: list[str]) -> bool:
        """Whether the beginning of an organisation's name can stand for it: ``Orbis``, not ``National``."""
        first, known = words[0], self._known
        if len(words) > 1:
            return True
        return not (
            first in known.kinds
            or first in known.not_names
            or first in known.demonyms
            or first in known.names
        )
