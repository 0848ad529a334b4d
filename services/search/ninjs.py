"""Articles as ninjs 3.1, IPTC's JSON for news; knows neither Flask nor the index.

| ninjs | of the article |
| --- | --- |
| ``uri`` | ``uri`` if it is a URI of its source, else ``url``, else ``urn:copydesk:article:<id>`` |
| ``standard``, ``type``, ``representationType`` | fixed: ninjs 3.1, ``text``, ``full`` |
| ``version`` | ``revision`` |
| ``versionCreated`` | ``modified_at``, else ``published_at`` of a first version, else ``ingested_at`` |
| ``firstCreated``, ``contentCreated`` | ``published_at`` |
| ``pubStatus``, ``embargoedUntil``, ``expires`` | ``pub_status``, ``embargo_until``, ``expires_at`` |
| ``language`` | ``language`` |
| ``headlines``, ``descriptions``, ``bodies`` | ``title``, ``summary``, ``body``: one each, as plain text |
| ``by`` | ``authors``, with commas between them |
| ``subjects`` | ``topics``: Media Topics by their URI, others as ``literal``; the score as ``confidence`` |
| ``people``, ``organisations``, ``places`` | ``entities`` by type, with their names |
| ``infoSources`` | ``source``: its name, and its id as ``literal`` |
| ``altIds`` | ``id``, and ``uri`` where that became no ``uri`` |
| ``renditions`` | the article's own page, named ``web`` |
| ``associations`` | ``image_url``: a picture |

What is not there is left out. ninjs 3.1 has no place for keywords, stories and verdicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from services.search.answers import Json
from services.search.outward import article_link, article_urn, made_at, topic_uri, web_uri
from shared.article import Article, EntityType, Tag

STANDARD: Final = {
    "name": "ninjs",
    "version": "3.1",
    "schema": "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json#",
}
_PLAIN: Final = "text/plain"
# RFC 3986 but for the rarest: a scheme, an authority of host and port, then path, query and fragment.
_CHARS: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})"
_URI: Final = re.compile(
    rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?:(?!//){_CHARS}+|//[A-Za-z0-9._~-]+(?::[0-9]+)?(?:/{_CHARS}*)?)"
    rf"(?:\?(?:{_CHARS}|\?)*)?(?:\#(?:{_CHARS}|\?)*)?"
)
# The ids that Copydesk makes for files and for pages without an address name nothing to the world.
_HOUSE_SCHEMES: Final = ("file", "sha256")


def ninjs_item(article: Article) -> Json:
    """An article as a ninjs 3.1 news item; see the table above."""
    item = _identity(article) | _times(article) | _texts(article) | _concepts(article)
    return item | _others(article)


def item_uri(article: Article) -> str:
    """What names an article in ninjs: its source's own URI, else its address, else its URN here."""
    own = article.uri if article.uri and _is_uri(article.uri) else None
    return own or web_uri(article.url) or article_urn(article.id)


def _identity(article: Article) -> Json:
    return {
        "uri": item_uri(article),
        "standard": STANDARD,
        "type": "text",
        "representationType": "full",
        "version": str(article.revision),
        "pubStatus": article.pub_status,
        "language": article.language,
    }


def _times(article: Article) -> Json:
    return _given(
        firstCreated=article.published_at,
        contentCreated=article.published_at,
        versionCreated=made_at(article),
        embargoedUntil=article.embargo_until,
        expires=article.expires_at,
    )


def _texts(article: Article) -> Json:
    body = {
        "role": "main",
        "contentType": _PLAIN,
        "charCount": len(article.body),
        "wordCount": article.word_count,
        "value": article.body,
    }
    return _given(
        headlines=_text("main", article.title),
        descriptions=_text("summary", article.summary),
        bodies=[body] if article.body else None,
        by=", ".join(article.authors),
    )


def _text(role: str, value: str | None) -> list[Json]:
    return [{"role": role, "contentType": _PLAIN, "value": value}] if value else []


def _concepts(article: Article) -> Json:
    return _given(
        subjects=[_subject(tag) for tag in article.topics],
        people=_named(article, "person"),
        organisations=_named(article, "organisation"),
        places=_named(article, "place"),
    )


def _subject(tag: Tag) -> Json:
    uri = topic_uri(tag.code)
    confidence = round(100 * min(1.0, max(0.0, tag.score)))
    return {"name": tag.name, "confidence": confidence} | ({"uri": uri} if uri else {"literal": tag.code})


def _named(article: Article, kind: EntityType) -> list[Json]:
    return [{"name": entity.name} for entity in article.entities if entity.type == kind]


def _others(article: Article) -> Json:
    source = article.source
    return _given(
        infoSources=[{"name": source.name or source.id, "literal": source.id}],
        altIds=list(_other_ids(article)),
        renditions=_rendition("web", article_link(article)),
        associations=_picture(web_uri(article.image_url)),
    )


def _other_ids(article: Article) -> Iterable[Json]:
    yield {"role": "copydesk", "value": article.id}
    if article.uri and article.uri != item_uri(article):
        yield {"role": "source", "value": article.uri}


def _rendition(name: str, address: str | None) -> list[Json]:
    return [{"name": name, "href": address}] if address else []


def _picture(address: str | None) -> list[Json]:
    if address is None:
        return []
    return [
        {"name": "image", "uri": address, "type": "picture", "renditions": _rendition("original", address)}
    ]


def _given(**facts: object) -> Json:
    return {name: value for name, value in facts.items() if value}


def _is_uri(text: str) -> bool:
    found = _URI.fullmatch(text)
    return found is not None and found["scheme"].lower() not in _HOUSE_SCHEMES
