"""Every kind of condition, held and not held, on every engine and through every client."""

import re
from collections.abc import Callable

import pytest

from chalicelib.store.port import (
    Absent,
    AtLeast,
    Authorised,
    Cancelled,
    Condition,
    Delete,
    Dynamo,
    Equals,
    Exists,
    Key,
    NotAbove,
    OneOf,
    Put,
    Update,
    Value,
)

ITEM: dict[str, Value] = {
    "o": "prn_owner",
    "m": frozenset({"prn_agent", "prn_other"}),
    "status": "active",
    "spendable": 100,
    "version": 3,
    "flag": True,
    "nothing": None,
    "raw": b"\x00\xff",
    "legs": [{"a": "x", "n": -1}, 2],
}

HOLD = [
    Exists(),
    Equals("status", "active"),
    Equals("version", 3),
    Equals("flag", value=True),
    Equals("nothing", None),
    Equals("raw", b"\x00\xff"),
    Equals("legs", [{"a": "x", "n": -1}, 2]),
    Equals("m", frozenset({"prn_other", "prn_agent"})),
    AtLeast("spendable", 100),
    AtLeast("spendable", -(10**37)),
    NotAbove("version", 3),
    NotAbove("version", 4),
    NotAbove("missing", 0),
    OneOf("status", ("frozen", "active")),
    Authorised("prn_owner"),
    Authorised("prn_agent"),
]

FAIL = [
    Absent(),
    Equals("status", "frozen"),
    Equals("version", 4),
    Equals("version", "3"),
    Equals("flag", 1),
    Equals("nothing", value=False),
    Equals("missing", None),
    AtLeast("spendable", 101),
    AtLeast("status", 0),
    AtLeast("missing", 0),
    AtLeast("flag", 0),
    NotAbove("version", 2),
    NotAbove("status", 3),
    NotAbove("flag", 3),
    OneOf("status", ("frozen", "closed")),
    OneOf("missing", ("active",)),
    Authorised("prn_stranger"),
    Authorised("prn_own"),
]

Commit = Callable[..., None]
MakeKey = Callable[..., Key]


def _name(condition: Condition) -> str:
    """Name a case the same in every process: a set is written in another order each time."""
    return re.sub(r"frozenset\(.*?\)", "a set", repr(condition))


@pytest.mark.parametrize("condition", HOLD, ids=_name)
def test_a_condition_that_holds_lets_the_write_through(
    store: Dynamo, commit: Commit, key: MakeKey, condition: Condition
) -> None:
    commit(Put(key("a"), ITEM))
    commit(Update(key("a"), add={"n": 1}, when=(condition,)))
    assert store.get(key("a")) == {"pk": key("a").pk, "sk": "a", **ITEM, "n": 1}


@pytest.mark.parametrize("condition", FAIL, ids=_name)
def test_a_condition_that_fails_brings_the_item_back_and_writes_nothing(
    store: Dynamo, commit: Commit, key: MakeKey, condition: Condition
) -> None:
    commit(Put(key("a"), ITEM))
    before = store.get(key("a"))
    with pytest.raises(Cancelled) as caught:
        commit(Update(key("a"), add={"n": 1}, when=(condition,)))
    (reason,) = caught.value.reasons
    assert reason.code == "ConditionalCheckFailed"
    assert reason.item == before == store.get(key("a"))


OF_NO_ITEM = [condition for condition in HOLD + FAIL if not isinstance(condition, Absent | NotAbove)]


@pytest.mark.parametrize("condition", OF_NO_ITEM, ids=_name)
def test_nothing_but_absence_holds_of_an_item_that_is_not_there(
    store: Dynamo, commit: Commit, key: MakeKey, condition: Condition
) -> None:
    with pytest.raises(Cancelled) as caught:
        commit(Update(key("a"), set={"n": 1}, when=(condition,)))
    assert [(reason.code, reason.item) for reason in caught.value.reasons] == [("ConditionalCheckFailed", None)]
    assert store.get(key("a")) is None


def test_what_is_not_there_is_not_above(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(Update(key("a"), set={"n": 1}, when=(NotAbove("n", 0),)))
    assert (store.get(key("a")) or {})["n"] == 1


def test_absence_holds_of_an_item_that_is_not_there(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(Put(key("a"), {"n": 1}, when=(Absent(),)), Update(key("b"), set={"n": 2}, when=(Absent(),)))
    commit(Delete(key("c"), when=(Absent(),)))
    assert (store.get(key("a")) or {})["n"] == 1
    assert (store.get(key("b")) or {})["n"] == 2


def test_all_conditions_of_a_write_must_hold(store: Dynamo, commit: Commit, key: MakeKey) -> None:
    commit(Put(key("a"), ITEM))
    good, bad = Equals("status", "active"), AtLeast("spendable", 101)
    for when in ((good, bad), (bad, good), (good, Authorised("prn_stranger"))):
        with pytest.raises(Cancelled):
            commit(Update(key("a"), add={"spendable": -1}, when=when))
    commit(
        Update(
            key("a"), add={"spendable": -1}, when=(Exists(), good, Authorised("prn_agent"), AtLeast("spendable", 100))
        )
    )
    assert (store.get(key("a")) or {})["spendable"] == 99


def test_an_item_without_mandates_authorises_its_owner_alone(commit: Commit, key: MakeKey) -> None:
    commit(Put(key("a"), {"o": "prn_owner"}))
    commit(Update(key("a"), add={"n": 1}, when=(Authorised("prn_owner"),)))
    with pytest.raises(Cancelled):
        commit(Update(key("a"), add={"n": 1}, when=(Authorised("prn_agent"),)))
