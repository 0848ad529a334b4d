"""What only the embedded index has: one writer, a directory behind a pointer, versions, failing disks."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.article import Article, Source
from shared.errors import IndexMissing, Unavailable
from shared.index import embedded_files
from shared.index.embedded import EmbeddedIndex
from shared.index.embedded_writer import Writers
from shared.index.open import open_index
from shared.index.port import SearchRequest
from shared.index.query import Word
from shared.settings import Settings

ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def article(number: int, change: int = 1, title: str = "A title") -> Article:
    return Article(
        id=f"{number:032x}",
        source=Source("example.com"),
        title=title,
        body="",
        ingested_at=NOW,
        change=change,
        sort_key=number,
    )


@pytest.fixture
def directory(tmp_path):
    EmbeddedIndex(tmp_path / "index").create()
    return tmp_path / "index"


@pytest.fixture
def writer(directory):
    opened = EmbeddedIndex(directory, writing=True)
    yield opened
    opened.close()


def test_a_second_writer_is_told_to_wait_and_the_first_goes_on(directory, writer):
    writer.write([article(1)])
    second = EmbeddedIndex(directory, writing=True)
    with pytest.raises(Unavailable, match="Another process"):
        second.write([article(2)])
    assert writer.write([article(3)])[0].word == "written"
    writer.close()
    assert second.write([article(2)])[0].word == "written"
    assert second.count() == 3
    second.close()


ENDLESS_WRITER = """
import sys
from pathlib import Path
from tests.unit.index.test_embedded import EmbeddedIndex, article

index = EmbeddedIndex(Path(sys.argv[1]), writing=True)
for batch in range(10_000):
    index.write([article(number, change=batch + 1) for number in range(20)] + [article(1_000 + batch)])
    print(batch, flush=True)
