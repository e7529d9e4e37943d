"""What the process of a release does when it is asked: requests, verifications, and filling in what streams make."""

from dataclasses import dataclass
from typing import Any

from chalicelib.kernel.clock import SECOND_MS
from chalicelib.settings import Settings
from chalicelib.verifier.repair import repair
from chalicelib.verifier.verify import verify
from chalicelib.wiring import open_dynamo
from tests.doubles.platform import Client, Platform
from tests.doubles.small_ledger import ALICE, OPERATOR, SHOP, TENANT
from tests.doubles.time_and_chance import START_AT, HandClock, SeededChance

CLIENTS = {"operator": OPERATOR, "alice": ALICE, "shop": SHOP}
LONG_AFTER_MS = 2 * 86_400 * SECOND_MS
"""When a stream has forgotten its records: what it has not brought is filled in."""


@dataclass(slots=True)
class Desk:
    """A platform on the tables that the environment names."""

    platform: Platform
    chance: SeededChance

    def register(self) -> None:
        for client in CLIENTS.values():
            self.platform.register(client)

    def request(self, who: str, method: str, path: str, body: Any, key: str | None) -> list[Any]:
        """Status, body and whether it was a replay."""
        client: Client = CLIENTS[who]
        answer = self.platform.request(client, method, path, body, key=key)
        return [answer.status, answer.json, answer.headers.get("Idempotent-Replayed") == "true"]

    def project(self) -> list[int]:
        """Fill in statements, histories and events; how many lines and commits that took."""
        done = repair(self.platform.dynamo, HandClock(START_AT + LONG_AFTER_MS), self.chance, TENANT)
        return [done.lines, done.commits]

    def verify(self) -> list[str]:
        """Every break there is once all statements are due."""
        clock = HandClock(START_AT + LONG_AFTER_MS)
        return [str(one) for one in verify(self.platform.dynamo, clock, TENANT, lag_seconds=0).breaks]


def open_desk(seed: int) -> Desk:
    """Open it with a seed of its own: two processes must not draw the same ids."""
    chance = SeededChance(seed)
    return Desk(Platform(open_dynamo(Settings.from_environment()), HandClock(), chance), chance)
