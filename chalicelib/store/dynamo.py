"""The store's port on DynamoDB: by the lean client, or by boto3 with its retries off."""

import math
import threading
from collections.abc import Collection, Sequence
from typing import Any, Final, Protocol

from chalicelib.store.codec import (
    Json,
    TableNames,
    decode_item,
    decode_reasons,
    encode_batch_get,
    encode_get,
    encode_query,
    encode_transaction,
)
from chalicelib.store.port import (
    HASH,
    RANGE,
    Cancelled,
    Dynamo,
    Item,
    Key,
    OutcomeUnknown,
    StoreMisuse,
    Table,
    Throttled,
    Unreachable,
    Write,
)
from chalicelib.store.wire import CONNECT_SECONDS, AwsError, AwsJson

READ_SECONDS: Final = 3.0
MAX_TIMEOUT_SECONDS: Final = 30
MAX_BATCH_GET: Final = 100

_SERVER_ERROR: Final = 500
_THROTTLED: Final = frozenset(
    {
        "ThrottlingException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "TransactionInProgressException",
    }
)


class Caller(Protocol):
    """One attempt at one operation: AwsError, OutcomeUnknown and Unreachable are all that it raises."""

    def call(self, operation: str, body: Json, timeout_seconds: float, *, repeatable: bool = False) -> Json:
        """The answer's fields."""


class _DynamoDb(Dynamo):
    """The port's meaning, the same for both clients."""

    def __init__(self, caller: Caller, tables: TableNames, read_seconds: float) -> None:
        self._caller = caller
        self._tables = tables
        self._read_seconds = read_seconds

    def get(self, key: Key, *, consistent: bool = True) -> Item | None:
        answer = self._read("GetItem", encode_get(key, self._tables, consistent=consistent))
        return decode_item(answer["Item"]) if answer.get("Item") else None

    def get_many(self, keys: Collection[Key]) -> dict[Key, Item]:
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Item] = {}
        for start in range(0, len(wanted), MAX_BATCH_GET):
            found |= self._batch(encode_batch_get(wanted[start : start + MAX_BATCH_GET], self._tables))
        return found

    def _batch(self, body: Json) -> dict[Key, Item]:
        """An answer ends after 16 MB, so several may be needed; one that brings nothing at all is a throttle."""
        found: dict[Key, Item] = {}
        named = {name: table for table, name in self._tables.items()}
        while body["RequestItems"]:
            answer = self._read("BatchGetItem", body)
            rows = [(table, row) for table, items in answer["Responses"].items() for row in map(decode_item, items)]
            left = answer.get("UnprocessedKeys") or {}
            if left and not rows:
                raise Throttled("BatchGetItem read nothing")
            found |= {Key(named[table], str(row[HASH]), str(row[RANGE])): row for table, row in rows}
            body = {"RequestItems": left}
        return found

    def transact(self, writes: Sequence[Write], *, token: str | None = None, timeout_seconds: float) -> None:
        body = encode_transaction(writes, token, self._tables)
        try:
            self._caller.call("TransactWriteItems", body, timeout_seconds)
        except AwsError as error:
            raise _translated(error) from error

    def query(  # noqa: PLR0913 - a range has that many sides
        self,
        table: Table,
        pk: str,
        *,
        limit: int,
        after: str | None = None,
        before: str | None = None,
        newest_first: bool = True,
        consistent: bool = False,
    ) -> list[Item]:
        if after is not None and before is not None and after.encode() >= before.encode():
            return []
        body = encode_query(
            self._tables[table], pk, after=after, before=before, newest_first=newest_first, consistent=consistent
        )
        both_ends = after is not None and before is not None
        rows = self._rows(body, limit + 2 if both_ends else limit)
        return [row for row in rows if row["sk"] not in (after, before)][:limit]

    def _rows(self, body: Json, wanted: int) -> list[Item]:
        """A page ends after 1 MB, so several may be needed; each brings at least one row or ends the query."""
        rows: list[Item] = []
        for _ in range(wanted):
            answer = self._read("Query", body | {"Limit": wanted - len(rows)})
            rows += [decode_item(row) for row in answer.get("Items", ())]
            if len(rows) >= wanted or not answer.get("LastEvaluatedKey"):
                break
            body = body | {"ExclusiveStartKey": answer["LastEvaluatedKey"]}
        return rows

    def _read(self, operation: str, body: Json) -> Json:
        try:
            return self._caller.call(operation, body, self._read_seconds, repeatable=True)
        except AwsError as error:
            raise _translated(error) from error


