"""Many items read at once: the same answer from every engine and client, whatever is asked twice or is not there."""

from collections.abc import Callable

from chalicelib.store.port import Dynamo, Key, Put

Commit = Callable[..., None]
MakeKey = Callable[..., Key]


def test_nothing_asked_is_nothing_read(store: Dynamo) -> None:
    assert store.get_many([]) == {}


def test_what_is_there_comes_and_what_is_not_is_left_out(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(Put(key("a"), {"n": 1}), Put(key("b"), {"n": 2}))
    asked = [key("a"), key("none"), key("b"), key("a")]
    assert store.get_many(asked) == {
        one: {"pk": one.pk, "sk": one.sk, "n": n} for n, one in ((1, asked[0]), (2, asked[2]))
    }


def test_tables_are_not_mixed_up(store: Dynamo, commit: Commit, pk: str) -> None:
    here, there = Key("ledger", pk, "one"), Key("commits", pk, "one")
    commit(Put(here, {"at": "ledger"}), Put(there, {"at": "commits"}))
    found = store.get_many([there, here])
    assert {name: item["at"] for name, item in found.items()} == {here: "ledger", there: "commits"}


def test_more_than_one_call_can_carry(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    for start in (0, 100):
        commit(*[Put(key(f"{start + n:03d}"), {"n": start + n, "fill": b"x" * 2_000}) for n in range(100)])
    asked = [key(f"{n:03d}") for n in range(230)]
    found = store.get_many(asked)
    assert {one: item["n"] for one, item in found.items()} == {one: n for n, one in enumerate(asked[:200])}
