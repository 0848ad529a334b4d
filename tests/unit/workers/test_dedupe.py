"""The dedupe stage: unchanged, superseded, revised, or the same text elsewhere."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from services.workers.stages.dedupe import Arrival, content_hash, dedupe_articles, text_hash
from shared.article import Article, Current, Source, Verdict
from shared.fingerprints.memory import MemoryFingerprints

EARLY, LATE = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
LEAD = Article(
    id="1" * 32, source=Source("harbour.example"), title="Ferry line reopens after winter repairs",
    body="The ferry between the two islands sails again from Monday, the harbour office said in a note. "
    "The line had been closed since a storm broke its ramp in January, and people who work on the other "
    "shore took small boats that stayed in port whenever the wind was high.",
    ingested_at=EARLY,
)  # fmt: skip
COPY = replace(LEAD, id="2" * 32, source=Source("island.example"), title="Boats are back")


def known(article: Article, **fields: object) -> Current:
    made = Current(1, 1, content_hash(article), Verdict("new", story_id="s" * 32))
    return replace(made, **fields)  # type: ignore[arg-type]


def test_the_same_text_elsewhere_is_a_duplicate_of_the_first() -> None:
    first, second = dedupe_articles([Arrival(LEAD, 1), Arrival(COPY, 2)], MemoryFingerprints())
    assert first.verdict == Verdict("new", story_id=LEAD.id)
    assert second.verdict == Verdict("duplicate", LEAD.id, 1.0, LEAD.id, "same-text")


def test_a_repeated_task_is_never_its_own_duplicate() -> None:
    fingerprints = MemoryFingerprints()
    arrivals = [Arrival(LEAD, 1), Arrival(COPY, 2)]
    assert dedupe_articles(arrivals, fingerprints) == dedupe_articles(arrivals, fingerprints)


@pytest.mark.parametrize(
    "body",
    [
        LEAD.body.upper(),
        LEAD.body.replace(" ", "  "),
        LEAD.body.replace(",", " –"),
        LEAD.body.replace("Monday, ", "Monday,\n"),
        LEAD.body.replace("ffi", "ﬃ"),
    ],
)
def test_case_spacing_and_punctuation_do_not_make_another_text(body: str) -> None:
    assert text_hash(replace(COPY, body=body)) == text_hash(LEAD)


def test_hashes_stay_what_a_ledger_has_of_them() -> None:
    """Else everything that is pushed again after an upgrade has changed."""
    assert content_hash(LEAD) == "fca1cc13d930292d7c6fb160e56f9183"
    assert text_hash(LEAD) == "da222ff71ebecbc295d5ff04cf152ee6"


def test_one_other_word_makes_another_text() -> None:
    changed = replace(COPY, body=LEAD.body.replace("Monday", "Tuesday"))
    [_, second] = dedupe_articles([Arrival(LEAD, 1), Arrival(changed, 2)], MemoryFingerprints())
    assert second.verdict is not None
    assert second.verdict.word == "new"


@pytest.mark.parametrize("words", [0, 2, 11, 12, 24, 39])
def test_short_texts_need_the_same_title_too(words: int) -> None:
    stub = " ".join(LEAD.body.split()[:words])
    one, two = replace(LEAD, body=stub), replace(COPY, body=stub)
    assert text_hash(one) != text_hash(two)
    assert text_hash(one) == text_hash(replace(two, title=one.title))


@pytest.mark.parametrize("words", [40, 45])
def test_longer_texts_are_the_same_under_any_title(words: int) -> None:
    body = " ".join(LEAD.body.split()[:words])
    assert len(body.split()) == words
    broken = body.replace(" ", "\n\n")  # wherever its lines end
    assert text_hash(replace(LEAD, body=body)) == text_hash(replace(COPY, body=broken))


# To a plain pattern for words a part of a Chinese sentence is one word, and a word of Hindi is several.
FERRIES = (
    "新河市首批无人驾驶渡轮周一投入运营，往返于东西两岸之间，每天共六十班。市长在启动仪式上说，乘客只需三分钟便可过河，票价与公共汽车相同。"
    "工程师们用了四年时间测试船上的雷达与摄像头，并在冬季大雾中航行了两千多次。渔民协会起初担心渔船的安全，后来双方商定渡轮在清晨捕鱼时段减速。"
    "环保组织对电动船表示欢迎，认为它能减少河面上的油污和噪音。第二批渡轮预计明年春天交付，届时夜间也将有班次。"
    "岸边的商铺老板希望客流增加，但也有居民抱怨码头附近停车困难，要求市政府在年底前扩建停车场。"
    "交通局局长回应说新的停车楼已经列入预算，施工将在九月开始，为期十个月左右，期间会开设临时接驳车。"
)
WITHOUT_SPACES = [
    FERRIES,
    "新河市首批无人驾驶渡轮周一投入运营，往返于东西两岸之间每天共六十班，乘客只需三分钟便可过河。",
    "เรือข้ามฟากไร้คนขับลำแรกของเมืองเริ่มให้บริการในวันจันทร์ นายกเทศมนตรีกล่าวว่าผู้โดยสารใช้เวลาเพียงสามนาที",
]
STUBS = [
    "这是一则正在发展中的新闻，记者正赶往现场，请稍后再来查看更新。",
    (
        "यह समाचार अभी विकसित हो रहा है। अधिक जानकारी मिलते ही हम इसे अद्यतन करेंगे, "
        "कृपया थोड़ी देर बाद फिर देखें। हमारे संवाददाता मौके पर हैं।"
    ),
]


@pytest.mark.parametrize("body", WITHOUT_SPACES, ids=["300 signs", "45 signs", "thai"])
def test_a_text_without_spaces_is_measured_by_its_signs(body: str) -> None:
    assert text_hash(replace(LEAD, body=body)) == text_hash(replace(COPY, body=body))


@pytest.mark.parametrize("body", STUBS, ids=["chinese", "hindi"])
def test_a_stub_in_another_script_needs_the_same_title_too(body: str) -> None:
    one, two = replace(LEAD, body=body), replace(COPY, body=body)
    assert text_hash(one) != text_hash(two)
    assert text_hash(one) == text_hash(replace(two, title=one.title))


def test_the_same_item_with_the_same_content_is_unchanged() -> None:
    again = replace(LEAD, title=LEAD.title.upper(), modified_at=LATE, ingested_at=LATE)
    [found] = dedupe_articles([Arrival(again, 2, known(LEAD))], MemoryFingerprints())
    assert (found.word, found.verdict) == ("unchanged", None)


def test_a_resend_of_an_item_that_ended_in_quarantine_is_tried_again() -> None:
    [found] = dedupe_articles([Arrival(LEAD, 2, known(LEAD, failed=True))], MemoryFingerprints())
    assert found.word == "deduped"


@pytest.mark.parametrize("field", ["title", "body", "summary", "canonical_url", "pub_status"])
def test_a_change_that_a_reader_would_notice_is_a_new_revision(field: str) -> None:
    changed = replace(LEAD, **{field: "withheld" if field == "pub_status" else "Something else entirely"})
    [found] = dedupe_articles([Arrival(changed, 2, known(LEAD))], MemoryFingerprints())
    assert found.word == "deduped"
    assert found.verdict is not None
    assert found.verdict.story_id == "s" * 32


@pytest.mark.parametrize(
    ("given", "current", "word"),
    [
        ({"version": 1}, {"version": 2}, "superseded"),
        ({"version": 3}, {"version": 2, "sequence": 99}, "deduped"),
        ({"version": 2, "modified_at": EARLY}, {"version": 2, "modified_at": LATE}, "superseded"),
        ({"modified_at": EARLY}, {"modified_at": LATE}, "superseded"),
        ({"modified_at": LATE}, {"modified_at": EARLY, "sequence": 99}, "deduped"),
        ({}, {"sequence": 99}, "superseded"),
        ({}, {"sequence": 4}, "deduped"),
        ({"version": 5}, {"sequence": 4}, "deduped"),
    ],
)
def test_order_is_by_version_then_modification_then_arrival(
    given: dict[str, object], current: dict[str, object], word: str
) -> None:
    changed = replace(LEAD, title="Another headline", **given)  # type: ignore[arg-type]
    [found] = dedupe_articles([Arrival(changed, 5, known(LEAD, **current))], MemoryFingerprints())
    assert found.word == word


def test_an_article_that_leads_others_keeps_leading() -> None:
    fingerprints = MemoryFingerprints()
    dedupe_articles([Arrival(LEAD, 1)], fingerprints)
    changed = replace(COPY, summary="New")
    [found] = dedupe_articles([Arrival(changed, 3, known(LEAD, has_copies=True, sequence=2))], fingerprints)
    assert found.verdict is not None
    assert found.verdict.word == "new"


# What is run again

OWN = known(LEAD, sequence=7)
KEPT_COPY = replace(OWN, verdict=Verdict("duplicate", COPY.id, 1.0, COPY.id))


def test_a_submission_that_made_the_article_is_neither_unchanged_nor_older() -> None:
    [found] = dedupe_articles([Arrival(LEAD, 7, replace(OWN, version=9))], MemoryFingerprints())
    assert found.word == "deduped"


@pytest.mark.parametrize("current", [OWN, KEPT_COPY], ids=["lead", "copy"])
def test_a_kept_verdict_stands_whatever_fingerprints_say(current: Current) -> None:
    fingerprints = MemoryFingerprints()
    dedupe_articles([Arrival(replace(LEAD, id="3" * 32), 1)], fingerprints)
    [found] = dedupe_articles([Arrival(LEAD, 7, current, "keep")], fingerprints)
    assert found.verdict == current.verdict


@pytest.mark.parametrize(
    ("current", "recent", "lead"),
    [(OWN, True, LEAD.id), (OWN, False, None), (KEPT_COPY, True, None)],
    ids=["recent lead", "old lead", "copy"],
)
def test_only_a_recent_lead_claims_its_new_text(current: Current, recent: bool, lead: str | None) -> None:
    fingerprints = MemoryFingerprints()
    changed = replace(LEAD, body=LEAD.body + " Amended.")
    for _ in range(2):  # and a repeated task claims no more
        dedupe_articles([Arrival(changed, 7, current, "keep", recent)], fingerprints)
    assert fingerprints.look_up([text_hash(changed)]) == [lead]


def test_a_reset_leaves_the_decision_to_the_ledger() -> None:
    fingerprints = MemoryFingerprints()
    dedupe_articles([Arrival(COPY, 1)], fingerprints)
    [found] = dedupe_articles([Arrival(LEAD, 7, KEPT_COPY, "reset")], fingerprints)
    assert found.verdict == Verdict("new", story_id=LEAD.id)


def test_a_replay_that_a_newer_revision_overtook_is_superseded() -> None:
    newer = known(replace(LEAD, title="Newer"), sequence=9)
    [found] = dedupe_articles([Arrival(LEAD, 7, newer, "keep")], MemoryFingerprints())
    assert found.word == "superseded"
