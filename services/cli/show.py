"""How things look on the terminal: prefixed lines of the children, tables, the addresses."""

from __future__ import annotations

import queue
import re
import threading
from collections.abc import Iterable, Mapping
from contextlib import suppress
from html import unescape
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from services.cli.system import flower_url, ingest_url, search_url
from shared.ledger.port import JourneyStep
from shared.settings import Settings

COLOURS = ("cyan", "green", "magenta", "yellow", "blue", "bright_cyan", "bright_green", "bright_magenta")
NAME_WIDTH = 12
TOPICS_SHOWN = 4
LINES_HELD = 10_000
WIDE = 160  # columns that a table of ids takes; a narrower terminal breaks its lines, and no id is cut
# Colour and cursor codes: of a child, whose lines stand among others; of an article, which is not trusted.
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def plain(text: str) -> str:
    """Text without anything that moves a terminal's cursor or changes its colours."""
    return ESCAPES.sub("", text)


class Terminal(Console):
    """Where a long run prints: when nobody reads any more, it falls silent instead of ending the program."""

    def on_broken_pipe(self) -> None:
        """Say no more; the children's pipes are emptied all the same."""
        self.quiet = True


class LineWriter:
    """Prints (name, line) with the name in the child's own colour, and never makes a caller wait.

    A terminal that is held (Ctrl-S) must not hold the supervisor, nor the children that wait for their lines
    to be read; what does not fit in the queue meanwhile is dropped, and counted.
    """

    def __init__(self, console: Console, most: int = LINES_HELD) -> None:
        self._console = console
        self._colours = {"copydesk": "bold"}
        self._dropped = 0
        self._lines: queue.Queue[tuple[str, str] | None] = queue.Queue(most)
        self._thread = threading.Thread(target=self._print_lines, daemon=True, name="lines")
        self._thread.start()

    def __call__(self, name: str, line: str) -> None:
        """Take a line; it is printed when its turn comes."""
        try:
            self._lines.put_nowait((name, line))
        except queue.Full:
            self._dropped += 1

    def close(self, seconds: float = 1.0) -> None:
        """Print what is left, if the terminal takes it in time."""
        with suppress(queue.Full):
            self._lines.put(None, timeout=seconds)
            self._thread.join(seconds)

    def _print_lines(self) -> None:
        while (taken := self._lines.get()) is not None:
            if self._dropped:
                dropped, self._dropped = self._dropped, 0
                self._print("copydesk", f"{dropped} lines were dropped while the terminal was held")
            self._print(*taken)

    def _print(self, name: str, line: str) -> None:
        colour = self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])
        text = Text.assemble((f"{name:<{NAME_WIDTH}} | ", colour), plain(line))
        with suppress(OSError, ValueError):  # a window that was closed
            self._console.print(text, soft_wrap=True)


def progress_bar(console: Console) -> Progress:
    """A bar with counts and time, for work with a known number of articles."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,  # else it leaves an empty line
    )


def wide_console() -> Console:
    """A console for tables of ids, which people copy: none is cut, however narrow the terminal or a pipe."""
    console = Console()
    return console if console.width >= WIDE else Console(width=WIDE)


def journey_table(steps: Iterable[JourneyStep]) -> RenderableType:
    """The steps of an article's way, oldest first."""
    table = Table("at", "stage", "result", "worker", "attempt", "detail")
    for step in steps:
        row = (f"{step.at:%Y-%m-%d %H:%M:%S}", step.stage, step.word, step.worker, str(step.attempt))
        table.add_row(*row, Text(plain(step.detail or "")))
    return table


def addresses(settings: Settings) -> RenderableType:
    """Where to point a browser and a program."""
    table = Table.grid(padding=(0, 2))
    table.add_row("Search desk", search_url(settings))
    table.add_row("Search API", f"{search_url(settings)}/v1/search?q=")
    table.add_row("Push API", f"{ingest_url(settings)}/v1/articles")
    table.add_row("Flower", flower_url(settings))
    return table


def hits_table(answer: Mapping[str, Any]) -> RenderableType:
    """The hits of a search answer: what they say, where they ran, what they are about."""
    by_story = any("story" in hit for hit in answer["hits"])
    title = _title(answer["query"]["text"], answer["total"], by_story=by_story)
    table = Table(title=title, title_justify="left", show_lines=True)
    table.add_column("published", no_wrap=True)
    table.add_column("article", ratio=3)
    table.add_column("topics", ratio=1)
    for hit in answer["hits"]:
        topics = [topic["name"] for topic in hit.get("topics", [])[:TOPICS_SHOWN]]
        table.add_row((hit.get("published_at") or "")[:10], _article(hit), Text(plain("\n".join(topics))))
    return table


def _title(query: str, total: Mapping[str, int], *, by_story: bool = False) -> str:
    count = total["groups"]
    if by_story:
        about = "about " if total.get("groups_approximate") else ""
        stories = f"{about}{count} {'story' if count == 1 else 'stories'}"
        return f"{stories} of {total['articles']} articles for {query or 'everything'}"
    copies = total["articles"] - count
    more = f" and {copies} {'copy' if copies == 1 else 'copies'}" if copies > 0 else ""
    return f"{count} {'article' if count == 1 else 'articles'}{more} for {query or 'everything'}"


def source_of(hit: Mapping[str, Any]) -> str:
    """The id of an article's source, however much of the source the answer carries."""
    source = hit.get("source") or ""
    return str(source["id"]) if isinstance(source, Mapping) else str(source)


def _article(hit: Mapping[str, Any]) -> RenderableType:
    copies = [copy["source"] for copy in hit.get("copies", [])]
    members = (hit.get("story") or {}).get("articles", 1)
    where = source_of(hit) + (f", also in {', '.join(copies)}" if copies else "")
    where += f", {members} articles of its story match" if members > 1 else ""
    fragments = (hit.get("highlights") or {}).get("body") or []
    title = Text(plain(hit.get("title") or "(no title)"), style="bold")
    return Group(title, Text(plain(where), style="green"), *(marked(one) for one in fragments[:1]))


def marked(fragment: str) -> Text:
    """An HTML fragment with ``<mark>`` as terminal text in colour."""
    parts: Iterable[str] = re.split(r"(<mark>.*?</mark>)", fragment.replace("\n", " "))
    text = Text()
    for part in parts:
        words = plain(unescape(part.removeprefix("<mark>").removesuffix("</mark>")))
        text.append(words, style="yellow" if part.startswith("<mark>") else "dim")
    return text
