"""Whether the platform can serve: the function runs and its ledger answers."""

from chalicelib.store.keys import state_key
from chalicelib.web.call import Bench, Reply
from chalicelib.web.request import Request

_NOBODY = "acct_00000000000000000000000000w0"


def health(_: Request, bench: Bench) -> Reply:
    """Answer 200 once the ledger has answered a read (of a tenant that cannot exist)."""
    bench.dynamo.get(state_key("-", "account", _NOBODY), consistent=False)
    return Reply(200, b'{"status":"ok"}')
