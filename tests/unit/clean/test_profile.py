"""Lines that a source repeats: which are cut, which stay, what is counted, and that content stays the same."""

# ruff: noqa: E501 - the lines of a page are as long as they are

from dataclasses import replace

import pytest

from bench.lines.sources import Tally, run_desk
from services.workers.stages.clean import clean_article
from services.workers.stages.clean.plain import comparable
from services.workers.stages.clean.profile import REPEATED, body_before_profile, line_hash, sighting
from services.workers.stages.dedupe import content_hash
from shared.article import RawArticle, Removed, Source
from shared.profiles.memory import MemorySourceProfiles
from shared.profiles.port import EMPTY, SourceProfile

SOURCE = Source("harbourpost.example", "Harbour Post")
TITLE = "Night ferry stays until the end of March"
BODY = [
    "The town council voted nine to four on Wednesday to keep the night ferry running until the end of March.",
    "The service was to be cut in December to close a hole in the transport budget.",
    "What happens next",
    "A review of all routes is due in February, and the unions want a seat at the table.",
    "\"We have waited a long time for this,\" said the captain of the oldest boat in the fleet.",
    "Tickets for the late boat cost four euros, as they did before the vote.",
    "The next sitting of the council is on the first Monday of May.",
]  # fmt: skip
KICKER = "From our desk by the water, where gulls read every draft."
SLOGAN = "Ink, salt and two deadlines a day since the lighthouse burned."
HTML_BODY = "".join(f"<p>{line}</p>" for line in [*BODY, SLOGAN])
HTML = f"<html><head><title>{TITLE}</title></head><body><article><h1>{TITLE}</h1>{HTML_BODY}</article></body></html>"


def raw(*lines: str, **fields: object) -> RawArticle:
    given = {"title": TITLE, "text": "\n\n".join(lines), **fields}
    return RawArticle("a1", SOURCE, **given)  # type: ignore[arg-type]


def known(articles: int, **met: int) -> SourceProfile:
    """A profile; ``met`` tells for the lines below how often they were met."""
    lines = {"kicker": KICKER, "slogan": SLOGAN, "title": TITLE, "heading": BODY[2], "middle": BODY[3]}
    lines |= {f"body{n}": line for n, line in enumerate(BODY)}
    return SourceProfile(articles, {line_hash(comparable(lines[name])): times for name, times in met.items()})


def test_lines_met_often_are_cut_at_both_edges_with_their_places():
    article = clean_article(raw(KICKER, *BODY, SLOGAN), known(40, kicker=4, slogan=30)).article
    assert article.body.split("\n") == BODY
    assert article.removed == (Removed(KICKER, REPEATED, 0), Removed(SLOGAN, REPEATED, len(BODY)))


def test_without_a_profile_they_stay():
    article = clean_article(raw(KICKER, *BODY, SLOGAN)).article
    assert article.body.split("\n") == [KICKER, *BODY, SLOGAN]


@pytest.mark.parametrize(
    ("articles", "times", "cut"),
    [(3, 3, True), (60, 3, True), (61, 3, False), (100, 5, True), (100, 4, False)],
)
def test_a_line_must_be_met_in_one_article_of_twenty(articles, times, cut):
    article = clean_article(raw(*BODY, SLOGAN), known(articles, slogan=times)).article
    assert (SLOGAN not in article.body) is cut


@pytest.mark.parametrize(("times", "cut"), [(3, False), (5, False), (6, True)])
def test_a_paragraph_at_the_foot_must_be_met_six_times(times, cut):
    background = (
        "The strike at the port, which began in May, has cost the shippers some forty million euros so far."
    )
    key = line_hash(comparable(background))
    article = clean_article(raw(*BODY, background), SourceProfile(25, {key: times})).article
    assert (background not in article.body) is cut


@pytest.mark.parametrize(("times", "cut"), [(3, False), (9, False), (10, True), (40, True)])
@pytest.mark.parametrize("name", ["heading", "middle"])
def test_inside_the_article_a_line_must_be_met_in_a_quarter_of_all(name, times, cut):
    long = [*BODY[:2], BODY[0].replace("Wednesday", "Monday"), *BODY[2:]]
    article = clean_article(raw(*long), known(40, **{name: times})).article
    gone = {item.text for item in article.removed}
    assert gone == ({BODY[2] if name == "heading" else BODY[3]} if cut else set())


def test_an_article_that_repeats_as_a_whole_is_left_alone():
    profile = known(40, **{f"body{n}": 39 for n in range(len(BODY))})
    assert clean_article(raw(*BODY), profile).article.body.split("\n") == BODY


def test_the_headline_is_never_cut():
    article = clean_article(raw(TITLE, *BODY, title=None), known(40, title=40)).article
    assert article.title == TITLE
    assert article.removed == ()


def test_short_lines_and_rare_ones_are_not_counted_on():
    profile = SourceProfile(40, {line_hash("the end"): 40, line_hash("another line of it"): 40})
    assert clean_article(raw(*BODY, "The end."), profile).article.body.endswith("The end.")


def test_a_heading_left_alone_goes_with_its_line_and_comes_back_with_it():
    lines = [*BODY, "Before you go", SLOGAN]
    before = clean_article(raw(*lines)).article
    article = clean_article(raw(*lines), known(40, slogan=40)).article
    assert before.body.split("\n") == lines
    assert article.body.split("\n") == BODY
    assert body_before_profile(article) == before.body


