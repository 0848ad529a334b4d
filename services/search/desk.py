"""The web desk: pages for people, rendered on the server, without a script and nothing from elsewhere.

Article text is hostile: templates escape all of it, and only http(s) addresses become links.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from itertools import groupby, pairwise
from typing import Final
from urllib.parse import urlencode, urlsplit
from uuid import uuid4

from flask import Blueprint, Response, make_response, render_template, request
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, TooManyRequests

from services.search.answers import Json, highlights
from services.search.diff import Paragraph, runs_html
from services.search.feed_routes import feed_links
from services.search.form import Form
from services.search.past import DiffQuery
from services.search.reader import Found, Reader
from services.search.why import also_in, reason
from shared.article import Article
from shared.errors import IndexMissing, InvalidRequest, Unavailable
from shared.http import RETRY_AFTER_SECONDS
from shared.index.plan import MAX_WINDOW
from shared.index.port import Hit
from shared.ledger.port import JourneyStep
from shared.ledger.telling import VersionFacts
from shared.log import get_logger

SNIPPET_CHARS: Final = 280
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
}
_STATUS_TITLES: Final = {404: "No such article", 410: "This article was withdrawn"}
_NOT_FOUND_TITLES: Final = {"desk.story": "No such story", "desk.diff": "No such version"}
VERSIONS_SHOWN: Final = 5  # beside an article; the page of its versions has all of them


def desk(reader: Reader) -> Blueprint:
    """The blueprint of the web desk over one reader."""
    pages = Blueprint("desk", __name__, template_folder="templates", static_folder="static")
    _add_pages(pages, reader)
    pages.register_error_handler(InvalidRequest, _invalid)
    pages.register_error_handler(Unavailable, _away)
    pages.register_error_handler(HTTPException, _http_error)
    pages.register_error_handler(TooManyRequests, _http_error)  # the app has a problem document for this one
    pages.register_error_handler(Exception, _fault)
    pages.after_request(_secure)
    for fill in (when, moment_input, web_link, topic_address, also_in, reason, runs_html):
        pages.add_app_template_filter(fill)
    return pages


def _add_pages(pages: Blueprint, reader: Reader) -> None:
    @pages.get("/")
    def search() -> str:
        form = Form.read(request.query_string)
        return render_template("search.html", **_results(form, reader.search(form.query())))

    @pages.get("/articles/<string:article_id>")
    def article(article_id: str) -> str:
        shown = reader.article(article_id)
        history = _history(reader, article_id) | _latest(reader, article_id)
        return render_template("article.html", article=shown, **history)

    @pages.get("/articles/<string:article_id>/versions")
    def versions(article_id: str) -> str:
        shown, found = reader.article(article_id), reader.past.versions(article_id)
        return render_template("versions.html", article=shown, versions=_with_before(found))

    @pages.get("/articles/<string:article_id>/diff")
    def diff(article_id: str) -> str:
        query = DiffQuery.read(request.query_string, ("from", "to"))
        found = reader.past.compare(article_id, query)
        return render_template("diff.html", found=found, stretches=_stretches(found.difference.body))

    @pages.get("/stories/<string:story_id>")
    def story(story_id: str) -> str:
        found = reader.past.story(story_id)
        titles = {member.id: member.title for member in found.story.members}
        return render_template("story.html", story=found.story, timeline=found.timeline, titles=titles)


def _results(form: Form, found: Found) -> Json:
    node = found.wanted.request.query
    offset, size = found.wanted.request.offset, found.wanted.request.size
    is_folded = "fold" in (found.wanted.request.duplicates, found.wanted.request.stories)
    total = found.page.groups if is_folded else found.page.articles
    last = offset + len(found.page.hits)
    return {
        "form": form,
        "found": found,
        "feeds": feed_links(form.pairs),
        "hits": [(hit, _shown(hit, found)) for hit in found.page.hits],
        "names": _topic_names(found.page.hits),
        "newest": node is None,
        "by_story": found.wanted.request.stories == "fold",
        "first": offset + 1,
        "last": last,
        "total": total,
        "earlier": form.at(max(0, offset - size)) if offset else None,
        "later": form.at(last) if size and last < total and last + size <= MAX_WINDOW else None,
    }


def _shown(hit: Hit, found: Found) -> dict[str, list[Markup]]:
    """Title and text of a hit as safe HTML, with its words marked where the search has words."""
    marked = highlights(hit.article, found.wanted.request.query)
    # The highlighter has escaped these: marks are the only HTML in them.
    title = [Markup(text) for text in marked["title"]]  # noqa: S704
    body = [_elided(Markup(text), hit.article) for text in marked["body"]]  # noqa: S704
    return {
        "title": title or [Markup.escape(hit.article.title or "(no title)")],
        "body": body or [Markup.escape(_opening(hit.article))],
    }


def _elided(fragment: Markup, article: Article) -> Markup:
    """A fragment with dots where the text goes on."""
    plain, whole = fragment.striptags(), " ".join(article.body.split())
    before = "" if whole.startswith(plain) else "… "
    after = "" if whole.endswith(plain) else " …"
    return Markup("{}{}{}").format(before, fragment, after)


def _opening(article: Article) -> str:
    text = article.summary or article.body
    if len(text) <= SNIPPET_CHARS:
        return text
    return text[:SNIPPET_CHARS].rpartition(" ")[0] + " …"


def _topic_names(hits: Sequence[Hit]) -> dict[str, str]:
    return {tag.code: tag.name for hit in hits for tag in hit.article.topics}


def _history(reader: Reader, article_id: str) -> Json:
    """What the ledger tells of an article; without a ledger the page says so and shows the rest."""
    try:
        trace = reader.trace(article_id)
    except (Unavailable, HTTPException):
        return {"trace": None, "steps": []}
    return {"trace": trace, "steps": _with_waits(trace["journey"])}


def _latest(reader: Reader, article_id: str) -> Json:
    """The newest versions of an article; none without a ledger, or when there is but one."""
    try:
        found = reader.past.versions(article_id)
    except (Unavailable, HTTPException):
        found = []
    return {"versions": _with_before(found)[:VERSIONS_SHOWN] if len(found) > 1 else [], "count": len(found)}


def _with_before(found: Sequence[VersionFacts]) -> list[tuple[VersionFacts, int | None]]:
    """Each version with the number of the one before it, the newest first."""
    before = [None, *(facts.revision for facts in found)]
    return list(zip(found, before, strict=False))[::-1]


def _stretches(body: Sequence[Paragraph]) -> list[tuple[bool, list[Paragraph]]]:
    """The paragraphs of a difference in stretches that are the same, or are not."""
    found = groupby(body, lambda paragraph: paragraph.op == "equal")
    return [(same, list(paragraphs)) for same, paragraphs in found]


def _with_waits(journey: Sequence[JourneyStep]) -> list[tuple[JourneyStep, str]]:
    """Each step with the time that had gone by since the step before it."""
    waits = ["", *(_span(before.at, step.at) for before, step in pairwise(journey))]
    return list(zip(journey, waits, strict=False))  # an empty journey has no first wait


def _span(start: datetime, end: datetime) -> str:
    seconds = (end - start).total_seconds()
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        if seconds >= length:
            return f"+{seconds / length:.3g} {unit}"
    return f"+{seconds * 1000:.0f} ms"


def when(moment: datetime) -> str:
    """A UTC time as people read it, such as ``24 Nov 2026, 06:42``."""
    return f"{moment.day} {moment:%b %Y, %H:%M}"


def moment_input(value: str) -> str:
    """The type of the field that shows a bound of the dates: a calendar has no ``now-7d`` and no hours."""
    return "date" if not value or _is_day(value) else "text"


def _is_day(value: str) -> bool:
    try:
        return date.fromisoformat(value).isoformat() == value
    except ValueError:
        return False


def web_link(address: str | None) -> str | None:
    """The address if a browser may follow it (http or https with a host), else None."""
    try:
        parts = urlsplit(address or "")
    except ValueError:
        return None
    return address if parts.scheme in ("http", "https") and parts.netloc else None


def topic_address(code: str) -> str:
    """The address of the search for a topic and everything narrower."""
    return "/?" + urlencode({"topic": code})


def _invalid(error: InvalidRequest) -> Response:
    if request.endpoint != "desk.search":
        return _page("problem.html", 400, title="This address cannot be read", detail=str(error))
    form = _form_or_empty()
    at = error.position if error.field == "q" else None
    return _page("search.html", 400, form=form, found=None, error=error, marked=_marked(form.value("q"), at))


def _form_or_empty() -> Form:
    try:
        return Form.read(request.query_string)
    except InvalidRequest:  # the error that is being shown
        return Form()


def _marked(text: str, position: int | None) -> tuple[str, str, str] | None:
    """A query cut in three around the character an error points at, which may be its end."""
    if position is None or not text:
        return None
    return text[:position], text[position : position + 1], text[position + 1 :]


def _away(error: Unavailable) -> Response:
    missing = isinstance(error, IndexMissing)
    answer = _page("problem.html", 503, title="Search is away", missing=missing)
    answer.headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer


def _http_error(error: HTTPException) -> Response:
    status = error.code or 500
    titles = _STATUS_TITLES | ({404: _NOT_FOUND_TITLES.get(request.endpoint or "", _STATUS_TITLES[404])})
    title = titles.get(status, error.name)
    return _page("problem.html", status, title=title, detail=error.description)


def _fault(error: Exception) -> Response:
    """The 500 of our own fault, with the id that the log has it by."""
    fault = uuid4().hex
    get_logger().error("request failed", id=fault, path=request.path, exc_info=error)
    told = f"Something is wrong here, and not with what you asked. Quote the id {fault} when you report it."
    return _page("problem.html", 500, title="Our fault", detail=told)


def _page(template: str, status: int, **values: object) -> Response:
    answer = make_response(render_template(template, **values), status)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _secure(response: Response) -> Response:
    response.headers.extend(_HEADERS)
    return response
