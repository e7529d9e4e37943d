"""What starts functions: streams without a limit, with their filters, and rules that are on."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.deploy.course import take
from infra.deploy.fault import DeployFault
from infra.deploy.sources_step import SchedulesStep, StreamsStep
from infra.resources import read_resources
from tests.doubles.deploy_ground import ACCOUNT, FUNCTIONS, REGION, SCHEDULED, STAGE, Ground, is_mended

RULE = FUNCTIONS["verifier"]
ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"


class There:
    """Deployed sources in the hands of somebody who changes them."""

    def __init__(self, ground: Ground) -> None:
        self.functions, self.events = ground.aws("lambda"), ground.aws("events")

    def mapping(self, table: str = "ledger") -> dict[str, Any]:
        rows = self.functions.list_event_source_mappings()["EventSourceMappings"]
        return next(row for row in rows if f"-{table}/" in row["EventSourceArn"])

    def edit(self, **changes: Any) -> None:
        self.functions.update_event_source_mapping(UUID=self.mapping()["UUID"], **changes)

    def from_now_on(self) -> None:
        """The mapping anew, from the latest record on."""
        row = self.mapping()
        self.functions.delete_event_source_mapping(UUID=row["UUID"])
        kept = ("EventSourceArn", "BatchSize", "MaximumBatchingWindowInSeconds", "FilterCriteria")
        given = {name: row[name] for name in (*kept, "BisectBatchOnFunctionError", "FunctionResponseTypes")}
        function = row["FunctionArn"]
        self.functions.create_event_source_mapping(FunctionName=function, StartingPosition="LATEST", **given)

    def another_reader(self, function: str) -> None:
        self.functions.create_event_source_mapping(
            FunctionName=function, EventSourceArn=self.mapping()["EventSourceArn"], StartingPosition="LATEST"
        )

    def reading_elsewhere(self) -> None:
        """The function follows another table besides: the one before a restore."""
        here = self.mapping()
        self.functions.create_event_source_mapping(
            FunctionName=here["FunctionArn"],
            EventSourceArn=here["EventSourceArn"].replace("-ledger/", "-ledger-1/"),
            StartingPosition="TRIM_HORIZON",
        )

    def rule(self, **changes: Any) -> None:
        self.events.put_rule(**{"Name": RULE, "ScheduleExpression": "rate(1 hour)", **changes})

    def target(self, name: str = "function", **changes: Any) -> None:
        self.events.put_targets(Rule=RULE, Targets=[{"Id": name, "Arn": f"{ARN}{RULE}:live", **changes}])

    def failing(self, **changes: Any) -> None:
        old = self.functions.get_function_event_invoke_config(FunctionName=RULE, Qualifier="live")
        kept = {name: old[name] for name in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig")}
        self.functions.put_function_event_invoke_config(
            **{"FunctionName": RULE, "Qualifier": "live", **kept, **changes}
        )

    def spare_rule(self) -> None:
        self.events.put_rule(Name=f"tollgate-{STAGE}-spare", ScheduleExpression="rate(1 minute)")
        self.events.put_targets(Rule=f"tollgate-{STAGE}-spare", Targets=[{"Id": "x", "Arn": f"{ARN}{RULE}"}])


EVERYTHING = json.dumps({"dynamodb": {"NewImage": {}}})
STREAM_DRIFT: dict[str, tuple[Callable[[There], object], str]] = {
    "disabled": (lambda at: at.edit(Enabled=False), "ledger to projections: enabled is False"),
    "deleted": (lambda at: at.functions.delete_event_source_mapping(UUID=at.mapping()["UUID"]), "ledger to projections is missing"),
    "filter removed": (lambda at: at.edit(FilterCriteria={"Filters": []}), "ledger to projections: filters is []"),
    "filter widened": (lambda at: at.edit(FilterCriteria={"Filters": [{"Pattern": EVERYTHING}]}), "filters is [{'dynamodb'"),
    "records given up": (lambda at: at.edit(MaximumRetryAttempts=1), "MaximumRetryAttempts is 1"),
    "records too old": (lambda at: at.edit(MaximumRecordAgeInSeconds=60), "MaximumRecordAgeInSeconds is 60"),
    "failures sent away": (
        lambda at: at.edit(DestinationConfig={"OnFailure": {"Destination": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"}}),
        ":q' and should be ''",
    ),
    "no partial answers": (lambda at: at.edit(FunctionResponseTypes=[]), "FunctionResponseTypes is []"),
    "no bisecting": (lambda at: at.edit(BisectBatchOnFunctionError=False), "BisectBatchOnFunctionError is False"),
    "smaller batches": (lambda at: at.edit(BatchSize=1), "BatchSize is 1"),
    "another window": (lambda at: at.edit(MaximumBatchingWindowInSeconds=300), "MaximumBatchingWindowInSeconds is 300"),
    "from now on": (There.from_now_on, "StartingPosition is 'LATEST'"),
    "the code that was deployed last": (lambda at: at.edit(FunctionName=FUNCTIONS["projections"]), "ledger to projections is missing"),
    "another reader": (lambda at: at.another_reader(FUNCTIONS["accounts"]), f"ledger to {FUNCTIONS['accounts']} is there"),
    "a table of before": (There.reading_elsewhere, "-ledger-1/stream/"),
}  # fmt: skip

RULE_DRIFT: dict[str, tuple[Callable[[There], object], str]] = {
    "disabled": (lambda at: at.events.disable_rule(Name=RULE), "verifier: enabled is False"),
    "slower": (lambda at: at.rule(ScheduleExpression="rate(1 day)"), "verifier: rate is 'rate(1 day)'"),
    "another function": (lambda at: at.target(Arn=f"{ARN}{FUNCTIONS['accounts']}:live"), "targets: function: Arn is"),
    "the code that was deployed last": (lambda at: at.target(Arn=f"{ARN}{RULE}"), "targets: function: Arn is"),
    "another event": (lambda at: at.target(Input='{"tenant": "x"}'), "targets: function: Input is there"),
    "a second target": (lambda at: at.target("second"), "targets: second is there"),
    "no target": (lambda at: at.events.remove_targets(Rule=RULE, Ids=["function"]), "targets: function is missing"),
    "a rule more": (There.spare_rule, "schedules: spare is there"),
    "no repetition": (lambda at: at.failing(MaximumRetryAttempts=0), "verifier: attempts is 0"),
    "events too old": (lambda at: at.failing(MaximumEventAgeInSeconds=60), "verifier: oldest_seconds is 60"),
    "no dead letters": (lambda at: at.failing(DestinationConfig={}), "verifier: dead letters is ''"),
    "answers sent away": (
        lambda at: at.failing(DestinationConfig={"OnSuccess": {"Destination": f"arn:aws:sqs:{REGION}:{ACCOUNT}:q"}}),
        "verifier: after success is",
    ),
    "no configuration": (
        lambda at: at.functions.delete_function_event_invoke_config(FunctionName=RULE, Qualifier="live"),
        "verifier: attempts is None",
    ),
}  # fmt: skip


@pytest.fixture
def deployed(mocked: Ground) -> Ground:
    """Functions and what starts them; a test leaves them equal."""
    if mocked.stands != "functions" or any(step.differences() for step in (mocked.streams(), mocked.schedules())):
        mocked.again()
    return mocked


@pytest.mark.parametrize("kind", list(STREAM_DRIFT))
def test_what_was_done_to_a_stream_is_named_and_undone(deployed: Ground, kind: str) -> None:
    tampering, words = STREAM_DRIFT[kind]
    tampering(There(deployed))
    is_mended(deployed, deployed.streams(), words)
    assert len(deployed.aws("lambda").list_event_source_mappings()["EventSourceMappings"]) == 2


@pytest.mark.parametrize("kind", list(RULE_DRIFT))
def test_what_was_done_to_a_rule_is_named_and_undone(deployed: Ground, kind: str) -> None:
    tampering, words = RULE_DRIFT[kind]
    tampering(There(deployed))
    is_mended(deployed, deployed.schedules(), words)


def test_a_rule_that_starts_something_else_is_not_ours(deployed: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    """The emulator's rules start functions only: the answer is one of AWS."""
    There(deployed).spare_rule()
    deployed.stands = ""
    step = deployed.schedules()
    monkeypatch.setattr(type(step), "_targets", lambda _self, _function: [{"Id": "x", "Arn": "arn:aws:codebuild:x"}])
    assert step._lost() == []


