"""Makes moto's DynamoDB transactions atomic, isolated and idempotent (as shipped, they create and destroy money).

What is wrong in moto 5.2 and what this does about it:

    as shipped                                              here
    ------------------------------------------------------  -----------------------------------------------------
    requests of several threads interleave freely           one request at a time (a lock around every action)
    a cancelled transaction puts back a copy of the whole   the writes happen on copies of the touched items, which
    table, undoing what others committed in the meantime    are put in place only when every one of them holds
    copying whole tables costs time by their size           cost by the items touched
    streams show writes that were rolled back               a stream record per item changed, after success
    ClientRequestToken is ignored                           remembered for ten minutes, other parameters refused
    a wrong operand type fails the whole request            it is that item's cancellation reason (ValidationError)
    true = 1, a missing attribute = NULL, "a" >= 0 is a     values of different types are never equal and never in
    crash                                                   order

It replaces methods of moto's classes, so it serves `mock_aws` in this process and moto's server alike.
"""

import copy
import functools
import hashlib
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

from moto.core.responses import ActionResult, BaseResponse
from moto.dynamodb.comparisons import (
    FuncSize,
    OpEqual,
    OpGreaterThan,
    OpGreaterThanOrEqual,
    OpLessThan,
    OpLessThanOrEqual,
    get_filter_expression,
)
from moto.dynamodb.exceptions import (
    AttributeDoesNotExist,
    DynamodbException,
    IncorrectDataType,
    InvalidUpdateExpressionInvalidDocumentPath,
    ItemSizeToUpdateTooLarge,
    MultipleTransactionsException,
    ProvidedKeyDoesNotExist,
    TooManyTransactionsException,
    TransactionCanceledException,
    TransactWriteSingleOpException,
)
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import Item
from moto.dynamodb.models.table import Table
from moto.dynamodb.responses import DynamoHandler
from moto.dynamodbstreams.responses import DynamoDBStreamsHandler

MAX_ITEMS: Final = 100
TOKEN_LIFETIME_SECONDS: Final = 600.0
_TOKENS: Final = "transaction_tokens"  # an attribute of the backend, so that moto's reset forgets them too

# Failures that AWS reports as the reason of one item; any other validation error fails the request as a whole.
_ITEM_FAILURES: Final = (
    AttributeDoesNotExist,
    IncorrectDataType,
    InvalidUpdateExpressionInvalidDocumentPath,
    ItemSizeToUpdateTooLarge,
    ProvidedKeyDoesNotExist,
)

# (code, message, old item): what moto's TransactionCanceledException takes, once for each item.
_Verdict = tuple[str | None, str | None, Mapping[str, Any] | None]
_FINE: Final[_Verdict] = (None, None, None)

_lock = threading.RLock()
_elapsed_seconds = time.monotonic
_shipped: dict[tuple[type, str], Any] = {}


def apply() -> None:
    """Replace moto's transactions in this process; a second call changes nothing."""
    if not _shipped:
        _replace(DynamoHandler, "call_action", _one_at_a_time(DynamoHandler.call_action))
        _replace(DynamoDBStreamsHandler, "call_action", _one_at_a_time(BaseResponse.call_action))
        _replace(DynamoHandler, "transact_write_items", _once_per_token(DynamoHandler.transact_write_items))
        _replace(DynamoDBBackend, "transact_write_items", _transact)
        for operator in (OpEqual, OpLessThan, OpLessThanOrEqual, OpGreaterThan, OpGreaterThanOrEqual):
            _replace(operator, "expr", _of_one_type(operator.expr))


def undo() -> None:
    """Bring back what moto ships (to show what it does)."""
    while _shipped:
        (owner, name), method = _shipped.popitem()
        if method is None:
            delattr(owner, name)
        else:
            setattr(owner, name, method)


def _replace(owner: type, name: str, method: Callable[..., Any]) -> None:
    _shipped[owner, name] = vars(owner).get(name)
    setattr(owner, name, method)


def _one_at_a_time(action: Callable[..., Any]) -> Callable[..., Any]:
    """The answer is serialised under the lock as well: it holds references to living items."""

    @functools.wraps(action)
    def locked(self: Any) -> Any:
        with _lock:
            return action(self)

    return locked


