"""Rotating the signing key (O14, F17): no token that is good is refused, and none of a key that is gone is accepted."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.kernel.jwk import Jwk, public_jwk
from chalicelib.keys.document import Copy
from chalicelib.keys.key import KEPT_SECONDS, PUBLISHED_SECONDS
from chalicelib.keys.rotation import TooLate
from chalicelib.settings import LONGEST_TOKEN_SECONDS
from chalicelib.tokens.jose import compact, signing_input
from emulator.definition import JwtAuthorizer, TrustedIssuer
from emulator.gateway.context import Verified
from emulator.gateway.jws import InvalidToken
from emulator.gateway.jwt_judge import JwtJudge
from emulator.keyset import CACHED_MS, KeySet
from infra.resources import read_resources
from infra.rotation import Command, main
from infra.signing import main as apply_signing
from tests.doubles.gateway import HandClock as GatewayClock
from tests.doubles.key_world import KeyWorld
from tests.doubles.time_and_chance import HandClock

pytestmark = pytest.mark.usefixtures("aws")

RESOURCES = read_resources("local")
ALIAS = RESOURCES.signing_key
ISSUER = "https://issuer.test"
HOUR = 3_600


@dataclass
class World:
    """A stage's keys in moto, the document that is served, and the time."""

    clock: HandClock = field(default_factory=lambda: HandClock(1_800_000_000_000))
    text: bytes = b'{"keys": []}'
    kms: Any = field(default_factory=lambda: boto3.client("kms"))

    def read(self) -> Copy:
        return Copy(self.text)

    def write(self, text: bytes, over: Copy | None) -> None:
        self.text = text

    @property
    def now(self) -> int:
        return self.clock.now_at() // 1_000

    @property
    def command(self) -> Command:
        return Command(self.kms, RESOURCES, self, self.clock)

    @property
    def published(self) -> list[Jwk]:
        found: list[Jwk] = json.loads(self.text)["keys"]
        return found

    @property
    def kids(self) -> set[str]:
        return {key["kid"] for key in self.published}

    @property
    def signing(self) -> str:
        """The kid of the key that signs."""
        return public_jwk(self.kms.get_public_key(KeyId=ALIAS)["PublicKey"])["kid"]

    def token(self) -> str:
        claims: dict[str, str | int] = {
            "iss": ISSUER,
            "aud": "api",
            "iat": self.now,
            "exp": self.now + LONGEST_TOKEN_SECONDS,
        }
        text = signing_input(self.signing, claims)
        answer = self.kms.sign(KeyId=ALIAS, Message=text, SigningAlgorithm="ECDSA_SHA_256", MessageType="RAW")
        return compact(text, answer["Signature"])


@pytest.fixture
def world() -> World:
    """A stage whose key signs, with a standby that has been published for long."""
    found = World()
    found.command.go_on()
    found.clock.move(PUBLISHED_SECONDS)
    return found


def test_a_standby_signs_as_soon_as_somebody_wants_it(world: World) -> None:
    old = world.signing
    said = world.command.begin()
    assert "signs now" in said[0]
    assert world.signing != old
    assert {old, world.signing} <= world.kids, "tokens of the old one are about"


def test_what_was_begun_goes_on_by_itself() -> None:
    """The standby is minutes old: the wish is kept with the key, and a later run of anybody fulfils it."""
    world = World()
    world.command.go_on()
    old = world.signing
    world.command.begin()
    assert world.signing == old
    world.command.begin()
    assert len(world.kms.list_keys()["Keys"]) == 2, "beginning twice begins once"
    world.clock.move(PUBLISHED_SECONDS)
    world.command.go_on()
    assert world.signing != old


def test_the_command_makes_the_next_standby(world: World) -> None:
    world.command.begin()
    world.clock.move(KEPT_SECONDS)
    said = world.command.go_on()
    assert any("is gone" in sentence for sentence in said)
    assert len(world.kids) == 2
    assert world.signing in world.kids


def test_the_age_can_be_named(world: World) -> None:
    old = world.signing
    Command(world.kms, RESOURCES, world, world.clock, 365).go_on()
    assert world.signing == old
    Command(world.kms, RESOURCES, world, world.clock, 1).go_on()
    assert world.signing != old


