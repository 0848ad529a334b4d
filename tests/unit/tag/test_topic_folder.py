"""A newsroom's folder laid over the shipped rules, and the version that changes with what the rules mean."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from services.workers.stages.tag import check_rules, load_tagger, tag_article, tagger_of
from services.workers.stages.tag.audit import audit_rules
from services.workers.stages.tag.gazetteer import gazetteer
from services.workers.stages.tag.keywords import rarities
from services.workers.stages.tag.rulefile import BadRules
from services.workers.stages.tag.rules import topic_rules
from services.workers.stages.tag.tagger import Tagger
from services.workers.stages.tag.topics import TopicRules
from services.workers.stages.tag.version import version_of
from services.workers.stages.tag.vocabulary import FILE, shipped_vocabulary
from shared.article import Article, Source
from shared.clock import from_ms
from shared.errors import BadSettings

SPORT = "medtop:15000000:\n  name: sport\n  phrases:\n    en:\n      5: [zorbing, zorb race]\n"
SOCCER = "medtop:20001065:\n  name: soccer\n  phrases:\n    en:\n      5: [kickabout]\n"


def _article(title: str, body: str = "") -> Article:
    return Article("1", Source("a.example"), title, body, from_ms(0), language="en")


def _codes(tagger: Tagger, title: str) -> list[str]:
    return [tag.code for tag in tagger.tag(_article(title, title)).topics]


def _folder(root: Path, **files: str) -> Path:
    (root / "topics").mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (root / "topics" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return root


def test_a_rule_of_the_folder_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    tagger = load_tagger(_folder(tmp_path, mine=SOCCER))
    assert "medtop:20001065" in _codes(tagger, "A kickabout in the park, a long kickabout")
    assert "medtop:20001065" not in _codes(
        tagger, "The goalkeeper saved a penalty kick for the football club"
    )
    assert "medtop:20001065" in [
        t.code for t in tag_article(_article("Football goalkeeper", "A striker")).topics
    ]


def test_rules_of_other_topics_stay(tmp_path: Path) -> None:
    tagger = load_tagger(_folder(tmp_path, mine=SOCCER))
    assert _codes(tagger, "Parliament votes on the election law")[0] == "medtop:11000000"


def test_a_rule_without_phrases_switches_its_topic_off(tmp_path: Path) -> None:
    off = "medtop:20001065:\n  name: soccer\n  phrases: {}\n"
    title = "Football goalkeeper and striker, coach of the championship team"
    assert "medtop:20001065" in _codes(load_tagger(), title)
    assert _codes(load_tagger(_folder(tmp_path, off=off)), title) == ["medtop:15000000"]


def test_an_empty_folder_changes_no_tag_and_no_version(tmp_path: Path) -> None:
    assert load_tagger(tmp_path).version == load_tagger().version


def test_every_article_carries_the_version() -> None:
    tagger = load_tagger()
    assert re.fullmatch(r"[0-9a-f]{12}", tagger.version)
    assert tagger.tag(_article("A title")).vocabulary == tagger.version
    assert tag_article(_article("A title")).vocabulary == tagger.version


def _version(folder: Path) -> str:
    """As ``load_tagger`` has it, without compiling the rules."""
    topics = TopicRules(topic_rules(folder), shipped_vocabulary())
    return version_of(topics, gazetteer(), rarities(), None, "")


def _versions(tmp_path: Path, *texts: str) -> list[str]:
    return [_version(_folder(tmp_path / str(number), mine=text)) for number, text in enumerate(texts)]


def test_comments_order_and_file_names_leave_the_version_alone(tmp_path: Path) -> None:
    reordered = "# ours\n" + SPORT.replace("zorbing, zorb race", "zorb race, zorbing").replace("5:", "5.0:")
    first, second = _versions(tmp_path, SPORT + SOCCER, f"{SOCCER}\n{reordered}")
    two_files = _folder(tmp_path / "two", a=SOCCER, b=SPORT)
    assert first == second == _version(two_files) == load_tagger(two_files).version


@pytest.mark.parametrize(
    "changed",
    [
        SPORT.replace("zorbing", "zorbings"),
        SPORT.replace("5:", "4:"),
        SPORT.replace("en:", "any:"),
        SPORT + "  title_boost: 2\n",
        SPORT + "  emphasis: 2\n",
        SPORT + "  not: [no zorbing]\n",
        SPORT + SOCCER,
    ],
)
def test_every_change_of_meaning_changes_the_version(tmp_path: Path, changed: str) -> None:
    first, second = _versions(tmp_path, SPORT, changed)
    assert first != second


def test_another_phrase_under_not_changes_the_version(tmp_path: Path) -> None:
    first, second = _versions(tmp_path, SPORT + "  not: [no zorbing]\n", SPORT + "  not: [not zorbing]\n")
    assert first != second


def test_the_version_covers_gazetteer_and_vocabulary(tmp_path: Path) -> None:
    shipped = load_tagger().version
    (tmp_path / "gazetteer.yaml").write_text("persons: [Zorbina Zorb]\n")
    named = load_tagger(tmp_path).version
    (tmp_path / "vocabulary.yaml").write_text(
        FILE.read_text(encoding="utf-8").replace("cryptocurrency", "crypto assets"), encoding="utf-8"
    )
    assert len({shipped, named, load_tagger(tmp_path).version}) == 3


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (SPORT.replace("      5:", "\t5:"), 5, "no valid YAML"),
        (SPORT.replace("name: sport", "name: sports"), 2, "is called 'sport'"),
        (SPORT.replace("15000000", "15000001"), 1, "is no IPTC Media Topic"),
        (SPORT.replace("15000000", "20000064"), 1, "medtop:20000064 (war crime action) is retired"),
        (SPORT.replace("5:", "6:"), 5, "not between 0.1 and 5"),
        (SPORT.replace("zorb race", "zorbing"), 5, "written twice"),
        ("", 1, "the file is empty"),
    ],
)
def test_a_mistake_in_the_folder_stops_the_start_with_file_and_line(
    tmp_path: Path, text: str, line: int, reason: str
) -> None:
    folder = _folder(tmp_path, mine=text)
    with pytest.raises(BadRules, match=re.escape(f"{tmp_path}/topics/mine.yaml:{line}: ")) as caught:
        check_rules(folder)
    assert reason in str(caught.value)


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadRules, match="there is no such folder"):
        check_rules(tmp_path / "none")


@pytest.mark.parametrize("name", ["gazeteer.yaml", "topics.yaml", "vocabulary.yml", "topics/mine.yml"])
def test_a_file_that_would_be_passed_over_is_a_mistake(tmp_path: Path, name: str) -> None:
    _folder(tmp_path)
    (tmp_path / name).write_text(SPORT)
    with pytest.raises(BadRules, match=re.escape(f"{tmp_path}/{name}:1: ")):
        check_rules(tmp_path)


def _with_vocabulary(folder: Path, old: str, new: str) -> Path:
    text = FILE.read_text(encoding="utf-8")
    assert old in text
    folder.mkdir(exist_ok=True)
    (folder / "vocabulary.yaml").write_text(text.replace(old, new), encoding="utf-8")
    return folder


def test_a_topic_retired_by_the_folders_vocabulary_is_never_given(tmp_path: Path) -> None:
    old = '{name: "soccer", broader: medtop:20000822}'
    folder = _with_vocabulary(
        tmp_path, old, old.replace("}", ", retired: true, replaced_by: medtop:15000000}")
    )
    tagger = load_tagger(folder)
    assert "medtop:20001065" not in _codes(tagger, "Football goalkeeper and striker")
    assert tagger.topics.vocabulary.name_of("medtop:20001065") == "soccer"
    assert tagger.topics.vocabulary.broader_of("medtop:20001065")[-1] == "medtop:15000000"
    _folder(folder, mine=SOCCER)
    with pytest.raises(BadRules, match=r"is retired; replaced by medtop:15000000 \(sport\)"):
        load_tagger(folder)


def test_a_renamed_topic_is_given_under_its_new_name(tmp_path: Path) -> None:
    folder = _with_vocabulary(tmp_path, 'name: "soccer"', 'name: "association football"')
    tags = load_tagger(folder).tag(_article("Football goalkeeper", "A striker")).topics
    assert "association football" in [tag.name for tag in tags]


def test_the_audit_tells_every_mistake_of_a_folder(tmp_path: Path) -> None:
    _folder(tmp_path, mine=SPORT.replace("5:", "9:") + SOCCER.replace("soccer", "football"))
    (tmp_path / "vocabulary.yaml").write_text("a: {name: one, broader: b}\n")
    (tmp_path / "gazetteer.yaml").write_text("persons: Ann\n")
    (tmp_path / "other.yaml").write_text("a: b\n")
    told = "\n".join(audit_rules(tmp_path).mistakes)
    for place in ("topics/mine.yaml:1", "vocabulary.yaml:1", "gazetteer.yaml:1", "other.yaml:1"):
        assert f"{tmp_path}/{place}" in told


def test_the_audit_warns_of_what_can_hardly_be_meant(tmp_path: Path) -> None:
    text = SPORT.replace("[zorbing, zorb race]", "[zorbing, cathedral quarrel]") + "  not: [zorbing]\n"
    faith = (
        "medtop:12000000:\n  name: religion and belief\n  phrases:\n    en:\n      5: [cathedral quarrel]\n"
    )
    weak = "medtop:20001065:\n  name: soccer\n  phrases:\n    en:\n      1: [kickabout]\n"
    found = audit_rules(_folder(tmp_path, a=text, b=faith, c=weak))
    told = "\n".join(found.warnings)
    assert found.mistakes == ()
    assert "'zorbing' (en) never counts" in told
    assert "'cathedral quarrel' (en, 5) speaks as much for medtop:1" in told
    assert "medtop:20001065 can hardly be given" in told
    assert "topics/01-arts.yaml" not in told  # the shipped rules are not the newsroom's to mend


@pytest.mark.parametrize(
    "off", ["medtop:20001065: {}\n", "medtop:20001065:\n  name: soccer\n  phrases: {}\n"]
)
def test_an_empty_rule_switches_a_topic_off(tmp_path: Path, off: str) -> None:
    title = "Football goalkeeper and striker, coach of the championship team"
    folder = _folder(tmp_path, off=off)
    assert audit_rules(folder).mistakes == ()
    assert _codes(load_tagger(folder), title) == ["medtop:15000000"]


def test_an_empty_rule_of_a_top_topic_switches_its_branch_off(tmp_path: Path) -> None:
    title = "Football goalkeeper and striker, coach of the championship team"
    assert _codes(load_tagger(_folder(tmp_path, off="medtop:15000000: {}\n")), title) == []


def test_an_empty_rule_of_a_code_that_is_none_is_a_mistake(tmp_path: Path) -> None:
    (told,) = audit_rules(_folder(tmp_path, off="medtop:15000001: {}\n")).mistakes
    assert told == f"{tmp_path}/topics/off.yaml:1: medtop:15000001 is no IPTC Media Topic"


def test_of_two_rules_with_one_phrase_the_order_decides_nothing(tmp_path: Path) -> None:
    """Both speak for sport; how much more in a title must not hang on which is read first."""
    loud, quiet = (
        f"{code}:\n  name: {name}\n  phrases:\n    en:\n      5: [kickabout]\n  title_boost: {boost}\n"
        for code, name, boost in (("medtop:20000824", "archery", 4), ("medtop:20000848", "bandy", 0))
    )
    one = load_tagger(_folder(tmp_path / "one", a=loud, b=quiet))
    other = load_tagger(_folder(tmp_path / "other", a=quiet, b=loud))
    assert one.version == other.version
    article = _article("A kickabout", "The kickabout went on. " * 3)
    assert one.tag(article) == other.tag(article)


def test_small_differences_of_weight_change_the_version(tmp_path: Path) -> None:
    first, second = _versions(tmp_path, SPORT.replace("5:", "3.0000001:"), SPORT.replace("5:", "3.0000002:"))
    assert first != second


def test_a_topic_in_use_below_a_retired_one_is_a_mistake(tmp_path: Path) -> None:
    old = '{name: "competition discipline"'
    folder = _with_vocabulary(tmp_path, old, old.replace("{", "{retired: true, "))
    with pytest.raises(
        BadRules, match=r"vocabulary\.yaml:\d+: medtop:\d+ is in use, but broader medtop:\d+ is retired"
    ):
        load_tagger(folder)


@pytest.mark.parametrize("name", ["~no-such-user/rules", "n" * 300])
def test_a_folder_or_model_that_the_system_refuses_is_named(tmp_path: Path, name: str) -> None:
    path = name if name.startswith("~") else str(tmp_path / name)
    with pytest.raises(BadSettings) as caught:
        tagger_of(path, "", "")
    assert str(caught.value).startswith(f"{path}: ")
    assert [path in told for told in audit_rules(Path(path)).mistakes][:1] == [True]
    with pytest.raises(BadSettings) as caught:
        tagger_of("", path, "")
    assert path in str(caught.value)


def test_a_home_is_looked_up_by_every_way_to_a_tagger(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    _folder(tmp_path / "own", mine=SPORT)
    assert load_tagger(Path("~/own")).version == _version(tmp_path / "own") != load_tagger().version
