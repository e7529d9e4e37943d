"""The account itself, and how its status moves: pure."""

from dataclasses import dataclass, replace

from chalicelib.kernel.problems import STATE_CONFLICT, Problem
from chalicelib.ledger.chart import AccountKind, AccountStatus


@dataclass(frozen=True, slots=True)
class Account:
    """The settings of an account; its money is in the balance items. `created_at` is in ms since the epoch."""

    id: str
    kind: AccountKind
    currency: str
    owner: str
    status: AccountStatus
    metadata: dict[str, str]
    version: int
    created_at: int

    def freeze(self) -> "Account":
        """Stop debits; raise 409 unless the account is open."""
        return self._move(AccountStatus.OPEN, AccountStatus.FROZEN)

    def unfreeze(self) -> "Account":
        """Allow debits again; raise 409 unless the account is frozen."""
        return self._move(AccountStatus.FROZEN, AccountStatus.OPEN)

    def _move(self, source: AccountStatus, target: AccountStatus) -> "Account":
        if self.status is not source:
            raise Problem(STATE_CONFLICT, f"Account {self.id} is {self.status.value}.")
        return replace(self, status=target, version=self.version + 1)
