"""A service whose two parts write down that they were asked, and hang or fail while a file says so."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from flask import Flask

from shared.errors import Unavailable
from shared.http import make_app
from shared.settings import Settings

FOLDER = "READY_FOLDER"


def create_app() -> Flask:
    folder = Path(os.environ[FOLDER])
    parts = {name: _part(folder, name) for name in ("ledger", "index")}
    return make_app("services.trial", Settings(data_dir=folder), parts)


def _part(folder: Path, name: str) -> Callable[[], None]:
    def check() -> None:
        with (folder / f"{name}.asked").open("a") as asked:
            asked.write(f"{time.monotonic()}\n")
        while (folder / f"{name}.hangs").exists():
            time.sleep(0.02)
        if (folder / f"{name}.away").exists():
            raise Unavailable(f"{name}: away")

    return check
