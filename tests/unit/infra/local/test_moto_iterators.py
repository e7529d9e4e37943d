"""moto remembers the newest iterators only, and they still work."""

import pytest
from moto import mock_aws
from moto.dynamodbstreams.models import DynamoDBStreamsBackend, dynamodbstreams_backends

from infra.local import moto_iterators
from infra.local.place import ACCOUNT

MOST = 5


@pytest.fixture
def backend(monkeypatch: pytest.MonkeyPatch) -> DynamoDBStreamsBackend:
    monkeypatch.setattr(moto_iterators, "MOST", MOST)
    monkeypatch.setattr(DynamoDBStreamsBackend, "get_records", DynamoDBStreamsBackend.get_records)
    moto_iterators.apply()
    moto_iterators.apply()
    found: DynamoDBStreamsBackend = dynamodbstreams_backends[ACCOUNT]["us-east-1"]
    return found


@mock_aws
def test_it(backend: DynamoDBStreamsBackend) -> None:
    table = backend.dynamodb.create_table(
        "ledger",
        schema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        throughput=None,
        attr=[{"AttributeName": "pk", "AttributeType": "S"}],
        global_indexes=[],
        indexes=[],
        streams={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        billing_mode="PAY_PER_REQUEST",
        sse_specification=None,
        tags=[],
        deletion_protection_enabled=False,
        warm_throughput=None,
    )
    assert table.stream_shard is not None
    stream, shard = f"{table.table_arn}/stream/{table.latest_stream_label}", table.stream_shard.id
    iterator = backend.get_shard_iterator(stream, shard, "TRIM_HORIZON").arn
    for _ in range(10 * MOST):
        answer = backend.get_records(iterator, 10)
        assert answer["Records"] == []
        iterator = answer["NextShardIterator"]
    assert len(backend.shard_iterators) == MOST
    backend.dynamodb.put_item("ledger", {"pk": {"S": "a"}})
    assert len(backend.get_records(iterator, 10)["Records"]) == 1
