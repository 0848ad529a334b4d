"""The real parts of one worker process, built when first used and never before a fork."""

from __future__ import annotations

import os
import socket
from functools import cached_property

from services.workers.context import Context
from services.workers.stages.near import Near
from services.workers.stages.tag import Tagger, tagger_of
from services.workers.steps import Stories
from shared.fingerprints.bands import Bands
from shared.fingerprints.open import open_bands, open_fingerprints
from shared.fingerprints.port import Fingerprints
from shared.index.open import open_index
from shared.index.port import ArticleIndex
from shared.ledger.open import open_ledger
from shared.ledger.port import Ledger
from shared.profiles.open import open_profiles
from shared.queue import Waker
from shared.settings import Settings
from shared.stories.keys import STORY_BANDS, STORY_DAYS, STORY_LEAST, STORY_PLACED
from shared.tracing import Tracing, open_tracing


def read_tagger(settings: Settings) -> Tagger:
    """The tagger that the settings name, read once: made in a worker's parent, its children share it.

    Raises ``BadSettings`` naming file and line, or what is to be installed.
    """
    return tagger_of(settings.vocabulary_dir, settings.topic_model, settings.entity_model)


class Parts:
    """Ledger, fingerprints, index, waker and rules of this process."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.worker = f"{socket.gethostname()}/{os.getpid()}"[-64:]

    @cached_property
    def ledger(self) -> Ledger:
        """The ledger."""
        return open_ledger(self.settings)

    @cached_property
    def fingerprints(self) -> Fingerprints:
        """The fingerprints."""
        return open_fingerprints(self.settings)

    @cached_property
    def near(self) -> Near:
        """What near copies are found by."""
        return Near(open_bands(self.settings), self.ledger.known_texts)

    @cached_property
    def stories(self) -> Stories:
        """What articles about one event are found by."""
        return Stories(self.story_bands, self.ledger.known_stories)

    @cached_property
    def story_bands(self) -> Bands:
        """The bands of stories."""
        return open_bands(
            self.settings, STORY_BANDS, least=STORY_LEAST, window_days=STORY_DAYS, placed=STORY_PLACED,
            remembers=False,
        )  # fmt: skip

    @cached_property
    def index(self) -> ArticleIndex:
        """The index, opened for writing."""
        return open_index(self.settings, writing=True)

    @cached_property
    def tagger(self) -> Tagger:
        """What tags are given by."""
        return read_tagger(self.settings)

    @cached_property
    def context(self) -> Context:
        """What the stages are told of the past."""
        return Context(open_profiles(self.settings), self.index)

    @cached_property
    def waker(self) -> Waker:
        """The waker."""
        return Waker(self.settings)

    @cached_property
    def tracing(self) -> Tracing | None:
        """Where traces are sent; None: nowhere."""
        return open_tracing("workers")

    def close(self) -> None:
        """Close whatever was opened."""
        for name in ("waker", "index", "fingerprints", "ledger", "tracing"):  # which may wait for a collector
            part = self.__dict__.pop(name, None)
            if hasattr(part, "close"):
                part.close()
