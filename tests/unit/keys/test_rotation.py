"""Each transition of the signing keys, and a run that is cut off before or after any single call (O14)."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from chalicelib.kernel.jwk import public_jwk
from chalicelib.keys.document import encoded
from chalicelib.keys.key import KEPT_SECONDS, PUBLISHED_AT, PUBLISHED_SECONDS, REPLACED_AT, NoKey, NoStandby
from chalicelib.keys.rotation import RUN_SECONDS, TooLate
from infra.signing_keys import ensure_keys
from tests.doubles.key_world import ALIAS, CHANGES, DAY, HOUR, KeyWorld

AGE = 90 * DAY


@pytest.fixture
def world() -> KeyWorld:
    """A stage that has been deployed: one key signs, and a standby is published."""
    found = KeyWorld()
    ensure_keys(found.kms, ALIAS, "local")
    found.rotation().run()
    return found


def _ready(world: KeyWorld) -> tuple[str, str]:
    """Let the time come; return who signs and who will."""
    world.pass_seconds(AGE)
    return world.key("").id, world.key("-next").id


def _without_standby(world: KeyWorld) -> None:
    """What is left after a rotation."""
    world.kms.schedule_key_deletion(world.key("-next").id, 30)
    world.kms.update_alias(ALIAS + "-next", world.key("").id)
    assert world.rotation().run()[-1] == f"{world.key('').id} signs; there is no standby key: run make deploy"


def test_a_standby_is_published_from_the_first_run_on(world: KeyWorld) -> None:
    assert world.listed == {world.key("").kid, world.key("-next").kid}
    assert world.key("-next").tags[PUBLISHED_AT] == str(world.now)
    world.assert_at_rest(standby=True)


def test_nothing_is_done_before_its_time(world: KeyWorld) -> None:
    world.pass_seconds(AGE - 1)
    before = dict(world.kms.aliases)
    assert world.rotation().run() == [f"{world.key('').id} signs"]
    assert world.kms.aliases == before


def test_the_standby_signs_when_the_key_is_old_enough(world: KeyWorld) -> None:
    old, new = _ready(world)
    (said,) = world.rotation().run()
    assert re.fullmatch(rf"{new} signs now; {old} stays published until \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC", said)
    assert (world.key("").id, world.key("-previous").id) == (new, old)
    assert world.listed == {world.kms.keys[old].kid, world.kms.keys[new].kid}


def test_a_key_that_waited_for_long_is_no_older_than_it_has_signed(world: KeyWorld) -> None:
    """A standby is made ninety days before its turn: its age counts from the first token on."""
    _ready(world)
    world.rotation().run()
    world.pass_seconds(HOUR)
    world.rotation().run()
    ensure_keys(world.kms, ALIAS, "local")
    world.rotation().run()
    world.pass_seconds(AGE - HOUR - 1)
    assert world.rotation().run() == [f"{world.key('').id} signs"]
    world.pass_seconds(1)
    assert "signs now" in world.rotation().run()[0]


def test_o14_the_replaced_key_stays_until_its_last_token_has_expired(world: KeyWorld) -> None:
    old, _ = _ready(world)
    world.rotation().run()
    world.pass_seconds(KEPT_SECONDS - 1)
    (said,) = world.rotation().run()
    assert said.startswith(f"{old} stays published until")
    world.pass_seconds(1)
    assert world.rotation().run() == ["the keys are published anew", f"{old} is gone"]
    assert world.kms.keys[old].state == "PendingDeletion"
    assert world.listed == {world.key("").kid}
    world.assert_at_rest(standby=False)


def test_o14_a_standby_waits_its_hour(world: KeyWorld) -> None:
    """Made on the very day: the key is too old already, and signs on until the standby is known."""
    _without_standby(world)
    old, _ = _ready(world)
    ensure_keys(world.kms, ALIAS, "local")
    said = world.rotation().run()
    assert said[-1] == f"{old} signs; its successor may in an hour"
    world.pass_seconds(PUBLISHED_SECONDS - 1)
    assert "its successor may from" in world.rotation().run()[0]
    world.pass_seconds(1)
    assert "signs now" in world.rotation().run()[0]


@pytest.mark.parametrize("text", [None, b'{"keys": []}', b"[", b'{"keys": 1}'])
def test_the_hour_begins_again_when_the_document_is_lost(world: KeyWorld, text: bytes | None) -> None:
    old, _ = _ready(world)
    world.document.text = text
    world.rotation().run()
    assert world.key("").id == old
    assert len(world.listed) == 2
    world.pass_seconds(PUBLISHED_SECONDS)
    world.rotation().run()
    assert world.key("").id != old


def test_without_a_standby_rotation_fails_and_says_what_to_do(world: KeyWorld) -> None:
    _without_standby(world)
    world.pass_seconds(AGE)
    with pytest.raises(NoStandby, match=r"has signed for 90 days, and there is no standby key.*run make deploy"):
        world.rotation().run()
    world.assert_at_rest(standby=False)


@pytest.mark.parametrize("missing", [True, False])
def test_a_standby_that_cannot_sign_is_none(world: KeyWorld, missing: bool) -> None:
    if missing:
        del world.kms.aliases[ALIAS + "-next"]
    else:
        world.key("-next").state = "Disabled"
    world.pass_seconds(AGE)
    with pytest.raises(NoStandby):
        world.rotation().run()


def test_a_key_that_cannot_sign_is_said(world: KeyWorld) -> None:
    world.key("").state = "Disabled"
    with pytest.raises(NoKey, match="is Disabled: enable it in KMS"):
        world.rotation().run()
    del world.kms.aliases[ALIAS]
    with pytest.raises(NoKey, match="is missing"):
        world.rotation().run()


def test_a_missing_alias_is_said_before_anything_moves(world: KeyWorld) -> None:
    old, _ = _ready(world)
    del world.kms.aliases[ALIAS + "-previous"]
    with pytest.raises(NoKey, match="-previous is missing: run make deploy"):
        world.rotation().run()
    assert world.key("").id == old
    ensure_keys(world.kms, ALIAS, "local")
    assert "signs now" in world.rotation().run()[0]


def test_aliases_moved_by_hand_are_dated_from_now_on(world: KeyWorld) -> None:
    old, new = _ready(world)
    world.kms.update_alias(ALIAS + "-previous", old)
    world.kms.update_alias(ALIAS, new)
    world.rotation().run()
    assert world.kms.keys[old].tags[REPLACED_AT] == str(world.now)


def test_a_run_that_takes_too_long_leaves_the_rest_to_the_next(world: KeyWorld) -> None:
    old, new = _ready(world)
    update = world.kms.update_alias

    def slow(**named: str) -> None:
        update(**named)
        world.pass_seconds(RUN_SECONDS)

    world.kms.update_alias = slow  # type: ignore[method-assign, assignment]
    with pytest.raises(TooLate):
        world.rotation().run()
    assert world.key("").id == old
    world.kms.update_alias = update  # type: ignore[method-assign]
    world.rotation().run()
    assert world.key("").id == new


def test_somebody_else_publishes_meanwhile(world: KeyWorld) -> None:
    copy = world.document.read()
    world.document.text = b'{"keys": []}'
    world.document.read = lambda: copy  # type: ignore[method-assign]
    world.kms.aliases[ALIAS + "-next"] = world.key("").id
    assert world.rotation().run() == ["somebody else is publishing: the next run goes on"]


class Cut(Exception):
    """The process ended."""


class CutOff:
    """KMS, until so many changes were made; then the process ends before the next one, or right after it."""

    def __init__(self, world: KeyWorld, changes: int, *, after: bool) -> None:
        self.world, self.left, self.after = world, changes, after
        write = world.document.write
        world.document.write = self._cut("write", write)  # type: ignore[method-assign]

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.world.kms, name)
        return self._cut(name, real) if name in CHANGES else real

    def _cut(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def change(*arguments: Any, **named: Any) -> Any:
            if self.left == 0 and not self.after:
                self.left -= 1
                raise Cut(name)
            answer = real(*arguments, **named)
            self.left -= 1
            if self.left == -1:
                raise Cut(name)
            return answer

        return change


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("changes", range(12))
def test_a_run_may_be_cut_off_anywhere(changes: int, after: bool) -> None:
    """The world looks after every single change; hourly runs bring it to its end, with a new key."""
    world = KeyWorld()
    ensure_keys(world.kms, ALIAS, "local")
    world.rotation().run()
    old, new = _ready(world)
    world.document.text = encoded([public_jwk(world.key("").der)])  # the standby is to be published anew as well
    cut, cuts = CutOff(world, changes, after=after), 0
    for _ in range(8):
        try:
            world.rotation(cut).run()
        except Cut:
            cuts += 1
        world.pass_seconds(HOUR)
    assert cuts == (1 if changes < 9 else 0), "two dates, a document, the switch in four calls, the end in three"
    assert world.key("").id == new
    assert world.kms.keys[old].state == "PendingDeletion"
    world.assert_at_rest(standby=False)
