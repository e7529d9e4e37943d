"""What happens to a transfer by itself: one read, and the commit of its expiry or execution."""

from chalicelib.transfers.execute import execute
from chalicelib.transfers.expire import expire
from chalicelib.transfers.records import is_transfer_id, read_transfer
from chalicelib.transfers.transfer import TransferStatus
from chalicelib.web.call import Call, Reply


def happen(call: Call, identifier: str) -> Reply | None:
    """Expire a hold, execute a scheduled transfer; None when there is nothing left to do, or it is not time yet."""
    before = read_transfer(call.find("transfer", identifier, is_transfer_id))
    if not before.is_due(call.now_at):
        return None
    return expire(call, before) if before.status is TransferStatus.HELD else execute(call, before)
