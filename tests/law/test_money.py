"""Where money is counted there is no floating point: no float is written, and nothing is divided into one."""

import ast
from collections.abc import Iterator

import pytest

from tests.law.source import MONEY_ROOMS, Source, sources

WHERE = ("chalicelib/kernel/money.py", "chalicelib/kernel/currencies.py", "chalicelib/ledger", *MONEY_ROOMS)


def _floats(source: Source) -> Iterator[str]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.BinOp | ast.AugAssign) and isinstance(node.op, ast.Div):
            yield f"{source.path}:{node.lineno}: divide whole numbers with // or divmod, and say who gets the rest"
        elif isinstance(node, ast.Constant) and isinstance(node.value, float):
            yield f"{source.path}:{node.lineno}: write minor units, not {node.value}"


def test_money_is_whole() -> None:
    places = [source for source in sources() if source.within(WHERE)]
    assert places
    broken = [line for source in places for line in _floats(source)]
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("planted", ["fee = amount * 0.029\n", "half = amount / 2\n", "amount /= 2\n"])
def test_it_can_be_broken(planted: str) -> None:
    assert list(_floats(Source("chalicelib/payments/planted.py", planted)))
