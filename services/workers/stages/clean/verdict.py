"""Whether what was read is an article at all, and the reason word when it is not.

To reject an article is the worse mistake: a short piece of news passes, and so does one about errors, cookies
or paywalls. What is rejected must look like what it is called in more than one way.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.workers.stages.clean import kinds
from services.workers.stages.clean.layout import Layout, is_list_address, is_root, may_be_front
from services.workers.stages.clean.metadata import Metadata
from services.workers.stages.clean.plain import UNSPACED
from services.workers.stages.clean.unreadable import is_unreadable

# Every reason that can be given, in the order in which they are looked for.
REASONS = (
    "not-text", "feed", "empty", "error-page", "consent-wall", "front-page", "section-page", "paywall-stub",
    "too-little-text",
)  # fmt: skip
LEAST_LETTERS = 25
ENOUGH_CHARS = 1_000  # the fewest letters are found in it, or it is no text
ERROR_WORDS = 120
# An article about an outage has many such sentences too: a text that is longer, without a title that agrees,
# has hardly any others when it is an error page.
ERROR_SHARE, SOME_SHARE, NEARLY_ALL_SHARE = 0.5, 0.25, 0.8
SHORT_ERROR_WORDS = 25
REPORTED_SHARE = 0.25
WORD_TITLE = 12  # a text of fewer words does not speak for a title such as "Forbidden"
CONSENT_WORDS = 500
CONSENT_SHARE = 0.5
STUB_WORDS = 150
MARKED_STUB_WORDS = 45  # in whole sentences; sites mark their briefs too
LINE_WORDS = 12  # what has fewer may stand under a prompt to pay, such as "Already a subscriber?"
MOST_UNDER = 6
LEAST_WORDS = 8
NEARLY_ALL = 0.7  # of the words that the page says it has are no stub
CARDS, MANY_CARDS = 4, 8
FEED = re.compile(
    r"\s*(?:(?:<!--(?:(?!-->).)*-->|<\?[^>]*>|<!doctype (?:rss|rdf|opml)[^>]*>)\s*)*"
    r"<(?:\w{1,20}:)?(?:rss|feed|rdf|urlset|sitemapindex|opml)\b(?!-)",
    re.IGNORECASE | re.DOTALL,
)
JSON_FEED = re.compile(
    r'\s*\{(?:[^{}\[\]]{0,2000},)?\s*"version"\s*:\s*"https?:\\?/\\?/jsonfeed\.org', re.IGNORECASE
)
MARKUP_START = 4_000
NO_STOPS = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]")
ENDS = re.compile(r"(?<!\.\.)[.!?。！？؟।][\"'”’»)\]」』]*$")


@dataclass(frozen=True, slots=True)
class PageFacts:
    """What speaks for or against a page besides its text."""

    url: str | None = None
    meta: Metadata = field(default_factory=Metadata)
    layout: Layout = field(default_factory=Layout)
    cut: tuple[str, ...] = ()  # lines that were cut from the text
    below: tuple[str, ...] = ()  # short lines right under the text, cut or not
    beside: tuple[str, ...] = ()  # short lines that stand by a short text


def of_raw(content: str) -> str | None:
    """Judge what was sent before anything is made of it, whatever it was sent as."""
    return "not-text" if is_unreadable(content) else None


def of_body(text: str) -> str | None:
    """Judge clean text: only emptiness speaks against it, since its sender vouches for it."""
    return None if any(map(str.isalnum, text)) else "empty"


def of_markup(markup: str) -> str | None:
    """Judge a page by its first element: feeds and site maps are no pages."""
    start = markup[:MARKUP_START].lstrip("\ufeff")
    return "feed" if FEED.match(start) or JSON_FEED.match(start) else None


def may_lead_on(url: str | None, meta: Metadata) -> bool:
    """Whether it has to be looked at how a page is laid out."""
    return not meta.is_article or is_root(url or meta.canonical_url)


def of_text(title: str, body: str, cut: Iterable[str] = (), below: Iterable[str] = ()) -> str | None:
    """Judge a plain text, with the lines that were cut from it; those ``below`` stood under its last line."""
    return of_page(title, body, PageFacts(cut=tuple(cut), below=tuple(below)))


def of_page(title: str, body: str, facts: PageFacts) -> str | None:
    """Judge what was read out of a page."""
    if not any(map(str.isalnum, body[:ENOUGH_CHARS])) and not any(map(str.isalnum, title)):
        return "empty"
    words = _count(body, CONSENT_WORDS)
    # Of an error or a wall hardly a line may be left, since such lines are cut from articles too.
    shown = "\n".join((body, *facts.cut)) if words < WORD_TITLE else body
    tests = (
        ("error-page", words <= ERROR_WORDS and _is_error(title, shown, facts)),
        ("consent-wall", words <= CONSENT_WORDS and _is_consent(title, shown, facts)),
        ("front-page", _is_front(facts)),
        ("section-page", _is_section(title, facts)),
        ("paywall-stub", words <= STUB_WORDS and _is_stub(body, words, facts)),
        ("too-little-text", _is_little(body)),
    )
    return next((reason for reason, holds in tests if holds), None)


def _count(text: str, most: int) -> int:
    """Count words, no further than is of interest."""
    start = text[: 40 * most]
    return len(start.split()) + (0 if start.isascii() else len(UNSPACED.findall(start)) // 2)


def _is_error(title: str, body: str, facts: PageFacts) -> bool:
    said, words = kinds.share("error", body, unless="reported"), _count(body, ERROR_WORDS)
    if said >= (ERROR_SHARE if words < SHORT_ERROR_WORDS else NEARLY_ALL_SHARE):
        return True
    if kinds.is_title("error_title", title):
        return said >= (SOME_SHARE if facts.meta.is_article else 0) and not (
            said < ERROR_SHARE and _is_report(body, words, facts)
        )
    if not kinds.is_title("error_word", title):
        return False
    return words < WORD_TITLE or (said >= SOME_SHARE and not _is_report(body, words, facts))


def _is_report(body: str, words: int, facts: PageFacts) -> bool:
    """Whether a text of some length tells who said it or when, and is no list of reports."""
    return (
        words >= SHORT_ERROR_WORDS
        and facts.layout.cards < CARDS
        and kinds.share("reported", body) >= REPORTED_SHARE
    )


def _is_consent(title: str, body: str, facts: PageFacts) -> bool:
    named = kinds.is_title("consent_title", title)
    if facts.meta.is_article and not named:
        return False
    said = kinds.share("consent", body, unless="reported")
    return said >= (SOME_SHARE if named else CONSENT_SHARE)


def _is_front(facts: PageFacts) -> bool:
    """A site's root is its front page, unless the page has a story and says so or has a headline."""
    address = facts.url or facts.meta.canonical_url
    leads_on = facts.layout.cards >= CARDS and not facts.layout.has_story
    if is_root(address):
        is_story = facts.layout.has_headline and facts.layout.has_story and facts.layout.cards < CARDS
        return leads_on or not (facts.meta.is_article or is_story)
    return may_be_front(address) and leads_on and not facts.meta.is_article


