"""The checks: each takes what was read and yields the breaks it finds."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import cast

from chalicelib.ledger.chart import is_account_id
from chalicelib.ledger.entry import Leg
from chalicelib.projections.records import Line, is_line, read_line
from chalicelib.store.keys import balance_key
from chalicelib.store.port import Item, Key, Value
from chalicelib.store.posting import spendable_minor
from chalicelib.verifier.breaks import Break, differences
from chalicelib.verifier.expected import account_of, balance_items, object_items
from chalicelib.verifier.journal import Entry, Journal
from chalicelib.verifier.stored import Stored


def check_commits(journal: Journal) -> Iterator[Break]:
    """Every record is as it was written, balances per currency, and the versions of every object have no gap."""
    for item in journal.damaged:
        yield Break("commit_damaged", f"{item['pk']!s} {item['sk']!s}")
    for entry in journal.entries:
        totals: Counter[str] = Counter()
        for leg in entry.legs:
            totals[leg.currency] += leg.posted_minor
        if any(totals.values()):
            yield Break("commit_unbalanced", entry.key, str(dict(totals)))
    for identifier, steps in journal.by_object.items():
        versions = [version for version, _ in steps]
        if versions != list(range(1, len(steps) + 1)):
            yield Break("version_gap", identifier, f"the commits made versions {versions}")


def check_states(tenant: str, journal: Journal, stored: Stored, watermark_at: int) -> Iterator[Break]:
    """Every object is what its commits say of the version it had when it was read, and so is all beside it."""
    found = {**stored.states, **stored.beside}
    wanted: dict[Key, Item] = {}
    for identifier in journal.by_object:
        wanted |= _wanted(tenant, journal, found, identifier, watermark_at)
    for key, item in wanted.items():
        if key not in found:
            yield Break("item_missing", _name(key))
        elif wrong := differences(found[key], item):
            yield Break("item_wrong", _name(key), wrong)
    for key in found.keys() - wanted.keys():
        if not _is_left_over(journal, key):
            yield Break("item_unknown", _name(key), "no commit made it")


def _wanted(
    tenant: str, journal: Journal, found: dict[Key, Item], identifier: str, watermark_at: int
) -> dict[Key, Item]:
    """Return what an object's items should be: as of the version found, unless that is older than it may be."""
    newest = object_items(tenant, journal, identifier, found)
    if not newest:
        return {}
    state = found.get(next(iter(newest)))
    steps = journal.by_object[identifier]
    if state is None:
        return {} if steps[0][1].at > watermark_at else newest
    version = cast("int", state.get("v", 0))
    behind = [entry for number, entry in steps if number > version]
    in_motion = bool(behind) and all(entry.at > watermark_at for entry in behind)
    return object_items(tenant, journal, identifier, found, version) if in_motion else newest


def _is_left_over(journal: Journal, key: Key) -> bool:
    """Tell whether a reminder has only outlived what it was for: the next sweep takes it away."""
    return "#due-" in key.pk and key.sk.partition("/")[2] in journal.by_object


def check_balances(tenant: str, journal: Journal, stored: Stored, lines: dict[Key, list[Item]]) -> Iterator[Break]:
    """Every balance is the sum of its entries at its own sequence, knows what it can spend, and has its settings."""
    wanted: dict[Key, Item] = {}
    for identifier in (name for name in journal.by_object if is_account_id(name)):
        wanted |= balance_items(tenant, journal, account_of(journal, identifier), stored.balances)
    for key in stored.balances.keys() - wanted.keys():
        yield Break("balance_unknown", _name(key), "no commit opened its account")
    for key, item in wanted.items():
        balance = stored.balances.get(key)
        if balance is None:
            yield Break("balance_missing", _name(key))
            continue
        account, _, number = key.sk.partition("/")
        legs = journal.by_slice.get((account, int(number)), [])
        made_by: set[Value] = {entry.key for _, entry in legs} or {item["lc"]}
        if balance.get("lc") not in made_by:
            yield Break("balance_wrong", _name(key), f"lc is {balance.get('lc')!r}, no commit of it")
        yield from _check_balance(key, balance, item, lines.get(key, []))


def _check_balance(key: Key, balance: Item, newest: Item, lines: list[Item]) -> Iterator[Break]:
    """Compare with the sum of all commits, or, where more have come since it was read, with the line it had then."""
    sequence = balance.get("q")
    line = next((item for item in lines if is_line(item) and int(cast("str", item["sk"])) == sequence), None)
    if line is None and sequence != newest["q"]:
        yield Break("balance_sequence", _name(key), f"{sequence!r} of {newest['q']!r} entries")
        return
    expected = newest if line is None else {**newest, **_as_of(newest, line), "q": sequence}
    # Without its line nobody knows which commit was the last: two may bear one instant, or the wrong one.
    if wrong := differences(balance, expected, but=frozenset() if line else frozenset({"lc"})):
        yield Break("balance_wrong", _name(key), wrong)
    if any(minor < 0 for minor in _never_negative(balance)):
        yield Break("balance_overdrawn", _name(key), f"f is {balance.get('f')!r}, h is {balance.get('h')!r}")


