"""What the model does with payments: pay or hold, capture, cancel, expire, refund."""

from typing import Any

from tests.property.books import DONE, OPERATOR, Books, ModelPayment, fee_on, worst

WEEK_MS = 7 * 24 * 60 * 60 * 1000


def pay(books: Books, who: str, body: dict[str, Any], made: str, now: int) -> str:
    payment = ModelPayment(
        who, body["payer"], body["payee"], body["amount"], "authorized", now + WEEK_MS, body.get("reference")
    )
    taken = "reference_taken" if (payment.payee, str(payment.reference)) in books.references else DONE
    debited = books.debit(payment.payer, payment.amount, who)
    if body["capture"] == "manual":
        ahead = books.credit(payment.payee) if books.looks_ahead else DONE
        if code := ahead or worst(taken, debited):
            return code
        books.accounts[payment.payer].held += payment.amount
    else:
        if code := worst(taken, debited, _credited(books, payment, payment.amount)):
            return code
        _take(books, payment, payment.amount)
    books.payments[made] = payment
    if payment.reference:
        books.references.add((payment.payee, payment.reference))
    return DONE


def capture(books: Books, who: str, payment: ModelPayment, body: dict[str, Any], now: int) -> str:
    if not books.sees(who, payment.owner, payment.payee):
        return "not_found"
    if not payment.held or now >= payment.capture_before:
        return "state_conflict"
    amount, held = body.get("amount", payment.held), payment.held
    if amount > held:
        return "capture_too_large"
    if code := _credited(books, payment, amount):
        return code
    books.accounts[payment.payer].held -= held
    _take(books, payment, amount)
    if body.get("final"):
        payment.status = "captured"
    books.accounts[payment.payer].held += payment.held
    payment.version += 1
    return DONE


def cancel(books: Books, who: str, payment: ModelPayment) -> str:
    if not books.sees(who, payment.owner, payment.payee):
        return "not_found"
    return _let_go(books, payment, "canceled")


def expire(books: Books, payment: ModelPayment, now: int) -> str:
    assert now >= payment.capture_before, "too early"
    return _let_go(books, payment, "expired")


def refund(books: Books, who: str, payment: ModelPayment, body: dict[str, Any]) -> str:
    if not books.sees(who, payment.owner, payment.payee):
        return "not_found"
    if payment.status not in {"captured", "partially_captured"}:
        return "state_conflict"
    left = payment.captured - payment.refunded
    amount = body.get("amount", left)
    if not 0 < amount <= left:
        return "refund_too_large"
    asked = None if who == OPERATOR else who
    if code := worst(books.debit(payment.payee, amount, asked, "forbidden"), books.credit(payment.payer)):
        return code
    books.move(payment.payee, payment.payer, amount)
    payment.refunded += amount
    payment.version += 1
    return DONE


def _charge(books: Books, payment: ModelPayment, amount: int) -> int:
    """The fee on capturing so much more: what is due on the whole, less what was charged, and never more than comes."""
    due = fee_on(books.accounts[payment.payee].fee, payment.captured + amount)
    return min(max(due - payment.fee, 0), amount)


def _credited(books: Books, payment: ModelPayment, amount: int) -> str:
    """What the payee, and the account that its fee goes to, say to a capture."""
    charged = _charge(books, payment, amount)
    rule = books.accounts[payment.payee].fee
    return worst(books.credit(payment.payee), books.credit(rule["account"]) if rule and charged else DONE)


def _take(books: Books, payment: ModelPayment, amount: int) -> None:
    charged = _charge(books, payment, amount)
    books.move(payment.payer, payment.payee, amount)
    if charged:
        books.move(payment.payee, str((books.accounts[payment.payee].fee or {})["account"]), charged)
    payment.captured += amount
    payment.fee += charged
    payment.status = "captured" if payment.captured == payment.amount else "partially_captured"


def _let_go(books: Books, payment: ModelPayment, empty: str) -> str:
    if not payment.held:
        return "state_conflict"
    books.accounts[payment.payer].held -= payment.held
    payment.status = "captured" if payment.captured else empty
    payment.version += 1
    if not payment.captured and payment.reference:
        books.references.remove((payment.payee, payment.reference))
    return DONE
