"""The clean stage: one raw item in, the readable article out, with everything that was cut and why.

Pure: the same input gives the same output, with no clock, no network and no state.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from services.workers.stages.clean import html as html_page
from services.workers.stages.clean import verdict
from services.workers.stages.clean.byline import authors_in
from services.workers.stages.clean.dates import as_utc, sane
from services.workers.stages.clean.headline import stand_in
from services.workers.stages.clean.language import detect_language, given_language
from services.workers.stages.clean.layout import Layout, read_layout
from services.workers.stages.clean.lines import read_line
from services.workers.stages.clean.markup import without_code
from services.workers.stages.clean.metadata import Metadata, keywords_of, names, read_metadata, web_url
from services.workers.stages.clean.mojibake import repair
from services.workers.stages.clean.phrases import phrase
from services.workers.stages.clean.plain import comparable, one_line, paragraphs, word_count
from services.workers.stages.clean.profile import (
    REPEATED,
    body_before_profile,
    count_above,
    cut_repeated,
)
from services.workers.stages.clean.text import read_text
from services.workers.stages.outcomes import Cleaned
from shared.article import Article, DateSource, RawArticle, Removed, Source
from shared.identity import strip_tracking
from shared.profiles.port import EMPTY, SourceProfile

UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Found:
    """What was read out of one item, before the fields its sender gave are laid over it."""

    title: str
    body: str
    meta: Metadata = field(default_factory=Metadata)
    removed: tuple[Removed, ...] = ()
    authors: tuple[str, ...] = ()
    rejected: str | None = None


def clean_article(raw: RawArticle, profile: SourceProfile = EMPTY) -> Cleaned:
    """Clean one item; ``rejected`` says why it is no article, with what could be read of it.

    ``profile`` is what is known of its source. Only what of the text is furniture depends on it: title,
    language and verdict are the same without it, so that no item changes because its source became known.
    """
    if reason := verdict.of_raw(_content(raw)):
        found = Found(_given_title(raw) or "", "", rejected=reason)
    elif raw.body is not None:
        found = _from_body(raw, raw.body)
    elif raw.html is not None:
        found = _from_html(raw, raw.html, profile)
    else:
        found = _from_text(raw, raw.text or "", profile)
    article = _article(raw, found)
    whole = body_before_profile(article)
    if whole != article.body:
        article = replace(article, language=given_language(raw.language) or detect_language(whole))
    return Cleaned(article, found.rejected)


def _content(raw: RawArticle) -> str:
    """Return what its sender gave as the text, in whichever of the three forms."""
    return next((given for given in (raw.body, raw.html, raw.text) if given is not None), "")


def _from_body(raw: RawArticle, body: str) -> Found:
    """Take clean text as it is; its beginning stands in for a title that was not given."""
    text = paragraphs(_readable(body))
    title = _given_title(raw)
    if not title:
        title = stand_in([read_line(text.split("\n", 1)[0])], {}) if text else ""
    return Found(title, text, rejected=verdict.of_body(text))


def _from_html(raw: RawArticle, markup: str, profile: SourceProfile) -> Found:
    if reason := verdict.of_markup(markup):
        return Found(_given_title(raw) or "", "", rejected=reason)
    markup = repair(markup)
    page = html_page.parse_page(markup)
    meta = read_metadata(page.tree, raw.url, raw.ingested_at) if page is not None else Metadata()
    title = _given_title(raw) or meta.title
    leads_on = page is not None and verdict.may_lead_on(raw.url, meta)
    layout = read_layout(page.tree, title) if page is not None and leads_on else Layout()
    body, blocks = html_page.read_body(markup, page, meta.article_body) if page is not None else (None, [])
    if page is None or body is None:
        found = _from_text(replace(raw, title=title), html_page.visible_text(markup), profile)
        return replace(found, meta=meta)
    lines, cut = html_page.cut_furniture(page, _readable(body))
    title = title or stand_in([read_line(line) for line in lines[:1]], {})
    whole = "\n".join(html_page.without_headline(lines, title, html_page.says_again(page, title)))
    cut = count_above(cut, lines, whole)
    below = (*_cut_below(cut, whole.count("\n") + 1), *html_page.below(page, lines))
    body, cut = cut_repeated(whole, cut, profile)
    facts = verdict.PageFacts(
        raw.url, meta, layout, tuple(item.text for item in cut), below, html_page.beside(page, whole, blocks)
    )
    rejected = verdict.of_page(title, whole, facts)
    return Found(title, body, meta, (*cut, *blocks), authors_in(_cut_as(cut, "byline")), rejected)


def _from_text(raw: RawArticle, text: str, profile: SourceProfile) -> Found:
    reading = read_text(_readable(text), _given_title(raw), _site_names(raw.source), profile)
    cut = reading.removed
    below = _cut_below(cut, len(reading.whole))
    return Found(
        reading.title,
        "\n".join(reading.lines),
        Metadata(keywords=_whole_words(keywords_of(map(_without_label, _cut_as(cut, "keywords"))))),
        cut,
        authors_in(_cut_as(cut, "byline")),
        verdict.of_text(reading.title, "\n".join(reading.whole), [item.text for item in cut], below),
    )


def _cut_below(cut: Sequence[Removed], lines: int) -> tuple[str, ...]:
    """Return what was cut under the last of a text's lines, those that its source repeats among them."""
    found, repeats = [], 0
    for item in cut:
        if item.reason == REPEATED:
            repeats += 1
        elif item.above is not None and item.above + repeats >= lines:
            found.append(item.text)
    return tuple(found)


