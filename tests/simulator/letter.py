"""What a client wants done, under one key, and every time it was sent."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.doubles.platform import Client, Response


@dataclass(frozen=True, slots=True)
class Asked:
    """One request without its sender."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None
    if_match: int | None = None
    query: Mapping[str, str] = field(default_factory=dict)

    @property
    def identifier(self) -> str | None:
        """The id of the object in the path, if it names one."""
        parts = self.path.split("/")
        return parts[3] if len(parts) > 3 and "_" in parts[3] else None

    @property
    def verb(self) -> str:
        """What the path asks for besides the object: capture, freeze, update."""
        if self.method == "PATCH":
            return "update"
        return self.path.split("/")[4] if self.path.count("/") > 3 else ""


@dataclass(eq=False, slots=True)
class Letter:
    """`key` is None for reads; `final` is the answer after which the client asks no more."""

    client: Client
    asked: Asked
    key: str | None = None
    final: Response | None = None
    sends: "list[Send]" = field(default_factory=list)

    @property
    def place(self) -> tuple[str, str]:
        """Where the commit of this letter is remembered, as docs and keys.py promise: tenant, then principal's key."""
        return self.client.tenant, f"c/{self.client.principal}/{self.key}"

    def same_as(self, other: "Letter") -> bool:
        """Tell whether two letters ask for the same thing (If-Match does not count)."""
        mine = (self.client.principal, self.asked.method, self.asked.path, self.asked.body or {})
        return mine == (other.client.principal, other.asked.method, other.asked.path, other.asked.body or {})


@dataclass(eq=False, slots=True)
class Send:
    """One sending: when it began, the ledger calls made for it, its commits, and what the function answered.

    The answer is kept here whether the client was there to hear it or not.
    """

    letter: Letter
    number: int
    began_us: int
    calls: int = 0
    commits: int = 0
    committed_before: bool = False
    answer: Response | None = None

    def __str__(self) -> str:
        client, asked = self.letter.client, self.letter.asked
        return f"#{self.number} {client.client_id} {asked.method} {asked.path} key={self.letter.key}"
