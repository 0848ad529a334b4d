"""The address of exports: HTTP to an export and back; what a file holds is ``export.py``'s."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final

from flask import Response, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.types import ResponseDict

from services.search.export import EXPORT_PARAMETERS, FORMATS, Export, Format, Places, file_name, read_kind
from services.search.params import check_names, read_pairs
from services.search.reader import Reader
from shared.errors import InvalidRequest

MEDIA_TYPES: Final[dict[Format, str]] = {
    "ndjson": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8; header=present",
}
_RESPONSES: Final[ResponseDict] = {
    200: {
        "content": {kind.partition(";")[0]: {"schema": {"type": "string"}} for kind in MEDIA_TYPES.values()}
    }
}


def exports(reader: Reader, threads: int) -> APIBlueprint:
    """The blueprint of exports over one reader; they take a quarter of the server's threads at most."""
    routes = APIBlueprint("exports", __name__, url_prefix="/v1")
    places = Places(max(1, threads // 4))

    @routes.get("/search/export", summary="A whole result as NDJSON or CSV", responses=_RESPONSES)
    def export() -> Response:
        given = read_pairs(request.query_string)
        check_names(given, EXPORT_PARAMETERS)
        kind = read_kind(given)
        if kind is None:
            raise InvalidRequest("format", f"must be given once, as {' or '.join(FORMATS)}")
        give_back = places.take()
        try:
            # A file is read as a whole, and putting all of it in order of relevance would cost far more.
            wanted = reader.read_walk({"sort": ["newest"], **given})
            found = Export(reader, wanted, kind)
        except BaseException:
            give_back()
            raise
        return _answer(found, kind, wanted.request.now, give_back)

    return routes


def _answer(found: Export, kind: Format, now: datetime, give_back: Callable[[], None]) -> Response:
    answer = Response(found.lines(), content_type=MEDIA_TYPES[kind])
    answer.headers["Content-Disposition"] = f'attachment; filename="{file_name(kind, now)}"'
    answer.headers["X-Total-Count"] = str(found.total)
    answer.headers["Cache-Control"] = "no-store"
    # Called when all is sent, when it broke off, and when the asker went away, also before the first line.
    answer.call_on_close(found.close)
    answer.call_on_close(give_back)
    if request.method == "HEAD":
        answer.close()
    return answer
