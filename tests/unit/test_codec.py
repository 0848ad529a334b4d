"""Packed values: read back as they were; fields of newer builds let pass, newer formats told apart."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime

import msgspec
import pytest

from shared.article import RawArticle, Source
from shared.codec import LATER, NewerFormat, pack, unpack
from shared.errors import Unavailable

RAW = RawArticle("0" * 32, Source("a.example"), body="Text.", ingested_at=datetime(2026, 1, 1, tzinfo=UTC))


def test_a_packed_value_comes_back_as_it_was() -> None:
    assert unpack(pack(RAW), RawArticle) == RAW


def test_what_this_build_packs_carries_no_mark_of_a_later_format() -> None:
    assert pack(RAW)[0] not in LATER
    assert zlib.compress(b"", 9)[0] not in LATER


def test_a_field_that_a_newer_build_added_is_let_pass() -> None:
    plain = msgspec.json.decode(zlib.decompress(pack(RAW))) | {"mood": "calm"}
    assert unpack(zlib.compress(msgspec.json.encode(plain)), RawArticle) == RAW


@pytest.mark.parametrize("mark", [LATER[0], LATER[-1]])
def test_a_later_format_is_an_outage_and_no_broken_value(mark: int) -> None:
    with pytest.raises(NewerFormat, match="newer Copydesk") as caught:
        unpack(bytes([mark]) + pack(RAW), RawArticle)
    assert isinstance(caught.value, Unavailable)


@pytest.mark.parametrize("data", [b"", b"\x00\x00", b"\x01", b"not packed at all", b"\x78\x01cut"])
def test_a_broken_value_is_broken(data: bytes) -> None:
    with pytest.raises(zlib.error):
        unpack(data, RawArticle)
