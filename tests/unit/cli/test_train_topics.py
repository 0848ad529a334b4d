"""`copydesk train-topics`: learns from labelled articles, scores itself, and names what it cannot use."""

from __future__ import annotations

import json
import random
import re
import sys
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from services.cli.train_topics import train_topics
from services.cli.training import EXTRA, Example, TooFew, train
from services.workers.stages.tag import load_tagger
from shared.article import Article, Source
from shared.clock import from_ms
from shared.errors import BadSettings, CopydeskError, InvalidRequest

if find_spec("sklearn") is None:  # to import it takes a second, which not every process shall pay
    pytest.skip("scikit-learn comes with the extra `train`", allow_module_level=True)

SPORT, SOCCER, ARTS, SCIENCE = "medtop:15000000", "medtop:20001065", "medtop:01000000", "medtop:13000000"
# Made-up words that no rule knows: what is learned is learned from the labels.
WORDS = {
    SPORT: "zorb ballup kickle vollop grast tramp runnel hurlow",
    SOCCER: "zorb footle netting kreep sidelo grast pitcho cornel",
    ARTS: "arium cantle fresca brusho stagel duetta playlet vernis",
    SCIENCE: "atomel quarko lumen telsco probit genoma labbet orbito",
}
COMMON = ["the", "a", "of", "and", "in", "was", "that", "it", "on", "for", "with", "as", "by", "at", "from"]


def _text(rng: random.Random, codes: Iterable[str]) -> str:
    own = [word for code in codes for word in WORDS[code].split()]
    return " ".join(rng.choice(own) if rng.random() < 0.2 else rng.choice(COMMON) for _ in range(60))