def test_an_empty_account_lacks_them_all_and_has_nothing_to_destroy(ground: Ground) -> None:
    assert ground.streams().differences() == [
        "streams: commits to projections is missing", "streams: ledger to projections is missing",
    ]  # fmt: skip
    assert ground.schedules().differences() == [f"schedules: {name} is missing" for name in SCHEDULED]
    assert ground.streams().destroy() == ground.schedules().destroy() == []


def test_a_stream_of_no_table_is_said_with_what_to_do(ground: Ground) -> None:
    with pytest.raises(
        DeployFault, match=r"the table tollgate-dev-commits is not there, or has no stream: make it first"
    ):
        take([ground.streams()])


def test_destroy_says_what_has_gone_and_may_be_said_twice(deployed: Ground) -> None:
    deployed.stands = ""
    There(deployed).spare_rule()
    assert deployed.streams().destroy() == [
        "the event source commits to projections", "the event source ledger to projections",
    ]  # fmt: skip
    assert deployed.schedules().destroy() == [f"the schedule tollgate-{STAGE}-{name}" for name in (*SCHEDULED, "spare")]
    assert deployed.streams().destroy() == deployed.schedules().destroy() == []


# --- what the emulator does at once ---------------------------------------------------------------------------------


class Slow:
    """Lambda, which takes its time to delete a mapping: it is gone when it was asked for so many times."""

    def __init__(self, asked: int) -> None:
        self.left, self.made = asked, list[str]()

    def delete_event_source_mapping(self, **_asked: Any) -> None:
        self.made.append("delete")

    def get_event_source_mapping(self, **_asked: Any) -> None:
        self.left -= 1
        if self.left < 0:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetEventSourceMapping")


class Fake:
    """An account with this Lambda, and these events."""

    account, region = ACCOUNT, REGION

    def __init__(self, client: Any) -> None:
        self.client = lambda _service: client


def test_a_mapping_is_waited_for_until_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr("infra.deploy.sources_step.time.sleep", waits.append)
    fake: Any = Fake(Slow(3))
    step = StreamsStep(fake, read_resources(STAGE))
    step._delete({"UUID": "x"})
    assert len(waits) == 3
    fake.client = lambda _service: Slow(1_000)
    with pytest.raises(DeployFault, match="x is still being deleted: run this again in a minute"):
        step._delete({"UUID": "x"})


def test_a_target_that_is_not_taken_is_said(deployed: Ground, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed.stands = ""
    step = SchedulesStep(deployed.account, deployed.resources)
    deployed.aws("events").remove_targets(Rule=RULE, Ids=["function"])
    answer = {"FailedEntryCount": 1, "FailedEntries": [{"ErrorMessage": "it is full"}]}
    monkeypatch.setattr(deployed.aws("events"), "put_targets", lambda **_asked: answer)
    with pytest.raises(DeployFault, match="has no target: it is full"):
        step.apply()
