"""Rotating the signing key (O14, F17): no token that is good is refused, and none of a key that is gone is accepted."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.kernel.jwk import Jwk, public_jwk
from chalicelib.settings import LONGEST_TOKEN_SECONDS
from chalicelib.tokens.jose import compact, signing_input
from emulator.definition import JwtAuthorizer, TrustedIssuer
from emulator.gateway.context import Verified
from emulator.gateway.jws import InvalidToken
from emulator.gateway.jwt_judge import JwtJudge
from emulator.keyset import CACHED_MS, KeySet
from infra.resources import read_resources
from infra.rotation import KEPT_SECONDS, PUBLISHED_SECONDS, Rotation, main
from infra.signing import main as apply_signing
from tests.doubles.gateway import HandClock

pytestmark = pytest.mark.usefixtures("aws")

ALIAS = read_resources("local").signing_key
ISSUER = "https://issuer.test"
HOUR = 3_600
START = 1_800_000_000


@dataclass
class World:
    """A stage's keys, the document that is served, and the time."""

    now: int = START
    published: list[Jwk] = field(default_factory=list)
    kms: Any = field(default_factory=lambda: boto3.client("kms"))

    def rotation(self, kms: Any = None) -> Rotation:
        return Rotation(kms or self.kms, ALIAS, self.publish, self.now)

    def publish(self, keys: list[Jwk]) -> None:
        self.published = keys

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
    """A stage whose key signs and is published."""
    found = World()
    found.rotation().go_on()
    return found


def test_o14_a_key_is_published_for_an_hour_before_it_signs(world: World) -> None:
    old = world.signing
    (said,) = world.rotation().begin()
    assert "signs from 2027-01-15 09:00:00 UTC on" in said
    assert len(world.kids) == 2
    world.now += PUBLISHED_SECONDS - 1
    world.rotation().go_on()
    assert world.signing == old
    world.now += 1
    world.rotation().go_on()
    assert world.signing != old
    assert world.kids == {old, world.signing}, "tokens of the old one are about"


def test_o14_a_key_is_kept_until_its_last_token_has_expired(world: World) -> None:
    old_id = world.kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"]
    world.rotation().begin()
    world.now += PUBLISHED_SECONDS
    world.rotation().go_on()
    world.now += KEPT_SECONDS - 1
    world.rotation().go_on()
    assert len(world.kids) == 2
    world.now += 1
    said = world.rotation().go_on()
    assert said[0] == f"{old_id} is gone"
    assert world.kids == {world.signing}
    assert world.kms.describe_key(KeyId=old_id)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert world.rotation().go_on() == [said[1]], "and nothing more to do"


def test_beginning_twice_begins_once(world: World) -> None:
    world.rotation().begin()
    world.now += 60
    world.rotation().begin()
    assert len(world.kids) == 2
    assert len(world.kms.list_keys()["Keys"]) == 2


class Cut(Exception):
    """The process ended."""


class CutOff:
    """KMS, until so many changes were made; then the process ends before the next one, or right after it."""

    CHANGES = frozenset({"create_key", "create_alias", "update_alias", "delete_alias", "tag_resource"})

    def __init__(self, kms: Any, changes: int, *, after: bool) -> None:
        self.kms, self.left, self.after = kms, changes, after

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.kms, name)
        if name not in self.CHANGES and name != "schedule_key_deletion":
            return real

        def change(**arguments: Any) -> Any:
            if self.left == 0 and not self.after:
                raise Cut(name)
            answer = real(**arguments)
            if self.left == 0:
                raise Cut(name)
            self.left -= 1
            return answer

        return change


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("changes", range(12))
def test_a_run_may_be_cut_off_anywhere(world: World, changes: int, after: bool) -> None:
    """At any moment what signs is published, and the next runs bring it to its end."""
    old, cut = world.signing, CutOff(world.kms, changes, after=after)
    world_rotations: list[Callable[[Rotation], list[str]]] = [Rotation.begin, *[Rotation.go_on] * 6]
    for number, act in enumerate(world_rotations):
        try:
            act(world.rotation(cut if cut.left >= 0 else None))
        except Cut:
            cut.left = -1
            assert world.signing in world.kids
            act(world.rotation())
        assert world.signing in world.kids, number
        world.now += HOUR
    assert world.signing != old
    assert world.kids == {world.signing}
    aliases = {one["AliasName"] for one in world.kms.list_aliases()["Aliases"]}
    assert {name for name in aliases if name.startswith(ALIAS)} == {ALIAS}


