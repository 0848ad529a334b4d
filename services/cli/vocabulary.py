"""`copydesk vocabulary`: the rules that topics are given by, checked, tried out, and renewed from IPTC."""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from services.cli.replacing import replace_file
from services.cli.show import plain, wide_console
from shared.article import Article, Tag
from shared.errors import BadSettings
from shared.settings import PREFIX, read_settings

if TYPE_CHECKING:
    from services.workers.stages.tag.topics import Case
    from services.workers.stages.tag.vocabulary import Vocabulary

SHOWN = 15  # changes of one kind; a release of IPTC's has a few
NAME = "vocabulary.yaml"


@click.group()
def vocabulary() -> None:
    """Check, try out and renew the rules that tags are given by."""


def rules_folder(given: Path | None) -> Path | None:
    """The folder of a newsroom's own rules: the given one, or the one set for the workers.

    Raises ``BadSettings`` where ``~`` in it stands for no home.
    """
    from services.workers.stages.tag.rulefile import expanded

    setting = read_settings().vocabulary_dir
    chosen = given or (Path(setting) if setting else None)
    return expanded(chosen) if chosen is not None else None


@vocabulary.command()
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path(path_type=Path))
def check(folder: Path | None) -> None:
    """Count the rules, and show every mistake in them; exit status 1 if there is one.

    DIR holds a newsroom's own rules, to be laid over the shipped ones; without it, COPYDESK_VOCABULARY_DIR
    is looked at, or what is shipped. Warnings are shown too: phrases that two branches share with equal
    weight, phrases that can never count, rules that can hardly be earned.
    """
    from services.workers.stages.tag.audit import audit_rules

    found = audit_rules(rules_folder(folder))
    for mistake in found.mistakes:
        click.echo(f"mistake: {plain(mistake)}")
    for warning in found.warnings:
        click.echo(f"warning: {plain(warning)}")
    phrases = ", ".join(f"{count} {language}" for language, count in found.phrases.items())
    names = ", ".join(f"{count} {kind}" for kind, count in found.names.items())
    click.echo(f"topics: {found.tops} top, {found.narrower} below; {found.retired} retired codes known")
    click.echo(f"phrases: {phrases}")
    click.echo(f"names: {names}")
    click.echo(f"version: {found.version}")
    click.echo(f"{len(found.mistakes)} mistakes, {len(found.warnings)} warnings")
    if found.mistakes:
        sys.exit(1)


@vocabulary.command()
@click.argument("file", type=click.Path(dir_okay=False, exists=True, allow_dash=True, path_type=Path))
@click.option("--folder", type=click.Path(path_type=Path), help="A newsroom's own rules.")
@click.option("--model", type=click.Path(path_type=Path), help="A model that train-topics made.")
@click.option("--language", help="The language of the text, such as en; else it is detected.")
@click.option("--all", "with_rest", is_flag=True, help="Show topics that fell short, too.")
def test(
    file: Path, folder: Path | None, model: Path | None, language: str | None, *, with_rest: bool
) -> None:
    """Show what FILE is tagged with, and the words that earned each topic.

    FILE is plain text, HTML, or NDJSON as it is pushed, and is cleaned as the workers would; - reads
    standard input. Beside each phrase stands weight x mentions = gain; `not given` with --all means that the
    evidence was too thin, or that another branch outweighs it by far.
    """
    from services.cli.trial import read_trials
    from services.workers.stages.tag import load_tagger

    settings = read_settings()
    chosen = model or (Path(settings.topic_model) if settings.topic_model else None)
    tagger = load_tagger(rules_folder(folder), chosen, settings.entity_model)
    data = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    console = wide_console()
    for article, note in read_trials(data, language):
        tagged = tagger.tag(article)
        cases = tagger.topics.matcher(_base(article.language)).explain(article.title, article.body)
        if tagger.model is not None and tagger.model.reads(article.language):  # its evidence is its own
            cases = {code: case for code, case in cases.items() if code not in tagger.model.codes}
        names = tagger.topics.vocabulary.name_of
        _show(console, tagged, note)
        console.print(_topics_table(tagged.topics, cases, names, with_rest=with_rest))
        _show_rest(console, tagged)


def _topics_table(
    tags: Iterable[Tag], cases: Mapping[str, Case], name_of: Callable[[str], str], *, with_rest: bool
) -> Table:
    table = Table("topic", "code", "score", "evidence")
    given = {tag.code: tag for tag in tags}
    for tag in given.values():
        evidence = _reasons(cases[tag.code]) if tag.code in cases else ", ".join(tag.evidence)
        table.add_row(tag.name, tag.code, f"{tag.score:.3f}", Text(plain(evidence)))
    for code, case in cases.items() if with_rest else ():
        if code not in given:
            name = f"{name_of(code)} (not given)"
            table.add_row(name, code, f"{case.score:.3f}", Text(plain(_reasons(case))), style="dim")
    return table


