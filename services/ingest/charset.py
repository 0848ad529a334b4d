"""Bytes of a page to text: what its sender, its first bytes or its own head say, and a fallback.

The order follows how browsers decide (WHATWG, "encoding sniffing"). Like them, it guesses from statistics
only where nothing tells, and the bytes are not UTF-8.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final

from charset_normalizer import from_bytes

_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_HEAD_BYTES: Final = 4_096  # browsers read 1,024; real pages put scripts before the declaration
_META = re.compile(rb"""<meta[^>]{0,200}?charset\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})""", re.IGNORECASE)
_XML = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9_.:-]{2,40})""", re.IGNORECASE)

# The encodings of the web, by Python's names. Python knows others that are no encodings of pages, and some
# of those take quadratic time on hostile input (idna, punycode).
_KNOWN = re.compile(
    r"utf-8|utf-16(-[lb]e)?|ascii|cp125[0-8]|cp(437|85\d|866|874|932|949|950)|iso8859-\d{1,2}|koi8-[rut]"
    r"|mac-(roman|cyrillic)|big5|big5hkscs|gb2312|gbk|gb18030|euc_(jp|kr)|shift_jis|iso2022_jp|tis-620"
)
# Pages that say Latin 1 or ASCII mean Windows-1252, which has the quotes and dashes.
_MEANT = {"iso8859-1": "cp1252", "ascii": "cp1252"}
_FALLBACK: Final = "cp1252"

# Guessing, measured on lines of 33 languages, alone and in fours (2026-11): of 716 texts in other scripts
# than Latin 688 were read right, where the fallback reads none. Among the Latin encodings it is often wrong,
# so that those stay with the fallback: none of 382 texts and 107 pages was taken for another script.
_GUESSED: Final = (
    "cp932", "euc_jp", "gb18030", "big5", "cp949", "cp1251", "koi8_r", "cp1253", "cp1255", "cp1256", "cp874",
    # Only so that a text in one of these is not forced into one of the others.
    "cp1250", "cp1252", "cp1254", "cp1257", "cp1258",
)  # fmt: skip
_GUESS_FROM: Final = 65_536  # bytes, where it takes 0.1 s at most
_LEAST_BYTES: Final = 16  # beyond ASCII; fewer tell nothing
_OTHER_SHARE: Final = 0.8  # of the letters beyond ASCII
_OTHER_SCRIPTS = re.compile("[\u0370-\u1cff\u2e80-\ua4cf\uac00-\ud7ff\uf900-\ufaff\uff66-\uff9f]")
_LETTERS = re.compile(r"[^\W\d_\x00-\x7f]")
# None of these encodings has a byte below "0" inside of a character.
_LAST_PIECE = re.compile(rb"(?<=[\x00-\x2f])[^\x00-\x2f]+\Z")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_LOST_LETTERS: Final = 10  # letters beyond ASCII for each byte that is no UTF-8
_SHIFT: Final = b"\x1b$"  # how ISO-2022-JP begins what is not ASCII
_ASCII: Final = bytes(range(0x80))


def decode_page(data: bytes, label: str | None, *, html: bool) -> str:
    """Decode a page; never fails: bytes that fit no reading become replacement characters.

    A byte order mark wins over ``label`` (the charset of the content type), that over what an HTML page
    says of itself; then UTF-8. Text that is not what it says is read as what it looks like, if that is
    another script than Latin, and else as Windows-1252.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    for charset in _told(data, label, html=html):
        try:
            return data.decode(charset)
        except UnicodeDecodeError:
            continue
    text = data.decode("utf-8", "replace")
    if len(_LETTERS.findall(text)) >= _LOST_LETTERS * text.count("\ufffd"):
        return text  # cut off inside of a character, or with a stray byte: else all its letters would be lost
    return data.decode(_guessed(data) or _FALLBACK, "replace")


def known_charset(label: str) -> str | None:
    """Python's name for a charset label, None when it is no encoding of pages."""
    try:
        name = codecs.lookup(label.strip()).name
    except (LookupError, ValueError):
        return None
    name = _MEANT.get(name, name)
    return name if _KNOWN.fullmatch(name) else None


def _told(data: bytes, label: str | None, *, html: bool) -> Iterator[str]:
    """The encodings that something speaks for, the surest first."""
    said = (known_charset(label) if label else None, _declared(data) if html else None)
    yield from filter(None, said)
    if not any(said) and _SHIFT in data:
        yield "iso2022_jp"  # all of it is ASCII, and so UTF-8 too
    yield "utf-8"


def _guessed(data: bytes) -> str | None:
    """The encoding of a text in another script than Latin, None for all others and what is hard to tell."""
    first = _NOT_ASCII.search(data)
    start = max(0, first.start() - _GUESS_FROM // 64) if first else 0
    sample = data[start : start + _GUESS_FROM]
    if len(sample.translate(None, _ASCII)) < _LEAST_BYTES:
        return None
    if len(sample) == _GUESS_FROM:  # it must not end inside of a character
        sample = _LAST_PIECE.sub(b"", sample)
    found = from_bytes(sample, cp_isolation=list(_GUESSED), preemptive_behaviour=False).best()
    if found is None:
        return None
    letters, others = len(_LETTERS.findall(str(found))), len(_OTHER_SCRIPTS.findall(str(found)))
    return found.encoding if others and others >= _OTHER_SHARE * letters else None


def _declared(data: bytes) -> str | None:
    head = data[:_HEAD_BYTES]
    found = _XML.search(head) or _META.search(head)
    name = known_charset(found[1].decode("ascii")) if found else None
    # A declaration that can be read as ASCII is not written in UTF-16, whatever it says.
    return "utf-8" if name and name.startswith("utf-16") else name
