"""A trained model behind the rules' interface: what it gives, where rules stay, and files it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workers.stages.tag import load_tagger
from services.workers.stages.tag.model import TrainedTopic, load_model, model_bytes, terms_of
from services.workers.stages.tag.vocabulary import shipped_vocabulary
from shared.article import Article, Source, Tag
from shared.clock import from_ms
from shared.errors import BadSettings

SPORT, SOCCER, ARTS, CRIME = "medtop:15000000", "medtop:20001065", "medtop:01000000", "medtop:02000000"
TOPICS = (TrainedTopic(SPORT, -2.0, 0.5), TrainedTopic(ARTS, -2.0, 0.5))
TERMS = {
    "zorb": (2.0, ((0, 9.0), (1, -3.0))),
    "zorb race": (2.5, ((0, 6.0),)),
    "aria": (2.0, ((1, 9.0),)),
    "the": (1.0, ((0, 0.1), (1, 0.1))),
}


def _file(folder: Path, **changes: Any) -> Path:
    path = folder / "topics.model"
    written = json.loads(model_bytes(TOPICS, TERMS, {"en"}, {"articles": 3}))
    path.write_text(json.dumps(written | changes))
    return path


def _model(folder: Path, **changes: Any) -> Any:
    return load_model(_file(folder, **changes), shipped_vocabulary())


def test_words_and_pairs_are_counted_those_of_the_title_twice() -> None:
    counts = terms_of("A Zorb", "The zorb race, the zorb")
    assert (counts["zorb"], counts["a zorb"], counts["zorb race"], counts["the zorb"]) == (4, 2, 1, 2)


def test_a_topic_comes_with_score_evidence_and_ancestors(tmp_path: Path) -> None:
    (tag,) = _model(tmp_path).tags("", "The zorb race was long.")
    assert (tag.code, tag.name, tag.broader) == (SPORT, "sport", ())
    assert tag.evidence == ("zorb", "zorb race", "the")
    assert 0.99 < tag.score < 1
    narrow = _model(tmp_path, topics=[[SOCCER, -2.0, 0.5], [ARTS, -2.0, 0.5]])
    assert narrow.tags("", "zorb")[0].broader == shipped_vocabulary().broader_of(SOCCER)


def test_nothing_known_gives_nothing(tmp_path: Path) -> None:
    assert _model(tmp_path).tags("", "Something else entirely") == ()
    assert _model(tmp_path).tags("", "") == ()


def test_a_topic_needs_its_threshold_or_half_of_it_with_the_rules(tmp_path: Path) -> None:
    model = _model(tmp_path, topics=[[SPORT, -9.2, 0.5], [ARTS, -2.0, 0.5]])
    assert 0.25 < model.probabilities("", "zorb")[0] < 0.5
    assert model.tags("", "zorb") == ()
    assert [tag.code for tag in model.tags("", "zorb", frozenset({SPORT}))] == [SPORT]


def _tag(code: str, score: float) -> Tag:
    vocabulary = shipped_vocabulary()
    return Tag(code, vocabulary.name_of(code), score, ("word",), vocabulary.broader_of(code))


def test_the_model_decides_what_it_was_taught_and_rules_the_rest(tmp_path: Path) -> None:
    model = _model(tmp_path)
    tags = model.over([_tag(CRIME, 0.9999), _tag(ARTS, 0.9), _tag(SOCCER, 0.9999)], "", "the zorb race")
    assert [tag.code for tag in tags] == [SPORT, SOCCER, CRIME]
    assert tags[0].score >= tags[1].score > tags[2].score
    assert tags[2].evidence == ("word",)


def test_a_narrower_topic_goes_with_its_top_topic(tmp_path: Path) -> None:
    assert _model(tmp_path).over([_tag(SPORT, 0.9), _tag(SOCCER, 0.9)], "", "an aria, an aria")[1:] == ()


def test_where_the_model_is_silent_other_rules_keep_their_scores(tmp_path: Path) -> None:
    assert _model(tmp_path).over([_tag(CRIME, 0.8)], "", "no known word") == (replace(_tag(CRIME, 0.8)),)


def test_the_tagger_uses_it_for_its_languages_only(tmp_path: Path) -> None:
    tagger = load_tagger(model=_file(tmp_path))
    article = Article("1", Source("a.example"), "Zorb", "The zorb race", from_ms(0), language="en-GB")
    assert [tag.code for tag in tagger.tag(article).topics] == [SPORT]
    assert tagger.tag(replace(article, language="de")).topics == ()
    assert tagger.tag(replace(article, language="und")).topics == ()


def test_the_version_changes_with_the_file(tmp_path: Path) -> None:
    first = load_tagger(model=_file(tmp_path)).version
    again = load_tagger(model=_file(tmp_path)).version
    other = load_tagger(model=_file(tmp_path, about={"articles": 4})).version
    assert first == again != load_tagger().version
    assert other not in (first, load_tagger().version)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "another"}, "make one with `copydesk train-topics`"),
        ({"topics": [["medtop:1", 0.0, 0.5], [ARTS, 0.0, 0.5]]}, "medtop:1 is no IPTC Media Topic"),
        ({"topics": [["medtop:20000030", 0.0, 0.5], [ARTS, 0.0, 0.5]]}, "is retired"),
        ({"topics": [[SPORT, 0.0]]}, "damaged"),
        ({"topics": [[SPORT, "0", 0.5]]}, "damaged"),
        ({"topics": [[7, 0.0, 0.5]]}, "damaged"),
        ({"topics": None}, "damaged"),
        ({"terms": {"a": [1.0, [[9, 1.0]]]}}, "is the number of no topic"),
        ({"terms": {"a": [1.0, [[-1, 1.0]]]}}, "is the number of no topic"),
        ({"terms": {"a": [float("nan"), []]}}, "no finite number"),
        ({"terms": {"a": [1.0, [[0, float("inf")]]]}}, "no finite number"),
        ({"terms": {"a": [10**400, []]}}, "damaged"),
        ({"topics": [[SPORT, -(10**400), 0.5]]}, "damaged"),
        ({"terms": {"a": 1.0}}, "damaged"),
        ({"terms": []}, "damaged"),
        ({"languages": None}, "damaged"),
    ],
)
def test_a_file_that_does_not_hold_is_refused_by_name(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(BadSettings) as caught:
        _model(tmp_path, **changes)
    assert str(caught.value).startswith(f"topic model {tmp_path}/topics.model: ")
    assert reason in str(caught.value)


@pytest.mark.parametrize("data", [b"", b"{", b"[]", b"\x80\x04pickle", b"\xff" * 40, b"[" * 100_000, b"null"])
def test_bytes_that_are_no_model_are_refused_by_name(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "m").write_bytes(data)
    with pytest.raises(BadSettings, match=f"topic model {tmp_path}/m: "):
        load_model(tmp_path / "m", shipped_vocabulary())


@pytest.mark.parametrize("name", ["none", "."])
def test_a_file_that_cannot_be_read_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadSettings, match="cannot be read"):
        load_model(tmp_path / name, shipped_vocabulary())


@settings(max_examples=60, deadline=None)
@given(cut=st.integers(0, 600), noise=st.binary(max_size=4))
def test_a_damaged_file_is_read_or_refused_never_more(
    tmp_path_factory: pytest.TempPathFactory, cut: int, noise: bytes
) -> None:
    data = model_bytes(TOPICS, TERMS, {"en"}, {})
    place = cut % (len(data) + 1)
    path = tmp_path_factory.getbasetemp() / "damaged.model"
    path.write_bytes(data[:place] + noise + data[place + len(noise) :])
    try:
        tags = load_model(path, shipped_vocabulary()).tags("zorb", "the zorb race, an aria")
    except BadSettings:
        return
    assert all(0 < tag.score < 1 for tag in tags)
