"""The passwords of the docker-compose deployment: random, kept, and each for one reader."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from services.cli.passwords import (
    COPYDESK,
    ELASTICSEARCH,
    GIVEN,
    GRAFANA,
    KEPT,
    REDIS,
    make_secrets,
    plan_files,
    read_passwords,
    write_secret,
)
from shared.errors import BadSettings

OWN = (os.getuid(), os.getgid())
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_new_passwords_are_long_and_all_different(tmp_path: Path) -> None:
    first, second = read_passwords(tmp_path, {}), read_passwords(tmp_path, {})
    made = [*first.values(), *second.values()]
    assert first.keys() == {"redis", "elastic", "flower", "grafana"}
    assert len(set(made)) == 8
    assert all(len(password) >= 40 for password in made)


@as_root
def test_a_second_start_leaves_the_passwords_as_they_are(tmp_path: Path) -> None:
    make_secrets(tmp_path, {}, OWN)
    before = {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    make_secrets(tmp_path, {}, OWN)
    assert before == {path.name: path.read_text() for path in tmp_path.iterdir() if path.is_file()}
    assert len(before) == 6


@as_root
def test_a_password_that_is_given_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    make_secrets(tmp_path, {}, OWN)
    redis_before = (tmp_path / "broker-url").read_text()
    make_secrets(tmp_path, {"COPYDESK_FLOWER_PASSWORD": "another-password"}, OWN)
    assert (tmp_path / "flower-password").read_text() == "another-password"
    make_secrets(tmp_path, {}, OWN)
    assert (tmp_path / "flower-password").read_text() == "another-password"
    assert (tmp_path / "broker-url").read_text() == redis_before


@as_root
def test_elasticsearch_keeps_the_password_of_its_first_start(tmp_path: Path) -> None:
    given = {"ELASTIC_PASSWORD": "first-of-its-kind"}
    make_secrets(tmp_path, given, OWN)
    make_secrets(tmp_path, given, OWN)
    with pytest.raises(BadSettings, match="first started with") as caught:
        make_secrets(tmp_path, {"ELASTIC_PASSWORD": "second-of-its-kind"}, OWN)
    assert "of-its-kind" not in str(caught.value)
    assert (tmp_path / "elastic-password").read_text() == "first-of-its-kind"


@as_root
def test_each_file_can_be_read_by_its_service_alone(tmp_path: Path) -> None:
    make_secrets(tmp_path, {}, OWN)
    owners = {
        "redis.acl": REDIS, "elastic-password": ELASTICSEARCH,
        "broker-url": COPYDESK, "index-url": COPYDESK, "flower-password": COPYDESK,
        "grafana-password": GRAFANA,
    }  # fmt: skip
    files = [path for path in tmp_path.iterdir() if path.is_file()]
    assert {path.name: (path.stat().st_uid, path.stat().st_gid) for path in files} == owners
    assert {mode(path) for path in files} == {0o400}
    assert mode(tmp_path) == 0o711
    assert mode(tmp_path / KEPT) == 0o700
    assert {(path.name, mode(path)) for path in (tmp_path / KEPT).iterdir()} == {
        (name, 0o400) for name in GIVEN
    }


def test_a_file_replaces_what_a_start_cut_short_has_left(tmp_path: Path) -> None:
    (tmp_path / ".one.new").write_text("half")
    write_secret(tmp_path / "one", "whole", OWN)
    write_secret(tmp_path / "one", "again", OWN)
    assert [path.name for path in tmp_path.iterdir()] == ["one"]
    assert (tmp_path / "one").read_text() == "again"
    assert mode(tmp_path / "one") == 0o400


@pytest.mark.parametrize(
    "given", ["short", "with blanks in it", 'with"a-quote-in-it', "zwölf-zeichen-lang", "a\\b" * 9]
)
def test_a_password_that_cannot_be_used_stops_the_start_and_is_not_shown(tmp_path: Path, given: str) -> None:
    with pytest.raises(BadSettings, match="ELASTIC_PASSWORD") as caught:
        read_passwords(tmp_path, {"ELASTIC_PASSWORD": given})
    assert given not in str(caught.value)


def test_a_password_full_of_signs_stands_in_the_addresses_so_that_it_can_be_read_back() -> None:
    password = "p@ss:w/rd?#%[]!{}"
    files = {secret.name: secret.text for secret in plan_files(password, password, "flower-password")}
    for name in ("broker-url", "index-url"):
        assert unquote(urlsplit(files[name]).password or "") == password
        assert urlsplit(files[name]).hostname in ("redis", "elasticsearch")


def test_what_redis_is_given_holds_no_password() -> None:
    [acl] = [
        secret.text for secret in plan_files("the-password", "x" * 12, "y" * 12) if secret.owner == REDIS
    ]
    assert "the-password" not in acl
    assert "user default off" in acl
