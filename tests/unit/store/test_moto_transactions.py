"""moto's transactions in this process: what the fix gives, and that without it money is lost."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.dynamodb.models import DynamoDBBackend

from infra.local import moto_transactions

TABLE = "bank"
ACCOUNTS = 5
EACH = 100


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"AWS_ACCESS_KEY_ID": "AKIDUNIT", "AWS_SECRET_ACCESS_KEY": "not-a-secret"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ACCOUNT_ID_ENDPOINT_MODE", "disabled")  # moto does not know a stream's account-based host
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_DYNAMODB_STREAMS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def as_shipped() -> Iterator[None]:
    moto_transactions.undo()
    yield
    moto_transactions.undo()


@pytest.fixture
def put_right() -> Iterator[None]:
    moto_transactions.apply()
    yield
    moto_transactions.undo()


@pytest.fixture
def client() -> Iterator[Any]:
    with mock_aws():
        client = boto3.client("dynamodb", region_name="us-east-1")
        client.create_table(
            TableName=TABLE,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )
        for number in range(ACCOUNTS):
            client.put_item(TableName=TABLE, Item={"pk": {"S": str(number)}, "n": {"N": str(EACH)}})
        yield client


def _add(account: str, amount: int, minimum: int | None = None) -> dict[str, Any]:
    update: dict[str, Any] = {
        "TableName": TABLE,
        "Key": {"pk": {"S": account}},
        "UpdateExpression": "ADD n :amount",
        "ExpressionAttributeValues": {":amount": {"N": str(amount)}},
    }
    if minimum is not None:
        update["ConditionExpression"] = "n >= :minimum"
        update["ExpressionAttributeValues"][":minimum"] = {"N": str(minimum)}
        update["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    return {"Update": update}


def _transfer(client: Any, source: str, target: str, amount: int, **more: str) -> bool:
    items = [_add(source, -amount, minimum=amount), _add(target, amount)]
    try:
        client.transact_write_items(TransactItems=items, **more)
    except client.exceptions.TransactionCanceledException:
        return False
    return True


def _total(client: Any) -> int:
    return sum(int(item["n"]["N"]) for item in client.scan(TableName=TABLE)["Items"] if "n" in item)


def _records(client: Any) -> list[dict[str, Any]]:
    streams = boto3.client("dynamodbstreams", region_name="us-east-1")
    arn = client.describe_table(TableName=TABLE)["Table"]["LatestStreamArn"]
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    iterator = streams.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
    records: list[dict[str, Any]] = streams.get_records(ShardIterator=iterator["ShardIterator"])["Records"]
    return records[ACCOUNTS:]  # the first are the accounts themselves


@pytest.mark.usefixtures("as_shipped")
def test_as_shipped_a_cancellation_takes_half_of_another_transfer_with_it(
    client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The interleaving that threads find by chance, forced step by step.

    A transfers 0 -> 1 and has debited 0; B begins and copies the table; A credits 1 and is acknowledged; B is
    cancelled and puts its copy back: the debit stays, the credit is gone.
    """
    steps: list[str] = []
    update_item, get_item = DynamoDBBackend.update_item, DynamoDBBackend.get_item

    def update(self: DynamoDBBackend, table: str, key: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        def proceed() -> Any:
            return update_item(self, table, key, *args, **kwargs)

        if key["pk"]["S"] != "1" or "A debited" in steps:
            return proceed()
        steps.append("A debited")
        credited: list[Any] = []

        def get(backend: DynamoDBBackend, name: str, wanted: dict[str, Any], *rest: Any) -> Any:
            if not credited:  # B has copied the table and looks at its first item
                steps.append("B copied")
                credited.append(proceed())
                steps.append("A credited")
            return get_item(backend, name, wanted, *rest)

        monkeypatch.setattr(DynamoDBBackend, "get_item", get)
        steps.append("B cancelled" if not _transfer(client, "2", "3", EACH + 1) else "B done")
        return credited[0]

    monkeypatch.setattr(DynamoDBBackend, "update_item", update)
    assert _transfer(client, "0", "1", 40) is True
    assert steps == ["A debited", "B copied", "A credited", "B cancelled"]
    assert _total(client) == ACCOUNTS * EACH - 40


@pytest.mark.usefixtures("as_shipped")
def test_as_shipped_a_token_does_nothing(client: Any) -> None:
    for _ in range(2):
        _transfer(client, "0", "1", 10, ClientRequestToken="token")
    assert client.get_item(TableName=TABLE, Key={"pk": {"S": "0"}})["Item"]["n"]["N"] == "80"


@pytest.mark.usefixtures("put_right")
def test_threads_conserve_money(client: Any) -> None:
    for number in range(300):
        client.put_item(TableName=TABLE, Item={"pk": {"S": f"filler-{number}"}})

    def work(number: int) -> int:
        chance = Random(number)
        done = 0
        for _ in range(8):
            source, target = chance.sample(range(ACCOUNTS), 2)
            done += _transfer(client, str(source), str(target), chance.randint(1, 90))
        return done

    with ThreadPoolExecutor(16) as pool:
        applied = sum(pool.map(work, range(16)))
    assert applied > 0
    assert _total(client) == ACCOUNTS * EACH


@pytest.mark.usefixtures("put_right")
def test_a_cancelled_transaction_shows_in_no_stream(client: Any) -> None:
    assert _transfer(client, "0", "1", EACH + 1) is False
    assert _transfer(client, "0", "1", EACH) is True
    assert _transfer(client, "0", "2", 1) is False
    assert [
        (record["dynamodb"]["OldImage"]["n"]["N"], record["dynamodb"]["NewImage"]["n"]["N"])
        for record in _records(client)
    ] == [("100", "0"), ("100", "200")]


@pytest.mark.usefixtures("put_right")
def test_the_stream_has_one_record_for_each_change(client: Any) -> None:
    put = {"Put": {"TableName": TABLE, "Item": {"pk": {"S": "0"}, "n": {"N": str(EACH)}}}}
    delete = {"Delete": {"TableName": TABLE, "Key": {"pk": {"S": "1"}}}}
    absent = {"Delete": {"TableName": TABLE, "Key": {"pk": {"S": "never"}}}}
    client.transact_write_items(TransactItems=[put, delete, absent, _add("new", 5)])
    assert [record["eventName"] for record in _records(client)] == ["REMOVE", "INSERT"]


@pytest.mark.usefixtures("put_right")
def test_a_failure_while_writing_leaves_every_item_alone(client: Any) -> None:
    client.put_item(TableName=TABLE, Item={"pk": {"S": "text"}, "n": {"S": "text"}})
    with pytest.raises(client.exceptions.TransactionCanceledException) as caught:
        client.transact_write_items(TransactItems=[_add("0", 1), _add("text", 1), _add("1", 1, minimum=EACH + 1)])
    reasons = caught.value.response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ValidationError", "ConditionalCheckFailed"]
    assert reasons[2]["Item"] == {"pk": {"S": "1"}, "n": {"N": str(EACH)}}
    assert _total_of(client, "0") == EACH


def _total_of(client: Any, account: str) -> int:
    return int(client.get_item(TableName=TABLE, Key={"pk": {"S": account}})["Item"]["n"]["N"])


@pytest.mark.usefixtures("put_right")
def test_a_token_lasts_ten_minutes(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(moto_transactions, "_elapsed_seconds", lambda: now[0])
    for at, expected in ((0.0, 99), (1.0, 99), (600.0, 99), (601.0, 98)):
        now[0] = at
        client.transact_write_items(TransactItems=[_add("0", -1)], ClientRequestToken="token")
        assert _total_of(client, "0") == expected


@pytest.mark.usefixtures("put_right")
def test_a_token_with_other_parameters_is_refused(client: Any) -> None:
    _transfer(client, "0", "1", 10, ClientRequestToken="token")
    with pytest.raises(client.exceptions.IdempotentParameterMismatchException):
        _transfer(client, "0", "1", 20, ClientRequestToken="token")


@pytest.mark.usefixtures("put_right")
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: [_add("0", 1), _add("0", 1)], "multiple operations on one item"),
        (lambda: [_add(str(number), 1) for number in range(101)], "100"),
        (lambda: [_add("0", 1) | {"Delete": {"TableName": TABLE, "Key": {"pk": {"S": "1"}}}}], ""),
    ],
    ids=["twice", "too many", "two operations"],
)
def test_a_malformed_transaction_is_refused_whole(
    client: Any, make: Callable[[], list[dict[str, Any]]], message: str
) -> None:
    with pytest.raises(ClientError) as caught:
        client.transact_write_items(TransactItems=make())
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert message in str(caught.value)
    assert _total(client) == ACCOUNTS * EACH


@pytest.mark.usefixtures("put_right")
def test_a_condition_check_guards_and_writes_nothing(client: Any) -> None:
    check = {"ConditionCheck": _add("1", 0, minimum=EACH)["Update"]}
    del check["ConditionCheck"]["UpdateExpression"], check["ConditionCheck"]["ExpressionAttributeValues"][":amount"]
    client.transact_write_items(TransactItems=[check, _add("0", 1)])
    assert len(_records(client)) == 1


def test_applying_twice_and_undoing_leaves_moto_as_it_was() -> None:
    shipped = DynamoDBBackend.transact_write_items
    moto_transactions.apply()
    moto_transactions.apply()
    assert DynamoDBBackend.transact_write_items is not shipped
    moto_transactions.undo()
    assert DynamoDBBackend.transact_write_items is shipped