def _never_negative(balance: Item) -> Iterator[int]:
    yield cast("int", balance.get("h", 0))
    if "f" in balance or "nl" in balance:
        yield spendable_minor(balance)


def _as_of(newest: Item, line: Item) -> Item:
    """Return the numbers of a balance after a line; the limit does not change with entries."""
    posted, held = cast("int", line["bp"]), cast("int", line["bh"])
    numbers: Item = {"p": posted, "h": held, "lc": line["lc"]}
    if "f" not in newest:
        return numbers
    limit = cast("int", newest["f"]) - cast("int", newest["p"]) + cast("int", newest["h"])
    return {**numbers, "f": posted - held + limit}


def check_lines(tenant: str, journal: Journal, lines: dict[Key, list[Item]], watermark_at: int) -> Iterator[Break]:
    """Every leg has one line and every line its leg; lines count 1, 2, 3 and add up as they go."""
    for (account, number), legs in journal.by_slice.items():
        key = balance_key(tenant, account, number)
        found = lines.get(key, [])
        damaged = [item for item in found if not is_line(item)]
        for item in damaged:
            yield Break("line_damaged", f"{item['pk']!s} {item['sk']!s}")
        if not damaged:
            yield from _check_slice(key, legs, [read_line(item) for item in found], watermark_at)


def _check_slice(key: Key, legs: list[tuple[Leg, Entry]], lines: list[Line], watermark_at: int) -> Iterator[Break]:
    open_legs = {entry.key: (leg, entry) for leg, entry in legs}
    posted_minor = held_minor = at = 0
    for sequence, line in enumerate(lines, start=1):
        posted_minor, held_minor = posted_minor + line.posted_minor, held_minor + line.held_minor
        if line.sequence != sequence:
            yield Break("line_gap", _name(key), f"{sequence} is followed by {line.sequence}")
            return
        leg, entry = open_legs.pop(line.commit, (None, None))
        if leg is None or entry is None:
            yield Break("line_unknown", f"{_name(key)} {sequence}", f"no leg of {line.commit}")
        elif wrong := _line_wrong(line, leg, entry, (posted_minor, held_minor), at):
            yield Break("line_wrong", f"{_name(key)} {sequence}", wrong)
        at = line.at
    for _, entry in open_legs.values():
        if entry.at <= watermark_at:
            yield Break("line_missing", _name(key), f"of {entry.key}")


def _line_wrong(line: Line, leg: Leg, entry: Entry, running: tuple[int, int], earliest_at: int) -> str:
    facts = {
        "amount": (line.posted_minor, leg.posted_minor),
        "held": (line.held_minor, leg.held_minor),
        "balance": ((line.balance_posted_minor, line.balance_held_minor), running),
        "instant": (line.at, max(earliest_at, entry.at)),
        "operation": (line.operation, entry.item["op"]),
        "object": (line.object_id, entry.events[0].object_id if entry.events else ""),
    }
    return ", ".join(f"{name} is {found}, not {wanted}" for name, (found, wanted) in facts.items() if found != wanted)


def check_holds(journal: Journal) -> Iterator[Break]:
    """A hold is resolved once: its commits never give back more than they set aside, nor leave any of it behind."""
    held: dict[tuple[str, str], int] = defaultdict(int)
    for entry in journal.entries:
        for leg in entry.legs:
            if leg.held_minor:
                held[leg.account, _object(entry)] += leg.held_minor
    for (account, identifier), minor in held.items():
        if minor < 0:
            yield Break("hold_resolved_twice", identifier, f"{minor} at {account}")
        elif minor and not _holds(journal, identifier):
            yield Break("hold_forgotten", identifier, f"{minor} at {account}")


def _object(entry: Entry) -> str:
    return entry.events[0].object_id if entry.events else entry.key


def _holds(journal: Journal, identifier: str) -> bool:
    pictures = (entry.left(identifier) for _, entry in reversed(journal.by_object[identifier]))
    newest = next((picture for picture in pictures if picture is not None), {})
    return newest.get("status") in {"authorized", "partially_captured", "held"}


def _name(key: Key) -> str:
    return f"{key.pk} {key.sk}"
