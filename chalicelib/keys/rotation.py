"""One run of the rotation: read, publish, and take the one step that is due."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Protocol

from chalicelib.kernel.clock import SECOND_MS, Clock
from chalicelib.keys.document import Copy, Document, Overtaken, encoded
from chalicelib.keys.key import KEPT_SECONDS, PUBLISHED_AT, REPLACED_AT, SIGNS_AT, Due, Key, Keys, Role, due

RUN_SECONDS: Final = 60.0
"""How long a run may go on changing things: later, what it has read may be true no more."""


class Keyring(Protocol):
    """The keys behind a stage's aliases."""

    def read(self) -> Keys:
        """Return them, read in the order in which keys move on: so none that moves meanwhile is missed."""
        ...

    def note(self, key_id: str, instant: str, at: int) -> None:
        """Tag a key with an instant."""
        ...

    def point(self, role: Role, key_id: str) -> None:
        """Let the alias of a role name this key."""
        ...

    def delete(self, key_id: str) -> None:
        """Have a key deleted, unless it is being deleted already."""
        ...


class TooLate(Exception):
    """The run has taken too long to go on by what it has read; the next one does."""


@dataclass(frozen=True, slots=True)
class Rotation:
    """The rotation of one stage's keys."""

    keyring: Keyring
    document: Document
    clock: Clock
    rotate_after_seconds: int

    def run(self) -> list[str]:
        """Do what is due; return it in sentences. NoStandby, or whatever AWS refuses, is raised."""
        try:
            return _Run(self).go()
        except Overtaken:
            return ["somebody else is publishing: the next run goes on"]


@dataclass(slots=True)
class _Run:
    of: Rotation
    until: float = field(init=False)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.until = self.of.clock.elapsed_seconds() + RUN_SECONDS

    def go(self) -> list[str]:
        # The document first: then whoever publishes meanwhile has newer keys than the document, never older ones.
        before = self.of.document.read()
        keys, listed = self.of.keyring.read(), before.kids() if before else frozenset[str]()
        now_at = self._now()
        self._publish(keys, before, listed, now_at)
        self._step(keys, due(keys, listed, now_at, self.of.rotate_after_seconds), listed)
        return self.said

    def _publish(self, keys: Keys, before: Copy | None, listed: frozenset[str], now_at: int) -> None:
        """Publish what should be; a standby's hour begins (again) whenever it was not found published."""
        if keys.standby and keys.standby.signs_from(listed) is None:
            self._note(keys.standby, PUBLISHED_AT)
            self.said.append(f"{keys.standby.id} is the standby key now")
        text = encoded(keys.published(now_at))
        if before is None or before.text != text:
            self._fresh(lambda: self.of.document.write(text, before))
            self.said.append("the keys are published anew")

    def _step(self, keys: Keys, what: Due, listed: frozenset[str]) -> None:
        match what:
            case Due.RETIRE if keys.replaced:
                self._retire(keys, keys.replaced)
            case Due.DATE if keys.replaced:
                self._note(keys.replaced, REPLACED_AT)
            case Due.SWITCH if keys.standby:
                self._switch(keys.signs, keys.standby)
            case _:
                self.said.append(_told(keys, what, listed))

    def _switch(self, old: Key, new: Key) -> None:
        """Let the standby sign. Both instants are noted first: a key that signs or is replaced never lacks its own."""
        self._note(new, SIGNS_AT)
        self._note(old, REPLACED_AT)
        self._point("replaced", old.id)
        self._point("signs", new.id)
        kept_until = self._now() + KEPT_SECONDS
        self.said.append(f"{new.id} signs now; {old.id} stays published until {_utc(kept_until)}")

    def _retire(self, keys: Keys, gone: Key) -> None:
        """Give up a key that is no longer published; its alias comes last, because by it the key is found."""
        self._fresh(lambda: self.of.keyring.delete(gone.id))
        self._point("replaced", keys.signs.id)
        self.said.append(f"{gone.id} is gone")

    def _note(self, key: Key, instant: str) -> None:
        self._fresh(lambda: self.of.keyring.note(key.id, instant, self._now()))

    def _point(self, role: Role, key_id: str) -> None:
        self._fresh(lambda: self.of.keyring.point(role, key_id))

    def _fresh(self, change: Callable[[], None]) -> None:
        """Change something, unless what was read is too old for it."""
        if self.of.clock.elapsed_seconds() >= self.until:
            raise TooLate(f"after {RUN_SECONDS:.0f} s this run leaves the rest to the next one")
        change()

    def _now(self) -> int:
        return self.of.clock.now_at() // SECOND_MS


def _told(keys: Keys, what: Due, listed: frozenset[str]) -> str:
    if what is Due.NOTHING:
        return f"{keys.signs.id} signs" + ("" if keys.standby else "; there is no standby key: run make deploy")
    if keys.replaced and keys.replaced.replaced_at is not None:
        return f"{keys.replaced.id} stays published until {_utc(keys.replaced.replaced_at + KEPT_SECONDS)}"
    signs_from = keys.standby.signs_from(listed) if keys.standby else None
    when = f"from {_utc(signs_from)} on" if signs_from else "in an hour"
    return f"{keys.signs.id} signs; its successor may {when}"


def _utc(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"
