"""Newsrooms for the fault tests, started once per module and shared where a test does not spoil them."""

from __future__ import annotations

import itertools
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.checker import check
from tests.faults.ground import SMALL, Ground, Kind
from tests.faults.newsroom import POISON, Newsroom
from tests.servers import NoServer, require

MADE: weakref.WeakSet[Newsroom] = weakref.WeakSet()


class Makes:
    """Makes newsrooms in folders of their own, and ends them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: list[Newsroom | Ground] = []
        self._names = itertools.count()  # never used again: what one left behind is not another's

    def ground(self, kind: Kind = SMALL) -> Ground:
        """Started servers; skips the test where one cannot be had."""
        try:
            made = Ground(self._folder / f"ground-{next(self._names)}", kind)
        except NoServer as error:
            require(str(error))
        self._made.append(made)
        return made

    def __call__(
        self, kind: Kind = SMALL, app: str = POISON, ground: Ground | None = None, **changed: Any
    ) -> Newsroom:
        """A newsroom on servers of its own, or on those given; nothing of it runs yet."""
        made = Newsroom(
            self._folder / f"newsroom-{next(self._names)}", ground or self.ground(kind), app=app, **changed
        )
        self._made.append(made)
        MADE.add(made)
        return made

    def close(self) -> None:
        for each in reversed(self._made):
            each.close()
        self._made.clear()


@pytest.fixture(autouse=True)
def _no_load_is_left() -> Iterator[None]:
    yield
    for each in MADE:
        each.end_loads()


@pytest.fixture(scope="module")
def make_newsroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Makes]:
    makes = Makes(tmp_path_factory.mktemp("faults"))
    yield makes
    makes.close()


@pytest.fixture
def own_newsroom(tmp_path: Path) -> Iterator[Makes]:
    makes = Makes(tmp_path)
    yield makes
    makes.close()


@pytest.fixture
def sound() -> Callable[..., None]:
    """Assert that nothing was lost, doubled or stuck, and that the numbers are true."""

    def assert_sound(newsroom: Newsroom, *witness: Path, **options: Any) -> None:
        report = check(newsroom.settings, witness, **options)
        assert report.sound, f"{report}\n{newsroom.logs()[-6000:]}"

    return assert_sound
