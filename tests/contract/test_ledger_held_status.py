"""The status of a submission tells why search does not show its article now."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shared.settings import Settings
from tests.contract.holds_cases import HOUR, Desk
from tests.contract.keeping_cases import piece


@pytest.fixture
def room(settings: Settings) -> Iterator[Desk]:
    made = Desk(settings)
    yield made
    made.ledger.close()


def held(room: Desk, number: int) -> str | None:
    found = room.ledger.status(piece(number).id)
    assert found is not None
    assert found.status == "indexed"
    return found.held


def test_an_embargo_is_told_until_it_ends(room: Desk) -> None:
    room.push(piece(1, embargo_until=room.in_an_hour()), piece(2))
    assert (held(room, 1), held(room, 2)) == ("embargo", None)
    room.pass_time(HOUR)
    assert held(room, 1) is None


def test_what_is_withheld_or_has_expired_is_told_as_that(room: Desk) -> None:
    room.push(piece(1, pub_status="withheld"), piece(2, "Another text", expires_at=room.in_an_hour()))
    assert (held(room, 1), held(room, 2)) == ("withheld", None)
    room.pass_time(HOUR)
    room.push(piece(1))
    assert (held(room, 1), held(room, 2)) == (None, "expired")
