"""`copydesk train-topics`: a topic model from a newsroom's own labelled articles, with its score."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.table import Table

from services.cli.replacing import check_writable, replace_file
from services.cli.show import wide_console
from services.cli.vocabulary import rules_folder
from shared.errors import BadSettings
from shared.settings import PREFIX

if TYPE_CHECKING:
    from services.cli import training


@click.command("train-topics")
@click.argument("file", metavar="FILE.ndjson", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Where to write the model.")
@click.option(
    "--folds", type=click.IntRange(2, 50), default=5, show_default=True, help="Parts to score with."
)
@click.option("--folder", type=click.Path(path_type=Path), help="A newsroom's own rules, to compare with.")
def train_topics(file: Path, out: Path | None, folds: int, folder: Path | None) -> None:
    """Fit a topic model to labelled articles, and score it.

    FILE has an object a line: {"title","body","topics":["medtop:15000000", ...],"language"?}. The score is
    by cross-validation, beside that of the rules on the same articles. Without --out nothing is written;
    with it, COPYDESK_TOPIC_MODEL=<out> makes the workers use the model, in place of the rules for the topics
    and languages that it was taught.
    """
    from services.cli import training
    from services.workers.stages.tag import load_tagger
    from services.workers.stages.tag.model import load_model, model_bytes
    from services.workers.stages.tag.rulefile import expanded

    out = expanded(out) if out is not None else None
    if out is not None:  # not after minutes of fitting
        with _writing(out):
            check_writable(out)
    rules = load_tagger(rules_folder(folder)).topics
    with file.open("rb") as lines:
        examples = training.read_examples(lines, rules.vocabulary)
    trained = training.train(examples, folds, rules, lambda text: click.echo(text, err=True))
    names = {topic.code: rules.vocabulary.name_of(topic.code) for topic in trained.topics}
    _show(trained, names, len(examples), folds)
    if out is None:
        click.echo("nothing was written; name a file with --out")
        return
    about = {
        "articles": len(examples), "folds": folds, "micro_f1": round(trained.scores.micro, 4),
        "macro_f1": round(trained.scores.macro, 4), "best_top": round(trained.scores.best_top, 4),
    }  # fmt: skip
    data = model_bytes(trained.topics, trained.terms, trained.languages, about)
    with _writing(out):
        replace_file(out, data)
    load_model(out, rules.vocabulary)
    click.echo(f"{out}: {len(data):,} bytes, {len(trained.terms):,} terms; {PREFIX}TOPIC_MODEL={out} uses it")


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise BadSettings(f"{out} cannot be written: {error.strerror}") from error


def _show(trained: training.Trained, names: dict[str, str], articles: int, folds: int) -> None:
    table = Table("topic", "code", "articles", "precision", "recall", "F1", "F1 of the rules")
    for code, score in trained.scores.by_topic.items():
        row = (f"{score.precision:.3f}", f"{score.recall:.3f}", f"{score.f1:.3f}")
        table.add_row(names[code], code, str(score.articles), *row, f"{trained.rules.by_topic[code].f1:.3f}")
    wide_console().print(table)
    languages = ", ".join(sorted(trained.languages))
    click.echo(
        f"{articles} articles ({languages}), {folds}-fold cross-validation; in brackets the rules alone"
    )
    scores, rules = trained.scores, trained.rules
    click.echo(
        f"micro F1 {scores.micro:.3f} ({rules.micro:.3f}), macro F1 {scores.macro:.3f} ({rules.macro:.3f})"
    )
    click.echo(f"best topic in the right top topic {scores.best_top:.3f} ({rules.best_top:.3f})")
