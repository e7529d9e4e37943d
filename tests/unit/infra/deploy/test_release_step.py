"""Releases: what serves is a version that has answered, and all functions go back together."""

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.deploy.__main__ import _functions
from infra.deploy.course import take
from infra.deploy.fault import DeployFault
from infra.deploy.release_step import ALIAS, PROBES, ReleaseStep
from infra.functions import function_rows
from tests.doubles.cut_off import Cut, cut_off
from tests.doubles.deploy_ground import ACCOUNT, FUNCTIONS, REGION, Ground, is_mended, package

SOME = {name: FUNCTIONS[name] for name in ("accounts", "projections", "verifier")}
"""As many as it takes: every call is one for each of them."""

ALL = list(SOME.values())
ONE, OTHER = FUNCTIONS["accounts"], FUNCTIONS["projections"]


class There:
    """Functions in the hands of somebody who changes them."""

    def __init__(self, ground: Ground) -> None:
        self.aws = ground.aws("lambda")

    def code(self, text: str, names: list[str] = ALL) -> None:
        for name in names:
            self.aws.update_function_code(FunctionName=name, ZipFile=package(text))

    def memory(self, size: int, name: str = ONE) -> None:
        self.aws.update_function_configuration(FunctionName=name, MemorySize=size)

    def alias(self, **changes: Any) -> None:
        self.aws.update_alias(FunctionName=ONE, Name=ALIAS, **changes)

    def live(self) -> dict[str, str]:
        rows = {name: self.aws.get_alias(FunctionName=name, Name=ALIAS) for name in ALL}
        return {name: row["FunctionVersion"] for name, row in rows.items()}


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.doubles.deploy_ground.FUNCTIONS", SOME)


@pytest.fixture
def there(ground: Ground) -> There:
    """Functions that have been released once."""
    ground.functions()
    take([ground.release()])
    return There(ground)


DRIFT: dict[str, tuple[Callable[[There], object], str]] = {
    "code of a function": (lambda at: at.code("2", [ONE]), f"{ONE}: live is version 1, which is not what was deployed last"),
    "memory": (lambda at: at.memory(1_024), "which is not what was deployed last"),
    "role": (
        lambda at: at.aws.update_function_configuration(FunctionName=ONE, Role=f"arn:aws:iam::{ACCOUNT}:role/admin"),
        "which is not what was deployed last",
    ),
    "alias gone": (lambda at: at.aws.delete_alias(FunctionName=ONE, Name=ALIAS), f"{ONE} has no alias live"),
    "alias on the code that was deployed last": (lambda at: at.alias(FunctionVersion="$LATEST"), "live is version $LATEST"),
    "alias without its release": (lambda at: at.alias(Description=""), "does not say that it belongs to the release"),
}  # fmt: skip


@pytest.mark.parametrize("kind", list(DRIFT))
def test_what_was_done_to_a_function_is_named_and_released(ground: Ground, there: There, kind: str) -> None:
    tampering, words = DRIFT[kind]
    tampering(there)
    is_mended(ground, ground.release(), words)


def test_an_alias_that_was_moved_is_moved_back(ground: Ground, there: There) -> None:
    there.code("2")
    take([ground.release()])
    there.alias(FunctionVersion="1")
    is_mended(ground, ground.release(), f"{ONE}: live is version 1, which is not")
    assert set(there.live().values()) == {"2"}
    there.alias(RoutingConfig={"AdditionalVersionWeights": {"1": 0.5}})
    is_mended(ground, ground.release(), f"{ONE}: live leads to other versions besides 2: {{'1': 0.5}}")
    assert ground.release().rollback()[0] == f"{ONE}: live is version 1 again, after 2", "the one before is still known"


def test_a_version_that_is_there_is_not_published_again(ground: Ground, there: There) -> None:
    there.aws.delete_alias(FunctionName=ONE, Name=ALIAS)
    take([ground.release()])
    assert there.live()[ONE] == "1"


def test_a_release_that_fails_every_request_serves_nobody(ground: Ground, there: There) -> None:
    there.code("2")
    ground.failing.add(ONE)
    with pytest.raises(DeployFault, match=f"{ONE}: version 2 does not start, so nothing was released"):
        ground.release().apply()
    assert set(there.live().values()) == {"1"}


def test_who_goes_back_needs_no_code_that_loads() -> None:
    assert set(_functions("local").values()) == {row["name"] for row in function_rows("local")}


def test_each_function_is_asked_something_of_its_own_or_nothing() -> None:
    assert {f"tollgate-local-{name}" for name in PROBES} == {row["name"] for row in function_rows("local")}


def test_a_release_that_does_not_start_serves_nobody(ground: Ground, there: There) -> None:
    there.code("2")
    ground.broken.add(OTHER)
    with pytest.raises(
        DeployFault, match=f"{OTHER}: version 2 does not start, so nothing was released; mend it: .*no module"
    ):
        take([ground.release()])
    assert set(there.live().values()) == {"1"}
    ground.broken.clear()
    take([ground.release()])
    assert set(there.live().values()) == {"2"}


