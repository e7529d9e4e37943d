"""The tree as the laws see it: its files, parsed once, and the names that each of them uses."""

import ast
import builtins
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent.parent
PRODUCT: Final = ("app.py", "chalicelib", "emulator", "infra", "benchmarks", "examples")
MONEY_ROOMS: Final = tuple(f"chalicelib/{room}" for room in ("accounts", "payments", "refunds", "transfers"))
"""Besides kernel and ledger: where amounts are decided."""

BUILTINS: Final = frozenset(dir(builtins))

Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Source:
    """One Python file; `path` is relative to the root and has forward slashes."""

    path: str
    text: str

    @property
    def tree(self) -> ast.Module:
        return _parsed(self.text)

    @property
    def length(self) -> int:
        return len(self.text.splitlines())

    def within(self, places: tuple[str, ...]) -> bool:
        """Tell whether the file is one of these, or lies in one of these folders."""
        return any(self.path == place or self.path.startswith(place + "/") for place in places)

    def functions(self) -> Iterator[Function]:
        """Give every function of the file, nested ones too."""
        return (node for node in ast.walk(self.tree) if isinstance(node, Function))


@cache
def _parsed(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def files() -> tuple[Path, ...]:
    """Return every file that git knows, so that what a developer leaves lying about breaks no law."""
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    listed = (ROOT / name for name in done.stdout.split("\0") if name) if done.returncode == 0 else _walk(ROOT)
    return tuple(sorted(path for path in listed if path.is_file()))


def _walk(folder: Path) -> Iterator[Path]:
    """Give the files of a tree that is no clone; what .gitignore names is left out."""
    for path in folder.iterdir():
        if path.is_dir():
            if not {path.name + "/", path.relative_to(ROOT).as_posix() + "/"} & {".git/", *_ignored()}:
                yield from _walk(path)
        elif not any(path.match(pattern) for pattern in _ignored()):
            yield path


@cache
def _ignored() -> frozenset[str]:
    return frozenset((ROOT / ".gitignore").read_text().split())


@cache
def sources() -> tuple[Source, ...]:
    """Return every Python file of the project."""
    python = (path for path in files() if path.suffix == ".py")
    return tuple(Source(path.relative_to(ROOT).as_posix(), path.read_text()) for path in python)


def product() -> tuple[Source, ...]:
    """Return the Python files that are not tests."""
    return tuple(source for source in sources() if source.within(PRODUCT))


def uses(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Give (line, dotted name) for everything imported and everything reached through an import or a builtin.

    `from datetime import datetime as d; d.now()` is a use of `datetime.datetime.now`.
    """
    known = dict[str, str]()
    for node in ast.walk(tree):
        for line, local, dotted in _imported(node):
            known[local] = dotted
            yield line, dotted
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            dotted = _dotted(node, known)
            if dotted:
                yield node.lineno, dotted


def _imported(node: ast.AST) -> Iterator[tuple[int, str, str]]:
    if isinstance(node, ast.Import):
        for name in node.names:
            yield node.lineno, name.asname or name.name.partition(".")[0], name.name
    elif isinstance(node, ast.ImportFrom):
        for name in node.names:
            yield node.lineno, name.asname or name.name, f"{node.module or ''}.{name.name}"


def _dotted(node: ast.expr, known: dict[str, str]) -> str:
    if isinstance(node, ast.Name):
        return known.get(node.id) or (node.id if node.id in BUILTINS else "")
    if isinstance(node, ast.Attribute):
        parent = _dotted(node.value, known)
        return f"{parent}.{node.attr}" if parent else ""
    return ""
