"""Fits the line model to generated pages, and counts what it does on others."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.lines.pages import GeneratedPage, generate_pages
from services.workers.stages.clean.line_model import (
    FEATURES,
    NEVER_FOR,
    NO_MODEL,
    VERSION,
    Model,
    chance,
    is_open,
    is_sentence,
    rows_of,
)
from services.workers.stages.clean.lines import Line, read_line
from services.workers.stages.clean.text import read_text

SEED, PAGES = 20_260_101, 1_500
STRENGTH = 0.3  # of the regularisation's inverse: weights stay small enough to be read
CUT_BELOW = 0.06
NAMES = ("constant", *FEATURES)


@dataclass(frozen=True, slots=True)
class Row:
    """A line that rules and region left: itself, its features, and whether it is part of the article."""

    line: Line
    features: list[float]
    kept: bool


@dataclass(frozen=True, slots=True)
class Score:
    """Of the lines left by the rules: shares of furniture cut and of article lost, and their number."""

    furniture_cut: float
    article_lost: float
    lines: int


def left_by_rules(page: GeneratedPage) -> tuple[list[int], list[bool]]:
    """Return the places and labels of the lines that are kept without a model."""
    kept = read_text(page.text, page.title, (page.site.casefold(),), model=NO_MODEL).lines
    places, start = [], 0
    for text in kept:
        start = page.lines.index(text, start)
        places.append(start)
        start += 1
    return places, [page.kept[place] for place in places]


def make_rows(pages: Iterable[GeneratedPage]) -> list[Row]:
    """Read pages as the stage does, up to the model, and return the lines it would be asked about."""
    rows = []
    for page in pages:
        places, kept = left_by_rules(page)
        lines = [read_line(page.lines[place]) for place in places]
        gaps = [after - before - 1 for before, after in pairwise([-1, *places])]
        asked = [n for n in range(len(lines)) if is_open(lines, n)]
        found = rows_of(lines, gaps, asked)
        rows += [Row(lines[n], row, kept[n]) for n, row in zip(asked, found, strict=True)]
    return rows


def fit(rows: Sequence[Row]) -> Model:
    """Fit a logistic regression for sentences, and one for other lines."""
    sentences = [row for row in rows if is_sentence(row.line)]
    others = [row for row in rows if not is_sentence(row.line)]
    return Model(_fit(sentences), _fit(others), CUT_BELOW)


def _fit(rows: Sequence[Row]) -> tuple[float, ...]:
    """Return the constant and the weights; what may never speak for a line gets none where it would."""
    from sklearn.linear_model import LogisticRegression

    used = list(range(len(FEATURES)))
    while True:
        table = [[row.features[n] for n in used] for row in rows]
        fitted = LogisticRegression(C=STRENGTH, max_iter=2_000).fit(table, [row.kept for row in rows])
        found = dict(zip(used, map(float, fitted.coef_[0]), strict=True))
        wrong = [n for n in used if FEATURES[n] in NEVER_FOR and found[n] > 0]
        if not wrong:
            break
        used = [n for n in used if n not in wrong]
    weights = (round(found.get(n, 0.0), 3) for n in range(len(FEATURES)))
    return (round(float(fitted.intercept_[0]), 3), *weights)


def score(rows: Sequence[Row], model: Model) -> Score:
    """Count what a model cuts of rows, in lines."""
    cut = [chance(row.line, row.features, model) < model.cut_below for row in rows]
    article = [gone for gone, row in zip(cut, rows, strict=True) if row.kept]
    furniture = [gone for gone, row in zip(cut, rows, strict=True) if not row.kept]
    return Score(sum(furniture) / max(1, len(furniture)), sum(article) / max(1, len(article)), len(cut))


def make_model(seed: int = SEED, pages: int = PAGES) -> Model:
    """Generate, read and fit."""
    return fit(make_rows(generate_pages(seed, pages)))


def to_text(model: Model, seed: int, pages: int) -> str:
    """Return the model as the file has it."""
    told = {
        "made_by": "python -m bench.lines",
        "seed": seed,
        "pages": pages,
        "version": VERSION,
        "cut_below": model.cut_below,
        "sentence": dict(zip(NAMES, model.sentence, strict=True)),
        "other": dict(zip(NAMES, model.other, strict=True)),
    }
    return json.dumps(told, indent=2) + "\n"
