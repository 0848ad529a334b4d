"""The stage as a whole: three kinds of content, fields carried over, and properties that hold for any text."""

# ruff: noqa: E501 - the lines of a page are as long as they are

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.workers.stages.clean import clean_article
from services.workers.stages.clean.plain import comparable
from shared.article import RawArticle, Source

NOW = datetime(2025, 11, 12, 12, tzinfo=UTC)
SOURCE = Source("harbourpost.example", "Harbour Post")
STORY = (
    "The town council voted nine to four on Wednesday to keep the night ferry running until the end of March.\n"
    "The service was to be cut in December to close a hole in the transport budget.\n"
    "A review is due in February."
)


def raw(**given_fields: object) -> RawArticle:
    return RawArticle("a1", SOURCE, **given_fields)  # type: ignore[arg-type]


def test_a_given_body_is_only_levelled():
    body = "First\u00a0paragraph, read more:\r\n\r\nSubscribe to our newsletter\x00 today.\n\n"
    outcome = clean_article(raw(title="A title", body=body))
    assert outcome.rejected is None
    assert outcome.article.body == "First paragraph, read more:\nSubscribe to our newsletter today."
    assert outcome.article.removed == ()


def test_a_body_without_a_title_gets_one_from_its_beginning():
    article = clean_article(raw(body=STORY)).article
    assert article.title.startswith("The town council voted")
    assert article.title in STORY
    assert article.body == STORY


def test_a_short_body_is_an_article_since_its_sender_says_so():
    assert clean_article(raw(title="Breaking", body="The bridge is down.")).rejected is None


@pytest.mark.parametrize("body", ["", " \n ", "\x00", "—", "🚢"])
def test_a_body_without_a_letter_is_rejected(body):
    assert clean_article(raw(body=body)).rejected == "empty"


def test_nothing_at_all_is_rejected():
    outcome = clean_article(raw())
    assert (outcome.rejected, outcome.article.body, outcome.article.language) == ("empty", "", "und")


def test_what_is_rejected_still_shows_what_was_read():
    outcome = clean_article(raw(text="Kurz und gut, sagte er."))
    assert outcome.rejected == "too-little-text"
    assert outcome.article.body


def test_fields_of_the_sender_are_carried_over():
    given_fields = {
        "uri": "tag:x,1", "url": "https://harbourpost.example/f?utm_source=a&id=7", "title": " A  title ",
        "version": 3, "pub_status": "withheld", "embargo_until": NOW, "expires_at": NOW, "modified_at": NOW,
        "ingested_at": NOW, "published_at": NOW, "image_url": "https://harbourpost.example/i.jpg",
        "keywords": ("ferry", "ferry", " "), "authors": ("Dana Whitlock",), "summary": "In short.\n", "language": "en_GB",
    }  # fmt: skip
    article = clean_article(raw(body=STORY, **given_fields)).article
    for name in (
        "uri",
        "url",
        "version",
        "pub_status",
        "embargo_until",
        "expires_at",
        "modified_at",
        "ingested_at",
    ):
        assert getattr(article, name) == given_fields[name]
    assert (article.id, article.source, article.title) == ("a1", SOURCE, "A title")
    assert article.canonical_url == "https://harbourpost.example/f?id=7"
    assert article.published_at == NOW
    assert (article.source_keywords, article.authors) == (("ferry",), ("Dana Whitlock",))
    assert (article.summary, article.language) == ("In short.", "en-GB")
    assert article.image_url == "https://harbourpost.example/i.jpg"
    assert article.word_count == len(STORY.split())


def test_times_are_utc_and_absurd_ones_are_dropped():
    east = timezone(timedelta(hours=9))
    article = clean_article(raw(body=STORY, published_at=NOW.astimezone(east), ingested_at=NOW)).article
    assert article.published_at == NOW
    assert article.published_at.tzinfo is UTC
    assert clean_article(raw(body=STORY, published_at=NOW.replace(tzinfo=None))).article.published_at == NOW
    for absurd in (datetime(1850, 1, 1, tzinfo=UTC), NOW + timedelta(days=3)):
        assert (
            clean_article(raw(body=STORY, published_at=absurd, ingested_at=NOW)).article.published_at is None
        )


