"""The indices behind the alias: which is in use, which is being built, how one takes the other's place.

A second alias, ``<alias>-building``, stands for an index that is being built.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from elasticsearch import BadRequestError, Elasticsearch, NotFoundError

from shared.errors import IndexMissing, Unavailable
from shared.index.elasticsearch_client import reason
from shared.index.mapping import RETIRED, build_alias, index_mapping, index_name, is_current

_ROUNDS = 5  # other processes make indices too; each round one of them gets ahead


@dataclass(frozen=True, slots=True)
class Places:
    """What is behind the alias (one name, unless somebody meddled) and what is being built."""

    used: tuple[str, ...]
    build: str | None


class Builds:
    """Makes, switches and drops indices of one alias; errors are the library's or the port's."""

    def __init__(
        self, reader: Elasticsearch, client: Elasticsearch, alias: str, settings: dict[str, Any]
    ) -> None:
        """Take the client whose time limit suits searches, and the one for all that changes something."""
        self._reader = reader
        self._client = client
        self._alias = alias
        self._building = build_alias(alias)
        self._settings = settings
        self._numbered = re.compile(re.escape(alias) + r"-v[\d.]+-(\d{6})")

    def places(self) -> Places:
        """Both as they are now, with one request; a build of another version is none."""
        told = self._reader.indices.get_alias(name=f"{self._alias}*")  # a pattern may match nothing
        used = tuple(name for name, known in told.items() if self._alias in known["aliases"])
        builds = [name for name, known in told.items() if self._building in known["aliases"]]
        return Places(used, next((name for name in builds if is_current(name, self._alias)), None))

    def create(self) -> None:
        """Make an index and its alias, unless there is an alias."""
        if self._client.indices.exists_alias(name=self._alias):
            return
        names = self._names()
        build = self.places().build
        mine = [name for name in names if is_current(name, self._alias) and name != build]
        left = [name for name in mine if not self._is_retired(name)]
        name = max(left, default="") or self._next(names)
        if not left:
            with suppress(_Exists):  # another process was faster, and its alias came with it
                self._make(name, self._alias)
                return
        # Or somebody took the alias away.
        self._client.indices.put_alias(index=name, name=self._alias, is_write_index=True)

    def begin(self) -> str:
        """Make an empty index behind the building alias, or return the one there is."""
        for _ in range(_ROUNDS):
            # In this order: an index that another process makes after the names were read either has the
            # name chosen here, which then exists, or is seen by the look for a build.
            name = self._next(self._names())
            found = self.places().build
            if found is not None:
                return found
            self.abandon()  # one of another version
            try:
                self._make(name, self._building)
            except _Exists:
                continue
            return name
        raise Unavailable("other processes keep making indices")

    def switch(self, now: int) -> str:
        """Swap in one request; the old index is marked as retired first.

        A crash in between leaves a mark on what is in use, which ``drop_retired`` does not mind.
        """
        places = self.places()
        if places.build is None:
            raise IndexMissing(f"there is no index behind {self._building}: none is being built")
        self._client.indices.refresh(index=places.build)  # the first search after it must find what was there
        for name in places.used:
            self._client.indices.put_mapping(index=name, meta={**self._meta(name), RETIRED: now})
        actions: list[dict[str, Any]] = [
            *({"remove": {"index": name, "alias": self._alias, "must_exist": True}} for name in places.used),
            {"add": {"index": places.build, "alias": self._alias, "is_write_index": True}},
            {"remove": {"index": places.build, "alias": self._building, "must_exist": True}},
        ]
        try:
            self._client.indices.update_aliases(actions=actions)
        except NotFoundError:
            # Asked a second time, after an answer that was lost on its way; or another process was faster.
            if self.places() != Places((places.build,), None):
                raise
        return ",".join(places.used)

    def abandon(self) -> None:
        """Delete whatever is behind the building alias, of any version."""
        try:
            told = self._client.indices.get_alias(name=self._building)
        except NotFoundError:
            return
        used = self.places().used
        for name in told:
            if name not in used:
                self._client.options(ignore_status=404).indices.delete(index=name)

    def drop_retired(self, before: int) -> list[str]:
        """Delete what was retired before a moment, and is behind neither alias."""
        told = self._client.indices.get_mapping(index=f"{self._alias}-v*")
        places = self.places()
        dropped = []
        for name, known in sorted(told.items()):
            retired = known["mappings"].get("_meta", {}).get(RETIRED, before)
            ours = self._numbered.fullmatch(name) and name not in (*places.used, places.build)
            if ours and retired < before:
                self._client.options(ignore_status=404).indices.delete(index=name)
                dropped.append(name)
        return dropped

    def _make(self, name: str, alias: str) -> None:
        try:
            made = self._client.indices.create(
                index=name,
                settings=self._settings,
                mappings=index_mapping(),
                aliases={alias: {"is_write_index": True}},
            )
        except BadRequestError as error:
            if error.error == "resource_already_exists_exception":
                raise _Exists from error
            raise IndexMissing(reason(error)) from error
        if not made["acknowledged"]:
            # A node that has not heard of it would tell a writer that nothing is being built.
            raise Unavailable(f"not every node knows of {name} yet; try again")

    def _names(self) -> list[str]:
        told = self._client.indices.get_settings(
            index=f"{self._alias}-v*", filter_path="*.settings.index.uuid"
        )
        return [name for name in told if self._numbered.fullmatch(name)]

    def _next(self, names: list[str]) -> str:
        taken = [int(match[1]) for name in names if (match := self._numbered.fullmatch(name))]
        return index_name(self._alias, max(taken, default=0) + 1)

    def _meta(self, name: str) -> dict[str, Any]:
        told = self._client.indices.get_mapping(index=name)
        return next((dict(known["mappings"].get("_meta", {})) for known in told.values()), {})

    def _is_retired(self, name: str) -> bool:
        return RETIRED in self._meta(name)


class _Exists(Exception):  # noqa: N818 - an answer, not a fault
    """Another process has made the index."""
