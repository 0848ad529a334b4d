"""Which requests Flower refuses where it asks for no password: those that another site's page makes.

A page can have its own name lead to this machine (DNS rebinding), and Flower itself lets every site read an
API that is open. The names of the request give both away.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from tornado.httputil import HTTPServerRequest
from tornado.routing import Matcher, Rule
from tornado.web import RequestHandler

from services.workers.flower_login import PASSWORD
from shared.hosts import is_this_machine

WORDS = (
    "Flower asks for no password here, and answers by this machine's own names alone, such as localhost, and "
    f"no page of another site; set {PASSWORD}, and it asks for that instead"
)


class _Elsewhere(Matcher):
    """Fits whatever was sent to another name than this machine's, or by a page from elsewhere."""

    def match(self, request: HTTPServerRequest) -> dict[str, Any] | None:
        fits = is_this_machine(request.host) and _is_origin_of_ours(request.headers.get("Origin"))
        return None if fits else {}


class Misdirected(RequestHandler):
    """Answers 421, whatever is asked."""

    def check_xsrf_cookie(self) -> None:
        """Nothing: it comes before ``prepare``, and nothing is done here that a page could be used for."""

    def prepare(self) -> None:
        """End the request before its method is looked at."""
        self.set_status(421)
        self.set_header("Content-Type", "text/plain; charset=utf-8")
        self.finish(WORDS)


def _is_origin_of_ours(origin: str | None) -> bool:
    """Whether no page asks, or one of this machine; ``null`` is a page that hides where it is from."""
    if origin is None:
        return True
    try:
        host = urlsplit(origin).netloc
    except ValueError:
        return False
    return bool(host) and is_this_machine(host)


REFUSE_ELSEWHERE = Rule(_Elsewhere(), Misdirected)  # goes before every other route
