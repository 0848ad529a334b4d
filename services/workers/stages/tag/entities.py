"""Persons, organisations and places named in an article: known names first, then runs of capitalised words.

A known name (``gazetteer.yaml``) is given under the gazetteer's first form, so that "International Monetary
Fund" and "IMF" are one entity, called IMF. Other names keep the fullest form found in the text; a later
"Bukele" counts towards "Nayib Bukele", and "(PCC)" behind a name becomes another form of it.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

from ahocorasick_rs import AhoCorasick, MatchKind

from services.workers.stages.tag.gazetteer import Gazetteer, KnownName, gazetteer
from shared.article import Entity, EntityType

_UPPER = "".join(chr(code) for code in range(0x530) if chr(code).isupper())
# A capital first, and only then the look at what stands before it: that is what makes the search fast.
_START = rf"[{_UPPER}](?<![\w'’@#/-][{_UPPER}])"
_REST = r"(?:\w|-\w|&\w|['’](?!(?:s|m|d|t|ll|re|ve)\b)\w)*"
_INITIALS = rf"(?:\.[{_UPPER}])*\."
_NEXT = rf"(?:(?:al-|el-)?[{_UPPER}](?:{_INITIALS}|{_REST}))"
_JOINTS = (
    r"(?:(?:of|for)(?: the)?|de(?: la| los)?|del|della|di|da|du|la|le|van(?: der| den)?|von|bin|ibn|al|el|&)"
)
_RUN = re.compile(rf"{_START}(?:{_INITIALS}|{_REST})(?: (?:{_JOINTS} )?{_NEXT}){{0,14}}")
_ACRONYM_BEHIND = re.compile(rf"(?:['’]s)? \(([{_UPPER}][{_UPPER}\d&.-]{{1,9}})\)")
_BULLET = re.compile(r"^\s*(?:[•●▪◦*–—-]|\d{1,2}[.)])\s+")
_LABEL = re.compile(r"^[^\W\d_][^:.!?\n]{0,60}:(?=\s)")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;…]|[.!?]['\"”’)])\s*[\"“‘'(\[]*$")
_LOWER_WORDS = re.compile(r"[a-zß-öø-ÿ]{2,}")
_PLACE_BEHIND = re.compile(r"\b(?:in|from|near|at|to|across|outside) (?:the )?$")

_HEADING_WORDS = 12  # longer lines are prose
_HEADING_LETTERS = 200
_HEADING_SHARE = 0.6  # of the words that could be lower-case
_LABEL_WORDS = 6
_TITLE_CASE_LIMIT = 4  # words in the name of a person
_PORTFOLIOS = frozenset(
    ("State", "Staff", "Defense", "Defence", "Parliament", "Congress", "Commerce", "Police")
)
_NOUN_CAPITALS = frozenset(("de", "lb"))
_LOOK_BACK = 14  # letters; enough for a closing quote, or for "outside the"


@dataclass(slots=True)
class _Found:
    """What has been read so far: names with types and counts, and the words seen in lower case."""

    lower: frozenset[str]
    capitals: bool  # whether a capital says that a word may be a name
    counts: Counter[str] = field(default_factory=Counter)
    types: dict[str, EntityType] = field(default_factory=dict)
    acronyms: dict[str, str] = field(default_factory=dict)
    singles: Counter[str] = field(default_factory=Counter)  # one-word names of unsure type
    titled: set[str] = field(default_factory=set)  # one-word names that a title precedes
    placed: set[str] = field(default_factory=set)  # one-word names met behind "in", "near" ...
    started: set[str] = field(default_factory=set)  # one-word names met where every word is capitalised

    def add(self, name: str, kind: EntityType) -> None:
        self.counts[name] += 1
        self.types.setdefault(name, kind)


def find_entities(title: str, body: str, language: str = "en") -> tuple[Entity, ...]:
    """The names of an article with their mentions, the most frequent first.

    German writes every noun with a capital; there an unknown name needs a sign beside it: a title before
    it, a first name, or a word such as Partei in it.
    """
    known = gazetteer()
    lines = [title, *body.split("\n")]
    capitals = language.split("-")[0].lower() not in _NOUN_CAPITALS
    found = _Found(frozenset(_LOWER_WORDS.findall(body)), capitals)
    headings = []
    for line in lines:
        text = _without_label(_BULLET.sub("", line))
        if _is_heading(text):
            headings.append(text)
        else:
            _read_line(text, known, found)
    _settle_singles(known, found)
    _count_headings(headings, known, found)
    ranked = sorted(found.counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Entity(name, found.types[name], count) for name, count in ranked)


def _without_label(line: str) -> str:
    """``Financial Inclusion: A portion of ...`` without its label, which is a heading in small."""
    label = _LABEL.match(line)
    if label is None or len(label.group().split()) > _LABEL_WORDS or not _is_heading(label.group() + " x"):
        return line
    return line[label.end() :]


def _is_heading(line: str) -> bool:
    """Whether capitals say nothing here: a short line, unfinished, with most longer words capitalised."""
    if len(line) > _HEADING_LETTERS:
        return False
    words = [word for word in line.split() if len(word) > 3 and word[0].isalpha()]
    if len(words) < 2 or len(words) > _HEADING_WORDS or line.rstrip()[-1:] in ".!,;":
        return False
    return sum(word[0].isupper() for word in words) > _HEADING_SHARE * len(words)


def _read_line(line: str, known: Gazetteer, found: _Found) -> None:
    """Read one line of prose: runs of capitalised words, and known names outside them (eBay)."""
    hits = {start: (end, name) for start, end, name in known.find(line)}
    done = 0
    for run in _RUN.finditer(line):
        if run.start() < done or run.group() in known.not_names:
            continue
        pieces = _pieces(line, run.start(), run.end(), hits, known)
        done = pieces[-1].end  # a known name may reach further than its run: Securities and Exchange ...
        _read_pieces(_joined(pieces, known), line, known, found)
    for end, name in hits.values():  # those of the runs have been taken out
        if end:
            found.add(name.name, name.type)


@dataclass(slots=True)
class _Piece:
    """A part of a run: a known name, a title such as President, or words still to be understood."""

    words: list[str]
    start: int
    end: int
    known: KnownName | None = None
    title: bool = False
    joint: str = ""  # "of", "de" ... between the piece before and this one

    @property
    def text(self) -> str:
        return " ".join(self.words)


def _pieces(
    line: str, start: int, end: int, hits: dict[int, tuple[int, KnownName]], known: Gazetteer
) -> list[_Piece]:
    """Cut a run at known names and titles; the known names it uses leave ``hits``."""
    pieces: list[_Piece] = []
    joints: list[str] = []
    position = start
    while position < end:
        hit_end, name = hits.pop(position, (0, None))
        if name is not None:
            stop = hit_end
            pieces.append(_Piece([line[position:stop]], position, stop, known=name, joint=" ".join(joints)))
        else:
            gap = line.find(" ", position, end)
            stop = gap if gap >= 0 else end
            word = line[position:stop]
            if word == "&" or word.islower():
                joints.append(word)
                position = stop + 1
                continue
            _add_word(pieces, _Piece([word], position, stop, joint=" ".join(joints)), known)
        joints = []
        position = _next_word(line, stop, end)
    return pieces


def _next_word(line: str, stop: int, end: int) -> int:
    gap = line.find(" ", stop, end)
    return gap + 1 if gap >= 0 else end


def _add_word(pieces: list[_Piece], piece: _Piece, known: Gazetteer) -> None:
    """Append a word to the words before it, unless a title, a known name or an "of" stands between."""
    last = pieces[-1] if pieces else None
    of_state = last is not None and last.title and piece.joint == "of" and piece.words[0] in _PORTFOLIOS
    piece.title = of_state or piece.words[0] in known.titles
    if last is None or last.known or last.title or piece.title or not _may_join(last, piece, known):
        pieces.append(piece)
        return
    last.words += [*piece.joint.split(), *piece.words]
    last.end = piece.end


def _may_join(last: _Piece, piece: _Piece, known: Gazetteer) -> bool:
    """One name, as in "Bank of England" and "Ludwig van Beethoven"; "Minister of Spain" is none."""
    if not piece.joint.startswith(("of", "for")):
        return True
    heads = known.organisation_heads | known.place_heads
    return any(word in heads for word in last.words) and last.words[0] not in known.titles


def _joined(pieces: list[_Piece], known: Gazetteer) -> list[_Piece]:
    """Put known names back into the longer names they are part of."""
    joined: list[_Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and not last.title and not piece.title and _is_longer(last, piece, known):
            words = [*last.words, *piece.joint.split(), *piece.words]
            joined[-1] = _Piece(words, last.start, piece.end, joint=last.joint)
        else:
            joined.append(piece)
    return joined


def _is_longer(last: _Piece, piece: _Piece, known: Gazetteer) -> bool:
    """Whether two neighbouring pieces, at least one of them a known name, make one longer name."""
    if piece.joint:
        return not last.known and _may_join(last, piece, known) and piece.joint.startswith(("of", "for"))
    if last.known is None and piece.known is not None:
        return piece.known.type == "place" and (
            last.words[0] in known.first_names or last.words[-1] in known.place_heads
        )
    if last.known is not None and piece.known is None:
        return not known.organisation_words.isdisjoint((piece.words[0], piece.words[-1])) or (
            last.known.type == "place" and last.text in known.first_names
        )
    return False


def _read_pieces(pieces: list[_Piece], line: str, known: Gazetteer, found: _Found) -> None:
    titled = False
    for piece in pieces:
        if piece.known is not None:
            found.add(piece.known.name, piece.known.type)
            _note_acronym(piece.known.name, line, piece.end, found)
        elif not piece.title:
            _read_words(piece, titled=titled and not piece.joint, line=line, known=known, found=found)
        titled = piece.title


def _read_words(piece: _Piece, *, titled: bool, line: str, known: Gazetteer, found: _Found) -> None:
    """Decide what an unknown run of words names, if anything."""
    words = _trimmed(piece, line, known, found)
    if not words:
        return
    name = " ".join(words)
    if len(words) == 1:
        _note_single(name, piece, titled=titled, line=line, found=found)
        return
    kind = _type_of(words, titled=titled, known=known, found=found)
    if kind is not None:
        found.add(name, kind)
        _note_acronym(name, line, piece.end, found)


def _trimmed(piece: _Piece, line: str, known: Gazetteer, found: _Found) -> list[str]:
    """Leave out what only starts the sentence, and days, months and the like at either end."""
    words = list(piece.words)
    if _only_starts(words, known, found) and _starts_sentence(line, piece.start):
        del words[0]
    while words and (words[0] in known.not_names or words[0][0].islower()):
        del words[0]
    while words and words[-1] in known.not_names and not (len(words) > 1 and words[-2].islower()):
        del words[-1]
    if len(words) < 3 and words and words[0] in known.demonyms:  # but "French Football Federation"
        del words[0]
    return words


def _only_starts(words: list[str], known: Gazetteer, found: _Found) -> bool:
    """Whether the first word is capitalised for its place alone: "While ...", "Plumber John ..."."""
    if words[0].lower() in found.lower:
        return True
    return len(words) > 2 and words[1] in known.first_names and words[0] not in known.first_names


def _starts_sentence(line: str, start: int) -> bool:
    return _SENTENCE_START.search(line, max(0, start - _LOOK_BACK), start) is not None


def _type_of(words: list[str], *, titled: bool, known: Gazetteer, found: _Found) -> EntityType | None:
    if any(word in known.organisation_words for word in (words[-1], words[0])):
        return "organisation"
    if any(word in known.organisation_heads for word in words) and ("of" in words or "for" in words):
        return "organisation"
    if words[-1] in known.demonyms or words[-1] in known.other_words:
        return None  # such as South Asian, or Fisheries Act
    if words[-1] in known.place_words or words[0] in known.place_heads:
        return "place"
    if titled or words[0] in known.first_names:
        return "person" if len(words) <= _TITLE_CASE_LIMIT else None
    if not found.capitals or any(
        word.lower() in found.lower or word in known.demonyms for word in words if not word.islower()
    ):
        return None
    return "person" if len(words) < _TITLE_CASE_LIMIT and all(map(_is_plain, words)) else "organisation"


def _is_plain(word: str) -> bool:
    """Whether a word has the shape of a personal name: Saylor, al-Sadr, J., not IBM or MicroStrategy."""
    return word.endswith(".") or word.islower() or (word[1:].islower() or "-" in word or "'" in word)


def _note_single(word: str, piece: _Piece, *, titled: bool, line: str, found: _Found) -> None:
    """Keep a one-word name for later: by then the full name may have been met."""
    starts = _starts_sentence(line, piece.start)
    if word.lower() in found.lower and not titled:
        return
    found.singles[word] += 1
    if titled:
        found.titled.add(word)
    elif starts:
        found.started.add(word)
    elif _PLACE_BEHIND.search(line, max(0, piece.start - _LOOK_BACK), piece.start):
        found.placed.add(word)


def _note_acronym(name: str, line: str, end: int, found: _Found) -> None:
    """``International Press Union (IPU)``: the short form stands for the long one from here on."""
    match = _ACRONYM_BEHIND.match(line, end)
    if match is None or match[1] == name:
        return
    initials = "".join(word[0] for word in name.split() if word[0].isupper())
    letters = "".join(letter for letter in match[1] if letter.isupper())
    if letters[:1] == initials[:1] and set(letters) <= set(name.upper()):
        found.acronyms[match[1]] = name


def _settle_singles(known: Gazetteer, found: _Found) -> None:
    """Give each one-word name to the full name it is short for, else decide what it is by itself."""
    surnames = _surnames(found)
    for word, count in found.singles.items():
        full = found.acronyms.get(word) or surnames.get(word)
        if full is not None:
            found.counts[full] += count
        elif word in found.titled:
            found.counts[word] += count
            found.types[word] = "person"
        else:
            kind = _type_of_single(word, count, known, found)
            if kind is not None:
                found.counts[word] += count
                found.types[word] = kind


def _surnames(found: _Found) -> dict[str, str]:
    """Last word -> full name of a person; the name met most often where two share it."""
    surnames: dict[str, str] = {}
    for name, _ in sorted(found.counts.items(), key=lambda pair: (pair[1], pair[0])):
        if found.types[name] == "person" and " " in name:
            surnames[name.rsplit(" ", 1)[1]] = name
    return surnames


def _type_of_single(word: str, count: int, known: Gazetteer, found: _Found) -> EntityType | None:
    """One unknown word is a name only with some sign for it; a word that starts sentences may be any word."""
    if word in known.demonyms or len(word) == 1:
        return None
    if word in known.first_names:
        return "person" if count > 1 else None
    if not found.capitals:
        return None
    if word in found.placed and not word.isupper():
        return "place"
    if word[1:] != word[1:].lower() and not word.isupper() and word.isalpha():
        return "organisation"  # such as MicroStrategy
    return "organisation" if count > 1 and word not in found.started else None


def _count_headings(headings: list[str], known: Gazetteer, found: _Found) -> None:
    """Count known names, and the names of the text, in headings; these make no names of their own."""
    text = "\n".join(headings)
    full = [name for name in found.counts if " " in name and name not in known.names]
    if text and full:
        matches = AhoCorasick(full, matchkind=MatchKind.LeftmostLongest).find_matches_as_indexes(text)
        found.counts.update(full[index] for index, _, _ in matches)
    for _, _, name in known.find(text):
        found.add(name.name, name.type)
