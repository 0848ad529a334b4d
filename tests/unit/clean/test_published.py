"""When a page was published: the places that are asked, their order, and what tells."""

# ruff: noqa: E501 - the lines of a page are as long as they are

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workers.stages.clean import clean_article
from services.workers.stages.clean.dates import read_time
from services.workers.stages.clean.written import read_written, written_dates
from shared.article import Article, RawArticle, Source

DAY = datetime(2026, 3, 3, tzinfo=UTC)
TEXT = (
    "The town council voted nine to four on Wednesday to keep the night ferry running until the end of May. "
)
LINKED = '<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Ferry stays", "datePublished": "%s"}</script>'
META = '<meta property="article:published_time" content="%s">'


def clean(head: str = "", body: str = "", lang: str = "en", **given: object) -> Article:
    html = f'<html lang="{lang}"><head><title>Ferry stays</title>{head}</head><body><article><h1>Ferry stays</h1>{body}{f"<p>{TEXT}</p>" * 4}</article></body></html>'
    return clean_article(RawArticle("a1", Source("s.example"), html=html, **given)).article  # type: ignore[arg-type]


def places(day: str) -> list[tuple[str, dict[str, object]]]:
    """What gives a day, in the order in which it counts."""
    given = datetime.fromisoformat(day).replace(tzinfo=UTC)
    return [
        ("given", {"published_at": given}),
        ("json-ld", {"head": LINKED % day}),
        ("meta", {"head": META % f"{day}T00:00:00Z"}),
        ("page", {"body": f'<time datetime="{day}">then</time>'}),
        ("url", {"url": f"https://s.example/{day.replace('-', '/')}/ferry"}),
        ("text", {"body": f"<div>Published {given:%d %B %Y}</div>"}),
    ]


@pytest.mark.parametrize("place", range(6))
def test_each_place_is_asked_in_its_order_and_named(place):
    source, given = places("2026-03-03")[place]
    assert (clean(**given).published_at, clean(**given).published_from) == (DAY, source)
    # What comes later says another day, and is not heard.
    for _, other in places("2026-01-01")[place + 1 :]:
        both = given | other | {name: f"{given[name]}{other[name]}" for name in given.keys() & other.keys()}
        article = clean(**both)
        assert (article.published_at, article.published_from) == (DAY, source)


def test_nothing_tells_where_nothing_is_said():
    article = clean()
    assert (article.published_at, article.published_from) == (None, None)


def test_a_time_in_the_future_is_passed_over_for_the_next_place():
    head = LINKED % "2036-03-03" + META % "2026-03-03"
    article = clean(head, ingested_at=datetime(2026, 3, 4, tzinfo=UTC))
    assert (article.published_at, article.published_from) == (DAY, "meta")


@pytest.mark.parametrize("unset", ["1970-01-01T00:00:00Z", "0001-01-01T00:00:00", "", "null", "0"])
def test_a_time_that_was_never_set_is_none(unset):
    assert clean(LINKED % unset + META % "2026-03-03").published_from == "meta"


MARKED = [
    '<time class="updated" datetime="2026-03-09">x</time><time datetime="2026-03-03">x</time>',
    '<span itemprop="datePublished" content="2026-03-03">x</span>',
    '<span class="published">March 3, 2026</span>',
    '<span class="entry-date">3. März 2026</span>',
    '<time class="entry-date published updated" datetime="2026-03-03">x</time>',
    '<time class="updated" datetime="2026-03-09">9 March</time><time class="published" datetime="2026-03-03">x</time>',
    '<div class="published">Tuesday <time datetime="2026-03-03">3 March</time></div>',
    '<div class="post-date">Published: 3 March 2026 | Updated: 9 March 2026</div>',
    '<p class="date-line" data-datetime="2026-03-03">x</p>',
    '<aside class="related"><time datetime="2026-01-01">x</time></aside><time datetime="2026-03-03">x</time>',
    '<ul class="latest-news"><li><time datetime="2026-01-01">x</time></li></ul><time datetime="2026-03-03">x</time>',
]


@pytest.mark.parametrize("body", MARKED)
def test_an_element_that_is_marked_is_read(body):
    article = clean(body=body)
    assert (article.published_at, article.published_from) == (DAY, "page")


WRITTEN = [
    "Published 3 March 2026", "First published: March 3rd, 2026", "Posted on 03/03/2026", "Veröffentlicht am 3. März 2026",
    "Publié le 3 mars 2026", "Publicado el 3 de marzo de 2026", "Pubblicato il 3 marzo 2026", "Publicado em 3 de março de 2026",
    "Gepubliceerd op 3 maart 2026", "Опубликовано 3 марта 2026 г.", "Opublikowano 3 marca 2026", "発行 2026年3月3日",
    "نشر في 3 مارس 2026", "Tuesday 3 March 2026", "Updated: 9 March 2026 | Published: 3 March 2026", "By Dana Whitlock | Mar 3, 2026",
]  # fmt: skip