def test_without_a_time_of_ingest_there_is_a_fixed_one():
    assert clean_article(raw(body=STORY)).article.ingested_at == datetime(1970, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:image/png;base64,AA", "not a url"])
def test_only_web_addresses_are_kept_as_picture(url):
    assert clean_article(raw(body=STORY, image_url=url)).article.image_url is None


def test_keyword_lines_become_keywords():
    text = f"Ferry stays\n\nTags: ferry, north shore, council\n\n{STORY}"
    article = clean_article(raw(text=text)).article
    assert article.source_keywords == ("ferry", "north shore", "council")
    assert article.body == STORY


def test_a_keyword_that_was_cut_off_is_dropped():
    text = f"ferry stays, north shore, council vote, night boats, nor\n\n{STORY}"
    assert clean_article(raw(title="Ferry stays", text=text)).article.source_keywords == (
        "ferry stays", "north shore", "council vote", "night boats",
    )  # fmt: skip


def test_many_repeated_lines_take_no_time():
    lines = [f"The paragraph with the number {n % 4_500} says the same as another one." for n in range(9_000)]
    began = time.process_time()
    article = clean_article(raw(title="Numbers", text="\n".join(lines))).article
    assert time.process_time() - began < 5
    assert len(article.body.split("\n")) == 4_500


def test_pages_can_be_cleaned_in_threads():
    items = [
        raw(html=f"<html><body><p>{STORY}</p><p>Number {n} of the story goes here.</p>") for n in range(24)
    ]
    alone = [clean_article(item) for item in items]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(clean_article, items)) == alone


def test_a_heading_stays_only_when_kept_text_follows():
    text = f"Ferry stays\n\n{STORY}\n\nWhat happens next\n\nThe council meets again on the first Monday of May.\n\nOur archive"
    body = clean_article(raw(text=text)).article.body
    assert "What happens next" in body
    assert "Our archive" not in body


def test_the_headline_is_not_repeated_in_the_body():
    article = clean_article(raw(title="Ferry stays", text=f"Ferry stays\n\n{STORY}")).article
    assert article.title == "Ferry stays"
    assert article.body == STORY


def test_readers_comments_are_no_article():
    comment = "I have lived on the north shore for forty years and never once saw that boat leave on time."
    text = "\n".join(
        ["Ferry stays", STORY, STORY.replace("ferry", "boat"), "12 comments", comment, comment.upper()]
    )
    article = clean_article(raw(text=text)).article
    assert comment not in article.body
    assert comment in [item.text for item in article.removed]


def test_a_text_without_running_text_is_left_alone():
    lines = ["Rovers 2 City 1", "United 0 Athletic 0", "Town 3 Wanderers 3"]
    article = clean_article(raw(title="Results", text="\n".join(lines))).article
    assert article.body.split("\n") == lines


LINES = st.lists(
    st.one_of(
        st.text(max_size=60),
        st.sampled_from(STORY.split("\n")),
        st.sampled_from(
            [
                "Ferry stays", "Home", "News", "Related articles", "Comments", "Disclaimer:", "Share", "By Dana Whitlock",
                "Most read", "Up next:", "• one bullet", "1. Step one of the list", "June 9 - Oslo, Arena", "a, b, c, d, e",
                "Harbour Post is a daily paper for the northern shore and its islands.",
                "Harbour Post is not responsible for losses that follow from the use of this site.",
                "Dana is a freelance reporter who covers transport and local politics.", "© 2025 Harbour Post",
                "Short one.", "Heading without a stop", "Sign up to our newsletter today", "ALL CAPS LINE HERE",
            ]
        ),
    ),
    max_size=14,
).map("\n".join)  # fmt: skip


@given(LINES)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_cleaning_a_cleaned_text_changes_nothing(text):
    first = clean_article(raw(text=text)).article
    again = clean_article(raw(text=first.body, title=first.title)).article
    assert (again.title, again.body, again.removed) == (first.title, first.body, ())


@given(LINES)
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_no_line_is_lost_or_invented(text):
    article = clean_article(raw(text=text)).article
    levelled = clean_article(raw(body=text)).article.body.splitlines()
    shown = [*article.body.splitlines(), *(item.text for item in article.removed)]
    headlines = [line for line in levelled if comparable(line) == comparable(article.title)]
    assert not Counter(shown) - Counter(levelled)
    assert not Counter(levelled) - Counter(shown) - Counter(headlines)


@given(st.text(max_size=300), st.sampled_from(["body", "html", "text"]))
@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
def test_any_text_gives_a_result_and_the_same_one_twice(text, kind):
    item = raw(**{kind: text})
    outcome = clean_article(item)
    assert outcome == clean_article(replace(item))
    assert outcome.article.title is not None
    (outcome.article.title + outcome.article.body).encode("utf-8")
