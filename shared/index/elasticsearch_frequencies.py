"""How common words are in an Elasticsearch index: the terms of a document made up for the question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from elasticsearch import Elasticsearch

from shared.frequencies import Frequencies
from shared.index.analysis import terms_of
from shared.index.document import primary_language


def find_frequencies(client: Elasticsearch, alias: str, language: str, words: Sequence[str]) -> Frequencies:
    """In how many bodies of a language each word occurs, as a shard has it; one request."""
    primary, made = primary_language(language), terms_of(words, language)
    asked = dict.fromkeys(term for parts in made.values() for term in parts)
    answer = client.termvectors(
        index=alias,
        doc={"languages": primary, "body_terms": " ".join(asked)},
        fields=["languages", "body_terms"],
        term_statistics=True,
        field_statistics=False,
        offsets=False,
        payloads=False,
        positions=False,
    )
    vectors = answer["term_vectors"]
    of_term = _document_frequencies(vectors, "body_terms")
    counts = {word: min(of_term.get(term, 0) for term in parts) for word, parts in made.items()}
    return Frequencies(_document_frequencies(vectors, "languages").get(primary, 0), counts)


def _document_frequencies(vectors: Mapping[str, Any], field: str) -> dict[str, int]:
    terms = vectors.get(field, {}).get("terms", {})
    return {term: int(told.get("doc_freq", 0)) for term, told in terms.items()}
