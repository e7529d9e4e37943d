"""Work that no request asks for: what is due happens by itself, under keys that no client can name.

A function for it is started by a schedule. For each tenant it finds what is due of one kind and lets the room's
own operation decide; each ends in one commit under `s/<purpose>/<id>`, so that a second run, or two at once, do
everything once. What is no longer due loses its reminder.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, cast

from aws_lambda_powertools import Logger

from chalicelib.kernel.ids import SHARDS
from chalicelib.kernel.problems import Problem
from chalicelib.store.commit import Stale
from chalicelib.store.keys import TENANTS, StateKind, due_key, due_partition, system_commit_key
from chalicelib.store.patience import Patience
from chalicelib.store.port import Cancelled, Delete, OutcomeUnknown, Throttled, Unreachable
from chalicelib.store.read import everything
from chalicelib.web.call import Bench, Call, Reply
from chalicelib.web.caller import Caller
from chalicelib.web.request import Request
from chalicelib.web.tenant_clock import tenant_now_at

SPARE_SECONDS: Final = 2.0
logger = Logger(service="tollgate")

Happens = Callable[[Call, str], Reply | None]
"""Lets a due object happen: an operation on its id. None says that there was nothing left to do."""


@dataclass(slots=True)
class Sweeper:
    """One scheduled function: what is due of a kind, and what then happens."""

    kind: StateKind
    happens: Happens
    open_bench: Callable[[], Bench]
    _bench: Bench | None = None

    def __call__(self, _event: Mapping[str, Any], context: Any) -> dict[str, int]:
        """Sweep all tenants; return how many things happened and how many must be tried again."""
        bench = self._bench = self._bench or self.open_bench()
        seconds = context.get_remaining_time_in_millis() / 1_000 - SPARE_SECONDS
        deadline_seconds = bench.clock.elapsed_seconds() + seconds
        done = {"happened": 0, "failed": 0}
        for tenant in _tenants(bench):
            for outcome in self._sweep(bench, tenant, deadline_seconds):
                done[outcome] += 1
        logger.info("swept", kind=self.kind, done=done)
        return done

    def _sweep(self, bench: Bench, tenant: str, deadline_seconds: float) -> list[str]:
        now_at = tenant_now_at(bench.dynamo, bench.clock, tenant)
        outcomes: list[str] = []
        for shard in SHARDS:
            partition = due_partition(tenant, self.kind, shard)
            for row in everything(bench.dynamo, "ledger", partition, before=f"{now_at + 1:014d}/"):
                if bench.clock.elapsed_seconds() >= deadline_seconds:
                    return outcomes
                patience = Patience(bench.clock, bench.chance, deadline_seconds)
                outcomes.append(self._one(internal_call(bench, tenant, now_at, patience), cast("str", row["sk"])))
        return outcomes

    def _one(self, call: Call, sort_key: str) -> str:
        """Let one thing happen; a failure leaves its reminder, and the next run tries again."""
        due_at, _, identifier = sort_key.partition("/")
        try:
            self._happen(call, identifier)
            reminder = due_key(call.tenant, self.kind, int(due_at), identifier)
            call.bench.dynamo.transact([Delete(reminder)], timeout_seconds=call.patience.call_seconds())
        except (Problem, Stale, Cancelled, Throttled, Unreachable, OutcomeUnknown) as trouble:
            logger.warning("not swept", kind=self.kind, id=identifier, trouble=type(trouble).__name__)
            return "failed"
        except Exception:  # one that is broken must not keep all others from happening
            logger.exception("not swept", kind=self.kind, id=identifier)
            return "failed"
        return "happened"

    def _happen(self, call: Call, identifier: str) -> None:
        while True:
            try:
                self.happens(call, identifier)
            except Stale:
                if not call.patience.again():
                    raise
            else:
                return


def _tenants(bench: Bench) -> list[str]:
    """Return all tenants, beginning at any: when time runs short it is not always the same ones that wait."""
    tenants = [cast("str", row["sk"]) for row in everything(bench.dynamo, "clients", TENANTS)]
    first = bench.chance.below(len(tenants)) if tenants else 0
    return tenants[first:] + tenants[:first]


def internal_call(bench: Bench, tenant: str, now_at: int, patience: Patience) -> Call:
    """Return a call that nobody sent: it may see all of the tenant, and commits under the key it is given."""
    request = Request("internal", "POST", "internal", "", {}, {}, {}, b"", None, None)
    caller = Caller(tenant, "prn_system", "operator", "cl_system", frozenset())
    return Call(request, caller, None, bench, patience, now_at)


def under(call: Call, purpose: str) -> Call:
    """Return the call with the system key of its purpose; what makes two of them the same is that key alone."""
    return replace(call, system_key=system_commit_key(purpose))
