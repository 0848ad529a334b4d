"""Cursors: a walk by the API to the very end, and everything that is no cursor of this service."""

from __future__ import annotations

import random
import string
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from services.search.app import create_app
from services.search.cursors import KEY_FILE, MAX_CURSOR_CHARS, Ahead, Cursors
from shared.article import Article, Source
from shared.clock import to_ms
from shared.errors import BadSettings, InvalidRequest
from shared.index.port import Mark
from shared.index.walking import KEEP_SECONDS, WalkGone
from shared.settings import Settings, read_settings

NOW = datetime(2026, 11, 27, 6, tzinfo=UTC)
AHEAD = Ahead(b"q=ferry&size=7", NOW, Mark("pin", 1.25, 17, ("a" * 32,), 40, 30))
SECRET = "a secret of sixteen or more"


def made(number, **facts):
    """An article about a ferry, the higher its number the newer."""
    moment = NOW - timedelta(days=1) + timedelta(minutes=number)
    given = {
        "title": f"Ferry number {number}",
        "body": "The ferry left. " + "It rained. " * (number % 4),
        "ingested_at": moment,
        "published_at": moment,
        "language": "en",
        "revision": 1,
        "change": 1,
        "sort_key": to_ms(moment) * 1000,
        "story_id": f"{number % 2:032x}",
    }
    return Article(f"{number:032x}", Source("harbour.example"), **(given | facts))


def publish(newsroom, *articles):
    assert {one.word for one in newsroom.index.write(articles)} == {"written"}


@pytest.fixture
def fleet(empty_newsroom):
    """A newsroom with sixty ferries."""
    publish(empty_newsroom, *(made(number) for number in range(60)))
    return empty_newsroom


@pytest.fixture
def client(fleet):
    return fleet.client()