def _once_per_token(action: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(action)
    def remembered(self: DynamoHandler) -> Any:
        token = self.body.get("ClientRequestToken")
        tokens = _tokens_of(self.dynamodb_backend)
        fingerprint = _fingerprint(self.body["TransactItems"])
        if token in tokens:
            if tokens[token][1] != fingerprint:
                raise _IdempotentParameterMismatchError
            return ActionResult({})
        result = action(self)
        if token:
            tokens[token] = (_elapsed_seconds(), fingerprint)
        return result

    return remembered


class _IdempotentParameterMismatchError(DynamodbException):
    def __init__(self) -> None:
        super().__init__(
            "com.amazonaws.dynamodb.v20120810#IdempotentParameterMismatchException",
            message="The request uses the same client token as a previous, but non-identical request",
        )


def _of_one_type(compare: Callable[..., bool]) -> Callable[..., bool]:
    @functools.wraps(compare)
    def typed(self: Any, item: Item | None) -> bool:
        return _type_of(self.lhs, item) == _type_of(self.rhs, item) and compare(self, item)

    return typed


def _type_of(operand: Any, item: Item | None) -> str | None:
    return "N" if isinstance(operand, FuncSize) else operand.get_type(item)


def _tokens_of(backend: DynamoDBBackend) -> "OrderedDict[str, tuple[float, str]]":
    """The successful tokens of the last ten minutes, oldest first."""
    tokens: OrderedDict[str, tuple[float, str]] = vars(backend).setdefault(_TOKENS, OrderedDict())
    horizon = _elapsed_seconds() - TOKEN_LIFETIME_SECONDS
    while tokens and next(iter(tokens.values()))[0] < horizon:
        tokens.popitem(last=False)
    return tokens


def _fingerprint(transact_items: Any) -> str:
    return hashlib.sha256(json.dumps(transact_items, sort_keys=True, default=repr).encode()).hexdigest()


def _transact(backend: DynamoDBBackend, transact_items: list[dict[str, Any]]) -> None:
    """Takes the place of DynamoDBBackend.transact_write_items."""
    with _lock:
        if len(transact_items) > MAX_ITEMS:
            raise TooManyTransactionsException
        attempts = [_Attempt.of(backend, item) for item in transact_items]
        if len({attempt.identity for attempt in attempts}) < len(attempts):
            raise MultipleTransactionsException
        verdicts = [attempt.try_on_a_copy() for attempt in attempts]
        if any(code for code, _, _ in verdicts):
            raise TransactionCanceledException(verdicts)
        for attempt in attempts:
            attempt.install()


class _Attempt:
    """One write of a transaction, first made on a copy of its item."""

    def __init__(self, backend: DynamoDBBackend, kind: str, parameters: dict[str, Any]) -> None:
        self.kind = kind
        self.parameters = parameters
        self.table: Table = backend.get_table(parameters["TableName"])
        source = parameters["Item"] if kind == "Put" else parameters["Key"]
        self.key = {name: source[name] for name in self.table.table_key_attrs}
        self.hash, self.range = backend.get_keys_value(self.table, self.key)
        self.old = self.table.get_item(self.hash, self.range)
        self.scratch = self._scratch(backend)

    @classmethod
    def of(cls, backend: DynamoDBBackend, transact_item: dict[str, Any]) -> "_Attempt":
        if len(transact_item) != 1:
            raise TransactWriteSingleOpException
        ((kind, parameters),) = transact_item.items()
        return cls(backend, kind, parameters)

    @property
    def identity(self) -> tuple[str, str]:
        return (self.table.name, repr(self.key))

    def _scratch(self, backend: DynamoDBBackend) -> DynamoDBBackend:
        """A backend whose only table holds a copy of this item alone and has no stream."""
        table = copy.copy(self.table)
        table.items = type(self.table.items)(dict)
        table.stream_shard = None
        if self.old is not None:
            _place(table, self.hash, self.range, copy.deepcopy(self.old))
        scratch = copy.copy(backend)
        scratch.tables = {self.table.name: table}
        return scratch

    def try_on_a_copy(self) -> _Verdict:
        if not self._condition_holds():
            wanted = self.parameters.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
            item = self.old.to_json()["Attributes"] if wanted and self.old is not None else None
            return ("ConditionalCheckFailed", "The conditional request failed", item)
        try:
            self._write()
        except _ITEM_FAILURES as failure:
            return ("ValidationError", failure.message, None)
        return _FINE

    def _condition_holds(self) -> bool:
        names, values = self._names_and_values()
        condition = get_filter_expression(self.parameters.get("ConditionExpression"), names, values)
        return bool(condition.expr(self.old))

    def _names_and_values(self) -> tuple[dict[str, str], dict[str, Any]]:
        return (
            self.parameters.get("ExpressionAttributeNames", {}),
            self.parameters.get("ExpressionAttributeValues", {}),
        )

    def _write(self) -> None:
        name = self.table.name
        match self.kind:
            case "Put":
                self.scratch.put_item(name, self.parameters["Item"])
            case "Update":
                self.scratch.update_item(name, self.key, self.parameters["UpdateExpression"], *self._names_and_values())
            case "Delete":
                self.scratch.delete_item(name, self.key)

    def install(self) -> None:
        """Put the item in place and tell the stream, as AWS does, only of a change."""
        new = self.scratch.tables[self.table.name].get_item(self.hash, self.range)
        if new is self.old or (new is not None and self.old is not None and new == self.old):
            return
        _place(self.table, self.hash, self.range, new)
        if self.table.stream_shard is not None:
            self.table.stream_shard.add(self.old, copy.deepcopy(new))


def _place(table: Table, hash_value: Any, range_value: Any, item: Item | None) -> None:
    """Put the item under its key, or leave nothing there."""
    holder: Any
    holder, name = (table.items, hash_value) if range_value is None else (table.items[hash_value], range_value)
    if item is None:
        holder.pop(name, None)
    else:
        holder[name] = item
