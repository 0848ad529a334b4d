"""Articles that a page holds in parts, put together again; tables that only lay out a page, opened."""

from __future__ import annotations

import re
from itertools import islice

from lxml.html import HtmlElement

from services.workers.stages.clean.plain import one_line

PART_CHARS = 80  # a paragraph of running text has as many
LEAST_PARAGRAPHS = 2
LEAST_SHARE = 0.6  # of the paragraphs of a page are in the parts of its article
MOST_PARTS = 100
CELL_CHARS, MOST_CELLS = 800, 5_000
# Repeated blocks that are each something of their own.
SEVERAL = re.compile(
    r"comment|reply|replies|review|teaser|card|hentry|post\b|posts|feed|river|excerpt|summary|answer",
    re.IGNORECASE,
)

Key = tuple[HtmlElement, str, str]


def open_tables(tree: HtmlElement) -> None:
    """Make plain blocks of the tables that only lay out a page: a cell of theirs holds several paragraphs."""
    for cell in islice(tree.iter("td"), MOST_CELLS):
        if has_chars(cell, CELL_CHARS):
            for item in (cell, *cell.iterancestors("td", "tr", "tbody", "table", "th", "thead")):
                item.tag = "div"


def has_chars(item: HtmlElement, least: int) -> bool:
    """Whether an element says as much; text is not read any further."""
    count = 0
    for piece in item.itertext():
        count += len(piece)
        if count >= least:
            return True
    return False


def paragraph_chars(tree: HtmlElement) -> int:
    """Count the characters of a page's paragraphs of running text."""
    sizes = (len(one_line(item.text_content())) for item in tree.iter("p"))
    return sum(size for size in sizes if size >= PART_CHARS)


def join_parts(tree: HtmlElement) -> None:
    """Move the paragraphs of an article's parts into the first of them, when they hold most of its text.

    Parts are blocks of the same name under one parent or grandparent, each with paragraphs of its own and
    none with a headline: those are pages that show several articles.
    """
    counts: dict[HtmlElement, int] = {}
    for item in tree.iter("p"):
        parent = item.getparent()
        if parent is not None and len(item.text_content()) >= PART_CHARS:
            counts[parent] = counts.get(parent, 0) + 1
    groups: dict[Key, list[HtmlElement]] = {}
    for block, count in counts.items():
        name = " ".join((block.get("class") or "").split())
        above = block.getparent()
        over = above.getparent() if above is not None else None
        if count < LEAST_PARAGRAPHS or not name or above is None or SEVERAL.search(name):
            continue
        for place in (above, over):
            if place is not None:
                groups.setdefault((place, str(block.tag), name), []).append(block)
    total = sum(counts.values())
    for blocks in groups.values():
        if 1 < len(blocks) <= MOST_PARTS and sum(counts[b] for b in blocks) >= LEAST_SHARE * total:
            if not any(_is_whole(block) for block in blocks):
                _join(blocks)
            return


def _is_whole(block: HtmlElement) -> bool:
    """Whether a block is an article of its own: it is called one, or has a headline."""
    above = block.getparent()
    names = " ".join(str(item.get("class") or "") for item in (block, above) if item is not None)
    if (
        block.tag == "article"
        or (above is not None and above.tag in ("article", "li"))
        or SEVERAL.search(names)
    ):
        return True
    return next(block.iter("h1"), None) is not None


def _join(blocks: list[HtmlElement]) -> None:
    first = blocks[0]
    for block in blocks[1:]:
        for child in list(block):
            first.append(child)