def search(client, query):
    answer = client.get(f"/v1/search?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json


def refused(client, query):
    """The fields that a 400 names."""
    answer = client.get(f"/v1/search?{query}")
    assert answer.status_code == 400, answer.text
    assert answer.content_type == "application/problem+json"
    return [error["field"] for error in answer.json["errors"]]


def walk(client, query, between=lambda: None):
    """The answers of a whole walk."""
    answers = [search(client, query)]
    while answers[-1]["next"] is not None:
        between()
        answers.append(search(client, f"cursor={answers[-1]['next']}"))
    return answers


def numbers(answers):
    return [int(hit["id"], 16) for answer in answers for hit in answer["hits"]]


@pytest.mark.parametrize("sort", ["newest", "oldest", "relevance"])
@pytest.mark.parametrize("begin", ["", "&cursor=*"])
def test_next_leads_through_the_whole_result_in_order(client, sort, begin):
    whole = numbers([search(client, f"q=ferry&sort={sort}&size=100")])
    answers = walk(client, f"q=ferry&sort={sort}&size=7{begin}")
    assert len(whole) == 60
    assert numbers(answers) == whole
    assert [len(answer["hits"]) for answer in answers] == [7] * 8 + [4]
    assert {tuple(answer["total"].items()) for answer in answers} == {(("articles", 60), ("groups", 60))}


def test_there_is_no_next_where_a_page_has_all_or_pages_go_by_offset(client):
    for query in (
        "size=60",
        "size=100&cursor=*",
        "size=0",
        "size=7&offset=7",
        "size=1&stories=fold",
        "q=nothere",
    ):
        assert search(client, query)["next"] is None, query
    assert search(client, "size=59")["next"] is not None


def test_a_walk_that_is_begun_by_itself_may_have_large_pages(client, fleet):
    publish(fleet, *(made(number) for number in range(60, 520)))
    answers = walk(client, "q=ferry&size=500&cursor=*&sort=oldest")
    assert [len(answer["hits"]) for answer in answers] == [500, 20]
    assert numbers(answers) == list(range(520))
    assert refused(client, "size=501&cursor=*") == ["size"]
    assert refused(client, "size=101") == ["size"]


def test_a_cursor_carries_the_whole_request(client, fleet):
    publish(fleet, made(99, is_lead=False, verdict="duplicate", duplicate_of=f"{1:032x}"))
    query = (
        "q=ferry%20-title:7&source=harbour.example,bay.example&-language=es&from=2026-11-26T06:10:00Z"
        "&sort=oldest&duplicates=keep&size=5&fields=title&highlight=true"
    )
    whole = search(client, query.replace("size=5", "size=100"))
    answers = walk(client, query)
    assert numbers(answers) == [*(n for n in range(10, 60) if n not in (7,)), 99]
    assert [hit for answer in answers for hit in answer["hits"]] == whole["hits"]
    assert "<mark>Ferry</mark>" in answers[-1]["hits"][-1]["highlights"]["title"][0]
    assert {str(answer["query"]) for answer in answers} == {str(whole["query"])}


def test_a_plain_search_keeps_nothing_and_the_end_of_a_walk_gives_up_what_was_kept(client, fleet):
    kept = fleet.index._walks._kept
    first = search(client, "q=ferry&size=40")
    assert not kept
    second = search(client, f"cursor={first['next']}")
    assert second["next"] is None
    assert not kept
    search(client, "q=ferry&size=40&cursor=*")
    assert len(kept) == 1


def test_what_is_killed_in_mid_walk_does_not_come(client, fleet):
    killed = iter(range(0, 60, 3))

    def kill():
        publish(fleet, made(next(killed), change=2, withdrawn=True))

    answers = walk(client, "q=ferry&sort=newest&size=5", kill)
    gone = {number for turn, number in enumerate(range(0, 33, 3)) if (59 - number) // 5 > turn}
    assert len(gone) == 7
    assert numbers(answers) == [n for n in range(59, -1, -1) if n not in gone]


def test_news_that_arrives_in_mid_walk_changes_nothing(client, fleet):
    fresh = iter(range(1_000, 2_000))
    answers = walk(
        client, "q=ferry&size=7", lambda: publish(fleet, made(next(fresh)), made(-next(fresh) + 5_000))
    )
    found = numbers(answers)
    assert len(found) == len(set(found))
    assert set(range(60)) <= set(found)


def test_now_means_the_same_on_every_page(client, fleet):
    soon = datetime.now(UTC) + timedelta(seconds=1)
    publish(fleet, *(made(number, embargo_until=soon) for number in range(100, 110)))

    def wait():
        time.sleep(max(0.0, (soon - datetime.now(UTC)).total_seconds()) + 0.01)

    assert numbers(walk(client, "q=ferry&sort=oldest&size=20", wait)) == list(range(60))
    assert search(client, "q=ferry")["total"]["groups"] == 70


class Merging:
    """A ledger in which a story goes into another between two pages."""

    def __init__(self, ledger):
        self._ledger = ledger
        self.into = {}

    def living(self, ids):
        return [self.into.get(one, one) for one in ids]

    def __getattr__(self, name):
        return getattr(self._ledger, name)


def test_a_story_that_is_merged_in_mid_walk_is_walked_to_its_end(fleet):
    ledger = Merging(fleet.ledger)
    client = create_app(fleet.settings, fleet.index, ledger).test_client()
    ledger.into["f" * 32] = f"{1:032x}"

    def merge():
        ledger.into |= {"f" * 32: "e" * 32, f"{1:032x}": "e" * 32}

    found = numbers(walk(client, f"story={'f' * 32}&size=5&sort=oldest", merge))
    assert found == list(range(1, 60, 2))


def test_ninjs_answers_lead_on_too(client):
    answer = client.get("/v1/search?q=ferry&size=50&format=ninjs")
    following = client.get(f"/v1/search?cursor={answer.headers['X-Next-Cursor']}&format=ninjs")
    assert (len(answer.json), len(following.json)) == (50, 10)
    assert "X-Next-Cursor" not in following.headers


# What is no cursor


def changed(cursor, place):
    other = "A" if cursor[place] != "A" else "B"
    return cursor[:place] + other + cursor[place + 1 :]


@pytest.mark.parametrize("spare", [0, 2, 3])  # characters beyond a multiple of four
def test_no_character_of_a_cursor_can_be_changed_and_none_be_left_out(spare):
    cursors = Cursors(Settings(cursor_secret=SECRET))
    places = (replace(AHEAD, query=b"q=" + bytes(range(65, 65 + length))) for length in range(30))
    cursor, ahead = next((cursors.write(one, NOW), one) for one in places
                         if len(cursors.write(one, NOW)) % 4 == spare)  # fmt: skip
    assert cursors.read(cursor, NOW) == ahead
    wrong = [changed(cursor, place) for place in range(len(cursor))]
    wrong += [cursor[:place] for place in range(len(cursor))]
    wrong += [cursor + "A", cursor + "=", cursor + " ", " " + cursor, cursor + "\n", cursor + "é", cursor * 2]
    for one in wrong:
        with pytest.raises(InvalidRequest) as error:
            cursors.read(one, NOW)
        assert error.value.field == "cursor"


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "null", "0", "**", "é", "%00", "%ff", "..%2f..%2fetc%2fpasswd", "%F0%9F%98%80", "A" * 10_000,
     "A" * 59_999, "-" * 43, "%22", "eyJhbGciOiJub25lIn0", "%2A%20", "*&cursor=*", "x&cursor=y", "&cursor="],
)  # fmt: skip
def test_what_is_no_cursor_is_a_400_that_names_it(client, cursor):
    field = ["query string"] if cursor == "%ff" else ["cursor"]
    assert refused(client, f"cursor={cursor}") == field


