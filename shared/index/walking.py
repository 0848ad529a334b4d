"""What both engines share in walking through a whole result, page by page, to its very end."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from shared.errors import CopydeskError, InvalidRequest
from shared.index.plan import AllOf, KeywordAny, NoneOf, Plan, PlanNode, plan_search
from shared.index.port import Mark, SearchPage, SearchRequest

KEEP_SECONDS = 120  # how long the state of an index is kept after the last step of its walk
STEP_SECONDS = 4  # that an engine may take; half a page would lose hits, so it is longer than for a search
MAX_STEP = 500  # hits of one step; more of them would weigh megabytes
MAX_WALKS = 500  # states kept at once by one process, as many as an Elasticsearch node has scrolls


IDLE_SECONDS = 10  # after which a walk that took one step only may be given up for a new one


class WalkGone(CopydeskError):  # noqa: N818 - as in HTTP's 410
    """The state that a walk went through is no longer kept: it cannot go on, only begin again."""


def plan_walk(request: SearchRequest) -> Plan:
    """Plan one step of a walk; raises ``InvalidRequest`` as ``ArticleIndex.walk`` says."""
    if not 1 <= request.size <= MAX_STEP:
        raise InvalidRequest("size", f"size must be between 1 and {MAX_STEP} in a walk")
    if request.offset:
        raise InvalidRequest("offset", "a walk begins at the first hit; leave the offset out")
    if request.stories == "fold":
        raise InvalidRequest("stories", "folded stories cannot be walked; use size and offset")
    return replace(plan_search(replace(request, size=0)), size=request.size)


def least_wanted(walks: Iterable[tuple[str, int, float]], now: float, idle: float) -> str | None:
    """Which walk to give up where there is no room for a new one; None where none may be.

    ``walks`` are pins with how many steps each has taken and when its last one was, in seconds as ``now``;
    one that took its first alone may be given up once it has been ``idle`` for so many seconds.
    Who begins walks and leaves them lying would otherwise shut out everybody else; who goes on keeps them.
    """
    lying = [(last, pin) for pin, steps, last in walks if steps <= 1 and now - last >= idle]
    return min(lying)[1] if lying else None


def mark_behind(request: SearchRequest, page: SearchPage) -> Mark | None:
    """From where a walk goes on behind the first page of a plain search; None where it cannot, or need not.

    A plain search keeps no state, since most readers never go on. The first step of the walk keeps one,
    and by then news may have come. By date it goes on below the last hit. Scores of all hits shift a little
    with every write, so by relevance it begins at the top of the kept state. Either way what the page has
    shown (``seen``) is left out: nothing comes twice, and nothing that stood below the page is lost.
    """
    if request.offset or request.stories == "fold" or page.partial:
        return None  # behind a page that lacks hits some would be lost
    if not page.hits or len(page.hits) >= page.groups:
        return None
    last = page.hits[-1]
    key = last.article.sort_key if last.score is None else None
    return Mark(key=key, seen=tuple(hit.article.id for hit in page.hits))


def unseen(plan: Plan, mark: Mark) -> PlanNode:
    """What a step may show: what the plan shows, but for what was seen before the walk began."""
    parts: list[PlanNode] = [] if plan.shown is None else [plan.shown]
    if mark.seen:
        parts.append(NoneOf(KeywordAny("id", mark.seen)))
    return AllOf(tuple(parts))
