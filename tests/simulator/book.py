"""What the clients of one tenant have been shown: where ids for the next requests come from."""

from collections import defaultdict
from collections.abc import Mapping
from random import Random
from typing import Any

Resource = Mapping[str, Any]


class Book:
    """The latest version of every resource that any client of the tenant was answered, whatever its kind."""

    def __init__(self) -> None:
        self._known: dict[str, dict[str, Resource]] = defaultdict(dict)
        self._ids: dict[str, list[str]] = defaultdict(list)

    def learn(self, shown: Any) -> None:
        """Remember a resource, or each resource of a list."""
        kind, identifier = shown.get("object"), shown.get("id")
        if kind == "list":
            for row in shown["data"]:
                self.learn(row)
        elif kind and identifier:
            known = self._known[kind].get(identifier)
            if known is None:
                self._ids[kind].append(identifier)
            if known is None or known.get("version", 0) <= shown.get("version", 0):
                self._known[kind][identifier] = shown

    def any(self, kind: str, chance: Random) -> Resource | None:
        """Return a resource of a kind, mostly where clients meet: at the first accounts, and at the latest of the rest."""
        ids = self._ids[kind]
        if not ids:
            return None
        back = int(chance.expovariate(0.2)) if chance.random() < 0.7 else chance.randrange(len(ids))
        place = min(back, len(ids) - 1)
        return self._known[kind][ids[place if kind == "account" else -1 - place]]

    def newest(self, kind: str) -> Resource | None:
        """Return the resource of a kind that was made last."""
        ids = self._ids[kind]
        return self._known[kind][ids[-1]] if ids else None

    def known(self, kind: str, identifier: str) -> Resource | None:
        return self._known[kind].get(identifier)
