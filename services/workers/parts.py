"""The real parts of one worker process, built when first used and never before a fork."""

from __future__ import annotations

import os
import socket
from functools import cached_property

from shared.fingerprints.open import open_fingerprints
from shared.fingerprints.port import Fingerprints
from shared.index.open import open_index
from shared.index.port import ArticleIndex
from shared.ledger.open import open_ledger
from shared.ledger.port import Ledger
from shared.queue import Waker
from shared.settings import Settings


class Parts:
    """Ledger, fingerprints, index and waker of this process."""

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
    def index(self) -> ArticleIndex:
        """The index, opened for writing."""
        return open_index(self.settings, writing=True)

    @cached_property
    def waker(self) -> Waker:
        """The waker."""
        return Waker(self.settings)

    def close(self) -> None:
        """Close whatever was opened."""
        for name in ("waker", "index", "fingerprints", "ledger"):
            part = self.__dict__.pop(name, None)
            if hasattr(part, "close"):
                part.close()
