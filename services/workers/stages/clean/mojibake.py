"""Text that was decoded with the wrong charset, put right where that is certain, and left alone elsewhere.

UTF-8 read as Windows-1252 shows each character as two to four: ``’`` as ``â€™``, ``é`` as ``Ã©``. Such a run
is put right when its bytes are well-formed UTF-8 and it could hardly have been written on purpose.
"""

from __future__ import annotations

import re

MOST_TIMES = 8  # that a text was decoded wrongly; each doubles it, so that no real one comes near
MAX_PIECE = (
    100_000  # characters; no line is longer, and one made to be would hold every of its runs in memory
)
# Wrong apostrophes that stand alone, as no apostrophe does, and those inside of words.
LONE_APOSTROPHE = re.compile("(?<![^\\s\"'(“‘])â[€\x80][™˜\x98\x99](?![^\\s\"'.,;:)!?”’])")
WORD_APOSTROPHE = re.compile("\\wâ[€\x80][™˜\x98\x99]\\w")
MOST_SHOWN = 3  # in words, for each that stands alone, in a text that shows what goes wrong
MOST_ASKED, WORD_LETTERS = 20, 40
WORD_ENDS = frozenset(" \t\"'“”,.;:()<>")
# "à" whose second byte, a space that does not break, was made an ordinary one.
LONE_A = re.compile(r"(?<!\w)Ã(?= )")
MISREAD_A = re.compile(r"(?<!\w)Ã(?: (?= ))?(?= )")
PIECE = re.compile(r"[^<>\n]+")
# Windows-1252 as browsers read it: its five undefined bytes are control characters.
_CHARS = {
    byte: bytes([byte]).decode("cp1252") if byte not in (0x81, 0x8D, 0x8F, 0x90, 0x9D) else chr(byte)
    for byte in range(0x80, 0x100)
}
_BYTES = {char: byte for byte, char in _CHARS.items()} | {chr(byte): byte for byte in range(0x80, 0xA0)}
_C1 = {byte: _CHARS[byte] for byte in range(0x80, 0xA0) if ord(_CHARS[byte]) != byte}


def _class(first: int, last: int) -> str:
    chars = {char for char, byte in _BYTES.items() if first <= byte <= last}
    return "[" + re.escape("".join(sorted(chars))) + "]"


_REST = _class(0x80, 0xBF)
RUN = re.compile(
    f"{_class(0xC2, 0xDF)}{_REST}|{_class(0xE0, 0xEF)}{_REST}{{2}}|{_class(0xF0, 0xF4)}{_REST}{{3}}"
)
# Every run begins with one of these; text in Latin script seldom has one, and asking for that is fast.
_LEADS = re.compile(_class(0xC2, 0xF4) + _REST)
_LETTER = re.compile(r"[^\W\d_\x00-\x7f]")
_C1_CHARS = re.compile("[\x80-\x9f]")
# What ``plain.py`` deletes later, but for bytes of runs and what ends a line: a run may be hidden by it.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    "\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]"
)
# Signs that may follow an accented capital in print.
_PUNCTUATION = frozenset("\u00a0«»“”‘’„‚‹›–—…•°·¡¿§¶©®™¦¨ª¬¯´¸º\u00ad")


def repair(text: str) -> str:
    """Return the text with wrongly decoded runs put right; what is not certain stays as it is.

    Invisible characters go. Repeating it changes nothing: a text that was decoded wrongly several times is
    put right as often.
    """
    if text.isascii():
        return text
    text = _INVISIBLE.sub("", text)
    for _ in range(MOST_TIMES):
        if _LEADS.search(text) is None or _is_about(text):
            break
        repaired = PIECE.sub(lambda piece: _repair_piece(piece[0]), text)
        if repaired == text:
            break
        text = repaired
    # Bytes of Windows-1252 that were read as Latin 1: no text holds these control characters.
    return text.translate(_C1) if _C1_CHARS.search(text) else text


def _is_about(text: str) -> bool:
    """Whether a text shows wrong runs to speak of them: apostrophes that stand alone, few inside of words."""
    alone = sum(1 for _ in LONE_APOSTROPHE.finditer(text))
    return alone > 0 and sum(1 for _ in WORD_APOSTROPHE.finditer(text)) <= MOST_SHOWN * alone


def _is_shown(run: re.Match[str], line: str) -> bool:
    """Whether a line has the word of a run also as it should be written, to show the difference."""
    start, end = run.span()
    while start > max(0, run.start() - WORD_LETTERS) and line[start - 1] not in WORD_ENDS:
        start -= 1
    while end < min(len(line), run.end() + WORD_LETTERS) and line[end] not in WORD_ENDS:
        end += 1
    right = RUN.sub(lambda part: _decoded(part[0]) or part[0], line[start:end])
    return right.isalpha() and re.search(rf"(?<!\w){re.escape(right)}(?!\w)", line) is not None


def _repair_piece(line: str) -> str:
    """Put right a line, or a text between two tags."""
    if line.isascii() or len(line) > MAX_PIECE or _LEADS.search(line) is None:
        return line
    runs = [run for run in RUN.finditer(line) if _decoded(run[0]) is not None]
    certain = [run for run in runs if _is_certain(run, line)]
    if any(_is_shown(run, line) for run in certain[:MOST_ASKED]):
        return line
    # One sure run shows how the whole line was read; but not when other letters of it were read well.
    if certain and not _has_others(LONE_A.sub("a", line), runs):
        return MISREAD_A.sub("à", _replaced(line, runs))
    return _replaced(line, certain)


def _is_certain(run: re.Match[str], line: str) -> bool:
    """Whether a run was hardly written on purpose: three bytes or more, or a pair that stands in no print."""
    chars = run[0]
    if len(chars) > 2:
        return True
    before, after = line[max(0, run.start() - 1) : run.start()], line[run.end() : run.end() + 1]
    if chars == "Â\u00a0":
        return not before.isupper()
    if chars[1] in _PUNCTUATION:
        # "É«" may end a shouted word before a quotation; inside a word it does not.
        return chars[0] in "ÃÂ" and (before.islower() or after.islower()) and chars[1] not in "«»“”"
    return True


def _has_others(line: str, runs: list[re.Match[str]]) -> bool:
    """Whether there are letters beyond ASCII outside of the runs."""
    ends = [0, *(run.end() for run in runs)]
    starts = [*(run.start() for run in runs), len(line)]
    return any(_LETTER.search(line, end, start) for end, start in zip(ends, starts, strict=True))


def _replaced(line: str, runs: list[re.Match[str]]) -> str:
    parts, place = [], 0
    for run in runs:
        parts += [line[place : run.start()], _decoded(run[0]) or run[0]]
        place = run.end()
    return "".join([*parts, line[place:]])


def _decoded(run: str) -> str | None:
    try:
        return bytes(_BYTES[char] for char in run).decode("utf-8")
    except UnicodeDecodeError:
        return None
