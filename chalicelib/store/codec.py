"""Renders the port's writes as DynamoDB JSON and turns DynamoDB JSON back into items."""

from base64 import b64decode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, assert_never

from chalicelib.store.port import (
    HASH,
    MAX_TOKEN,
    MAX_WRITES,
    RANGE,
    Absent,
    AtLeast,
    Authorised,
    Condition,
    Delete,
    Equals,
    Exists,
    Item,
    Key,
    NotAbove,
    OneOf,
    Put,
    Reason,
    StoreMisuse,
    Table,
    Update,
    Value,
    Write,
)

# DynamoDB's own shapes are open-ended JSON: this module and the clients are the edge where that is typed.
Json = dict[str, Any]
TableNames = Mapping[Table, str]

_NUMBER_LIMIT = 10**38


def encode(value: Value) -> Json:
    """A value as an AttributeValue; bytes stay bytes, because boto3 encodes them itself."""
    match value:
        case str():
            return {"S": value}
        case bool():  # before int, of which bool is a subclass
            return {"BOOL": value}
        case int():
            return {"N": _number(value)}
        case bytes():
            return {"B": value}
        case None:
            return {"NULL": True}
        case dict():
            return {"M": {name: encode(inner) for name, inner in value.items()}}
        case list():
            return {"L": [encode(inner) for inner in value]}
        case frozenset() if value:
            return {"SS": sorted(value)}
        case _:
            raise StoreMisuse(f"not a value of the store: {value!r}")


def _number(value: int) -> str:
    if not -_NUMBER_LIMIT < value < _NUMBER_LIMIT:
        raise StoreMisuse("numbers have at most 38 digits")
    return str(value)


def decode(attribute: Json) -> Value:
    """An AttributeValue as a value; binary may come as bytes (boto3) or as base64 text (the wire)."""
    ((kind, raw),) = attribute.items()
    match kind:
        case "S" | "BOOL":
            return raw  # type: ignore[no-any-return]
        case "N":
            return int(raw)
        case "B":
            return b64decode(raw) if isinstance(raw, str) else bytes(raw)
        case "NULL":
            return None
        case "M":
            return {name: decode(inner) for name, inner in raw.items()}
        case "L":
            return [decode(inner) for inner in raw]
        case "SS":
            return frozenset(raw)
        case _:
            raise StoreMisuse(f"the ledger stores no attribute of type {kind}")


def encode_item(item: Item) -> Json:
    return {name: encode(value) for name, value in item.items()}


def decode_item(attributes: Json) -> Item:
    return {name: decode(attribute) for name, attribute in attributes.items()}


def encode_key(key: Key) -> Json:
    return {HASH: {"S": key.pk}, RANGE: {"S": key.sk}}


class _Placeholders:
    """Aliases for every name and value of one write, so that no attribute name can be a reserved word."""

    __slots__ = ("names", "values")

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.values: Json = {}

    def name(self, name: str) -> str:
        return self.names.setdefault(name, f"#{len(self.names)}")

    def value(self, value: Value) -> str:
        alias = f":{len(self.values)}"
        self.values[alias] = encode(value)
        return alias

    def rendered(self) -> Json:
        out: Json = {}
        if self.names:
            out["ExpressionAttributeNames"] = {alias: name for name, alias in self.names.items()}
        if self.values:
            out["ExpressionAttributeValues"] = self.values
        return out


def _condition(condition: Condition, aliases: _Placeholders) -> str:
    match condition:
        case Equals(name, value):
            return f"{aliases.name(name)} = {aliases.value(value)}"
        case AtLeast(name, minimum):
            return f"{aliases.name(name)} >= {aliases.value(minimum)}"
        case NotAbove(name, maximum):
            known = aliases.name(name)
            return f"(attribute_not_exists({known}) OR {known} <= {aliases.value(maximum)})"
        case OneOf(name, values):
            return f"{aliases.name(name)} IN ({', '.join(aliases.value(value) for value in values)})"
        case Exists():
            return f"attribute_exists({aliases.name(HASH)})"
        case Absent():
            return f"attribute_not_exists({aliases.name(HASH)})"
        case Authorised(principal):
            whom = aliases.value(principal)
            return f"({aliases.name('o')} = {whom} OR contains({aliases.name('m')}, {whom}))"
        case _:
            assert_never(condition)


def _guard(when: tuple[Condition, ...], aliases: _Placeholders) -> Json:
    if not when:
        return {}
    return {
        "ConditionExpression": " AND ".join([_condition(condition, aliases) for condition in when]),
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }


def _change(update: Update, aliases: _Placeholders) -> str:
    clauses = []
    if update.set:
        pairs = [f"{aliases.name(name)} = {aliases.value(value)}" for name, value in update.set.items()]
        clauses.append(f"SET {', '.join(pairs)}")
    if update.remove:
        clauses.append(f"REMOVE {', '.join([aliases.name(name) for name in update.remove])}")
    if update.add:
        pairs = [f"{aliases.name(name)} {aliases.value(amount)}" for name, amount in update.add.items()]
        clauses.append(f"ADD {', '.join(pairs)}")
    return " ".join(clauses)


def check_write(write: Write) -> None:
    """Refuse what DynamoDB would refuse as a malformed request (StoreMisuse)."""
    names = _touched(write)
    if len(names) != len(set(names)):
        raise StoreMisuse("an update names an attribute twice")
    if HASH in names or RANGE in names:
        raise StoreMisuse("the key is not an attribute of a write")
    if isinstance(write, Update) and not names:
        raise StoreMisuse("an update changes something")
    if any(isinstance(condition, OneOf) and not condition.values for condition in write.when):
        raise StoreMisuse("OneOf needs at least one value")


def _touched(write: Write) -> Sequence[str]:
    match write:
        case Put():
            return tuple(write.attributes)
        case Update():
            return (*write.set, *write.add, *write.remove)
        case Delete():
            return ()


def check_writes(writes: Sequence[Write]) -> None:
    """Refuse a transaction that DynamoDB would refuse as malformed (StoreMisuse)."""
    if not 1 <= len(writes) <= MAX_WRITES:
        raise StoreMisuse(f"a transaction has 1 to {MAX_WRITES} writes, not {len(writes)}")
    if len({write.key for write in writes}) != len(writes):
        raise StoreMisuse("a transaction touches no item twice")
    for write in writes:
        check_write(write)


def check_token(token: str) -> None:
    """Refuse a ClientRequestToken of a length that DynamoDB would refuse (StoreMisuse)."""
    if not 1 <= len(token) <= MAX_TOKEN:
        raise StoreMisuse(f"a token has 1 to {MAX_TOKEN} characters")


def encode_write(write: Write, tables: TableNames) -> Json:
    """One entry of TransactItems."""
    aliases = _Placeholders()
    body: Json = {"TableName": tables[write.key.table]}
    match write:
        case Put():
            body["Item"] = encode_key(write.key) | encode_item(write.attributes)
        case Update():
            body["Key"] = encode_key(write.key)
            body["UpdateExpression"] = _change(write, aliases)
        case Delete():
            body["Key"] = encode_key(write.key)
    body |= _guard(write.when, aliases)
    body |= aliases.rendered()
    return {type(write).__name__: body}


def encode_transaction(writes: Sequence[Write], token: str | None, tables: TableNames) -> Json:
    """The body of TransactWriteItems."""
    check_writes(writes)
    body: Json = {"TransactItems": [encode_write(write, tables) for write in writes]}
    if token is None:
        return body
    check_token(token)
    return body | {"ClientRequestToken": token}


def encode_get(key: Key, tables: TableNames, *, consistent: bool) -> Json:
    """The body of GetItem."""
    return {"TableName": tables[key.table], "Key": encode_key(key), "ConsistentRead": consistent}


def encode_batch_get(keys: Iterable[Key], tables: TableNames) -> Json:
    """The body of BatchGetItem, consistent in all tables."""
    wanted: Json = {}
    for key in keys:
        of_table = wanted.setdefault(tables[key.table], {"Keys": [], "ConsistentRead": True})
        of_table["Keys"].append(encode_key(key))
    return {"RequestItems": wanted}


def encode_query(  # noqa: PLR0913 - a range has that many sides
    table_name: str, pk: str, *, after: str | None, before: str | None, newest_first: bool, consistent: bool
) -> Json:
    """The body of Query without its Limit; BETWEEN includes its ends, so the caller drops those."""
    aliases = _Placeholders()
    condition = f"{aliases.name(HASH)} = {aliases.value(pk)}"
    if after is not None and before is not None:
        condition += f" AND {aliases.name(RANGE)} BETWEEN {aliases.value(after)} AND {aliases.value(before)}"
    elif after is not None:
        condition += f" AND {aliases.name(RANGE)} > {aliases.value(after)}"
    elif before is not None:
        condition += f" AND {aliases.name(RANGE)} < {aliases.value(before)}"
    return {
        "TableName": table_name,
        "KeyConditionExpression": condition,
        "ScanIndexForward": not newest_first,
        "ConsistentRead": consistent,
        **aliases.rendered(),
    }


def decode_reasons(reasons: Iterable[Json]) -> tuple[Reason, ...]:
    """CancellationReasons as reasons; the engines differ in whether an unharmed item says "None" or nothing."""
    return tuple(_decode_reason(reason) for reason in reasons)


def _decode_reason(reason: Json) -> Reason:
    code = reason.get("Code")
    item = reason.get("Item")
    return Reason(None if code in (None, "None") else code, decode_item(item) if item else None)