def _reasons(case: Case) -> str:
    return ", ".join(f"{each.words} {each.weight:g}x{each.mentions}={each.gain:g}" for each in case.reasons)


def _base(language: str) -> str:
    return language.split("-")[0].lower()


def _show(console: Console, article: Article, note: str | None) -> None:
    title = Text(plain(article.title or "(no title)"), style="bold")
    console.print(title)
    about = f"language {article.language}, {len(article.body.split())} words, vocabulary {article.vocabulary}"
    console.print(Text(about + (f"; {note}" if note else ""), style="green"))


def _show_rest(console: Console, article: Article) -> None:
    names = ", ".join(f"{each.name} ({each.type}, {each.count})" for each in article.entities)
    amounts = ", ".join(f"{each.text} = {each.value:g} {each.unit}" for each in article.amounts)
    for label, text in (("entities", names), ("keywords", ", ".join(article.keywords)), ("amounts", amounts)):
        console.print(Text(f"{label}: {plain(text) or 'none'}"))
    console.print()


@vocabulary.command("import")
@click.argument("file", type=click.Path(dir_okay=False, exists=True, path_type=Path))
@click.option(
    "--to", "target", type=click.Path(file_okay=False, path_type=Path), help="The folder to write to."
)
def renew(file: Path, target: Path | None) -> None:
    """Read IPTC's own JSON, and write its names, hierarchy and retired codes to DIR/vocabulary.yaml.

    FILE is cptall-en-US.json from https://cv.iptc.org/newscodes/mediatopic (also packed by gzip). Without
    --to, it is COPYDESK_VOCABULARY_DIR that is written to. Says what is new, renamed, moved and retired, and
    which rules have to follow.
    """
    from services.workers.stages.tag import iptc
    from services.workers.stages.tag.audit import audit_rules
    from services.workers.stages.tag.vocabulary import load_vocabulary

    folder = rules_folder(target)
    if folder is None:
        raise BadSettings(f"say where to write to, with --to or {PREFIX}VOCABULARY_DIR")
    release = iptc.read_release(_unpacked(file), str(file))
    old = load_vocabulary(folder).concepts
    concepts = iptc.with_missing(old, release.concepts)
    changes = iptc.compare(old, release.concepts)
    text = iptc.vocabulary_text(release.released, concepts)
    _try(text, file)
    _replace(folder / NAME, text)
    in_use = sum(not concept.retired for concept in concepts.values())
    retired = len(concepts) - in_use
    click.echo(f"{folder / NAME}: {in_use} topics in use, {retired} retired, released {release.released}")
    for label in ("new", "renamed", "moved", "retired", "missing"):
        _tell(label, getattr(changes, label))
    found = audit_rules(folder)
    for mistake in found.mistakes:
        click.echo(f"to be corrected before the next start: {plain(mistake)}")
    for mistake in _of_the_model(load_vocabulary(folder)):
        click.echo(f"to be corrected before the next start: {plain(mistake)}")
    for warning in found.warnings:
        if "is left out" in warning:
            click.echo(plain(warning))


def _try(text: str, file: Path) -> None:
    """Read what is to be written as the workers will; raises ``BadSettings`` with every mistake."""
    from services.workers.stages.tag.rulefile import BadRules, Mistakes
    from services.workers.stages.tag.vocabulary import read_concepts

    mistakes: Mistakes = []
    with TemporaryDirectory() as folder:
        tried = Path(folder) / NAME
        tried.write_text(text, encoding="utf-8", errors="surrogatepass")
        try:
            read_concepts(tried, mistakes)
        except BadRules as error:
            mistakes.append(error)
        told = [str(mistake).removeprefix(f"{folder}/") for mistake in mistakes]
    if told:
        raise BadSettings(f"{file} makes no vocabulary, nothing is written: {'; '.join(told[:SHOWN])}")


def _of_the_model(known: Vocabulary) -> Iterator[str]:
    """What the topic model that is set has against a new vocabulary."""
    from services.workers.stages.tag.model import load_model

    model = read_settings().topic_model
    if model:
        try:
            load_model(Path(model), known)
        except BadSettings as error:
            yield str(error)


def _tell(label: str, changes: tuple[tuple[str, str], ...]) -> None:
    means = {"missing": "no longer listed, kept as retired"}.get(label, label)
    click.echo(f"{means}: {len(changes)}")
    for code, text in changes[:SHOWN]:
        click.echo(f"  {code} {plain(text)}")
    if len(changes) > SHOWN:
        click.echo(f"  and {len(changes) - SHOWN} more")


def _unpacked(file: Path) -> str:
    data = file.read_bytes()
    try:
        return (gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise BadSettings(f"{file} cannot be read: {error}") from error


def _replace(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, text.encode())
    except OSError as error:
        raise BadSettings(f"{path} cannot be written: {error.strerror}") from error
