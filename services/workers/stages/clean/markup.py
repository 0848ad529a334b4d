"""The text in markup, read without building a tree of it, and markup that must not stay in a text.

Linear in its input, whatever that is.
"""

from __future__ import annotations

import re
from html import unescape

BLOCKS = frozenset((
    "address", "article", "aside", "blockquote", "br", "dd", "div", "dl", "dt", "fieldset", "figcaption",
    "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li", "main", "nav",
    "ol", "p", "pre", "section", "table", "tbody", "td", "th", "thead", "title", "tr", "ul",
))  # fmt: skip
UNSEEN = frozenset(
    ("script", "style", "noscript", "template", "iframe", "svg", "object", "textarea", "select")
)
TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]*)[^<>]*>|<!--.*?(?:-->|$)|<![^<>]*>", re.DOTALL)
# Elements whose content no reader was ever meant to see, as they stand in a text that was escaped.
CODE = ("script", "style")
CODE_TAG = re.compile(r"<(/?)\s*(script|style)\b[^<>]*>?", re.IGNORECASE)
# A scheme that runs code, followed by code: "JavaScript: The Good Parts" is a book.
CODE_LINK = re.compile(
    r"(?:javascript|vbscript)\s*:(?=\S{0,200}?[(;=`\[{%]|/[/*]"
    r"|(?:location|window|document|void|self|top|parent|this|eval|history)\b)\S{0,2000}",
    re.IGNORECASE,
)
# The language's name in a sentence, where a space after the colon was forgotten; its words stay.
CODE_NAME = re.compile(r"(?<=[a-z,] )JavaScript:(?=[A-Za-z]+\(\);? )")
# What ``plain.py`` deletes later, but for what ends a line: a word such as "script" may be hidden by it.
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x1f\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff"
    "\ufff9-\ufffb\ufdd0-\ufdef\ufffe\uffff\ud800-\udfff]"
)
MOST_NESTED = 5


def visible_text(html: str) -> str:
    """Return the visible text of markup, a line for each block."""
    parts: list[str] = []
    place, hidden_by = 0, ""
    for tag in TAG.finditer(html):
        name = (tag[2] or "").lower()
        if not hidden_by:
            parts.append(html[place : tag.start()])
            parts.append("\n" if name in BLOCKS else "")
            hidden_by = name if name in UNSEEN and not tag[1] else ""
        elif name == hidden_by and tag[1]:
            hidden_by = ""
        place = tag.end()
    return unescape("".join([*parts, "" if hidden_by else html[place:]]))


def plain_text(value: str) -> str:
    """Return a field that may hold markup, escaped once more than it should be or not, as plain text."""
    for _ in range(2):  # entities are often escaped twice
        if "<" in value:
            value = visible_text(value) if TAG.search(value) else value
        if "&" not in value:
            break
        value = unescape(value)
    if "<" in value and TAG.search(value):
        value = visible_text(value)
    return without_code(value)


def without_code(text: str) -> str:
    """Take scripts and styles that stand in a text as markup out of it, with links that run code.

    Also those that characters which nobody sees hide, and those that only the cut of others would make.
    """
    if INVISIBLE.search(text) and _holds_code(plain := INVISIBLE.sub("", text)):
        text = plain
    for _ in range(MOST_NESTED):
        if not _holds_code(text):
            return text
        text = _without_links(_without_elements(text))
    # What is nested deeper was made to be: without these signs it is neither a tag nor a link.
    return text.translate({ord("<"): " ", ord(":"): " "}) if _holds_code(text) else text


def _holds_code(text: str) -> bool:
    if "<" in text and CODE_TAG.search(text):
        return True
    return ":" in text and "script" in text.lower() and CODE_LINK.search(text) is not None


def _without_links(text: str) -> str:
    return CODE_LINK.sub("", CODE_NAME.sub("JavaScript: ", text))


def _without_elements(text: str) -> str:
    """Cut from each opening tag to its end tag; a tag without the other one goes alone."""
    closing = {name: [tag.end() for tag in CODE_TAG.finditer(text) if _ends(tag, name)] for name in CODE}
    last = {name: ends[-1] if ends else 0 for name, ends in closing.items()}
    parts: list[str] = []
    place, hidden_by = 0, ""
    for tag in CODE_TAG.finditer(text):
        name = tag[2].lower()
        if not hidden_by:
            parts.append(text[place : tag.start()])
            place = tag.end()
            if not tag[1] and last[name] > tag.end():
                hidden_by = name
        elif name == hidden_by and tag[1]:
            place, hidden_by = tag.end(), ""
    parts.append(text[place:])
    return "".join(parts)


def _ends(tag: re.Match[str], name: str) -> bool:
    return bool(tag[1]) and tag[2].lower() == name
