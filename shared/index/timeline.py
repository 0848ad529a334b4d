"""Timelines: hits counted by when they were published, in intervals of the calendar or of a fixed length."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import MAXYEAR, UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from shared.errors import InvalidRequest
from shared.index.keywords import KEYWORDS
from shared.index.plan import Plan, plan_search
from shared.index.port import SearchRequest, Timeline, TimelineBucket, TimelineRequest

MAX_BUCKETS = 1_000
SPLIT_VALUES = 10

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_START_OF_TIME = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1)
_END_OF_TIME = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // timedelta(milliseconds=1) + 1
_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_FIXED = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_MONDAY = 4 * _MS["d"]  # 1970 began on a Thursday
# UTC has no summer time, so that of the calendar's intervals only months differ in length.
_CALENDAR = {"hour": (_MS["h"], 0), "day": (_MS["d"], 0), "week": (7 * _MS["d"], _MONDAY), "month": (0, 0)}


@dataclass(frozen=True, slots=True)
class Interval:
    """The distance of buckets: ``step`` ms from ``origin`` on, or calendar months where ``step`` is 0."""

    name: str
    step: int
    origin: int = 0

    def number(self, ms: int) -> int:
        """The number of the bucket that a moment falls into; those of neighbours follow one another."""
        if self.step:
            return (ms - self.origin) // self.step
        moment = _moment(ms)
        return moment.year * 12 + moment.month - 1

    def start(self, number: int) -> int:
        """The first millisecond of a bucket."""
        if self.step:
            return self.origin + number * self.step
        year, month = divmod(number, 12)
        if year > MAXYEAR:  # has no datetime, and is needed where the last month that there is ends
            return _END_OF_TIME
        return _ms(datetime(year, month + 1, 1, tzinfo=UTC))


@dataclass(frozen=True, slots=True)
class TimelinePlan:
    """One timeline: it counts the shown articles of ``search``, split by the values of ``column``."""

    search: Plan
    interval: Interval
    column: str | None


@dataclass(slots=True)
class Counted:
    """What an engine counted in one bucket: all, those of each value, and those with any of the values."""

    all: int = 0
    split: Mapping[str, int] = field(default_factory=dict)
    any: int = 0


def plan_timeline(request: TimelineRequest) -> TimelinePlan:
    """Plan a timeline; raises ``InvalidRequest`` for an interval that is none."""
    fold = request.duplicates == "fold"
    column = KEYWORDS[request.split].column(fold=fold) if request.split else None
    search = SearchRequest(
        request.now, request.query, request.filters, request.duplicates, sort="newest", size=0
    )
    return TimelinePlan(plan_search(search), read_interval(request.interval), column)


def read_interval(text: str) -> Interval:
    """An interval such as ``day`` or ``6h``; raises ``InvalidRequest`` for what is none."""
    if text in _CALENDAR:
        return Interval(text, *_CALENDAR[text])
    if fixed := _FIXED.fullmatch(text):
        return Interval(text, int(fixed[1]) * _MS[fixed[2]])
    raise InvalidRequest(
        "interval",
        f'"{text[:50]}" is no interval; there are {", ".join(_CALENDAR)}, '
        "and numbers of minutes, hours or days such as 30m, 6h, 2d",
    )


def edges(interval: Interval, first: int, last: int) -> list[int]:
    """Where the buckets from the first to the last article begin, and where the last ends, in ms.

    Raises ``InvalidRequest`` where these were too many, naming an interval that would do.
    """
    low, high = interval.number(first), interval.number(last)
    if high - low >= MAX_BUCKETS:
        raise InvalidRequest(
            "interval",
            f"{interval.name} would make {high - low + 1:,} buckets, of which {MAX_BUCKETS:,} are allowed; "
            f"{_coarser(first, last)} would do, or a narrower range of dates",
        )
    return [interval.start(number) for number in range(low, high + 2)]


def buckets_agg(interval: Interval, bounds: Sequence[int]) -> dict[str, Any]:
    """What counts by time, in the words that both engines share."""
    if interval.step:
        # Ten times as fast as ranges. Dividing in double precision is exact enough: the quotients are below
        # 2 ** 33, so that a millisecond of the largest bucket's is far more than the last bit.
        at = {"interval": interval.step, "offset": interval.origin % interval.step}
        return {"histogram": {"field": "published_ms", "min_doc_count": 1, **at}}
    ranges = [{"from": start, "to": end} for start, end in pairwise(bounds)]
    return {"range": {"field": "published_ms", "ranges": ranges}}


def in_order(buckets: Iterable[Mapping[str, Any]], bounds: Sequence[int]) -> list[Mapping[str, Any]]:
    """What ``buckets_agg`` was answered with: one bucket between each two edges, empty ones too."""
    # Beside ranges tantivy tells what lies before and behind them; the first of these has no beginning.
    starts = ((bucket.get("from", bucket["key"]), bucket) for bucket in buckets)
    told = {int(start): bucket for start, bucket in starts if not isinstance(start, str)}
    return [told.get(start, {"doc_count": 0}) for start in bounds[:-1]]


def read_split(bucket: Mapping[str, Any]) -> dict[str, int]:
    """The counts by value in a bucket, out of the aggregation ``split`` below it."""
    return {one["key"]: one["doc_count"] for one in bucket.get("split", {}).get("buckets", ())}


def make_timeline(
    plan: TimelinePlan,
    bounds: Sequence[int],
    counted: Sequence[Counted],
    undated: int,
    values: Sequence[str],
    *,
    engine_ms: float,
    partial: bool = False,
) -> Timeline:
    """The timeline out of the edges of its buckets and what was counted between them."""
    return Timeline(
        interval=plan.interval.name,
        buckets=tuple(
            _bucket(start, end, one, values if plan.column else None)
            for (start, end), one in zip(pairwise(bounds), counted, strict=True)
        ),
        total=sum(one.all for one in counted) + undated,
        undated=undated,
        engine_ms=engine_ms,
        partial=partial,
    )


def _bucket(start: int, end: int, counted: Counted, values: Sequence[str] | None) -> TimelineBucket:
    # Its end is told as the last millisecond in it, as the ends of every range are included.
    whole = TimelineBucket(
        _moment(max(start, _START_OF_TIME)), _moment(min(end, _END_OF_TIME) - 1), counted.all
    )
    if values is None:
        return whole
    split = {value: counted.split.get(value, 0) for value in values}
    return TimelineBucket(whole.start, whole.end, whole.count, split, counted.all - counted.any)


def _coarser(first: int, last: int) -> str:
    """The finest interval of the calendar that leaves few enough buckets, else a number of days."""
    for name in _CALENDAR:
        interval = read_interval(name)
        if interval.number(last) - interval.number(first) < MAX_BUCKETS:
            return name
    # One bucket less than are allowed: their edges may lie so that one more is needed.
    return f"{-(-(last - first + 1) // ((MAX_BUCKETS - 1) * _MS['d']))}d"


def _moment(ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=ms)


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
