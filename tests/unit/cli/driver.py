"""A supervisor over small scripts, run as a program of its own since signals and kills are its subject.

Its one argument is JSON: ``waves`` of children (name, code, beat: a file to watch, once, last, silence,
hushed), ``patience``.
"""

import json
import os
import re
import sys
import time
from pathlib import Path

from services.cli.child import ChildSpec
from services.cli.supervisor import Patience, Supervisor
from services.cli.warden import Warden


def probe(beat):
    path = Path(beat) if beat else None

    def look():
        return path is None or (path.exists() and time.time() - path.stat().st_mtime < 0.5)

    return look


def spec(child):
    return ChildSpec(
        child["name"],
        (sys.executable, "-u", "-c", child["code"]),
        dict(os.environ),
        probe(child.get("beat")),
        once=child.get("once", False),
        stops_last=child.get("last", False),
        silence=child.get("silence"),
        hushed=re.compile(child["hushed"]) if "hushed" in child else None,
    )


def write(name, line):
    sys.stdout.write(f"{name}: {line}\n")
    sys.stdout.flush()


def main():
    given = json.loads(sys.argv[1])
    patience = Patience(**given["patience"])
    supervisor = Supervisor(lambda text: write("supervisor", text), write, patience, Warden(grace=0.5))
    supervisor.install_signals()
    waves = [[spec(child) for child in wave] for wave in given["waves"]]
    sys.exit(supervisor.run(waves, lambda: write("driver", "ready")))


main()
