"""The way into the web desk where keys are needed: a form that turns a key into a cookie, without a script.

The cookie holds the key itself, so that a revoked one ends here too. No script and no page of another site
can use it (HttpOnly, SameSite=Lax: a link in a mail or a chat does), and it opens nothing but reading.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, quote

from flask import Blueprint, Flask, Response, make_response, redirect, render_template, request
from werkzeug.exceptions import BadRequest, Forbidden, LengthRequired, RequestEntityTooLarge

from shared.http import read_body
from shared.keys.gate import Gate, TooManyWrongKeys
from shared.keys.keeper import KeyRefused
from shared.keys.web import COOKIE
from shared.keys.web import refused as refused_key

_MAX_FORM_BYTES: Final = 8_192
_LONGEST_WAY_BACK: Final = 2_000  # characters; behind a longer address waits the first page
_WRONG: Final = "This key opens nothing here: it does not exist, has ended, or is not one for searching."
_TOO_MANY: Final = "Too many wrong keys came from your address. Wait a minute, then try again."


def add_sign_in(app: Flask, pages: Blueprint, gate: Gate) -> None:
    """Let ``pages`` answer a stranger with the form, and add the addresses that it is sent to."""
    pages.register_error_handler(KeyRefused, _ask)
    forms = Blueprint("sign_in", __name__)

    @forms.post("/sign-in")
    def sign_in() -> Response:
        _refuse_other_sites()
        text, back = _read_form()
        try:
            gate.check(text, "search")
        except KeyRefused:
            return _form(401, _WRONG, back)
        except TooManyWrongKeys:
            return _form(429, _TOO_MANY, back)
        return _to_the_desk(text, back)

    @forms.post("/sign-out")
    def sign_out() -> Response:
        _refuse_other_sites()
        return _to_the_desk("")

    forms.after_request(pages_headers)
    app.register_blueprint(forms)


def pages_headers(answer: Response) -> Response:
    """What the desk's pages have, and no cache may keep."""
    answer.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _read_form() -> tuple[str, str]:
    """The key in the form, and the page that was asked for.

    Not by Flask's own reader, which would wait for as long as a sender likes.
    """
    if request.content_length is None:
        raise LengthRequired
    if request.content_length > _MAX_FORM_BYTES:
        raise RequestEntityTooLarge
    try:
        fields = parse_qs(read_body(request).decode("utf-8", "replace"), max_num_fields=10)
    except ValueError as error:
        raise BadRequest("too many fields") from error
    return fields.get("key", [""])[0].strip(), _of_this_desk(fields.get("back", ["/"])[0])


def _of_this_desk(address: str) -> str:
    """An address that can only be one of ours; the first page in the place of another."""
    # A browser takes //host and /\host for another site, and drops line breaks and tabs before it looks.
    is_ours = address.startswith("/") and address[1:2] not in ("/", "\\") and address.isprintable()
    return address if is_ours and len(address) <= _LONGEST_WAY_BACK else "/"


def _ask(error: KeyRefused) -> Response:
    """The form, with the status and the challenge that a program gets."""
    asked = "/"
    if request.method == "GET":  # as it came: what is no UTF-8 is no fault of ours
        query = request.query_string.decode("latin-1")
        asked = quote(request.path) + (f"?{query}" if query else "")
    answer = _form(
        refused_key(error).status_code, "" if error.why == "missing" else _WRONG, _of_this_desk(asked)
    )
    answer.headers["WWW-Authenticate"] = refused_key(error).headers["WWW-Authenticate"]
    return answer


def _form(status: int, wrong: str, back: str) -> Response:
    answer = make_response(render_template("sign_in.html", wrong=wrong, back=back), status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _to_the_desk(key: str, page: str = "/") -> Response:
    answer = make_response(redirect(page, 303))
    secure = request.is_secure
    if key:
        answer.set_cookie(COOKIE, key, httponly=True, samesite="Lax", secure=secure)
    else:
        answer.delete_cookie(COOKIE, httponly=True, samesite="Lax", secure=secure)
    return answer


def _refuse_other_sites() -> None:
    if request.headers.get("Sec-Fetch-Site", "none") not in ("none", "same-origin"):
        raise Forbidden("forms of other sites are refused")
