"""Patch operations: `{"op": "replace", "path": "/throttle/rateLimit", "value": "5"}`, guided by botocore's shapes.

The path's parts are the members of what is patched, `~1` standing for `/` and `~0` for `~` (RFC 6901). Values are text
on the wire; the shape at the end of the path says what they are. Source: API Gateway API reference, PatchOperation.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

from botocore.session import Session

from emulator.control.apis.catalog import Row, bad

# What names a thing or its history is nobody's to change.
_FIXED: Final = frozenset({"id", "createdDate", "lastUpdatedDate", "rootResourceId", "path", "stageName", "httpMethod"})

Patch = dict[str, str]


class Patches:
    """Applies patch operations to rows of API Gateway's shapes."""

    def __init__(self) -> None:
        """Load the model."""
        self._model = Session().get_service_model("apigateway")

    def apply(self, row: Row, shape_name: str, patches: Sequence[Patch], refused: Collection[str] = ()) -> None:
        """Change the row; BadRequestException for a path that leads nowhere or that is not to be changed."""
        shape = self._model.shape_for(shape_name)
        for patch in patches:
            path = parts(patch.get("path", ""))
            if not path or path[0] in _FIXED or path[0] in refused or path[0] not in shape.members:
                raise bad(f"Invalid patch path  '{patch.get('path')}' specified for op '{patch.get('op')}'.")
            _patch(row, shape, path, patch)


def parts(path: str) -> list[str]:
    """The unescaped parts of a path."""
    return [part.replace("~1", "/").replace("~0", "~") for part in path.removeprefix("/").split("/")] if path else []


def _patch(holder: Any, shape: Any, path: list[str], patch: Patch) -> None:
    name, rest = path[0], path[1:]
    member = _below(shape, name, patch)
    if rest and member.type_name in ("structure", "map"):
        _patch(holder.setdefault(name, {}), member, rest, patch)
    elif rest and member.type_name != "list":
        raise bad(f"Invalid patch path  '{patch['path']}' specified for op '{patch.get('op')}'.")
    elif member.type_name == "list":
        holder[name] = _listed(holder.get(name, []), rest, patch)
    else:
        _set(holder, name, member, patch)


def _below(shape: Any, name: str, patch: Patch) -> Any:
    if shape.type_name == "map":
        return shape.value
    if name not in shape.members:
        raise bad(f"Invalid patch path  '{patch['path']}' specified for op '{patch.get('op')}'.")
    return shape.members[name]


def _set(holder: Row, name: str, shape: Any, patch: Patch) -> None:
    match patch.get("op"):
        case "add" | "replace":
            holder[name] = typed(shape.type_name, patch.get("value", ""), patch["path"])
        case "remove":
            holder.pop(name, None)
        case other:
            raise bad(f"Invalid patch operation '{other}' for {patch['path']}: use add, replace or remove.")


def _listed(values: list[str], rest: list[str], patch: Patch) -> list[str]:
    """A list of texts: `/scopes` takes one value, or several with commas; `/types/image~1png` has it in the path."""
    named = rest or [part for part in patch.get("value", "").split(",") if part]
    match patch.get("op"):
        case "add":
            return [*values, *(one for one in named if one not in values)]
        case "replace":
            return named
        case "remove":
            return [one for one in values if one not in named]
    raise bad(f"Invalid patch operation '{patch.get('op')}' for {patch['path']}: use add, replace or remove.")


def typed(kind: str, value: str, path: str) -> Any:
    """A value of the wire as what it is."""
    try:
        match kind:
            case "integer" | "long":
                return int(value)
            case "double" | "float":
                return float(value)
            case "boolean" if value in ("true", "false"):
                return value == "true"
            case "string":
                return value
    except ValueError:
        pass
    raise bad(f"Invalid value '{value}' specified for {path}: {kind} is expected.")
