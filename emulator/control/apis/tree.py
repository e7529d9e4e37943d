"""The resources of an API: a tree of path parts, with methods at its nodes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from emulator.control.apis.catalog import Catalog, Row, bad, conflict, found, given, new_id, page
from emulator.control.apis.patch import Patches
from emulator.control.operation import Members, Operation

_PART: Final = re.compile(r"[A-Za-z0-9._\-:]+|\{[A-Za-z0-9._\-:]+\+?\}")


@dataclass(frozen=True, slots=True)
class Tree:
    """The operations on resources."""

    catalog: Catalog
    patches: Patches

    def operations(self) -> Mapping[str, Operation]:
        """All operations by name."""
        return {
            "CreateResource": self._create,
            "GetResource": self._get,
            "GetResources": self._list,
            "UpdateResource": self._update,
            "DeleteResource": self._delete,
        }

    async def _create(self, asked: Members) -> Members:
        with self.catalog.changing(asked["restApiId"]) as record:
            row = add_resource(record, asked["parentId"], asked["pathPart"])
        return _shown(row, with_methods=False)

    async def _get(self, asked: Members) -> Members:
        record = self.catalog.api(asked["restApiId"])
        row = found(record["resources"], asked["resourceId"], "Resource")
        return _shown(row, with_methods="methods" in asked.get("embed", ()))

    async def _list(self, asked: Members) -> Members:
        rows = list(self.catalog.api(asked["restApiId"])["resources"].values())
        with_methods = "methods" in asked.get("embed", ())
        return page(rows, asked, lambda row: _shown(row, with_methods=with_methods))

    async def _update(self, asked: Members) -> Members:
        with self.catalog.changing(asked["restApiId"]) as record:
            row = found(record["resources"], asked["resourceId"], "Resource")
            if "parentId" not in row:
                raise bad("Root resource cannot be updated")
            self.patches.apply(row, "Resource", asked.get("patchOperations", []), ("parentId", "resourceMethods"))
            _check_part(record, row["parentId"], row["pathPart"], beside=row["id"])
            _repath(record, row)
        return _shown(row, with_methods=False)

    async def _delete(self, asked: Members) -> Members:
        with self.catalog.changing(asked["restApiId"]) as record:
            row = found(record["resources"], asked["resourceId"], "Resource")
            if "parentId" not in row:
                raise bad("Root resource cannot be deleted")
            _cut(record, row["id"])
        return {}


def add_resource(record: Row, parent_id: str, part: str) -> Row:
    """Put a resource below another."""
    parent = found(record["resources"], parent_id, "Resource")
    _check_part(record, parent_id, part)
    path = f"{parent['path'].rstrip('/')}/{part}"
    row: Row = {"id": new_id(6), "parentId": parent_id, "pathPart": part, "path": path, "resourceMethods": {}}
    record["resources"][row["id"]] = row
    return row


def resource_at(record: Row, path: str) -> Row:
    """Return the resource of a path; what is missing of it is made."""
    at: Row = record["resources"][record["api"]["rootResourceId"]]
    for part in [one for one in path.split("/") if one]:
        below = [row for row in record["resources"].values() if row.get("parentId") == at["id"]]
        there = [row for row in below if row["pathPart"] == part]
        at = there[0] if there else add_resource(record, at["id"], part)
    return at


def _check_part(record: Row, parent_id: str, part: str, beside: str = "") -> None:
    if not _PART.fullmatch(part):
        raise bad(
            "Resource's path part only allow a-zA-Z0-9._-: or a valid greedy path variable and curly braces at the "
            "beginning and the end."
        )
    parent = record["resources"][parent_id]
    if parent.get("pathPart", "").endswith("+}"):
        raise bad("Cannot create a child of a resource with a greedy path variable")
    for row in record["resources"].values():
        if row.get("parentId") == beside and part.endswith("+}"):
            raise bad("A resource with a greedy path variable cannot have children")
        if row.get("parentId") != parent_id or row["id"] == beside:
            continue
        if row["pathPart"] == part:
            raise conflict(f"Another resource with the same parent already has this name: {part}")
        if part.startswith("{") and row["pathPart"].startswith("{") and part.endswith("+}") == _is_greedy(row):
            raise bad(f"A sibling ({row['pathPart']}) of this resource already has a variable path part")


def _is_greedy(row: Row) -> bool:
    return bool(row["pathPart"].endswith("+}"))


def _repath(record: Row, row: Row) -> None:
    """Write the paths below a resource anew."""
    row["path"] = f"{record['resources'][row['parentId']]['path'].rstrip('/')}/{row['pathPart']}"
    for child in record["resources"].values():
        if child.get("parentId") == row["id"]:
            _repath(record, child)


def _cut(record: Row, resource_id: str) -> None:
    for child in [row["id"] for row in record["resources"].values() if row.get("parentId") == resource_id]:
        _cut(record, child)
    del record["resources"][resource_id]


def _shown(row: Row, *, with_methods: bool) -> Row:
    """A resource as an answer has it: methods are named, and told only to who asks for them."""
    methods = {verb: method if with_methods else {} for verb, method in row["resourceMethods"].items()}
    return given(row, "resourceMethods") | ({"resourceMethods": methods} if methods else {})
