"""Verifying one tenant: read, compare, report."""

from dataclasses import dataclass
from itertools import chain
from typing import Final

from chalicelib.kernel.clock import SECOND_MS, Clock
from chalicelib.store.port import Dynamo
from chalicelib.verifier.breaks import Break
from chalicelib.verifier.checks import check_balances, check_commits, check_holds, check_lines, check_states
from chalicelib.verifier.journal import read_journal
from chalicelib.verifier.stored import missing_steps, read_lines, read_stored
from chalicelib.web.tenant_clock import tenant_now_at

LAG_SECONDS: Final = 60
"""What is younger may still be on its way to the statements."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was found: how many commits and balances were read, as of which instant (ms), and every break."""

    tenant: str
    watermark_at: int
    commits: int
    balances: int
    breaks: tuple[Break, ...]


def verify(dynamo: Dynamo, clock: Clock, tenant: str, *, lag_seconds: int = LAG_SECONDS) -> Report:
    """Recompute everything of a tenant from its commits as of `lag_seconds` ago, and compare."""
    watermark_at = tenant_now_at(dynamo, clock, tenant) - lag_seconds * SECOND_MS
    stored = read_stored(dynamo, tenant)
    journal = read_journal(dynamo, tenant)
    lines = {}
    for key in stored.balances:
        account, _, number = key.sk.partition("/")
        lines[key] = read_lines(dynamo, tenant, account, int(number))
    breaks = chain(
        check_commits(journal),
        check_states(tenant, journal, stored, watermark_at),
        check_balances(tenant, journal, stored, lines),
        check_lines(tenant, journal, lines, watermark_at),
        check_holds(journal),
        (Break("step_missing", entry.key) for entry in missing_steps(dynamo, tenant, journal, watermark_at)),
    )
    found = tuple(sorted(set(breaks)))
    return Report(tenant, watermark_at, len(journal.entries), len(stored.balances), found)
