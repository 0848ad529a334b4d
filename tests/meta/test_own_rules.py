"""The folder for a newsroom's own rules: empty it changes nothing, and its README's example is true."""

from __future__ import annotations

import re
from pathlib import Path

from services.workers.stages.tag import load_tagger

FOLDER = Path(__file__).parents[2] / "deploy" / "vocabulary"


def test_the_folder_as_it_comes_changes_nothing():
    assert load_tagger(FOLDER).version == load_tagger().version


def test_the_example_of_its_readme_is_a_rule_that_gives_a_topic(tmp_path):
    [(name, example)] = re.findall(
        r"```yaml\n# (\S+)\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL
    )
    path = tmp_path / name
    path.parent.mkdir()
    path.write_text(example)
    tagger = load_tagger(tmp_path)
    body = (
        "The car ferry leaves the harbour at nine. A ferry crossing takes an hour, said the car ferry's crew."
    )
    [found] = [tag for tag in tagger.find_topics("A ferry crossing", body, "en") if tag.code in example]
    assert found.name == re.search(r"name: (.*?) *#", example)[1]
    assert "car ferry" in found.evidence
    assert tagger.version != load_tagger().version
