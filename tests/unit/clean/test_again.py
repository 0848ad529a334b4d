"""Cleaning a clean text again changes nothing, with a profile or without; and no text fails the stage."""

import random
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.lines.pages import generate_page
from services.workers.stages.clean import clean_article
from services.workers.stages.clean.plain import comparable, lines_of
from services.workers.stages.clean.profile import body_before_profile, line_hash, sighting
from services.workers.stages.dedupe import content_hash
from shared.article import RawArticle, Source
from shared.profiles.port import EMPTY, SourceProfile

SOURCE = Source("harbourpost.example", "Harbour Post")
KNOWN_LINES = [
    "Advertisement", "Share on Facebook", "12 comments", "By Dana Whitlock", "Tags: ferry, council, winter",
    "ferry strike, north shore, council vote, night service", "Related articles", "Disclaimer:", "Most read",
    "The information on this site is not financial advice, and we accept no liability for losses.",
    "Harbour Post is a daily paper for the northern shore and its islands.", "Photo: Lee Marsh",
    "Dana is a freelance reporter who covers transport and local politics.", "Read more: Ferry strike ends",
    "November 20, 2019 - 11:28 AMT", "Dana Whitlock - May 3, 2025, 10:15", "10 thoughts on “Ferry stays”",
    "• one bullet", "1. Step one of the list", "Rovers 2 City 1", "https://harbourpost.example/a", "—",
    "Please consider a small donation to our newsroom.", "© 2025 Harbour Post. All rights reserved.",
]  # fmt: skip


def generated_lines(seed: int) -> list[str]:
    """Lines of a page of any kind, the furniture of one page in two of shapes the model has not seen."""
    return generate_page(random.Random(seed), other=seed % 2 == 1).lines


@st.composite
def pages(draw: st.DrawFn) -> list[str]:
    """A generated page as it is, in pieces, or shuffled, with known furniture and any text between."""
    lines = generated_lines(draw(st.integers(0, 2_000)))[: draw(st.integers(0, 90))]
    extra = st.one_of(st.sampled_from(KNOWN_LINES), st.text(max_size=60), st.sampled_from(lines or [""]))
    for line in draw(st.lists(extra, max_size=10)):
        lines.insert(draw(st.integers(0, len(lines))), line)
    if draw(st.booleans()):
        draw(st.randoms(use_true_random=False)).shuffle(lines)
    return lines


def profile_of(lines: list[str], rng: random.Random) -> SourceProfile:
    """A profile of 40 articles in which some of the lines were met, rarely or always."""
    keys = [comparable(line) for line in lines_of("\n".join(lines))]
    met = rng.sample(keys, min(len(keys), rng.randint(0, 12)))
    return SourceProfile(40, {line_hash(key): rng.choice((3, 5, 12, 40)) for key in met})


def raw(lines: list[str], title: str | None = None) -> RawArticle:
    return RawArticle("a1", SOURCE, text="\n\n".join(lines), title=title)


@given(pages(), st.booleans(), st.randoms(use_true_random=False))
@settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
def test_cleaning_what_is_clean_changes_nothing(lines, known, rng):
    profile = profile_of(lines, rng) if known else EMPTY
    first = clean_article(raw(lines), profile).article
    again = clean_article(raw([first.body], first.title), profile).article
    assert (again.title, again.body, again.removed) == (first.title, first.body, ())


@given(pages(), st.randoms(use_true_random=False))
@settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
def test_a_profile_changes_nothing_but_the_lines_it_cuts(lines, rng):
    before = clean_article(raw(lines))
    after = clean_article(raw(lines), profile_of(lines, rng))
    assert body_before_profile(after.article) == before.article.body
    assert content_hash(after.article) == content_hash(before.article)
    assert replace(after.article, body="", removed=(), word_count=0) == replace(
        before.article, body="", removed=(), word_count=0
    )
    assert after.rejected == before.rejected
    assert sighting(after.article).lines == sighting(before.article).lines


@given(pages())
@settings(max_examples=30, suppress_health_check=list(HealthCheck), deadline=None)
def test_every_line_is_shown_once_at_its_place(lines):
    article = clean_article(raw(lines)).article
    levelled = clean_article(RawArticle("a1", SOURCE, body="\n".join(lines))).article.body.splitlines()
    body = article.body.split("\n") if article.body else []
    shown = [(number, 1, line) for number, line in enumerate(body)]
    assert all(0 <= item.above <= len(body) for item in article.removed)
    shown += [(item.above, 0, item.text) for item in article.removed]
    in_order = [line for *_, line in sorted(shown, key=lambda placed: placed[:2])]
    title = comparable(article.title)
    without = [line for line in levelled if comparable(line) != title]
    assert [line for line in in_order if comparable(line) != title] == without