def _labelled(count: int = 40, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Articles of each topic, some of two, and some of none."""
    rng = random.Random(seed)
    for number in range(count):
        codes = [[SPORT], [SOCCER], [ARTS], [SCIENCE]]
        codes += [[ARTS, SCIENCE], []] if number % 4 == 0 else []
        for own in codes:
            body = _text(rng, own) if own else " ".join(rng.choices(COMMON, k=60))
            yield {"title": f"Item {number}", "body": body, "topics": own, "language": "en"}


def run(*words: str) -> Result:
    done = CliRunner(env={"COPYDESK_VOCABULARY_DIR": ""}).invoke(train_topics, words)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def _write(path: Path, items: Iterable[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")
    return str(path)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    folder = tmp_path_factory.mktemp("trained")
    out = folder / "topics.model"
    return out, run(_write(folder / "a.ndjson", _labelled()), "--out", str(out))


def _score(done: Result, label: str) -> float:
    (line,) = [line for line in done.stdout.splitlines() if label in line]
    return float(line.split(label)[1].split()[0])


def test_the_score_by_cross_validation_is_printed_beside_that_of_the_rules(
    trained: tuple[Path, Result],
) -> None:
    _, done = trained
    assert "5-fold cross-validation" in done.stdout
    assert _score(done, "micro F1 ") > 0.9  # by chance it would be below 0.4
    assert _score(done, "macro F1 ") > 0.9
    assert _score(done, "right top topic ") > 0.9
    assert "(0.000), macro F1" in done.stdout  # the rules know none of these words
    rows = [re.sub(r"\s*│\s*", "│", line) for line in done.stdout.splitlines()]
    for name, articles in (("sport", 80), ("soccer", 40), ("science and technology", 50)):
        assert any(line.split("│")[1:2] == [name] and str(articles) in line for line in rows)


def test_the_model_tags_articles_it_has_not_seen_with_evidence(trained: tuple[Path, Result]) -> None:
    out, _ = trained
    tagger = load_tagger(model=out)
    rng = random.Random(99)
    for code in (SOCCER, ARTS, SCIENCE):
        hits = 0
        for number in range(20):
            article = Article(
                str(number), Source("a.example"), "Item", _text(rng, [code]), from_ms(0), language="en"
            )
            tags = tagger.tag(article).topics
            hits += code in {tag.code for tag in tags}
            for tag in tags:
                assert tag.evidence
                assert set(" ".join(tag.evidence).split()) <= set(f"item {article.body}".split())
        assert hits >= 18


def test_an_article_of_a_narrower_topic_counts_for_its_top_topic_too(trained: tuple[Path, Result]) -> None:
    out, _ = trained
    text = "netting footle pitcho cornel kreep sidelo footle netting"
    article = Article("1", Source("a.example"), "", text, from_ms(0), language="en")
    found = {tag.code: tag.broader for tag in load_tagger(model=out).tag(article).topics}
    assert {SPORT, SOCCER} <= set(found)
    assert found[SOCCER][-1] == SPORT


def test_the_same_file_gives_the_same_model(trained: tuple[Path, Result], tmp_path: Path) -> None:
    out, _ = trained
    again = tmp_path / "again.model"
    run(_write(tmp_path / "a.ndjson", _labelled()), "--out", str(again))
    assert again.read_bytes() == out.read_bytes()


def test_the_model_is_json_without_any_text_of_the_articles(trained: tuple[Path, Result]) -> None:
    written = json.loads(trained[0].read_bytes())
    assert set(written) == {"format", "about", "languages", "topics", "terms"}
    assert max(len(term.split()) for term in written["terms"]) == 2
    assert written["about"]["articles"] == len(list(_labelled()))


def test_nothing_is_written_without_out(tmp_path: Path) -> None:
    done = run(_write(tmp_path / "a.ndjson", _labelled(12)), "--folds", "2")
    assert "nothing was written" in done.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["a.ndjson"]


def test_too_few_examples_name_the_topic(tmp_path: Path) -> None:
    items = [*_labelled(12), {"title": "", "body": "orphan", "topics": ["medtop:12000000"]}]
    with pytest.raises(TooFew, match=r"medtop:12000000 \(religion and belief\) has 1\b"):
        run(_write(tmp_path / "a.ndjson", items))


def test_a_topic_that_every_article_has_is_named(tmp_path: Path) -> None:
    items = [{"title": f"{n}", "body": f"text {n}", "topics": [ARTS]} for n in range(30)]
    with pytest.raises(TooFew, match=r"medtop:01000000 .* has 0 that are about something else"):
        run(_write(tmp_path / "a.ndjson", items))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            '{"title": "A", "topics": ["medtop:20000030"]}',
            r"line 3: medtop:20000030 \(music theater\) is retired",
        ),
        ('{"title": "A", "topics": ["medtop:1"]}', "line 3: medtop:1 is no IPTC Media Topic"),
        ('{"title": "A", "topics": [7]}', "line 3: 7 is no code"),
        ('{"title": "A", "topics": "medtop:15000000"}', "line 3: topics must be a list of codes"),
        ('{"title": "A"}', "line 3: topics must be a list of codes"),
        ('{"topics": []}', "line 3: title and body must be texts"),
        ('{"title": 5, "topics": []}', "line 3: title and body must be texts"),
        ("[1]", "line 3: is no JSON object"),
        ("{", "line 3: is no JSON"),
    ],
)
def test_a_line_that_cannot_be_used_is_named(tmp_path: Path, line: str, reason: str) -> None:
    (tmp_path / "a.ndjson").write_text(f'{{"title": "A", "topics": ["{ARTS}"]}}\n\n{line}\n')
    with pytest.raises(InvalidRequest, match=reason):
        run(str(tmp_path / "a.ndjson"))


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.ndjson").write_text("\n")
    with pytest.raises(InvalidRequest, match="there are no articles"):
        run(str(tmp_path / "a.ndjson"))


def test_topics_as_the_search_api_gives_them_are_read(tmp_path: Path) -> None:
    items = [item | {"topics": [{"code": code} for code in item["topics"]]} for item in _labelled(12)]
    assert "micro F1" in run(_write(tmp_path / "a.ndjson", items), "--folds", "2").stdout


def test_of_a_text_labelled_twice_the_last_counts(tmp_path: Path) -> None:
    items = list(_labelled(12))
    wrong = [item | {"topics": [ARTS]} for item in items]
    corrected = run(_write(tmp_path / "a.ndjson", [*wrong, *items]), "--folds", "2").stdout
    assert corrected == run(_write(tmp_path / "b.ndjson", items), "--folds", "2").stdout


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="cannot be written"):
        run(_write(tmp_path / "a.ndjson", _labelled(12)), "--folds", "2", "--out", str(tmp_path / "no" / "m"))


@pytest.mark.parametrize("name", ["no/m", "m" * 300])
def test_a_place_that_cannot_be_written_is_told_before_the_fitting(tmp_path: Path, name: str) -> None:
    done = CliRunner().invoke(
        train_topics,
        [_write(tmp_path / "a.ndjson", _labelled(12)), "--folds", "2", "--out", str(tmp_path / name)],
    )
    assert isinstance(done.exception, BadSettings)
    assert "fold 1" not in done.stderr


def test_a_language_with_few_articles_is_left_to_the_rules(tmp_path: Path) -> None:
    german = {"title": "Tor", "body": "zorb ballup", "topics": [SPORT], "language": "de"}
    unsure = {"title": "zorb", "body": "kickle", "topics": [SPORT], "language": "und"}
    out = tmp_path / "m.json"
    items = [*_labelled(12), german, unsure]
    done = run(_write(tmp_path / "a.ndjson", items), "--folds", "2", "--out", str(out))
    assert "left to the rules, with too few articles to learn the language from: de (1)" in done.stderr
    assert "1 articles of unsure language are learned from as if they were en" in done.stderr
    assert json.loads(out.read_bytes())["languages"] == ["en"]


def test_articles_that_the_model_will_not_read_are_scored_by_the_rules() -> None:
    labelled = [Example(i["title"], i["body"], "en", frozenset(i["topics"])) for i in _labelled(12)]
    # The rules know none of these words, the model all of them.
    unread = [
        Example(str(number), WORDS[ARTS], language, frozenset({ARTS}))
        for language, count in (("de", 3), ("und", 12))
        for number in range(count)
    ]
    found = train([*labelled, *unread], 2, load_tagger().topics).scores.by_topic[ARTS]
    assert found.articles == 15 + len(unread)
    assert found.missed >= len(unread)


def test_without_any_language_nothing_is_learned() -> None:
    items = [Example(i["title"], i["body"], "und", frozenset(i["topics"])) for i in _labelled(12)]
    with pytest.raises(
        TooFew, match=r"no language has the 4 articles that are wanted: none of \d+ could be told"
    ):
        train(items, 2, load_tagger().topics)


def test_texts_without_words_are_told(tmp_path: Path) -> None:
    items = [
        {"title": "!", "body": "." * n, "topics": [ARTS] if n % 2 else [], "language": "en"}
        for n in range(1, 31)
    ]
    with pytest.raises(TooFew, match="no words in common"):
        run(_write(tmp_path / "a.ndjson", items), "--folds", "2")


def test_without_scikit_learn_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)  # as if it were not installed
    with pytest.raises(CopydeskError, match="copydesk\\[train\\]") as caught:
        run(_write(tmp_path / "a.ndjson", _labelled(12)))
    assert str(caught.value) == EXTRA
