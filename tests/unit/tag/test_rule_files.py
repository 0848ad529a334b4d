"""Rule files: the shipped ones load, and a mistake in one is told with file and line."""

from __future__ import annotations

import pickle
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.workers.stages.tag import check_rules
from services.workers.stages.tag.rulefile import BadRules
from services.workers.stages.tag.rules import FOLDER, load_rules, shipped_rules
from services.workers.stages.tag.vocabulary import broader_of, concepts, name_of, read_concepts
from shared.errors import BadSettings

ATTRIBUTION = (
    "IPTC Media Topics NewsCodes, © IPTC, International Press Telecommunications Council, "
    "https://iptc.org, CC BY 4.0"
)
TOP = [f"medtop:{number:02}000000" for number in range(1, 18)]
GOOD = "medtop:15000000:\n  name: sport\n  phrases:\n    en:\n      3: [goal, match]\n"


def _load(folder: Path, text: str) -> None:
    (folder / "15-sport.yaml").write_text(text, encoding="utf-8")
    load_rules(folder)


def test_every_shipped_rule_file_loads() -> None:
    check_rules()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.yaml")), ids=lambda path: path.name)
def test_every_rule_file_names_the_owner_of_the_codes(path: Path) -> None:
    assert ATTRIBUTION in path.read_text(encoding="utf-8").split("\n")[0]


@pytest.mark.parametrize("code", TOP)
def test_every_top_topic_has_rules_in_five_languages(code: str) -> None:
    (rule,) = [rule for rule in shipped_rules() if rule.code == code]
    assert {"en", "es", "fr", "de", "ar"} <= set(rule.phrases)


def test_at_least_two_hundred_narrower_topics_have_rules() -> None:
    assert len([rule for rule in shipped_rules() if rule.code not in TOP]) >= 200


def test_no_retired_topic_has_rules() -> None:
    assert not [rule.code for rule in shipped_rules() if concepts()[rule.code].retired]


@pytest.mark.parametrize(
    ("text", "line", "reason"),
    [
        (GOOD + "  colour: red\n", 6, "unknown key 'colour'"),
        (GOOD.replace("15000000", "15999999"), 1, "is no IPTC Media Topic"),
        (GOOD.replace("15000000", "20000030"), 1, "is retired; the nearest broader topic in use is"),
        (
            GOOD.replace("match]", '"Goal ", "goal "]'),
            5,
            "'goal ' is read as 'goal', which is written already",
        ),
        (GOOD.replace("goal, match", "e-mail, e mail"), 5, "'e mail' is read as 'e-mail'"),
        (GOOD.replace("    en:", "    english:"), 4, "'english' is no language"),
        (GOOD.replace("  name", "\tname"), 2, "no valid YAML: found character that cannot start any token"),
        (GOOD.replace("      3:", "    3:"), 4, "a mapping (key: value) is wanted"),
        (GOOD.replace("  phrases:\n    en:", "  phrases:\n  en:"), 4, "unknown key 'en'"),
        (GOOD + "  name: sport\n", 6, "name is written twice"),
        (GOOD.replace("[goal, match]", "&a [goal]") + "    es:\n      3: *a\n", 5, "anchors and aliases"),
        (GOOD + "---\n" + GOOD, 6, "a second document"),
        ("[" * 50_000, 1, "more than 12 levels"),
        ("- " * 50_000, 1, "more than 12 levels"),
        (GOOD + GOOD, 6, "written twice"),
        (GOOD.replace("name: sport", "name: sports"), 2, "is called 'sport'"),
        (GOOD.replace("  name: sport\n", ""), 1, "has no name"),
        (GOOD.replace("3:", "heavy:"), 5, "a number is wanted"),
        (GOOD.replace("3:", "30:"), 5, "not between 0.1 and 5"),
        (GOOD.replace("3:", "nan:"), 5, "not between"),
        (GOOD.replace("match]", '""]'), 5, "must not be empty"),
        (GOOD.replace("match]", '"?!"]'), 5, "is no phrase"),
        (GOOD.replace("match]", '"ab*"]'), 5, "too short"),
        (GOOD.replace("match]", '"foot*ball"]'), 5, "is no phrase"),
        (GOOD.replace("match]", "goal]"), 5, "'goal' is written twice"),
        (GOOD.replace("[goal, match]", "goal"), 5, "a list is wanted"),
        (GOOD.replace("    en:\n      3: [goal, match]", "    - goal"), 4, "a mapping"),
        (GOOD + "  title_boost: -1\n", 6, "not between 0 and 10"),
        (GOOD + "  not: [[a]]\n", 6, "a text is wanted"),
        ("medtop:15000000:\n  name: sport\n", 1, "has no phrases"),
        ("medtop:15000000: [\n", 2, "no valid YAML"),
        ("", 1, "the file is empty"),
        (
            GOOD.replace("15000000", "20001065").replace("name: sport", "name: soccer") + "  emphasis: 2\n",
            6,
            "top topics",
        ),
    ],
)
def test_a_mistake_is_told_with_file_and_line(tmp_path: Path, text: str, line: int, reason: str) -> None:
    with pytest.raises(BadRules) as caught:
        _load(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path}/15-sport.yaml:{line}: ")
    assert reason in str(caught.value)


