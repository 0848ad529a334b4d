"""YAML rule files as checked nodes that know their line; what the values mean is left to the readers."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from shared.errors import BadSettings


class BadRules(BadSettings):
    """A rule file has a mistake; the text names the file and the line."""


@dataclass(frozen=True, slots=True)
class RuleNode:
    """One YAML value and the file it stands in."""

    file: str
    node: yaml.Node

    def error(self, message: str) -> BadRules:
        """A mistake at this node, ready to be raised."""
        return BadRules(f"{self.file}:{self.node.start_mark.line + 1}: {message}")

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

    def parts(self) -> Iterator[RuleNode]:
        """The members of a list."""
        if not isinstance(self.node, yaml.SequenceNode):
            raise self.error("a list is wanted here")
        return (RuleNode(self.file, part) for part in self.node.value)

    def pairs(self) -> Iterator[tuple[RuleNode, RuleNode]]:
        """The keys and values of a mapping; a key written twice is a mistake."""
        if not isinstance(self.node, yaml.MappingNode):
            raise self.error("a mapping (key: value) is wanted here")
        seen: set[str] = set()
        for key_node, value_node in self.node.value:
            key = RuleNode(self.file, key_node)
            if key.text() in seen:
                raise key.error(f"{key.text()} is written twice")
            seen.add(key.text())
            yield key, RuleNode(self.file, value_node)

    def fields(self, *known: str) -> dict[str, RuleNode]:
        """A mapping whose keys are all among ``known``."""
        found: dict[str, RuleNode] = {}
        for key, value in self.pairs():
            if key.text() not in known:
                raise key.error(f"unknown key {key.text()!r}; known are {', '.join(known)}")
            found[key.text()] = value
        return found


def read_rules(path: Path) -> RuleNode:
    """Read one file; raises ``BadRules`` when it is missing, empty or no YAML."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise BadRules(f"{path.name}:{line}: no valid YAML: {getattr(error, 'problem', error)}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise BadRules(f"{path.name}:1: cannot be read: {error}") from error
    if node is None:
        raise BadRules(f"{path.name}:1: the file is empty")
    return RuleNode(path.name, node)
