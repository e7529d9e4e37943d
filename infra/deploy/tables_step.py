"""The tables: made, guarded, and given up only when somebody says so twice."""

from dataclasses import dataclass, field
from typing import Any

from infra.deploy import compare
from infra.deploy.account import Account
from infra.deploy.fault import DeployFault
from infra.resources import Resources
from infra.tables import WrongTable, apply_tables, found_table
from infra.template import Row, table


@dataclass(slots=True)
class TablesStep:
    """The tables of a stage."""

    account: Account
    resources: Resources
    give_up_ledger: bool = False
    name: str = field(default="tables", init=False)

    def differences(self) -> list[str]:
        """Compare keys, streams and guards with the description."""
        wanted = {row["TableName"]: row for row in self._wanted()}
        found = {name: there for name, row in wanted.items() if (there := found_table(row, self._dynamodb))}
        return list(compare.differences(wanted, found, "tables"))

    def _wanted(self) -> list[Row]:
        return [table(self.resources, name) for name in self.resources.tables]

    def apply(self) -> None:
        """Create and guard them; DeployFault for a table that is something else, which is left alone."""
        try:
            apply_tables(self.resources, self._dynamodb)
        except WrongTable as fault:
            raise DeployFault(str(fault)) from None

    def destroy(self) -> list[str]:
        """Delete them where no money is kept, or where the ledger is given up."""
        there = [row["TableName"] for row in self._wanted() if found_table(row, self._dynamodb)]
        if self.resources.keeps_money and not self.give_up_ledger:
            return [f"(stays: the ledger, {', '.join(there)}; GIVE_UP_LEDGER=1 deletes it)"] if there else []
        for name in there:
            self._delete(name)
        return [f"the table {name}" for name in there]

    def _delete(self, name: str) -> None:
        if self.resources.keeps_money:
            self._dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
            self._dynamodb.get_waiter("table_exists").wait(TableName=name)
        self._dynamodb.delete_table(TableName=name)
        self._dynamodb.get_waiter("table_not_exists").wait(TableName=name)

    @property
    def _dynamodb(self) -> Any:
        return self.account.client("dynamodb")
