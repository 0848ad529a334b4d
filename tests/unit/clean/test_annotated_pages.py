"""Whole pages written in the manner of different sites, every line annotated: stays, or goes and why."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from services.workers.stages.clean import clean_article
from shared.article import Article, RawArticle, Source

FOLDER = Path(__file__).parent / "pages"
ANY_REASON = "?"


@dataclass
class Page:
    name: str
    facts: dict[str, str] = field(default_factory=dict)
    title: str = ""
    given_title: str | None = None
    lines: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    cut: list[tuple[str, str]] = field(default_factory=list)

    @property
    def raw(self) -> RawArticle:
        source = Source(self.facts["source"], self.facts.get("source_name"))
        return RawArticle(self.name, source, text="\n\n".join(self.lines), title=self.given_title)


def read_page(path: Path) -> Page:
    """``+`` stays, ``- reason | line`` goes, ``=`` is the headline, ``name: value`` is a fact."""
    page = Page(path.stem)
    for line in path.read_text(encoding="utf-8").splitlines():
        mark, _, rest = line.partition(" ")
        if mark == "+":
            page.lines.append(rest)
            page.kept.append(rest)
        elif mark == "=":
            page.lines.append(rest)
            page.title = rest
        elif mark == "+title:":
            page.given_title = page.title = rest
        elif mark == "-":
            reason, _, text = rest.partition(" | ")
            page.lines.append(text)
            page.cut.append((text, reason))
        else:
            page.facts[mark.rstrip(":")] = rest
    return page


PAGES = [read_page(path) for path in sorted(FOLDER.glob("*.page"))]
each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def cleaned(page: Page) -> Article:
    outcome = clean_article(page.raw)
    assert outcome.rejected is None
    return outcome.article


def test_there_are_pages_of_many_kinds():
    assert len(PAGES) >= 8
    assert {page.facts["language"] for page in PAGES} >= {"en", "es", "de"}


@each_page
def test_every_article_line_stays_in_order(page):
    assert cleaned(page).body.split("\n") == page.kept


@each_page
def test_every_cut_line_is_kept_with_its_reason(page):
    removed = [(item.text, item.reason) for item in cleaned(page).removed]
    assert len(removed) == len(page.cut)
    for text, reason in page.cut:
        reasons = [why for line, why in removed if line == text]
        assert reasons
        assert all(reasons)
        if reason != ANY_REASON:
            assert reason in reasons


@each_page
def test_headline_writer_and_language_are_found(page):
    article = cleaned(page)
    assert article.title == page.title
    assert article.authors == tuple(page.facts["authors"].split(", "))
    assert article.language == page.facts["language"]


@each_page
def test_cleaning_a_clean_page_again_changes_nothing(page):
    first = cleaned(page)
    again = clean_article(replace(page.raw, title=first.title, text=first.body)).article
    assert (again.title, again.body, again.removed) == (first.title, first.body, ())


@each_page
def test_a_clean_page_with_its_headline_on_top_stays_as_it_is(page):
    first = cleaned(page)
    again = clean_article(replace(page.raw, title=None, text=f"{first.title}\n\n{first.body}")).article
    assert (again.title, again.body) == (first.title, first.body)