def test_the_verifier_is_not_asked_and_what_stays_is_not_either(ground: Ground, there: There) -> None:
    assert sorted(ground.asked) == sorted(set(ALL) - {FUNCTIONS["verifier"]})
    ground.asked.clear()
    there.memory(1_024)
    take([ground.release()])
    assert ground.asked == [ONE]


# --- back -----------------------------------------------------------------------------------------------------------


def test_there_is_nothing_before_the_first_release(ground: Ground, there: There) -> None:
    with pytest.raises(DeployFault, match="there is no earlier release to go back to"):
        ground.release().rollback()


def test_all_go_back_to_the_release_before_also_those_that_it_left_alone(ground: Ground, there: There) -> None:
    there.code("2")
    take([ground.release()])
    there.memory(1_024)
    take([ground.release()])
    assert there.live() == dict.fromkeys(ALL, "2") | {ONE: "3"}
    said = ground.release().rollback()
    assert there.live() == dict.fromkeys(ALL, "2")
    assert said == [f"{ONE}: live is version 2 again, after 3", *(f"{name}: live stays version 2" for name in ALL[1:])]


def test_going_back_twice_stays_there_and_deploying_goes_forward(ground: Ground, there: There) -> None:
    there.code("2")
    take([ground.release()])
    ground.release().rollback()
    with pytest.raises(DeployFault, match="there is no earlier release"):
        ground.release().rollback()
    assert set(there.live().values()) == {"1"}
    is_mended(ground, ground.release(), f"{ONE}: live is version 1, which is not what was deployed last")
    assert set(there.live().values()) == {"2"}


@pytest.mark.parametrize("moves", [0, 1, 2])
def test_going_back_may_be_cut_off_and_said_again(ground: Ground, there: There, moves: int) -> None:
    there.code("2")
    take([ground.release()])
    with pytest.raises(Cut), cut_off(ground, "UpdateAlias", moves):
        ground.release().rollback()
    ground.release().rollback()
    assert set(there.live().values()) == {"1"}


@pytest.mark.parametrize("moves", [0, 1, 2])
def test_a_release_may_be_cut_off_and_gone_back_from(ground: Ground, there: There, moves: int) -> None:
    for text in ("2", "3"):
        there.code(text)
        if text == "2":
            take([ground.release()])
    with pytest.raises(Cut), cut_off(ground, "UpdateAlias", moves):
        ground.release().apply()
    ground.release().rollback()
    # Before any alias has moved, the last release is still the one before.
    assert set(there.live().values()) == {"2" if moves else "1"}


def test_a_version_that_is_gone_is_said_before_anything_moves(ground: Ground, there: There) -> None:
    there.code("2")
    take([ground.release()])
    there.aws.delete_function(FunctionName=OTHER, Qualifier="1")
    with pytest.raises(DeployFault, match=f"{OTHER} has no version 1 any more: deploy the earlier source instead"):
        ground.release().rollback()
    assert set(there.live().values()) == {"2"}


def test_two_releases_that_were_cut_off_are_not_guessed_at(ground: Ground, there: There) -> None:
    there.code("2")
    with pytest.raises(Cut), cut_off(ground, "UpdateAlias", 1):
        ground.release().apply()
    there.code("3")
    with pytest.raises(DeployFault, match="finish the last one with make deploy first"):
        ground.release().rollback()


def test_a_function_that_is_new_stays(ground: Ground, there: There) -> None:
    there.aws.delete_alias(FunctionName=ONE, Name=ALIAS)
    there.code("2")
    take([ground.release()])
    assert ground.release().rollback()[-1] == f"{ONE}: live stays version 2"


def test_an_empty_account_has_no_function(ground: Ground) -> None:
    assert ground.release().differences() == [f"{name} is missing" for name in ALL]
    assert ground.release().destroy() == []
    with pytest.raises(DeployFault, match=f"the function {ONE} has gone while it was deployed"):
        _released_alone(Gone())


# --- what the emulator does at once ---------------------------------------------------------------------------------


class Gone:
    """Lambda, in which a function is gone after somebody has waited for it."""

    def __init__(self) -> None:
        self.waited: list[str] = []

    def get_waiter(self, name: str) -> Any:
        self.waited.append(name)
        return self

    def wait(self, **_asked: Any) -> None:
        return None

    def get_function_configuration(self, **_asked: Any) -> Any:
        raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetFunctionConfiguration")


class Fake:
    account, region = ACCOUNT, REGION

    def __init__(self, client: Any) -> None:
        self.client = lambda _service: client


def _released_alone(client: Any) -> None:
    fake: Any = Fake(client)
    ReleaseStep(fake, {"accounts": ONE})._published(ONE)


def test_an_update_is_waited_for_before_it_is_published() -> None:
    gone = Gone()
    with pytest.raises(DeployFault):
        _released_alone(gone)
    assert gone.waited == ["function_updated_v2"]