def _without_label(line: str) -> str:
    """Return a keyword line without a label such as ``Tags:``."""
    head, _, rest = line.partition(":")
    return rest if phrase("keywords_label")(comparable(head) + ":") else line


def _whole_words(keywords: tuple[str, ...]) -> tuple[str, ...]:
    """Drop a last keyword that a length limit cut off, as the beginning of an earlier one shows."""
    cut_off = any(word.startswith(keywords[-1]) for word in keywords[:-1])
    return keywords[:-1] if cut_off else keywords


def _cut_as(removed: Sequence[Removed], reason: str) -> list[str]:
    return [item.text for item in removed if item.reason == reason]


def _given_title(raw: RawArticle) -> str | None:
    return one_line(_readable(raw.title)) or None if raw.title else None


def _readable(text: str) -> str:
    """Return a text without what its encoding did to it, and without scripts."""
    return without_code(repair(text))


def _site_names(source: Source) -> tuple[str, ...]:
    """Return the words by which a site calls itself, in comparable form: its name and its host's label."""
    label = (source.domain or source.id).removeprefix("www.").split(".")[0]
    return tuple(
        {
            comparable(name)
            for name in (source.name, source.domain, source.id, label)
            if name and len(name) > 2
        }
    )


def _article(raw: RawArticle, found: Found) -> Article:
    """Lay the given fields over the found ones."""
    meta = found.meta
    published, published_from = _published(raw, meta)
    canonical = web_url(meta.canonical_url or raw.url)
    return Article(
        id=raw.id,
        source=raw.source,
        title=found.title,
        body=found.body,
        ingested_at=as_utc(raw.ingested_at) or UNKNOWN_TIME,
        uri=raw.uri,
        url=raw.url,
        canonical_url=strip_tracking(canonical) if canonical else None,
        summary=(paragraphs(_readable(raw.summary)) if raw.summary else "") or meta.summary,
        authors=_given_names(raw.authors) or names(meta.authors) or found.authors,
        language=given_language(raw.language) or detect_language(found.body or found.title),
        published_at=published,
        published_from=published_from,
        modified_at=sane(as_utc(raw.modified_at), raw.ingested_at) or sane(meta.modified_at, raw.ingested_at),
        image_url=web_url(raw.image_url) or meta.image_url,
        word_count=word_count(found.body),
        version=raw.version,
        pub_status=raw.pub_status,
        embargo_until=as_utc(raw.embargo_until),
        expires_at=as_utc(raw.expires_at),
        source_keywords=_given_names(raw.keywords) or meta.keywords,
        removed=found.removed,
    )


def _published(raw: RawArticle, meta: Metadata) -> tuple[datetime | None, DateSource | None]:
    """Return when an item was published and what tells, its sender before the page."""
    if given := sane(as_utc(raw.published_at), raw.ingested_at):
        return given, "given"
    found = sane(meta.published_at, raw.ingested_at)
    return (found, meta.published_from) if found else (None, None)


def _given_names(given: Sequence[str]) -> tuple[str, ...]:
    """Level given names or keywords, without empty ones and repeats."""
    return tuple(dict.fromkeys(name for name in (one_line(_readable(item)) for item in given) if name))