def _translated(error: AwsError) -> Exception:
    if error.code == "TransactionCanceledException":
        return Cancelled(decode_reasons(error.body["CancellationReasons"]))
    if error.code in _THROTTLED:
        return Throttled(str(error))
    if error.status >= _SERVER_ERROR:
        return OutcomeUnknown(str(error))
    return StoreMisuse(str(error))


class LeanDynamo(_DynamoDb):
    """DynamoDB through the lean client; endpoint, Region and credentials come from the environment."""

    def __init__(self, tables: TableNames, *, wire: AwsJson | None = None, read_seconds: float = READ_SECONDS) -> None:
        super().__init__(wire or AwsJson("dynamodb", "DynamoDB_20120810"), tables, read_seconds)


class Boto3Dynamo(_DynamoDb):
    """DynamoDB through boto3; a timeout is rounded up to whole seconds, since boto3 has one for each client only."""

    def __init__(
        self,
        tables: TableNames,
        *,
        endpoint: str | None = None,
        region: str | None = None,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        super().__init__(_Boto3Caller(endpoint, region), tables, read_seconds)


_METHODS: Final = {
    "BatchGetItem": "batch_get_item",
    "GetItem": "get_item",
    "Query": "query",
    "TransactWriteItems": "transact_write_items",
}


class _Boto3Caller:
    """boto3's client made to behave like the wire: one attempt, the same three failures."""

    def __init__(self, endpoint: str | None, region: str | None) -> None:
        import boto3  # noqa: PLC0415  (200 ms of a cold start that the lean client does not pay)

        self._session = boto3.session.Session(region_name=region)
        self._endpoint = endpoint
        self._clients: dict[int, Any] = {}
        self._lock = threading.Lock()

    def call(self, operation: str, body: Json, timeout_seconds: float, *, repeatable: bool = False) -> Json:
        from botocore import exceptions, parsers  # noqa: PLC0415

        del repeatable  # urllib3 looks whether a kept connection was closed before it uses it
        try:
            answer = getattr(self._client(timeout_seconds), _METHODS[operation])(**body)
        except exceptions.ClientError as error:
            raise _as_aws_error(error.response) from error
        except exceptions.ConnectionError as error:
            raise Unreachable(str(error)) from error
        except exceptions.ParamValidationError as error:
            raise StoreMisuse(str(error)) from error
        except (exceptions.HTTPClientError, parsers.ResponseParserError) as error:
            raise OutcomeUnknown(str(error)) from error
        return answer  # type: ignore[no-any-return]

    def _client(self, timeout_seconds: float) -> Any:
        seconds = min(max(1, math.ceil(timeout_seconds)), MAX_TIMEOUT_SECONDS)
        with self._lock:
            if seconds not in self._clients:
                self._clients[seconds] = self._made(seconds)
            return self._clients[seconds]

    def _made(self, seconds: int) -> Any:
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            retries={"total_max_attempts": 1},
            connect_timeout=CONNECT_SECONDS,
            read_timeout=seconds,
            max_pool_connections=64,
        )
        return self._session.client("dynamodb", endpoint_url=self._endpoint, config=config)


def _as_aws_error(response: Json) -> AwsError:
    return AwsError(
        response.get("Error", {}).get("Code", ""),
        response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0),
        {**response, "message": response.get("Error", {}).get("Message", "")},
    )