def test_a_file_that_is_not_utf_8_is_told_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "15-sport.yaml").write_bytes(GOOD.replace("match", "é").encode("latin-1"))
    with pytest.raises(BadRules, match=r"15-sport\.yaml:5: is not UTF-8"):
        load_rules(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    (tmp_path / "15-sport.yaml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert [rule.code for rule in load_rules(tmp_path)] == ["medtop:15000000"]


def test_all_mistakes_are_gathered_where_that_is_asked_for(tmp_path: Path) -> None:
    text = GOOD.replace("3: [goal, match]", '3: [goal, goal, "?!", match]\n      9: [cup]')
    (tmp_path / "15-sport.yaml").write_text(text + "  colour: red\nmedtop:1:\n  phrases: {}\n")
    (tmp_path / "16-other.yaml").write_text("[")
    found: list[BadRules] = []
    rules = load_rules(tmp_path, mistakes=found)
    assert [str(error).removeprefix(f"{tmp_path}/").split(": ")[0] for error in found] == [
        "15-sport.yaml:7",
        "15-sport.yaml:5",
        "15-sport.yaml:5",
        "15-sport.yaml:6",
        "15-sport.yaml:8",
        "16-other.yaml:2",
    ]
    assert rules[0].phrases["en"] == {"goal": 3.0, "match": 3.0}


@settings(max_examples=80, deadline=None)
@given(
    place=st.integers(0, len(GOOD)), cut=st.integers(0, 9), noise=st.binary(max_size=9) | st.text(max_size=9)
)
def test_any_damage_to_a_file_is_read_or_told_with_a_line(
    tmp_path_factory: pytest.TempPathFactory, place: int, cut: int, noise: str | bytes
) -> None:
    folder = tmp_path_factory.getbasetemp() / "damaged"
    folder.mkdir(exist_ok=True)
    data = noise if isinstance(noise, bytes) else noise.encode(errors="surrogatepass")
    (folder / "15-sport.yaml").write_bytes(GOOD[:place].encode() + data + GOOD[place + cut :].encode())
    found: list[BadRules] = []
    load_rules(folder, mistakes=found)
    assert all(re.match(rf"{folder}/15-sport\.yaml:\d+: \S", str(error)) for error in found)
    if found:
        with pytest.raises(BadRules):
            load_rules(folder)


@pytest.mark.parametrize("text", ["\x00", "\x07", "\ufffe"])
def test_a_character_that_yaml_forbids_is_told_with_its_line(tmp_path: Path, text: str) -> None:
    with pytest.raises(BadRules, match=r"15-sport\.yaml:5: no valid YAML"):
        _load(tmp_path, GOOD.replace("match", text))


def test_a_shipped_file_is_named_from_its_folder() -> None:
    assert all(rule.place.startswith("topics/") for rule in shipped_rules())


def test_a_topic_in_two_files_is_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "01-other.yaml").write_text(GOOD)
    with pytest.raises(BadRules, match=r"15-sport\.yaml:1: .* in another file already"):
        _load(tmp_path, GOOD)


def test_a_folder_without_rules_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadRules, match="no rule files"):
        load_rules(tmp_path)


def test_a_bad_rule_file_is_a_bad_setting_and_pickles() -> None:
    error = BadRules("15-sport.yaml:1: odd")
    assert isinstance(error, BadSettings)
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_words_that_yaml_reads_as_flags_stay_words(tmp_path: Path) -> None:
    (tmp_path / "15-sport.yaml").write_text(GOOD.replace("match]", "no, 2012]"))
    (rule,) = load_rules(tmp_path)
    assert rule.phrases["en"] == {"goal": 3.0, "no": 3.0, "2012": 3.0}


def test_a_topic_knows_its_name_and_its_ancestors() -> None:
    assert name_of("medtop:20001065") == "soccer"
    assert broader_of("medtop:20001065") == ("medtop:20000822", "medtop:15000000")
    assert broader_of("medtop:15000000") == ()


def test_a_retired_code_still_resolves() -> None:
    assert name_of("medtop:20000030") == "music theater"
    assert broader_of("medtop:20000030")[-1] == "medtop:01000000"


def test_an_unknown_code_is_refused() -> None:
    with pytest.raises(BadRules, match="medtop:1 is no IPTC Media Topic"):
        name_of("medtop:1")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a: {name: one, broader: b}\n", r"voc\.yaml:1: broader b is not in the vocabulary"),
        ("a: {name: one, broader: b}\nb: {name: two, broader: a}\n", r"voc\.yaml:1: a is its own ancestor"),
        ("a: {broader: b}\n", r"voc\.yaml:1: a name is missing"),
        ("a: {name: one, retired: maybe}\n", r"voc\.yaml:1: true or false"),
        ("a: {name: one, retired: true, replaced_by: b}\n", r"voc\.yaml:1: replaced_by b is not in"),
    ],
)
def test_a_mistake_in_the_vocabulary_is_told(tmp_path: Path, text: str, reason: str) -> None:
    path = tmp_path / "voc.yaml"
    path.write_text(text)
    with pytest.raises(BadRules, match=reason):
        read_concepts(path)
