"""What AWS does beyond what the ledger relies on, asked of each engine; where one differs stands in differences.py.

docs/engines.md has a row for each test here, and a cell for each difference (tests/docs/test_engines_page.py).
"""

from collections.abc import Callable, Iterator
from threading import Barrier, Thread
from typing import Any
from uuid import uuid4

import pytest

from chalicelib.store.port import Key
from chalicelib.store.wire import AwsError
from tests.contract.places import TABLES, ask, create_table, delete_table, describe_shards, read_stream, shards

MakeKey = Callable[..., Key]

LEDGER = TABLES["ledger"]


def _key(key: Key) -> dict[str, Any]:
    return {"pk": {"S": key.pk}, "sk": {"S": key.sk}}


def _put(key: Key, table: str = LEDGER, **attributes: Any) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": _key(key) | attributes}}


def _set_n(key: Key, table: str = LEDGER) -> dict[str, Any]:
    """Return an update that sets an attribute to a value that the key decides."""
    return {
        "TableName": table,
        "Key": _key(key),
        "UpdateExpression": "SET n = :n",
        "ExpressionAttributeValues": {":n": {"S": key.sk}},
    }


def _transact(url: str, *items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return ask(url, "TransactWriteItems", {"TransactItems": list(items), **more})


def _refused(url: str, *items: dict[str, Any], **more: Any) -> AwsError:
    with pytest.raises(AwsError) as caught:
        _transact(url, *items, **more)
    return caught.value


@pytest.fixture
def table(engine_url: str) -> Iterator[str]:
    """A table whose stream holds nothing yet."""
    name = f"differences-{uuid4().hex}"
    create_table(engine_url, name)
    yield name
    delete_table(engine_url, name)


def _told(url: str, table: str) -> list[str]:
    return [str(record["eventName"]) for record in read_stream(url, table)]


# Requests that AWS refuses as malformed


def test_a_transaction_of_no_items_is_refused(engine_url: str) -> None:
    assert _refused(engine_url).code == "ValidationException"


def test_a_transaction_of_101_items_is_refused(engine_url: str, key: MakeKey) -> None:
    items = [_put(key(str(number))) for number in range(101)]
    assert _refused(engine_url, *items).code == "ValidationException"


def test_an_item_twice_in_a_transaction_is_refused(engine_url: str, key: MakeKey) -> None:
    assert _refused(engine_url, _put(key("a")), {"Update": _set_n(key("a"))}).code == "ValidationException"


def test_a_transaction_of_more_than_4_megabytes_is_refused(engine_url: str, key: MakeKey) -> None:
    items = [_put(key(str(number)), x={"S": "x" * 390_000}) for number in range(12)]
    assert _refused(engine_url, *items).code == "ValidationException"


def test_a_token_of_37_characters_is_refused(engine_url: str, key: MakeKey) -> None:
    assert _refused(engine_url, _put(key("a")), ClientRequestToken="x" * 37).code == "ValidationException"


def test_a_malformed_update_is_refused_and_not_cancelled(engine_url: str, key: MakeKey) -> None:
    update = _set_n(key("a")) | {"UpdateExpression": "SET n = "}
    assert _refused(engine_url, {"Update": update}).code == "ValidationException"


def test_a_reserved_word_is_no_name(engine_url: str, key: MakeKey) -> None:
    _refused(engine_url, {"Update": _set_n(key("a")) | {"UpdateExpression": "SET status = :n"}})


def test_a_value_that_no_expression_uses_is_refused(engine_url: str, key: MakeKey) -> None:
    update = _set_n(key("a"))
    update["ExpressionAttributeValues"][":unused"] = {"S": "x"}
    _refused(engine_url, {"Update": update})


@pytest.mark.parametrize("part", ["pk", "sk"])
def test_an_empty_string_is_no_key(engine_url: str, key: MakeKey, part: str) -> None:
    item = _key(key("a")) | {part: {"S": ""}}
    with pytest.raises(AwsError, match="ValidationException"):
        ask(engine_url, "PutItem", {"TableName": LEDGER, "Item": item})


def test_an_empty_set_is_refused(engine_url: str, key: MakeKey) -> None:
    with pytest.raises(AwsError, match="ValidationException"):
        ask(engine_url, "PutItem", {"TableName": LEDGER, "Item": _key(key("a")) | {"m": {"SS": []}}})


def test_a_number_of_39_digits_is_refused(engine_url: str, key: MakeKey) -> None:
    with pytest.raises(AwsError, match="ValidationException"):
        ask(engine_url, "PutItem", {"TableName": LEDGER, "Item": _key(key("a")) | {"n": {"N": "1" * 39}}})


def test_a_request_with_a_wrong_signature_is_refused(engine_url: str, key: MakeKey) -> None:
    with pytest.raises(AwsError):
        ask(engine_url, "GetItem", {"TableName": LEDGER, "Key": _key(key("a"))}, secret_key="another")


# What comes back


def test_a_number_comes_back_in_plain_digits(engine_url: str, key: MakeKey) -> None:
    _transact(engine_url, _put(key("a"), n={"N": "0100e2"}))
    item = ask(engine_url, "GetItem", {"TableName": LEDGER, "Key": _key(key("a"))})["Item"]
    assert item["n"] == {"N": "10000"}


def test_a_transaction_says_what_it_consumed(engine_url: str, key: MakeKey) -> None:
    answer = _transact(engine_url, _put(key("a")), _put(key("b")), ReturnConsumedCapacity="TOTAL")
    (consumed,) = answer["ConsumedCapacity"]
    assert consumed["CapacityUnits"] == 4


def test_a_failed_condition_brings_no_item_unless_asked(engine_url: str, key: MakeKey) -> None:
    _transact(engine_url, _put(key("a")))
    guarded = _put(key("a"))
    guarded["Put"]["ConditionExpression"] = "attribute_not_exists(pk)"
    (reason,) = _refused(engine_url, guarded).body["CancellationReasons"]
    assert reason["Code"] == "ConditionalCheckFailed"
    assert not reason.get("Item")


def test_a_page_of_a_query_ends_after_1_megabyte(engine_url: str, key: MakeKey, pk: str) -> None:
    for number in range(4):
        _transact(engine_url, _put(key(str(number)), x={"S": "x" * 390_000}))
    body = {
        "TableName": LEDGER,
        "KeyConditionExpression": "pk = :p",
        "ExpressionAttributeValues": {":p": {"S": pk}},
    }
    page = ask(engine_url, "Query", body)
    assert 0 < len(page["Items"]) < 4
    last = page["Items"][-1]
    assert page["LastEvaluatedKey"] == {name: last[name] for name in ("pk", "sk")}


def test_writers_of_one_item_at_once_are_told_of_a_conflict(engine_url: str, key: MakeKey) -> None:
    """On AWS sixteen writers at once cannot miss each other; here they queue."""
    gate, update, codes = Barrier(16), _set_n(key("a")), list[str]()

    def write() -> None:
        gate.wait()
        for _ in range(10):
            try:
                _transact(engine_url, {"Update": update})
            except AwsError as error:
                codes.extend(str(reason["Code"]) for reason in error.body["CancellationReasons"])

    threads = [Thread(target=write) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "TransactionConflict" in codes


# Streams


def test_each_write_of_a_transaction_is_in_the_stream(engine_url: str, table: str, key: MakeKey) -> None:
    _transact(engine_url, _put(key("a"), table, n={"S": "old"}), _put(key("b"), table))
    _transact(engine_url, {"Update": _set_n(key("a"), table)}, {"Delete": {"TableName": table, "Key": _key(key("b"))}})
    records = read_stream(engine_url, table)
    seen = {(str(one["eventName"]), str(one["dynamodb"]["Keys"]["sk"]["S"])) for one in records}
    assert seen == {("INSERT", "a"), ("INSERT", "b"), ("MODIFY", "a"), ("REMOVE", "b")}
    (changed,) = (record["dynamodb"] for record in records if record["eventName"] == "MODIFY")
    assert (changed["OldImage"]["n"], changed["NewImage"]["n"]) == ({"S": "old"}, {"S": "a"})


def test_a_put_that_changes_nothing_is_not_in_the_stream(engine_url: str, table: str, key: MakeKey) -> None:
    for _ in range(2):
        _transact(engine_url, _put(key("a"), table, n={"S": "same"}))
    assert _told(engine_url, table) == ["INSERT"]


def test_an_update_that_changes_nothing_is_not_in_the_stream(engine_url: str, table: str, key: MakeKey) -> None:
    for _ in range(2):
        _transact(engine_url, {"Update": _set_n(key("a"), table)})
    assert _told(engine_url, table) == ["INSERT"]


def test_an_update_outside_a_transaction_that_makes_an_item_is_one_record(
    engine_url: str, table: str, key: MakeKey
) -> None:
    ask(engine_url, "UpdateItem", _set_n(key("a"), table))
    assert _told(engine_url, table) == ["INSERT"]


def test_a_delete_of_nothing_is_not_in_the_stream(engine_url: str, table: str, key: MakeKey) -> None:
    _transact(engine_url, {"Delete": {"TableName": table, "Key": _key(key("a"))}}, _put(key("b"), table))
    assert _told(engine_url, table) == ["INSERT"]


def test_a_cancelled_transaction_is_not_in_the_stream(engine_url: str, table: str, key: MakeKey) -> None:
    guarded = _put(key("b"), table)
    guarded["Put"]["ConditionExpression"] = "attribute_exists(pk)"
    _refused(engine_url, _put(key("a"), table), guarded)
    assert _told(engine_url, table) == []


def test_an_open_shard_has_no_last_number(engine_url: str, table: str, key: MakeKey) -> None:
    """Whoever reads a stream takes a shard with a last number for one that is closed and can be left."""
    for number in range(11):
        _transact(engine_url, _put(key(str(number)), table))
    assert "EndingSequenceNumber" not in describe_shards(engine_url, table)[-1]["SequenceNumberRange"]


def test_the_id_of_a_shard_has_28_characters_or_more(engine_url: str) -> None:
    name = f"d{uuid4().hex[:6]}"
    create_table(engine_url, name)
    try:
        assert min(len(shard) for shard in shards(engine_url, name)) >= 28
    finally:
        delete_table(engine_url, name)
