"""What the demo says of the samples, and of a folder that holds none."""

import pytest

from services.cli.demo import _load_all, _summary
from shared.errors import InvalidRequest


@pytest.mark.parametrize(
    ("samples", "words", "told"),
    [
        (2, ["indexed", "unchanged"], "2 samples: 1 indexed, 1 unchanged"),
        (3, ["indexed"] * 2, "3 samples, 2 articles (1 revised by a later sample): 2 indexed"),
    ],
)
def test_the_summary_counts_samples_and_articles(samples, words, told):
    assert _summary(samples, words) == told


def test_a_folder_without_samples_is_told(tmp_path):
    (tmp_path / "README.md").write_text("no sample")
    with pytest.raises(InvalidRequest, match=f"there are none in {tmp_path}"):
        _load_all(None, tmp_path)


def test_a_folder_that_is_missing_or_cannot_be_read_is_told(tmp_path):
    with pytest.raises(InvalidRequest, match=r"missing cannot be read \(.*No such file"):
        _load_all(None, tmp_path / "missing")
    (tmp_path / "pages.toml").write_text("no = = toml")
    with pytest.raises(InvalidRequest, match="cannot be read"):
        _load_all(None, tmp_path)
