"""Makes moto forget shard iterators: as shipped it keeps one for every GetRecords there ever was.

A poller asks ten times a second for as long as the stack runs. AWS lets an iterator live for 15 minutes; here the
newest ones live.
"""

from typing import Any, Final

from moto.dynamodbstreams.models import DynamoDBStreamsBackend

MOST: Final = 1_000

_get_records = DynamoDBStreamsBackend.get_records


def apply() -> None:
    """Replace GetRecords in this process; twice is once."""
    setattr(DynamoDBStreamsBackend, "get_records", _get_records_and_forget)  # noqa: B010 - mypy knows no such thing


def _get_records_and_forget(backend: DynamoDBStreamsBackend, iterator_arn: str, limit: int) -> dict[str, Any]:
    answer: dict[str, Any] = _get_records(backend, iterator_arn, limit)
    iterators = backend.shard_iterators  # in the order in which they were made
    for old in list(iterators)[: max(0, len(iterators) - MOST)]:
        del iterators[old]
    return answer