def test_an_empty_cursor_is_told_apart_from_a_wrong_one(client):
    assert "is empty" in client.get("/v1/search?q=ferry&cursor=").json["detail"]
    assert "is none of this service" in client.get("/v1/search?cursor=x").json["detail"]


def test_random_junk_is_no_cursor(client):
    chance = random.Random(7)
    for length in (10, 100, 1_000, 10_000):
        junk = "".join(chance.choices(string.printable, k=length))
        assert refused(client, f"cursor={quote(junk)}") == ["cursor"]


@pytest.mark.parametrize(
    ("others", "named"),
    [
        ("q=other", ["q"]),
        ("size=7", ["size"]),
        ("size=-1", ["size"]),
        ("size=1000000000", ["size"]),
        ("offset=0", ["offset"]),
        ("sort=newest&fields=title&highlight=true", ["sort", "fields", "highlight"]),
        ("-source=a.example", ["-source"]),
        ("page=2", ["page"]),
    ],
)
def test_no_other_parameter_may_stand_beside_a_cursor(client, others, named):
    cursor = search(client, "q=ferry&size=7")["next"]
    assert refused(client, f"cursor={cursor}&{others}") == named
    assert refused(client, f"{others}&cursor={cursor}") == named
    assert len(search(client, f"cursor={cursor}")["hits"]) == 7


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("size=-1", ["size"]),
        ("size=1000000000", ["size"]),
        ("size=0", ["size"]),
        ("offset=5", ["offset"]),
        ("stories=fold", ["stories"]),
        ("facets=source", ["facets"]),
        ("q=(", ["q"]),
        ("page=2", ["page"]),
    ],
)
def test_a_walk_that_cannot_be_is_refused_by_name(client, query, named):
    assert refused(client, f"cursor=*&{query}") == named


def test_another_deployments_cursor_is_refused(fleet, tmp_path):
    cursor = search(fleet.client(), "q=ferry&size=7")["next"]
    settings = Settings(data_dir=tmp_path / "other", cursor_secret=SECRET)
    other = create_app(settings, fleet.index, fleet.ledger).test_client()
    assert refused(other, f"cursor={cursor}") == ["cursor"]


def test_another_process_of_this_deployment_reads_it(fleet):
    first = search(fleet.client(), "q=ferry&size=40&sort=newest")
    assert numbers([search(fleet.client(), f"cursor={first['next']}")]) == list(range(19, -1, -1))


def test_a_cursor_that_this_program_cannot_read_any_more_says_to_begin_again(fleet, client):
    old = Cursors(fleet.settings).write(
        Ahead(b"q=ferry&colour=red", datetime.now(UTC), Mark()), datetime.now(UTC)
    )
    answer = client.get(f"/v1/search?cursor={old}")
    assert answer.status_code == 400
    assert answer.json["errors"][0]["field"] == "cursor"
    assert "begin again" in answer.json["detail"]


def test_a_cursor_is_good_for_as_long_as_a_state_is_kept():
    cursors = Cursors(Settings(cursor_secret=SECRET))
    cursor = cursors.write(AHEAD, NOW)
    assert cursors.read(cursor, NOW + timedelta(seconds=KEEP_SECONDS)) == AHEAD
    assert cursors.read(cursor, NOW - timedelta(seconds=5)) == AHEAD  # a clock that is behind
    with pytest.raises(WalkGone):
        cursors.read(cursor, NOW + timedelta(seconds=KEEP_SECONDS, milliseconds=1))


