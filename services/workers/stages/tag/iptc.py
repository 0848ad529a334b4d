"""IPTC's own JSON of the Media Topics (``cptall-en-US.json``) read, compared, and written as YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from services.workers.stages.tag.vocabulary import Concept
from shared.errors import BadSettings

SCHEME = "mediatopic"
PREFIX = "medtop:"
LANGUAGES = ("en-US", "en-GB", "en")
# How a retired concept may name the one in its place; releases have differed.
_FOLLOWERS = ("isReplacedBy", "replacedBy", "dcterms:isReplacedBy")
_CODE = re.compile(r"(?:medtop:|https?://cv\.iptc\.org/newscodes/mediatopic/)(\d{8})")
_HEAD = (
    "# IPTC Media Topics NewsCodes, © IPTC, International Press Telecommunications Council, "
    "https://iptc.org, CC BY 4.0\n"
    "# Codes, names, nearest broader topic and retirement, as released {released}. "
    "Change rules in topics/*.yaml, not here.\n"
)


@dataclass(frozen=True, slots=True)
class Release:
    """The concepts of one release, by code; ``released`` is its date as IPTC writes it."""

    released: str
    concepts: Mapping[str, Concept]


@dataclass(frozen=True, slots=True)
class Changes:
    """What a release changes, each as code and what to say of it."""

    new: tuple[tuple[str, str], ...]
    renamed: tuple[tuple[str, str], ...]
    moved: tuple[tuple[str, str], ...]
    retired: tuple[tuple[str, str], ...]
    missing: tuple[tuple[str, str], ...]


def read_release(text: str, name: str) -> Release:
    """Read IPTC's JSON; raises ``BadSettings`` that says what it lacks to be that."""
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadSettings(f"{name} is no JSON: {error}") from error
    if not isinstance(given, dict):
        raise _not_it(name, "it holds no object")
    if SCHEME not in str(given.get("uri", "")):
        raise _not_it(name, f"its `uri` is {given.get('uri')!r}, not that of the scheme {SCHEME}")
    entries = given.get("conceptSet")
    if not isinstance(entries, list) or not entries:
        raise _not_it(name, "`conceptSet` is missing or empty")
    concepts = dict(_read_entry(entry, name, number) for number, entry in enumerate(entries))
    _check_links(concepts, name)
    return Release(str(given.get("dateReleased", "on an unknown day"))[:10], concepts)


def _not_it(name: str, why: str) -> BadSettings:
    return BadSettings(f"{name} is not IPTC's JSON of the Media Topics: {why}")


def _read_entry(entry: Any, name: str, number: int) -> tuple[str, Concept]:  # noqa: ANN401 - JSON of others
    if not isinstance(entry, dict):
        raise _not_it(name, f"entry {number} of `conceptSet` is no object")
    code = _code(entry.get("qcode")) or _code(entry.get("uri"))
    if code is None:
        raise _not_it(name, f"entry {number} of `conceptSet` has no `qcode`")
    labels = entry.get("prefLabel")
    known = labels if isinstance(labels, dict) else {}
    label = next((known[each] for each in LANGUAGES if known.get(each)), None)
    if not isinstance(label, str) or not label.strip():
        raise _not_it(name, f"{code} has no English `prefLabel`")
    follower = next((_first(entry[key]) for key in _FOLLOWERS if key in entry), None)
    return code, Concept(label.strip(), _first(entry.get("broader")), bool(entry.get("retired")), follower)


def _first(value: Any) -> str | None:  # noqa: ANN401 - a code, or a list of them
    several = value if isinstance(value, list) else [value]
    return next((code for code in map(_code, several) if code is not None), None)


def _code(value: object) -> str | None:
    match = _CODE.fullmatch(value) if isinstance(value, str) else None
    return PREFIX + match[1] if match else None


def _check_links(concepts: Mapping[str, Concept], name: str) -> None:
    for code, concept in concepts.items():
        seen, above = {code}, concept.broader
        while above is not None:
            if above not in concepts:
                raise _not_it(name, f"{above}, broader than {code}, is missing")
            if above in seen:
                raise _not_it(name, f"{code} is its own ancestor")
            if concepts[above].retired and not concept.retired:
                raise _not_it(name, f"{code} is in use, but {above}, broader than it, is retired")
            seen.add(above)
            above = concepts[above].broader


def compare(old: Mapping[str, Concept], new: Mapping[str, Concept]) -> Changes:
    """What differs between two vocabularies."""
    both = [(code, old[code], new[code]) for code in new if code in old]
    return Changes(
        tuple((code, new[code].name) for code in new if code not in old and not new[code].retired),
        tuple((code, f"{was.name} -> {now.name}") for code, was, now in both if was.name != now.name),
        tuple((code, _way(now, was, old, new)) for code, was, now in both if was.broader != now.broader),
        tuple((code, _fate(now, new)) for code, was, now in both if now.retired and not was.retired),
        tuple((code, old[code].name) for code in old if code not in new),
    )


def _way(now: Concept, was: Concept, old: Mapping[str, Concept], new: Mapping[str, Concept]) -> str:
    before = old[was.broader].name if was.broader in old and was.broader else "(top)"
    after = new[now.broader].name if now.broader in new and now.broader else "(top)"
    return f"{now.name}: {before} -> {after}"


def _fate(concept: Concept, known: Mapping[str, Concept]) -> str:
    follower = known.get(concept.replaced_by or "")
    return f"{concept.name} -> {concept.replaced_by} {follower.name}" if follower else concept.name


def with_missing(old: Mapping[str, Concept], new: Mapping[str, Concept]) -> Mapping[str, Concept]:
    """The new concepts, and those it no longer lists as retired, so that tags of the past still resolve."""
    kept = {code: replace(concept, retired=True) for code, concept in old.items() if code not in new}
    together = {**new, **kept}
    return {
        code: concept if concept.replaced_by in together else replace(concept, replaced_by=None)
        for code, concept in sorted(together.items())
    }


def vocabulary_text(released: str, concepts: Mapping[str, Concept]) -> str:
    """The content of ``vocabulary.yaml``."""
    return _HEAD.format(released=released) + "".join(_lines(concepts.items()))


def _lines(concepts: Iterable[tuple[str, Concept]]) -> Sequence[str]:
    lines = []
    for code, concept in concepts:
        parts = [f"name: {json.dumps(concept.name, ensure_ascii=False)}"]
        parts += [f"broader: {concept.broader}"] if concept.broader else []
        parts += ["retired: true"] if concept.retired else []
        parts += [f"replaced_by: {concept.replaced_by}"] if concept.replaced_by else []
        lines.append(f"{code}: {{{', '.join(parts)}}}\n")
    return lines
