"""YAML rule files as checked nodes that know their line; what the values mean is left to the readers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from shared.errors import BadSettings

SHIPPED = Path(__file__).parent
_DEEPEST = 12  # levels; rules have six, and libyaml's own composer overflows the stack in a deep file
_LARGEST = 20_000_000  # bytes; a hundred times what is shipped

Mistakes = list["BadRules"]


class BadRules(BadSettings):
    """A rule file has a mistake; the text names the file and the line."""


@dataclass(frozen=True, slots=True)
class RuleNode:
    """One YAML value and the file it stands in.

    With a list of ``mistakes``, what is wrong inside ``gathering`` is noted there and the reading goes on;
    without, the first mistake is raised.
    """

    file: str
    node: yaml.Node
    mistakes: Mistakes | None = None

    @property
    def place(self) -> str:
        """File and line."""
        return f"{self.file}:{self.node.start_mark.line + 1}"

    def error(self, message: str) -> BadRules:
        """A mistake at this node, ready to be raised."""
        return BadRules(f"{self.place}: {message}")

    @contextmanager
    def gathering(self) -> Iterator[None]:
        """Note a mistake made in this block where mistakes are gathered, else let it through."""
        try:
            yield
        except BadRules as error:
            self.note(error)

    def note(self, error: BadRules) -> None:
        """Gather a mistake, or raise it where none are gathered."""
        if self.mistakes is None:
            raise error
        self.mistakes.append(error)

    def text(self) -> str:
        """The scalar as written; YAML's own readings (``no``, ``1.0``) play no part."""
        if not isinstance(self.node, yaml.ScalarNode) or not self.node.value.strip():
            raise self.error("a text is wanted here, and it must not be empty")
        return str(self.node.value)

    def number(self, lowest: float, highest: float) -> float:
        """The scalar as a number within bounds."""
        text = self.text()
        try:
            value = float(text)
        except ValueError as error:
            raise self.error(f"a number is wanted here, not {text!r}") from error
        if not math.isfinite(value) or not lowest <= value <= highest:
            raise self.error(f"{text} is not between {lowest:g} and {highest:g}")
        return value

    def flag(self) -> bool:
        """The scalar as ``true`` or ``false``."""
        text = self.text()
        if text not in ("true", "false"):
            raise self.error(f"true or false is wanted here, not {text!r}")
        return text == "true"

    def is_blank(self) -> bool:
        """Whether it is ``{}``."""
        return isinstance(self.node, yaml.MappingNode) and not self.node.value

    def parts(self) -> Iterator[RuleNode]:
        """The members of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error("a list is wanted here")
        return (RuleNode(self.file, part, self.mistakes) for part in self.node.value)

    def pairs(self) -> Iterator[tuple[RuleNode, RuleNode]]:
        """The keys and values of a mapping; a key written twice is a mistake."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error("a mapping (key: value) is wanted here")
        seen: set[str] = set()
        for key_node, value_node in self.node.value:
            key = RuleNode(self.file, key_node, self.mistakes)
            with self.gathering():
                if key.text() in seen:
                    raise key.error(f"{key.text()} is written twice")
                seen.add(key.text())
                yield key, RuleNode(self.file, value_node, self.mistakes)

    def fields(self, *known: str) -> dict[str, RuleNode]:
        """A mapping whose keys are all among ``known``."""
        found: dict[str, RuleNode] = {}
        for key, value in self.pairs():
            if key.text() not in known:
                self.note(key.error(f"unknown key {key.text()!r}; known are {', '.join(known)}"))
                continue
            found[key.text()] = value
        return found


def read_rules(path: Path, mistakes: Mistakes | None = None) -> RuleNode:
    """Read one file; raises ``BadRules`` when it is missing, empty, too large, no UTF-8 or no plain YAML.

    Plain means without anchors and aliases: a few lines of those can stand for billions of phrases.
    """
    file = shown(path)
    text = _read_text(path, file)
    try:
        node = _compose(text, file)
    except yaml.YAMLError as error:
        raise BadRules(f"{file}:{_line(error, text)}: no valid YAML: {_problem(error)}") from error
    if node is None:
        raise BadRules(f"{file}:1: the file is empty")
    return RuleNode(file, node, mistakes)


def expanded(path: Path) -> Path:
    """A path with ``~`` as the home it stands for; raises ``BadRules`` where there is no such home."""
    try:
        return path.expanduser()
    except RuntimeError as error:
        raise BadRules(f"{path}: cannot be found: {error}") from error


def _line(error: yaml.YAMLError, text: str) -> int:
    mark = getattr(error, "problem_mark", None)
    if mark is not None:
        return int(mark.line) + 1
    position = getattr(error, "position", None)  # of a character that YAML forbids, in bytes
    return text.encode()[: position or 0].count(b"\n") + 1


def _problem(error: yaml.YAMLError) -> str:
    return str(getattr(error, "problem", None) or str(error).split("\n", 1)[0])


def shown(path: Path) -> str:
    """How a file is named in a message: shipped ones from their folder, others in full."""
    return str(path.relative_to(SHIPPED)) if path.is_relative_to(SHIPPED) else str(path)


def _read_text(path: Path, file: str) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadRules(f"{file}:1: cannot be read: {error.strerror}") from error
    if len(data) > _LARGEST:
        raise BadRules(f"{file}:1: is larger than {_LARGEST // 1_000_000} MB")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise BadRules(f"{file}:{line}: is not UTF-8: {error.reason}") from error


def _compose(text: str, file: str) -> yaml.Node | None:
    """The nodes of the one document, built without recursion."""
    root: yaml.Node | None = None
    opened: list[Any] = []
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        node = _node(event)
        if isinstance(event, yaml.CollectionEndEvent):
            closed = opened.pop()
            if isinstance(closed, yaml.MappingNode):
                closed.value = list(zip(closed.value[::2], closed.value[1::2], strict=True))
        elif isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise _at(event, file, "anchors and aliases (& and *) are not allowed; quote a phrase with a *")
        elif isinstance(event, yaml.DocumentStartEvent) and root is not None:
            raise _at(event, file, "a second document; one is wanted")
        elif node is not None:
            if opened:
                opened[-1].value.append(node)
            else:
                root = node
            if isinstance(node, yaml.CollectionNode):
                opened.append(node)
            if len(opened) > _DEEPEST:
                raise _at(event, file, f"more than {_DEEPEST} levels")
    return root


def _node(event: Any) -> yaml.Node | None:  # noqa: ANN401 - its mark is of one of two types
    mark: Any = event.start_mark
    if isinstance(event, yaml.ScalarEvent):
        return yaml.ScalarNode(event.tag or "", event.value, mark)
    if isinstance(event, yaml.SequenceStartEvent):
        return yaml.SequenceNode(event.tag or "", [], mark)
    if isinstance(event, yaml.MappingStartEvent):
        return yaml.MappingNode(event.tag or "", [], mark)
    return None


def _at(event: Any, file: str, message: str) -> BadRules:  # noqa: ANN401 - as above
    return BadRules(f"{file}:{event.start_mark.line + 1}: {message}")
