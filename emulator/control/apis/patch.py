"""Patch operations: `{"op": "replace", "path": "/throttle/rateLimit", "value": "5"}`, guided by botocore's shapes.

The path's parts are the members of what is patched, `~1` standing for `/` and `~0` for `~` (RFC 6901). Values are text
on the wire; the shape at the end of the path says what they are. Source: API Gateway API reference, PatchOperation.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from botocore.session import Session
from botocore.validate import ParamValidator

from emulator.control.apis.catalog import Row, bad
from emulator.control.errors import ControlError

# What names a thing or its history is nobody's to change.
_FIXED: Final = frozenset({"id", "createdDate", "lastUpdatedDate", "rootResourceId", "path", "stageName", "httpMethod"})

# Without these a row is none.
_ALWAYS: Final = frozenset(
    {"name", "type", "authorizationType", "apiKeyRequired", "apiKeySource", "endpointConfiguration", "enabled"}
    | {"deploymentId", "pathPart", "statusCode", "timeoutInMillis", "passthroughBehavior", "contentType", "schema"}
)

Patch = dict[str, str]


class Patches:
    """Applies patch operations to rows of API Gateway's shapes, and holds rows against these."""

    def __init__(self) -> None:
        """Load the model."""
        self._model = Session().get_service_model("apigateway")

    def check(self, row: Row, shape_name: str) -> None:
        """Refuse a row with a member or a type that its shape does not have: no answer could tell it."""
        faults = ParamValidator().validate(row, self._model.shape_for(shape_name))
        if faults.has_errors():
            raise bad(f"Invalid {shape_name}: {faults.generate_report()}")

    def apply(self, row: Row, shape_name: str, patches: Sequence[Patch], refused: Collection[str] = ()) -> None:
        """Change the row; BadRequestException for a path that leads nowhere or that is not to be changed."""
        shape = self._model.shape_for(shape_name)
        for patch in patches:
            path = parts(patch.get("path", ""))
            if not path or path[0] in _FIXED or path[0] in refused or path[0] not in shape.members:
                raise invalid(patch)
            if patch.get("op") == "remove" and len(path) == 1 and path[0] in _ALWAYS:
                raise invalid(patch)
            _patch(row, shape, path, patch)


def parts(path: str) -> list[str]:
    """The unescaped parts of a path."""
    return [part.replace("~1", "/").replace("~0", "~") for part in path.removeprefix("/").split("/")] if path else []


def _patch(holder: Any, shape: Any, path: list[str], patch: Patch) -> None:
    name, rest = path[0], path[1:]
    member = _below(shape, name, patch)
    if rest and member.type_name in ("structure", "map"):
        _patch(holder.setdefault(name, {}), member, rest, patch)
    elif member.type_name == "list" and member.member.type_name == "string" and len(rest) < 2:
        holder[name] = _listed(holder.get(name, []), member.member, rest, patch)
    elif rest:
        raise invalid(patch)
    else:
        _set(holder, name, member, patch)


def _below(shape: Any, name: str, patch: Patch) -> Any:
    if shape.type_name == "map":
        return shape.value
    if name not in shape.members:
        raise invalid(patch)
    return shape.members[name]


def _set(holder: Row, name: str, shape: Any, patch: Patch) -> None:
    match patch.get("op"):
        case "replace" if shape.type_name == "integer" and not patch.get("value") and name not in _ALWAYS:
            holder.pop(name, None)  # so compression is turned off: Chalice writes an empty text
        case "add" | "replace":
            value = typed(shape.type_name, patch.get("value", ""), patch["path"])
            holder[name] = _one_of(shape, value, patch)
        case "remove":
            holder.pop(name, None)
        case other:
            raise bad(f"Invalid patch operation '{other}' for {patch['path']}: use add, replace or remove.")


def _one_of(shape: Any, value: Any, patch: Patch) -> Any:
    if shape.type_name == "string" and shape.enum and value not in shape.enum:
        raise bad(f"Invalid value '{value}' specified for {patch['path']}: it is one of {', '.join(shape.enum)}.")
    return value


def _listed(values: list[str], shape: Any, rest: list[str], patch: Patch) -> list[str]:
    """A list of texts: `/scopes` takes one value, or several with commas; `/types/image~1png` has it in the path.

    To replace `/types/EDGE` is to put the value into its place.
    """
    given = [part for part in patch.get("value", "").split(",") if part]
    named = [_one_of(shape, part, patch) for part in rest or given]
    match patch.get("op"):
        case "add":
            return [*values, *(one for one in named if one not in values)]
        case "replace" if rest and given:
            return [_one_of(shape, one, patch) for old in values for one in (given if old == rest[0] else [old])]
        case "replace":
            return named
        case "remove":
            return [one for one in values if one not in named] if named else []
    raise bad(f"Invalid patch operation '{patch.get('op')}' for {patch['path']}: use add, replace or remove.")


def invalid(patch: Mapping[str, str]) -> ControlError:
    """The refusal of a path that leads nowhere."""
    return bad(f"Invalid patch path  '{patch.get('path')}' specified for op '{patch.get('op')}'.")


def typed(kind: str, value: str, path: str) -> Any:
    """A value of the wire as what it is."""
    try:
        match kind:
            case "integer" | "long":
                return int(value)
            case "double" | "float" if math.isfinite(float(value)):
                return float(value)
            case "boolean" if value in ("true", "false"):
                return value == "true"
            case "string":
                return value
    except ValueError:
        pass
    raise bad(f"Invalid value '{value}' specified for {path}: {kind} is expected.")
