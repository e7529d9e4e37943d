"""The account itself, and every step it can take: pure.

| status | freeze | unfreeze | close | update, grant, revoke |
|---|---|---|---|---|
| open | frozen | | closed | open |
| frozen | | open | closed | frozen |
| closed | | | | |

An empty cell is a conflict.
"""

from dataclasses import dataclass, replace
from typing import Final

from chalicelib.kernel.problems import MANDATE_LIMIT, STATE_CONFLICT, Problem
from chalicelib.ledger.chart import RULES, AccountKind, AccountStatus
from chalicelib.ledger.fees import Fee

MOST_MANDATES: Final = 10
"""They stand on the balance item, which has to stay small: every posting writes it."""


@dataclass(frozen=True, slots=True)
class Account:
    """The settings of an account; its money is in the balance items. `created_at` is in ms since the epoch.

    `slices` is how many balance items are posted to, `slices_total` how many there are; `revision` counts the changes
    of what postings have to know (slices, fee, negative limit), 1 being the defaults of the kind.
    """

    id: str
    kind: AccountKind
    currency: str
    owner: str
    status: AccountStatus
    metadata: dict[str, str]
    version: int
    created_at: int
    overdraft_minor: int = 0
    mandates: tuple[str, ...] = ()
    slices: int = 1
    slices_total: int = 1
    revision: int = 1
    fee: Fee | None = None
    negative_limit_minor: int | None = None

    @property
    def has_floor(self) -> bool:
        """Tell whether debits are limited to what is spendable."""
        return RULES[self.kind].floor

    def freeze(self) -> "Account":
        """Stop debits; raise 409 unless the account is open."""
        return self._move(AccountStatus.OPEN, AccountStatus.FROZEN)

    def unfreeze(self) -> "Account":
        """Allow debits again; raise 409 unless the account is frozen."""
        return self._move(AccountStatus.FROZEN, AccountStatus.OPEN)

    def close(self) -> "Account":
        """End the account for good; raise 409 if it is closed already."""
        return replace(self._changed(), status=AccountStatus.CLOSED)

    def grant(self, principal: str) -> "Account":
        """Let a principal debit the account; raise 409 if it may already, 422 beyond ten."""
        if principal in self.mandates or principal == self.owner:
            raise Problem(STATE_CONFLICT, f"{principal} may debit account {self.id} already.")
        if len(self.mandates) == MOST_MANDATES:
            raise Problem(MANDATE_LIMIT, f"An account has at most {MOST_MANDATES} mandates.", param="principal")
        return replace(self._changed(), mandates=tuple(sorted({*self.mandates, principal})))

    def revoke(self, principal: str) -> "Account":
        """End a mandate; raise 409 if there is none."""
        if principal not in self.mandates:
            raise Problem(STATE_CONFLICT, f"{principal} has no mandate for account {self.id}.")
        return replace(self._changed(), mandates=tuple(one for one in self.mandates if one != principal))

    def with_metadata(self, metadata: dict[str, str]) -> "Account":
        """Replace the metadata."""
        return replace(self._changed(), metadata=metadata)

    def with_overdraft(self, limit_minor: int) -> "Account":
        """Let the account go this far below zero."""
        return replace(self._changed(), overdraft_minor=limit_minor)

    def with_slices(self, slices: int) -> "Account":
        """Post to this many slices; those there are stay, and are counted."""
        total = max(self.slices_total, slices)
        return replace(self._changed(), slices=slices, slices_total=total, revision=self.revision + 1)

    def with_fee(self, fee: Fee | None) -> "Account":
        """Charge this fee on what is captured from now on."""
        return replace(self._changed(), fee=fee, revision=self.revision + 1)

    def with_negative_limit(self, limit_minor: int | None) -> "Account":
        """Let debits take the account this far below zero, None: no matter how far."""
        return replace(self._changed(), negative_limit_minor=limit_minor, revision=self.revision + 1)

    def as_one_change(self, before: "Account") -> "Account":
        """Return the account with several settings changed at once: one version, one revision on."""
        revision = before.revision + (self.revision > before.revision)
        return replace(self, version=before.version + 1, revision=revision)

    def _changed(self) -> "Account":
        if self.status is AccountStatus.CLOSED:
            raise self._conflict()
        return replace(self, version=self.version + 1)

    def _move(self, source: AccountStatus, target: AccountStatus) -> "Account":
        if self.status is not source:
            raise self._conflict()
        return replace(self._changed(), status=target)

    def _conflict(self) -> Problem:
        return Problem(STATE_CONFLICT, f"Account {self.id} is {self.status.value}.")