@pytest.mark.parametrize("line", WRITTEN)
def test_a_date_by_the_headline_is_read(line):
    article = clean(body=f"<div>{line}</div>")
    assert (article.published_at, article.published_from) == (DAY, "text")


def test_a_date_of_an_update_or_inside_the_story_is_none():
    assert clean(body="<div>Last updated 3 March 2026</div>").published_at is None
    story = "<p>The council first voted on the ferry on 3 March 2026, when nobody thought it would last.</p>"
    assert clean(body=story).published_at is None


def test_the_address_gives_the_day_and_the_text_the_hour():
    url = "https://s.example/2026/03/03/ferry"
    article = clean(body="<div>3 March 2026, 18:40 GMT</div>", url=url)
    assert (article.published_at, article.published_from) == (DAY.replace(hour=18, minute=40), "text")
    assert clean(body="<div>12 May 2019, 18:40 GMT</div>", url=url).published_at == DAY


@pytest.mark.parametrize(("lang", "month"), [("en-US", 4), ("en-GB", 5), ("de", 5)])
def test_numbers_are_read_as_they_are_written_there(lang, month):
    article = clean(META % "04/05/2026", lang=lang)
    assert article.published_at == datetime(2026, month, 9 - month, tzinfo=UTC)


TIMES = [
    ("Nov. 19, 2025, 8:41 AM UTC", datetime(2025, 11, 19, 8, 41, tzinfo=UTC)),
    ("Nov 19, 2025, 10:31 pm CST", datetime(2025, 11, 20, 4, 31, tzinfo=UTC)),
    ("3. März 2026, 10:15 Uhr MEZ", datetime(2026, 3, 3, 9, 15, tzinfo=UTC)),
    ("le 3 mars 2026 à 18h05", datetime(2026, 3, 3, 18, 5, tzinfo=UTC)),
    ("18.54 GMT Mon 18 Nov 2025", datetime(2025, 11, 18, 18, 54, tzinfo=UTC)),
    ("12:03 GMT, Nov 20, 2025", datetime(2025, 11, 20, 12, 3, tzinfo=UTC)),
    ("2026年3月3日 14:05", datetime(2026, 3, 3, 14, 5, tzinfo=UTC)),
    ("2026년 3월 3일", DAY),
    ("٣ مارس ٢٠٢٦", DAY),
    ("5 января 2026 г., 12:30 мск", datetime(2026, 1, 5, 9, 30, tzinfo=UTC)),
    ("1er janvier 2026", datetime(2026, 1, 1, tzinfo=UTC)),
    ("30 Mart 2026 Pazartesi", datetime(2026, 3, 30, tzinfo=UTC)),
    ("Wed, 04. Feb 2026, 08:00 +0100", datetime(2026, 2, 4, 7, tzinfo=UTC)),
    ("13.11.2025 09:00", datetime(2025, 11, 13, 9, tzinfo=UTC)),
    ("11/13/25 11:00AM", datetime(2025, 11, 13, 11, tzinfo=UTC)),
    ("2025.11.20 17:32", datetime(2025, 11, 20, 17, 32, tzinfo=UTC)),
    ("1763577660", datetime(2025, 11, 19, 18, 41, tzinfo=UTC)),
    ("1763577660000", datetime(2025, 11, 19, 18, 41, tzinfo=UTC)),
]


@pytest.mark.parametrize(("text", "expected"), TIMES, ids=[text for text, _ in TIMES])
def test_dates_are_read_as_people_write_them(text, expected):
    assert read_time(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "in March 2026 they",
        "31 February 2026",
        "3 March",
        "version 3.4.2019.5",
        "192.168.1.20",
        "room 12, 2026",
        "0 May 2026",
    ],
)
def test_what_is_no_whole_date_is_none(text):
    assert read_written(text) is None


def test_all_dates_of_a_line_are_found_with_their_places():
    found = list(written_dates("12 May 2019 - 3 June 2020 at 5 pm"))
    assert [(item.moment, item.timed) for item in found] == [
        (datetime(2019, 5, 12, tzinfo=UTC), False),
        (datetime(2020, 6, 3, 17, tzinfo=UTC), True),
    ]
    assert found[0].end <= found[1].start


@given(
    st.text(max_size=120)
    | st.from_regex(
        r"[0-9]{1,4}[-/. ][0-9a-zä]{1,9}[-/. ,]{1,2}[0-9]{2,4} [0-9]{1,2}[:h.][0-9]{2} ?[apmuhrz+0-9]{0,6}",
        fullmatch=True,
    )
)
@settings(max_examples=150, deadline=None)
def test_reading_a_date_never_raises(text):
    moment = read_time(text)
    assert moment is None or moment.tzinfo is UTC
