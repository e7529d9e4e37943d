"""Step 2: finds the one method of the one resource that everything after it works with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from emulator.definition import Method
from emulator.gateway.context import Exchange
from emulator.gateway.errors import Refusal
from emulator.gateway.parse import decoded
from emulator.mount import ROOT, Mount


@dataclass(slots=True)
class _Branch:
    """A node of the resource tree: static children win over `{name}`, that over `{name+}`."""

    static: dict[str, _Branch] = field(default_factory=dict)
    variable: tuple[str, _Branch] | None = None
    greedy: tuple[str, _Branch] | None = None
    methods: dict[str, Method] = field(default_factory=dict)


@dataclass(slots=True)
class Router:
    """The resource tree, built once. The resource is chosen first, then its method, then its ANY."""

    root: _Branch = field(default_factory=_Branch)
    mount: Mount = ROOT

    @classmethod
    def of(cls, methods: Iterable[Method], mount: Mount = ROOT) -> Router:
        router = cls(mount=mount)
        for method in methods:
            branch = router.root
            for segment in _segments(method.resource):
                branch = _grow(branch, segment, method.resource)
            branch.methods[method.http_method] = method
        return router

    def __call__(self, exchange: Exchange) -> None:
        """Refuses with MISSING_AUTHENTICATION_TOKEN (403), as AWS does for a path or method it does not know."""
        found = _find(self.root, _segments(self.mount.within(exchange.request.raw_path)), 0)
        if found is None:
            raise Refusal("MISSING_AUTHENTICATION_TOKEN")
        branch, parameters = found
        method = branch.methods.get(exchange.request.method) or branch.methods.get("ANY")
        if method is None:
            raise Refusal("MISSING_AUTHENTICATION_TOKEN")
        exchange.method = method
        if parameters:
            exchange.path_parameters = {name: decoded(value) for name, value in parameters}


def _segments(path: str) -> list[str]:
    return path[1:].split("/") if len(path) > 1 else []


def _grow(branch: _Branch, segment: str, resource: str) -> _Branch:
    if not segment.startswith("{"):
        return branch.static.setdefault(segment, _Branch())
    name = segment[1:-1].removesuffix("+")
    if segment.endswith("+}"):
        branch.greedy = branch.greedy or (name, _Branch())
        known, child = branch.greedy
    else:
        branch.variable = branch.variable or (name, _Branch())
        known, child = branch.variable
    if known != name:
        raise ValueError(f"{resource}: {{{name}}} stands where {{{known}}} already stands")
    return child


def _find(branch: _Branch, segments: list[str], at: int) -> tuple[_Branch, list[tuple[str, str]]] | None:
    """The most specific resource; goes back when a more specific beginning leads nowhere."""
    if at == len(segments):
        return (branch, []) if branch.methods else None
    segment = segments[at]
    child = branch.static.get(segment)
    if child is not None and (found := _find(child, segments, at + 1)):
        return found
    if branch.variable and segment and (found := _find(branch.variable[1], segments, at + 1)):
        found[1].insert(0, (branch.variable[0], segment))
        return found
    if branch.greedy and branch.greedy[1].methods:
        return branch.greedy[1], [(branch.greedy[0], "/".join(segments[at:]))]
    return None
