"""Where records of what was done or given up go: queues and topics by their ARN.

Sources: AWS Lambda developer guide, "Retain discarded records for a DynamoDB event source in Lambda" and "Capturing
records of Lambda asynchronous invocations".
"""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

Deliver = Callable[[str, str], Awaitable[None]]
"""Brings a record (JSON) to the destination with this ARN."""

Bury = Callable[[str, str, Mapping[str, str]], Awaitable[None]]
"""Brings an event that was given up to the dead-letter queue or topic with this ARN, with what is said of it."""

_ARN = re.compile(r"arn:aws[a-z-]*:(?:sqs|sns):[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}")


def is_destination(arn: str) -> bool:
    """Tell whether this is a standard queue or topic; Lambda takes no FIFO ones."""
    return _ARN.fullmatch(arn) is not None


async def deliver(arn: str, body: str) -> None:
    """Bring a record to a queue or a topic. One that cannot be brought is printed and lost, as on AWS."""
    await bury(arn, body, {})


async def bury(arn: str, body: str, attributes: Mapping[str, str]) -> None:
    """Bring a message with these attributes, likewise."""
    # boto3 takes its time to import: only whoever gives something up waits for it.
    from emulator.lambdas.queue_client import send  # noqa: PLC0415

    try:
        await asyncio.to_thread(send, arn, body, attributes)
    except Exception as trouble:  # noqa: BLE001 - it must not keep from going on what was given up already
        sys.stderr.write(f"destination {arn}: {trouble}: {body}\n")


def instant(milliseconds: float) -> str:
    """Write an instant as records have it: 2026-11-23T10:00:00.000Z."""
    moment = datetime.fromtimestamp(milliseconds / 1_000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
