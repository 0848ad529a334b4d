"""Bytes of a page to text: what its sender, its first bytes or its own head say, and a fallback.

The order follows how browsers decide (WHATWG, "encoding sniffing"); nothing is guessed from statistics.
"""

from __future__ import annotations

import codecs
import re
from typing import Final

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


def decode_page(data: bytes, label: str | None, *, html: bool) -> str:
    """Decode a page; never fails: bytes that fit no reading become replacement characters.

    A byte order mark wins over ``label`` (the charset of the content type), that over what an HTML page
    says of itself; then UTF-8. Text that is not what it says is read as Windows-1252.
    """
    for mark, name in _BOMS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    said = (known_charset(label) if label else None, _declared(data) if html else None, "utf-8")
    for charset in filter(None, said):
        try:
            return data.decode(charset)
        except UnicodeDecodeError:
            continue
    return data.decode(_FALLBACK, "replace")


def known_charset(label: str) -> str | None:
    """Python's name for a charset label, None when it is no encoding of pages."""
    try:
        name = codecs.lookup(label.strip()).name
    except (LookupError, ValueError):
        return None
    name = _MEANT.get(name, name)
    return name if _KNOWN.fullmatch(name) else None


def _declared(data: bytes) -> str | None:
    head = data[:_HEAD_BYTES]
    found = _XML.search(head) or _META.search(head)
    name = known_charset(found[1].decode("ascii")) if found else None
    # A declaration that can be read as ASCII is not written in UTF-16, whatever it says.
    return "utf-8" if name and name.startswith("utf-16") else name
