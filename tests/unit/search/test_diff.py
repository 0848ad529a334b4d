"""What differs between two revisions: readable runs that are both texts, safe HTML, bounded time."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.search.diff import FieldChange, Paragraph, Run, compare_revisions, difference_html, runs_html
from shared.article import Article, Source

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def article(body="", title="", **fields):
    return Article("a" * 32, Source("paper.example"), title, body, NOON, **fields)


def bodies(old, new):
    """The difference of two bodies as lines: the op and its HTML."""
    found = compare_revisions(article(old), article(new))
    return [(paragraph.op, str(runs_html(paragraph.runs))) for paragraph in found.body]


ROWS = [
    ("a corrected figure", "Three people died on Friday.", "Five people died on Friday.",
     [("change", "<del>Three</del><ins>Five</ins> people died on Friday.")]),
    ("a word put in", "The port opened again.", "The old port opened again.",
     [("change", "The <ins>old </ins>port opened again.")]),
    ("punctuation", "He resigned, she said", "He resigned. she said",
     [("change", "He resigned<del>,</del><ins>.</ins> she said")]),
    ("a whole number", "It cost 1,250 euros.", "It cost 1,350 euros.",
     [("change", "It cost <del>1,250</del><ins>1,350</ins> euros.")]),
    ("a paragraph that came", "One.\nThree.", "One.\nTwo is new here.\nThree.",
     [("equal", "One."), ("insert", "<ins>Two is new here.</ins>"), ("equal", "Three.")]),
    ("a paragraph that went", "One.\nTwo.\nThree.", "One.\nThree.",
     [("equal", "One."), ("delete", "<del>Two.</del>"), ("equal", "Three.")]),
    ("a word left out at the end", "It sank again.", "It sank",
     [("change", "It sank<del> again.</del>")]),
    ("the ends of a sentence", "Storm hits the coast", "A storm hits the coast again",
     [("change", "<del>Storm</del><ins>A storm</ins> hits the coast <ins>again</ins>")]),
    ("nothing in common", "Rates rose in May.", "The ferry sank at dawn.",
     [("delete", "<del>Rates rose in May.</del>"), ("insert", "<ins>The ferry sank at dawn.</ins>")]),
    ("small words in common make no patchwork",
     "The mayor of the town spoke of a plan for the new harbour on Friday.",
     "A group of engineers warned of the many costs for taxpayers on Monday.",
     [("delete", "<del>The mayor of the town spoke of a plan for the new harbour on Friday.</del>"),
      ("insert", "<ins>A group of engineers warned of the many costs for taxpayers on Monday.</ins>")]),
    ("a clause written anew is one change",
     "They voted to close the school for a year.",
     "They voted to build a library in town.",
     [("change", "They voted to <del>close the school for a year</del><ins>build a library in town</ins>.")]),
    ("Japanese, character by character", "東京で三人死亡した。", "東京で五人死亡した。",
     [("change", "東京で<del>三</del><ins>五</ins>人死亡した。")]),
    ("Hindi, whole words", "हिन्दी में एक वाक्य है", "हिन्दी में दो वाक्य है",
     [("change", "हिन्दी में <del>एक</del><ins>दो</ins> वाक्य है")]),
    ("hostile text", "<b>Old</b> & bold", "<b>New</b> & bold",
     [("change", "&lt;b&gt;<del>Old</del><ins>New</ins>&lt;/b&gt; &amp; bold")]),
    ("the same", "One.\nTwo.", "One.\nTwo.", [("equal", "One."), ("equal", "Two.")]),
    ("nothing before", "", "One.", [("insert", "<ins>One.</ins>")]),
    ("nothing left", "One.", "", [("delete", "<del>One.</del>")]),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_a_change_reads_as_an_editor_would_mark_it(old, new, expected):
    assert bodies(old, new) == expected


def test_each_changed_paragraph_stands_beside_its_successor():
    old = "The storm reached the coast on Friday.\nPower is out in 12,000 homes.\nTrains run on Monday."
    new = (
        "A live blog by our staff.\nThe storm reached the coast on Saturday.\nNew: a bridge is closed.\n"
        "Power is out in 14,000 homes.\nTrains run on Tuesday."
    )
    assert [op for op, _ in bodies(old, new)] == ["insert", "change", "insert", "change", "change"]


def test_a_live_blog_that_grows_at_its_top_keeps_its_older_entries():
    entries = [
        f"{hour}:00 Entry number {hour} of the night, with some words of its own." for hour in range(60)
    ]
    found = bodies("\n".join(entries[:50]), "\n".join([*reversed(entries[50:]), *entries[:50]]))
    assert [op for op, _ in found] == ["insert"] * 10 + ["equal"] * 50


def side(runs, other):
    return "".join(run.text for run in runs if run.op != other)


def without_spaces(text):
    return "".join(text.split())


@given(st.text("ab .\n", max_size=40), st.text("ab .\n", max_size=40))
def test_the_runs_are_both_texts(old, new):
    found = compare_revisions(article(old, title=old), article(new, title=new))
    assert side(found.title, "delete") == new
    assert without_spaces(side(found.title, "insert")) == without_spaces(old)  # equal runs have the newer's
    for body, other in ((new, "delete"), (old, "insert")):
        told = [without_spaces(side(paragraph.runs, other)) for paragraph in found.body]
        assert [line for line in told if line] == [
            without_spaces(line) for line in body.split("\n") if line.strip()
        ]


@given(st.text(max_size=200), st.text(max_size=200))
def test_html_never_lets_text_out(old, new):
    page = str(difference_html(compare_revisions(article(old, title=new), article(new, title=old)), "en"))
    for tag in ("<article class=\"diff\" lang=\"en\" dir=\"auto\">", "</article>", "<h1>", "</h1>", "<ins>",
                "</ins>", "<del>", "</del>", "</p>", *(f'<p class="{op}">' for op in
                ("equal", "insert", "delete", "change"))):  # fmt: skip
        page = page.replace(tag, "")
    assert "<" not in page
    assert ">" not in page


def test_a_language_that_is_no_code_is_escaped():
    assert 'lang="&#34;&gt;"' in difference_html(compare_revisions(article("a"), article("b")), '">')


def test_title_summary_and_other_fields_are_told_too():
    old = article("Same.", "Three dead in storm", authors=("Ada",), version=1)
    new = article("Same.", "Five dead in storm", summary="A summary.", authors=("Ada", "Bo"), version=2)
    found = compare_revisions(old, new)
    assert found.title == (Run("delete", "Three"), Run("insert", "Five"), Run("equal", " dead in storm"))
    assert found.summary == (Run("insert", "A summary."),)
    assert found.body == (Paragraph("equal", (Run("equal", "Same."),)),)
    assert found.fields == (
        FieldChange("authors", ("Ada",), ("Ada", "Bo")), FieldChange("version", 1, 2),
    )  # fmt: skip
    assert (found.inserted, found.deleted, found.complete) == (3, 1, True)


def make_text(seed, words, length, paragraph=50):
    pick = random.Random(seed)
    made = [words[min(len(words) - 1, int(pick.paretovariate(0.7)))] for _ in range(length)]
    return "\n".join(" ".join(made[at : at + paragraph]) for at in range(0, length, paragraph))


WORDS = [f"word{number}" for number in range(8_000)]
LONG = {  # made by the test that asks, not by each process that collects the tests
    "unrelated": lambda: (make_text(1, WORDS, 42_000), make_text(2, WORDS, 42_000)),
    "unrelated, one paragraph": lambda: (
        make_text(1, WORDS, 42_000, 42_000), make_text(2, WORDS, 42_000, 42_000),
    ),
    "two words": lambda: (
        make_text(3, ["a", "b"], 150_000, 150_000), make_text(4, ["b", "a"], 150_000, 150_000),
    ),
    "a letter a line": lambda: ("a\n" * 150_000, "b\n" * 150_000),
    "signs": lambda: ("!?" * 150_000, "?!." * 100_000),
    "no spaces": lambda: ("東京" * 150_000, "京東京" * 100_000),
}  # fmt: skip


@pytest.mark.parametrize("name", LONG)
def test_the_longest_bodies_take_bounded_time(name):
    old, new = LONG[name]()
    start = time.process_time()
    difference_html(compare_revisions(article(old), article(new)))
    assert time.process_time() - start < 20  # two to three seconds here; by plain search, many minutes


def test_a_few_changes_in_the_longest_body_are_found_word_by_word():
    old = make_text(5, WORDS, 42_000)
    words = old.split(" ")
    for place in range(100, 40_000, 2_000):
        words[place] = "corrected"
    found = compare_revisions(article(old), article(" ".join(words)))
    assert found.complete
    assert (found.inserted, found.deleted) == (20, 20)
