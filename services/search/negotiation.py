"""In which format an answer goes out: ``format`` decides, else the Accept header; JSON when neither tells.

Writes the ninjs answers, too; what an item holds is ``ninjs.py``'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlencode

from flask import Response
from werkzeug.datastructures import MIMEAccept

from services.search.ninjs import ninjs_item
from services.search.params import Given, check_names, read_pairs
from services.search.reader import Found
from shared.codec import to_json
from shared.errors import InvalidRequest
from shared.fields import FieldError, InvalidFields

JSON_TYPE: Final = "application/json"
NINJS_TYPE: Final = "application/ninjs+json"
_FORMATS: Final = ("json", "ninjs")
# These shape our own JSON; IPTC says what a ninjs item holds.
JSON_ONLY: Final = ("fields", "highlight", "facets", "facet_size")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is left of a query string without ``format``, and whether the answer is to be ninjs."""

    query: bytes
    ninjs: bool


def read_format(query: bytes, known: Iterable[str], accept: MIMEAccept) -> Asked:
    """Read the format out of a request to an address with the parameters ``known``.

    Raises ``InvalidRequest`` for an unknown format or parameter, and for one that ninjs has no use for.
    """
    given = read_pairs(query)
    check_names(given, (*known, "format"))
    ninjs = _format(given) == "ninjs" if "format" in given else prefers_ninjs(accept)
    if ninjs:
        _refuse_json_only(given)
    return Asked(_without_format(given) if "format" in given else query, ninjs)


def prefers_ninjs(accept: MIMEAccept) -> bool:
    """Whether an Accept header puts ninjs before JSON; wildcards and equal weights leave it at JSON."""
    # The parameters of a media type, such as a version, do not make it another format.
    plain = MIMEAccept([(kind.partition(";")[0].strip(), weight) for kind, weight in accept])
    return plain.quality(NINJS_TYPE) > plain.quality(JSON_TYPE)


def ninjs_response(content: object) -> Response:
    """An answer in ninjs: one item, or a list of them."""
    return Response(to_json(content), content_type=NINJS_TYPE)


def ninjs_answer(found: Found) -> Response:
    """The hits of a search as a list of ninjs items; headers tell what has no place in a list.

    ``X-Total-Count`` counts all that could be walked through: the folded groups, with
    ``X-Total-Count-Approximate: true`` where that is so. ``X-Partial: true``: the engine ran out of time.
    """
    page = found.page
    answer = ninjs_response([ninjs_item(hit.article) for hit in page.hits])
    answer.headers["X-Total-Count"] = str(page.groups)
    if page.groups_approximate:
        answer.headers["X-Total-Count-Approximate"] = "true"
    if page.partial:
        answer.headers["X-Partial"] = "true"
    return answer


def _format(given: Given) -> str:
    values = given["format"]
    if len(values) > 1:
        raise InvalidRequest("format", f"is given {len(values)} times; give it once")
    if values[0] not in _FORMATS:
        raise InvalidRequest("format", f'must be {" or ".join(_FORMATS)}, not "{values[0][:50]}"')
    return values[0]


def _refuse_json_only(given: Given) -> None:
    errors = [
        FieldError(name, "has no place in ninjs, whose items are always whole; leave it out")
        for name in given
        if name in JSON_ONLY
    ]
    if errors:
        raise InvalidFields(errors)


def _without_format(given: Given) -> bytes:
    pairs = [(name, value) for name, values in given.items() for value in values if name != "format"]
    return urlencode(pairs).encode()
