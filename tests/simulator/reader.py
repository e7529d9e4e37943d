"""A reader of a tenant's events: forwards, page by page, from the last one it saw, as docs/projections.md promises."""

from collections.abc import Callable
from typing import Any, Final

from tests.doubles.platform import Client
from tests.simulator.actor import Post
from tests.simulator.finding import check
from tests.simulator.letter import Asked, Letter
from tests.simulator.world import World

READS_EVERY_US: Final = 4_000_000


class Reader:
    """`met` is every event it was shown, in that order."""

    def __init__(self, world: World, post: Post, client: Client, events: Callable[[str], list[str]]) -> None:
        self.met: list[str] = []
        self._events = events
        self._world = world
        self._post = post
        self._client = client

    def live(self, goes_on: Callable[[], bool]) -> None:
        while goes_on():
            self._world.scheduler.pause(self._world.chance.randrange(READS_EVERY_US))
            self.read_on()
            self._look_back()

    def read_on(self) -> bool:
        """Read a page; tell whether there is more."""
        if not self.met:
            self.met = self._from_the_beginning()
            return False
        page = self.page("/v1/events", ending_before=self.met[-1])
        if page is None:
            return False
        self.met += [row["id"] for row in reversed(page["data"])]
        return bool(page["has_more"])

    def everything(self, path: str) -> list[dict[str, Any]]:
        """Return all rows of a list, newest first; only while all is calm."""
        rows: list[dict[str, Any]] = []
        more = True
        while more:
            page = self.page(path, **({"starting_after": rows[-1]["id"]} if rows else {}))
            assert page is not None, f"{path} cannot be read though all is calm"
            rows += page["data"]
            more = page["has_more"]
        return rows

    def page(self, path: str, **query: str) -> Any:
        """Return a page; None if there was no answer, or none that helps."""
        asked = Asked("GET", path, query={"limit": str(self._world.chance.choice((5, 20, 100))), **query})
        answer = self._post.send(Letter(self._client, asked))  # it can be asked for again, so nobody insists on it
        return answer.json if answer and answer.status == 200 else None

    def _look_back(self) -> None:
        """Read the newest event and the page before it: between what they show there is nothing else."""
        newest = self.page("/v1/events", limit="1")
        older = newest and newest["has_more"] and self.page("/v1/events", starting_after=newest["data"][-1]["id"])
        if older:
            shown = [row["id"] for row in reversed([*newest["data"], *older["data"]])]
            there = [event for event in self._events(self._client.tenant) if shown[0] <= event <= shown[-1]]
            check(shown == there, "whoever pages back is shown", shown, "of", there)

    def _from_the_beginning(self) -> list[str]:
        """Page back to the first event of all; nothing where a page is missing."""
        rows: list[str] = []
        more = True
        while more:
            page = self.page("/v1/events", **({"starting_after": rows[-1]} if rows else {}))
            if page is None:
                return []
            rows += [row["id"] for row in page["data"]]
            more = page["has_more"]
        return rows[::-1]
