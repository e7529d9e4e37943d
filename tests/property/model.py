"""The ledger as a child would write it: one request after the other, and nothing ever fails."""

from typing import Any

from chalicelib.kernel.clock import instant
from tests.property import model_accounts, model_payments, model_transfers
from tests.property.books import DONE, Books


def play(books: Books, who: str, path: str, body: dict[str, Any], answer: dict[str, Any], now: int) -> str:
    """Do what a request asks and return the code of its refusal, DONE if there is none.

    `answer` is the ledger's, for the ids it gave; `now` is the tenant's time in ms, when the request came.
    """
    _, _, room, *rest = path.split("/")
    made = answer.get("id", "")
    match room, rest:
        case "accounts", []:
            return model_accounts.open_account(books, who, body, made)
        case "accounts", [account]:
            return model_accounts.turn_account(books, who, books.accounts[account], "update", body)
        case "accounts", [account, verb]:
            return model_accounts.turn_account(books, who, books.accounts[account], verb, body)
        case "payments", []:
            return model_payments.pay(books, who, body, made, now)
        case "payments", [payment, "capture"]:
            return model_payments.capture(books, who, books.payments[payment], body, now)
        case "payments", [payment, "cancel"]:
            return model_payments.cancel(books, who, books.payments[payment])
        case "refunds", []:
            return model_payments.refund(books, who, books.payments[body["payment"]], body)
        case "transfers", _:
            return _play_transfer(books, who, rest, body, answer, now)
        case "test_clock", []:
            books.ahead_seconds += body["advance_seconds"]
            return DONE
    raise AssertionError(f"the model knows no {path}")


def _play_transfer(
    books: Books, who: str, rest: list[str], body: dict[str, Any], answer: dict[str, Any], now: int
) -> str:
    match rest:
        case []:
            ends = now + 1000 * body.get("expires_in_seconds", 0)
            due = instant(body["scheduled_for"]) if "scheduled_for" in body else ends
            return model_transfers.transfer(books, who, body, answer, due)
        case ["batch"]:
            return model_transfers.batch(books, who, body["transfers"], answer)
        case [transfer, "post"]:
            return model_transfers.post(books, who, books.transfers[transfer], body, now)
        case [transfer, "void"]:
            return model_transfers.void(books, who, books.transfers[transfer], now)
        case [transfer, "reverse"]:
            return model_transfers.reverse(books, who, books.transfers[transfer], body, answer.get("id", ""))
    raise AssertionError(f"the model knows no {rest}")


def happen(books: Books, identifier: str, now: int, *, declined: bool) -> str:
    """What a sweeper did to something that was due."""
    if identifier in books.payments:
        return model_payments.expire(books, books.payments[identifier], now)
    return model_transfers.happen(books, books.transfers[identifier], now, declined=declined)


def overdue(books: Books, now: int) -> list[str]:
    """What should have happened by itself at this instant, and has not."""
    payments = [name for name, one in books.payments.items() if one.held and now >= one.capture_before]
    waiting = {name: one for name, one in books.transfers.items() if one.status in {"held", "scheduled"}}
    return payments + [name for name, one in waiting.items() if now >= one.due]
