"""A changed vocabulary is noticed: `replay --from-stage tag`, `status` and `doctor` say what it affects."""

from __future__ import annotations

from dataclasses import replace

import pytest

from services.cli import doctor, status
from services.cli.vocabularies import present_version
from services.workers.stages.tag import tag_article
from shared.ledger.keeping import ReplaySpec
from shared.ledger.port import Outcome
from shared.settings import Settings

from .conftest import Newsdesk, raw

TEXT = "The central bank raised interest rates on Thursday, and inflation fell. " * 3


@pytest.fixture(autouse=True)
def _no_services(monkeypatch):
    monkeypatch.setattr(status.Desk, "readiness", lambda desk: iter([("ingest", None)]))


@pytest.fixture
def tagging(desk, monkeypatch):
    """A desk that tags in earnest, but for the items whose tags are said to be of an older version."""
    older = set()

    def tag(self, works):
        found = []
        for work in works:
            article = tag_article(work.article)
            if work.article_id in older:
                article = replace(article, vocabulary="000000000000", topics=())
            found.append(Outcome(work.sequence, "tagged", article=article))
        return found

    monkeypatch.setattr(Newsdesk, "_tag", tag)
    desk.push(raw(1, body=TEXT), raw(2, body=f"{TEXT} Again."))
    older.update(raw(number).id for number in (3, 4))
    desk.push(raw(3, body=f"{TEXT} Thrice."), raw(4, body="Nothing of note."))
    older.clear()
    return desk


def test_only_stale_articles_are_tagged_again(tagging):
    told = tagging.run("replay", "--from-stage", "tag", answer="y\n")
    assert told.code == 0
    assert "2 of 4 articles were tagged with an older vocabulary" in told.out
    assert "Run 2 submissions accepted before" in told.err
    assert "2 submissions put back to tag" in told.out
    assert [tagging.ledger.status(raw(number).id).stage for number in (1, 2, 3, 4)] == [
        None, None, "tag", "tag",
    ]  # fmt: skip
    tagging.work()
    assert [step.word for step in tagging.ledger.journey(raw(3).id)][-3:] == ["replayed", "tagged", "indexed"]
    assert [step.word for step in tagging.ledger.journey(raw(4).id)][-2:] == ["replayed", "indexed"]
    assert tagging.ledger.article(raw(3).id).topics
    told = tagging.run("replay", "--from-stage", "tag")
    assert (told.code, told.out) == (0, "all 4 articles are tagged with the present vocabulary\n")


def test_all_takes_those_of_the_present_version_too(tagging):
    told = tagging.run("replay", "--from-stage", "tag", "--all", "--yes")
    assert "4 submissions put back to tag" in told.out
    assert "older" not in told.out
    assert tagging.waiting() == {("tag", "replay"): 4}


def test_source_and_time_narrow_what_is_stale(tagging):
    told = tagging.run("replay", "--from-stage", "tag", "--source", "paper1.example", "--yes")
    assert "1 of 2 articles was tagged with an older vocabulary" in told.out
    assert tagging.waiting() == {("tag", "replay"): 1}
    told = tagging.run("replay", "--from-stage", "tag", "--source", "nobody.example")
    assert told.out == "nothing matches\n"


@pytest.mark.parametrize("stage", ["clean", "dedupe", "index"])
def test_all_says_nothing_about_other_stages(desk, stage):
    told = desk.run("replay", "--from-stage", stage, "--all", "--yes")
    assert told.code == 2
    assert "--all goes with --from-stage tag" in told.err


def test_status_and_doctor_say_how_many_are_stale_until_none_is(tagging):
    said = "2 of 4 articles were tagged with an older vocabulary; `copydesk replay --from-stage tag` re-tags"
    assert said in tagging.run("status").out
    version = present_version(tagging.settings)
    assert doctor.check_vocabulary(tagging.settings).startswith(f"version {version}; {said}")
    assert tagging.ledger.replay(ReplaySpec("tag", stale=version), 0, 10, 1).changed == 2
    tagging.work()
    assert "vocabulary" not in tagging.run("status").out
    assert doctor.check_vocabulary(tagging.settings) == (
        f"version {version}; all 4 articles are tagged with the present vocabulary"
    )


def test_a_newsroom_without_articles_is_told_of_the_version_alone(desk, tmp_path):
    version = present_version(desk.settings)
    assert doctor.check_vocabulary(desk.settings) == f"version {version}"
    assert doctor.check_vocabulary(Settings(data_dir=tmp_path / "none")) == f"version {version}"
    assert "vocabulary" not in desk.run("status").out


def test_rules_with_a_mistake_are_told_of_and_nothing_is_replayed(tagging, tmp_path, monkeypatch):
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "gazetteer.yaml").write_text("nothing: [of, the, kind]\n")
    monkeypatch.setenv("COPYDESK_VOCABULARY_DIR", str(rules))
    told = tagging.run("status")
    assert "vocabulary: " in told.out
    assert "gazetteer.yaml:1" in told.out.replace("\n", "")
    findings = doctor.examine(replace(tagging.settings, vocabulary_dir=str(rules)))
    found = next(one for one in findings if one.what == "vocabulary")
    assert not found.good
    assert "gazetteer.yaml:1" in found.told
    told = tagging.run("replay", "--from-stage", "tag", "--yes")
    assert told.code == 1
    assert "gazetteer.yaml:1" in told.err
    assert tagging.waiting() == {}


def test_status_tells_why_submissions_were_rejected(desk):
    assert "rejected 0" not in desk.run("status").out
    desk.accept(*(raw(number) for number in range(1, 6)))
    held = desk.ledger.claim("clean", "live", 10, "w", 1)
    reasons = ("front-page", "too-short", "front-page", "dropped: by a person", "front-page")
    done = [Outcome(work.sequence, "rejected", why) for work, why in zip(held.works, reasons, strict=True)]
    desk.ledger.commit(held, done, None, "w", 1)
    assert "rejected 5: 3 front-page, 1 dropped, 1 too-short" in desk.run("status").out
