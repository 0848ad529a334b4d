"""Several field errors at once, and the translation of pydantic's errors into the API's words.

Leaves the HTTP answer to ``http.py`` and the models to those who own them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from shared.errors import InvalidRequest

MAX_ERRORS = 50  # an item may hold a million unknown fields; nobody reads more than a few
EMPTY_NAME = '""'  # how a field is called whose name is empty
_SHOWN = 100

# Pydantic's words are for programmers; these are for the sender of the field.
_MESSAGES = {
    "missing": "is needed",
    "extra_forbidden": "is no known field",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "string_unicode": "must be valid Unicode",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of a usual size",
    "float_parsing": "must be a number",
    "bool_parsing": "must be true or false",
    "list_type": "must be an array",
    "tuple_type": "must be an array",
    "bool_type": "must be true or false",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must not be empty",
    "too_long": "must have at most {max_length} items",
    "literal_error": "must be one of {expected}",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
    "dict_type": "must be an object",
    "value_error": "{error}",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field; ``field`` is a path such as ``authors.0``, empty for the whole."""

    field: str
    message: str


class InvalidFields(InvalidRequest):
    """Everything that is wrong with a request, field by field; the first error speaks for it."""

    def __init__(self, errors: Iterable[FieldError]) -> None:
        self.errors = tuple(errors)[:MAX_ERRORS]
        first = self.errors[0]
        super().__init__(first.field, first.message)

    def __reduce__(self) -> tuple[type[InvalidFields], tuple[tuple[FieldError, ...]]]:
        return type(self), (self.errors,)


def field_errors(error: ValidationError, root: str = "request") -> tuple[FieldError, ...]:
    """The errors of a pydantic check in the order of the fields; ``root`` names the checked thing itself."""
    details = error.errors(include_url=False, include_input=False)[:MAX_ERRORS]
    return tuple(FieldError(_path(item["loc"]) or root, _message(item)) for item in details)


def errors_of(error: InvalidRequest) -> tuple[FieldError, ...]:
    """The field errors of any invalid request, one or several."""
    if isinstance(error, InvalidFields):
        return error.errors
    return (FieldError(error.field, error.message),)


def _path(loc: tuple[int | str, ...]) -> str:
    path = ".".join(str(part) or EMPTY_NAME for part in loc)
    return path if len(path) <= _SHOWN else path[:_SHOWN] + "…"


def _message(item: Mapping[str, Any]) -> str:
    template = _MESSAGES.get(item["type"])
    return template.format(**item.get("ctx", {})) if template else item["msg"]
