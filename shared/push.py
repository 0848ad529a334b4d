"""The push format: strict JSON in, a checked ``RawArticle`` out, or every field that is wrong.

Pages as they came (``html``, ``text``) lose their NULs; everywhere else a NUL is an error, since the field
was made by a program that can be mended.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, NoReturn

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
)

from shared.article import RawArticle, Source
from shared.codec import to_plain
from shared.errors import InvalidRequest
from shared.fields import EMPTY_NAME, FieldError, InvalidFields, field_errors
from shared.identity import MAX_URI_CHARS, article_id, check_host, check_source, check_url, source_from_url
from shared.settings import Settings

CONTENT: Final = ("body", "html", "text")
KILL: Final = "canceled"  # the pub_status of an item that is to be withdrawn for good
MAX_SUMMARY_CHARS: Final = 20_000
MAX_LABEL_CHARS: Final = 1_000  # one author, keyword or topic
MAX_VERSION: Final = 2**63 - 1  # what the ledger's integer column holds

# The first newspapers; an earlier year is a default of some database, not a date.
_EARLIEST = datetime(1600, 1, 1, tzinfo=UTC)
# Nanoseconds in 64 bits, as indexes keep dates, end in 2262.
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
# A wrong time zone is less than a day off; more is a wrong date.
_AHEAD = timedelta(days=1)

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+-]\d\d:\d\d)?")
_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_SURROGATE = re.compile("[\ud800-\udfff]")


class InvalidPush(InvalidFields):
    """An item that cannot be accepted, with everything that is wrong with it."""


def usable(check: Callable[[str], str]) -> Callable[[str], str]:
    """Let a check that raises ``InvalidRequest`` serve as a pydantic validator."""

    def validate(value: str) -> str:
        try:
            return check(value)
        except InvalidRequest as error:
            raise ValueError(error.message) from error

    return validate


def _no_surrogate(value: str) -> str:
    if not value.isascii() and _SURROGATE.search(value):
        raise ValueError("must not contain half of a surrogate pair")
    return value


def _clean(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain NUL characters")
    return _no_surrogate(value).strip()


def _page(value: str) -> str:
    return _no_surrogate(value).replace("\0", "")


def needed(value: str) -> str:
    """Check that a text is not empty, as a pydantic validator."""
    if not value:
        raise ValueError("must not be empty")
    return value


def at_most(limit: int) -> AfterValidator:
    """A pydantic validator of a text's length."""

    def validate(value: str) -> str:
        if len(value) > limit:
            raise ValueError(f"must have at most {limit} characters")
        return value

    return AfterValidator(validate)


def _title(value: str, info: ValidationInfo) -> str:
    limit = info.context and info.context["title"]
    if limit and len(value) > limit:
        raise ValueError(f"must have at most {limit} characters")
    return value


def _body(value: str, info: ValidationInfo) -> str:
    limit = info.context and info.context["body"]
    if limit and len(value) > limit:
        raise ValueError(f"must have at most {limit} characters")
    return value


def _labels(values: list[str], info: ValidationInfo) -> list[str]:
    limit = info.context and info.context["items"]
    if limit and len(values) > limit:
        raise ValueError(f"must have at most {limit} items")
    return [value for value in values if value]


def _language(value: str) -> str:
    if value and not _LANGUAGE.fullmatch(value):
        raise ValueError("must be a BCP 47 tag, such as en or pt-BR")
    return value


def _moment(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("must be an RFC 3339 string, such as 2026-01-31T09:30:00Z")  # noqa: TRY004 - pydantic's
    found = _MOMENT.fullmatch(value.strip())
    if not found:
        raise ValueError("must be an RFC 3339 date and time, such as 2026-01-31T09:30:00Z")
    if not found[3]:
        raise ValueError("needs a zone, such as 2026-01-31T09:30:00Z")
    if found[3][1:3] > "23" or found[3][4:] > "59":
        raise ValueError("names no zone that exists; it is Z or an offset, as in 2026-01-31T09:30:00+01:00")
    try:
        moment = datetime.fromisoformat(value.strip().upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        told = "is no date and time that exists; it must look like 2026-01-31T09:30:00Z"
        raise ValueError(told) from error
    if not _EARLIEST <= moment < _LATEST:
        raise ValueError(f"must lie between the years {_EARLIEST.year} and {_LATEST.year}")
    return moment


def _number_as_text(value: object) -> object:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _source(value: object) -> object:
    if not isinstance(value, str | dict | PushSource):
        raise ValueError("must be a text or an object")  # noqa: TRY004 - pydantic's
    return {"id": value} if isinstance(value, str) else value


Clean = Annotated[str, AfterValidator(_clean)]
_Label = Annotated[Clean, at_most(MAX_LABEL_CHARS)]
_Labels = Annotated[list[_Label], AfterValidator(_labels)]
_Url = Annotated[Clean, AfterValidator(usable(check_url))]
_Page = Annotated[str, AfterValidator(_page)]
Moment = Annotated[
    datetime, BeforeValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})
]