"""


def test_a_writer_killed_at_work_loses_nothing_it_answered_for_and_leaves_no_lock(directory):
    command = [sys.executable, "-c", ENDLESS_WRITER, str(directory)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        answered = [int(process.stdout.readline()) for _ in range(5)]
        process.kill()
        answered += [int(line) for line in process.stdout.read().split()]
    opened = EmbeddedIndex(directory, writing=True)
    last = answered[-1]
    assert len(opened.get([article(1_000 + batch).id for batch in answered], NOW)) == last + 1
    changes = {one.change for one in opened.get([article(number).id for number in range(20)], NOW)}
    assert len(changes) == 1  # a batch is there whole or not at all
    assert changes.pop() >= last + 1
    assert opened.count() == 20 + len(opened.get([article(1_000 + batch).id for batch in range(100)], NOW))
    assert opened.write([article(5_000)])[0].word == "written"
    opened.close()


def test_a_process_that_opened_it_for_reading_cannot_write(directory):
    with pytest.raises(Unavailable, match="reading only"):
        EmbeddedIndex(directory).write([article(1)])


def test_a_batch_that_fails_leaves_nothing_behind(directory, writer, monkeypatch):
    writer.write([article(1)])

    def failing(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Writers, "_replace", failing)
        with pytest.raises(Unavailable, match="No space left"):
            writer.write([article(2)])
    assert writer.write([article(3)])[0].word == "written"
    assert {one.id for one in writer.get([article(n).id for n in (1, 2, 3)], NOW)} == {
        article(1).id,
        article(3).id,
    }


def test_readers_and_the_writer_follow_the_pointer_to_another_directory(directory, writer, tmp_path):
    writer.write([article(1), article(2)])
    reader = EmbeddedIndex(directory)
    assert reader.count() == 2
    other = tmp_path / "other"
    rebuilt = EmbeddedIndex(other, writing=True)
    rebuilt.create()
    rebuilt.write([article(3)])
    rebuilt.close()
    name = (other / "current").read_text().strip()
    swapped = name.replace("-000001", "-000002")
    (other / name).rename(directory / swapped)
    (directory / "new").write_text(swapped)
    (directory / "new").replace(directory / "current")
    assert reader.count() == writer.count() == 1
    assert writer.write([article(4)])[0].word == "written"
    assert reader.count() == 2


def test_an_index_of_another_version_is_missing_rather_than_misread(directory):
    name = (directory / "current").read_text().strip()
    (directory / "current").write_text(name.replace(embedded_files.INDEX_VERSION, "v0.0"))
    with pytest.raises(IndexMissing, match=r"v0\.0"):
        EmbeddedIndex(directory).check()


def test_an_index_of_another_version_is_rebuilt_beside_and_nothing_goes_to_it(directory, writer):
    name = (directory / "current").read_text().strip()
    old = name.replace(embedded_files.INDEX_VERSION, "v0.0")
    (directory / name).rename(directory / old)
    (directory / "current").write_text(old)
    with pytest.raises(IndexMissing, match="copydesk reindex"):
        writer.write([article(1)])
    EmbeddedIndex(directory).begin_build()
    assert [outcome.word for outcome in writer.write([article(1)])] == ["written"]
    with pytest.raises(IndexMissing, match="copydesk reindex"):
        writer.search(SearchRequest(NOW))
    assert EmbeddedIndex(directory).switch(5) == old
    assert writer.count() == 1
    assert writer.drop_retired(6) == [old]
    assert not (directory / old).exists()


def test_a_build_of_another_version_or_without_files_is_no_build_and_begun_anew(directory, writer):
    first = writer.begin_build()
    (directory / "building").write_text(first.replace(embedded_files.INDEX_VERSION, "v0.0"))
    assert writer.building() is None
    assert [outcome.word for outcome in writer.write([article(1)])] == ["written"]
    second = writer.begin_build()
    assert second != first
    shutil.rmtree(directory / second)
    assert writer.building() is None
    assert [outcome.word for outcome in writer.write([article(2)])] == ["written"]
    writer.begin_build()
    writer.write([article(3)])
    assert (writer.count(), writer.count(build=True)) == (3, 1)


def test_the_writer_lets_go_of_the_old_directory_after_a_switch(directory, writer):
    old = directory / writer.begin_build()
    writer.write([article(1)])
    EmbeddedIndex(directory).switch(5)
    used = directory / (directory / "current").read_text().strip()
    assert used == old
    left = next(path for path in directory.glob("articles-*") if path != used)
    with pytest.raises(ValueError, match="LockBusy"):
        embedded_files.open_files(left).writer(15_000_000, 1)
    writer.write([article(2)])
    embedded_files.open_files(left).writer(15_000_000, 1)


def test_a_refresh_of_what_the_old_index_has_leaves_its_files_alone(directory, writer):
    articles = [article(number) for number in range(30)]
    writer.write(articles)
    old = directory / (directory / "current").read_text().strip()
    before = {path.name: path.stat().st_mtime_ns for path in old.iterdir()}
    writer.begin_build()
    assert {outcome.word for outcome in writer.write(articles)} == {"written"}
    assert {path.name: path.stat().st_mtime_ns for path in old.iterdir()} == before
    assert (writer.count(), writer.count(build=True)) == (30, 30)


def test_a_search_that_began_before_a_switch_ends_on_the_old_index(directory, writer):
    writer.write([article(1)])
    _, searcher = writer._used.look()
    writer.begin_build()
    writer.write([article(2)])
    writer.switch(5)
    assert searcher.num_docs == 1
    assert writer.count() == 1
    assert writer.changes([article(1).id, article(2).id]) == {article(2).id: 1}


def test_a_build_that_is_abandoned_while_a_batch_is_written_keeps_nothing_from_the_old_index(
    directory, writer, monkeypatch
):
    writer.begin_build()
    places = writer._places

    def abandoned_in_between() -> object:
        found = places()
        EmbeddedIndex(directory).abandon_build()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(writer, "_places", abandoned_in_between)
        with pytest.raises(Unavailable):
            writer.write([article(1)])
    assert [outcome.word for outcome in writer.write([article(1)])] == ["written"]
    assert writer.count() == 1


def test_a_build_is_abandoned_while_its_writer_is_at_work(directory, writer):
    done, troubles = threading.Event(), []

    def write() -> None:
        change = 0
        while not done.is_set():
            change += 1
            try:
                writer.write([article(number, change) for number in range(30)])
            except Unavailable:
                pass  # a batch that the end of its build cut short is written again
            except BaseException as error:
                troubles.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    other = EmbeddedIndex(directory)
    try:
        for _ in range(15):
            other.begin_build()
            while not other.count(build=True):
                assert thread.is_alive()
            other.abandon_build()
    finally:
        done.set()
        thread.join()
    assert troubles == []
    assert [path.name for path in directory.glob("*articles-*")] == [writer._used.look()[0].name]
    assert writer.write([article(99)])[0].word == "written"


def test_what_a_crash_left_of_an_abandoned_build_is_dropped_with_the_retired(directory, writer, monkeypatch):
    name = writer.begin_build()
    monkeypatch.setattr("shared.index.embedded_builds.shutil.rmtree", lambda path: None)
    writer.abandon_build()
    monkeypatch.undo()
    assert [path.name for path in directory.glob("*articles-*002")] == [f"dropped-{name}"]
    assert writer.drop_retired(1) == []
    assert list(directory.glob("*articles-*002")) == []


KILLED_AT_THE_SWITCH = """
import os, signal, sys
from pathlib import Path
from shared.index.embedded import EmbeddedIndex

Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
EmbeddedIndex(Path(sys.argv[1])).switch(5)
"""


def test_a_switch_that_was_killed_half_way_changed_nothing_and_can_be_done_again(directory, writer):
    writer.write([article(1)])
    built = writer.begin_build()
    writer.write([article(2)])
    ended = subprocess.run([sys.executable, "-c", KILLED_AT_THE_SWITCH, str(directory)], cwd=ROOT)
    assert ended.returncode < 0
    assert (writer.building(), writer.count()) == (built, 2)
    assert writer.drop_retired(6) == []  # though it was marked
    old = writer.switch(7)
    assert (writer.count(), writer.drop_retired(7), writer.drop_retired(8)) == (1, [], [old])


@pytest.mark.parametrize("name", ["", "../../etc", "articles-v1.1-1", "nonsense\nnonsense"])
def test_a_spoilt_pointer_is_a_missing_index(directory, name):
    (directory / "current").write_text(name)
    with pytest.raises(IndexMissing):
        EmbeddedIndex(directory).check()


def test_an_index_whose_files_are_gone_is_missing(directory, writer):
    writer.write([article(1)])
    writer.close()
    path = directory / (directory / "current").read_text().strip()
    opened = EmbeddedIndex(directory)
    assert opened.count() == 1
    (path / "meta.json").unlink()
    with pytest.raises(IndexMissing):
        opened.check()


def test_creating_at_the_same_time_makes_one_index(tmp_path):
    indices = [EmbeddedIndex(tmp_path / "index") for _ in range(8)]
    threads = [threading.Thread(target=index.create) for index in indices]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list((tmp_path / "index").glob("articles-*"))) == 1
    for index in indices:
        index.check()


def test_a_half_made_directory_of_a_crash_is_passed_over(tmp_path):
    (tmp_path / f"articles-{embedded_files.INDEX_VERSION}-000007").mkdir(parents=True)
    index = EmbeddedIndex(tmp_path)
    index.create()
    assert (tmp_path / "current").read_text().strip().endswith("-000008")
    assert index.count() == 0


def test_many_ties_are_still_ordered_newest_first(directory, writer):
    order = [(number * 7919) % 2_000 for number in range(2_000)]
    writer.write([article(number, title="tie") for number in order])
    page = writer.search(SearchRequest(NOW, Word("tie"), size=5))
    assert [hit.article.sort_key for hit in page.hits] == [1999, 1998, 1997, 1996, 1995]
    page = writer.search(SearchRequest(NOW, Word("tie"), size=5, offset=1_500))
    assert [hit.article.sort_key for hit in page.hits] == [499, 498, 497, 496, 495]


def test_settings_choose_the_embedded_index_unless_an_address_is_given(tmp_path):
    index = open_index(Settings(data_dir=tmp_path), writing=True)
    assert isinstance(index, EmbeddedIndex)
    index.create()
    assert (tmp_path / "index" / "current").exists()
    other = open_index(Settings(data_dir=tmp_path, index_url="http://127.0.0.1:9"))
    assert type(other).__name__ == "ElasticsearchIndex"
    other.close()
