"""What the model does with accounts: open, freeze, close, mandates, settings."""

from typing import Any

from tests.property.books import DONE, OPERATOR, Books, ModelAccount

SLICES = {"wallet": 1, "merchant": 4, "platform": 4, "external": 4}
SETTINGS = {"wallet": {"overdraft_limit"}, "merchant": {"slices", "fee", "negative_limit"}}
OPERATORS_ONLY = {"overdraft_limit", "slices", "fee", "negative_limit"}


def open_account(books: Books, who: str, body: dict[str, Any], made: str) -> str:
    kind = body["kind"]
    books.accounts[made] = ModelAccount(kind, who, {}, 0 if kind == "wallet" else None, SLICES[kind])
    return DONE


def turn_account(books: Books, who: str, account: ModelAccount, verb: str, body: dict[str, Any]) -> str:
    """Freeze, unfreeze, close, grant, revoke or change an account."""
    if verb in {"freeze", "unfreeze"} and who != OPERATOR:
        return "forbidden"
    if who not in {OPERATOR, account.owner}:
        return "not_found"
    code = _change(books, account, body, who) if verb == "update" else _turn(account, verb, body)
    account.version += code == DONE
    return code


def _turn(account: ModelAccount, verb: str, body: dict[str, Any]) -> str:
    match verb, account.status:
        case "freeze", "open":
            account.status = "frozen"
        case "unfreeze", "frozen":
            account.status = "open"
        case "close", "open" | "frozen" if not account.posted and not account.held:
            account.status = "closed"
        case "grant", "open" | "frozen" if not account.lets(body["principal"]):
            account.mandates.add(body["principal"])
        case "revoke", "open" | "frozen" if body["principal"] in account.mandates:
            account.mandates.remove(body["principal"])
        case _:
            return "state_conflict"
    return DONE


def _change(books: Books, account: ModelAccount, body: dict[str, Any], who: str) -> str:
    given = OPERATORS_ONLY & body.keys()
    if given and who != OPERATOR:
        return "forbidden"
    if given - SETTINGS[account.kind]:
        return "setting_not_allowed"
    if account.status == "closed":
        return "state_conflict"
    fee = body.get("fee")
    if fee and books.looks_ahead and books.credit(fee["account"]):
        return books.credit(fee["account"])
    slices = body.get("slices", account.slices)
    limit = body.get("overdraft_limit", body.get("negative_limit", account.limit))
    if account.kind == "merchant" and limit is not None and slices > 1:
        return "setting_not_allowed"
    if limit is not None and account.posted - account.held + limit < 0:
        return "state_conflict"
    account.limit, account.slices = limit, slices
    account.metadata = body.get("metadata", account.metadata)
    account.fee = body.get("fee", account.fee)
    return DONE
