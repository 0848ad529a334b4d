"""The doctor's findings: what is well, and what to do about what is not."""

import pytest

from services.cli.doctor import LOWEST_FREE, check_broker, check_data_dir, check_parts, check_python
from shared.settings import Settings


def test_this_python_and_its_parts_are_well():
    assert check_python().good
    parts = check_parts()
    assert parts.good, parts.told


def test_a_part_that_does_not_load_is_named(monkeypatch):
    monkeypatch.setattr("services.cli.doctor.COMPILED", ("json", "no_such_part"))
    parts = check_parts()
    assert not parts.good
    assert "no_such_part" in parts.told


def test_a_data_folder_that_can_be_written_tells_its_room_and_is_left_as_it_was(tmp_path):
    finding = check_data_dir(tmp_path / "data")
    assert "GiB free" in finding.told
    assert list((tmp_path / "data").iterdir()) == []


def test_a_data_folder_that_cannot_be_written_tells_the_setting(tmp_path):
    (tmp_path / "file").write_text("in the way")
    finding = check_data_dir(tmp_path / "file")
    assert not finding.good
    assert "COPYDESK_DATA_DIR" in finding.told


def test_too_little_room_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("services.cli.doctor.LOWEST_FREE", LOWEST_FREE * 10**9)
    finding = check_data_dir(tmp_path)
    assert not finding.good
    assert "make room" in finding.told
    assert check_data_dir(tmp_path, lasting=False).good


def test_the_server_that_would_be_started_is_named_with_its_version(tmp_path):
    [finding] = check_broker(Settings(data_dir=tmp_path))
    assert finding.good
    assert "-server, version" in finding.told


@pytest.mark.parametrize(
    ("settings", "asked"),
    [
        ({"broker_url": "redis://one:1"}, [("broker", "redis://one:1")]),
        ({"redis_url": "redis://two:2"}, [("broker", "redis://two:2")]),
        (
            {"broker_url": "amqp://three:3", "redis_url": "redis://two:2"},
            [("broker", "amqp://three:3"), ("redis", "redis://two:2")],
        ),
    ],
)
def test_each_server_that_is_named_is_asked_under_its_own_name(tmp_path, monkeypatch, settings, asked):
    seen = []
    monkeypatch.setattr("services.cli.doctor.pings", lambda url: bool(seen.append(url)))
    findings = list(check_broker(Settings(data_dir=tmp_path, **settings)))
    assert list(zip((finding.what for finding in findings), seen, strict=True)) == asked
    assert not any(finding.good for finding in findings)
    assert all("does not answer; start it" in finding.told for finding in findings)
