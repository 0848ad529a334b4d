"""Walking through a whole result on Elasticsearch: a point in time (PIT) is kept, and pages follow by key.

The id of the PIT is all that a walk needs, and it is in the mark: any process may take the next step.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from threading import Lock
from typing import Any

from elasticsearch import ApiError, Elasticsearch

from shared.article import Article
from shared.clock import to_ms
from shared.errors import Unavailable
from shared.index.document import restore
from shared.index.dsl import Dsl, filtering, walk_body
from shared.index.elasticsearch_client import in_our_words
from shared.index.elasticsearch_stories import is_partial
from shared.index.mapping import is_current
from shared.index.plan import Plan, plan_get
from shared.index.port import Hit, Mark, SearchPage, Step
from shared.index.walking import IDLE_SECONDS, KEEP_SECONDS, MAX_WALKS, STEP_SECONDS, WalkGone, least_wanted

_KEEP = f"{KEEP_SECONDS}s"
ENGINE_STEP_TIME = f"{STEP_SECONDS}s"
# The engine's words for a PIT that has lapsed, and for one whose index was dropped.
_GONE = ("search_context_missing_exception", "no_shard_available_action_exception")


class ElasticsearchWalks:
    """The walks through what is behind one alias; safe to share between threads.

    It counts the PITs that this process has opened or renewed, and opens no more than ``most``. Where these
    are open, one of a walk of one step that was idle for ``idle`` seconds is closed for a new one.
    """

    def __init__(
        self, client: Elasticsearch, alias: str, most: int = MAX_WALKS, idle: float = IDLE_SECONDS
    ) -> None:
        self._client = client
        self._alias = alias
        self._most = most
        self._idle = idle
        self._lock = Lock()
        self._kept: dict[str, tuple[int, float]] = {}  # PIT -> its steps, and when it lapses

    def step(self, plan: Plan, mark: Mark, now: datetime) -> Step:
        """Take a step; a mark without a pin opens a PIT."""
        if mark.pin:
            return self._step(plan, mark, now, first=False)
        begun = replace(mark, pin=self._open())
        try:
            return self._step(plan, begun, now, first=True)
        except BaseException:
            self.end(begun)  # nobody has its mark
            raise

    def end(self, mark: Mark) -> None:
        """Close the PIT of a mark, if it has one; what cannot be closed lapses by itself."""
        with self._lock:
            self._kept.pop(mark.pin, None)
        if mark.pin:
            self._close(mark.pin)

    def _close(self, pin: str) -> None:
        with suppress(Unavailable, ApiError), in_our_words():
            self._client.close_point_in_time(id=pin)

    def _take(self, place: str) -> str | None:
        """Take a place, and return the PIT that was given up for it, if one was."""
        given_up = None
        with self._lock:
            moment = time.monotonic()
            self._kept = {pin: one for pin, one in self._kept.items() if one[1] > moment}
            if len(self._kept) >= self._most:
                walks = ((pin, steps, until - KEEP_SECONDS) for pin, (steps, until) in self._kept.items())
                given_up = least_wanted(walks, moment, self._idle)
                if given_up is None:
                    raise Unavailable("too many results are being walked through at once")
                del self._kept[given_up]
            self._kept[place] = (0, moment + KEEP_SECONDS)
        return given_up

    def _open(self) -> str:
        place = secrets.token_hex(8)  # until the PIT has a name
        given_up = self._take(place)
        try:
            if given_up is not None:
                self._close(given_up)
            with in_our_words():
                pin = str(self._client.open_point_in_time(index=self._alias, keep_alive=_KEEP)["id"])
        except BaseException:
            self._renew(place, None)
            raise
        self._renew(place, pin)
        return pin

    def _renew(self, old: str, new: str | None, *, step: bool = False) -> None:
        with self._lock:
            # A walk that another process began has taken a step there.
            steps, _ = self._kept.pop(old, (1, 0.0))
            if new is not None:
                self._kept[new] = (steps + step, time.monotonic() + KEEP_SECONDS)

    def _step(self, plan: Plan, mark: Mark, now: datetime, *, first: bool) -> Step:
        pit = {"id": mark.pin, "keep_alive": _KEEP}
        answer = self._ask(walk_body(plan, mark, pit, ENGINE_STEP_TIME, count=first))
        self._renew(mark.pin, answer["pit_id"], step=True)
        mark = replace(mark, pin=answer["pit_id"])
        if first:
            mark = replace(mark, **{name: told["doc_count"] for name, told in answer["aggregations"].items()})
        found = answer["hits"]["hits"]
        self._check_version(found)
        more, found = len(found) > plan.size, found[: plan.size]
        present, took = self._present([hit["_id"] for hit in found], now)
        # By date there is no score; by relevance it comes before the key.
        scores = [hit["_score"] if plan.sort == "relevance" else None for hit in found]
        hits = [
            Hit(present[hit["_id"]], score)
            for hit, score in zip(found, scores, strict=True)
            if hit["_id"] in present
        ]
        page = SearchPage(mark.articles, mark.groups, tuple(hits), float(answer["took"] + took))
        if not more:
            self.end(mark)
            return Step(page, None)
        key = found[-1]["sort"][0 if scores[-1] is None else 1]
        return Step(page, replace(mark, score=scores[-1], key=key))

    def _present(self, ids: Sequence[str], now: datetime) -> tuple[dict[str, Article], int]:
        """What readers may see now of some articles, as the index has them now, and how long it took (ms)."""
        if not ids:
            return {}, 0
        query = filtering(plan_get(tuple(ids), to_ms(now)))
        body = {"query": query, "size": len(ids), "_source": ["article"], "track_total_hits": False}
        with in_our_words():
            answer = self._client.search(index=self._alias, body=body).body
        _check_whole(answer)
        found = answer["hits"]["hits"]
        self._check_version(found)
        return {hit["_id"]: restore(hit["_source"]["article"]) for hit in found}, answer["took"]

    def _ask(self, body: Dsl) -> Any:  # noqa: ANN401 - JSON values have no narrower type
        try:
            with in_our_words():
                answer = self._client.search(body=body).body
        except Unavailable as error:
            if isinstance(error.__cause__, ApiError) and _tells_gone(error.__cause__.body):
                raise WalkGone("the result is no longer kept") from error
            raise
        if any(_is_gone(failure) for failure in answer["_shards"].get("failures", ())):
            raise WalkGone("a part of the result is no longer kept")
        _check_whole(answer)
        return answer

    def _check_version(self, hits: Sequence[Mapping[str, Any]]) -> None:
        if not all(is_current(hit["_index"], self._alias) for hit in hits):
            raise WalkGone("the index was replaced by one of another version")


def _tells_gone(body: object) -> bool:
    error = body.get("error") if isinstance(body, dict) else None
    return isinstance(error, dict) and any(_is_gone(failure) for failure in error.get("failed_shards", ()))


def _is_gone(failure: Mapping[str, Any]) -> bool:
    return failure.get("reason", {}).get("type") in _GONE


def _check_whole(answer: Mapping[str, Any]) -> None:
    if is_partial(answer):
        raise Unavailable("the index did not answer in time, or a part of it did not")
