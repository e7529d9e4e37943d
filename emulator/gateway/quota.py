"""Step 6: how much of its period's quota a client has used, kept over restarts."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson

from emulator.clock import Clock
from emulator.definition import Period, Plan, Quota
from emulator.gateway.context import Exchange
from emulator.gateway.errors import Refusal


def period_of(period: Period, at: int) -> str:
    """The name of the period that holds `at` (ms): its first day, in UTC. A week begins on Sunday."""
    day = datetime.fromtimestamp(at / 1000, UTC).date()
    if period == "WEEK":
        day -= timedelta(days=(day.weekday() + 1) % 7)
    elif period == "MONTH":
        day = day.replace(day=1)
    return day.isoformat()


@dataclass(slots=True)
class Usage:
    """`first` is the period in which the key was first seen: the plan's offset counts there only."""

    period: str
    used: int
    first: str


@dataclass(slots=True)
class Quotas:
    """Counts per (plan, key). `save` writes behind: at most one second of counts is lost by a crash."""

    plans: dict[str, Plan]
    clock: Clock
    file: Path | None = None
    usage: dict[str, Usage] = field(default_factory=dict)
    changed: bool = False

    def __call__(self, exchange: Exchange) -> None:
        """Refuses with QUOTA_EXCEEDED (429). Only a request that passed the throttles is counted."""
        if exchange.key is None:
            return
        quota = self.plans[exchange.key.plan].quota
        if quota is not None:
            self._count(f"{exchange.key.plan}/{exchange.key.id}", quota)

    def _count(self, who: str, quota: Quota) -> None:
        period = period_of(quota.period, self.clock.wall())
        usage = self.usage.get(who)
        if usage is None:
            usage = self.usage[who] = Usage(period, 0, period)
        elif usage.period != period:
            usage.period, usage.used = period, 0
        limit = quota.limit - (quota.offset if usage.first == period else 0)
        if usage.used >= limit:
            raise Refusal("QUOTA_EXCEEDED")
        usage.used += 1
        self.changed = True

    def load(self) -> None:
        """A file that cannot be read is an error: starting from zero would hand out the quota again."""
        if self.file and self.file.exists():
            rows = orjson.loads(self.file.read_bytes())
            self.usage = {who: Usage(row["period"], row["used"], row["first"]) for who, row in rows.items()}

    def save(self) -> None:
        """What cannot be written is said, kept, and tried again: a full disk is no reason to stop answering."""
        if not (self.file and self.changed):
            return
        rows = {who: {"period": u.period, "used": u.used, "first": u.first} for who, u in self.usage.items()}
        beside = self.file.with_suffix(".new")
        try:
            beside.write_bytes(orjson.dumps(rows))
            beside.replace(self.file)
        except OSError as error:
            print(f"{self.file}: not written: {error!r}", file=sys.stderr)  # noqa: T201
        else:
            self.changed = False
