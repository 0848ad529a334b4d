"""Keys as their holders have them: what they are made of, and how they are compared."""

from __future__ import annotations

import re
from hashlib import sha256

import pytest

from shared.errors import InvalidRequest
from shared.keys.secret import DAY_MS, digest_of, id_of, make_key, matches

NOW = 1_790_000_000_000


def test_a_key_names_its_id_and_carries_160_random_bits() -> None:
    made = [make_key("desk", ("search",), NOW)[0] for _ in range(200)]
    assert all(re.fullmatch(r"cdk_[0-9a-f]{12}_[0-9a-f]{40}", text) for text in made)
    assert len({text.rpartition("_")[2] for text in made}) == 200


def test_only_its_hash_is_kept() -> None:
    text, key = make_key("desk", ("search",), NOW)
    assert key.digest == sha256(text.encode()).digest()
    assert text.rpartition("_")[2] not in repr(key)
    assert id_of(text) == key.id


def test_it_matches_itself_and_nothing_else() -> None:
    text, key = make_key("desk", ("search",), NOW)
    other, _ = make_key("desk", ("search",), NOW)
    assert matches(text, key)
    for wrong in (other, text[:-1], text + "0", text.upper(), "", "\ud800", f"cdk_{key.id}_{'0' * 40}"):
        assert not matches(wrong, key)
        assert not matches(wrong, None)
    assert not matches(text, None)


@pytest.mark.parametrize(
    "text",
    ["", "cdk_", "cdk_0123456789ab_", "cdk_0123456789AB_" + "0" * 40, "xcdk_0123456789ab_" + "0" * 40,
     "cdk_0123456789ab_" + "0" * 41, "cdk_0123456789ab_" + "0" * 40 + "\n", "cdk_٠123456789ab_" + "0" * 40],
)  # fmt: skip
def test_what_is_not_made_like_a_key_has_no_id(text: str) -> None:
    assert id_of(text) is None


def test_it_ends_with_its_last_day_and_when_it_is_revoked() -> None:
    _, key = make_key("desk", ("search",), NOW, days=1.5)
    assert key.expires_at == NOW + 1.5 * DAY_MS
    assert key.is_live(key.expires_at - 1)
    assert not key.is_live(key.expires_at)
    assert make_key("desk", ("search",), NOW)[1].is_live(NOW * 2)


def test_scopes_are_kept_apart_and_admin_has_all_of_them() -> None:
    def allowed(*scopes: str) -> set[str]:
        key = make_key("desk", scopes, NOW)[1]
        return {scope for scope in ("ingest", "search", "admin") if key.allows(scope)}

    assert allowed("ingest") == {"ingest"}
    assert allowed("search", "ingest") == {"ingest", "search"}
    assert allowed("admin") == {"ingest", "search", "admin"}


@pytest.mark.parametrize(
    ("name", "scopes", "field"),
    [("", ("search",), "name"), ("n" * 101, ("search",), "name"), ("a\nb", ("search",), "name"),
     ("a\x1b[31m", ("search",), "name"), ("n", (), "scope"), ("n", ("search", "root"), "scope")],
)  # fmt: skip
def test_a_name_or_a_scope_that_cannot_be_is_refused_by_name(
    name: str, scopes: tuple[str, ...], field: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        make_key(name, scopes, NOW)
    assert caught.value.field == field


def test_the_digest_of_what_no_encoding_has_is_one_too() -> None:
    assert len(digest_of("\udcff")) == 32
