"""What may not be written, where it may after all, and what to write instead."""

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.law.source import Source

Finds = Callable[[ast.AST], bool]


@dataclass(frozen=True, slots=True)
class Ban:
    """One rule; `instead` is what the author of a violation reads."""

    name: str
    finds: Finds
    where: tuple[str, ...]
    instead: str
    allowed: tuple[str, ...] = ()

    def violations(self, source: Source) -> Iterator[str]:
        """Yield one line for each place that breaks the rule."""
        if not source.within(*self.where) or source.within(*self.allowed):
            return
        for node in ast.walk(source.tree):
            if self.finds(node):
                yield f"{source.path}:{getattr(node, 'lineno', 0)}: {self.name}; {self.instead}"


def imports(*names: str) -> Finds:
    """Find an import of one of these modules, or of something inside one."""

    def finds(node: ast.AST) -> bool:
        match node:
            case ast.Import():
                found = [alias.name for alias in node.names]
            case ast.ImportFrom():
                found = [node.module or ""]
            case _:
                return False
        return any(name == banned or name.startswith(f"{banned}.") for name in found for banned in names)

    return finds


def attributes(*names: str) -> Finds:
    """Find `module.attribute`, called or handed on."""

    def finds(node: ast.AST) -> bool:
        return (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and f"{node.value.id}.{node.attr}" in names
        )

    return finds


def calls(*names: str) -> Finds:
    """Find a call of a plain name."""
    return lambda node: isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names


def _divides(node: ast.AST) -> bool:
    return isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div)


def _is_fraction(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def _either(*finds: Finds) -> Finds:
    return lambda node: any(one(node) for one in finds)


MONEY = (
    "chalicelib/kernel/money.py",
    "chalicelib/ledger/",
    "chalicelib/accounts/",
    "chalicelib/payments/",
    "chalicelib/refunds/",
    "chalicelib/transfers/",
)

BANS = (
    Ban(
        "reads the wall clock",
        _either(
            attributes("time.time", "time.time_ns", "datetime.now", "datetime.utcnow", "date.today"),
            imports("datetime.now"),
        ),
        ("chalicelib/", "emulator/"),
        "take a Clock (chalicelib/kernel/clock.py, emulator/clock.py) as an argument",
        ("chalicelib/kernel/clock.py", "emulator/clock.py"),
    ),
    Ban(
        "reads the steady clock",
        attributes("time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns"),
        ("chalicelib/", "emulator/"),
        "ask the Clock for elapsed seconds",
        ("chalicelib/kernel/clock.py", "emulator/clock.py"),
    ),
    Ban(
        "sleeps",
        attributes("time.sleep"),
        ("chalicelib/", "emulator/"),
        "ask the Clock (chalicelib/kernel/clock.py) to wait, within the caller's Patience",
        ("chalicelib/kernel/clock.py",),
    ),
    Ban(
        "draws chance",
        imports("random", "secrets", "uuid"),
        ("chalicelib/",),
        "take a Chance (chalicelib/kernel/ids.py) as an argument",
        ("chalicelib/kernel/ids.py", "chalicelib/tokens/"),
    ),
    Ban("prints", calls("print"), ("chalicelib/",), "use the Logger of chalicelib/web/serve.py"),
    Ban(
        "computes money with fractions",
        _either(calls("float"), _divides, _is_fraction),
        MONEY,
        "count whole minor units; divide with // and say where the remainder goes",
    ),
    Ban(
        "imports boto3",
        imports("boto3", "botocore"),
        ("chalicelib/", "app.py"),
        "speak through the store's port, or chalicelib/store/wire.py for another service",
        ("chalicelib/store/dynamo.py", "chalicelib/store/wire.py"),
    ),
    Ban(
        "imports requests",
        imports("requests", "urllib3", "httpx"),
        ("chalicelib/", "emulator/"),
        "use http.client (148 ms less of every cold start)",
    ),
)
