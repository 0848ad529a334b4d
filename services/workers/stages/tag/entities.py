"""Persons, organisations and places named in an article: known names first, then runs of capitalised words.

A known name (``gazetteer.yaml``) is given under the gazetteer's first form, so that "International Monetary
Fund" and "IMF" are one entity, called IMF. Other names keep the fullest form found in the text; a later
"Bukele" counts towards "Nayib Bukele", and "(PCC)" behind a name becomes another form of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, field
from functools import cache

from ahocorasick_rs import AhoCorasick, MatchKind

from services.workers.stages.tag import nametypes
from services.workers.stages.tag.coreference import HEADS, ShortForms
from services.workers.stages.tag.gazetteer import Gazetteer, gazetteer
from services.workers.stages.tag.keywords import rarities
from services.workers.stages.tag.names import (
    LONGEST,
    MAY_BEGIN,
    Piece,
    acronym_behind,
    calm_dateline,
    read_line,
    starts_sentence,
)
from services.workers.stages.tag.singles import Single, kind_of_single
from services.workers.stages.tag.spacy_names import NameModel, Span
from shared.article import Entity, EntityType

_BULLET = re.compile(r"^\s*(?:[•●▪◦*–—-]|\d{1,2}[.)])\s+")
_LABEL = re.compile(r"^[^\W\d_][^:.!?\n]{0,60}:(?=\s)")
_BYLINE = re.compile(r"([^\W\d_]\w+)(?: [^\W\d_]\.)? [^\W\d_a-z][\w'’-]+")  # a writer's name alone on a line
# Small Latin-1 letters as they are, anything else a gap.
_SMALL_LETTERS = bytes(code if re.match("[a-zß-öø-ÿ]", chr(code)) else ord(" ") for code in range(256))
_ALONE = frozenset(filter(str.isalpha, _SMALL_LETTERS.decode("latin-1")))
_AGENT = re.compile(r"^[^\W\d_]{3,}(?:er|or|ist|man|woman|ian|eer)$")
_HEADING_WORDS = 12  # longer lines are prose
_HEADING_LETTERS = 200
_HEADING_SHARE = 0.6  # of the words that could be lower-case
_LABEL_WORDS = 6
_SIGNS_FROM = 6  # mentions of a word whose surroundings are looked at
_NOUN_CAPITALS = frozenset(("de", "lb"))


@dataclass(slots=True)
class _Found:
    """What has been read so far: names with types and counts, and the words seen in lower case."""

    lower: Set[str]
    common: Set[str]
    capitals: bool  # whether a capital says that a word may be a name
    asked: bool = False  # whether a model reads the article as well
    counts: Counter[str] = field(default_factory=Counter)
    types: dict[str, EntityType] = field(default_factory=dict)
    acronyms: dict[str, str] = field(default_factory=dict)
    singles: dict[str, Single] = field(default_factory=dict)

    def add(self, name: str, kind: EntityType) -> None:
        self.counts[name] += 1
        self.types.setdefault(name, kind)


def find_entities(
    title: str,
    body: str,
    language: str = "en",
    known: Gazetteer | None = None,
    model: NameModel | None = None,
) -> tuple[Entity, ...]:
    """The names of an article with their mentions, the most frequent first.

    ``known`` is the gazetteer (else the shipped one), ``model`` a reader of names to ask as well.
    German writes every noun with a capital; there an unknown name needs a sign beside it: a title before
    it, a first name, or a word such as Partei in it.
    """
    known = known or gazetteer()
    model = model if model is not None and model.reads(language) else None
    base = language.split("-")[0].lower()
    capitals = base not in _NOUN_CAPITALS
    common = _common(base if base in rarities() else "")  # any code may be given, and would be remembered
    found = _Found(_lower_words(body), common, capitals, asked=model is not None)
    headings: list[str] = []
    prose: list[str] = []
    for line in [title, *body.split("\n")]:
        text = _without_label(_BULLET.sub("", calm_dateline(line, known)))
        if text.isupper() and " " in text.strip():
            headings += (text, text.title())
        elif line != title and _is_writer(text, known):
            found.add(text, "person")
        elif _is_heading(text):
            headings.append(text)
        else:
            prose.append(text)
    spans: Iterable[Sequence[Span]] = model.find(prose) if model else ((),) * len(prose)
    for text, seen in zip(prose, spans, strict=True):
        _read_line(text, seen, known, found)
    shorts = _settle(known, found)
    _count_headings(headings, known, found, shorts)
    ranked = sorted(found.counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Entity(name, found.types[name], count) for name, count in ranked)


def _lower_words(text: str) -> Set[str]:
    """The words of two small Latin-1 letters or more, and such parts of others."""
    letters = text.encode("latin-1", "replace").translate(_SMALL_LETTERS).decode("latin-1")
    return set(letters.split()).difference(_ALONE)


def _is_writer(line: str, known: Gazetteer) -> bool:
    writer = _BYLINE.fullmatch(line) if len(line) <= LONGEST else None
    return writer is not None and writer[1] in known.first_names


@cache
def _common(language: str) -> Set[str]:
    """The commonest words of a language, with those of English: they begin sentences, and name no one."""
    tables = rarities()
    return frozenset(tables["en"]) | frozenset(tables.get(language, ()))


def _without_label(line: str) -> str:
    """``Financial Inclusion: A portion of ...`` without its label, which is a heading in small."""
    label = _LABEL.match(line)
    if label is None or len(label.group().split()) > _LABEL_WORDS or not _is_heading(label.group() + " x"):
        return line
    return line[label.end() :]


def _is_heading(line: str) -> bool:
    """Whether capitals say nothing here: a short line, unfinished, with most longer words capitalised."""
    if len(line) > _HEADING_LETTERS or line.rstrip()[-1:] in ".!,;":
        return False
    words = [word for word in line.split() if len(word) > 3 and word[0].isalpha()]
    if len(words) < 2 or len(words) > _HEADING_WORDS:
        return False
    return sum(word[0].isupper() for word in words) > _HEADING_SHARE * len(words)


def _read_line(line: str, spans: Sequence[Span], known: Gazetteer, found: _Found) -> None:
    """Note the names of a line; those that a model alone sees are taken as well."""
    left = list(spans)
    for piece in read_line(line, known):
        kind = None
        if left:
            for span in [span for span in left if span[0] < piece.end and piece.start < span[1]]:
                left.remove(span)
                kind = kind or span[2]
        _read_piece(piece, line, kind, known, found)
    for start, end, kind in left:
        words = line[start:end].split()
        while words and (words[0] in known.titles or words[0] in known.not_names or words[0].islower()):
            del words[0]
        name = " ".join(words)
        if not words or words[-1] in known.demonyms or words[-1] in known.other_words or len(name) > LONGEST:
            continue
        found.add(name, kind)


def _read_piece(
    piece: Piece, line: str, modelled: EntityType | None, known: Gazetteer, found: _Found
) -> None:
    """Note what a piece of a line names, if anything."""
    if piece.known is not None:
        found.add(piece.known.name, piece.known.type)
        _note_acronym(piece.known.name, line, piece.end, found)
        return
    words = _trimmed(piece, line, known, found)
    if not words or piece.end - piece.start > LONGEST:
        return
    if len(words) == 1:
        _note_single(words[0], piece, line, modelled, known, found)
        return
    kind = _kind(words, piece, line, known, found)
    if found.asked and not nametypes.is_event_or_people(words, known):
        sure = piece.titled or nametypes.kind_of_words(words, known) is not None
        kind = kind if sure else modelled
    if kind is not None:
        name = " ".join(words)
        found.add(name, kind)
        _note_acronym(name, line, piece.end, found)
    else:
        for part in piece.split:  # a known place stays one beside an event: Paris Fashion Week
            if part.known is not None and not nametypes.is_event_or_people(words, known):
                found.add(part.known.name, part.known.type)


def _trimmed(piece: Piece, line: str, known: Gazetteer, found: _Found) -> list[str]:
    """Leave out what only starts the sentence, and days, months and the like at either end."""
    words = list(piece.words)
    if not found.capitals:
        return _trimmed_to_name(words, known)
    if len(words) == 1 and (words[0] in known.not_names or words[0] in known.demonyms):
        return []
    starts = starts_sentence(line, piece.start)
    if starts and _only_starts(words, known, found):
        del words[0]
    while words and (
        words[0][0].islower() or (words[0] in known.not_names and _may_go(words, starts=starts))
    ):
        piece.article |= words[0] == "The"
        starts &= words[0] != "The"
        del words[0]
    while len(words) > 1 and words[-1] in known.not_names and not _belongs(words, known):
        del words[-1]
    while words and words[-1].islower():
        del words[-1]
    if len(words) < 3 and words and words[0] in known.demonyms:  # but "French Football Federation"
        kept = len(words) == 2 and (words[1] in known.organisation_words or words[1] in known.place_words)
        if not kept:
            del words[0]
    return words if words != ["The"] else []


def _may_go(words: list[str], *, starts: bool) -> bool:
    return starts or len(words) == 1 or words[0] not in MAY_BEGIN


def _belongs(words: list[str], known: Gazetteer) -> bool:
    """Whether the last word ends a name that began before it, though alone it names nothing."""
    last = words[-1]
    if last in known.organisation_words or last in known.place_words or last in known.other_words:
        return True
    if len(words) == 2 and words[0] in known.first_names and last in MAY_BEGIN:  # Walter Little
        return True
    return words[-2].islower()


def _trimmed_to_name(words: list[str], known: Gazetteer) -> list[str]:
    """German: from the first name on, or the words before AG or GmbH; nouns before it are left out."""
    for place in range(len(words) - 1, 0, -1):
        if words[place] in ("des", "der", "dem"):
            words = words[place + 1 :]
            break
    for place, word in enumerate(words[:-1]):
        if word in known.first_names:
            return words[place:]
    while len(words) > 1 and (words[0] in known.not_names or words[0].lower() in _common("de")):
        del words[0]
    return words


def _only_starts(words: list[str], known: Gazetteer, found: _Found) -> bool:
    """Whether the first word is capitalised for its place alone: "While ...", "Plumber John ..."."""
    first = words[0]
    if first.lower() in found.lower:
        return True
    if first in known.first_names or first in known.place_heads or first in known.organisation_heads:
        return False
    if first.lower() in found.common and first not in known.organisation_words:
        return True
    return len(words) > 2 and (words[1] in known.first_names or _AGENT.match(first) is not None)


def _kind(words: list[str], piece: Piece, line: str, known: Gazetteer, found: _Found) -> EntityType | None:
    name = " ".join(words)
    if name in known.towns and words[0] not in known.first_names:
        return "place"
    if piece.titled and len(words) <= 4 and words[-1] not in known.organisation_words:
        return "person" if not nametypes.is_event_or_people(words, known) else None
    if words[-1] in known.other_words:
        return None
    kind = nametypes.kind_of_words(words, known)
    if kind is not None:
        return kind
    if nametypes.is_event_or_people(words, known) or not found.capitals:
        return None
    start = piece.end - len(name)
    if piece.split:  # a place with more behind it: Kenya Railways
        return "organisation"
    if nametypes.is_organisation_by_context(line, start, piece.end):
        return "organisation"
    if _reads_as_prose(words, known, found):
        return None
    if nametypes.is_person_by_context(line, piece.end) and nametypes.looks_like_a_person(words):
        return "person"
    if nametypes.is_place_by_context(line, start, piece.end, known) and len(words) < 4:
        return "place"
    if piece.article:
        return "organisation"
    return "person" if nametypes.looks_like_a_person(words) else "organisation"


def _reads_as_prose(words: list[str], known: Gazetteer, found: _Found) -> bool:
    """Whether a capitalised phrase is one only by emphasis: all of its words are met in lower case."""
    cased = [word for word in words if not word.islower()]
    prose = [word for word in cased if word.lower() in found.lower or word in known.demonyms]
    return len(prose) == len(cased) or (len(cased) == 2 and bool(prose))


def _note_single(
    word: str,
    piece: Piece,
    line: str,
    modelled: EntityType | None,
    known: Gazetteer,
    found: _Found,
) -> None:
    """Keep a one-word name for later: by then the full name may have been met."""
    if word.lower() in found.lower and not piece.titled and not (piece.article and word in HEADS):
        return
    if word in known.titles:
        return
    single = found.singles.get(word)
    if single is None:
        single = found.singles[word] = Single()
    single.count += 1
    single.modelled = single.modelled or modelled
    start = piece.end - len(word)
    single.inside += not starts_sentence(line, start)
    single.titled |= piece.titled
    single.article |= piece.article
    if single.count > _SIGNS_FROM:
        return
    end = piece.end
    single.placed = single.placed or nametypes.is_place_by_context(line, start, end, known)
    if not found.capitals:
        single.perhaps_placed = single.perhaps_placed or nametypes.may_be_a_place(line, start)
    single.organised = single.organised or nametypes.is_organisation_by_context(line, start, end)
    single.person = single.person or nametypes.is_person_by_context(line, end)
    single.acts = single.acts or nametypes.acts(line, end)
    _note_acronym(word, line, piece.end, found)


def _note_acronym(name: str, line: str, end: int, found: _Found) -> None:
    """``International Press Union (IPU)``: the short form stands for the long one from here on."""
    short = acronym_behind(line, end)
    if short is None or short == name or " " not in name:
        return
    initials = "".join(word[0] for word in name.split() if word[0].isupper())
    letters = "".join(letter for letter in short if letter.isupper())
    if letters[:1] == initials[:1] and set(letters) <= set(name.upper()):
        found.acronyms[short] = name


def _settle(known: Gazetteer, found: _Found) -> ShortForms:
    """Give each short name to the full name it is short for, else decide what it is by itself."""
    shorts = ShortForms(found.counts, found.types, known)
    shorts.acronyms.update(found.acronyms)
    for name in [name for name in found.counts if name not in known.names and found.types[name] != "place"]:
        full = shorts.full(name)
        if full is not None and full != name and full in found.counts:
            found.counts[full] += found.counts.pop(name)
    for word, single in found.singles.items():
        full = (shorts.heads.get(word) if single.article else None) or shorts.full(word)
        if (
            full is not None
            and full in found.counts
            and not (single.placed and found.types[full] != "person")
        ):
            found.counts[full] += single.count
            continue
        kind = kind_of_single(word, single, known, found)
        if kind is not None:
            found.counts[word] += single.count
            found.types[word] = kind
    return shorts


def _count_headings(headings: Iterable[str], known: Gazetteer, found: _Found, shorts: ShortForms) -> None:
    """Count known names, and the names of the text, in headings; these make no names of their own."""
    text = "\n".join(headings)
    if not text:
        return
    forms = {name: name for name in found.counts if name not in known.names}
    forms = {short: full for short, full in shorts.items() if full in found.counts} | forms
    forms = {
        form: name
        for form, name in forms.items()
        if form in text and form not in known.names and len(form) > 2  # most are not there
    }
    if forms:
        keys = list(forms)
        matches = AhoCorasick(keys, matchkind=MatchKind.LeftmostLongest).find_matches_as_indexes(text)
        for index, start, end in matches:
            if not (start and text[start - 1].isalnum()) and not text[end : end + 1].isalnum():
                found.counts[forms[keys[index]]] += 1
    for _, _, name in known.find(text):
        found.add(name.name, name.type)
