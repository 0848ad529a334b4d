"""What kind of thing an unknown name is, by its own words and by the words around it."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set

from services.workers.stages.tag.gazetteer import Gazetteer
from shared.article import EntityType

_LOOK_BACK = 28  # letters; enough for "broadcaster ", or for "neighbouring province of the "
_IN_A_PLACE = re.compile(
    r"(?:\b(?:in|near|outside|across|around|throughout|en|à|dans|aus|nach|cerca de|près de|hacia"
    r"|(?:north|south|east|west|town|city|village|port|province|state|region|district|suburb|capital|island|river"
    r"|ciudad|provincia|región|localidad|ville|région|commune) (?:of|de)|capital|downtown|nearby|neighbouring"
    r"|neighboring)(?: the| la)?) $"
)
_AT_A_PLACE = re.compile(r"\b(?:from|at|to|of|de|desde|von|bei|by|au|über) $", re.IGNORECASE)
_AN_ORGANISATION = re.compile(
    r"\b(?:company|firm|group|maker|bank|retailer|union|newspaper|daily|weekly|magazine|website|broadcaster|airline"
    r"|agency|charity|journal|studio|club|party|rival|unit|start-?up|university|publisher|chain|carrier|brand|label"
    r"|network|regulator|insurer|developer|operator|supplier|chipmaker|carmaker|automaker|lender|builder|giant"
    r"|distributor|manufacturer|producer|channel|station|think ?tank|band|team|side|champions|exchange"
    r"|militia|utility"
    r"|aseguradora|empresa|compañía|banco|partido|diario|fabricant|société|entreprise|chaîne|journal|constructeur"
    r"|Firma|Konzern|Hersteller|Zeitung|Partei) $"
)
_COMPANY_BEHIND = re.compile(
    r"(?:'s)? (?:newspaper|shares?|stock|spokes\w+|employees|customers|magazine|union|rebels|executives?)\b"
    r"|, (?:a|an|the) (?:\w+ ){0,2}(?:company|firm|group|maker|bank|retailer|union|agency|charity|unit)\b"
)
_AGED = re.compile(r", (?:aged )?\d\d(?:,|\.|$| and)|, who\b|, (?:his|her|whose)\b| \(\d\d\)")
_SPEAKS = re.compile(
    r"(?:,)? (?:said|says|told|added|declined|announced|has|had|will|would|did|plans|expects|wants|sued"
    r"|reported|agreed|bought|sold|opened|closed|launched|won|beat|drew|lost|is|was|are|were)\b|['’]s? "
)
_PAIR = re.compile(r", ([^\W\d_][\w.]*(?: [^\W\d_a-z]\w+){0,2})")
# German writes in one word what others write in two.
_COMPOUNDS = (
    "bank",
    "verband",
    "verein",
    "gesellschaft",
    "ministerium",
    "partei",
    "zeitung",
    "gericht",
    "werke",
)
_LONGEST_PERSON = 4  # words
_NO_PERSON = frozenset(("&", "and", "of", "for", "to"))


def is_place_by_context(line: str, start: int, end: int, known: Gazetteer) -> bool:
    """Whether "in", "near" or "town of" stands before, or a country behind: ``Troy, Tennessee``."""
    # In lower case, since a search that minds case takes half the time.
    if _IN_A_PLACE.search(line[max(0, start - _LOOK_BACK) : start].lower()):
        return True
    pair = _PAIR.match(line, end)
    if pair is None:
        return False
    larger = known.names.get(pair[1])
    return larger is not None and larger.type == "place"


def may_be_a_place(line: str, start: int) -> bool:
    """Whether "from", "at" or the like stands before, which names of all kinds may follow."""
    return _AT_A_PLACE.search(line, max(0, start - _LOOK_BACK), start) is not None


def is_organisation_by_context(line: str, start: int, end: int) -> bool:
    """Whether a word such as "company" stands beside."""
    before = _AN_ORGANISATION.search(line, max(0, start - _LOOK_BACK), start)
    return before is not None or _COMPANY_BEHIND.match(line, end) is not None


def is_person_by_context(line: str, end: int) -> bool:
    """Whether an age, or "who", stands behind."""
    return _AGED.match(line, end) is not None


def acts(line: str, end: int) -> bool:
    """Whether a verb or a possessive stands behind, as it does behind names."""
    return _SPEAKS.match(line, end) is not None


def kind_of_words(words: Sequence[str], known: Gazetteer) -> EntityType | None:
    """What the words themselves say of a name of two words or more, or None."""
    last, first = words[-1], words[0]
    if last in known.demonyms and first not in known.first_names:
        return None
    if last.lower().endswith(_COMPOUNDS) or first.lower().endswith(_COMPOUNDS):
        return "organisation"
    if last.rstrip(".,") in known.organisation_words or last in known.organisation_words:
        return "organisation"
    if first in known.first_names and "of" not in words and len(words) <= _LONGEST_PERSON:
        return "place" if last in known.place_words else "person"
    headed = not known.organisation_heads.isdisjoint(words) and _has_joint(words)
    if headed or first in known.organisation_words:
        return "organisation"
    if last in known.place_words or (first in known.place_heads and last not in known.other_words):
        return "organisation" if any(word in known.organisation_words for word in words[1:]) else "place"
    if "&" in words or (len(words) > 2 and any(word in known.organisation_words for word in words)):
        return "organisation"
    return None


def is_event_or_people(words: Sequence[str], known: Gazetteer) -> bool:
    """Names of none of the three types: ``Fisheries Act``, ``South Asian``."""
    return words[-1] in known.demonyms or words[-1] in known.other_words


def looks_like_a_person(words: Sequence[str]) -> bool:
    """Two to four words in the shape of a personal name: Saylor, al-Sadr, J., not IBM or MicroStrategy."""
    return len(words) < _LONGEST_PERSON + ("van" in words or "von" in words) and all(map(_is_plain, words))


def _has_joint(words: Sequence[str]) -> bool:
    return any(word.islower() for word in words)


def _is_plain(word: str) -> bool:
    if word in _NO_PERSON:
        return False
    return (
        word.endswith(".")
        or word.islower()
        or (word[1:].islower() or "-" in word or "'" in word or "’" in word)
    )


def is_common(word: str, lower: Set[str], common: Set[str]) -> bool:
    """Whether a word is met in lower case, in the article or in most."""
    folded = word.lower()
    return folded in lower or folded in common
