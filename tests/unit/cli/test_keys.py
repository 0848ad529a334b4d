"""`copydesk keys`: a key is shown once, listed without it, revoked for good."""

from __future__ import annotations

import re
import time

import pytest

from shared.clock import now_ms
from shared.keys.keeper import Keeper, KeyRefused
from shared.keys.open import open_keys

KEY = re.compile(r"cdk_([0-9a-f]{12})_[0-9a-f]{40}\n")


@pytest.fixture
def keeper(desk):
    store = open_keys(desk.settings)
    yield Keeper(store)
    store.close()


def test_a_key_is_all_of_stdout_and_works(desk, keeper):
    told = desk.run("keys", "create", "wire", "--scope", "ingest", "--scope", "search", "--days", "90")
    assert told.code == 0
    assert KEY.fullmatch(told.out)
    assert "shown this once" in told.err
    assert told.out.strip() not in told.err
    key = keeper._store.find(KEY.fullmatch(told.out)[1])
    assert (key.name, key.scopes) == ("wire", ("ingest", "search"))
    assert key.expires_at == key.created_at + 90 * 24 * 3_600_000
    assert abs(key.created_at - now_ms()) < 60_000
    assert keeper.check(told.out.strip(), "ingest").id == key.id


def test_without_a_scope_or_with_an_unknown_one_none_is_made(desk):
    assert desk.run("keys", "create", "wire").code == 2
    assert desk.run("keys", "create", "wire", "--scope", "root").code == 2
    assert desk.run("keys", "create", "wire", "--scope", "search", "--days", "0").code == 2
    told = desk.run("keys", "create", "a\x1b[31m", "--scope", "search")
    assert (told.code, told.out) == (1, "")
    assert "name: " in told.err
    assert "there are no keys" in desk.run("keys", "list").out


def test_the_list_shows_ids_and_states_but_no_key(desk):
    live, ended = (desk.run("keys", "create", name, "--scope", "search").out for name in ("desk", "old"))
    desk.run("keys", "revoke", ended.split("_")[1])
    desk.run("keys", "create", "brief", "--scope", "admin", "--days", "0.0000001")
    time.sleep(0.02)  # it is good for nine thousandths of a second
    told = desk.run("keys", "list")
    assert told.code == 0
    [shown] = [line for line in told.out.splitlines() if live.split("_")[1] in line]
    assert re.search(r"\bdesk\b.*\bsearch\b.*\blive\b", shown)
    [shown] = [line for line in told.out.splitlines() if ended.split("_")[1] in line]
    assert re.search(r"\bold\b.*\bsearch\b.*\brevoked\b", shown)
    [shown] = [line for line in told.out.splitlines() if "brief" in line]
    assert re.search(r"\badmin\b.*\bexpired\b", shown)
    for text in (live, ended):
        assert text.strip().rpartition("_")[2] not in told.out


def test_a_revoked_key_opens_nothing_and_says_within_which_time(desk, keeper):
    text = desk.run("keys", "create", "desk", "--scope", "search").out.strip()
    told = desk.run("keys", "revoke", text.split("_")[1])
    assert (told.code, "in 5 seconds" in told.out) == (0, True)
    with pytest.raises(KeyRefused):
        keeper.check(text, "search")
    assert desk.run("keys", "revoke", text.split("_")[1]).code == 0
    told = desk.run("keys", "revoke", "nobody")
    assert (told.code, "no key has the id" in told.err) == (1, True)


def test_a_rotated_key_has_a_twin_and_goes_on_until_it_is_revoked(desk, keeper):
    old = desk.run("keys", "create", "wire", "--scope", "ingest", "--days", "30").out.strip()
    told = desk.run("keys", "rotate", old.split("_")[1])
    assert told.code == 0
    new = told.out.strip()
    assert keeper.check(old, "ingest").id != keeper.check(new, "ingest").id
    made = keeper._store.find(new.split("_")[1])
    assert (made.name, made.scopes) == ("wire", ("ingest",))
    assert made.expires_at == made.created_at + 30 * 24 * 3_600_000
    assert f"copydesk keys revoke {old.split('_')[1]}" in told.err
    assert desk.run("keys", "rotate", "nobody").code == 1


def test_without_a_ledger_it_says_what_makes_one(desk):
    desk.close()
    for path in desk.settings.data_dir.glob("ledger.sqlite*"):
        path.unlink()
    told = desk.run("keys", "list")
    assert told.code == 1
    assert "copydesk migrate" in told.err
