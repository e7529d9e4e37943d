"""The queue of dead letters: where an event goes that has failed for good."""

from dataclasses import dataclass, field
from typing import Any, Final

from botocore.exceptions import ClientError

from infra.deploy import compare
from infra.deploy.account import Account
from infra.resources import Resources
from infra.template import QUEUE, Row, of_kind

_GONE: Final = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")
_ATTRIBUTES: Final = ("MessageRetentionPeriod", "SqsManagedSseEnabled")


@dataclass(slots=True)
class QueueStep:
    """The queue; one with letters in it is not deleted unread."""

    account: Account
    resources: Resources
    give_up_ledger: bool = False
    name: str = field(default="dead letters", init=False)

    def differences(self) -> list[str]:
        """Compare it with its description."""
        wanted, url = self._wanted, self._url()
        if url is None:
            return [f"the queue {wanted['QueueName']} is missing"]
        return list(compare.differences(wanted, self._found(url), "dead letters"))

    @property
    def _wanted(self) -> Row:
        (row,) = of_kind(self.resources, self.account.where, QUEUE)
        return row

    def _url(self) -> str | None:
        try:
            return str(self._sqs.get_queue_url(QueueName=self.resources.dead_letters)["QueueUrl"])
        except ClientError as error:
            if error.response["Error"]["Code"] in _GONE:
                return None
            raise

    def _found(self, url: str) -> Row:
        there = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return {
            "QueueName": self.resources.dead_letters,
            "MessageRetentionPeriod": int(there["MessageRetentionPeriod"]),
            "SqsManagedSseEnabled": there.get("SqsManagedSseEnabled") == "true",
        }

    def apply(self) -> None:
        """Create it, or set what differs."""
        wanted, url = self._wanted, self._url()
        attributes = {name: _text(wanted[name]) for name in _ATTRIBUTES}
        if url is None:
            self._sqs.create_queue(QueueName=wanted["QueueName"], Attributes=attributes)
        else:
            self._sqs.set_queue_attributes(QueueUrl=url, Attributes=attributes)

    def destroy(self) -> list[str]:
        """Delete it, unless somebody has yet to read what is in it."""
        url = self._url()
        if url is None:
            return []
        name, letters = self.resources.dead_letters, self._letters(url)
        if letters and self.resources.keeps_money and not self.give_up_ledger:
            return [f"(stays: the queue {name} with {letters} dead letters; read them first)"]
        self._sqs.delete_queue(QueueUrl=url)
        return [f"the queue {name}"]

    def _letters(self, url: str) -> int:
        counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        there = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(counts))["Attributes"]
        return sum(int(there[name]) for name in counts)

    @property
    def _sqs(self) -> Any:
        return self.account.client("sqs")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