class PushSource(BaseModel):
    """Where an item came from; as a plain string it is the id."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    id: Annotated[Clean, AfterValidator(usable(check_source))]
    name: _Label | None = None
    domain: Annotated[Clean, AfterValidator(usable(check_host))] | None = None


class PushItem(BaseModel):
    """One item of the push format: ``url`` or ``uri``, and one of ``body``, ``html``, ``text``.

    With ``pub_status`` ``canceled`` it is a kill, which needs no content: its item is withdrawn for good.
    """

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    source: Annotated[PushSource, BeforeValidator(_source)] | None = None
    url: _Url | None = None
    uri: Annotated[Clean, AfterValidator(needed), at_most(MAX_URI_CHARS)] | None = None
    body: Annotated[Clean, AfterValidator(_body)] | None = None
    html: _Page | None = None
    text: _Page | None = None
    title: Annotated[Clean, AfterValidator(_title)] | None = None
    summary: Annotated[Clean, at_most(MAX_SUMMARY_CHARS)] | None = None
    authors: _Labels | None = None
    language: Annotated[Clean, AfterValidator(_language)] | None = None
    published_at: Moment | None = None
    modified_at: Moment | None = None
    image_url: _Url | None = None
    keywords: _Labels | None = None
    topics: _Labels | None = None
    version: Annotated[int, Field(ge=0, le=MAX_VERSION)] | None = None
    pub_status: Literal["usable", "withheld", "canceled"] | None = None
    embargo_until: Moment | None = None
    expires_at: Moment | None = None


class StageItem(PushItem):
    """One line for a stage run by hand: only ``id`` is needed, what is not known is passed over."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    id: Annotated[Clean, AfterValidator(needed), BeforeValidator(_number_as_text)]


# What only helps a stage; where one of these is unusable, the line goes on without it.
_HINTS = frozenset(PushItem.model_fields) - {"title", *CONTENT}


def read_json(data: bytes, *, keep_surrogates: bool = False) -> Any:  # noqa: ANN401 - JSON values have no narrower type
    """Parse strict JSON; raises ``InvalidRequest`` with the position of the first mistake.

    Refused beside broken syntax: other encodings than UTF-8, NaN and infinities, a key given twice, numbers
    of thousands of digits, thousands of levels, and lone surrogates, unless the caller looks for them item by
    item (``keep_surrogates``), so that one bad item does not take the others with it.
    """
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise InvalidRequest("request", "is no valid UTF-8", error.start) from error
    except json.JSONDecodeError as error:
        raise InvalidRequest("request", f"is no valid JSON: {error.msg}", error.pos) from error
    except RecursionError as error:
        raise InvalidRequest("request", "is nested too deeply") from error
    except ValueError as error:
        raise InvalidRequest("request", "holds a number of too many digits") from error
    if not keep_surrogates and _has_surrogate(text, value):
        raise InvalidRequest("request", "must not contain half of a surrogate pair")
    return value


def read_push(item: object, settings: Settings, now: datetime) -> RawArticle:
    """Check one item of the push format; raises ``InvalidPush`` with every field that is wrong.

    A ``published_at`` or ``modified_at`` may lie a day ahead of ``now``, or of the embargo: a wrong zone
    is forgiven, a wrong date is not.
    """
    errors: list[FieldError] = []
    context = {"title": settings.max_title_chars, "items": settings.max_array_items}
    context["body"] = settings.max_body_chars
    try:
        model = PushItem.model_validate(item, context=context)
    except ValidationError as error:
        errors += [_flat(found, item) for found in field_errors(error, "article")]
    if isinstance(item, dict):
        errors += _missing(item)
    if not errors:
        errors += _too_late(model, now)
    if errors:
        raise InvalidPush(errors)
    return _raw(model, _source_of(model), now)


def push_item(raw: RawArticle) -> dict[str, Any]:
    """The item of the push format that leads to this article when it is pushed (again)."""
    fields: dict[str, Any] = to_plain(raw)
    del fields["id"], fields["ingested_at"]
    fields["source"] = {name: value for name, value in fields["source"].items() if value is not None}
    return {name: value for name, value in fields.items() if value is not None and value != []}


