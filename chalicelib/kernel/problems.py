"""The catalogue of everything that can go wrong for a caller, and the one exception that carries it."""

from dataclasses import dataclass, field
from typing import Final

TYPE_ROOT: Final = "https://tollgate.dev/problems/"
"""The start of every problem's `type` (RFC 9457, section 3.1.1); the code follows."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One row of the catalogue.

    `declines` marks the refusals that are remembered: a decline is a commit of its own and is replayed
    to its key. Everything else is forgotten, and the same key may be tried again.
    """

    code: str
    status: int
    title: str
    remedy: str
    declines: bool = False
    retry_after_seconds: int | None = None


class Problem(Exception):
    """A refusal, raised where it is decided and rendered once by the web room."""

    def __init__(
        self,
        kind: Kind,
        detail: str,
        *,
        param: str | None = None,
        errors: tuple[dict[str, str], ...] = (),
        index: int | None = None,
    ) -> None:
        """Name the kind, what happened this time, and the field or header to blame.

        `index` says which one of several things that are asked for at once cannot be done.
        """
        super().__init__(detail)
        self.kind = kind
        self.detail = detail
        self.param = param
        self.errors = errors
        self.index = index

    def __reduce__(self) -> tuple[object, ...]:
        """Copy with all fields (the default would pass the detail alone)."""
        return _rebuild, (self.kind, self.detail, self.param, self.errors, self.index)


def _rebuild(
    kind: Kind, detail: str, param: str | None, errors: tuple[dict[str, str], ...], index: int | None
) -> Problem:
    return Problem(kind, detail, param=param, errors=errors, index=index)


@dataclass(frozen=True, slots=True)
class _Catalogue:
    rows: dict[str, Kind] = field(default_factory=dict)

    def add(self, kind: Kind) -> Kind:
        assert kind.code not in self.rows, f"{kind.code} is in the catalogue twice"
        self.rows[kind.code] = kind
        return kind


_catalogue = _Catalogue()
CATALOGUE: Final = _catalogue.rows


def _kind(  # noqa: PLR0913 - one argument per column of the table below
    status: int,
    code: str,
    title: str,
    remedy: str,
    *,
    declines: bool = False,
    retry_after_seconds: int | None = None,
) -> Kind:
    return _catalogue.add(Kind(code, status, title, remedy, declines, retry_after_seconds))


# fmt: off
INVALID_JSON = _kind(400, "invalid_json", "The body is not valid JSON", "Send one JSON object in UTF-8, each name once, nested at most 32 deep.")
INVALID_REQUEST = _kind(400, "invalid_request", "The request does not have the right shape", "Correct the fields named in `errors`.")
INVALID_CURSOR = _kind(400, "invalid_cursor", "The cursor is not one of this list's", "Use an id that a page of this list has shown you.")
IDEMPOTENCY_KEY_MISSING = _kind(400, "idempotency_key_missing", "The Idempotency-Key header is missing", "Send a new random key with each new operation, and the same key when you repeat one.")
IDEMPOTENCY_KEY_INVALID = _kind(400, "idempotency_key_invalid", "The Idempotency-Key is not usable", "Send 1 to 255 printable ASCII characters.")
IF_MATCH_INVALID = _kind(400, "if_match_invalid", "The If-Match header is malformed", 'Send one entity tag as you received it, such as "3".')
CLIENT_REVOKED = _kind(401, "client_revoked", "The client is not active", "Ask the ledger's operator for new credentials.")
INSUFFICIENT_FUNDS = _kind(402, "insufficient_funds", "The account does not have the funds", "Pay from another account, or fund this one and use a new key.", declines=True)
ACCOUNT_FROZEN = _kind(402, "account_frozen", "The account is frozen", "A frozen account takes credits but no debits.", declines=True)
FORBIDDEN = _kind(403, "forbidden", "The client may not do this", "Use a client with the role or scope named in the detail.")
NOT_FOUND = _kind(404, "not_found", "There is no such object", "Check the id; an object of another tenant or owner is not shown.")
ACCOUNT_NOT_FOUND = _kind(404, "account_not_found", "There is no such account", "Check the id; an account you may not use is not shown.")
METHOD_NOT_ALLOWED = _kind(405, "method_not_allowed", "The resource has no such method", "Use one of the methods in the Allow header.")
STATE_CONFLICT = _kind(409, "state_conflict", "The object is not in a state that allows this", "Read the object and decide anew.")
REFERENCE_TAKEN = _kind(409, "reference_taken", "Another payment to this payee bears the reference", "Look the other payment up: this order may be paid already. After a cancel or an expiry the reference is free again.")
VERSION_CONFLICT = _kind(409, "version_conflict", "Others kept changing the object", "Repeat with the same key.")
PRECONDITION_FAILED = _kind(412, "precondition_failed", "The object has another version", "Read the object, decide anew and send its new ETag.")
REQUEST_TOO_LARGE = _kind(413, "request_too_large", "The body is too large", "Send at most 256 KiB.")
UNSUPPORTED_MEDIA_TYPE = _kind(415, "unsupported_media_type", "The body is not JSON", "Send Content-Type: application/json.")
IDEMPOTENCY_KEY_REUSED = _kind(422, "idempotency_key_reused", "The Idempotency-Key belongs to another request", "Use a new key for a new request.")
CURRENCY_MISMATCH = _kind(422, "currency_mismatch", "The account has another currency", "Use accounts of the currency of the amount.")
ACCOUNT_CLOSED = _kind(422, "account_closed", "The account is closed", "Use another account.")
SAME_ACCOUNT = _kind(422, "same_account", "Both sides are the same account", "Name two different accounts.")
ACCOUNT_KIND_NOT_ALLOWED = _kind(422, "account_kind_not_allowed", "An account of this kind cannot stand here", "See which kinds each operation takes in docs/accounts.md.")
SETTING_NOT_ALLOWED = _kind(422, "setting_not_allowed", "An account of this kind has no such setting", "See which settings each kind has in docs/accounts.md.")
MANDATE_LIMIT = _kind(422, "mandate_limit", "The account has as many mandates as it can have", "Revoke one that is not needed any more.")
CAPTURE_TOO_LARGE = _kind(422, "capture_too_large", "More than is authorized", "Capture at most what is still held.")
POST_TOO_LARGE = _kind(422, "post_too_large", "More than is held", "Post at most what the transfer holds.")
REVERSAL_TOO_LARGE = _kind(422, "reversal_too_large", "More than was posted", "Reverse at most what was posted and not reversed yet.")
REFUND_TOO_LARGE = _kind(422, "refund_too_large", "More than was captured", "Refund at most what was captured and not refunded yet.")
INTERNAL_ERROR = _kind(500, "internal_error", "Something went wrong on our side", "Repeat with the same key; quote `instance` when you ask for help.")
BUSY = _kind(503, "busy", "The ledger is busy; nothing was done", "Repeat with the same key.", retry_after_seconds=1)
STATEMENT_BEHIND = _kind(503, "statement_behind", "The statement is not up to date yet", "Ask again in a second.", retry_after_seconds=1)
OUTCOME_UNKNOWN = _kind(503, "outcome_unknown", "It is not known whether this was done", "Repeat with the same key: it is done once, whatever happened.", retry_after_seconds=1)
# fmt: on