def test_an_expired_cursor_is_a_410_that_says_to_begin_again(client, fleet):
    first = search(client, "q=ferry&size=7&cursor=*")
    fleet.index._walks.close()
    old = Cursors(fleet.settings).write(
        Ahead(b"q=ferry", NOW, Mark()), datetime.now(UTC) - timedelta(seconds=KEEP_SECONDS + 1)
    )
    for cursor in (first["next"], old):
        answer = client.get(f"/v1/search?cursor={cursor}")
        assert answer.status_code == 410
        assert answer.content_type == "application/problem+json"
        assert "begin again" in answer.json["detail"]
        assert [error["field"] for error in answer.json["errors"]] == ["cursor"]


def test_the_longest_search_has_a_cursor_and_one_that_could_not_be_sent_is_refused(client, fleet):
    def sources(length):
        chance = random.Random(7)
        names = ("".join(chance.choices(string.ascii_lowercase, k=length)) for _ in range(100))
        return ",".join(names)

    query = f"-source={sources(100)}&size=50&fields=title"
    assert numbers(walk(client, query)) == list(range(59, -1, -1))
    letters = [chr(code) for code in range(0x4E00, 0x9000)]
    name = ",".join("".join(random.Random(n).choices(letters, k=200)) for n in range(100))
    assert refused(client, f"-source={quote(name)}&size=50") == ["query string"]
    assert client.get(f"/v1/search?-source={quote(name)}&size=100").status_code == 200
    assert refused(client, f"-source={quote(name)}&size=50&cursor=*") == ["query string"]
    assert not fleet.index._walks._kept


def test_a_cursor_of_a_usual_search_is_short(client):
    first = search(client, "q=ferry&size=20")
    assert len(first["next"]) < 1_500
    assert len(search(client, f"cursor={first['next']}")["next"]) < 1_500
    assert len(search(client, "q=ferry&size=59")["next"]) < 3_000 < MAX_CURSOR_CHARS


# The key


def test_the_key_is_made_once_for_all_processes_and_nobody_else_may_read_it(tmp_path):
    settings = Settings(data_dir=tmp_path / "data")
    with ThreadPoolExecutor(8) as pool:
        made_at_once = list(pool.map(lambda _: Cursors(settings).write(AHEAD, NOW), range(32)))
    assert len(set(made_at_once)) == 1
    (key,) = (tmp_path / "data").iterdir()
    assert key.name == KEY_FILE
    assert key.stat().st_mode & 0o777 == 0o600
    assert len(key.read_bytes()) >= 32


def test_two_data_directories_have_two_keys_and_a_secret_is_the_same_in_both(tmp_path):
    one, two = (Settings(data_dir=tmp_path / name) for name in ("one", "two"))
    with pytest.raises(InvalidRequest):
        Cursors(two).read(Cursors(one).write(AHEAD, NOW), NOW)
    one, two = (Settings(data_dir=tmp_path / name, cursor_secret=SECRET) for name in ("three", "four"))
    assert Cursors(two).read(Cursors(one).write(AHEAD, NOW), NOW) == AHEAD
    assert not (tmp_path / "three").exists()


def test_a_secret_that_could_be_guessed_stops_the_start():
    with pytest.raises(BadSettings, match="COPYDESK_CURSOR_SECRET"):
        read_settings({"COPYDESK_CURSOR_SECRET": "short"})
    assert read_settings({"COPYDESK_CURSOR_SECRET": SECRET}).cursor_secret == SECRET


def test_a_key_that_cannot_be_kept_stops_the_start_with_the_name_of_the_setting(tmp_path):
    (tmp_path / "file").write_text("no directory")
    with pytest.raises(BadSettings, match="COPYDESK_CURSOR_SECRET"):
        Cursors(Settings(data_dir=tmp_path / "file")).prepare()
    (tmp_path / KEY_FILE).write_text("cut")
    with pytest.raises(BadSettings, match="damaged"):
        Cursors(Settings(data_dir=tmp_path)).prepare()


def test_without_a_key_a_search_is_a_503_and_not_a_page_that_leads_nowhere(fleet, tmp_path):
    (tmp_path / "file").write_text("no directory")
    client = create_app(Settings(data_dir=tmp_path / "file"), fleet.index, fleet.ledger).test_client()
    assert client.get("/v1/search?size=60").status_code == 200
    answer = client.get("/v1/search?size=7")
    assert answer.status_code == 503
    assert str(tmp_path) not in answer.text
