"""Settings that lie in files, since an environment can be seen by whoever may look at a container."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import BadSettings
from shared.settings import read_settings

URL = "redis://copydesk:s3cret-word@redis:6379/0"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "broker-url"
    path.write_text(f"{URL}\n")
    return path


def test_a_setting_is_read_from_the_file_that_is_named(secret: Path) -> None:
    found = read_settings({"COPYDESK_BROKER_URL_FILE": str(secret)})
    assert found.broker_url == found.redis_url == URL


def test_the_setting_itself_goes_before_its_file(secret: Path) -> None:
    given = {"COPYDESK_BROKER_URL_FILE": str(secret), "COPYDESK_BROKER_URL": "redis://other:1/0"}
    assert read_settings(given).broker_url == "redis://other:1/0"
    assert read_settings({**given, "COPYDESK_BROKER_URL": ""}).broker_url == URL


def test_a_number_may_lie_in_a_file_as_well(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("9001\n")
    assert read_settings({"COPYDESK_SEARCH_PORT_FILE": str(tmp_path / "port")}).search_port == 9001


@pytest.mark.parametrize("text", [None, "", " \n", b"\xff\xfe"])
def test_a_file_that_is_missing_or_says_nothing_stops_the_start(
    tmp_path: Path, text: str | bytes | None
) -> None:
    path = tmp_path / "url"
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(BadSettings, match=f"COPYDESK_INDEX_URL_FILE: {path}"):
        read_settings({"COPYDESK_INDEX_URL_FILE": str(path)})


def test_a_file_for_something_that_is_no_setting_is_refused(secret: Path) -> None:
    with pytest.raises(BadSettings, match="COPYDESK_BROKR_URL_FILE is no setting"):
        read_settings({"COPYDESK_BROKR_URL_FILE": str(secret)})
