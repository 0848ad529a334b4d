"""The OpenAPI document of a service as one page to read: no script, nothing from elsewhere."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch")

_FOLDER: Final = Path(__file__).parent / "templates"
_STYLE: Final = (_FOLDER / "docs.css").read_text("utf-8")
# The page's own style and nothing else: whatever a description carried, no browser would run it.
POLICY: Final = (
    "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
    f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
)
_TEMPLATE: Final = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True).get_template("docs.html")


def docs_page(document: Mapping[str, Any]) -> str:
    """An OpenAPI 3.1 document as HTML: every address with its parameters and answers, every shape."""
    shapes = document.get("components", {}).get("schemas", {})
    return _TEMPLATE.render(
        title=document["info"]["title"],
        version=document["info"]["version"],
        openapi=document["openapi"],
        style=_STYLE,
        operations=list(_operations(document["paths"])),
        shapes=[{"name": name, "fields": list(_fields(schema))} for name, schema in sorted(shapes.items())],
    )


def _operations(paths: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for path, by_method in paths.items():
        for method in METHODS:
            if method not in by_method:
                continue
            told = by_method[method]
            yield {
                "anchor": f"{method}{path}",
                "method": method.upper(),
                "path": path,
                "summary": told.get("summary", ""),
                "description": told.get("description", ""),
                "parameters": [_parameter(one) for one in told.get("parameters", ())],
                "bodies": list(told.get("requestBody", {}).get("content", {})),
                "answers": [_answer(status, one) for status, one in sorted(told["responses"].items())],
            }


def _parameter(told: Mapping[str, Any]) -> dict[str, str]:
    needed = " (required)" if told.get("required") else ""
    return {
        "name": told["name"],
        "place": told["in"],
        "value": _value(told.get("schema", {})) + needed,
        "description": told.get("description") or told.get("schema", {}).get("description", ""),
    }


def _answer(status: str, told: Mapping[str, Any]) -> dict[str, str]:
    shapes = [
        f"{kind} {_value(one.get('schema', {}))}".strip() for kind, one in told.get("content", {}).items()
    ]
    return {"status": status, "shapes": ", ".join(shapes), "description": told.get("description", "")}


def _fields(schema: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    needed = schema.get("required", ())
    for name, one in schema.get("properties", {}).items():
        value = _value(one) + (" (required)" if name in needed else "")
        yield {"name": name, "value": value, "description": one.get("description", "")}


def _value(schema: Mapping[str, Any]) -> str:
    """A schema in a few words: ``integer, from 1``, ``list of Result``, ``a, b or null``."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_value(one) for one in schema[key]))
    if "enum" in schema:
        return ", ".join(str(one) for one in schema["enum"])
    if "const" in schema:
        return str(schema["const"])
    kind = schema.get("type", "")
    words = " or ".join(kind) if isinstance(kind, list) else str(kind)
    if kind == "array":
        return f"list of {_value(schema.get('items', {})) or 'anything'}"
    return words + _bounds(schema)


def _bounds(schema: Mapping[str, Any]) -> str:
    found = (("minimum", ", from {}"), ("maximum", ", to {}"), ("maxLength", ", up to {} characters"),
             ("format", ", {}"), ("default", ", by default {}"))  # fmt: skip
    return "".join(
        words.format(_number(schema[name])) for name, words in found if schema.get(name) is not None
    )


def _number(value: Any) -> Any:  # noqa: ANN401 - whatever a schema has there
    return int(value) if isinstance(value, float) and value.is_integer() else value
