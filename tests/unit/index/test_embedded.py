"""What only the embedded index has: one writer, a directory behind a pointer, versions, failing disks."""

from __future__ import annotations

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
        patch.setattr(writer, "_replace", failing)
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
