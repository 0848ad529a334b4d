"""Pages and texts made to break or hold up a worker; run as a program, it cleans each and says what it cost.

One JSON line a case: name, CPU seconds, peak memory of the process so far in MiB, what came out.
"""

# ruff: noqa: E501 - the lines of a page are as long as they are

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterator

from services.workers.stages.clean import clean_article
from shared.article import RawArticle, Source

TEXT = "The council voted nine to four on Wednesday to keep the night ferry running until the end of March. "
MEGABYTE = 1_000_000
GIVE_UP_SECONDS = 30  # of CPU time, as a worker is given for a batch
ARTICLE = f"<article><h1>Ferry stays for the winter</h1>{f'<p>{TEXT}</p>' * 6}</article>"


def page(inside: str, head: str = "") -> str:
    return f"<!doctype html><html><head><title>Ferry stays</title>{head}</head><body>{inside}</body></html>"


def linked(data: str) -> str:
    return f'<script type="application/ld+json">{data}</script>'


def repeat(piece: str, size: int) -> str:
    return piece * (size // len(piece))


HTML: dict[str, Callable[[], str]] = {
    "10 MB of paragraphs": lambda: page(repeat(f"<p>{TEXT}</p>\n", 10 * MEGABYTE)),
    "10 MB of divs in divs": lambda: page(repeat(f"<div><div>{TEXT}</div></div>", 10 * MEGABYTE)),
    "10 MB of text": lambda: page(repeat(TEXT, 10 * MEGABYTE)),
    "10 MB of spans": lambda: page("<p>" + repeat("<span>a</span>", 10 * MEGABYTE)),
    "50,000 nested divs": lambda: page("<div>" * 50_000 + TEXT + "</div>" * 50_000),
    "100,000 unclosed tags": lambda: page(f"<p>{TEXT}" + "<b><i><div>" * 33_334),
    "100,000 unclosed list items": lambda: page("<ul><li>item " * 50_000),
    "10 MB in a data image": lambda: page(f'{ARTICLE}<img src="data:image/png;base64,' + "A" * 10 * MEGABYTE + '">'),
    "1,000 data images": lambda: page(ARTICLE + ('<img src="data:image/png;base64,' + "A" * 9_000 + '">') * 1_000),
    "NULs": lambda: page(ARTICLE.replace(" ", "\0 ")),
    "NULs only": lambda: "\0" * 5 * MEGABYTE,
    "bidi controls": lambda: page(ARTICLE.replace(" ", " \u202e\u2066")),
    "zalgo": lambda: page(repeat("<p>" + "z\u0300\u0301\u0302\u0489" + "\u0316" * 200 + f" {TEXT}</p>", 5 * MEGABYTE)),
    "one letter with a million marks": lambda: page("<p>e" + "\u0301" * MEGABYTE + TEXT),
    "UTF-8 read as Windows-1252": lambda: page(
        repeat("<p>â€œGrÃ¼ÃŸe aus KÃ¶lnâ€\x9d, sagte der BÃ¼rgermeister â€“ 5 â‚¬.</p>", 3 * MEGABYTE)
    ),
    "UTF-8 read wrongly, one line": lambda: page("<p>" + "Ã©Ã" * MEGABYTE),
    "UTF-8 read wrongly ten times": lambda: page("<p>" + _misread("é", 10) * 100),
    "Windows-1252 read as UTF-8": lambda: page(ARTICLE.replace("the", "th\ufffd")),
    "Chinese without spaces": lambda: page("<p>" + "港口于星期五早上重新开放市政府表示" * 60_000 + "</p>"),
    "Arabic": lambda: page("<p>" + "أعيد فتح الميناء صباح الجمعة بعد أربعة أيام من العاصفة. " * 20_000 + "</p>"),
    "emoji only": lambda: page("<p>" + "🚢🌊👩‍👩‍👧‍👦" * 60_000 + "</p>"),
    "an attribute of 5 MB": lambda: page(f'<div class="{"a" * 5 * MEGABYTE}" id="x">{ARTICLE}</div>'),
    "an attribute of 5 MB with a tag in it": lambda: page(f'<div class="<i {"a" * 5 * MEGABYTE}" id="x">{ARTICLE}</div>'),
    "an attribute of 200,000 names": lambda: page(f'<div class="{"share " * 200_000}">{ARTICLE}</div>'),
    "200,000 attributes": lambda: page("<div " + " ".join(f"a{n}=x" for n in range(200_000)) + f">{ARTICLE}</div>"),
    "200,000 elements with attributes": lambda: page("<i class=related id=share>x</i>" * 200_000),
    "an entity bomb": lambda: (
        '<!DOCTYPE html [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
        + "".join(f'<!ENTITY {chr(98 + n + 1)} "{f"&{chr(98 + n)};" * 8}">' for n in range(12))
        + f"]><html><body><p>&n; {TEXT}</p></body></html>"
    ),
    "entities": lambda: page("<p>" + "&amp;&#0;&#xD800;&bogus;&#x10FFFF;&lt;" * 150_000),
    "5 MB of linked data": lambda: page(
        ARTICLE, linked('{"@graph": [' + ",".join(['{"@type": "Article", "headline": "x"}'] * 130_000) + "]}")
    ),
    "linked data 10,000 levels deep": lambda: page(ARTICLE, linked('{"@graph":' * 10_000 + "1" + "}" * 10_000)),
    "linked data 900 levels deep": lambda: page(
        ARTICLE, linked('{"@type":"Article","mainEntity":' * 900 + "1" + "}" * 900)
    ),
    "an author 900 levels deep": lambda: page(
        ARTICLE, linked('{"@type":"Article","headline":"x","author":' + '{"name":' * 900 + '"x"' + "}" * 901)
    ),
    "lists 100,000 levels deep": lambda: page(ARTICLE, linked("[" * 100_000)),
    "broken linked data that repeats itself": lambda: page(
        ARTICLE, linked('{"headline": "a ' + '"articleBody": "x "author": {' * 60_000)
    ),
    "linked data of spaces": lambda: page(ARTICLE, linked("-->" + " " * 2 * MEGABYTE + "x")),
    "linked data of commas": lambda: page(ARTICLE, linked(",      " * 280_000)),
    "linked data of quotes": lambda: page(ARTICLE, linked('{"headline": ' + '"' * 2 * MEGABYTE)),
    "10,000 blocks of linked data": lambda: page(ARTICLE, linked('{"@type": "Article", "headline": "x"}') * 10_000),
    "100,000 meta elements": lambda: page(ARTICLE, '<meta name="date" content="no date at all">' * 100_000),
    "100,000 different meta elements": lambda: page(
        ARTICLE, "".join(f'<meta name="n{n}" content="x">' for n in range(100_000))
    ),
    "a title of 5 MB": lambda: page(ARTICLE, f'<meta property="og:title" content="{"a | " * 1_250_000}">'),
    "a headline of 2 MB": lambda: page("<h1>" + "word - " * 300_000 + f"</h1>{ARTICLE}"),
    "50,000 headlines": lambda: page(f"<h1>{TEXT}</h1>" * 50_000),
    "50,000 times": lambda: page("<time>no time</time>" * 50_000 + ARTICLE),
    "50,000 dates": lambda: page("<h1>Ferry stays</h1>" + "<div>3 March 2026</div>" * 50_000),
    "50,000 links": lambda: page('<div><a href="/x" class="share">a link of some length here</a></div>' * 50_000),
    "50,000 headlines that are links": lambda: page(
        "".join(f'<h3><a href="/{n}">the story of number {n} from the shore</a></h3>' for n in range(50_000))
    ),
    "20,000 links in one block": lambda: page("<div><h3>" + "<a href=/x>a link of some length</a>" * 18_000 + "</h3></div>"),
    "nested related blocks": lambda: page('<div class="related">' * 240 + f"<p>{TEXT}</p>" * 3_000),
    "parts within parts": lambda: page(f'<div><div class="body"><p>{TEXT}</p><p>{TEXT}</p></div></div>' * 4_000),
    "19,000 long paragraphs": lambda: page(f"<p>{TEXT * 5}</p>" * 19_000),
    "19,000 paragraphs of links": lambda: page(f'<p><a href="/x">{TEXT}</a></p>' * 9_500),
    "2,000 attributes of 5 kB": lambda: page(f'<div class="{"a-" * 2_500}" title="{"b>" * 2_400}">x</div>' * 1_000),
    "tags within attributes": lambda: page(f'<div class="{"a>b<c " * 900_000}">{ARTICLE}</div>'),
    "a table": lambda: page("<table>" + "<tr><td>cell</td><td>other</td></tr>" * 60_000 + "</table>"),
    "one row": lambda: page("<table><tr>" + "<td>a cell of some words</td>" * 60_000 + "</tr></table>"),
    "line breaks": lambda: page("<div>" + f"{TEXT}<br>" * 40_000),
    "open scripts": lambda: page("<script>" * 100_000),
    "escaped scripts": lambda: page("<p>" + "&lt;script&gt;" * 300_000, linked('{"@type":"Article","headline":"x","articleBody":"' + "&lt;script>" * 100_000 + '"}')),
    "open comments": lambda: page("<!-- " * 500_000),
    "less-than signs": lambda: "<" * 5 * MEGABYTE,
    "instructions": lambda: "<?xml " * 500_000,
    "feeds of comments": lambda: "<!--" * 1_000_000,
    "spaces": lambda: " " * 10 * MEGABYTE,
    "line ends": lambda: "\n" * 10 * MEGABYTE,
    "one 5 MB word": lambda: page("<p>" + "w" * 5 * MEGABYTE),
    "5 MB of full stops": lambda: page("<p>" + "a." * 2_500_000),
    "5 MB of question marks": lambda: page("<p>" + "?! " * 1_700_000),
    "5 MB of digits and dots": lambda: page("<p>" + "12.10." * 800_000),
    "5 MB of dates": lambda: page("<h1>x</h1><div>" + "3. März 2026 um 10:15 " * 220_000),
    "5 MB of brackets": lambda: page("<p>" + "([" * 2_500_000),
    "5 MB of bars": lambda: page("<p>" + "| - " * 1_250_000),
    "5 MB of handles": lambda: page("<p>By " + "@a, " * 1_250_000),
    "100,000 schemes": lambda: page("<p>" + "javascript:" * 100_000),
}  # fmt: skip

TEXTS: dict[str, Callable[[], str]] = {
    "a text of one 5 MB line": lambda: TEXT * 50_000,
    "a text of 5 MB without spaces": lambda: "港口于星期五早上重新开放" * 150_000,
    "a text of 200,000 lines": lambda: "\n".join(f"Line {n} of the list" for n in range(200_000)),
    "a text of 1,000,000 short lines": lambda: "a\n" * 1_000_000,
    "a text of 9,900 paragraphs": lambda: "\n".join(f"{n} {TEXT}" for n in range(9_900)),
    "a text of long lines of signs": lambda: "\n".join(sign * 100_000 for sign in ".,;:|-/\"'([{<>&@#*_=+~?! \t"),
    "a text of tags": lambda: "<script>" * 500_000,
    "a text read wrongly": lambda: "â€" * 1_500_000,
    "a text of emoji": lambda: "👩‍👩‍👧‍👦" * 300_000,
    "a text of marks": lambda: "e\u0301\u0302" * 400_000,
    "a text of lone surrogates": lambda: "\ud83d " * 1_000_000,
}  # fmt: skip


def _misread(text: str, times: int) -> str:
    for _ in range(times):
        text = text.encode().decode("latin-1")
    return text


def items() -> Iterator[tuple[str, RawArticle]]:
    """Make the cases one after the other, so that no two are in memory at once."""
    source = Source("harbourpost.example", "Harbour Post")
    for name, make in HTML.items():
        yield name, RawArticle("a1", source, url="https://harbourpost.example/news/ferry", html=make())
    for name, make in TEXTS.items():
        yield name, RawArticle("a1", source, text=make())
        yield f"{name}, as a body", RawArticle("a1", source, body=make())


def main(only: list[str]) -> None:
    """Clean each case in a child of its own, whose peak memory is its own too."""
    # The parts that load once, before anything is counted.
    clean_article(RawArticle("a0", Source("s"), html=page(ARTICLE)))
    for name, raw in items():
        if only and name not in only:
            continue
        if child := os.fork():
            _, status = os.waitpid(child, 0)
            if status:
                _say({"name": name, "died": status})
        else:
            resource.setrlimit(resource.RLIMIT_CPU, (GIVE_UP_SECONDS, GIVE_UP_SECONDS))
            _measure(name, raw)
            os._exit(0)


def _measure(name: str, raw: RawArticle) -> None:
    began = time.process_time()
    outcome = clean_article(raw)
    seconds = time.process_time() - began
    article = outcome.article
    text = article.title + article.body
    text.encode("utf-8")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    _say({
        "name": name, "seconds": round(seconds, 2), "mib": round(peak), "rejected": outcome.rejected,
        "chars": len(article.body), "title": article.title[:60], "removed": len(article.removed),
        "runs": "<script" in text or "alert(" in text,
    })  # fmt: skip


def _say(outcome: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(outcome) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
