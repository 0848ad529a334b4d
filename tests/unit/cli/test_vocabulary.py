"""`copydesk vocabulary`: mistakes told and counted, texts tried out, IPTC's file read whole or not at all."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from services.cli.vocabulary import vocabulary
from services.workers.stages.tag import load_tagger
from services.workers.stages.tag.model import TrainedTopic, model_bytes
from services.workers.stages.tag.vocabulary import FILE
from services.workers.stages.tag.vocabulary import concepts as shipped
from shared.errors import BadSettings, InvalidRequest

SPORT = "medtop:15000000:\n  name: sport\n  phrases:\n    en:\n      5: [zorbing, zorb race]\n"
SCHEME = "http://cv.iptc.org/newscodes/mediatopic/"
GOAL = "Late goal wins the cup final\n\nThe striker scored in stoppage time, and the team lifted the trophy."


def run(*words: str, given: str | bytes | None = None, folder: str = "", model: str = "") -> Result:
    runner = CliRunner(env={"COPYDESK_VOCABULARY_DIR": folder, "COPYDESK_TOPIC_MODEL": model})
    done = runner.invoke(vocabulary, words, input=given)
    if done.exception is not None and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done


def _folder(root: Path, text: str) -> Path:
    (root / "topics").mkdir(parents=True)
    (root / "topics" / "mine.yaml").write_text(text)
    return root


def test_check_counts_what_is_shipped() -> None:
    done = run("check")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert "topics: 17 top, 273 below; 190 retired codes known" in lines
    assert any(line.startswith("phrases: ") and " en" in line and " ar" in line for line in lines)
    assert any(line.startswith("names: ") and "person" in line for line in lines)
    assert f"version: {load_tagger().version}" in lines
    assert lines[-1].startswith("0 mistakes, ")


def test_check_tells_every_mistake_and_ends_with_1(tmp_path: Path) -> None:
    folder = _folder(tmp_path, SPORT.replace("5:", "9:") + "  colour: red\n")
    (folder / "vocabulary.yaml").write_text("[")
    done = run("check", str(folder))
    assert done.exit_code == 1
    told = [line for line in done.stdout.splitlines() if line.startswith("mistake: ")]
    assert f"mistake: {folder}/topics/mine.yaml:5: 9 is not between 0.1 and 5" in told
    assert any("topics/mine.yaml:6: unknown key 'colour'" in line for line in told)
    assert any("vocabulary.yaml:2: no valid YAML" in line for line in told)
    assert done.stdout.splitlines()[-1].startswith("3 mistakes, ")


def test_check_reads_the_folder_that_is_set(tmp_path: Path) -> None:
    done = run("check", folder=str(_folder(tmp_path, SPORT.replace("sport", "sports"))))
    assert done.exit_code == 1
    assert f"{tmp_path}/topics/mine.yaml:2: medtop:15000000 is called 'sport'" in done.stdout


def test_a_text_is_shown_with_scores_evidence_weights_names_and_keywords(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_text(f"{GOAL} Ann Smith of FC Barcelona earned $5 million.")
    done = run("test", str(file))
    assert done.exit_code == 0, done.output
    assert "Late goal wins the cup final" in done.stdout
    assert "medtop:15000000" in done.stdout
    assert "striker 4x1=" in done.stdout
    assert "$5 million = 5e+06 USD" in done.stdout
    assert "Ann Smith (person, 1)" in done.stdout
    assert "keywords: " in done.stdout
    assert "not given" not in done.stdout


def test_topics_that_fell_short_are_shown_on_request() -> None:
    done = run("test", "-", "--all", given=f"{GOAL} The government said nothing.")
    assert "politics (not given)" in done.stdout


def test_a_page_is_cleaned_before_it_is_tagged() -> None:
    text = "".join(
        f"<p>{GOAL} The coach praised his players for the {n}th time this season.</p>" for n in range(9)
    )
    page = f"<html><head><title>Cup final</title></head><body><article>{text}</article></body></html>"
    done = run("test", "-", given=page)
    assert "sport" in done.stdout
    assert "<p>" not in done.stdout


def test_each_line_of_ndjson_is_an_article(tmp_path: Path) -> None:
    file = tmp_path / "a.ndjson"
    items = [{"title": "Cup final", "body": GOAL}, {"id": "x", "title": "Election", "body": "Voters voted."}]
    file.write_text("\n".join(map(json.dumps, items)))
    done = run("test", str(file), "--language", "en")
    assert done.stdout.count("vocabulary ") == 2
    assert "politics" in done.stdout
    assert "sport" in done.stdout


def test_the_newsrooms_rules_are_tried_and_the_language_can_be_said(tmp_path: Path) -> None:
    folder = str(_folder(tmp_path, SPORT))
    text = "Zorbing, zorb race and more zorbing"
    assert "zorb race 5x1" in run("test", "-", "--folder", folder, "--language", "en", given=text).stdout
    assert "zorb race 5x1" not in run("test", "-", "--folder", folder, "--language", "de", given=text).stdout


def test_a_line_that_is_no_object_is_named() -> None:
    with pytest.raises(InvalidRequest, match="line 2"):
        run("test", "-", given='{"title": "A", "body": "B"}\n[1]\n')


def test_an_empty_file_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="is empty"):
        run("test", "-", given=" \n")


@pytest.mark.parametrize(
    "data", [b"\xff\xfe\x00", b"\x1b[2J\x1b]0;x\x07 hello there", b"{" * 5000, b"<p" * 900]
)
def test_odd_bytes_are_shown_without_harm(data: bytes) -> None:
    done = run("test", "-", given=data)
    assert done.exit_code == 0, done.output
    assert "\x1b[2J" not in done.stdout


def _concept(code: str, name: str, broader: str | None = None, **more: Any) -> dict[str, Any]:
    found = {"uri": f"{SCHEME}{code}", "qcode": f"medtop:{code}", "prefLabel": {"en-US": name}, **more}
    return found | ({"broader": [f"{SCHEME}{broader}"]} if broader else {})


def _release(**changes: Any) -> dict[str, Any]:
    """A release made of what is shipped: one topic new, one renamed, one moved, two retired, one left out."""
    known = shipped()
    concepts = {
        code.removeprefix("medtop:"): _concept(
            code.removeprefix("medtop:"),
            concept.name,
            concept.broader.removeprefix("medtop:") if concept.broader else None,
            **({"retired": "2020-01-01T00:00:00+00:00"} if concept.retired else {}),
        )
        for code, concept in known.items()
    }
    concepts["20009999"] = _concept("20009999", "zorbing", "15000000")
    concepts["20001065"]["prefLabel"] = {"en-GB": "association football"}
    concepts["20001279"]["broader"] = [f"{SCHEME}04000000"]
    concepts["20000849"] |= {"retired": "2026-01-01T00:00:00+00:00", "isReplacedBy": f"{SCHEME}20009999"}
    concepts["20000850"] |= {"retired": "2026-01-01T00:00:00+00:00"}  # what lies below baseball
    del concepts["20000004"]
    return {
        "uri": SCHEME, "dateReleased": "2026-05-01T12:00:00+00:00", "conceptSet": list(concepts.values()),
    } | changes  # fmt: skip


def _write(path: Path, release: object) -> str:
    path.write_text(json.dumps(release), encoding="utf-8")
    return str(path)


def test_a_release_is_written_and_its_changes_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "own"
    done = run("import", _write(tmp_path / "cptall.json", _release()), "--to", str(folder))
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert lines[0] == f"{folder}/vocabulary.yaml: 1158 topics in use, 193 retired, released 2026-05-01"
    for label, detail in (
        ("new: 1", "medtop:20009999 zorbing"),
        ("renamed: 1", "medtop:20001065 soccer -> association football"),
        ("moved: 1", "medtop:20001279 cryptocurrency: "),
        ("retired: 2", "medtop:20000849 baseball -> medtop:20009999 zorbing"),
        ("no longer listed, kept as retired: 1", "medtop:20000004 cartoon"),
    ):
        assert detail in lines[lines.index(label) + 1]
    assert any("baseball) is retired; replaced by medtop:20009999 (zorbing)" in line for line in lines)
    known = load_tagger(folder).topics.vocabulary
    assert known.name_of("medtop:20001065") == "association football"
    assert known.broader_of("medtop:20001279") == ("medtop:04000000",)
    assert known.concepts["medtop:20000849"].retired
    assert (known.name_of("medtop:20000004"), known.in_use("medtop:20000004")) == ("cartoon", False)
    assert [path.name for path in folder.iterdir()] == ["vocabulary.yaml"]
    assert run("check", str(folder)).exit_code == 0


def test_a_second_import_of_the_same_changes_nothing(tmp_path: Path) -> None:
    file = _write(tmp_path / "cptall.json", _release())
    run("import", file, "--to", str(tmp_path))
    before = (tmp_path / "vocabulary.yaml").read_bytes()
    packed = tmp_path / "cptall.json.gz"
    packed.write_bytes(gzip.compress(Path(file).read_bytes()))
    done = run("import", str(packed), folder=str(tmp_path))
    assert "new: 0" in done.stdout
    assert "renamed: 0" in done.stdout
    assert (tmp_path / "vocabulary.yaml").read_bytes() == before


def test_rules_of_the_newsroom_that_have_to_follow_are_told(tmp_path: Path) -> None:
    folder = _folder(
        tmp_path / "own", "medtop:20000849:\n  name: baseball\n  phrases:\n    en:\n      5: [inning]\n"
    )
    done = run("import", _write(tmp_path / "cptall.json", _release()), "--to", str(folder))
    assert (
        f"to be corrected before the next start: {folder}/topics/mine.yaml:1: medtop:20000849" in done.stdout
    )


@pytest.mark.parametrize(
    ("release", "reason"),
    [
        ([], "it holds no object"),
        ({"uri": "http://cv.iptc.org/newscodes/subjectcode/"}, "not that of the scheme mediatopic"),
        (_release(conceptSet=[]), "`conceptSet` is missing or empty"),
        (_release(conceptSet=[7]), "entry 0 of `conceptSet` is no object"),
        (_release(conceptSet=[{"prefLabel": {"en-US": "a"}}]), "entry 0 of `conceptSet` has no `qcode`"),
        (_release(conceptSet=[{"qcode": "medtop:04000000"}]), "medtop:04000000 has no English `prefLabel`"),
        (
            _release(conceptSet=[{"qcode": "medtop:04000000", "prefLabel": {"de": "Wirtschaft"}}]),
            "medtop:04000000 has no English `prefLabel`",
        ),
        (
            _release(conceptSet=[_concept("04000000", "a", "99000000")]),
            "broader than medtop:04000000, is missing",
        ),
        (
            _release(
                conceptSet=[_concept("20000001", "a", "20000002"), _concept("20000002", "b", "20000001")]
            ),
            "medtop:20000001 is its own ancestor",
        ),
    ],
)
def test_a_file_that_is_not_it_is_refused_and_nothing_is_written(
    tmp_path: Path, release: object, reason: str
) -> None:
    (tmp_path / "vocabulary.yaml").write_bytes(FILE.read_bytes())
    with pytest.raises(BadSettings) as caught:
        run("import", _write(tmp_path / "cptall.json", release), "--to", str(tmp_path))
    assert reason in str(caught.value)
    assert str(tmp_path / "cptall.json") in str(caught.value)
    assert (tmp_path / "vocabulary.yaml").read_bytes() == FILE.read_bytes()


@pytest.mark.parametrize("data", [b"", b"{", b"\x1f\x8bdamaged", b"\xff\xfe{}", b"[" * 100_000])
def test_bytes_that_are_no_json_are_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "cptall.json").write_bytes(data)
    with pytest.raises(BadSettings, match=r"cptall\.json"):
        run("import", str(tmp_path / "cptall.json"), "--to", str(tmp_path))
    assert not (tmp_path / "vocabulary.yaml").exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "own").write_text("a file")
    with pytest.raises(BadSettings):
        run("import", _write(tmp_path / "cptall.json", _release()), "--to", str(tmp_path / "own" / "deeper"))


def test_without_a_folder_import_says_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"--to or COPYDESK_VOCABULARY_DIR"):
        run("import", _write(tmp_path / "cptall.json", _release()))


def test_the_commands_are_known_by_their_names() -> None:
    assert set(vocabulary.commands) == {"check", "test", "import"}


@pytest.mark.parametrize(
    ("release", "reason"),
    [
        (_release(conceptSet=[_concept("04000000", " ")]), "medtop:04000000 has no English `prefLabel`"),
        (
            _release(
                conceptSet=[_concept("04000000", "a", retired="2026"), _concept("20000001", "b", "04000000")]
            ),
            "medtop:20000001 is in use, but medtop:04000000, broader than it, is retired",
        ),
        (
            _release(
                conceptSet=[
                    _concept("20000000", "top"),
                    *(_concept(f"{20000000 + n}", f"level {n}", f"{20000000 + n - 1}") for n in range(1, 14)),
                ]
            ),
            "makes no vocabulary, nothing is written: vocabulary.yaml:",
        ),
    ],
)
def test_a_release_that_workers_could_not_read_does_not_replace_a_good_file(
    tmp_path: Path, release: object, reason: str
) -> None:
    (tmp_path / "vocabulary.yaml").write_bytes(FILE.read_bytes())
    with pytest.raises(BadSettings) as caught:
        run("import", _write(tmp_path / "cptall.json", release), "--to", str(tmp_path))
    assert reason in str(caught.value)
    assert str(tmp_path / "cptall.json") in str(caught.value)
    assert (tmp_path / "vocabulary.yaml").read_bytes() == FILE.read_bytes()


def test_a_topic_model_that_has_to_follow_is_told(tmp_path: Path) -> None:
    model = tmp_path / "m.json"
    model.write_bytes(model_bytes([TrainedTopic("medtop:20000849", 0.0, 0.5)], {}, {"en"}, {}))
    file = _write(tmp_path / "cptall.json", _release())
    done = run("import", file, "--to", str(tmp_path / "own"), model=str(model))
    assert f"to be corrected before the next start: topic model {model}: medtop:20000849 (base" in done.stdout


def test_a_home_is_looked_up_in_the_setting_and_in_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    _folder(tmp_path / "own", SPORT.replace("5:", "9:"))
    for done in (run("check", folder="~/own"), run("check", "~/own")):
        assert f"mistake: {tmp_path}/own/topics/mine.yaml:5: 9 is not between" in done.stdout
    monkeypatch.chdir(tmp_path)
    run("import", _write(tmp_path / "cptall.json", _release()), folder="~/other")
    assert (tmp_path / "other" / "vocabulary.yaml").exists()