def _is_section(title: str, facts: PageFacts) -> bool:
    """A page that only leads to others: by its address, its metadata or its title, else by many headlines."""
    if facts.meta.is_article or facts.layout.has_story:
        return False
    listed = is_list_address(facts.url or facts.meta.canonical_url) or facts.meta.is_list
    listed = listed or kinds.is_title("search_title", title)
    return facts.layout.cards >= (CARDS if listed else MANY_CARDS)


def _is_stub(body: str, words: int, facts: PageFacts) -> bool:
    """A beginning, and a prompt to pay for the rest, or metadata that say the text is not free to read."""
    stated = facts.meta.stated_words
    if stated and words >= NEARLY_ALL * stated:
        return False
    if facts.meta.is_behind_wall is False:
        return False
    cut_short = _is_cut_short(body)
    if facts.meta.is_behind_wall and (words <= MARKED_STUB_WORDS or cut_short):
        return True
    return _asks_to_pay(body, cut_short, facts)


def _asks_to_pay(body: str, cut_short: bool, facts: PageFacts) -> bool:
    """Whether a prompt stands where the rest would be; beside a whole text it must be about this text."""
    if kinds.says("paywall", (*_last_lines(body), *facts.below), unless="reported"):
        return True
    around = (*facts.cut, *facts.beside)
    if not cut_short:
        around = tuple(line for line in around if not kinds.says("paywall_label", [line]))
    return kinds.says("paywall", around, unless="reported")


def _last_lines(body: str) -> list[str]:
    """Return the last line of some length and the short ones under it."""
    found: list[str] = []
    for line in reversed(body.split("\n")[-MOST_UNDER:]):
        found.append(line)
        if _count(line, LINE_WORDS) >= LINE_WORDS:
            break
    return found


def _is_cut_short(body: str) -> bool:
    """Whether the last line of some length does not end as a sentence; Thai, Lao and Khmer have no stops."""
    for line in reversed(body.split("\n")[-MOST_UNDER:]):
        if _count(line, LEAST_WORDS) >= LEAST_WORDS:
            return ENDS.search(line[-100:]) is None and NO_STOPS.search(line[-100:]) is None
    return ENDS.search(body[-100:]) is None


def _is_little(body: str) -> bool:
    start = body[:ENOUGH_CHARS]
    return sum(map(str.isalnum, start)) + 2 * len(UNSPACED.findall(start)) < LEAST_LETTERS
