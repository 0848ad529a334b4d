"""What every web service of Copydesk has in common: app, health, errors as problem+json, safe headers.

Leaves routes, parameters and the wiring of parts to each service.
"""

from __future__ import annotations

import gc
import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final
from uuid import uuid4

import structlog
from flask import Request, Response, current_app, g, request
from flask.json.provider import DefaultJSONProvider
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from flask_openapi3.types import ResponseDict
from pydantic import BaseModel, Field, ValidationError
from werkzeug.exceptions import (
    ClientDisconnected,
    HTTPException,
    RequestEntityTooLarge,
    RequestTimeout,
    UnsupportedMediaType,
)

from shared.codec import to_json
from shared.docs import POLICY, docs_page
from shared.errors import InvalidRequest, Unavailable
from shared.fields import FieldError, errors_of, field_errors
from shared.log import get_logger
from shared.proxies import trust_proxies
from shared.readiness import ADVICE, DOCTOR, Checks, Readiness, clean
from shared.reading import Room, Stream
from shared.settings import Settings

PROBLEM_TYPE: Final = "application/problem+json"
RETRY_AFTER_SECONDS: Final = 5
MAX_DRAINED_BYTES: Final = 64 * 1024
MAX_DRAINED_AFTER_BYTES: Final = 32 * 1024 * 1024  # twice the largest body that a service takes by default
DRAIN_AFTER_SECONDS: Final = 1.0
DRAIN_SECONDS: Final = 0.1
YOUNG_OBJECTS: Final = 10_000  # made before Python looks for garbage among them; its own 700 suits scripts
KNOWS_CALLER: Final = "copydesk-knows-caller"  # whether this request comes from somebody with a key
_ROOM: Final = "copydesk-room"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}

_settled = False


class UnsupportedField(UnsupportedMediaType):
    """The 415 of one header of the request, ``field``."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.errors = (FieldError(field, message),)


class ProblemField(BaseModel):
    """What is wrong with one field of a request."""

    field: str
    message: str


class Problem(BaseModel):
    """An error as RFC 9457 shapes it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[ProblemField] = Field(default_factory=list)
    position: int | None = None


class _Json(DefaultJSONProvider):
    """Flask's JSON through the project's codec: RFC 3339 times, fields in the order they were written."""

    def dumps(self, obj: Any, **_: Any) -> str:  # noqa: ANN401 - Flask's signature
        return to_json(obj).decode()

    def response(self, *args: Any, **kwargs: Any) -> Response:  # noqa: ANN401 - Flask's signature
        return Response(to_json(self._prepare_response_obj(args, kwargs)), mimetype=self.mimetype)


def make_app(name: str, settings: Settings, checks: Checks, optional: Collection[str] = ()) -> OpenAPI:
    """Build a service's app with ``/healthz``, ``/readyz``, ``/openapi.json``, ``/docs``, errors and headers.

    Each check returns or raises; a failed one makes ``/readyz`` 503, unless it is named in ``optional``:
    then the service is ``degraded`` and goes on answering.
    """
    app = OpenAPI(
        name,
        info=Info(title=f"Copydesk {name.rpartition('.')[2]}", version=_version()),
        responses=problem_responses(),
        validation_error_status=400,
        validation_error_model=Problem,
        validation_error_callback=_invalid_parameters,
        doc_ui=False,  # the document has a route of its own below; its page would take "/"
        static_folder=None,
    )
    app.json = _Json(app)
    app.config["MAX_CONTENT_LENGTH"] = settings.max_request_bytes
    app.extensions[_ROOM] = Room(settings.web_threads)
    app.extensions[KNOWS_CALLER] = lambda: True
    _add_health(app, Readiness(checks, optional))
    trust_proxies(app, settings.trusted_proxies)
    _add_errors(app)
    app.before_request(_begin)
    app.after_request(_finish)
    return app


def settle() -> None:
    """Let the garbage collector pass over whatever is there by now; does something only once in a process.

    A page of 500 articles makes so many objects that Python would look through all that the process has,
    modules and routes included, with every other page: half of the time that such a page takes.
    """
    global _settled
    if not _settled:
        _settled = True
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


def read_body(given: Request) -> bytes:
    """The whole body of a request; raises 413 when it is over the limit, also where no length was given.

    Raises 408 for a sender that takes too long, and ``Unavailable`` where too many are slow at once.
    Left to itself, werkzeug cuts a chunked body off at the limit and says nothing.
    """
    limit = current_app.config["MAX_CONTENT_LENGTH"]
    if (given.content_length or 0) > limit:
        raise RequestEntityTooLarge(_too_large(limit))
    given.max_content_length = limit + 1
    g.body_taken = True
    data = room().read(stream_of(given), limit + 1)
    if len(data) < (given.content_length or 0):
        raise ClientDisconnected
    if len(data) > limit:
        raise RequestEntityTooLarge(_too_large(limit))
    return data


def stream_of(given: Request) -> Stream:
    """The server's own stream where that ends with the body: werkzeug's wrapper is slow with small reads."""
    ends = given.environ.get("wsgi.input_terminated")
    stream: Stream = given.environ["wsgi.input"] if ends else given.stream
    return stream


def room() -> Room:
    """The places for slow senders in the service that answers."""
    found: Room = current_app.extensions[_ROOM]
    return found


