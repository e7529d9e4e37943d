"""A deployment as a whole: planned in words, taken step by step, cut off anywhere, read back, and taken away."""

from dataclasses import dataclass, field

import pytest
from botocore.exceptions import ClientError

from infra.deploy.course import destroy, plan, read_back, take
from infra.deploy.fault import DeployFault
from tests.doubles.cut_off import Cut, cut_off
from tests.doubles.deploy_ground import API, STAGE, Ground

REFUSED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "CreateRestApi")


@dataclass
class Planned:
    """A step that is as many differences away, and takes some of them away at a time."""

    name: str
    left: int = 0
    mends: int = 1
    fault: Exception | None = None
    done: list[str] = field(default_factory=list)

    def differences(self) -> list[str]:
        return [f"{self.name} lacks {number}" for number in range(self.left)]

    def apply(self) -> None:
        self.done.append(self.name)
        if self.fault:
            raise self.fault
        self.left -= self.mends

    def destroy(self) -> list[str]:
        self.done.append(f"no {self.name}")
        return [f"the {self.name}"]


class Later(Planned):
    """A step whose change is seen the third time it is looked for."""

    seen = 0

    def differences(self) -> list[str]:
        if self.done:
            self.seen += 1
        return [] if self.seen > 2 else [f"{self.name} lacks it"]


def test_a_plan_is_in_words_and_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    steps = [Planned("first", 2), Planned("second")]
    assert plan(steps) == 2
    assert not steps[0].done
    assert capsys.readouterr().out.splitlines() == [
        "        first  first lacks 0",
        "        first  first lacks 1",
        "       second  as defined",
        "2 differences",
    ]
    assert plan(steps[1:]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "nothing to change"


def test_only_what_differs_is_applied() -> None:
    steps = [Planned("first", 1), Planned("second")]
    assert take(steps) == 1
    assert [step.done for step in steps] == [["first"], []]


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was waited for, in no time."""
    waited: list[float] = []
    monkeypatch.setattr("infra.deploy.course.time.sleep", waited.append)
    return waited


def test_a_change_that_is_seen_a_little_later_is_waited_for(waits: list[float]) -> None:
    step = Later("role", 1)
    assert take([step]) == 1
    assert waits == [1, 2], "what is read twice as it was is right the third time"


@pytest.mark.usefixtures("waits")
def test_what_is_still_not_equal_is_named_and_nothing_comes_after_it() -> None:
    steps = [Planned("first", 3), Planned("second", 1)]
    with pytest.raises(
        DeployFault, match="first: what is there is still not what is defined:\n  first lacks 0\n  first lacks 1"
    ):
        take(steps)
    assert not steps[1].done


@pytest.mark.usefixtures("waits")
def test_what_a_later_step_undid_is_named() -> None:
    with pytest.raises(DeployFault, match="first: what is there"):
        read_back([Planned("first", 1)])


@pytest.mark.parametrize("fault", [REFUSED, OSError("no space left")])
def test_a_fault_in_the_middle_says_how_far_it_came_and_what_to_do(fault: Exception) -> None:
    with pytest.raises(DeployFault) as told:
        take([Planned("first", 1), Planned("second", 1, fault=fault)])
    said = str(told.value)
    assert said.startswith(f"second: {fault}; the steps before are done, this one may be half done")
    assert said.endswith("run this again, it goes on from there")
    assert "\n" not in said


def test_destroy_goes_backwards(capsys: pytest.CaptureFixture[str]) -> None:
    done: list[str] = []
    destroy([Planned("first", done=done), Planned("second", done=done)])
    assert done == ["no second", "no first"]
    assert capsys.readouterr().out.splitlines() == ["       second  the second", "        first  the first"]


# --- with the steps themselves --------------------------------------------------------------------------------------


@pytest.fixture
def account(ground: Ground) -> Ground:
    """Functions and tables, and nothing else yet."""
    ground.functions()
    ground.tables()
    return ground


def test_two_deployments_in_a_row_change_nothing_and_say_so(
    account: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    with account.watched() as made:
        assert plan(account.steps()) > 10
    assert not made, "a plan of everything changes nothing"
    take(account.steps())
    capsys.readouterr()
    with account.watched() as made:
        assert take(account.steps()) == 0
        read_back(account.steps())
    assert not made
    names = ("API's id", "release", "streams", "schedules", "permissions", "API", "stage", "usage plans")
    assert capsys.readouterr().out.splitlines() == [f"{name:>13}  as defined" for name in names]


def test_all_is_taken_away_and_an_empty_account_is_no_fault(
    account: Ground, capsys: pytest.CaptureFixture[str]
) -> None:
    take(account.steps())
    capsys.readouterr()
    destroy(account.steps())
    gone = capsys.readouterr().out
    for words in (
        f"the usage plan {API}-trial",
        "the event source commits to",
        f"the schedule {API}-verifier",
        "the API",
    ):
        assert words in gone
    assert not account.gateway.get_rest_apis()["items"]
    destroy(account.steps())
    assert not capsys.readouterr().out


def test_a_destruction_may_be_cut_off_and_said_again(account: Ground) -> None:
    take(account.steps())
    for changes in (0, 2, 5):
        with pytest.raises(Cut), cut_off(account, "", changes):
            destroy(account.steps())
    destroy(account.steps())
    assert not account.gateway.get_rest_apis()["items"]
    assert not account.aws("events").list_rules()["Rules"]


@pytest.mark.parametrize("changes", [0, 15, 30, 45, 59])
def test_a_deployment_may_be_cut_off_anywhere(account: Ground, changes: int) -> None:
    """Before its first change, before its 60th and last one, and between; the next one goes on, and ends equal."""
    api_id = account.gateway.create_rest_api(name=API, endpointConfiguration={"types": ["REGIONAL"]})["id"]
    with pytest.raises(Cut), cut_off(account, "", changes):
        take(account.steps())
    with pytest.raises(Cut), cut_off(account, "", 0):
        take(account.steps())
    take(account.steps())
    assert plan(account.steps()) == 0
    assert [row["id"] for row in account.gateway.get_rest_apis()["items"]] == [api_id]
    assert account.gateway.get_stage(restApiId=api_id, stageName=STAGE)
