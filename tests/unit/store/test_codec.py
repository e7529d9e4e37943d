"""Writes as DynamoDB JSON, and any value there and back."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.store.codec import (
    check_writes,
    decode,
    decode_item,
    decode_reasons,
    encode,
    encode_item,
    encode_query,
    encode_transaction,
)
from chalicelib.store.port import (
    Absent,
    AtLeast,
    Authorised,
    Delete,
    Equals,
    Exists,
    Key,
    OneOf,
    Put,
    Reason,
    StoreMisuse,
    Table,
    Update,
    Value,
)
from chalicelib.store.wire import _base64

TABLES: dict[Table, str] = {"commits": "c", "ledger": "l", "projections": "p", "clients": "k"}
KEY = Key("ledger", "p", "s")

numbers = st.integers(-(10**38) + 1, 10**38 - 1)
scalars = st.none() | st.booleans() | numbers | st.text() | st.binary()
values: st.SearchStrategy[Value] = st.recursive(
    scalars | st.frozensets(st.text(), min_size=1),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(min_size=1), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.text(min_size=1), values, max_size=6))
def test_items_survive_both_clients(item: dict[str, Value]) -> None:
    encoded = encode_item(item)
    assert decode_item(encoded) == item  # boto3 gives bytes back as bytes
    over_the_wire = orjson.loads(orjson.dumps(encoded, default=_base64))
    assert repr(decode_item(over_the_wire)) == repr(decode_item(encoded))  # true is not 1


@pytest.mark.parametrize("value", [1.5, frozenset(), {1}, ("a",), object(), 10**38, -(10**38), bytearray(b"x")])
def test_what_dynamodb_or_the_ledger_cannot_hold_is_refused(value: Value) -> None:
    with pytest.raises(StoreMisuse):
        encode(value)


@pytest.mark.parametrize("attribute", [{"NS": ["1"]}, {"BS": ["eA=="]}])
def test_what_the_ledger_never_stores_is_not_read(attribute: dict[str, list[str]]) -> None:
    with pytest.raises(StoreMisuse):
        decode(attribute)


def test_a_put_is_rendered() -> None:
    body = encode_transaction([Put(KEY, {"n": 1}, when=(Absent(),))], "token", TABLES)
    assert body == {
        "ClientRequestToken": "token",
        "TransactItems": [
            {
                "Put": {
                    "TableName": "l",
                    "Item": {"pk": {"S": "p"}, "sk": {"S": "s"}, "n": {"N": "1"}},
                    "ConditionExpression": "attribute_not_exists(#0)",
                    "ExpressionAttributeNames": {"#0": "pk"},
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            }
        ],
    }


def test_an_update_is_rendered_with_every_name_and_value_aliased() -> None:
    when = (Exists(), Equals("status", "active"), AtLeast("n", 5), OneOf("c", ("x", "y")), Authorised("prn"))
    update = Update(KEY, set={"status": "done"}, add={"n": -5}, remove=("old",), when=when)
    ((rendered,),) = [entry.values() for entry in encode_transaction([update], "t", TABLES)["TransactItems"]]
    assert rendered["UpdateExpression"] == "SET #0 = :0 REMOVE #1 ADD #2 :1"
    assert rendered["ConditionExpression"] == (
        "attribute_exists(#3) AND #0 = :2 AND #2 >= :3 AND #4 IN (:4, :5) AND (#5 = :6 OR contains(#6, :6))"
    )
    assert rendered["ExpressionAttributeNames"] == {
        "#0": "status", "#1": "old", "#2": "n", "#3": "pk", "#4": "c", "#5": "o", "#6": "m",
    }  # fmt: skip
    assert list(rendered["ExpressionAttributeValues"].values()) == [
        {"S": "done"}, {"N": "-5"}, {"S": "active"}, {"N": "5"}, {"S": "x"}, {"S": "y"}, {"S": "prn"},
    ]  # fmt: skip


def test_an_unconditional_delete_is_bare() -> None:
    (entry,) = encode_transaction([Delete(KEY)], "t", TABLES)["TransactItems"]
    assert entry == {"Delete": {"TableName": "l", "Key": {"pk": {"S": "p"}, "sk": {"S": "s"}}}}


@pytest.mark.parametrize(
    ("after", "before", "expression"),
    [
        (None, None, "#0 = :0"),
        ("a", None, "#0 = :0 AND #1 > :1"),
        (None, "b", "#0 = :0 AND #1 < :1"),
        ("a", "b", "#0 = :0 AND #1 BETWEEN :1 AND :2"),
    ],
)
def test_a_query_is_rendered(after: str | None, before: str | None, expression: str) -> None:
    body = encode_query("l", "p", after=after, before=before, newest_first=True, consistent=False)
    assert body["KeyConditionExpression"] == expression
    assert body["ScanIndexForward"] is False


def test_an_empty_choice_is_refused() -> None:
    with pytest.raises(StoreMisuse):
        check_writes([Delete(KEY, when=(OneOf("status", ()),))])


def test_reasons_are_read() -> None:
    raw: list[dict[str, Any]] = [
        {"Code": "None"},
        {},
        {"Code": "TransactionConflict"},
        {"Code": "X", "Item": {"b": {"B": "AP8="}}},
    ]
    assert decode_reasons(raw) == (
        Reason(None),
        Reason(None),
        Reason("TransactionConflict"),
        Reason("X", {"b": b"\x00\xff"}),
    )
