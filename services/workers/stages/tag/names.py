"""Runs of capitalised words in a line of prose, cut at known names and titles: what may be a name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.workers.stages.tag.gazetteer import Gazetteer, KnownName

_UPPER = "".join(chr(code) for code in range(0x530) if chr(code).isupper())
# A capital first, and only then the look at what stands before it: that is what makes the search fast.
_START = rf"[{_UPPER}](?<![\w'’@#/-][{_UPPER}])"
# A letter of a word; scripts without spaces end it, as in "Appleの".
_LETTER = r"[^\W\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
_REST = rf"(?:{_LETTER}+|-\w|&\w|['’](?!(?:s|m|d|t|ll|re|ve)\b)\w)*"
_INITIALS = rf"(?:\.[{_UPPER}])*\."
_NEXT = rf"(?:(?:al-|el-|d['’])?[{_UPPER}](?:{_INITIALS}|{_REST}))"
_JOINTS = (
    r"(?:(?:of|for)(?: the)?|to|on|de(?: la| los| las| l['’])?|del|della|dell['’]|des|di|da|do|dos|du|la|le"
    r"|les|el|y|wa|ould|ben|bint|abu|van(?: der| den| de)?|von(?: der)?|zu|bin|ibn|al|ter|&)"
)
_RUN = re.compile(rf"{_START}(?:{_INITIALS}|{_REST})(?: (?:{_JOINTS} )?{_NEXT}){{0,14}}")
_ACRONYM_BEHIND = re.compile(rf"(?:['’]s)? \(([{_UPPER}][\w&.-]{{1,9}})\)")
_SENTENCE_START = re.compile(r"(?:^|[.!?:;…]|[.!?]['\"”’)])\s*(?:[-–—] ?)?[\"“„«‘'(\[]*\s?$")
_DATELINE = re.compile(
    rf"^([{_UPPER}][{_UPPER}'’ -]{{2,40}}[{_UPPER}])"
    rf"(?=, [{_UPPER}][\w .]{{2,30}}[ (]|\.?[-–—,]| ?[-–—(]| \d| [{_UPPER}][a-zà-ÿ])"
)
_POSSESSOR = re.compile(r"(?:\w+s['’]|(?:People|Children|\w*[Mm]en)['’]s)$")
_GAP_POSSESSIVE = re.compile(r"['’]s? ")
# "Tripoli-based", "British-ruled": an adjective, whatever stands in its front.
_ADJECTIVE = re.compile(
    r"-(?:based|born|backed|led|ruled|run|owned|origin|era|style|listed|held|controlled|speaking|made|type|wide"
    r"|educated|trained|bound|related|linked|occupied|dominated|brokered|sponsored|funded|area|headquartered"
    r"|nominated|winning|like|only|sized|level|levels|class|themed|inspired|produced|powered|branded|free|friendly)$"
)
_WIDEST_GAP = len(" and ")  # between two parts of one name
LONGEST = 100  # letters in a name; longer runs are no names
_LOOK_BACK = 14  # letters; enough for a closing quote, or for "outside the"
# Words that name nothing alone, but may begin a name in the middle of a sentence.
MAY_BEGIN = frozenset(
    ("New", "Old", "First", "Second", "Third", "High", "Long", "Great", "Little", "Big", "Best", "Good",
     "Red", "Right", "Left", "Low", "Small", "Full", "True", "Total", "Holy", "Last", "Next", "Open",
     "World", "United", "Grand", "Union", "Radio", "City", "State", "Park", "Church", "Army", "Navy",
     "Group", "Music", "People", "Academy", "Crown", "Summer", "Winter", "Spring", "Sun", "Moon",
     "Sport", "Earth", "All", "Under", "Above", "Black", "White", "Sir", "Will", "Jan", "Oscar", "Bill",
     "May", "Mars", "Mass", "Police", "English", "French", "German", "Internet", "Net", "Live", "Video",
     "Photo", "Morning", "Evening", "Night")
)  # fmt: skip
_PORTFOLIOS = frozenset(
    ("State", "Staff", "Defense", "Defence", "Parliament", "Congress", "Commerce", "Police", "Intelligence")
)
# What stands before them is part of the title: Privatisation Minister.
_OF_A_PORTFOLIO = frozenset(("Minister", "Secretary", "Commissioner", "Correspondent"))
# Before a surname these are titles, behind a name they are surnames: Hun Sen.
_ABBREVIATED = frozenset(("Sen", "Rep", "Gov", "Gen", "Lt", "Col", "Maj", "Sgt", "Capt", "Rev", "Cpl"))
_DEPARTMENTS = frozenset(
    ("Department", "Ministry", "Ministerio", "Ministère", "Committee", "Commission", "Office", "Organization")
)
_THE = frozenset(("the ", "The "))
_QUOTE_BEFORE, _QUOTE_BEHIND = "\"“„«‘'", re.compile(r"(?: \d+)?[,.!?]?[\"”“»’']")
_PARTIES = frozenset(
    ("Democratic Party", "Labour Party", "Conservative Party", "Republican Party")
)  # of any country
_TO_HEADS = frozenset(("Committee", "Campaign", "Coalition", "Movement", "Fund", "Foundation", "Commission"))


@dataclass(slots=True)
class Piece:
    """A part of a run: a known name, a title such as President, or words still to be understood."""

    words: list[str]
    start: int
    end: int
    known: KnownName | None = None
    title: bool = False
    joint: str = ""  # "of", "de" ... between the piece before and this one
    titled: bool = False  # a title stands before it
    article: bool = False  # "the" stands before it
    opens: bool = False  # a sentence begins with it
    split: Sequence[Piece] = ()  # what it was joined from

    @property
    def text(self) -> str:
        """The words as one name."""
        return " ".join(self.words)


def read_line(line: str, known: Gazetteer) -> Iterator[Piece]:
    """Every piece of a line that may be a name, titles left out; known names outside runs come last."""
    hits = {start: (end, name) for start, end, name in known.find(line)}
    done = 0
    before: list[Piece] = []
    for run in _RUN.finditer(line):
        start, end = run.span()
        if start < done or _says_nothing(line, start, end, hits, known):
            continue
        pieces = _joined(_pieces(line, start, end, hits, known), known)
        if before:
            if pieces and pieces[0].start - before[-1].end <= _WIDEST_GAP:
                _join_across(line, before, pieces, known)
            yield from _names(line, before)
        before = pieces
        done = pieces[-1].end if pieces else end
    yield from _names(line, before)
    for start, (end, name) in hits.items():  # those of the runs have been taken out
        if end:
            yield Piece([name.name], start, end, known=name)


def _says_nothing(line: str, start: int, end: int, hits: Mapping[int, object], known: Gazetteer) -> bool:
    """A lone day or pronoun; or the name of a work, which stands in quotation marks."""
    if start in hits:
        return False
    if start and line[start - 1] in _QUOTE_BEFORE and _QUOTE_BEHIND.match(line, end):
        return True
    return line[start:end] in known.not_names and line[max(0, start - 2) : start] not in ("' ", "’ ")


def starts_sentence(line: str, start: int) -> bool:
    """Whether a capital at this place says nothing."""
    if start > 1 and line[start - 1] == " " and line[start - 2].isalnum():  # nearly always
        return False
    return _SENTENCE_START.search(line, max(0, start - _LOOK_BACK), start) is not None


def calm_dateline(line: str, known: Gazetteer) -> str:
    """``BRUSSELS, Belgium`` and ``HELSINKI - Cable maker``: the town as it is written elsewhere."""
    found = None if line.isupper() else _DATELINE.match(line)
    if found is None or found[1] in known.names:
        return line
    town = found[1].title()
    if (
        town not in known.names
        and town not in known.towns
        and line[found.end() + 1 : found.end() + 2].isalpha()
    ):
        return line  # "FIFA President ..."
    return town + line[found.end() :]


def acronym_behind(line: str, end: int) -> str | None:
    """The short form in brackets behind a name: ``International Press Union (IPU)``."""
    match = _ACRONYM_BEHIND.match(line, end)
    return match[1] if match and sum(letter.isupper() for letter in match[1]) > 1 else None


def _names(line: str, pieces: list[Piece]) -> Iterator[Piece]:
    titled = False
    for place, piece in enumerate(pieces):
        behind = pieces[place + 1] if place + 1 < len(pieces) else None
        if len(piece.words) == 1 and piece.known is None and behind is not None and not behind.joint:
            piece.title |= behind.title and behind.words[0] in _OF_A_PORTFOLIO
        if not piece.title:
            piece.titled = titled and not piece.joint
            piece.article = piece.start > 3 and line[piece.start - 4 : piece.start] in _THE
            yield piece
        titled = piece.title


def _pieces(
    line: str, start: int, end: int, hits: dict[int, tuple[int, KnownName]], known: Gazetteer
) -> list[Piece]:
    """Cut a run at known names and titles; the known names it uses leave ``hits``."""
    pieces: list[Piece] = []
    joints: list[str] = []
    position = start
    if start not in hits and line.find(" ", start, end) < 0:  # nearly half of them
        word = line[start:end]
        return [] if _is_adjective(word) else [Piece([word], start, end, title=word in known.titles)]
    while position < end:
        hit_end, name = hits.pop(position, (0, None))
        if name is not None:
            stop = hit_end
            pieces.append(Piece([line[position:stop]], position, stop, known=name, joint=" ".join(joints)))
        else:
            gap = line.find(" ", position, end)
            stop = gap if gap >= 0 else end
            word = line[position:stop]
            if word == "&" or word.islower():
                joints.append(word)
                position = stop + 1
                continue
            _add_word(pieces, Piece([word], position, stop, joint=" ".join(joints)), known)
        joints = []
        position = _next_word(line, stop, end)
    if len(pieces) > 1:
        pieces[0].opens = starts_sentence(line, start)
    return [
        piece for piece in pieces if piece.known or len(piece.words) > 1 or not _is_adjective(piece.words[0])
    ]


def _next_word(line: str, stop: int, end: int) -> int:
    gap = line.find(" ", stop, end)
    return gap + 1 if gap >= 0 else end


def _add_word(pieces: list[Piece], piece: Piece, known: Gazetteer) -> None:
    """Append a word to the words before it, unless a title, a known name or an "of" stands between."""
    last = pieces[-1] if pieces else None
    word = piece.words[0]
    piece.title = _is_title(last, piece, known)
    apart = last is None or last.known or last.title or piece.title
    if (
        apart
        or last is None
        or _is_adjective(word)
        or _is_adjective(last.words[-1])
        or not _may_join(last, piece, known)
    ):
        pieces.append(piece)
        return
    last.words += [*piece.joint.split(), *piece.words]
    last.end = piece.end


def _is_title(last: Piece | None, piece: Piece, known: Gazetteer) -> bool:
    """President, Minister ...; but not in "Department of Defense" and "Hun Sen"."""
    word = piece.words[0]
    if last is None:
        return word in known.titles
    if last.title:
        return word in known.titles or (piece.joint == "of" and word in _PORTFOLIOS)
    if word in known.titles and last.known is None:
        return word not in _ABBREVIATED and not (
            piece.joint.startswith("of") and _may_join(last, piece, known)
        )
    return word in known.titles


def _is_adjective(word: str) -> bool:
    return "-" in word and _ADJECTIVE.search(word) is not None


def _may_join(last: Piece, piece: Piece, known: Gazetteer) -> bool:
    """One name, as in "Bank of England" and "Ludwig van Beethoven"; "Minister of Spain" is none."""
    joint = piece.joint
    if joint in ("to", "on"):
        return last.words[-1] in _TO_HEADS
    if joint in ("la", "le", "les", "el", "y"):
        return last.words[0] in known.organisation_heads or (
            joint != "y" and last.words[0] in known.first_names
        )
    if not joint.startswith(("of", "for")):
        return True
    return any(word in known.heads for word in last.words) and last.words[0] not in known.titles


def _joined(pieces: list[Piece], known: Gazetteer) -> list[Piece]:
    """Put known names back into the longer names they are part of."""
    if len(pieces) < 2:
        return pieces
    joined: list[Piece] = []
    for piece in pieces:
        whole = piece
        while joined and not whole.title and _is_longer(joined[-1], whole, known):
            whole = _one(joined.pop(), whole, whole.joint.split())
        joined.append(whole)
    return joined


def _one(last: Piece, piece: Piece, between: list[str]) -> Piece:
    words = [*last.words, *between, *piece.words]
    split = [*(last.split or [last]), *(piece.split or [piece])]
    return Piece(words, last.start, piece.end, joint=last.joint, split=split)


def _is_longer(last: Piece, piece: Piece, known: Gazetteer) -> bool:
    """Whether two neighbouring pieces, at least one of them a known name, make one longer name."""
    if last.title:  # Defence Forces, Interior Ministry
        starts = piece.words[0] in known.organisation_words and piece.words[0] not in known.first_names
        return starts and not piece.joint and piece.known is None
    if " ".join((last.text, *piece.joint.split(), piece.text)) in known.towns:
        return True
    if piece.joint:
        if piece.joint.startswith(("of", "for")):
            return not last.known and _may_join(last, piece, known)
        return not last.known and last.words[0] in known.organisation_heads
    if piece.split and last.known is None:  # First Chicago NBD Corp.
        begins = piece.words[0] in known.names and (
            last.words[-1] in MAY_BEGIN or last.words[-1] not in known.not_names
        )
        return begins and piece.words[-1] in known.organisation_words and last.words[-1] not in known.demonyms
    if last.known is None:
        return piece.known is not None and _leads_into(last, piece, piece.known, known)
    return _goes_on(last, last.known, piece, known)


def _leads_into(last: Piece, piece: Piece, name: KnownName, known: Gazetteer) -> bool:
    """Whether what is not known belongs before a known name."""
    if name.type == "organisation":  # Kurdistan Democratic Party
        whole = " " in piece.text or len(last.words) > 1
        kind = piece.text.split()[-1] in known.organisation_words
        named = last.words[-1] not in known.demonyms and last.words[-1] not in known.not_names
        return whole and kind and named and not last.opens
    return name.type == "place" and (
        last.words[0] in known.first_names or last.words[-1] in known.place_heads
    )


def _goes_on(last: Piece, name: KnownName, piece: Piece, known: Gazetteer) -> bool:
    """Whether a known name goes on with the next piece."""
    if piece.known is not None:
        whole = name.type == "place" and piece.known.type == "organisation"
        return whole and piece.text in _PARTIES
    if not known.organisation_words.isdisjoint((piece.text.split()[0], piece.words[-1])):
        return True
    first = piece.words[0]
    if name.type != "place" or first in known.not_names or first in known.demonyms:
        return False
    if first in known.first_names and len(piece.words) > 1:
        return False
    return piece.words[-1] in known.place_words or last.text in known.first_names or len(piece.words) < 3


def _join_across(line: str, before: list[Piece], pieces: list[Piece], known: Gazetteer) -> None:
    """``the Maritime and Port Authority``, ``People's Defence Forces``, ``Pratt, Hume & Lowe``."""
    last, first = before[-1], pieces[0]
    if first.end - last.start > LONGEST:
        return
    between = line[last.end : first.start]
    if last.title or first.title or first.known or not _is_one(line, between, last, first, known):
        return
    joined = _one(last, first, ["and"] if between == " and " else [])
    if between != " and ":
        joined.words[len(last.words) - 1] += between.rstrip()
    before.pop()
    pieces[0] = joined


def _is_one(line: str, between: str, last: Piece, first: Piece, known: Gazetteer) -> bool:
    """Whether what stands on either side of a gap is one name."""
    organised = not known.organisation_words.isdisjoint(first.words)
    if between == " and ":
        if last.words[0] in _DEPARTMENTS and ("of" in last.words or "for" in last.words):
            return organised or len(first.words) == 1
        words = last.words[1:] if last.words[0] == "The" else last.words
        after_the = words != last.words or line[max(0, last.start - 4) : last.start] == "the "
        return (
            organised
            and after_the
            and last.known is None
            and len(words) == 1
            and words[0] not in known.not_names
        )
    if between == ", ":
        return "&" in first.words and last.known is None and len(last.words) == 1
    owner = line[last.start : first.start].rstrip()
    return (
        organised and _GAP_POSSESSIVE.fullmatch(between) is not None and _POSSESSOR.search(owner) is not None
    )