def _gateway(world: World) -> tuple[HandClock, Callable[[str], str]]:
    """A gateway that reads the published keys as the real one does; answers `good` or why not."""
    time = HandClock(world.now * 1_000)

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
            world.rotation().begin()
        kids.add(world.signing)
        token = world.token()
        assert answer(token) == "good", minute
        assert not before or answer(before) == "good", minute
        before = token
        world.now += 300
        time.advance(300_000)
    assert len(kids) > 4, "it has been rotated"


def test_f17_a_key_that_is_gone_signs_nothing_any_more(world: World) -> None:
    time, answer = _gateway(world)
    thief = world.token()
    stolen = world.kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["KeyId"]
    for seconds in (0, PUBLISHED_SECONDS, KEPT_SECONDS):
        world.now += seconds
        time.advance(seconds * 1_000)
        world.rotation().begin() if not seconds else world.rotation().go_on()
    time.advance(CACHED_MS)
    world.now += CACHED_MS // 1_000
    claims: dict[str, str | int] = {"iss": ISSUER, "aud": "api", "iat": world.now, "exp": world.now + 600}
    world.kms.cancel_key_deletion(KeyId=stolen)
    world.kms.enable_key(KeyId=stolen)
    text = signing_input(public_jwk(world.kms.get_public_key(KeyId=stolen)["PublicKey"])["kid"], claims)
    answered = world.kms.sign(KeyId=stolen, Message=text, SigningAlgorithm="ECDSA_SHA_256", MessageType="RAW")
    assert answer(compact(text, answered["Signature"])) == "the token's key is not known"
    assert answer(thief) != "good"


def test_a_compromised_key_is_replaced_at_once(world: World) -> None:
    world.rotation().begin()
    world.now += 60
    old = world.signing
    world.rotation().replace_at_once()
    assert world.signing != old
    assert world.kids == {world.signing}
    assert len(world.rotation().go_on()) == 1, "nothing is left under way"
    assert world.kids == {world.signing}


def test_a_schedule_begins_when_the_key_is_old_enough(world: World) -> None:
    created = world.kms.describe_key(KeyId=ALIAS)["KeyMetadata"]["CreationDate"].timestamp()
    world.now = int(created) + 90 * 24 * HOUR - HOUR
    world.rotation().begin_if_older(90)
    assert len(world.kids) == 1
    world.now += 2 * HOUR
    world.rotation().begin_if_older(90)
    assert len(world.kids) == 2


def _applied(tmp_path: Path) -> list[str]:
    directory = tmp_path / "issuer"
    options = ["--stage=local", f"--issuer={ISSUER}", "--api=https://api.test", f"--directory={directory}"]
    apply_signing([*options, f"--pepper-file={tmp_path / 'pepper'}"])
    return [key["kid"] for key in json.loads((directory / "jwks.json").read_text())["keys"]]


def test_the_command_and_a_deployment_in_between(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATA", str(tmp_path / "no-stack"))
    place = ["--stage", "local", "--directory", str(tmp_path / "issuer")]
    assert main(["continue", *place]) == 2
    assert "infra.signing" in capsys.readouterr().err
    (signing,) = _applied(tmp_path)
    assert main(["begin", *place]) == 0
    assert "is published, and signs from" in capsys.readouterr().out
    assert len(_applied(tmp_path)) == 2, "a deployment forgets no key that is about to sign"
    assert main(["continue", *place, "--every", "90"]) == 0
    assert main(["replace-at-once", *place]) == 0
    (left,) = _applied(tmp_path)
    assert left != signing


def test_a_fault_of_kms_is_not_taken_for_an_answer(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: Any) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "CreateAlias")

    monkeypatch.setattr(world.kms, "create_alias", refuse)
    with pytest.raises(ClientError):
        world.rotation().begin()
