"""The line model: its file is what the script makes, and it is worth having on pages it was not fitted to."""

# ruff: noqa: E501 - the lines of a page are as long as they are

import json
from importlib.resources import files

import pytest

from bench.lines.fit import PAGES, SEED, Row, fit, left_by_rules, make_rows, score, to_text
from bench.lines.pages import generate_pages
from services.workers.stages import clean
from services.workers.stages.clean.line_model import (
    FEATURES,
    FILE,
    KINDS,
    NEVER_FOR,
    NO_MODEL,
    Model,
    chance,
    is_open,
    load_model,
    rows_of,
    shipped_model,
    unlikely_lines,
)
from services.workers.stages.clean.lines import read_line
from services.workers.stages.clean.text import UNLIKELY, read_text
from shared.errors import BadSettings

FILE_TEXT = files(clean.__name__).joinpath(FILE).read_text(encoding="utf-8")
ALL_CUT = Model((-9.0, *(0.0 for _ in FEATURES)), (-9.0, *(0.0 for _ in FEATURES)), 0.5)
STORY = [
    "The town council voted nine to four on Wednesday to keep the night ferry running until the end of March, after a debate of five hours in which nobody sat down.",
    "The service was to be cut in December to close a hole in the transport budget that nobody had seen coming a year ago, when the harbour was rebuilt.",
    "A review of all routes is due in February, and the unions want a seat at the table when it begins in the old town hall by the market.",
    "Tickets for the late boat cost four euros, as they did before the vote, and children under six go free with a parent or with anybody who says so.",
]


@pytest.fixture(scope="module")
def strange() -> list[Row]:
    """Lines of pages with furniture of shapes that the model was not fitted to."""
    return make_rows(generate_pages(4_711, 40, other=True))


@pytest.fixture(scope="module")
def fresh() -> list[Row]:
    """Lines of pages of another seed."""
    return make_rows(generate_pages(815, 40))


def test_the_file_says_how_it_was_made():
    told = json.loads(FILE_TEXT)
    assert (told["seed"], told["pages"]) == (SEED, PAGES)
    assert to_text(shipped_model(), SEED, PAGES) == FILE_TEXT
    assert len(FILE_TEXT) < 5_000


def test_a_refit_on_fewer_pages_decides_nearly_the_same(fresh, strange):
    again = fit(make_rows(generate_pages(SEED, 80)))
    rows = fresh + strange
    one, two = (
        [chance(row.line, row.features, model) < model.cut_below for row in rows]
        for model in (shipped_model(), again)
    )
    assert sum(one) > 20
    assert sum(a == b for a, b in zip(one, two, strict=True)) >= 0.93 * len(rows)


def test_it_cuts_furniture_and_hardly_an_article(fresh, strange):
    for rows, least in ((fresh, 0.15), (strange, 0.08)):
        found = score(rows, shipped_model())
        assert found.furniture_cut > least
        assert found.article_lost < 0.01


def test_pages_are_read_better_with_it_than_without():
    with_it = without = lost = 0
    for page in generate_pages(99, 30):
        kept = read_text(page.text, page.title).lines
        real = {line for line, stays in zip(page.lines, page.kept, strict=True) if stays}
        _, labels = left_by_rules(page)
        without += labels.count(False)
        with_it += sum(line not in real for line in kept)
        lost += sum(labels) - sum(line in real for line in kept)
    # Paragraphs are not asked about: what it can cut are the short lines, a twelfth of what is left.
    assert with_it < 0.93 * without
    assert lost < without - with_it


@pytest.mark.parametrize(
    "change",
    [
        {"version": 0}, {"sentence": {}}, {"other": {"constant": 1.0}}, {"cut_below": "a lot"},
        {"sentence": {**dict.fromkeys(FEATURES, 0.0), "constant": 0.0, "another": 1.0}},
    ],
)  # fmt: skip
def test_a_file_for_other_features_is_named(change):
    with pytest.raises(BadSettings, match=FILE):
        load_model(json.dumps({**json.loads(FILE_TEXT), **change}))
    with pytest.raises(BadSettings, match=FILE):
        load_model("no file at all")


def test_what_stands_beside_cut_lines_is_never_the_likelier_for_it():
    told = json.loads(FILE_TEXT)
    assert all(told[kind][name] <= 0 for kind in KINDS for name in NEVER_FOR)


def test_it_is_asked_only_about_what_the_rules_leave_open():
    lines = [
        STORY[0], "A heading that stands alone", STORY[1], "1) The first of three", "https://ferry.example/plan",
        "“We are glad”, said the crew", "Chris Davies - harbour desk", "Another headline of another story of the day",
        STORY[2], "A short closing word.", STORY[3],
    ]  # fmt: skip
    read = [read_line(line) for line in lines]
    asked = [line for n, line in enumerate(lines) if is_open(read, n)]
    assert asked == [lines[6], lines[7], lines[9]]
    assert [lines[n] for n in unlikely_lines(read, [0] * len(read), ALL_CUT)] == asked


def test_without_running_text_nothing_is_unlikely():
    lines = [read_line(line) for line in ("Rovers 2 City 1", "Results", "Town 3", "Read it all here")]
    assert unlikely_lines(lines, [0] * len(lines), ALL_CUT) == []
    assert unlikely_lines([], [], ALL_CUT) == []


def test_of_an_alert_no_line_is_unlikely():
    lines = [
        "Le bateau de nuit reste en service, a dit le maire.",
        "Vote: neuf à quatre, mercredi.",
        "Suite à 18 h",
    ]
    assert unlikely_lines([read_line(line) for line in lines], [0] * 3, ALL_CUT) == []


def test_no_model_cuts_nothing():
    lines = [read_line(line) for line in (*STORY[:2], "Swipe for more", "Top stories of the day", *STORY[2:])]
    assert unlikely_lines(lines, [0] * len(lines), NO_MODEL) == []


def test_features_are_few_and_small():
    page = next(generate_pages(3, 1))
    lines = [read_line(line) for line in page.lines]
    rows = rows_of(lines, [0] * len(lines), list(range(len(lines))))
    assert all(len(row) == len(FEATURES) for row in rows)
    assert all(0 <= value <= 1.5 for row in rows for value in row)


def test_what_it_cuts_is_kept_with_its_reason():
    teasers = [
        "• Harbour fees doubled for cruise lines next summer", "• Tunnel under the strait is finished a year early",
        "• Why the fish market moved to the other shore", "• Swimmers ask for a longer season at the lido",
    ]  # fmt: skip
    against_bullets = (9.0, *(-99.0 if name == "bullet" else 0.0 for name in FEATURES))
    text = "\n\n".join([*STORY[:2], *teasers, *STORY[2:]])
    found = read_text(text, "Night ferry stays", model=Model(against_bullets, against_bullets, 0.1))
    assert list(found.lines) == STORY
    assert [(item.text, item.reason, item.above) for item in found.removed] == [
        (line, UNLIKELY, 2) for line in teasers
    ]
    assert list(read_text(text, "Night ferry stays", model=NO_MODEL).lines) == [
        *STORY[:2],
        *teasers,
        *STORY[2:],
    ]
