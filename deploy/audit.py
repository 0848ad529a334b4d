"""Asks pip-audit about everything in a lock, and tells "clean" apart from "could not be asked".

    python deploy/audit.py requirements.lock [options of pip-audit]

pip-audit itself ends well, and says that no vulnerability is known, when its index knew none of the packages.
Exit codes: 0 all were asked about and none has a known vulnerability; 1 some have; 3 it cannot be said.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CLEAN, VULNERABLE, UNKNOWN = 0, 1, 3
PATIENCE = 600  # seconds for all of it
TOLD = 5  # names in one line
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Verdict:
    """An exit code, and the lines that say why."""

    code: int
    lines: tuple[str, ...]


def main(lock: str, *options: str) -> int:
    """Audit one lock and say what came of it."""
    verdict = audit(Path(lock), options)
    out = sys.stdout if verdict.code == CLEAN else sys.stderr
    out.writelines(f"{line}\n" for line in verdict.lines)
    return verdict.code


def audit(lock: Path, options: Sequence[str]) -> Verdict:
    """Run pip-audit on a lock; its index or service may be away, and then nothing is known."""
    command = [sys.executable, "-m", "pip_audit", "--require-hashes", "--disable-pip", "--format", "json",
               "--progress-spinner", "off", "--requirement", str(lock), *options]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)  # noqa: S603
        found = json.loads(done.stdout)["dependencies"]
    except subprocess.TimeoutExpired:
        return _unknown(lock, f"pip-audit did not end within {PATIENCE} s")
    except (ValueError, KeyError, TypeError):
        said = [line for line in done.stderr.splitlines() if line.strip()]
        return _unknown(lock, said[-1] if said else f"pip-audit ended with {done.returncode} and no word")
    return judge(lock, found, names_in(lock))


def names_in(lock: Path) -> frozenset[str]:
    """The packages that a lock pins."""
    return frozenset(_plain(name) for name in _PINNED.findall(lock.read_text()))


def judge(lock: Path, found: Sequence[dict[str, Any]], wanted: frozenset[str]) -> Verdict:
    """What pip-audit's report says of a lock; what it passed over, or left out, is not clean."""
    asked = {_plain(one["name"]) for one in found if "skip_reason" not in one}
    bad = [one for one in found if one.get("vulns")]
    missing = sorted(wanted - asked)
    lines = [
        f"{one['name']} {one['version']}: {vuln['id']}, mended in {', '.join(vuln['fix_versions']) or 'none'}"
        for one in bad
        for vuln in one["vulns"]
    ]
    if missing:
        reasons = {_plain(one["name"]): one["skip_reason"] for one in found if "skip_reason" in one}
        shown = ", ".join(missing[:TOLD]) + (" ..." if len(missing) > TOLD else "")
        why = reasons.get(missing[0], "not in its report")
        lines.append(f"{len(missing)} of {len(wanted)} packages were not audited ({shown}): {why}")
    if bad:
        return Verdict(VULNERABLE, (*lines, f"{lock}: {len(bad)} packages have known vulnerabilities"))
    if missing or not wanted:
        return _unknown(lock, *lines)
    return Verdict(CLEAN, (f"{lock}: {len(wanted)} packages audited, no known vulnerability",))


def _unknown(lock: Path, *lines: str) -> Verdict:
    words = "NOT AUDITED: whether it is clean is not known; try again where PyPI, or another service, answers"
    return Verdict(UNKNOWN, (*lines, f"{lock}: {words}"))


def _plain(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
