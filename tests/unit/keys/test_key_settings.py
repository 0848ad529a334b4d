"""When keys are needed: as it is said, and never by chance not on an address that others reach."""

from __future__ import annotations

from pathlib import Path

import pytest

from shared.errors import BadSettings
from shared.settings import Settings, read_settings


def read(**given: str) -> Settings:
    return read_settings({f"COPYDESK_{name}": value for name, value in given.items()})


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_on_this_machine_alone_no_key_is_needed(bind: str) -> None:
    assert not read(BIND=bind).keys_on
    assert not read(BIND=bind, KEYS="").keys_on
    assert read(BIND=bind, KEYS="on").keys_on


@pytest.mark.parametrize(
    "bind", ["0.0.0.0", "::", "192.0.2.7", "2001:db8::1", "news.example", "localhost.example"]
)
def test_where_others_reach_it_there_is_no_start_until_somebody_decides(bind: str) -> None:
    for given in ({}, {"KEYS": "auto"}):
        with pytest.raises(BadSettings) as caught:
            read(BIND=bind, **given)
        assert "COPYDESK_KEYS=on" in str(caught.value)
        assert "copydesk keys create" in str(caught.value)
    assert read(BIND=bind, KEYS="on").keys_on
    assert not read(BIND=bind, KEYS="off").keys_on


def test_children_are_told_what_was_decided() -> None:
    for keys in ("on", "off"):
        parent = read(BIND="0.0.0.0", KEYS=keys)
        assert read_settings(parent.environment()).keys == keys


@pytest.mark.parametrize("value", ["yes", "ON", "true", "1"])
def test_a_word_that_is_none_stops_the_start(value: str) -> None:
    with pytest.raises(BadSettings, match="COPYDESK_KEYS must be on, off or auto"):
        read(KEYS=value)


def test_the_key_of_a_command_is_no_setting(tmp_path: Path) -> None:
    made = read(API_KEY="cdk_secret", DATA_DIR=str(tmp_path))
    assert "cdk_secret" not in repr(made)
    assert "cdk_secret" not in str(made.environment())
