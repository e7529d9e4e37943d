"""JSON read strictly: one value per name, no NaN, no deep nesting, no surprise types (RFC 8259, I-JSON)."""

import json
from typing import Any, Final

import orjson

from chalicelib.kernel.problems import INVALID_JSON, REQUEST_TOO_LARGE, Problem

MAXIMUM_BYTES: Final = 262_144
MAXIMUM_DEPTH: Final = 32


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in `body`, or raise a 400 that names the place (413 above 256 KiB)."""
    if len(body) > MAXIMUM_BYTES:
        raise Problem(REQUEST_TOO_LARGE, f"The body has {len(body)} bytes.")
    try:
        value = orjson.loads(body or b"{}")
    except orjson.JSONDecodeError as fault:
        raise _invalid(f"{fault.msg}: line {fault.lineno} column {fault.colno}.") from None
    if not isinstance(value, dict):
        raise _invalid("The body must be one JSON object.")
    _refuse_depth(value)
    # orjson takes the last of several equal names in silence; the standard parser can be asked.
    return json.loads(body or b"{}", object_pairs_hook=_unique)  # type: ignore[no-any-return]


def _refuse_depth(value: object) -> None:
    level = [value]
    for _ in range(MAXIMUM_DEPTH):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise _invalid(f"The body is nested more than {MAXIMUM_DEPTH} deep.")


def _children(value: object) -> list[object]:
    if isinstance(value, dict):
        return [child for child in value.values() if isinstance(child, dict | list)]
    return [child for child in value if isinstance(child, dict | list)] if isinstance(value, list) else []


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            raise _invalid(f"The name {name[:64]!r} appears twice in one object.")
        found[name] = value
    return found


def _invalid(detail: str) -> Problem:
    return Problem(INVALID_JSON, detail)