def read_stage_item(item: object, checked: Collection[str] = ()) -> RawArticle:
    """Read one line for a stage run by hand; raises ``InvalidPush`` when ``id`` or a text is unusable.

    A page (``html``) is taken before ``text`` and ``body``; without any, the text is empty. Limits do not
    apply, and a url, source or date that cannot be used is left out, unless the stage has named it as
    ``checked``: it need not be given, but where it is, it must be usable.
    """
    try:
        model = StageItem.model_validate(item)
    except ValidationError as error:
        model = _without_hints(item, error, _HINTS.difference(checked))
    source = _source_of(model) if model.source or model.url else Source(id="")
    first = next((name for name in ("html", "text", "body") if getattr(model, name)), None)
    text = {name: getattr(model, name) if name == first else None for name in CONTENT}
    return _raw(model.model_copy(update=text if first else {**text, "text": ""}), source, None, model.id)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        shown = twice[:MAX_LABEL_CHARS].encode("utf-8", "replace").decode()  # it may hold half of a pair
        raise InvalidRequest(shown or EMPTY_NAME, "is given twice in one object")
    return found


def _no_constant(word: str) -> NoReturn:
    raise InvalidRequest("request", f"is no valid JSON: {word} is not a JSON number")


def _has_surrogate(text: str, value: object) -> bool:
    """Look through the value only where the text has an escape that may be half of a pair."""
    if "\\ud" not in text.lower():
        return False
    todo = [value]
    while todo:
        part = todo.pop()
        if isinstance(part, str) and _SURROGATE.search(part):
            return True
        if isinstance(part, dict):
            todo += [*part, *part.values()]
        elif isinstance(part, list):
            todo += part
    return False


def _missing(item: dict[str, object]) -> list[FieldError]:
    """What an item lacks, or has too much of, across its fields."""
    has_url = item.get("url") is not None
    given = [name for name in CONTENT if item.get(name) is not None]
    errors = [FieldError(name, f"cannot be given beside {given[0]}") for name in given[1:]]
    if item.get("pub_status") == KILL:
        pass  # whatever it says of the article, the article goes
    elif not given:
        errors.append(FieldError("body", "is needed, or html, or text"))
    elif is_blank(item[given[0]]):
        errors.append(FieldError(given[0], "must not be blank"))
    if not has_url and item.get("uri") is None:
        errors.append(FieldError("url", "is needed, unless a uri is given"))
    if not has_url and item.get("source") is None:
        errors.append(FieldError("source", "is needed, since there is no url to take it from"))
    return errors


def is_blank(text: object) -> bool:
    """Whether a string shows nothing: only spaces, controls and zero-width characters."""
    return isinstance(text, str) and not any(char.isprintable() and char != " " for char in text.strip())


def _flat(error: FieldError, item: object) -> FieldError:
    """Name a source that was given as a string as its sender did."""
    plain = error.field == "source.id" and isinstance(item, dict) and isinstance(item["source"], str)
    return FieldError("source", error.message) if plain else error


def _too_late(model: PushItem, now: datetime) -> list[FieldError]:
    limit = max(now, model.embargo_until or now) + _AHEAD
    return [
        FieldError(name, "lies in the future")
        for name in ("published_at", "modified_at")
        if (moment := getattr(model, name)) is not None and moment > limit
    ]


def _source_of(model: PushItem) -> Source:
    host = source_from_url(model.url) if model.url else None
    given = model.source
    if given is None:
        return Source(id=host or "", domain=host)
    named = given.id if "." in given.id and " " not in given.id else None
    return Source(id=given.id, name=given.name, domain=given.domain or host or named)


def _raw(model: PushItem, source: Source, now: datetime | None, given_id: str | None = None) -> RawArticle:
    fields = model.model_dump(exclude={"id", "source"}, exclude_none=True)
    for name in ("authors", "keywords", "topics"):
        fields[name] = tuple(fields.get(name, ()))
    for name in ("title", "summary", "language"):
        if is_blank(fields.get(name)):
            del fields[name]
    name = given_id if given_id is not None else article_id(source.id, model.uri, model.url)
    return RawArticle(id=name, source=source, ingested_at=now, **fields)


def _without_hints(item: object, error: ValidationError, hints: frozenset[str]) -> StageItem:
    """Read the line again without the hints that cannot be used; raises ``InvalidPush`` for the rest."""
    if not isinstance(item, dict):
        raise InvalidPush(field_errors(error, "line")) from error
    bad = {str(detail["loc"][0]) for detail in error.errors(include_input=False) if detail["loc"]}
    kept = {name: value for name, value in item.items() if name not in bad & hints}
    try:
        return StageItem.model_validate(kept)
    except ValidationError as rest:
        raise InvalidPush(field_errors(rest, "line")) from rest