def problem_responses() -> ResponseDict:
    """What every route may answer, for the OpenAPI document; a blueprint takes it as ``abp_responses``."""
    return {400: {"content": {PROBLEM_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}}


def problem(
    status: int,
    title: str,
    detail: str,
    errors: Iterable[FieldError] = (),
    position: int | None = None,
    **extra: object,
) -> Response:
    """An error answer as RFC 9457 shapes it; ``extra`` members are added as they are."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": title,
        "status": status,
        "detail": clean(detail),
    }
    body["errors"] = [{"field": clean(item.field), "message": clean(item.message)} for item in errors]
    if position is not None:
        body["position"] = position
    answer = Response(to_json(body | extra), status, content_type=PROBLEM_TYPE)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def invalid_request(error: InvalidRequest) -> Response:
    """The 400 of an invalid request, with every field error and the position in a query."""
    return problem(400, "Invalid request", str(error), errors_of(error), error.position)


def unavailable(error: Unavailable) -> Response:
    """The 503 of a part that is away or overloaded; the caller should come back."""
    get_logger().warning("part unavailable", path=request.path, error=str(error))
    answer = problem(503, "Service unavailable", str(error) or "a part of the service is away; try again")
    answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


def _add_health(app: OpenAPI, readiness: Readiness) -> None:
    @app.route("/healthz")
    def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.route("/readyz")
    def readyz() -> tuple[dict[str, object], int]:
        found = readiness.look()
        status, failed = readiness.status(found), {name for name, error in found.items() if error is not None}
        shown = {name: {"status": "failed" if error else "ok"} for name, error in found.items()}
        if app.extensions[KNOWS_CALLER]():  # an engine's words name hosts and files
            for name in failed:
                shown[name]["error"] = found[name] or ""
        answer: dict[str, object] = {"status": status, "checks": shown}
        if failed:
            answer["advice"] = {name: ADVICE.get(name, DOCTOR) for name in sorted(failed)}
        return answer, 503 if status == "unavailable" else 200

    @app.route("/openapi.json")
    def openapi_json() -> dict[str, Any]:
        return _document(app)

    @app.route("/docs")
    def docs() -> Response:
        answer = Response(docs_page(_document(app)), content_type="text/html; charset=utf-8")
        answer.headers["Content-Security-Policy"] = POLICY
        return answer


def _document(app: OpenAPI) -> dict[str, Any]:
    """The OpenAPI document; the library writes null where there are no security schemes, which is none."""
    told = app.api_doc
    components = {name: value for name, value in told["components"].items() if value is not None}
    return {**told, "components": components}


def _add_errors(app: OpenAPI) -> None:
    app.register_error_handler(InvalidRequest, invalid_request)
    app.register_error_handler(Unavailable, unavailable)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(Exception, _unknown_error)


def _invalid_parameters(error: ValidationError) -> Response:
    errors = field_errors(error)
    return problem(400, "Invalid request", f"{errors[0].field}: {errors[0].message}", errors)


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    if status == 500:
        return _unknown_error(error)
    words = error.description or error.name
    answer = problem(status, error.name, words, _errors_in(error, words))
    for name, value in error.get_headers(request.environ):
        if name not in ("Content-Type", "Content-Length"):
            answer.headers[name] = value
    return answer


def _errors_in(error: HTTPException, words: str) -> tuple[FieldError, ...]:
    """Which field of the request an HTTP error is about, where it is about one."""
    if isinstance(error, UnsupportedField):
        return error.errors
    about_body = isinstance(error, RequestEntityTooLarge | RequestTimeout)
    return (FieldError("request", words),) if about_body else ()


def _unknown_error(error: Exception) -> Response:
    fault = uuid4().hex
    get_logger().error("request failed", id=fault, path=request.path, exc_info=error)
    return problem(500, "Internal error", f"our fault; quote the id {fault} when you report it", id=fault)


def _begin() -> None:
    settle()  # with the first request, often a probe: by then everything is imported and built
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _finish(response: Response) -> Response:
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["X-Request-Id"] = g.request_id
    if response.status_code >= 400:
        _drain(request)
        _drain_after(response, request)
    return response


def _drain(given: Request) -> None:
    """Read what a refused request left unread; granian closes the connection of a body that was not read.

    Only a short body of known length: it is on its way already. A long or slow one is better cut off.
    """
    if 0 < (given.content_length or 0) <= MAX_DRAINED_BYTES and not g.get("body_taken"):
        with suppress(HTTPException, Unavailable, OSError):
            room().drain(stream_of(given), MAX_DRAINED_BYTES, DRAIN_SECONDS)


def _drain_after(response: Response, given: Request) -> None:
    """Let an answer go out before its request's long body was read, and then read some of that.

    Else the connection is reset under a sender that is still at it, such as a proxy, and the answer is lost.
    """
    if (given.content_length or 0) <= MAX_DRAINED_BYTES or g.get("body_taken"):
        return
    given.max_content_length = given.content_length  # else its stream is refused once more
    data, stream, places = response.get_data(), stream_of(given), room()
    response.content_length = len(data)

    def told() -> Iterator[bytes]:
        yield data
        with suppress(HTTPException, Unavailable, OSError):
            places.drain(stream, MAX_DRAINED_AFTER_BYTES, DRAIN_AFTER_SECONDS)

    response.response = told()


def _too_large(limit: int) -> str:
    return f"the body must have at most {limit} bytes"


def _version() -> str:
    try:
        return version("copydesk")
    except PackageNotFoundError:
        return "0"
