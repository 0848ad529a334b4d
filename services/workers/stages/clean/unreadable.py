"""What was sent as a text and is none: a file read as if it were one, or a text whose letters are lost."""

from __future__ import annotations

import re
from typing import Final

LOOKED_AT: Final = 20_000  # characters, from the beginning
# What begins so is a file, however its first bytes were read; NULs are gone by then. See also ingest.
BEGINNING = re.compile(
    "[\x89‰\ufffd]PNG[\r\n]|PK\x03\x04|\x1f[\x8b‹\ufffd]\x08|%PDF-[0-9]\\.[0-9][ \t]*[\r\n]"
    "|GIF8[79]a[^\r\n]{0,6}[\x01-\x08]"
)
# Not the white space among them, and not ESC, which colours a terminal and switches Japanese encodings.
CONTROL = re.compile("[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
# Compressed bytes have 27 of these characters, every ninth is one. Texts have them too, in places more of
# them, but few kinds: a wire's frame has five, fields and cells of a word processor eight.
LEAST_KINDS: Final = 10
CONTROL_SHARE: Final = 0.04
# U+FFFD stands for what could not be read: in a language of Latin letters at most for every tenth character.
LOST_SHARE: Final = 1 / 3


def is_unreadable(text: str) -> bool:
    """Whether a text as it was sent is none. One in a wrong encoding is read badly, but is still a text."""
    start = text[:LOOKED_AT]
    if BEGINNING.match(start):
        return True
    controls = CONTROL.findall(start)
    if len(controls) >= CONTROL_SHARE * len(start) and len(set(controls)) >= LEAST_KINDS:
        return True
    lost = start.count("\ufffd")
    return lost > 0 and lost >= LOST_SHARE * (len(start) - sum(map(start.count, " \t\r\n")))
