"""Names that may not be used in some rooms: each ban says where, where not, and what to use instead."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.law.source import MONEY_ROOMS, Source, sources, uses


@dataclass(frozen=True, slots=True)
class Ban:
    """Names (and everything under them) banned `where`, except in the places of `but`."""

    names: tuple[str, ...]
    where: tuple[str, ...]
    instead: str
    planted: str
    but: tuple[str, ...] = ()

    def broken(self, source: Source) -> Iterator[str]:
        """Give a line for each place where the file breaks it."""
        if not source.within(self.where) or source.within(self.but):
            return
        for line, used in uses(source.tree):
            if any(used == name or used.startswith(name + ".") for name in self.names):
                yield f"{source.path}:{line}: {used}: use {self.instead}"


DATES = ("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today")
WALL = ("time.time", "time.time_ns", *DATES)
MONOTONIC = ("time.monotonic", "time.monotonic_ns", "time.perf_counter", "time.perf_counter_ns", "time.sleep")
CHANCE = ("random", "uuid", "os.urandom")

BANS = {
    "the platform's clock": Ban(
        names=(*WALL, *MONOTONIC),
        where=("chalicelib",),
        but=("chalicelib/kernel/clock.py",),
        instead="a Clock (chalicelib/kernel/clock.py), handed in",
        planted="from datetime import datetime as d\n\ndef now():\n    return d.now()\n",
    ),
    "the emulator's clock": Ban(
        names=WALL,
        where=("emulator",),
        but=("emulator/clock.py",),
        instead="emulator/clock.py",
        planted="import time\n\nstarted = time.time()\n",
    ),
    "the platform's chance": Ban(
        names=(*CHANCE, "secrets"),
        where=("chalicelib",),
        but=("chalicelib/kernel/ids.py", "chalicelib/tokens/secret.py"),
        instead="a Chance (chalicelib/kernel/ids.py), handed in; for secrets chalicelib/tokens/secret.py",
        planted="from uuid import uuid4\n",
    ),
    "the emulator's chance": Ban(
        names=("random", "uuid"),
        where=("emulator",),
        instead="the randomness handed to the chain (emulator/gateway/chain.py)",
        planted="import random\n",
    ),
    "settings": Ban(
        names=("os.environ", "os.getenv"),
        where=("chalicelib",),
        but=("chalicelib/settings.py", "chalicelib/store/wire.py"),
        instead="chalicelib/settings.py: the environment is a type, read once",
        planted="import os\n\nstage = os.environ['TOLLGATE_STAGE']\n",
    ),
    "print": Ban(
        names=("print",),
        where=("chalicelib", "app.py"),
        instead="the Logger of chalicelib/web/serve.py",
        planted="print('paid')\n",
    ),
    "HTTP clients": Ban(
        names=("requests", "httpx", "aiohttp", "urllib3"),
        where=("chalicelib", "emulator", "infra"),
        but=("emulator/gateway/http_integration.py",),
        instead="chalicelib/store/wire.py, emulator/keyset.py or infra/local/api_client.py",
        planted="import requests\n",
    ),
    "floats": Ban(
        names=("float", "round"),
        where=("chalicelib/kernel/money.py", "chalicelib/kernel/currencies.py", "chalicelib/ledger", *MONEY_ROOMS),
        instead="integers of minor units (chalicelib/kernel/money.py)",
        planted="def euros(minor):\n    return float(minor)\n",
    ),
    "sleeping": Ban(
        names=("time.sleep",),
        where=("tests",),
        but=(
            "tests/e2e/local_stack.py",
            "tests/integration/emulator/test_gateway_command.py",
            "tests/integration/emulator/test_gateway_http.py",
        ),
        instead="an event, or a bounded wait for a fact (until, in tests/e2e/local_stack.py)",
        planted="import time\n\ndef test_it():\n    time.sleep(1)\n",
    ),
    "tests in the product": Ban(
        names=("tests", "pytest", "hypothesis"),
        where=("app.py", "chalicelib", "emulator", "infra"),
        instead="an argument: what a test replaces is handed in",
        planted="from tests.doubles.memory_dynamo import MemoryDynamo\n",
    ),
}

each_ban = pytest.mark.parametrize("ban", [pytest.param(ban, id=name) for name, ban in BANS.items()])


@each_ban
def test_it_is_kept(ban: Ban) -> None:
    broken = [line for source in sources() for line in ban.broken(source)]
    assert not broken, "\n".join(broken)


@each_ban
def test_it_can_be_broken(ban: Ban) -> None:
    for place in ban.where:
        planted = Source(place if place.endswith(".py") else f"{place}/planted.py", ban.planted)
        assert list(ban.broken(planted)), place
    elsewhere = [*ban.but, "docs/planted.py"]
    assert not [line for place in elsewhere for line in ban.broken(Source(place, ban.planted))]


@each_ban
def test_its_exceptions_are_used(ban: Ban) -> None:
    strict = Ban(ban.names, ban.where, ban.instead, ban.planted)
    used = {one.path for one in sources() if one.within(ban.but) and any(strict.broken(one))}
    unused = set(ban.but) - used
    assert not unused, "these need no exception any more"
