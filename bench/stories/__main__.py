"""``python -m bench.stories``: B-cubed of stories on each set, by order of arrival; ``-v`` lists mistakes."""

from __future__ import annotations

import argparse
import statistics
from pathlib import Path

from bench.stories.edits import read_edits
from bench.stories.measure import FOLDER, Told, b_cubed, mistakes, ordered, read_told, tell

EDITS = Path("../shared/data/neardup")


def main() -> None:
    """Measure every set that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shuffles", type=int, default=10, help="orders of arrival by chance")
    parser.add_argument("--edits", type=Path, default=EDITS, help="folder of originals and make_edits.py")
    parser.add_argument("--bases", type=int, default=100, help="originals of which there are edited copies")
    parser.add_argument("-v", "--verbose", action="store_true", help="list what went wrong")
    asked = parser.parse_args()
    for path in sorted(FOLDER.glob("*.ndjson")):
        measure(path.stem, read_told(path), asked.shuffles, verbose=asked.verbose)
    if (asked.edits / "originals.jsonl.gz").is_file():
        measure("edits", read_edits(asked.edits, asked.bases), 0, verbose=False)
    else:
        print(f"edits: skipped, there is no {asked.edits}/originals.jsonl.gz")


def measure(name: str, told: list[Told], shuffles: int, *, verbose: bool) -> None:
    """Print the scores of one set."""
    events = len({each.event for each in told})
    print(f"{name}: {len(told)} articles, {events} events")
    for order in ("time", "reversed"):
        stories, seconds = tell(ordered(told, order))
        score = b_cubed(told, stories)
        print(
            f"  {order:9} P {score.precision:.3f} R {score.recall:.3f} F1 {score.f1:.3f}"
            f"  {score.stories} stories, {seconds / len(told) * 1000:.2f} ms each"
        )
        if verbose:
            print(*(f"    {line}" for line in mistakes(told, stories)), sep="\n")
    scores = [b_cubed(told, tell(ordered(told, "shuffled", seed))[0]).f1 for seed in range(shuffles)]
    if scores:
        print(f"  shuffled  F1 {statistics.mean(scores):.3f}, the worst of {shuffles} {min(scores):.3f}")


if __name__ == "__main__":
    main()