def test_repeated_lines_are_cut_from_a_page_too():
    before = clean_article(raw(html=HTML, text=None)).article
    article = clean_article(raw(html=HTML, text=None), known(40, slogan=40, middle=40)).article
    assert before.body.split("\n") == [*BODY, SLOGAN]
    assert article.body.split("\n") == [line for line in BODY if line != BODY[3]]
    assert [(item.text, item.above) for item in article.removed if item.reason == REPEATED] == [
        (BODY[3], 3),
        (SLOGAN, len(BODY) - 1),
    ]
    assert body_before_profile(article) == before.body
    assert content_hash(article) == content_hash(before)


def test_what_a_sender_calls_the_body_is_not_cut():
    body = "\n".join([*BODY, SLOGAN])
    assert clean_article(raw(body=body, text=None), known(40, slogan=40)).article.body == body


def test_the_content_stays_the_same_when_its_source_becomes_known():
    item = raw(KICKER, *BODY, SLOGAN)
    before, after = clean_article(item).article, clean_article(item, known(40, kicker=9, slogan=9)).article
    assert before.body != after.body
    assert content_hash(after) == content_hash(before)
    assert content_hash(replace(after, removed=())) != content_hash(before)
    changed = clean_article(raw(KICKER, *BODY[:-1], SLOGAN), known(40, kicker=9, slogan=9)).article
    assert content_hash(changed) != content_hash(before)


def test_language_and_verdict_do_not_change_with_what_is_known_of_the_source():
    story = ["Le bateau de nuit reste en service, a dit le maire.", "Vote: neuf à quatre, mercredi."]
    slogan = "Proudly written, printed and folded by early birds who keep the northern shore well informed."
    profile = SourceProfile(40, {line_hash(comparable(slogan)): 40})
    before, after = clean_article(raw(*story, slogan)), clean_article(raw(*story, slogan), profile)
    assert after.article.body.split("\n") == story
    assert (after.rejected, after.article.language) == (before.rejected, before.article.language)
    assert after.article.language != clean_article(raw(*story)).article.language


def test_lines_put_back_stand_where_they_stood():
    article = clean_article(raw(*BODY)).article
    removed = (
        Removed("first", REPEATED, 0), Removed("second", REPEATED, 0), Removed("cut by a rule", "share", 1),
        Removed("third", REPEATED, 2), Removed("unplaced", REPEATED), Removed("last", REPEATED, 3),
    )  # fmt: skip
    whole = body_before_profile(replace(article, body="one\ntwo\nthree", removed=removed))
    assert whole.split("\n") == ["first", "second", "one", "two", "third", "three", "last"]
    assert body_before_profile(replace(article, body="", removed=removed[:2])) == "first\nsecond"
    assert body_before_profile(article) == article.body


def test_what_is_counted_are_lines_of_some_words_also_those_cut_as_repeated():
    article = clean_article(raw(KICKER, *BODY, SLOGAN, "The end."), known(40, slogan=40)).article
    seen = sighting(article)
    wanted = [KICKER, *BODY, SLOGAN]
    assert (seen.source_id, seen.article_id) == (SOURCE.id, "a1")
    assert seen.lines == {line_hash(comparable(line)) for line in wanted}


def test_of_a_very_long_article_the_edges_are_counted():
    lines = [f"The line of the list with the number {n} is as long as any." for n in range(3_000)]
    article = clean_article(raw(body="\n".join(lines), text=None)).article
    seen = sighting(article).lines
    assert len(seen) == 100
    assert line_hash(comparable(lines[0])) in seen
    assert line_hash(comparable(lines[-1])) in seen


def test_what_a_site_says_of_itself_is_told_once():
    about = "Harbour Post is a daily paper for the northern shore and its islands."
    article = clean_article(raw(about, *BODY, about)).article
    assert article.body.split("\n") == BODY
    assert sighting(article).descriptions == (about,)


def test_a_source_learns_from_its_articles_in_order():
    profiles = MemorySourceProfiles()
    kept = []
    for number in range(6):
        story = [
            line.replace("ferry", f"boat {number}").replace("council", f"crew {number}") for line in BODY
        ]
        story = [
            f"{line} {number}" if line == BODY[2] else line.replace("a ", f"a {number}-") for line in story
        ]
        item = replace(raw(*story, SLOGAN), id=f"a{number}")
        profile = profiles.read([SOURCE.id])[SOURCE.id]
        article = clean_article(item, profile).article
        kept.append(SLOGAN in article.body)
        for _ in range(2):  # a repeated task counts it once
            profiles.count([sighting(article)])
    assert kept == [True, True, True, False, False, False]
    assert profiles.read([SOURCE.id])[SOURCE.id].lines[line_hash(comparable(SLOGAN))] == 6


def test_few_lines_of_articles_are_lost_on_generated_sources():
    tally = Tally()
    for number in range(3):
        run_desk(f"unit/{number}", 45, tally)
    assert tally.article_cut <= 0.01 * tally.article
    assert tally.furniture_cut >= 0.6 * tally.furniture
    assert tally.article > 1_000


def test_an_empty_profile_is_no_profile():
    item = raw(KICKER, *BODY, SLOGAN)
    assert clean_article(item, EMPTY) == clean_article(item)