def _gateway(world: World) -> tuple[GatewayClock, Callable[[str], str]]:
    """A gateway that reads the published keys as the real one does; answers `good` or why not."""
    time = GatewayClock(world.now * 1_000)

    def fetch(url: str) -> bytes:
        metadata = {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/jwks.json"}
        return json.dumps(metadata if url.endswith("openid-configuration") else {"keys": world.published}).encode()

    trusted = TrustedIssuer(ISSUER, frozenset({"api"}), ())
    rules = JwtAuthorizer("jwt", "authorization", (trusted,), frozenset({"ES256"}))
    judge = JwtJudge(rules, {ISSUER: KeySet(ISSUER, fetch, time.clock())}, time.clock())

    async def ask(token: str) -> Verified:
        found = judge(token)
        return await found if isinstance(found, Awaitable) else found

    def answer(token: str) -> str:
        try:
            asyncio.run(ask(token))
        except InvalidToken as error:
            return str(error)
        return "good"

    return time, answer


def test_f17_no_good_token_is_refused_while_keys_rotate(world: World) -> None:
    """A token every five minutes for half a day, an hourly job that rotates all the time, each token asked for twice."""
    time, answer = _gateway(world)
    kids, before = set[str](), ""
    for minute in range(0, 12 * 60, 5):
        if minute % 60 == 0:
            world.command.begin()
        kids.add(world.signing)
        token = world.token()
        assert answer(token) == "good", minute
        assert not before or answer(before) == "good", minute
        before = token
        world.clock.move(300)
        time.advance(300_000)
    assert len(kids) > 3, "it has been rotated"


def test_f17_a_key_that_is_gone_signs_nothing_any_more(world: World) -> None:
    time, answer = _gateway(world)
    thief = world.token()
    stolen = world.kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"]
    world.command.begin()
    for seconds in (KEPT_SECONDS, CACHED_MS // 1_000):
        world.clock.move(seconds)
        time.advance(seconds * 1_000)
        world.command.go_on()
    assert answer(_forged(world, stolen)) == "the token's key is not known"
    assert answer(thief) != "good"


def _forged(world: World, key_id: str) -> str:
    claims: dict[str, str | int] = {"iss": ISSUER, "aud": "api", "iat": world.now, "exp": world.now + 600}
    world.kms.cancel_key_deletion(KeyId=key_id)
    world.kms.enable_key(KeyId=key_id)
    text = signing_input(public_jwk(world.kms.get_public_key(KeyId=key_id)["PublicKey"])["kid"], claims)
    answered = world.kms.sign(KeyId=key_id, Message=text, SigningAlgorithm="ECDSA_SHA_256", MessageType="RAW")
    return compact(text, answered["Signature"])


def test_f17_replacing_at_once_refuses_no_token_of_the_new_key(world: World) -> None:
    """The gateway has read the keys an hour ago at most, and knows the standby: it does not ask again."""
    time, answer = _gateway(world)
    assert answer(world.token()) == "good"
    world.command.replace_at_once()
    assert answer(world.token()) == "good"
    time.advance(1_000)
    assert answer(world.token()) == "good"


def test_a_compromised_key_is_replaced_at_once(world: World) -> None:
    old, old_id = world.signing, world.kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"]
    said = world.command.replace_at_once()
    assert f"signs now; a gateway refuses tokens of {old_id} when it reads the keys again" in said[0]
    assert world.signing != old
    assert old not in world.kids
    assert world.kms.describe_key(KeyId=old_id)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert len(world.kids) == 2, "and there is a standby again"
    before = world.text
    assert len(world.command.go_on()) == 1, "nothing is left under way"
    assert world.text == before


def test_two_keys_are_replaced_at_once_in_the_middle_of_a_rotation(world: World) -> None:
    first = world.signing
    world.command.begin()
    second = world.signing
    world.command.replace_at_once()
    assert not {first, second} & world.kids
    states = [world.kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"] for key in world.kms.list_keys()["Keys"]]
    assert sorted(one["KeyState"] for one in states) == ["Enabled", "Enabled", "PendingDeletion", "PendingDeletion"]


@pytest.mark.parametrize(("stale_reads", "waited_seconds"), [(3, 15), (1_000, 300)])
def test_kms_may_know_the_old_key_for_minutes(stale_reads: int, waited_seconds: int) -> None:
    world = KeyWorld()
    world.command().go_on()
    world.pass_seconds(PUBLISHED_SECONDS)
    old, described, left = world.key(""), world.kms.describe_key, stale_reads
    world.given_up.add(old.id)

    def stale(KeyId: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        nonlocal left
        if KeyId == ALIAS and world.key("").id != old.id and left:
            left -= 1
            return described(old.id)
        return described(KeyId)

    world.kms.describe_key = stale  # type: ignore[method-assign]
    with pytest.raises(TooLate, match="run `continue`") if left > 60 else nullcontext():
        world.command().replace_at_once()
    assert sum(world.clock.waited_seconds) == waited_seconds
    left = 0
    world.command().go_on()
    assert old.kid not in world.listed
    assert old.state == "PendingDeletion"


class Cut(Exception):
    """The process ended."""


@pytest.mark.parametrize("calls", range(14))
def test_replacing_at_once_may_be_cut_off_anywhere(calls: int) -> None:
    """Whatever was left to do, the function does: the old key signs on, or is on its way out."""
    world = KeyWorld()
    world.command().go_on()
    world.pass_seconds(PUBLISHED_SECONDS)
    old, left = world.key(""), calls
    world.given_up.add(old.id)

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                raise Cut
            return real(*arguments, **named)

        return call

    with pytest.MonkeyPatch.context() as patch, suppress(Cut):
        for name in ("create_key", "update_alias", "tag_resource", "schedule_key_deletion"):
            patch.setattr(world.kms, name, counted(getattr(world.kms, name)))
        patch.setattr(world.document, "write", counted(world.document.write))
        world.command().replace_at_once()
    signed_on = world.key("").id == old.id
    for _ in range(2):
        world.rotation().run()
        world.pass_seconds(HOUR)
    assert (old.kid in world.listed) is (old.state == "Enabled") is signed_on


def _applied(tmp_path: Path) -> list[str]:
    directory = tmp_path / "issuer"
    options = ["--stage=local", f"--issuer={ISSUER}", "--api=https://api.test", f"--directory={directory}"]
    apply_signing([*options, f"--pepper-file={tmp_path / 'pepper'}"])
    return [key["kid"] for key in json.loads((directory / "jwks.json").read_text())["keys"]]


def test_the_command_and_a_deployment_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA", str(tmp_path / "no-stack"))
    place = ["--stage", "local", "--documents", (tmp_path / "issuer").as_uri()]
    assert main(["continue", *place]) == 2
    assert "infra.signing" in capsys.readouterr().err
    assert main(["continue", "--stage", "local"]) == 1
    assert "NoSuchBucket" in capsys.readouterr().err, "without a stack the documents are in the stage's bucket"
    kids = _applied(tmp_path)
    assert len(kids) == 2, "a standby is published from the first day on"
    assert main(["begin", *place]) == 0
    assert "its successor may from" in capsys.readouterr().out
    assert _applied(tmp_path) == kids
    assert main(["continue", *place, "--every", "90"]) == 0
    assert main(["replace-at-once", *place]) == 0
    left = _applied(tmp_path)
    assert len(left) == 2
    assert len({*left} & {*kids}) == 1


def test_what_only_people_can_repair_is_said(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "jwks.json").write_bytes(world.text)
    world.kms.disable_key(KeyId=world.kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"])
    assert main(["continue", "--stage", "local", "--documents", tmp_path.as_uri()]) == 1
    assert "is Disabled: enable it in KMS" in capsys.readouterr().err


def test_a_fault_of_kms_is_not_taken_for_an_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "UpdateAlias")

    monkeypatch.setattr(world.kms, "update_alias", refuse)
    with pytest.raises(ClientError):
        world.command.begin()
