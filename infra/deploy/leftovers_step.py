"""Functions of the stage that `app.py` does not have any more: deleted last, when nothing leads to them."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

from infra.deploy.account import Account
from infra.deploy.functions_step import delete_function
from infra.event_sources import APP

STAGE_TAG = "tollgate:stage"


@dataclass(slots=True)
class LeftoversStep:
    """The functions with the stage's name and tag that are not among `wanted`; their logs stay for their days."""

    account: Account
    stage: str
    wanted: Collection[str]
    name: str = field(default="leftovers", init=False)

    def differences(self) -> list[str]:
        """Name what is there and should not be."""
        return [f"function {name} is there and should not be" for name in self._found()]

    def _found(self) -> list[str]:
        mine = f"{APP}-{self.stage}-"
        answers = self._lambda.get_paginator("list_functions").paginate()
        rows = [row for answer in answers for row in answer["Functions"]]
        strange = [row for row in rows if row["FunctionName"].startswith(mine)]
        return [row["FunctionName"] for row in strange if row["FunctionName"] not in self.wanted and self._is_ours(row)]

    def _is_ours(self, row: dict[str, Any]) -> bool:
        tags: dict[str, str] = self._lambda.list_tags(Resource=row["FunctionArn"])["Tags"]
        return tags.get(STAGE_TAG) == self.stage

    def apply(self) -> None:
        """Delete them with their roles."""
        for name in self._found():
            list(delete_function(self.account, name, keeps_log=True))

    def destroy(self) -> list[str]:
        """Delete them with their logs too."""
        return [f"{what} {name}" for name in self._found() for what in delete_function(self.account, name)]

    @property
    def _lambda(self) -> Any:
        return self.account.client("lambda")
