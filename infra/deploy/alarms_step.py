"""The alarms, and the topic through which they ring."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy import compare
from infra.deploy.account import Account
from infra.resources import Resources
from infra.template import ALARM, Row, alarm_name, of_kind, topic_arn


@dataclass(slots=True)
class AlarmsStep:
    """The topic and the alarms of a stage; who listens to the topic is not ours to say."""

    account: Account
    resources: Resources
    name: str = field(default="alarms", init=False)

    def differences(self) -> list[str]:
        """Compare each alarm with its description."""
        wanted = self._wanted()
        missing = [] if self._has_topic() else [f"the topic {self.resources.alarm_topic} is missing"]
        return [*missing, *compare.differences(wanted, self._found(wanted), "alarms")]

    def _wanted(self) -> dict[str, Row]:
        return {row["AlarmName"]: row for row in of_kind(self.resources, self.account.where, ALARM)}

    def _found(self, wanted: Mapping[str, Row]) -> dict[str, Row]:
        """The alarms of the stage, and those that the definitions lost: they ring through its topic."""
        prefix = alarm_name(self.resources, "")
        answers = self._cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
        rows = {row["AlarmName"]: row for answer in answers for row in answer["MetricAlarms"]}
        return {
            name: _as_described(row, wanted.get(name, {}))
            for name, row in rows.items()
            if name in wanted or self._topic in row.get("AlarmActions", ())
        }

    def _has_topic(self) -> bool:
        try:
            self._sns.get_topic_attributes(TopicArn=self._topic)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NotFound", "NotFoundException"):
                return False
            raise
        return True

    def apply(self) -> None:
        """Put them: a topic or an alarm that is there is set anew. Alarms that the definitions lost go."""
        self._sns.create_topic(Name=self.resources.alarm_topic)
        wanted = self._wanted()
        found = self._found(wanted)
        for name, row in wanted.items():
            if found.get(name) != row:
                self._cloudwatch.put_metric_alarm(**row)
        self._delete([name for name in found if name not in wanted])

    def destroy(self) -> list[str]:
        """Delete the alarms, and the topic with whoever listens to it."""
        names = list(self._found(self._wanted()))
        self._delete(names)
        gone = [f"the alarm {name}" for name in names]
        if self._has_topic():
            self._sns.delete_topic(TopicArn=self._topic)
            gone.append(f"the topic {self.resources.alarm_topic}")
        return gone

    def _delete(self, names: list[str]) -> None:
        if names:
            self._cloudwatch.delete_alarms(AlarmNames=names)

    @property
    def _topic(self) -> str:
        return topic_arn(self.resources, self.account.where)

    @property
    def _cloudwatch(self) -> Any:
        return self.account.client("cloudwatch")

    @property
    def _sns(self) -> Any:
        return self.account.client("sns")


def _as_described(row: Mapping[str, Any], wanted: Row) -> Row:
    """An alarm in the words of its description, and with fewer points than periods if it asks for fewer."""
    points = row.get("DatapointsToAlarm")
    fewer = {} if points in (None, row.get("EvaluationPeriods")) else {"DatapointsToAlarm": points}
    return {**{name: row.get(name) for name in wanted}, **fewer}
