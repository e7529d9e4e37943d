"""The signing keys of a stage: what each is for, which are published, and what is due. All instants in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Literal

from chalicelib.kernel.jwk import Jwk
from chalicelib.settings import LONGEST_TOKEN_SECONDS

Role = Literal["signs", "standby", "replaced"]

# Tags of keys: when it was published, began to sign, was replaced; when somebody asked for another one.
PUBLISHED_AT: Final = "tollgate:published-at"
SIGNS_AT: Final = "tollgate:signs-at"
REPLACED_AT: Final = "tollgate:replaced-at"
WANTED_AT: Final = "tollgate:successor-wanted-at"
INSTANTS: Final = (PUBLISHED_AT, SIGNS_AT, REPLACED_AT, WANTED_AT)

STAGE: Final = "tollgate:stage"
"""The tag by which a stage's function may use its keys and no others."""

MARGIN_SECONDS: Final = 600
"""For what is not at once: a run (1 minute), then an alias in KMS or a cached document (5), and two clocks."""

PUBLISHED_SECONDS: Final = 3_600 + MARGIN_SECONDS
"""How long a key is published before it signs: gateways keep an issuer's keys for up to an hour (O14)."""

KEPT_SECONDS: Final = LONGEST_TOKEN_SECONDS + MARGIN_SECONDS
"""How long a key is published after another one has taken its place."""

DELETED_DAYS: Final = 30
"""How long KMS keeps what is gone, in case that was a mistake."""


class NoKey(Exception):
    """What an alias names cannot sign, or there is no such alias; the text says what to do."""


class NoStandby(Exception):
    """It is time for another key to sign, and there is none: keys are made by a deployment, not by this function."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key; `jwk` is None when it cannot be used (disabled, or being deleted), `instants` are its tags."""

    id: str
    jwk: Jwk | None
    made_at: int
    instants: Mapping[str, int]

    @property
    def signs_at(self) -> int:
        return self.instants.get(SIGNS_AT, self.made_at)

    @property
    def replaced_at(self) -> int | None:
        return self.instants.get(REPLACED_AT)

    def signs_from(self, listed: frozenset[str]) -> int | None:
        """Tell from when on it may sign; None if it is not known to be published."""
        published_at = self.instants.get(PUBLISHED_AT)
        if published_at is None or self.jwk is None or self.jwk["kid"] not in listed:
            return None
        return published_at + PUBLISHED_SECONDS

    def is_over(self, now_at: int) -> bool:
        """Tell whether no token of this replaced key can be valid any more."""
        return self.jwk is None or (self.replaced_at is not None and now_at >= self.replaced_at + KEPT_SECONDS)


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of a stage, told apart by their aliases."""

    signs: Key
    standby: Key | None
    replaced: Key | None

    def published(self, now_at: int) -> list[Jwk]:
        """Return the public halves that the issuer's document has to hold, in an order that no switch changes."""
        replaced = None if self.replaced and self.replaced.is_over(now_at) else self.replaced
        there = (key for key in (self.signs, self.standby, replaced) if key)
        return sorted((key.jwk for key in there if key.jwk), key=lambda jwk: jwk["kid"])


class Due(Enum):
    """What a run has to do after it has published."""

    NOTHING = auto()
    DATE = auto()
    """Note when the key was replaced: somebody has moved the aliases by hand."""

    WAIT = auto()
    RETIRE = auto()
    SWITCH = auto()


def due(keys: Keys, listed: frozenset[str], now_at: int, rotate_after_seconds: int) -> Due:
    """Decide; `listed` are the ids of the keys that the document held before this run.

    Raises NoStandby. One row per outcome; a key that was replaced is done with before the next one is.
    """
    replaced, standby = keys.replaced, keys.standby
    if replaced is not None:
        if replaced.is_over(now_at):
            return Due.RETIRE
        return Due.DATE if replaced.replaced_at is None else Due.WAIT
    age_seconds = now_at - keys.signs.signs_at
    if age_seconds < rotate_after_seconds and WANTED_AT not in keys.signs.instants:
        return Due.NOTHING
    if standby is None:
        raise NoStandby(
            f"{keys.signs.id} has signed for {age_seconds // 86_400} days, and there is no standby key to take its "
            "place: run make deploy, which makes one"
        )
    signs_from = standby.signs_from(listed)
    return Due.SWITCH if signs_from is not None and now_at >= signs_from else Due.WAIT
