"""Executing a scheduled transfer when its time has come: one commit, started by the sweeper.

It is decided as an immediate transfer is, by the conditions of its postings, with its maker's authority as it is now.
Whatever an immediate transfer would be refused for, remembered or not, ends this one as declined: nobody is there to
correct it, and a refusal that leaves it scheduled would be met again at every run.
"""

from http import HTTPStatus

from chalicelib.kernel.problems import Problem
from chalicelib.ledger.entry import NOTHING, Entry
from chalicelib.ledger.movements import move
from chalicelib.store.posting import Side
from chalicelib.transfers.records import moving, resource
from chalicelib.transfers.transfer import Transfer
from chalicelib.web.call import Call, Change, Reply
from chalicelib.web.internal import under


def execute(call: Call, before: Transfer) -> Reply:
    """Move the money, or decline the transfer for good; both under the one key of its execution."""
    work = under(call, f"execute/{before.id}")
    source, destination = call.place(before.source), call.place(before.destination)
    entry = move(source, destination, before.amount_minor, before.currency)
    try:
        return work.commit(_change(work, before, before.execute(), entry))
    except Problem as refusal:
        if refusal.kind.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise  # the ledger is busy or silent: the next run tries again
        return work.commit(_change(work, before, before.decline(refusal.kind.code), NOTHING))


def _change(work: Call, before: Transfer, after: Transfer, entry: Entry) -> Change:
    return Change(
        operation="transfers.execute",
        status=200,
        resource=resource(after),
        events=(f"transfer.{after.status.value}",),
        effects=(moving(work.tenant, before, after, work.commit_key),),
        entry=entry,
        sides={before.source: Side("source", authority=before.owner), before.destination: Side("destination")},
    )
