"""Reading an account's statement: lines of all its slices in one order, and balances of the past.

Each slice numbers its own lines 1, 2, 3... and dates them forwards, so what stood at an instant is found by halving:
some twenty reads for a million lines. Lines of several slices are merged by (instant, slice, sequence).
"""

from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import cast

from chalicelib.kernel.page import Page, Window
from chalicelib.kernel.problems import INVALID_CURSOR, STATEMENT_BEHIND, Problem
from chalicelib.projections.records import Line, read_line
from chalicelib.store.keys import balance_key, line_key, line_partition
from chalicelib.store.port import Dynamo
from chalicelib.store.read import Balance
from chalicelib.store.schema import BALANCE


@dataclass(frozen=True, slots=True)
class Statement:
    """The statement of one account; `slices` is how many balance items it has ever had."""

    dynamo: Dynamo
    tenant: str
    account: str
    slices: int

    def page(self, window: Window) -> Page[Line]:
        """Return the lines of a window, newest first; raise 400 for a cursor that is no line of this account."""
        backwards = window.ending_before is not None
        cursor = window.ending_before or window.starting_after
        place = self._cursor(cursor).place if cursor else None
        rows = [self._rows(number, place, window.limit + 1, backwards=backwards) for number in range(self.slices)]
        ordered = merge(*rows, key=lambda line: line.place, reverse=not backwards)
        found = list(islice(ordered, window.limit + 1))
        kept = found[: window.limit]
        return Page(tuple(reversed(kept) if backwards else kept), has_more=len(found) > window.limit)

    def balance_at(self, at: int) -> Balance:
        """Return the balance after everything dated `at` (ms) or before; raise 503 while lines are still missing."""
        return self._total([self._until(number, at) for number in range(self.slices)])

    def balance_after(self, sequence: int) -> Balance | None:
        """Return the balance of an account with one slice after its entry `sequence`; None where there is none."""
        if sequence == 0:
            return Balance(0, 0)
        line = self._line(0, sequence)
        return None if line is None else self._total([line])

    def _cursor(self, identifier: str) -> Line:
        number, _, sequence = identifier.partition(".")
        line = self._line(int(number), int(sequence)) if int(number) < self.slices else None
        if line is None:
            raise Problem(INVALID_CURSOR, f"This account has no entry {identifier}.")
        return line

    def _line(self, number: int, sequence: int) -> Line | None:
        item = self.dynamo.get(line_key(self.tenant, self.account, number, sequence))
        return read_line(item) if item else None

    def _rows(self, number: int, place: tuple[int, int, int] | None, limit: int, *, backwards: bool) -> list[Line]:
        before = after = None
        if place is not None:
            edge = self._edge(number, place)
            # The edge itself is the cursor's own line, on its slice; it belongs to neither side.
            own = number == place[1]
            after, before = f"{edge:012d}", f"{edge + (0 if own else 1):012d}"
        partition = line_partition(self.tenant, self.account, number)
        items = self.dynamo.query(
            "projections",
            partition,
            limit=limit,
            after=after if backwards else None,
            before=None if backwards else before,
            newest_first=not backwards,
        )
        return [read_line(item) for item in items]

    def _edge(self, number: int, place: tuple[int, int, int]) -> int:
        """Return the last sequence of a slice that stands at or before a place."""
        at, slice_number, sequence = place
        if number == slice_number:
            return sequence
        line = self._last(number, at if number < slice_number else at - 1)
        return line.sequence if line else 0

    def _until(self, number: int, at: int) -> Line | None:
        """Return the last line dated `at` or before, once it is certain that no other will be."""
        balance = self.dynamo.get(balance_key(self.tenant, self.account, number)) or {"q": 0}
        BALANCE.require(balance)
        line = self._last(number, at)
        newest = self._newest(number)
        is_newest = (line.sequence if line else 0) == (newest.sequence if newest else 0)
        if is_newest and cast("int", balance["q"]) > (newest.sequence if newest else 0):
            raise Problem(STATEMENT_BEHIND, "The newest entries are not on the statement yet.")
        return line

    def _last(self, number: int, at: int) -> Line | None:
        """Return the last line of a slice dated `at` or before, by halving its sequence numbers."""
        newest = self._newest(number)
        low, high = 0, newest.sequence if newest else 0
        while low < high:
            middle = (low + high + 1) // 2
            line = self._newest(number, middle)
            if line is not None and line.at > at:
                high = line.sequence - 1
            else:
                low = middle
        return self._newest(number, low) if low else None

    def _newest(self, number: int, until: int | None = None) -> Line | None:
        """Return the newest line of a slice, or the newest up to a sequence number."""
        partition = line_partition(self.tenant, self.account, number)
        before = None if until is None else f"{until + 1:012d}"
        items = self.dynamo.query("projections", partition, limit=1, before=before, consistent=True)
        return read_line(items[0]) if items else None

    @staticmethod
    def _total(lines: list[Line | None]) -> Balance:
        posted_minor = sum(line.balance_posted_minor for line in lines if line)
        held_minor = sum(line.balance_held_minor for line in lines if line)
        return Balance(posted_minor, held_minor)
