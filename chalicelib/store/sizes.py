"""What an item weighs and a write costs, by the rules AWS publishes for DynamoDB's item sizes and write units."""

from chalicelib.store.port import Item, Value

UNIT_BYTES = 1024
READ_UNIT_BYTES = 4096
TRANSACTION_FACTOR = 2
MAX_ITEM_BYTES = 400 * 1024

_CONTAINER_BYTES = 3
_ELEMENT_BYTES = 1


def item_bytes(item: Item) -> int:
    """Attribute names and values together, pk and sk included."""
    return sum(len(name.encode()) + value_bytes(value) for name, value in item.items())


def value_bytes(value: Value) -> int:
    """One value without its name."""
    match value:
        case str():
            return len(value.encode())
        case None | bool():
            return 1
        case int():
            return _number_bytes(value)
        case bytes():
            return len(value)
        case frozenset():
            return sum(len(member.encode()) for member in value)
        case list():
            return _CONTAINER_BYTES + sum(_ELEMENT_BYTES + value_bytes(inner) for inner in value)
        case dict():
            return _CONTAINER_BYTES + sum(_ELEMENT_BYTES for _ in value) + item_bytes(value)


def _number_bytes(value: int) -> int:
    """About one byte for two significant digits and one more; a minus sign takes a byte as well."""
    digits = str(abs(value)).rstrip("0")
    return (len(digits) + 1) // 2 + 1 + (value < 0)


def write_units(before: Item | None, after: Item | None, *, transactional: bool = True) -> int:
    """The larger of the item before and after counts, in units of 1 KB, twice in a transaction."""
    heaviest = max(item_bytes(item) if item else 0 for item in (before, after))
    units = max(1, -(-heaviest // UNIT_BYTES))
    return units * TRANSACTION_FACTOR if transactional else units


def read_units(item: Item | None, *, consistent: bool = True) -> float:
    """Units of 4 KB; an eventually consistent read costs half."""
    units = max(1, -(-(item_bytes(item) if item else 0) // READ_UNIT_BYTES))
    return float(units) if consistent else units / 2
