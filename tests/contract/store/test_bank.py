"""Random transfers by sixteen threads while readers sum: money is neither made nor lost, at any moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from random import Random
from threading import Event
from typing import Any

from chalicelib.store.codec import decode_item, encode_key
from chalicelib.store.dynamo import LeanDynamo
from chalicelib.store.port import AtLeast, Cancelled, Key, Put, Update
from tests.contract.places import TABLES, lean_wire

ACCOUNTS = 10
EACH = 100
THREADS = 16
TRANSFERS = 20
READERS = 3
FILLERS = 300

MakeKey = Callable[..., Key]


def _balances(url: str, keys: list[Key]) -> list[int]:
    """One TransactGetItems, which the port does not have: the ledger itself never needs it."""
    body: dict[str, Any] = {
        "TransactItems": [{"Get": {"TableName": TABLES["ledger"], "Key": encode_key(key)}} for key in keys]
    }
    answer = lean_wire(url).call("TransactGetItems", body, 10.0, repeatable=True)
    return [int(str(decode_item(row["Item"])["n"])) for row in answer["Responses"]]


def test_transfers_conserve_money(engine_url: str, key: MakeKey, token: Callable[[], str]) -> None:
    store = LeanDynamo(TABLES, wire=lean_wire(engine_url))
    keys = [key(f"account-{number}") for number in range(ACCOUNTS)]
    done = Event()

    def transact(*writes: Put | Update) -> None:
        store.transact(writes, token=token(), timeout_seconds=20.0)

    def transfer(chance: Random) -> int:
        source, target = chance.sample(keys, 2)
        amount = chance.randint(1, 90)
        try:
            transact(
                Update(source, add={"n": -amount}, when=(AtLeast("n", amount),)), Update(target, add={"n": amount})
            )
        except Cancelled as cancelled:
            assert [reason.code for reason in cancelled.reasons] == ["ConditionalCheckFailed", None]
            return 0
        return 1

    def work(number: int) -> int:
        chance = Random(number)
        return sum(transfer(chance) for _ in range(TRANSFERS))

    def read() -> set[int]:
        sums = {sum(_balances(engine_url, keys))}
        while not done.is_set():
            sums.add(sum(_balances(engine_url, keys)))
        return sums

    transact(*[Put(account, {"n": EACH}) for account in keys])
    for start in range(0, FILLERS, 100):
        transact(*[Put(key(f"filler-{start + number}"), {"x": "x" * 100}) for number in range(100)])
    with ThreadPoolExecutor(THREADS + READERS) as pool:
        readers = [pool.submit(read) for _ in range(READERS)]
        try:
            applied = sum(pool.map(work, range(THREADS)))
        finally:
            done.set()
    assert {total for reader in readers for total in reader.result()} == {ACCOUNTS * EACH}
    final = _balances(engine_url, keys)
    assert sum(final) == ACCOUNTS * EACH
    assert min(final) >= 0
    assert applied > 0
