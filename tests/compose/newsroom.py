"""Load on a docker-compose stack: who pushes as a careful client does, and who searches meanwhile."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from http.client import HTTPException
from itertools import count, pairwise
from threading import Event, Lock, Thread
from typing import Any, Final
from urllib.error import HTTPError

from tests.compose.stack import OPENER, Stack
from tests.faults.articles import make_item

PUSHERS: Final = 2
BATCH: Final = 10
PAUSE_SECONDS: Final = 1.0  # between two pushes of one thread: with two, at most 20 articles a second
LOOK_SECONDS: Final = 0.5
SOURCE: Final = "scale.example"
TRY_AGAIN: Final = (429, 502, 503, 504)
NOT_ANSWERED: Final = 0


@dataclass(frozen=True)
class Answer:
    """One search: when it was asked and answered (``time.monotonic``), its status, and how it ended."""

    asked: float
    answered: float
    status: int
    partial: bool = False
    words: str = ""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return self.answered - self.asked


@dataclass
class Newsroom:
    """Threads that push articles until ``stop``, each until its 202, and one that searches."""

    stack: Stack
    accepted: dict[str, int] = field(default_factory=dict)  # article id -> the number it was made of
    repeated: Counter[str] = field(default_factory=Counter)  # why a push had to be sent again
    answers: list[Answer] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)  # what was killed meanwhile
    failures: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._numbers = count(1)
        self._lock = Lock()
        self._stopping = Event()
        self._threads = [
            *(Thread(target=self._watched, args=(self._push,)) for _ in range(PUSHERS)),
            Thread(target=self._watched, args=(self._search,)),
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, seconds: float = 120) -> None:
        """End after the pushes under way have their 202."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(seconds)
        assert not any(thread.is_alive() for thread in self._threads), self.repeated
        assert not self.failures

    def _watched(self, work: Any) -> None:
        try:
            work()
        except Exception as error:
            self.failures.append(repr(error))

    def _push(self) -> None:
        while not self._stopping.wait(PAUSE_SECONDS):
            with self._lock:
                numbers = [next(self._numbers) for _ in range(BATCH)]
            found = self._until_accepted([told_of(number) for number in numbers])
            with self._lock:
                self.accepted.update(zip(found, numbers, strict=True))

    def _until_accepted(self, items: list[dict[str, Any]]) -> list[str]:
        """Push an array again and again until it is answered with 202; the ids of its articles."""
        while True:
            headers = {"Content-Type": "application/json", **self.stack.key}
            request = urllib.request.Request(
                f"{self.stack.url('INGEST')}/v1/articles", json.dumps(items).encode(), headers
            )
            try:
                with OPENER.open(request, timeout=60) as answer:
                    assert answer.status == 202
                    results = json.load(answer)["results"]
                return [result["id"] for result in results if result["status"] == "accepted"]
            except HTTPError as error:
                error.close()
                if error.code not in TRY_AGAIN:
                    raise
                self._note(str(error.code))
            except (OSError, HTTPException) as error:
                self._note(type(error).__name__)
            time.sleep(1)

    def _note(self, why: str) -> None:
        with self._lock:
            self.repeated[why] += 1

    def _search(self) -> None:
        query = urllib.parse.urlencode({"q": "harbour", "size": 5})
        while not self._stopping.wait(LOOK_SECONDS):
            asked = time.monotonic()
            self.answers.append(self._look(f"{self.stack.url('SEARCH')}/v1/search?{query}", asked))

    def _look(self, url: str, asked: float) -> Answer:
        try:
            with OPENER.open(urllib.request.Request(url, headers=self.stack.key), timeout=30) as answer:
                partial = json.load(answer)["partial"]
                return Answer(asked, time.monotonic(), answer.status, partial)
        except HTTPError as error:
            with error:
                return Answer(asked, time.monotonic(), error.code, words=error.read(500).decode())
        except (OSError, HTTPException) as error:
            return Answer(asked, time.monotonic(), NOT_ANSWERED, words=repr(error))

    def wrong(self) -> list[Answer]:
        """The searches that were not answered with hits."""
        return [answer for answer in self.answers if answer.status != 200]

    def longest_silence(self) -> float:
        """The most seconds between two searches that were answered."""
        moments = [answer.answered for answer in self.answers if answer.status == 200]
        return max((later - moment for moment, later in pairwise(moments)), default=0.0)

    def told(self) -> str:
        """What happened, in numbers."""
        slowest = max((answer.seconds for answer in self.answers), default=0.0)
        partial = sum(answer.partial for answer in self.answers)
        silence = self.longest_silence()
        return (
            f"{len(self.accepted)} articles accepted while {'; '.join(self.faults) or 'nothing'} was killed, "
            f"pushes repeated: {dict(self.repeated)}; {len(self.answers)} searches, {partial} partial, "
            f"the slowest took {slowest:.1f} s, the longest time without hits {silence:.1f} s, "
            f"told to come back: {self.wrong()}"
        )


def told_of(number: int) -> dict[str, Any]:
    """An article with a text of its own, whatever its number, and with words by which all are found."""
    item = make_item(str(number))
    body = f"{item['body']} All this was said at the old harbour."
    return {**item, "source": SOURCE, "uri": f"scale-{number}", "body": body}


def walk(stack: Stack, **params: str) -> list[str]:
    """The ids of a whole result, page after page."""
    found: list[str] = []
    asked = params | {"cursor": "*"}
    while True:
        page = stack.search(**asked)
        found += [hit["id"] for hit in page["hits"]]
        if page["next"] is None:
            return found
        asked = {"cursor": page["next"]}
