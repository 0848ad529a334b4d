"""``python -m bench.lines``: makes the line model anew, and prints what it is worth on other pages."""

from __future__ import annotations

import argparse
from pathlib import Path

from bench.lines.fit import NAMES, PAGES, SEED, make_model, make_rows, score, to_text
from bench.lines.pages import generate_pages
from services.workers.stages.clean import line_model

FILE = Path(line_model.__file__).with_name(line_model.FILE)


def main() -> None:
    """Fit, measure, and write the file when asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--write", action="store_true", help=f"replace {line_model.FILE}")
    asked = parser.parse_args()
    model = make_model(asked.seed, asked.pages)
    for name, sentence, other in zip(NAMES, model.sentence, model.other, strict=True):
        print(f"{name:16} {sentence:7.3f} {other:7.3f}")
    for title, strange in (("another seed", False), ("other furniture", True)):
        pages = generate_pages(asked.seed + 1, max(20, asked.pages // 4), other=strange)
        found = score(make_rows(pages), model)
        print(f"{title}: {found.lines} lines left by the rules")
        print(
            f"  {found.furniture_cut:.1%} of the furniture cut, {found.article_lost:.2%} of the article lost"
        )
    if asked.write:
        FILE.write_text(to_text(model, asked.seed, asked.pages), encoding="utf-8")
        print(f"wrote {FILE}")


if __name__ == "__main__":
    main()
