"""What the model does with transfers: at once, held, on a date, many at once, and back."""

from typing import Any

from tests.property.books import DECLINES, DONE, OPERATOR, Books, ModelTransfer, worst


def transfer(books: Books, who: str, body: dict[str, Any], answer: dict[str, Any], due: int) -> str:
    """`due` is when a hold ends, or when a scheduled transfer is executed."""
    new = ModelTransfer(who, body["source"], body["destination"], body["amount"], "posted", due)
    ahead = DONE
    if body.get("mode") == "hold":
        new.status = "held"
        ahead = books.credit(new.destination)
        code = books.debit(new.source, new.amount, who)
    elif "scheduled_for" in body:
        new.status = "scheduled"
        ahead = books.credit(new.source, who) or books.credit(new.destination)
        code = DONE
    else:
        code = worst(books.debit(new.source, new.amount, who), books.credit(new.destination))
    if code := (ahead if books.looks_ahead else DONE) or code:
        return code
    if new.status == "held":
        books.accounts[new.source].held += new.amount
    if new.status == "posted":
        _post(books, new, new.amount)
    books.transfers[answer["id"]] = new
    return DONE


def batch(books: Books, who: str, rows: list[dict[str, Any]], answer: dict[str, Any]) -> str:
    accounts = dict.fromkeys(account for row in rows for account in (row["source"], row["destination"]))
    blamed = [found for account in accounts if (found := _blame(books, who, account, rows))]
    if blamed:
        return min(blamed, key=lambda found: (found[1] in DECLINES, found[0]))[1]
    for row, made in zip(rows, answer["transfers"], strict=True):
        new = ModelTransfer(who, row["source"], row["destination"], row["amount"], "posted")
        _post(books, new, new.amount)
        books.transfers[made["id"]] = new
    return DONE


def _blame(books: Books, who: str, account: str, rows: list[dict[str, Any]]) -> tuple[int, str] | None:
    """The first row that an account refuses, and why; all that comes in counts before anything goes out."""
    found = books.accounts[account]
    debits = [index for index, row in enumerate(rows) if row["source"] == account]
    if debits and not found.lets(who):
        return debits[0], "account_not_found"
    if found.status == "closed":
        return next(i for i, row in enumerate(rows) if account in {row["source"], row["destination"]}), "account_closed"
    if debits and found.status == "frozen":
        return debits[0], "account_frozen"
    needed = -sum(row["amount"] for row in rows if row["destination"] == account)
    for index in debits:
        needed += rows[index]["amount"]
        if not found.covers(needed):
            return index, "insufficient_funds"
    return None


def post(books: Books, who: str, held: ModelTransfer, body: dict[str, Any], now: int) -> str:
    if code := _not_resolvable(books, who, held):
        return code
    if held.status != "held" or now >= held.due:
        return "state_conflict"
    amount = body.get("amount", held.amount)
    if amount > held.amount:
        return "post_too_large"
    if code := books.credit(held.destination):
        return code
    books.accounts[held.source].held -= held.amount
    _post(books, held, amount)
    held.version += 1
    return DONE


def void(books: Books, who: str, waiting: ModelTransfer, now: int) -> str:
    if code := _not_resolvable(books, who, waiting):
        return code
    if waiting.status == "held" and now < waiting.due:
        return _end(books, waiting, "voided")
    return _end(books, waiting, "canceled") if waiting.status == "scheduled" else "state_conflict"


def happen(books: Books, waiting: ModelTransfer, now: int, *, declined: bool) -> str:
    """A hold expires, a scheduled transfer is executed, or declined for good."""
    assert now >= waiting.due, "too early"
    if waiting.status == "held":
        return _end(books, waiting, "expired")
    if declined:
        return _end(books, waiting, "declined")
    code = worst(books.debit(waiting.source, waiting.amount, waiting.owner), books.credit(waiting.destination))
    if not code:
        _post(books, waiting, waiting.amount)
        waiting.version += 1
    return code


def reverse(books: Books, who: str, old: ModelTransfer, body: dict[str, Any], made: str) -> str:
    if not books.sees(who, old.owner, old.source, old.destination):
        return "not_found"
    if old.status != "posted":
        return "state_conflict"
    left = old.posted - old.reversed
    amount = body.get("amount", left)
    if not 0 < amount <= left:
        return "reversal_too_large"
    asked = None if who == OPERATOR else who
    if code := worst(books.debit(old.destination, amount, asked, "forbidden"), books.credit(old.source)):
        return code
    old.reversed += amount
    old.version += 1
    back = ModelTransfer(who, old.destination, old.source, amount, "posted")
    _post(books, back, amount)
    books.transfers[made] = back
    return DONE


def _not_resolvable(books: Books, who: str, waiting: ModelTransfer) -> str:
    if not books.sees(who, waiting.owner, waiting.source, waiting.destination):
        return "not_found"
    return DONE if who in {OPERATOR, waiting.owner} else "forbidden"


def _post(books: Books, moved: ModelTransfer, amount: int) -> None:
    books.move(moved.source, moved.destination, amount)
    moved.status, moved.posted = "posted", amount


def _end(books: Books, waiting: ModelTransfer, status: str) -> str:
    if waiting.status == "held":
        books.accounts[waiting.source].held -= waiting.amount
    waiting.status = status
    waiting.version += 1
    return DONE
