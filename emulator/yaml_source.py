"""A YAML file read strictly: variables put in, duplicate keys refused, every complaint naming file, line and place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import yaml

# `${name}` is ours; `${stageVariables.x}` and `${context.x}` have a dot and belong to API Gateway.
_VARIABLE = re.compile(r"\$\{((?:stageVariables\.)?[A-Za-z_][A-Za-z0-9_]*)\}")


class DefinitionError(Exception):
    """A definition that cannot be served as it is written; the text names the file and the place."""


class _StrictLoader(yaml.CSafeLoader):
    pass


def _mapping(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    # YAML's `<<` brings keys in by reference; only keys written out twice are a mistake.
    written = [loader.construct_object(key) for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
    for position, key in enumerate(written):
        if key in written[:position]:
            raise yaml.constructor.ConstructorError(None, None, f"key {key!r} is there twice", node.start_mark)
    loader.flatten_mapping(node)
    built: dict[Any, Any] = loader.construct_mapping(node, deep=True)
    return built


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


@dataclass(frozen=True, slots=True)
class _File:
    """A file's name, and its text with the variables put in."""

    name: str
    text: str

    def line_of(self, place: tuple[object, ...]) -> int:
        """The line where a value's key stands; looked for only when there is something to complain about."""
        found = yaml.compose(self.text, Loader=yaml.CSafeLoader)
        line = 0
        for key in place:
            line, found = _step(found, key) or (line, found)
        return line + 1


def _step(node: yaml.Node | None, key: object) -> tuple[int, yaml.Node] | None:
    """The line of an entry, and its value; None for one that a merge key has brought in."""
    if isinstance(node, yaml.SequenceNode) and isinstance(key, int):
        item = node.value[key]
        return item.start_mark.line, item
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == str(key):
                return name.start_mark.line, value
    return None


class Node:
    """A value of the file together with where it stands."""

    __slots__ = ("_file", "_place", "value")

    def __init__(self, file: _File, place: tuple[object, ...], value: object) -> None:
        self._file = file
        self._place = place
        self.value = value

    def fail(self, reason: str) -> NoReturn:
        place = " > ".join(str(key) for key in self._place) or "top level"
        raise DefinitionError(f"{self._file.name}:{self._file.line_of(self._place)}: {place}: {reason}")

    def _child(self, key: object, value: object) -> Node:
        return Node(self._file, (*self._place, key), value)

    def mapping(self) -> dict[str, Any]:
        if not isinstance(self.value, dict):
            self.fail(f"expected a mapping, found {type(self.value).__name__}")
        return self.value

    def entries(self) -> Iterator[tuple[str, Node]]:
        for key, value in self.mapping().items():
            yield str(key), self._child(key, value)

    def optional(self, key: str) -> Node | None:
        value = self.mapping().get(key)
        return None if value is None else self._child(key, value)

    def entry(self, key: str) -> Node:
        found = self.optional(key)
        if found is None:
            self.fail(f"`{key}` is missing")
        return found

    def items(self) -> list[Node]:
        if not isinstance(self.value, list):
            self.fail(f"expected a list, found {type(self.value).__name__}")
        return [self._child(position, value) for position, value in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            self.fail(f"expected text, found {self.value!r}")
        return self.value

    def number(self) -> float:
        if isinstance(self.value, bool) or not isinstance(self.value, (int, float)) or self.value < 0:
            self.fail(f"expected a number of at least 0, found {self.value!r}")
        return self.value

    def integer(self) -> int:
        """A whole number; the digits may be quoted, as OpenAPI writes status codes."""
        if isinstance(self.value, str) and self.value.isdecimal():
            return int(self.value)
        if isinstance(self.value, bool) or not isinstance(self.value, int):
            self.fail(f"expected a whole number, found {self.value!r}")
        return self.value

    def boolean(self) -> bool:
        if not isinstance(self.value, bool):
            self.fail(f"expected true or false, found {self.value!r}")
        return self.value

    def texts(self) -> dict[str, str]:
        return {key: child.text() for key, child in self.entries()}

    def only(self, *known: str) -> None:
        """Refuse keys nobody reads: a misspelt limit must not become no limit."""
        for key in self.mapping():
            if key not in known:
                self.fail(f"`{key}` is not one of {', '.join(known)}")


def _substitute(file: str, text: str, variables: Mapping[str, str]) -> str:
    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if name not in variables:
            line = text.count("\n", 0, match.start()) + 1
            raise DefinitionError(f"{file}: line {line}: no value given for ${{{name}}}")
        return variables[name]

    return _VARIABLE.sub(value, text)


def read_yaml(path: Path, variables: Mapping[str, str]) -> Node:
    """The file's top node, with `${name}` replaced. Raises DefinitionError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DefinitionError(f"{path}: {error}") from error
    file = _File(str(path), _substitute(str(path), text, variables))
    try:
        value = yaml.load(file.text, Loader=_StrictLoader)  # noqa: S506 (a safe loader)
    except yaml.YAMLError as error:
        raise DefinitionError(f"{path}: {error}") from error
    return Node(file, (), value)
