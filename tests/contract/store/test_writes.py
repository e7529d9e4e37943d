"""Puts, updates, deletes and every kind of value, on every engine and through every client."""

from collections.abc import Callable

import pytest

from chalicelib.store.port import Cancelled, Delete, Dynamo, Exists, Key, Put, StoreMisuse, Update, Value, Write

Commit = Callable[..., None]
MakeKey = Callable[..., Key]

BIG = 10**38 - 1

VALUES: list[Value] = [
    "",
    "text",
    'é ☃ 𝄞 \x00 " \\',
    0,
    -1,
    10**30,
    BIG,
    -BIG,
    12345678901234567890123456789012345678,
    b"",
    b"\x00\x01\xfe\xff",
    True,
    False,
    None,
    [],
    {},
    [1, "two", b"3", None, True, [4], {"five": [5]}],
    {"a": {"b": {"c": [1, {"d": -2}]}}, "#": "names are aliased", "a.b": "not a path"},
    frozenset({"one"}),
    frozenset({"b", "a", "é"}),
]


def _name(value: Value) -> str:
    """Return the same name in every process: sets have no order."""
    return f"set{sorted(value)}" if isinstance(value, frozenset) else repr(value)


@pytest.mark.parametrize("value", VALUES, ids=_name)
def test_a_value_comes_back_as_it_went_by_put_and_by_update(
    store: Dynamo, commit: Commit, key: MakeKey, value: Value
) -> None:
    commit(Put(key("put"), {"v": value}), Update(key("update"), set={"v": value}))
    for sk in ("put", "update"):
        item = store.get(key(sk))
        assert item is not None
        assert item == {"pk": key(sk).pk, "sk": sk, "v": value}
        assert type(item["v"]) is type(value)


def test_attribute_names_may_be_reserved_words(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    item: dict[str, Value] = {
        "status": "a",
        "name": "b",
        "size": 1,
        "add": 2,
        "set": 3,
        "a.b": 4,
        "a-b": 5,
        "#x": 6,
        ":y": 7,
    }
    commit(Put(key("a"), item))
    commit(Update(key("a"), set={"name": "c", "a.b": 0}, add={"size": 1, "#x": 1}, remove=("status", ":y")))
    assert store.get(key("a")) == {
        "pk": key("a").pk, "sk": "a", "name": "c", "size": 2, "add": 2, "set": 3, "a.b": 0, "a-b": 5, "#x": 7,
    }  # fmt: skip


def test_a_put_replaces_the_whole_item(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(Put(key("a"), {"x": 1, "y": 2}))
    commit(Put(key("a"), {"z": 3}))
    assert store.get(key("a")) == {"pk": key("a").pk, "sk": "a", "z": 3}


def test_an_update_makes_an_item_and_counts_from_nothing(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(Update(key("a"), add={"seq": 1, "posted": -5}, set={"o": "prn"}))
    commit(Update(key("a"), add={"seq": 1, "posted": 7}, remove=("o", "never-there")))
    assert store.get(key("a")) == {"pk": key("a").pk, "sk": "a", "seq": 2, "posted": 2}


@pytest.mark.parametrize(("start", "step"), [(BIG - 1, 1), (-BIG, 2 * 10**37), (0, BIG), (10**37 + 1, 3)])
def test_arithmetic_is_exact_to_38_digits(store: Dynamo, commit: Commit, key: MakeKey, start: int, step: int) -> None:
    commit(Put(key("a"), {"n": start}))
    commit(Update(key("a"), add={"n": step}))
    assert (store.get(key("a")) or {})["n"] == start + step


def test_the_largest_number_may_be_taken_away_again(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(Put(key("a"), {"n": BIG}))
    commit(Update(key("a"), add={"n": -BIG}))
    assert (store.get(key("a")) or {})["n"] == 0


def test_a_delete_removes_and_forgives_absence(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(Put(key("a"), {"n": 1}))
    commit(Delete(key("a"), when=(Exists(),)), Delete(key("never")))
    assert store.get(key("a")) is None
    with pytest.raises(Cancelled):
        commit(Delete(key("a"), when=(Exists(),)))


def test_one_transaction_reaches_several_tables(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(Put(key("a", "commits"), {"n": 1}), Put(key("a", "ledger"), {"n": 2}), Put(key("a", "clients"), {"n": 3}))
    assert [(store.get(key("a", table)) or {})["n"] for table in ("commits", "ledger", "clients")] == [1, 2, 3]


def test_a_hundred_writes_fit(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(*[Put(key(f"{number:03}"), {"n": number}) for number in range(100)])
    assert len(store.query("ledger", key("").pk, limit=200)) == 100


@pytest.mark.parametrize("consistent", [True, False])
def test_a_get_of_nothing_is_none(store: Dynamo, key: MakeKey, consistent: bool) -> None:
    assert store.get(key("nothing"), consistent=consistent) is None


def _misuses(key: MakeKey) -> dict[str, list[Write]]:
    return {
        "no write": [],
        "101 writes": [Put(key(str(number)), {}) for number in range(101)],
        "one item twice": [Put(key("a"), {}), Delete(key("a"))],
        "an update of nothing": [Update(key("a"))],
        "an attribute twice": [Update(key("a"), set={"x": 1}, add={"x": 1})],
        "the key as an attribute": [Put(key("a"), {"pk": "elsewhere"})],
        "an update of the key": [Update(key("a"), set={"sk": "elsewhere"})],
        "an empty set": [Put(key("a"), {"m": frozenset()})],
        "39 digits": [Put(key("a"), {"n": 10**38})],
        "more than 400 KB": [Put(key("a"), {"x": "x" * 410_000})],
    }


@pytest.mark.parametrize("which", _misuses(lambda sk: Key("ledger", "p", sk)))
def test_a_malformed_transaction_is_our_own_fault(store: Dynamo, commit: Commit, key: MakeKey, which: str) -> None:
    with pytest.raises(StoreMisuse):
        commit(*_misuses(key)[which])
    assert store.get(key("a")) is None
