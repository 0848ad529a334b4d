"""Files that are no text, known by how they begin; what only looks like one is left to cleaning."""

from __future__ import annotations

import re
from typing import Final

# Each beginning holds what no text has, or what no text goes on with: an article may begin with "GIF89a is".
_BEGINNINGS: Final = (
    ("a PNG image", re.compile(rb"\x89PNG[\r\n]")),
    ("a JPEG image", re.compile(rb"\xff\xd8\xff")),
    ("a GIF image", re.compile(rb"GIF8[79]a[^\r\n]{0,6}[\x00-\x08]")),
    ("a WebP image", re.compile(rb"RIFF.{4}WEBP", re.DOTALL)),
    ("a PDF", re.compile(rb"%PDF-[0-9]\.[0-9][ \t]*[\r\n]")),
    ("a ZIP archive (or an office document)", re.compile(rb"PK\x03\x04|PK\x05\x06")),
    ("gzip data", re.compile(rb"\x1f\x8b\x08")),
)


def binary_kind(data: bytes) -> str | None:
    """What kind of file bytes surely are, in words with an article; None for whatever may be text."""
    return next((name for name, begins in _BEGINNINGS if begins.match(data)), None)
