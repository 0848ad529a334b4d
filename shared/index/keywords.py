"""The fields that are filtered and counted by exact values: which column holds them, how a value is read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from shared.article import Article, Copy
from shared.errors import InvalidRequest
from shared.identity import check_host, source_from_url
from shared.index.analysis import fold

_ADDRESS = re.compile(r"[0-9.]+|.*:.*")  # of version 4 or 6: no part of it is a parent of the rest
# Below a country these belong to everybody, as in co.uk and com.br: nobody looks for one, and a list of the
# domains with most articles would begin with them.
_SHARED = frozenset({"ac", "co", "com", "edu", "gob", "gov", "govt", "gv", "ne", "net", "or", "org"})
_COUNTRY_CHARS = 2
# A word for ``fold`` to fold: whatever is not ASCII punctuation or a space, which names keep.
_WORD = re.compile(r"[^\x00-\x2f\x3a-\x40\x5b-\x60\x7b-\x7f\s]+")
_QUOTES = str.maketrans("’‘ʼ‐‑", "'''--")


@dataclass(frozen=True, slots=True)
class KeywordColumn:
    """Where the values of a field lie (names of ``document.FIELDS``), and how a value is brought into shape.

    ``own`` are the article's own, ``ran`` also those of the copies that are folded under it.
    """

    own: str
    ran: str
    read: Callable[[str], str]

    def column(self, *, fold: bool) -> str:
        """The column that a search looks into, whether it folds copies or not."""
        return self.ran if fold else self.own


@lru_cache(maxsize=20_000)  # the same names come again and again; a few MB
def fold_name(name: str) -> str:
    """A name without case, accents and doubled spaces; its punctuation stays: ``o'neill``, ``at&t``."""
    if name.isascii():  # nothing to fold but case, a tenth of the time
        return " ".join(name.lower().split())
    text = unicodedata.normalize("NFKC", name).translate(_QUOTES)
    folded = " ".join(_WORD.sub(lambda word: fold(word[0]), text).split())
    return folded or " ".join(text.casefold().split())  # signs alone, which folding leaves out


KEYWORDS: Mapping[str, KeywordColumn] = {
    "source": KeywordColumn("source", "ran_sources", str.lower),
    "language": KeywordColumn("languages", "languages", str.lower),
    "topic": KeywordColumn("topics", "topics", str.lower),
    "story": KeywordColumn("story_id", "story_id", str.lower),
    "domain": KeywordColumn("domains", "ran_domains", str.lower),
    "entity": KeywordColumn("entities", "entities", fold_name),
    "author": KeywordColumn("authors", "authors", fold_name),
    "country": KeywordColumn("source", "ran_sources", str.lower),  # told of sources, see ``countries.py``
}
# What can be counted by value; the embedded index keeps a column of these beside their terms.
COUNTED = frozenset(
    {"topic_labels", *(name for known in KEYWORDS.values() for name in (known.own, known.ran))}
)


def topic_label(code: str, name: str) -> str:
    """A topic as suggestions look for it: by its name, with its code and how the name is written."""
    return f"{fold_name(name)}\t{code.lower()}\t{name}"


def read_topic_label(label: str) -> tuple[str, str]:
    """The code and the name of a topic's label."""
    _, code, name = label.split("\t", 2)
    return code, name


def domains_of(article: Article) -> list[str]:
    """The hosts of an article's URL and of its source, each with the domains above it."""
    source = article.source
    return with_parents([_host(article.url, source.id), source.domain and _as_host(source.domain)])


def domains_of_copies(copies: Iterable[Copy]) -> list[str]:
    """As ``domains_of``, for what is known of copies."""
    return with_parents([_host(copy.url, copy.source) for copy in copies])


def with_parents(hosts: Iterable[str | None]) -> list[str]:
    """Hosts and the domains above them, in order, each once: ``news.example.com``, ``example.com``."""
    return list(dict.fromkeys(domain for host in hosts if host for domain in _and_parents(host)))


def check_domain(value: str) -> str:
    """A domain to look for, as the columns have it; raises ``InvalidRequest`` where it tells of no site."""
    try:
        host = check_host(value)
    except InvalidRequest as error:
        raise InvalidRequest("domain", f'"{value[:50]}" is no host name, such as example.com') from error
    if is_shared(host):
        words = "belongs to no one site; give a domain below it, such as example.com"
        raise InvalidRequest("domain", f'"{value[:50]}" {words}')
    return host


def is_shared(domain: str) -> bool:
    """Whether all may register names below a domain, so that it tells of no site: ``com``, ``co.uk``."""
    name, dot, country = domain.partition(".")
    return not dot or (name in _SHARED and len(country) == _COUNTRY_CHARS)


@lru_cache(maxsize=4_096)
def _and_parents(host: str) -> list[str]:
    if _ADDRESS.fullmatch(host):
        return [host]
    labels = host.split(".")
    above = [".".join(labels[at:]) for at in range(1, len(labels))]
    return [host, *(domain for domain in above if not is_shared(domain))]


def _host(url: str | None, source: str) -> str | None:
    """The host of a URL; without one the id of a source that is a host."""
    if url:
        try:
            return source_from_url(url)
        except InvalidRequest:
            pass  # it is shown as it was given; no host can be found by it
    return _as_host(source) if "." in source else None


@lru_cache(maxsize=4_096)
def _as_host(name: str) -> str | None:
    try:
        return check_host(name)
    except InvalidRequest:
        return None
