"""The alarms, and the topic through which they ring."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from infra.deploy import compare
from infra.deploy.account import Account
from infra.resources import Resources
from infra.template import ALARM, Row, of_kind, topic_arn


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
        rows = self._cloudwatch.describe_alarms(AlarmNames=list(wanted), MaxRecords=100)["MetricAlarms"]
        return {row["AlarmName"]: {name: row.get(name) for name in wanted[row["AlarmName"]]} for row in rows}

    def _has_topic(self) -> bool:
        try:
            self._sns.get_topic_attributes(TopicArn=self._topic)
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NotFound", "NotFoundException"):
                return False
            raise
        return True

    def apply(self) -> None:
        """Put them: a topic or an alarm that is there is set anew."""
        self._sns.create_topic(Name=self.resources.alarm_topic)
        wanted = self._wanted()
        found = self._found(wanted)
        for name, row in wanted.items():
            if found.get(name) != row:
                self._cloudwatch.put_metric_alarm(**row)

    def destroy(self) -> list[str]:
        """Delete the alarms, and the topic with whoever listens to it."""
        names = list(self._found(self._wanted()))
        if names:
            self._cloudwatch.delete_alarms(AlarmNames=names)
        gone = [f"the alarm {name}" for name in names]
        if self._has_topic():
            self._sns.delete_topic(TopicArn=self._topic)
            gone.append(f"the topic {self.resources.alarm_topic}")
        return gone

    @property
    def _topic(self) -> str:
        return topic_arn(self.resources, self.account.where)

    @property
    def _cloudwatch(self) -> Any:
        return self.account.client("cloudwatch")

    @property
    def _sns(self) -> Any:
        return self.account.client("sns")
